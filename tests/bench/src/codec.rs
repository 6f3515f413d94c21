//! Reading replies and writing a request: the Rust programs.
//!
//! What is counted in reading: find the end of the reply, then visit every element once.

use std::{fs, hint::black_box, time::Instant};

use redis_protocol::resp2::{
    decode::decode_range,
    encode::encode_borrowed,
    types::{BorrowedFrame, RangeFrame},
};

use crate::{Failure, Outcome, inputs::QUEUE};

/// Decodes the frame in file `frame` `count` times and prints ns an operation.
pub(crate) fn decode(who: &str, frame: &str, count: u32) -> Outcome {
    let bytes = fs::read(frame)?;
    // Kept from reply to reply, as its connection keeps it.
    let mut parser = redis::Parser::new();
    let before = Instant::now();
    let mut sum = 0_usize;
    for _ in 0..count {
        let frame = black_box(bytes.as_slice());
        sum = sum.wrapping_add(match who {
            "redis_rs" => visit_value(&parser.parse_value(frame)?),
            "redis_protocol" => decode_ranges(frame)?,
            _ => return Err(Failure::NotBuilt),
        });
    }
    print_ns(before, count);
    eprintln!("sum {}", black_box(sum));
    Ok(())
}

/// Encodes one RPUSH of the value in file `value` `count` times and prints ns an operation.
pub(crate) fn encode(who: &str, value: &str, count: u32) -> Outcome {
    let value = fs::read(value)?;
    let mut buffer = Vec::with_capacity(1024);
    let before = Instant::now();
    let mut sum = 0_usize;
    for _ in 0..count {
        let value = black_box(value.as_slice());
        sum = sum.wrapping_add(match who {
            "redis_rs" => encode_redis_rs(value, &mut buffer),
            "redis_protocol" => encode_redis_protocol(value, &mut buffer)?,
            _ => return Err(Failure::NotBuilt),
        });
        black_box(&mut buffer);
    }
    print_ns(before, count);
    eprintln!("sum {}", black_box(sum));
    Ok(())
}

pub(crate) fn print_ns(before: Instant, count: u32) {
    println!(
        "ns {:.1}",
        before.elapsed().as_secs_f64() * 1e9 / f64::from(count)
    );
}

/// Touches every element: its length and its first byte.
fn visit_value(value: &redis::Value) -> usize {
    match value {
        redis::Value::BulkString(bytes) => visit_bytes(bytes),
        redis::Value::Array(elements) => elements.iter().map(visit_value).sum(),
        _ => 1,
    }
}

fn visit_bytes(bytes: &[u8]) -> usize {
    bytes.len() + bytes.first().map_or(0, |&first| usize::from(first))
}

fn decode_ranges(bytes: &[u8]) -> Result<usize, Failure> {
    let Some((frame, length)) = decode_range(bytes)? else {
        return Err(Failure::Broken("an incomplete frame".to_owned()));
    };
    Ok(length + visit_ranges(&frame, bytes))
}

fn visit_ranges(frame: &RangeFrame, bytes: &[u8]) -> usize {
    match frame {
        &RangeFrame::BulkString((start, end)) => visit_bytes(&bytes[start..end]),
        RangeFrame::Array(elements) => elements.iter().map(|e| visit_ranges(e, bytes)).sum(),
        _ => 1,
    }
}

fn encode_redis_rs(value: &[u8], buffer: &mut Vec<u8>) -> usize {
    buffer.clear();
    redis::cmd("RPUSH")
        .arg(QUEUE)
        .arg(value)
        .write_packed_command(buffer);
    buffer.len()
}

fn encode_redis_protocol(value: &[u8], buffer: &mut Vec<u8>) -> Result<usize, Failure> {
    let words = [
        BorrowedFrame::BulkString(b"RPUSH"),
        BorrowedFrame::BulkString(QUEUE.as_bytes()),
        BorrowedFrame::BulkString(value),
    ];
    // It writes into a slice: the buffer keeps its full length.
    buffer.resize(buffer.capacity(), 0);
    Ok(encode_borrowed(
        buffer,
        &BorrowedFrame::Array(&words),
        false,
    )?)
}

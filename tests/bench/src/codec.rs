//! Reading replies and writing a request: the Rust programs.
//!
//! What is counted in reading: find the end of the reply, then visit every element once.

use std::{fs, hint::black_box, time::Instant};

use redis_ipc_core::{
    resp::{Reply, Scanner, request},
    write::Writer,
};
use redis_protocol::resp2::{
    decode::decode_range,
    encode::encode_borrowed,
    types::{BorrowedFrame, RangeFrame},
};

use crate::{Failure, Outcome, inputs::QUEUE};

/// Decodes the frame in file `frame` `count` times and prints ns an operation.
pub(crate) fn decode(who: &str, frame: &str, count: u32) -> Outcome {
    let bytes = fs::read(frame)?;
    // Kept from reply to reply, as a connection keeps them.
    let mut scanner = Scanner::default();
    let mut parser = redis::Parser::new();
    match who {
        "ours" => timed(count, || decode_ours(&mut scanner, black_box(&bytes))),
        "redis_rs" => timed(count, || {
            Ok(visit_value(&parser.parse_value(black_box(&bytes[..]))?))
        }),
        "redis_protocol" => timed(count, || decode_ranges(black_box(&bytes))),
        _ => Err(Failure::NotBuilt),
    }
}

/// Encodes one RPUSH of the value in file `value` `count` times and prints ns an operation.
pub(crate) fn encode(who: &str, value: &str, count: u32) -> Outcome {
    let value = fs::read(value)?;
    let mut fixed = [0; 1024];
    let mut growing = Vec::with_capacity(1024);
    match who {
        "ours" => timed(count, || {
            encode_ours(black_box(&value), black_box(&mut fixed))
        }),
        "redis_rs" => timed(count, || {
            Ok(encode_redis_rs(black_box(&value), black_box(&mut growing)))
        }),
        "redis_protocol" => timed(count, || {
            encode_redis_protocol(black_box(&value), black_box(&mut fixed))
        }),
        _ => Err(Failure::NotBuilt),
    }
}

/// Does `operation` `count` times and prints ns an operation. A loop of its own for each program,
/// so that none is compiled less well for standing beside the others.
#[inline(always)]
pub(crate) fn timed(count: u32, mut operation: impl FnMut() -> Result<usize, Failure>) -> Outcome {
    let before = Instant::now();
    let mut sum = 0_usize;
    for _ in 0..count {
        sum = sum.wrapping_add(operation()?);
    }
    let elapsed = before.elapsed().as_secs_f64();
    println!("ns {:.1}", elapsed * 1e9 / f64::from(count));
    eprintln!("sum {}", black_box(sum));
    Ok(())
}

fn decode_ours(scanner: &mut Scanner, bytes: &[u8]) -> Result<usize, Failure> {
    let Some(length) = scanner.scan(bytes)? else {
        return Err(incomplete());
    };
    Ok(length + visit_reply(&Reply::parse(&bytes[..length])))
}

#[inline]
fn visit_reply(reply: &Reply<'_>) -> usize {
    let Some(elements) = reply.elements() else {
        return reply.bytes().map_or(1, visit_bytes);
    };
    let visit = |element: Reply<'_>| match element {
        Reply::Bulk(bytes) => visit_bytes(bytes),
        nested => visit_reply(&nested),
    };
    elements.map(visit).sum()
}

fn encode_ours(value: &[u8], buffer: &mut [u8]) -> Result<usize, Failure> {
    let mut writer = Writer::new(buffer);
    request::array(&mut writer, 3);
    request::bulk(&mut writer, b"RPUSH");
    request::bulk(&mut writer, QUEUE.as_bytes());
    request::bulk(&mut writer, value);
    Ok(writer.finish()?.len())
}

fn incomplete() -> Failure {
    Failure::Broken("an incomplete frame".to_owned())
}

// The visitors touch every element, its length and its first byte. All have one shape: bulks, which
// is what elements mostly are, without a call.

#[inline]
fn visit_value(value: &redis::Value) -> usize {
    let visit = |element: &redis::Value| match element {
        redis::Value::BulkString(bytes) => visit_bytes(bytes),
        nested => visit_value(nested),
    };
    match value {
        redis::Value::BulkString(bytes) => visit_bytes(bytes),
        redis::Value::Array(elements) => elements.iter().map(visit).sum(),
        _ => 1,
    }
}

fn visit_bytes(bytes: &[u8]) -> usize {
    bytes.len() + bytes.first().map_or(0, |&first| usize::from(first))
}

fn decode_ranges(bytes: &[u8]) -> Result<usize, Failure> {
    let Some((frame, length)) = decode_range(bytes)? else {
        return Err(incomplete());
    };
    Ok(length + visit_ranges(&frame, bytes))
}

#[inline]
fn visit_ranges(frame: &RangeFrame, bytes: &[u8]) -> usize {
    let visit = |element: &RangeFrame| match element {
        &RangeFrame::BulkString((start, end)) => visit_bytes(&bytes[start..end]),
        nested => visit_ranges(nested, bytes),
    };
    match frame {
        &RangeFrame::BulkString((start, end)) => visit_bytes(&bytes[start..end]),
        RangeFrame::Array(elements) => elements.iter().map(visit).sum(),
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

fn encode_redis_protocol(value: &[u8], buffer: &mut [u8]) -> Result<usize, Failure> {
    let words = [
        BorrowedFrame::BulkString(b"RPUSH"),
        BorrowedFrame::BulkString(QUEUE.as_bytes()),
        BorrowedFrame::BulkString(value),
    ];
    Ok(encode_borrowed(
        buffer,
        &BorrowedFrame::Array(&words),
        false,
    )?)
}

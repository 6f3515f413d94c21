//! What the firmware is made of, and what it takes.

use std::process::Command;

use std::path::Path;

use redis_ipc_tests::board::Board;
use redis_ipc_tests::noise::Noise;
use redis_ipc_tests::server::Server;

use super::framed::Gateway;
use super::{PATIENCE, caller, firmware, framed_firmware, read};
use serde_json::json;

/// What the stack is painted with.
const PAINT: [u8; 4] = 0x57AC_57AC_u32.to_le_bytes();

/// Bytes of the stack that no message may ever come near: an interrupt's frame and some.
const RESERVE: usize = 512;

#[test]
fn nothing_in_the_firmware_can_panic() {
    cannot_panic(&firmware());
    cannot_panic(&framed_firmware());
}

fn cannot_panic(firmware: &Path) {
    let output = Command::new("nm").arg("-C").arg(firmware).output();
    let output = output.expect("nm, of the binutils");
    let symbols = String::from_utf8_lossy(&output.stdout);
    assert!(symbols.contains("reset"), "no symbols: {symbols}");
    let panics: Vec<&str> = symbols
        .lines()
        .filter(|line| {
            let of_core =
                line.contains("core::panicking") && !line.ends_with("panicking::panic_fmt");
            of_core || line.contains("_fail") || line.contains("unwrap_failed")
        })
        .collect();
    assert!(panics.is_empty(), "{panics:#?}");
    assert!(!symbols.contains("core::fmt"), "formatting is linked");
}

#[test]
fn the_stack_is_deep_enough_for_the_worst_of_messages() {
    let server = Server::start();
    let board = Board::start(&firmware(), &server.socket());
    bear_the_worst(&server, &board, "bare");
}

#[test]
fn the_stack_is_deep_enough_for_the_worst_of_messages_in_frames() {
    let server = Server::start();
    let noise = Noise::start(1, 1000);
    let board = Board::start(&framed_firmware(), &noise.board());
    let _gateway = Gateway::start(&server, &noise);
    bear_the_worst(&server, &board, "framed");
}

/// Prints what the worst of messages uses of the RAM, and of the stack.
fn bear_the_worst(server: &Server, board: &Board, variant: &str) {
    let mut desk = caller(server);
    read(&mut desk).unwrap();
    let escaped = "\\u0041\\ud83d\\ude00".repeat(15);
    let deep = format!("{}1{}", "[".repeat(30), "]".repeat(30));
    let mut client = server.client();
    for junk in [
        format!("{{\"a\":{deep}}}"),
        format!("{{\"a\":\"{}\"}}", "x".repeat(9000)),
        format!("{{\"tid\":1,\"x\":{deep},\"command_id\":\"{escaped}\",\"y\":1,\"results_queue\":\"queues.results.desk.x\",\"z\":2}}"),
        "{\"command_id\":1}".into(),
        "{\"\\u0063ommand_id\":\"x\",\"results_queue\":\"queues.results.a.b\",\"\\u006dethod\":\"read\"}".into(),
    ] {
        client.command(&["RPUSH", "queues.commands.sensor", &junk]);
    }
    for _ in 0..200 {
        client.command(&[
            "HSET",
            "settings.sensor",
            &"f".repeat(100),
            &"v".repeat(100),
        ]);
    }
    let long = json!({"method": "set-rate", "milliseconds": 20, "note": "n".repeat(500)});
    let _: serde_json::Value = desk.call("sensor", &long, PATIENCE).unwrap();
    for _ in 0..50 {
        read(&mut desk).unwrap();
    }
    let memory = board.memory();
    let unused = 4 * memory
        .chunks_exact(4)
        .take_while(|word| *word == PAINT)
        .count();
    println!(
        "{variant}: {unused} of {} bytes of RAM never used",
        memory.len()
    );
    assert!(
        unused > RESERVE,
        "only {unused} bytes of the stack were never used"
    );
}

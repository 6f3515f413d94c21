//! A serial line's bytes: in one piece and byte by byte they come to the same, at both ends.
//!
//! The first byte says how far the time goes on after each piece; the rest arrives.

#![no_main]

use libfuzzer_sys::fuzz_target;
use redis_ipc_core::link::framed::{Board, Buffers, Count, Gateway};

fuzz_target!(|input: &[u8]| {
    let Some((&step, bytes)) = input.split_first() else {
        return;
    };
    let whole = at_gateway(bytes, bytes.len().max(1));
    assert_eq!(whole, at_gateway(bytes, 1), "byte by byte");
    assert_eq!(at_board(bytes, bytes.len().max(1)), at_board(bytes, 1), "byte by byte");
    converse(bytes, step.into());
});

/// The session that is offered to whoever asks.
const SESSION: u32 = 0x1122_3344;

fn at_gateway(bytes: &[u8], size: usize) -> (Vec<u8>, usize, Count) {
    let mut buffers = Buffers::<512, 512>::new();
    let mut gateway = Gateway::new(&mut buffers, 100);
    let (mut read, mut sessions) = (Vec::new(), 0);
    // Who asks is answered before what comes next, however it is cut.
    for byte in bytes {
        gateway.receive(std::slice::from_ref(byte));
        sessions += usize::from(gateway.has_changed());
        gateway.accept(SESSION);
    }
    for piece in bytes.chunks(size) {
        let mut rest = piece;
        while !rest.is_empty() {
            let taken = gateway.receive(rest);
            rest = &rest[taken..];
            sessions += usize::from(gateway.has_changed());
        }
    }
    let mut room = [0; 512];
    let count = gateway.read(&mut room);
    read.extend(&room[..count]);
    (read, sessions, gateway.count())
}

fn at_board(bytes: &[u8], size: usize) -> (Vec<u8>, bool, Count) {
    let mut buffers = Buffers::<256, 256>::new();
    let mut board = Board::new(&mut buffers, 7, 100);
    for piece in bytes.chunks(size) {
        assert_eq!(board.receive(piece), piece.len());
    }
    let mut room = [0; 256];
    let count = board.read(&mut room);
    (room[..count].to_vec(), board.is_open(), board.count())
}

/// Two that talk while somebody throws these bytes in: once nobody does, they understand each other.
fn converse(bytes: &[u8], step: u32) {
    let (mut on_board, mut at_host) = (Buffers::<256, 256>::new(), Buffers::<512, 512>::new());
    let mut board = Board::new(&mut on_board, 7, 100);
    let mut gateway = Gateway::new(&mut at_host, 100);
    let (mut now, mut session) = (0_u32, SESSION);
    let mut exchange = |board: &mut Board<'_>, gateway: &mut Gateway<'_>, noise: &[u8]| {
        now = now.wrapping_add(step + 1);
        let said = [noise, board.outgoing(now)].concat();
        board.sent(said.len() - noise.len());
        let mut rest = &said[..];
        while !rest.is_empty() {
            let taken = gateway.receive(rest);
            rest = &rest[taken..];
            gateway.has_changed();
        }
        session = session.wrapping_add(0x0101_0101);
        gateway.accept(session);
        let said = [noise, gateway.outgoing(now)].concat();
        gateway.sent(said.len() - noise.len());
        board.receive(&said);
    };
    for noise in bytes.chunks(16) {
        exchange(&mut board, &mut gateway, noise);
        board.write(b"x");
        gateway.write(b"y");
    }
    board.hang_up();
    // Noise may have left half a frame, and an open that is not the board's.
    let mut heard = Vec::new();
    for _ in 0..5000 {
        exchange(&mut board, &mut gateway, b"");
        if board.has_changed() {
            heard.clear();
        }
        if board.is_open() && heard.is_empty() {
            board.write(b"z");
        }
        let mut room = [0; 64];
        let count = gateway.read(&mut room);
        heard.extend(&room[..count]);
        if heard.contains(&b'z') {
            return;
        }
    }
    panic!("they do not understand each other any more");
}

//! A sensor on a microcontroller, a member of a redis-ipc bus over one serial line.
#![no_std]
#![no_main]

mod clock;
#[cfg(feature = "framed")]
mod framed;
mod line;
mod member;
#[expect(unsafe_code, reason = "assembly")]
mod memory;
#[expect(
    unsafe_code,
    reason = "registers are memory that only this chip knows of"
)]
mod register;
mod sensor;
#[expect(unsafe_code, reason = "assembly, vectors and the stack's own memory")]
mod startup;
mod uart;

use clock::Clock;
use member::Member;
#[cfg(feature = "framed")]
use redis_ipc_core::link::framed::Board;
use uart::Uart;

/// Bytes of a message at most, in each direction; a longer command is dropped and counted.
const ROOM: usize = 1024;

/// Runs for ever; returns only if the component's name makes no keys.
fn main() {
    let mut clock = Clock::start();
    // Here, and not in the member, for what is large is not to be moved about on the stack.
    let (mut inbox, mut outbox) = ([0; ROOM], [0; ROOM]);
    #[cfg(feature = "framed")]
    let mut buffers = framed::Buffers::new();
    #[cfg(feature = "framed")]
    let line = {
        let board = Board::new(&mut buffers, startup::boots(), framed::PAUSE);
        redis_ipc_core::link::framed::Line::new(Uart::open(), board)
    };
    #[cfg(not(feature = "framed"))]
    let line = Uart::open();
    let Some(mut member) = Member::new(line, &mut inbox, &mut outbox) else {
        return;
    };
    loop {
        let busy = member.turn(clock.now());
        if !busy {
            startup::sleep();
        }
    }
}

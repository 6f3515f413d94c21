//! The serial line: a CMSDK UART, received by interrupt into a ring, sent as it has room.
//!
//! The UART holds one byte. At 115,200 baud the next one comes after 87 µs, and a turn of the
//! program's loop takes longer than that, so the interrupt takes bytes from it.

use core::convert::Infallible;
use core::sync::atomic::{AtomicBool, AtomicU8, AtomicUsize, Ordering};

use embedded_io::{ErrorType, Read, ReadReady, Write, WriteReady};

use crate::line::Line;
use crate::register::Register;

const SENDING_FULL: u32 = 1 << 0;
const RECEIVED: u32 = 1 << 1;
const OVERRUN: u32 = 1 << 3;
/// Sends, receives, interrupts for each byte that came.
const ALL_ON: u32 = 0b1011;
/// The same without interrupts: the byte stays in the UART.
const HELD: u32 = 0b0011;
const RECEIVE_INTERRUPT: u32 = 1 << 1;

const HERTZ: u32 = 25_000_000;
const BAUD: u32 = 115_200;

/// What came and was not read; one byte of it stays free.
struct Ring {
    bytes: [AtomicU8; SIZE],
    /// Written by the interrupt only.
    end: AtomicUsize,
    /// Written by the program only.
    start: AtomicUsize,
}

/// A power of two.
const SIZE: usize = 256;

static RING: Ring = Ring {
    bytes: [const { AtomicU8::new(0) }; SIZE],
    end: AtomicUsize::new(0),
    start: AtomicUsize::new(0),
};

/// Whether a byte came while the one before it was still in the UART.
static LOST: AtomicBool = AtomicBool::new(false);

impl Ring {
    fn is_full(&self) -> bool {
        let used = self.used();
        used + 1 >= SIZE
    }

    fn used(&self) -> usize {
        let end = self.end.load(Ordering::Acquire);
        end.wrapping_sub(self.start.load(Ordering::Acquire))
    }

    fn put(&self, byte: u8) {
        let end = self.end.load(Ordering::Relaxed);
        if let Some(place) = self.bytes.get(end % SIZE) {
            place.store(byte, Ordering::Relaxed);
        }
        self.end.store(end.wrapping_add(1), Ordering::Release);
    }

    fn take(&self) -> Option<u8> {
        if self.used() == 0 {
            return None;
        }
        let start = self.start.load(Ordering::Relaxed);
        let byte = self.bytes.get(start % SIZE)?.load(Ordering::Relaxed);
        self.start.store(start.wrapping_add(1), Ordering::Release);
        Some(byte)
    }
}

/// The interrupt: a byte has come.
pub(crate) extern "C" fn received() {
    Register::UartInterrupt.write(RECEIVE_INTERRUPT);
    let state = Register::UartState.read();
    if state & OVERRUN != 0 {
        Register::UartState.write(OVERRUN);
        LOST.store(true, Ordering::Relaxed);
    }
    if state & RECEIVED == 0 {
        return;
    }
    if RING.is_full() {
        // Left where it is, for the program to catch up; a line without flow control loses then.
        Register::UartControl.write(HELD);
        return;
    }
    RING.put(Register::UartData.read().to_le_bytes()[0]);
}

/// The line, of which there is one.
pub(crate) struct Uart(());

impl Uart {
    /// Opens the line; to be called once.
    pub(crate) fn open() -> Self {
        Register::UartDivider.write(HERTZ / BAUD);
        Register::UartControl.write(ALL_ON);
        Register::EnableInterrupts.write(1);
        Self(())
    }

    fn take(&mut self) -> Option<u8> {
        let byte = RING.take()?;
        if Register::UartControl.read() != ALL_ON {
            // There is room again. What came meanwhile has not raised the interrupt.
            Register::UartControl.write(ALL_ON);
            Register::RaiseInterrupts.write(1);
        }
        Some(byte)
    }
}

impl Line for Uart {
    fn is_broken(&mut self) -> bool {
        let lost = LOST.load(Ordering::Relaxed);
        LOST.store(false, Ordering::Relaxed);
        lost
    }
}

impl ErrorType for Uart {
    type Error = Infallible;
}

impl Read for Uart {
    fn read(&mut self, room: &mut [u8]) -> Result<usize, Infallible> {
        let mut count = 0;
        for place in room {
            let Some(byte) = self.take() else { break };
            *place = byte;
            count += 1;
        }
        Ok(count)
    }
}

impl ReadReady for Uart {
    fn read_ready(&mut self) -> Result<bool, Infallible> {
        Ok(RING.used() > 0)
    }
}

impl Write for Uart {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
        let mut count = 0;
        for byte in bytes {
            if Register::UartState.read() & SENDING_FULL != 0 {
                break;
            }
            Register::UartData.write((*byte).into());
            count += 1;
        }
        Ok(count)
    }

    fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}

impl WriteReady for Uart {
    fn write_ready(&mut self) -> Result<bool, Infallible> {
        Ok(Register::UartState.read() & SENDING_FULL == 0)
    }
}

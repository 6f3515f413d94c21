//! Registers of the chip and the board, by their addresses.

/// A register of 32 bits. None of them can change memory.
#[derive(Clone, Copy)]
#[repr(usize)]
pub(crate) enum Register {
    // UART0, a CMSDK one, of an MPS2.
    UartData = 0x4000_4000,
    UartState = 0x4000_4004,
    UartControl = 0x4000_4008,
    UartInterrupt = 0x4000_400C,
    UartDivider = 0x4000_4010,
    // Timer and interrupt controller, the same on every Cortex-M.
    TimerControl = 0xE000_E010,
    TimerReload = 0xE000_E014,
    TimerCurrent = 0xE000_E018,
    EnableInterrupts = 0xE000_E100,
    RaiseInterrupts = 0xE000_E200,
}

impl Register {
    pub(crate) fn read(self) -> u32 {
        let register = core::ptr::with_exposed_provenance::<u32>(self as usize);
        // SAFETY: there is a register at each of these addresses, and reading it is allowed.
        unsafe { register.read_volatile() }
    }

    pub(crate) fn write(self, value: u32) {
        let register = core::ptr::with_exposed_provenance_mut::<u32>(self as usize);
        // SAFETY: there is a register at each of these addresses, and it changes no memory.
        unsafe { register.write_volatile(value) }
    }
}

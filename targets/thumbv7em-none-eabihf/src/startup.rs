//! From reset to `main`: the vectors, memory as the program expects it, the end of it all.

use core::arch::{asm, global_asm};

use crate::{clock, uart};

/// What the stack is painted with, so that it can be seen how much of it was used.
const PAINT: u32 = 0x57AC_57AC;

global_asm!(
    "
    .syntax unified
    .section .text.reset
    .global reset
    .thumb_func
reset:
    ldr r0, =_stack_bottom
    mov r1, sp
    ldr r2, ={paint}
1:  cmp r0, r1
    bhs 2f
    stmia r0!, {{r2}}
    b 1b
2:  ldr r0, =_data_start
    ldr r1, =_data_end
    ldr r2, =_data_load
3:  cmp r0, r1
    bhs 4f
    ldmia r2!, {{r3}}
    stmia r0!, {{r3}}
    b 3b
4:  ldr r0, =_bss_start
    ldr r1, =_bss_end
    movs r2, #0
5:  cmp r0, r1
    bhs 6f
    stmia r0!, {{r2}}
    b 5b
    // The compiler may move data through the registers of the FPU, which is off at reset.
6:  ldr r0, =0xE000ED88
    ldr r1, [r0]
    orr r1, r1, #0xF00000
    str r1, [r0]
    dsb
    isb
    bl start
    b halt
    ",
    paint = const PAINT,
);

type Handler = unsafe extern "C" fn();

unsafe extern "C" {
    fn reset();
    static _stack_bottom: u32;
    static _stack_top: u32;
}

/// Exceptions 1 to 15, then the interrupts of the board; the linker script puts the initial stack
/// pointer before them.
#[used]
#[unsafe(link_section = ".vectors")]
static VECTORS: [Option<Handler>; 17] = [
    Some(reset),
    Some(halt),
    Some(halt),
    Some(halt),
    Some(halt),
    Some(halt),
    None,
    None,
    None,
    None,
    Some(halt),
    Some(halt),
    None,
    Some(halt),
    Some(clock::tick),
    Some(uart::received),
    Some(halt),
];

/// Where Rust begins.
#[unsafe(no_mangle)]
extern "C" fn start() {
    crate::main();
}

/// The end: nothing is left to be done. A board with a watchdog is reset by it.
#[unsafe(no_mangle)]
extern "C" fn halt() {
    loop {
        sleep();
    }
}

/// Never linked: nothing in this program can panic, and the build's test looks that it stays so.
#[panic_handler]
fn panicked(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {
        halt();
    }
}

/// Waits for the next interrupt, which comes within a tick of the clock.
pub(crate) fn sleep() {
    // SAFETY: the instruction touches neither memory nor registers.
    unsafe { asm!("wfi", options(nomem, nostack, preserves_flags)) }
}

/// Bytes at the bottom of the stack that were never used since reset.
pub(crate) fn stack_unused() -> u32 {
    let mut word = &raw const _stack_bottom;
    let mut words = 0;
    // SAFETY: the linker script puts both ends around one piece of RAM, of whole words, all of
    // which were painted before any Rust ran.
    unsafe {
        while word < &raw const _stack_top && word.read_volatile() == PAINT {
            word = word.add(1);
            words += 1;
        }
    }
    4 * words
}

/// A number that differs from that of the start before: of memory that nothing sets at reset, so
/// after power-on it is whatever the memory holds then.
#[cfg(feature = "framed")]
pub(crate) fn boots() -> u32 {
    use core::sync::atomic::{AtomicU32, Ordering};

    #[unsafe(link_section = ".noinit")]
    static BOOTS: AtomicU32 = AtomicU32::new(0);

    let boots = BOOTS.load(Ordering::Relaxed).wrapping_add(1);
    BOOTS.store(boots, Ordering::Relaxed);
    boots
}

//! Copying and filling of memory, in a tenth of the flash that the compiler's own functions take:
//! those are unrolled, and here no message is longer than a kilobyte.

use core::arch::global_asm;

global_asm!(
    "
    .syntax unified
    .section .text.memory, \"ax\"
    .global memcpy, __aeabi_memcpy, __aeabi_memcpy4, __aeabi_memcpy8
    .global memmove, __aeabi_memmove, __aeabi_memmove4, __aeabi_memmove8
    .global memset, __aeabi_memset, __aeabi_memset4, __aeabi_memset8
    .global __aeabi_memclr, __aeabi_memclr4, __aeabi_memclr8

    // r0 to, r1 from, r2 bytes; r0 stays.
    .thumb_func
memmove:
    .thumb_func
__aeabi_memmove:
    .thumb_func
__aeabi_memmove4:
    .thumb_func
__aeabi_memmove8:
    cmp r1, r0
    bhs memcpy
1:  subs r2, r2, #1
    it mi
    bxmi lr
    ldrb r3, [r1, r2]
    strb r3, [r0, r2]
    b 1b

    .thumb_func
memcpy:
    .thumb_func
__aeabi_memcpy:
    .thumb_func
__aeabi_memcpy4:
    .thumb_func
__aeabi_memcpy8:
    mov r12, r0
    orr r3, r0, r1
    lsls r3, r3, #30
    bne 3f
2:  subs r2, r2, #4
    itt hs
    ldrhs r3, [r1], #4
    strhs r3, [r12], #4
    bhs 2b
    adds r2, r2, #4
3:  subs r2, r2, #1
    it mi
    bxmi lr
    ldrb r3, [r1], #1
    strb r3, [r12], #1
    b 3b

    // r0 to, r1 bytes.
    .thumb_func
__aeabi_memclr:
    .thumb_func
__aeabi_memclr4:
    .thumb_func
__aeabi_memclr8:
    movs r2, #0
    // r0 to, r1 bytes, r2 byte.
    .thumb_func
__aeabi_memset:
    .thumb_func
__aeabi_memset4:
    .thumb_func
__aeabi_memset8:
    mov r3, r1
    mov r1, r2
    mov r2, r3
    // r0 to, r1 byte, r2 bytes; r0 stays.
    .thumb_func
memset:
    mov r12, r0
4:  subs r2, r2, #1
    it mi
    bxmi lr
    strb r1, [r12], #1
    b 4b
    ",
);

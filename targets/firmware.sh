#!/usr/bin/env bash
# Builds the firmware of a microcontroller in both variants and prints what each takes, from its ELF:
# a line for a figure. Flash is what is loaded (code, constants, initial values); RAM is all that is
# reserved (stack, variables, what lives through a reset).
set -euo pipefail
cd "$(dirname "$0")/.."

target=thumbv7em-none-eabihf
tests/setup.sh program cargo readelf >&2
tests/setup.sh target $target >&2

# NAME VARIANT [option of cargo…]: builds; prints NAME_flash_bytes and NAME_ram_bytes.
measure() {
    local name=$1 variant=$2
    shift 2
    (cd targets/$target && cargo build --quiet --locked --release --target-dir "target/$variant" "$@" >&2)
    readelf -SW "targets/$target/target/$variant/$target/release/sensor" |
        sed 's/^ *\[ *[0-9]*\] //' |
        while read -r section type address _ size _ flags _; do
            [[ $flags == *A* ]] || continue
            size=$((16#$size))
            case $((16#$address >> 28)),$type in
                0,*) echo "flash $size" ;;
                2,PROGBITS) [ "$section" = .data ] && echo "flash $size"; echo "ram $size" ;;
                2,*) echo "ram $size" ;;
            esac
        done |
        awk -v name="$name" '{ sum[$1] += $2 }
            END { for (kind in sum) print name "_" kind "_bytes", sum[kind] }' |
        sort
}

measure firmware bare
measure firmware_framed framed --features framed

#!/usr/bin/env bash
# Prints how big programs for boards are and how much memory a serving component takes; writes the
# figures to target/bench/size.json and into summary.json beside it. README.md here says what they mean.
#
#   targets/size.sh                                 armv7-unknown-linux-gnueabihf and aarch64-unknown-linux-gnu
#   CALLS=1000000 targets/size.sh                   memory after a million calls, not after 20,000
set -euo pipefail
cd "$(dirname "$0")/.."

calls=${CALLS:-20000}
warm_up=2000
rooms=target/size
out=target/bench
# Debian's Rust is too old for ipc-tool, and cross builds into folders that only it knows.
export CROSS_WAYS=${CROSS_WAYS:-rustup} ROOM=$rooms
# Thumb code, as Debian's C compiler for ARMv7 makes it if nothing is said.
export THUMB=1
processes=()
room=$(mktemp -d)

say() { printf 'size: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

clean_up() {
    local pid
    for pid in "${processes[@]}"; do
        kill "$pid" 2>/dev/null && wait "$pid" 2>/dev/null || true
    done
    rm -rf "$room"
}
trap clean_up EXIT

figure() { echo "$1 $2" >>"$room/figures"; }

# What is built for every board, and what is compared on one of them only: each takes its minute.
programs() {
    echo std component core_component ipc-tool
    case $1 in
        armv7-*) echo component_full redis_rs ;;
    esac
}

# armv7, aarch64: as the figures have it.
short() { echo "${1%%-*}"; }

# --- sizes

# TARGET KIND: where the programs of this build are.
folder() {
    case $2 in
        dynamic) echo "$rooms/$1/release" ;;
        static) echo "$rooms/static/$1/release" ;;
    esac
}

build() {
    local target=$1 static= size=() full=() program
    [ "$2" = dynamic ] || static=1
    for program in $(programs "$target"); do
        case $program in
            std | component | core_component) size+=(--bin "$program") ;;
            *) full+=(--bin "$program") ;;
        esac
    done
    STATIC=$static compile "$target" size "${size[@]}"
    STATIC=$static compile "$target" size/full "${full[@]}"
}

compile() {
    local target=$1 package=$2
    shift 2
    targets/cross.sh "$target" build --quiet --release --manifest-path "targets/$package/Cargo.toml" "$@"
}

# The whole program, as stripped, and its code alone.
bytes() { stat -c %s "$1"; }
text_bytes() { readelf -SW "$1" | sed -n 's/.* \.text  *PROGBITS  *[0-9a-f]* [0-9a-f]* \([0-9a-f]*\).*/0x\1/p' | xargs printf '%d\n'; }

row() {
    printf '%-10s %-8s %-15s %10d %10d %6s\n' "$(short "$1")" "$2" "$3" "$4" "$5" \
        "$(awk "BEGIN { printf \"%.2f\", $4 / $6 }")"
}

sizes() {
    local target=$1 kind=$2 where program size std
    where=$(folder "$target" "$kind")
    std=$(bytes "$where/std")
    for program in $(programs "$target"); do
        [ -e "$where/$program" ] || die "$where/$program was not built"
        size=$(bytes "$where/$program")
        row "$target" "$kind" "$program" "$size" "$(text_bytes "$where/$program")" "$std"
        figure "${program/-/_}_$(short "$target")_${kind}_bytes" "$size"
    done
    c_sizes "$target" "$kind" "$std"
}

# The printer in C: with the library linked in, where the C library is as well, or beside it.
c_sizes() {
    local target=$1 kind=$2 std=$3 gcc source=blocking/examples/c/printer.c c=target/c/$1 words library
    [ -e "$source" ] || return 0
    case $target in
        armv7-*) gcc=arm-linux-gnueabihf-gcc ;;
        aarch64-*) gcc=aarch64-linux-gnu-gcc ;;
    esac
    if [ ! -e "$c/lib/libripc.so" ] && ! env -u ROOM -u MAKEFLAGS make -s c C_TARGET="$target" >&2; then
        say "no library for C for $target: its sizes are left out"
        return 0
    fi
    words=$(cat "$c/libs.txt")
    [ "$kind" = dynamic ] || words="-static $words"
    # The linker warns of what a static program cannot do: look up names of hosts by plugins.
    # shellcheck disable=SC2086 # a word for each library
    "$gcc" -std=gnu11 -Os -s -Wl,--gc-sections -I blocking/include -o "$room/c_example" "$source" "$c/lib/libripc.a" $words \
        2>"$room/errors" || die "$(cat "$room/errors")"
    row "$target" "$kind" c_example "$(bytes "$room/c_example")" "$(text_bytes "$room/c_example")" "$std"
    figure "c_example_$(short "$target")_${kind}_bytes" "$(bytes "$room/c_example")"
    [ "$kind" = dynamic ] || { peer_sizes "$target" "$std" "$gcc"; return 0; }
    library=$room/libripc.so
    "${gcc%gcc}strip" -o "$library" "$c/lib/libripc.so"
    row "$target" shared libripc.so "$(bytes "$library")" "$(text_bytes "$library")" "$std"
    figure "libripc_so_$(short "$target")_bytes" "$(bytes "$library")"
}

# The same printer with hiredis and json-c, which come from Debian and are unpacked only. Where they
# cannot be had that row is left out.
peer_sizes() {
    local target=$1 std=$2 gcc=$3 architecture=armhf peers
    [ "${target%%-*}" = armv7 ] || architecture=arm64
    peers=target/debian/peers/$architecture
    if ! unpack_peers "$architecture" "$peers"; then
        say "no hiredis and json-c for $architecture: the size of the printer with them is left out"
        return 0
    fi
    # The linker warns here too.
    "$gcc" -std=gnu11 -Os -s -static -Wl,--gc-sections -I "$peers/usr/include" -L "$peers/usr/lib/${gcc%-gcc}" \
        -o "$room/c_peer" tests/bench/c/printer_original.c -lhiredis -ljson-c 2>"$room/errors" ||
        die "$(cat "$room/errors")"
    row "$target" static hiredis+json-c "$(bytes "$room/c_peer")" "$(text_bytes "$room/c_peer")" "$std"
    figure "c_peer_$(short "$target")_static_bytes" "$(bytes "$room/c_peer")"
}

# The version is that of this machine's own packages.
unpack_peers() {
    local architecture=$1 peers=$2 package version source pool=${DEBIAN_MIRROR:-http://deb.debian.org/debian}/pool/main
    tests/setup.sh package libhiredis-dev libjson-c-dev && tests/setup.sh program curl || return 1
    mkdir -p "$peers"
    for package in libhiredis-dev libjson-c-dev; do
        [ ! -e "$peers/$package" ] || continue
        version=$(dpkg-query -W -f '${Version}' "$package")
        source=$(dpkg-query -W -f '${source:Package}' "$package")
        curl -fsSL --retry 2 --max-time 120 -o "$room/$package.deb" \
            "$pool/${source%"${source#?}"}/$source/${package}_${version#*:}_$architecture.deb" || return 1
        dpkg-deb -x "$room/$package.deb" "$peers" || return 1
        touch "$peers/$package"
    done
}

# --- memory

start_server() {
    export RIPC_SERVER_PATH=$room/socket
    "${REDIS_SERVER:-redis-server}" --port 0 --unixsocket "$RIPC_SERVER_PATH" --dir "$room" \
        --save '' --appendonly no >"$room/server.log" 2>&1 &
    processes+=($!)
    local tries
    for tries in $(seq 600); do
        [ ! -S "$RIPC_SERVER_PATH" ] || return 0
        sleep 0.1
    done
    die "no server after $tries tries: $(tail -1 "$room/server.log")"
}

# What a 32-bit program under QEMU has in memory: all of QEMU's process below 4 GiB is the program's.
emulated_kib() { awk '/^[0-9a-f]+-/ { split($1, at, "-"); inside = length(at[1]) <= 8 } /^Rss:/ && inside { sum += $2 } END { print sum }' "/proc/$1/smaps"; }
# The most that a program of this machine has ever had.
native_kib() { awk '/^VmHWM/ { print $2 }' "/proc/$1/status"; }

# NAME METER PROGRAM...: serves calls, and tells what it takes after few and after many of them.
memory() {
    local name=$1 meter=$2 caller=$rooms/release/caller before after pid
    shift 2
    "$@" 2>"$room/errors" &
    pid=$!
    processes+=("$pid")
    "$caller" "$warm_up" || die "$name does not serve: $(cat "$room/errors")"
    before=$("$meter" "$pid")
    "$caller" "$calls" || die "$name stopped serving: $(cat "$room/errors")"
    after=$("$meter" "$pid")
    kill "$pid"
    wait "$pid" || true
    printf '%-36s %8d KiB %8d KiB %+6d\n' "$name" "$before" "$after" "$((after - before))"
    figure "${name}_kib" "$after"
    figure "${name}_growth_kib" "$((after - before))"
}

memories() {
    local arm=armv7-unknown-linux-gnueabihf kind program qemu
    cargo build --quiet --locked --release --manifest-path targets/size/Cargo.toml --target-dir "$rooms"
    start_server
    printf '\n%-36s %12s %12s %6s\n' "memory of a component" "$warm_up calls" "+ $calls" growth
    for program in component core_component; do
        memory "${program}_host_memory" native_kib "$rooms/release/$program"
        for kind in dynamic static; do
            [ -e "$(folder $arm $kind)/$program" ] || continue
            qemu="qemu-arm"
            [ "$kind" = static ] || qemu+=" -L /usr/arm-linux-gnueabihf"
            # shellcheck disable=SC2086 # two words
            memory "${program}_armv7_${kind}_memory" emulated_kib $qemu "$(folder $arm $kind)/$program"
        done
    done
}

# --- the summary

# One flat JSON object: what stood in file $1 and is not measured here, and then what is.
with_figures() {
    {
        [ ! -e "$1" ] || sed -n 's/^ *"\([^"]*\)": *\(.*[^,]\),*$/\1 \2/p' "$1"
        cat "$room/figures"
    } | awk '{ value[$1] = $2; if (!($1 in seen)) names[++count] = $1; seen[$1] = 1 }
        END { print "{"; for (n = 1; n <= count; n++) printf "  \"%s\": %s%s\n", names[n], value[names[n]], n < count ? "," : ""; print "}" }'
}

write_figures() {
    mkdir -p "$out"
    local file
    for file in size summary; do
        with_figures "$out/$file.json" >"$room/$file.json"
        mv "$room/$file.json" "$out/$file.json"
    done
}

# The programs follow whatever the packages of the main workspace ask for by now.
cargo metadata --quiet --format-version 1 --manifest-path targets/size/Cargo.toml >/dev/null

targets=("$@")
[ $# -gt 0 ] || targets=(armv7-unknown-linux-gnueabihf aarch64-unknown-linux-gnu)
for target in "${targets[@]}"; do
    for kind in dynamic static; do
        build "$target" "$kind"
    done
done
printf '%-10s %-8s %-15s %10s %10s %6s\n' target build program bytes .text '/ std'
for target in "${targets[@]}"; do
    for kind in dynamic static; do
        sizes "$target" "$kind"
    done
done
memories
echo
targets/firmware.sh | tee -a "$room/figures"
write_figures
say "written: $out/size.json, summary.json"

#!/usr/bin/env bash
# Runs cargo for a board, by the first way that can be gone here, and says which:
#
#   cross    with `cross` and cross.toml, where a container engine answers and has or gets the image
#   rustup   with rustup's standard library for the board and Debian's cross gcc
#   debian   with Debian 12's Rust 1.85 and its standard libraries for ARM, unpacked into
#            target/debian (nothing is installed), and the same gcc; microcontrollers: -Zbuild-std=core
#
#   targets/cross.sh armv7-unknown-linux-gnueabihf                  builds all that a board gets
#   targets/cross.sh aarch64-unknown-linux-gnu test -p redis-ipc    or whatever cargo is to do
#
# Settings (environment): STATIC=1 links the C library in, below target/static then; THUMB=1 makes
# the shorter Thumb code for ARMv7; ROOM is a folder to build in that is not target; CROSS_WAYS, say
# "rustup debian", are the ways that are tried, in that order.
set -euo pipefail
cd "$(dirname "$0")/.."

setup=tests/setup.sh
debian=$PWD/target/debian
debian_version=1.85.0+dfsg3-1~deb12u3
mirror=${DEBIAN_MIRROR:-http://deb.debian.org/debian}
boards="armv7-unknown-linux-gnueabihf aarch64-unknown-linux-gnu aarch64-unknown-linux-musl
armv7-unknown-linux-musleabihf thumbv7em-none-eabihf"

say() { printf 'cross: %s\n' "$*" >&2; }

main() {
    target=${1:-}
    [ $# = 0 ] || shift
    know_board || usage
    local way
    for way in ${CROSS_WAYS:-cross rustup debian}; do
        case $way in
            cross | rustup | debian) ;;
            *) usage ;;
        esac
        "can_$way" || continue
        say "$target by way of $way: $("about_$way")"
        "by_$way" "$@"
        return
    done
    say "no way to build for $target was found on this machine: the lines above say why"
    exit 1
}

usage() {
    sed -n '2,/^set/ s/^#\( \|$\)//p' "$0" >&2
    say "the boards are" $boards
    exit 2
}

# --- boards

# Sets what differs from board to board.
know_board() {
    gcc= sysroot= runner= architecture= bare=
    case $target in
        armv7-unknown-linux-gnueabihf) gcc=arm-linux-gnueabihf runner=qemu-arm architecture=armhf ;;
        aarch64-unknown-linux-gnu) gcc=aarch64-linux-gnu runner=qemu-aarch64 architecture=arm64 ;;
        # The linker that comes with Rust does, for Rust brings this C library along.
        aarch64-unknown-linux-musl) runner=qemu-aarch64 ;;
        armv7-unknown-linux-musleabihf) runner=qemu-arm ;;
        thumbv7em-none-eabihf) bare=yes ;;
        *) return 1 ;;
    esac
    [ -z "$gcc" ] || sysroot=/usr/$gcc
    prefix=CARGO_TARGET_$(printf %s "$target" | tr a-z- A-Z_)
}

# Debian's cross compiler with its C library, and an emulator where something is to be run.
set_up_linker() {
    if [ -n "$gcc" ]; then
        "$setup" program "$gcc-gcc"
        "$setup" package "libc6-dev-$architecture-cross"
        export "${prefix}_LINKER=${gcc}-gcc"
    elif [ -z "$bare" ]; then
        export "${prefix}_LINKER=rust-lld"
    fi
    case ${1:-} in
        test | run) set_up_runner ;;
    esac
}

set_up_runner() {
    [ -n "$runner" ] || return 0
    "$setup" program "$runner"
    # The emulator forks with its own locks held by other threads; those of malloc are seen to, but
    # not those of the allocator that GLib had before 2.76.
    export G_SLICE=always-malloc
    # With its path: some tests run the programs with another PATH.
    export "${prefix}_RUNNER=$(command -v "$runner")${sysroot:+ -L $sysroot}"
}

# --- what is built

# Has a cargo do what the words say, or build what a board gets where there are none: CARGO, the
# folder that it builds in (none for its own), WORDS.
work() {
    local cargo=$1 room=${ROOM:-$2} words=() features=
    shift 2
    if [ -n "${STATIC:-}" ] && [ -z "$bare" ]; then
        features+=,+crt-static
        room=${room:-target}/static
    fi
    [ -z "${THUMB:-}" ] || [ "${target%%-*}" != armv7 ] || features+=,+thumb-mode
    [ -z "$features" ] || export "${prefix}_RUSTFLAGS=-C target-feature=${features#,}"
    [ -z "$room" ] || words=(--target-dir "$room")
    words+=(--locked --target "$target")
    if [ $# -gt 0 ]; then
        # What the tests' programs are told comes behind a `--`; these words do not.
        set -- "$1" "${words[@]}" "${@:2}"
        run $cargo "$@"
    elif [ -n "$bare" ]; then
        run $cargo build "${words[@]}" --release -p redis-ipc-core $build_std
        say "built core in ${room:-target}/$target/release"
    else
        run $cargo build "${words[@]}" --release -p redis-ipc-core -p redis-ipc $tools
        run $cargo build "${words[@]}" --release -p redis-ipc --examples
        say "built ${tools:+ipc-tool, }the libraries and the examples in ${room:-target}/$target/release"
    fi
}

run() {
    say "$*"
    "$@"
}

build_std=
tools='-p redis-ipc-tools'

# --- with cross

engine() {
    local name
    for name in ${CROSS_CONTAINER_ENGINE:-docker podman}; do
        timeout 20 "$name" info >/dev/null 2>&1 && echo "$name" && return
    done
    return 1
}

image() { sed -n "/^\[target.$target\]/,/^image/ s/^image = \"\(.*\)\"/\1/p" cross.toml; }

can_cross() {
    local image
    image=$(image)
    [ -n "$image" ] || return 1
    container=$(engine) || { say "cross: no container engine answers"; return 1; }
    "$container" image inspect "$image" >/dev/null 2>&1 || "$container" pull -q "$image" >/dev/null 2>&1 ||
        { say "cross: $container neither has nor gets the image $image"; return 1; }
    "$setup" cargo cross && "$setup" target "$target" || return 1
    plain_rustup
}

about_cross() { cross --version 2>/dev/null | head -1; }

# cross by itself looks for a configuration of another name, and takes a Docker without a daemon
# before a Podman that answers.
by_cross() {
    export CROSS_CONFIG=$PWD/cross.toml CROSS_CONTAINER_ENGINE=$container
    work cross "" "$@"
}

# cross 0.2.5 does not know the toolchain again that rustup 1.28 lists as "(active, default)": it
# would have rustup replace it by the newest one. So it is shown a list of names alone.
plain_rustup() {
    local room=$PWD/target/cross
    mkdir -p "$room"
    cat >"$room/rustup" <<END
#!/bin/sh
[ "\$*" = "toolchain list" ] || exec $(command -v rustup) "\$@"
$(command -v rustup) toolchain list | sed 's/ (.*//'
END
    chmod 755 "$room/rustup"
    PATH=$room:$PATH
}

# --- with rustup

can_rustup() {
    command -v cargo >/dev/null || { say "rustup: there is no cargo"; return 1; }
    "$setup" target "$target" || { say "rustup: no standard library for $target"; return 1; }
}

about_rustup() { rustc --version; }

by_rustup() {
    set_up_linker "$@"
    work cargo "" "$@"
}

# --- with Debian's packages

can_debian() {
    if [ -z "$architecture$bare" ]; then
        say "debian: it has no standard library for $target; a static build for the glibc twin needs nothing on the board either"
        return 1
    fi
    command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null ||
        { say "debian: no apt-get and dpkg-deb here"; return 1; }
    [ "$(uname -m)" = x86_64 ] || { say "debian: only tried on x86_64"; return 1; }
    unpack_debian
}

# apt with lists, cache and sources of its own: it takes nobody's lock, asks for no root and
# leaves the system as it is.
apt() {
    local command=$1
    shift
    "apt-$command" -qq -o Dir::State::Lists="$debian/lists" -o Dir::Cache="$debian/cache" \
        -o Dir::Etc::SourceList="$debian/sources.list" -o Dir::Etc::SourceParts=/dev/null \
        -o APT::Architectures::=amd64 -o APT::Architectures::=armhf -o APT::Architectures::=arm64 \
        -o APT::Sandbox::User= -o Debug::NoLocking=1 "$@"
}

# Compiler, cargo and what they need that the system has not, then the library of the board.
unpack_debian() {
    local own=libstd-rust-web-dev:$architecture
    [ -z "$bare" ] || own=rust-web-src
    mkdir -p "$debian/lists/partial" "$debian/cache/archives/partial" "$debian/unpacked"
    if [ ! -e "$debian/unpacked/rustc" ]; then
        echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror bookworm main" >"$debian/sources.list"
        say "debian: fetching rustc-web and cargo-web $debian_version"
        apt get update || { say "debian: no lists from $mirror"; return 1; }
        apt get install -y --no-install-recommends --download-only \
            "rustc-web=$debian_version" "cargo-web=$debian_version" ||
            { say "debian: no rustc-web of version $debian_version"; return 1; }
        # Where they are installed already there is nothing to fetch; unpacked they are all the same.
        (cd "$debian/cache/archives" && apt get download "rustc-web=$debian_version" "cargo-web=$debian_version" \
            "libstd-rust-web-1.85=$debian_version" "libstd-rust-web-dev=$debian_version") || return 1
        unpack "$debian"/cache/archives/*.deb
        touch "$debian/unpacked/rustc"
    fi
    if [ ! -e "$debian/unpacked/$own" ]; then
        say "debian: fetching $own $debian_version"
        (cd "$debian/cache/archives" && apt get download "$own=$debian_version") || return 1
        unpack "$debian/cache/archives/${own%:*}"_*"${architecture:-all}".deb
        touch "$debian/unpacked/$own"
    fi
}

unpack() {
    local package
    for package in "$@"; do
        dpkg-deb -x "$package" "$debian/root"
    done
}

about_debian() { with_debian "$debian/root/usr/bin/rustc" --version; }

debian_cargo() { with_debian "$debian/root/usr/bin/cargo" "$@"; }

with_debian() {
    local root=$debian/root
    LD_LIBRARY_PATH=$root/usr/lib/x86_64-linux-gnu:$root/lib/x86_64-linux-gnu \
        RUSTC=$root/usr/bin/rustc RUSTDOC=$root/usr/bin/rustdoc "$@"
}

by_debian() {
    set_up_linker "$@"
    tools=
    if [ -n "$bare" ]; then
        # Only an unstable cargo may build a standard library; this one is told that it is one.
        export RUSTC_BOOTSTRAP=1
        build_std=-Zbuild-std=core
    elif [ $# = 0 ]; then
        say "ipc-tool asks for a newer Rust than Debian's and is left out"
    fi
    work debian_cargo target/debian/build "$@"
}

main "$@"

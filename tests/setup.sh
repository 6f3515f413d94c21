#!/bin/sh
# Makes sure that what a task needs is there: says nothing where it is, says
# what it installs where it is not, and fails with the way to get it where it
# cannot.
#
#   tests/setup.sh program redis-server make …
#   tests/setup.sh package libhiredis-dev …       (Debian only)
#   tests/setup.sh target thumbv7em-none-eabihf …
#   tests/setup.sh toolchain 1.85.0 …
#   tests/setup.sh component rustfmt clippy …
#   tests/setup.sh cargo cargo-fuzz …
#   tests/setup.sh python tests/python/requirements.txt   (into target/python)
#   tests/setup.sh python redis …                 (prints the interpreter that has them)
set -eu

say() { echo "setup: $*" >&2; }

main() {
    [ $# -ge 2 ] || usage
    kind=$1
    shift
    case $kind in
        program | package) need_of_system "$kind" "$@" ;;
        target | toolchain | component | cargo) need_of_rust "$kind" "$@" ;;
        python) need_of_python "$@" ;;
        *) usage ;;
    esac
}

usage() {
    sed -n '2,/^set/ s/^#\( \|$\)//p' "$0" >&2
    exit 2
}

# --- what the system's package manager brings

need_of_system() {
    kind=$1
    shift
    missing=
    for name in "$@"; do
        "has_$kind" "$name" && continue
        # What distributions have is too old, as a rule.
        [ "$name" != cargo ] || { say "there is no cargo: install Rust, see https://rustup.rs"; exit 1; }
        missing="$missing $("package_of_$kind" "$name")"
    done
    # Split on purpose: names of packages hold no blanks.
    # shellcheck disable=SC2086
    [ -z "$missing" ] || install $missing
    for name in "$@"; do
        "has_$kind" "$name" || refuse "$name is still missing" "$name"
    done
}

# A server of another name, Valkey's for one, is given by REDIS_SERVER.
has_program() {
    [ "$1" != redis-server ] || set -- "${REDIS_SERVER:-redis-server}"
    [ "$1" != cargo ] || set -- "${CARGO:-cargo}"
    command -v "$1" >/dev/null 2>&1
}

has_package() {
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

package_of_program() {
    case $1 in
        cc) echo gcc libc6-dev ;;
        c++) echo g++ ;;
        nm | readelf) echo binutils ;;
        qemu-arm | qemu-aarch64) echo qemu-user ;;
        *-linux-gnu*-gcc) echo "gcc-${1%-gcc}" ;;
        *) echo "$1" ;;
    esac
}

package_of_package() { echo "$1"; }

install() {
    command -v apt-get >/dev/null 2>&1 || refuse "no apt-get on this system" "$@"
    if [ "$(id -u)" = 0 ]; then
        root=
    elif [ -t 0 ] && command -v sudo >/dev/null 2>&1; then
        root=sudo
    elif sudo -n true 2>/dev/null; then
        root='sudo -n'
    else
        refuse "installing needs root or sudo" "$@"
    fi
    say "installing $*"
    output=$(mktemp)
    held=
    trap finish EXIT
    trap 'exit 130' INT TERM
    hold_services
    # Lists of packages may be missing or too old: only then are they fetched.
    apt "$@" >"$output" 2>&1 ||
        { $root apt-get update -qq && apt "$@"; } >"$output" 2>&1 ||
        { cat "$output" >&2; refuse "apt-get failed" "$@"; }
}

finish() {
    rm -f "$output"
    [ -z "$held" ] || $root rm -f $policy
}

apt() {
    $root env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y \
        --no-install-recommends -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=300 "$@" </dev/null
}

# A server that comes with a package would listen on a TCP port that nobody
# asked for. Debian asks this file before it starts a service; one that is
# there already is left alone.
policy=/usr/sbin/policy-rc.d

hold_services() {
    [ ! -e $policy ] || return 0
    held=yes
    printf '#!/bin/sh\nexit 101\n' | $root tee $policy >/dev/null
    $root chmod 755 $policy
}

refuse() {
    say "$1; please install:"
    shift
    names=$(echo "$*" | sed 's/redis-server/redis/')
    cat >&2 <<END
    Debian, Ubuntu:  apt-get install $*
    Fedora:          dnf install $names
    Alpine:          apk add $names
    macOS:           brew install $names
END
    exit 1
}

# --- what rustup brings

need_of_rust() {
    kind=$1
    shift
    for name in "$@"; do
        "has_$kind" "$name" || add "$kind" "$name"
    done
}

has_target() { [ -d "$(rustc --print target-libdir --target "$1" 2>/dev/null)" ]; }

has_toolchain() { rustup toolchain list 2>/dev/null | grep -q "^$1"; }

has_component() {
    case $1 in
        clippy) cargo clippy --version >/dev/null 2>&1 ;;
        miri) cargo +nightly miri --version >/dev/null 2>&1 ;;
        *) command -v "$1" >/dev/null 2>&1 && "$1" --version >/dev/null 2>&1 ;;
    esac
}

has_cargo() { command -v "$1" >/dev/null 2>&1; }

add() {
    if [ "$1" = cargo ]; then
        say "building $2"
        cargo install --quiet --locked "$2" >&2
        return
    fi
    if ! command -v rustup >/dev/null 2>&1; then
        say "the $1 $2 is missing and there is no rustup to add it: see https://rustup.rs"
        exit 1
    fi
    say "adding the $1 $2"
    case $1 in
        component)
            channel=
            [ "$2" != miri ] || channel='--toolchain nightly'
            # shellcheck disable=SC2086
            rustup -q component add "$2" $channel >&2
            ;;
        toolchain) rustup -q toolchain install "$2" --profile minimal --no-self-update >&2 ;;
        *) rustup -q "$1" add "$2" >&2 ;;
    esac || { say "rustup refuses to add the $1 $2"; exit 1; }
}

# --- what the Python package index brings, into a folder of the build's own

need_of_python() {
    root=$(cd "$(dirname "$0")/.." && pwd)
    folder=$root/target/python
    python=$folder/bin/python3
    mkdir -p "$folder"
    # Tests run side by side, and only one of them may set the folder up.
    if command -v flock >/dev/null 2>&1; then
        exec 9>"$folder/lock"
        flock 9
    fi
    case $1 in
        *.txt) has_list "$1" || add_to_python -r "$1" && cp "$1" "$folder/$(basename "$1")" ;;
        *) for name in "$@"; do
            "$python" -c "import $name" 2>/dev/null || add_to_python "$name"
        done && echo "$python" ;;
    esac
}

has_list() { cmp -s "$1" "$folder/$(basename "$1")"; }

add_to_python() {
    command -v python3 >/dev/null 2>&1 || install python3 python3-venv >&2
    [ -x "$python" ] || python3 -m venv "$folder" >&2 ||
        { install python3-venv >&2 && python3 -m venv "$folder" >&2; }
    say "installing for Python: $*"
    "$python" -m pip install --quiet --disable-pip-version-check "$@" >&2 ||
        { say "pip cannot install $* into $folder"; exit 1; }
}

main "$@"

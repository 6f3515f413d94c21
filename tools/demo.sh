#!/bin/sh
# A printer, its caller, and what goes on between them, on a private server in
# a folder of its own. Leaves nothing behind, however it ends.
set -eu
cd "$(dirname "$0")/.."

main() {
    prepare
    trap clean_up EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP

    title 'A private server, and a printer on it'
    run ipc-tool up
    show "printer &    # blocking/examples/printer.rs"
    printer &
    printer=$!
    await_status state=idle

    title 'Two who watch it: what they see is indented'
    watch event
    watch status
    settle

    title 'A job'
    run ipc-tool call printer.print '{"file": "LICENSE-APACHE"}'
    settle

    title 'A third as many lines on a page, so more sheets are used'
    run ipc-tool --as db settings set printer lines_per_page 20
    run ipc-tool settings get printer
    run ipc-tool call printer.print '{"file": "LICENSE-APACHE"}'
    settle

    title 'Paper is put in; a long job is cancelled while it is being printed'
    run ipc-tool --as db settings set printer sheets 100 milliseconds_per_page 300
    show "ipc-tool call printer.print '{\"file\": \"Cargo.lock\"}' &"
    ipc-tool call printer.print '{"file": "Cargo.lock"}' 2>"$folder/long-job" &
    long_job=$!
    await_status page=3
    run ipc-tool call printer.cancel
    ended=0
    wait $long_job || ended=$?
    cat "$folder/long-job"
    echo "(that was the long job; exit code $ended)"
    [ $ended = 5 ]
    settle

    title 'Whatever goes wrong has an exit code of its own'
    run_wrong ipc-tool call printer.print '{"file": "no-such-file"}'
    run_wrong ipc-tool call scanner.scan --timeout 0.5

    title 'The end'
    grep -q LOW-ON-PAPER "$folder/event"
    stop_watching
    show 'kill %printer'
    stop_printer
    run ipc-tool down
}

prepare() {
    tests/setup.sh program redis-server
    cargo=${CARGO:-cargo}
    $cargo build --quiet --locked -p redis-ipc-tools --bin ipc-tool
    $cargo build --quiet --locked -p redis-ipc --example printer
    target=$(cd "${CARGO_TARGET_DIR:-target}/debug" && pwd)
    export PATH="$target:$target/examples:$PATH"
    # Not below TMPDIR: that may be too long for the path of a socket.
    folder=$(mktemp -d /tmp/redis-ipc-demo.XXXXXX)
    export RIPC_SERVER_PATH="$folder/socket"
    printer=
    watchers=
    if [ -t 1 ]; then
        bold=$(printf '\033[1m') dim=$(printf '\033[2m') plain=$(printf '\033[0m')
    else
        bold='' dim='' plain=''
    fi
}

clean_up() {
    status=$?
    trap '' INT TERM HUP
    set +e
    stop_watching
    stop_printer
    ipc-tool down >/dev/null 2>&1
    wait 2>/dev/null
    rm -rf "$folder"
    exit $status
}

# --- what is shown

title() { printf '\n%s%s%s\n' "$bold" "$1" "$plain"; }

show() { printf '%s$ %s%s\n' "$bold" "$1" "$plain"; }

# Shows a command line as one would type it, and runs it.
run() {
    line=
    for word in "$@"; do
        case $word in
            *[!A-Za-z0-9_./=-]*) line="$line '$word'" ;;
            *) line="$line $word" ;;
        esac
    done
    show "${line# }"
    "$@"
}

run_wrong() {
    ended=0
    run "$@" 2>&1 || ended=$?
    echo "(exit code $ended)"
    [ $ended != 0 ]
}

# --- what runs beside

# Shows what `ipc-tool event watch printer` and the like see, and keeps it.
watch() {
    show "ipc-tool $1 watch printer &"
    ipc-tool "$1" watch printer 2>&1 | while read -r line; do
        printf '%s        %-6s |  %s%s\n' "$dim" "$1" "$line" "$plain"
        printf '%s\n' "$line" >>"$folder/$1"
    done &
    watchers="$watchers $!"
    await_line "$1" .
}

stop_watching() {
    for watcher in $watchers; do
        kill "$watcher" 2>/dev/null || true
    done
    watchers=
}

stop_printer() {
    [ -n "$printer" ] || return 0
    kill "$printer" 2>/dev/null || true
    wait "$printer" || true
    printer=
}

# --- what is waited for

# Until the printer's status says so: `state=idle`.
await_status() {
    limited ipc-tool status watch printer | grep -q -E " $1( |\$)"
}

# Until the watcher of the status has shown the present one.
settle() {
    present=$(limited ipc-tool status watch printer | head -n 1)
    await_line status "$present"
}

# Until the last line that a watcher has shown is of this kind.
await_line() {
    left=1000
    until [ -e "$folder/$1" ] && tail -n 1 "$folder/$1" | grep -q -x -e "$2.*"; do
        left=$((left - 1))
        [ $left -gt 0 ] || { echo "demo: the $1 watcher does not show: $2" >&2; exit 1; }
        sleep 0.02
    done
}

# Not for ever, should something be wrong.
limited() {
    if command -v timeout >/dev/null 2>&1; then
        timeout 20 "$@"
    else
        "$@"
    fi
}

main

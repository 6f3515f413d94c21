#!/usr/bin/env bash
# Measures redis-ipc beside its peers; prints a table, writes target/bench/summary.json.
# What is measured, how, and what each figure means: README.md beside this file.
#
# Settings (environment): BENCH_CORE the core for what runs on one core (0), CALL_ROUNDS (15),
# CALLS a round (4000), PIPELINE_ROUNDS (7), ROUTER_ROUNDS (7), SKIP_SETUP=1 installs nothing.
# SHARDS_ONLY=1 measures nothing but what has to do with several servers.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
out=$top/target/bench
samples=$out/samples.txt
core=${BENCH_CORE:-0}
calls=${CALLS:-4000}
rust=${CARGO_TARGET_DIR:-$top/target}/release/redis-ipc-bench
tool=${CARGO_TARGET_DIR:-$top/target}/release/ipc-tool
other_core=$(($(nproc) > 1 ? (core + 1) % $(nproc) : core))
not_built=9 # exit code of a program whose subject does not exist yet
servers=()
room=

say() { printf '%s\n' "$*" >&2; }
die() { say "bench: $*"; exit 1; }
on_core() { taskset -c "$core" "$@"; }

clean_up() {
    local pid
    for pid in "${servers[@]}"; do
        kill "$pid" 2>/dev/null && wait "$pid" 2>/dev/null || true
    done
    [ -z "$room" ] || rm -rf "$room"
}
trap clean_up EXIT

# ---------------------------------------------------------------- set-up

missing_packages() {
    local tool
    for tool in gcc valgrind strace taskset redis-server; do
        command -v "$tool" >/dev/null && continue
        [ "$tool" = taskset ] && tool=util-linux
        echo "$tool"
    done
    command -v redis-benchmark >/dev/null || echo redis-tools
    command -v nutcracker >/dev/null || echo nutcracker
    [ -e /usr/include/hiredis/hiredis.h ] || echo libhiredis-dev
    [ -e /usr/include/json-c/json.h ] || echo libjson-c-dev
}

set_up() {
    local missing as_root=
    missing=$(missing_packages | sort -u)
    [ -n "$missing" ] && [ -z "${SKIP_SETUP:-}" ] || return 0
    command -v apt-get >/dev/null || die "please install:" $missing
    [ "$(id -u)" = 0 ] || as_root=sudo
    say "installing" $missing
    $as_root apt-get update -qq >&2
    # shellcheck disable=SC2086 # a word for each package
    DEBIAN_FRONTEND=noninteractive $as_root apt-get install -y -qq --no-install-recommends $missing libc6-dev >&2
}

build() {
    local program
    (cd "$top" && cargo build --quiet --release -p redis-ipc-bench -p redis-ipc-tools)
    mkdir -p "$out/c"
    for program in call_raw call_original codec envelope pipeline; do
        gcc -std=gnu11 -O2 -Wall -Wextra -o "$out/c/$program" "$here/c/$program.c" -lhiredis -ljson-c
    done
    gcc -std=gnu11 -O2 -Wall -Wextra -shared -fPIC -o "$out/c/count.so" "$here/c/count_allocations.c"
    (cd "$top" && make --no-print-directory -s c >&2)
    # shellcheck disable=SC2046 # a word for each library
    gcc -std=gnu11 -O2 -Wall -Wextra -I "$top/blocking/include" -o "$out/c/call_ripc" "$here/c/call_ripc.c" \
        "$top/target/c/lib/libripc.a" $(cat "$top/target/c/libs.txt")
    "$rust" inputs "$out/inputs"
    : >"$samples"
}

# A private server on $room/NAME.socket, run by the command that follows (taskset or env).
start_server() {
    local socket=$room/$1.socket tries
    shift
    "$@" redis-server --port 0 --unixsocket "$socket" --unixsocketperm 600 --dir "$room" \
        --save '' --appendonly no --daemonize no >"$room/server.log" 2>&1 &
    servers+=($!)
    for tries in $(seq 200); do
        redis-cli -s "$socket" ping 2>/dev/null | grep -q PONG && return 0
        sleep 0.05
    done
    die "no server on $socket: $(tail -1 "$room/server.log")"
}

version() { "$@" 2>/dev/null | head -1; }
crate() { sed -n "/^name = \"$1\"$/{n;s/version = \"\(.*\)\"/\1/p}" "$top/Cargo.lock"; }

machine() {
    local cpu hiredis json
    cpu=$(sed -n 's/^model name[^:]*: *//p' /proc/cpuinfo | head -1)
    hiredis=$(sed -n 's/#define HIREDIS_\(MAJOR\|MINOR\|PATCH\) //p' /usr/include/hiredis/hiredis.h | paste -sd.)
    json=$(sed -n 's/#define JSON_C_VERSION  *"\(.*\)"/\1/p' /usr/include/json-c/json_c_version.h)
    echo "Machine: ${cpu:-$(uname -m)}, $(nproc) cores, Linux $(uname -r), $(sed -n 's/^PRETTY_NAME="\(.*\)"/\1/p' /etc/os-release)"
    echo "Server: $(version redis-server --version | cut -d' ' -f1-3); compilers: $(version rustc --version), $(version gcc --version)"
    echo "Peers: hiredis $hiredis, json-c $json, redis-rs $(crate redis), redis-protocol $(crate redis-protocol), $(nutcracker --version 2>&1 | head -1 | sed "s/This is //; s/nutcracker-/twemproxy /"), rb with redis-py, serde_json $(crate serde_json), serde-json-core $(crate serde-json-core)"
    echo "Rounds: $call_rounds of $calls calls, $pipeline_rounds of pipelining, $codec_rounds of codec times; programs take turns, medians are shown"
}

# ---------------------------------------------------------------- measuring

# Keeps one number: GROUP WHO NUMBER.
sample() { echo "$1.$2 $3" >>"$samples"; }

# Runs a program and keeps each line `name number` of its output as GROUP with `%` for the name.
# A program whose subject is not built is passed over; any other failure ends the run.
measure() {
    local group=$1 who=$2 status=0 lines name number
    shift 2
    lines=$("$@" 2>"$room/errors") || status=$?
    [ "$status" = "$not_built" ] && return 0
    [ "$status" = 0 ] || die "$* failed: $(cat "$room/errors")"
    while read -r name number; do
        sample "${group/\%/$name}" "$who" "$number"
    done <<<"$lines"
}

# What one operation takes: runs METER PROGRAM... COUNT for two counts, and shares the difference
# out among the operations, so that start and end of the program do not count.
each() {
    local group=$1 who=$2 few=$3 many=$4 first second status=0
    shift 4
    first=$("$@" "$few") || status=$?
    [ "$status" = "$not_built" ] && return 0
    [ "$status" = 0 ] || die "$* $few failed"
    second=$("$@" "$many")
    sample "$group" "$who" "$(awk "BEGIN { print ($second - $first) / ($many - $few) }")"
}

# The meters: each runs a program and prints one number.
instructions() {
    local status=0
    valgrind --tool=callgrind --callgrind-out-file=/dev/null "$@" >/dev/null 2>"$room/valgrind" || status=$?
    awk '/Collected/ { print $4 }' "$room/valgrind"
    return $status
}

allocations() {
    local status=0
    LD_PRELOAD=$out/c/count.so "$@" >/dev/null 2>"$room/allocations" || status=$?
    awk '/^allocations/ { sum += $2 } END { print sum }' "$room/allocations"
    return $status
}

system_calls() {
    local status=0
    strace -c -f -U calls,name -o "$room/strace" "$@" >/dev/null 2>&1 || status=$?
    awk '$1 ~ /^[0-9]+$/ && $2 != "total" { sum += $1 } END { print sum }' "$room/strace"
    return $status
}

# Instructions and allocations an operation: GROUP WHO MANY PROGRAM... (the count comes last).
count_codec() {
    local group=$1 who=$2 many=$3
    shift 3
    each "${group}_ir" "$who" 10 "$many" instructions "$@"
    each "${group}_allocs" "$who" 10 "$many" allocations "$@"
}

# Everything about the codec: calls CODEC for each program with its input.
# CODEC is count_codec or time_codec.
codec() {
    local action=$1 input many
    for input in bulk blpop hgetall mget; do
        many=1010
        [ $input = mget ] && many=60
        local frame=$out/inputs/$input
        "$action" decode_$input hiredis $many "$out/c/codec" decode "$frame"
        "$action" decode_$input redis_rs $many "$rust" decode redis_rs "$frame"
        "$action" decode_$input redis_protocol $many "$rust" decode redis_protocol "$frame"
        "$action" decode_$input ours $many "$rust" decode ours "$frame"
    done
    local value=$out/inputs/rpush message=$out/inputs/envelope who
    "$action" encode_rpush hiredis 1010 "$out/c/codec" encode "$value"
    for who in redis_rs redis_protocol ours; do
        "$action" encode_rpush $who 1010 "$rust" encode $who "$value"
    done
    "$action" envelope_scan json_c 1010 "$out/c/envelope" decode "$message"
    "$action" envelope_encode json_c 1010 "$out/c/envelope" encode "$message"
    for who in serde_json serde_json_core ours ours_and_payload; do
        "$action" envelope_scan $who 1010 "$rust" envelope decode $who "$message"
        "$action" envelope_encode $who 1010 "$rust" envelope encode $who "$message"
    done
}

# A hundred times as many operations as are counted under valgrind.
time_codec() {
    local group=$1 who=$2 many=$3
    shift 3
    measure "${group}_%" "$who" on_core "$@" $((many * 100))
}

# One round of calls: GROUP SOCKET [command that pins].
call_round() {
    local group=$1 socket=$2
    shift 2
    measure "$group" raw "$@" "$out/c/call_raw" "$socket" "$calls"
    measure "$group" original "$@" "$out/c/call_original" "$socket" "$calls"
    measure "$group" ours "$@" "$rust" call ours "$socket" "$calls"
    measure "$group" c "$@" "$out/c/call_ripc" "$socket" "$calls"
    local who
    for who in ours_with_strings at_least_once redisbus redisrpc; do
        measure "$group" $who "$@" "$rust" call $who "$socket" "$calls"
    done
}

call_costs() {
    local socket=$1 meter=$2 group=$3
    each "$group" raw 500 2500 "$meter" taskset -c "$core" "$out/c/call_raw" "$socket"
    each "$group" original 500 2500 "$meter" taskset -c "$core" "$out/c/call_original" "$socket"
    local who
    for who in ours ours_with_strings; do
        each "$group" $who 500 2500 "$meter" taskset -c "$core" "$rust" call $who "$socket"
    done
}

# Settings from the cache, components that come back, components that wait.
around_calls() {
    local lines name number
    lines=$(on_core "$rust" settings "$pinned" 2000000) || die "settings failed"
    while read -r name number; do
        case $name in
            cached) sample settings_cached_ns ours "$number" ;;
            *) sample settings_cached_ns "$name" "$number" ;;
        esac
    done <<<"$lines"
    measure "resume_%" ours "$rust" resume
}

idle_components() {
    local lines name number
    lines=$(ulimit -n "$(ulimit -Hn)" && "$rust" idle 1000) || die "idle failed"
    while read -r name number; do
        case $name in
            ours) sample idle_component_kb ours "$number" ;;
            server) sample idle_component_server_kb ours "$number" ;;
        esac
    done <<<"$lines"
}

# redis-benchmark sends the same command: SOCKET set|rpush BATCH OPERATIONS.
redis_benchmark() {
    local words=(SET bench:pipeline "$(printf 'v%.0s' $(seq 16))")
    [ "$2" = rpush ] && words=(RPUSH bench:pipeline "$(printf 'v%.0s' $(seq 220))")
    redis-cli -s "$1" del bench:pipeline >/dev/null
    on_core redis-benchmark -s "$1" -c 1 -P "$3" -n "$4" --csv "${words[@]}" |
        awk -F'","' 'END { print "kops", $2 / 1000 }'
    redis-cli -s "$1" del bench:pipeline >/dev/null
}

# One program's rate: WHO SOCKET set|rpush BATCH OPERATIONS.
pipeline_turn() {
    local who=$1 group=pipeline_$3_$4
    shift
    case $who in
        hiredis) measure "$group" hiredis on_core "$out/c/pipeline" "$@" ;;
        redis_benchmark) measure "$group" redis_benchmark redis_benchmark "$@" ;;
        *) measure "$group" "$who" on_core "$rust" pipeline "$who" "$@" ;;
    esac
}

# Each command at each batch size. At batch 1 the programs differ by less than one turn does from
# the next, so they take three turns each; who begins changes from turn to turn.
pipeline_round() {
    local socket=$1 command batch operations turns turn place
    local programs=(hiredis redis_rs redis_benchmark ours)
    for command in set rpush; do
        for batch in 1 16 64 256; do
            operations=$((batch == 1 ? 20000 : batch == 16 ? 128000 : 256000))
            turns=$((batch == 1 ? 3 : 1))
            for turn in $(seq $turns); do
                for place in 0 1 2 3; do
                    pipeline_turn "${programs[(begin + place) % 4]}" \
                        "$socket" $command $batch $operations
                done
                begin=$((begin + 1))
            done
        done
    done
}

pipeline_allocations() {
    local socket=$1 command
    for command in set rpush; do
        local load=("$socket" $command 64) group=pipeline_${command}_allocs
        each "$group" hiredis 6400 64000 allocations "$out/c/pipeline" "${load[@]}"
        each "$group" redis_rs 6400 64000 allocations "$rust" pipeline redis_rs "${load[@]}"
        each "$group" ours 6400 64000 allocations "$rust" pipeline ours "${load[@]}"
    done
}

# The printer of blocking/examples/c, all static and stripped, beside one with hiredis and json-c.
sizes() {
    local flags=(-std=gnu11 -Os -s -static -Wl,--gc-sections) size=size_c_example_static_bytes
    # shellcheck disable=SC2046 # a word for each library
    gcc "${flags[@]}" -I "$top/blocking/include" -o "$room/printer" "$top/blocking/examples/c/printer.c" \
        "$top/target/c/lib/libripc.a" $(cat "$top/target/c/libs.txt") 2>"$room/errors" || die "$(cat "$room/errors")"
    sample $size ours "$(stat -c %s "$room/printer")"
    gcc "${flags[@]}" -o "$room/printer" "$here/c/printer_original.c" -lhiredis -ljson-c 2>"$room/errors" ||
        die "$(cat "$room/errors")"
    sample $size hiredis_json_c "$(stat -c %s "$room/printer")"
}

# Four servers for keys that are spread over them, and both routers before them: servers and the
# load on one core, routers on the other.
start_shards() {
    local n
    # The versions of the list first: rb breaks with a newer redis-py.
    "$top/tests/setup.sh" python "$top/tests/python/requirements.txt" &&
        python=$("$top/tests/setup.sh" python rb) || die "rb cannot be installed"
    {
        printf 'bench:\n  listen: %s/twemproxy 0600\n  hash: crc32\n  distribution: modula\n' "$room"
        printf '  redis: true\n  preconnect: true\n  servers:\n'
    } >"$room/nutcracker.yml"
    for n in 0 1 2 3; do
        start_server shard$n taskset -c "$core"
        shards+=("$room/shard$n.socket")
        printf '   - %s:1 shard%d\n' "$room/shard$n.socket" $n >>"$room/nutcracker.yml"
        printf '[[host]]\nid = %d\naddress = "%s"\n' $n "$room/shard$n.socket" >>"$room/hosts.toml"
    done
    taskset -c "$other_core" nutcracker -c "$room/nutcracker.yml" -s "$(free_port)" \
        >/dev/null 2>&1 &
    servers+=($!)
    taskset -c "$other_core" "$tool" shard serve --hosts "$room/hosts.toml" \
        --listen "$room/ours" >/dev/null 2>&1 &
    servers+=($!)
    for n in twemproxy ours; do
        wait_for_router "$room/$n"
    done
}

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

wait_for_router() {
    local tries
    for tries in $(seq 200); do
        redis-cli -s "$1" get bench:key >/dev/null 2>&1 && return 0
        sleep 0.05
    done
    die "no router on $1"
}

# GETs of 10,000 keys by 50 connections: ROUTER PIPELINE REQUESTS.
router_load() {
    on_core redis-benchmark -s "$room/$1" -c 50 -P "$2" -n "$3" -r 10000 -t get --csv 2>/dev/null |
        awk -F'","' 'END { print "rps", $2; print "p99_ms", $7 }'
}

router_round() {
    local batch requests
    for batch in 1 16; do
        requests=$((batch == 1 ? 60000 : 480000))
        measure "router_p${batch}_%" twemproxy router_load twemproxy $batch $requests
        measure "router_p${batch}_%" ours router_load ours $batch $requests
    done
}

map_round() {
    local who
    for who in redis_rs_get redis_rs_mget ours; do
        measure map_10k_% $who "$rust" map $who 15 "${shards[@]}"
    done
    measure map_10k_% rb "$python" "$here/map_rb.py" 3 "${shards[@]}"
}

placements() {
    local placement round
    for placement in partition ketama consistent ring slots; do
        count_codec place_$placement ours 1010 "$rust" place $placement
        for round in $(seq $codec_rounds); do
            measure place_${placement}_% ours on_core "$rust" place $placement 1000000
        done
    done
}

several_servers() {
    local round
    say "several servers"
    start_shards
    for round in $(seq "$router_rounds"); do
        map_round
        router_round
    done
    placements
}

# What the firmware of a microcontroller takes, from its ELF.
firmware() {
    local name bytes
    "$top/targets/firmware.sh" >"$room/firmware" || die "the firmware cannot be built"
    while read -r name bytes; do
        sample "$name" ours "$bytes"
    done <"$room/firmware"
}

# ---------------------------------------------------------------- the run

call_rounds=${CALL_ROUNDS:-15}
pipeline_rounds=${PIPELINE_ROUNDS:-7}
router_rounds=${ROUTER_ROUNDS:-7}
shards=()
codec_rounds=3

set_up
room=$(mktemp -d)
say "building"
build
machine >"$room/machine"

all_on_one_server() {
    start_server pinned taskset -c "$core"
    start_server free env
    pinned=$room/pinned.socket
    free=$room/free.socket

    say "calls, on one core and not pinned"
    for _ in $(seq "$call_rounds"); do
        call_round call_one_core_%_us "$pinned" on_core
        call_round call_unpinned_%_us "$free" env
    done
    say "pipelining"
    begin=0
    for _ in $(seq "$pipeline_rounds"); do
        pipeline_round "$pinned"
    done
    say "system calls and allocations"
    if strace -o /dev/null true 2>/dev/null; then
        call_costs "$pinned" system_calls call_syscalls
    else
        say "strace may not trace here: no system calls counted"
    fi
    call_costs "$pinned" allocations call_allocs
    each at_least_once_allocs ours 500 2500 allocations \
        taskset -c "$core" "$rust" call at_least_once "$pinned"
    say "settings, restarts and idle components"
    for _ in $(seq 7); do
        around_calls
    done
    idle_components
    pipeline_allocations "$pinned"
    say "codec"
    for _ in $(seq "$codec_rounds"); do
        codec time_codec
    done
    codec count_codec
    sizes
    say "firmware"
    firmware
}

[ -n "${SHARDS_ONLY:-}" ] || all_on_one_server
several_servers

echo
"$rust" report "$samples" "$room/machine" "$out"
echo
echo "written: target/bench/summary.json, table.md, samples.txt"

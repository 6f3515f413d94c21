#!/usr/bin/env bash
# Runs the whole test suite as the boards would: built for them, under QEMU's user emulation. The
# redis-server, the Python of the peers and the shells that the tests start are this machine's own.
#
#   targets/test.sh                                 armv7-unknown-linux-gnueabihf and aarch64-unknown-linux-gnu
#   targets/test.sh aarch64-unknown-linux-gnu -p redis-ipc-tests --test calls
#
# The tests are those of a plain `cargo test`: without the firmware's, which `make test-firmware`
# runs on an emulated microcontroller, and the soak.
set -euo pipefail
cd "$(dirname "$0")/.."
tests/setup.sh program redis-server cc

left_out=(
    # There is nothing of a board in these: cargo builds what they run for this machine.
    a_component_and_its_caller_work_as_they_stand_in_the_readme
    the_thermometer_measures_streams_refuses_and_stops
    the_calculator_calculates_elsewhere
    # The emulator does not know how a terminal is kept to oneself (TIOCEXCL).
    a_serial_port_is_set_up_and_waited_for_when_it_is_gone
    # The emulator catches a signal for itself that it was started to ignore, so /proc does not tell of it.
    a_router_that_is_to_outlive_its_terminal_does
    # The emulator (7.2) fails an assertion of its own when a child process starts threads beside
    # those that it has not taken along.
    threads_of_maps_are_used_again_not_by_a_child_process_and_end_with_their_cluster
)

# The emulator may die in a child that is forked while it translates another thread's code, so
# these have a process for themselves.
alone=("tls a_child_process_makes_a_session_of_its_own")

# cross would run them in a container, without what else a test may need.
export CROSS_WAYS=${CROSS_WAYS:-rustup debian}
# Emulated code is slow and optimised code is less of it: this costs a minute of compiling and
# saves more. Assertions and the checks for overflow stay.
export CARGO_PROFILE_DEV_OPT_LEVEL=1

whole_suite() {
    local target=$1 entry skipped=()
    for entry in "${left_out[@]}" "${alone[@]#* }"; do
        skipped+=(--skip "$entry")
    done
    targets/cross.sh "$target" test --no-fail-fast -- "${skipped[@]}" || status=$?
    for entry in "${alone[@]}"; do
        targets/cross.sh "$target" test -p redis-ipc-tests --test "${entry% *}" -- --exact "${entry#* }" || status=$?
    done
}

status=0
if [ $# -gt 1 ]; then
    target=$1
    shift
    exec targets/cross.sh "$target" test "$@"
fi
for target in ${1:-armv7-unknown-linux-gnueabihf aarch64-unknown-linux-gnu}; do
    whole_suite "$target"
done
exit $status

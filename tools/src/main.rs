//! ipc-tool: look at and take part in a redis-ipc bus from the command line.

use std::process::ExitCode;

fn main() -> ExitCode {
    let words = std::env::args_os().skip(1);
    ExitCode::from(redis_ipc_tools::run(words))
}

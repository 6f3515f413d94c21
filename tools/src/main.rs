//! ipc-tool.

fn main() {}

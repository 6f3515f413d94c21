//! Nothing but what Rust's standard library brings along.

fn main() {}

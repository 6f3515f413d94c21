//! What the programs that share a bus with ours put on it, dialect by dialect.

pub mod redis_ipc;

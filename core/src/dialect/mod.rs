//! What the programs that share a bus with ours put on it, dialect by dialect.

mod fields;
pub mod redis_ipc;
pub mod redisbus;
pub mod redisrpc;

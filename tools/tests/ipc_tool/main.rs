//! The program `ipc-tool` as users run it, on real servers.

mod call;
mod hashes;
mod messages;
mod private_server;
mod redisbus;
mod redisrpc;
mod serial;
mod serve;
mod shard;
mod shard_commands;
mod shard_fanout;
mod shard_killed;
mod shard_move;
mod shard_run;
mod shard_serve;
mod support;
mod usage;

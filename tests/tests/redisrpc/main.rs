//! redisrpc: as the originals speak it, and among ourselves.

mod recorded;

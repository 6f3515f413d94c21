//! redisrpc: as the originals speak it, and among ourselves.

mod calls;
mod hostile;
mod peers;
mod recorded;

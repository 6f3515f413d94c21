//! redisbus: as the original speaks it, and among ourselves.

mod crowd;
mod documents;
mod files;
mod hostile;
mod peers;
mod recorded;
mod renewal;
mod workers;

//! redisbus: as the original speaks it, and among ourselves.

mod recorded;

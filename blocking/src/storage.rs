//! Buffers of a connection that grow as far as they may and no further.

use redis_ipc_core::session::Storage;

/// First size of each buffer, in bytes.
const INITIAL_BYTES: usize = 16 * 1024;

/// A buffer that doubles when a message needs it, up to a limit.
#[derive(Debug)]
pub(crate) struct Growing {
    bytes: Vec<u8>,
    limit: usize,
}

impl Growing {
    /// `limit` in bytes; at least 1 KiB, which a server's own words take.
    pub(crate) fn new(limit: usize) -> Self {
        let limit = limit.max(1024);
        Self {
            bytes: vec![0; INITIAL_BYTES.min(limit)],
            limit,
        }
    }
}

impl Storage for Growing {
    fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.bytes
    }

    fn grow(&mut self, needed: usize) -> bool {
        if needed > self.limit {
            return false;
        }
        if needed > self.bytes.len() {
            let size = needed.next_power_of_two().min(self.limit);
            self.bytes.reserve_exact(size - self.bytes.len());
            self.bytes.resize(size, 0);
        }
        true
    }

    fn limit(&self) -> usize {
        self.limit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_grows_to_its_limit_and_not_past_it() {
        let mut buffer = Growing::new(40_000);
        assert!(buffer.grow(20_000));
        assert_eq!(buffer.bytes().len(), 32_768);
        assert!(buffer.grow(40_000));
        assert_eq!(buffer.bytes().len(), 40_000);
        assert!(!buffer.grow(40_001));
        assert_eq!(buffer.bytes().len(), 40_000);
    }
}

//! Buffers of a connection that grow as far as they may and no further.

use redis_ipc_core::session::Storage;

/// First size of a buffer for sending, in bytes: what most programs ever send at once. The system's
/// memory is touched when it is made, so that it counts from the start.
const FOR_SENDING: usize = 4 * 1024;

/// First size of a buffer for receiving, in bytes: each receive takes what has come, up to that.
const FOR_RECEIVING: usize = 16 * 1024;

/// A buffer that doubles when a message needs it, up to a limit.
#[derive(Debug)]
pub(crate) struct Growing {
    bytes: Vec<u8>,
    limit: usize,
}

impl Growing {
    /// `limit` in bytes; at least 1 KiB.
    pub(crate) fn for_sending(limit: usize) -> Self {
        Self::new(FOR_SENDING, limit)
    }

    /// `limit` in bytes; at least 1 KiB, which a server's own words take.
    pub(crate) fn for_receiving(limit: usize) -> Self {
        Self::new(FOR_RECEIVING, limit)
    }

    fn new(first: usize, limit: usize) -> Self {
        let limit = limit.max(1024);
        Self {
            bytes: vec![0; first.min(limit)],
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
        let mut buffer = Growing::for_receiving(40_000);
        assert!(buffer.grow(20_000));
        assert_eq!(buffer.bytes().len(), 32_768);
        assert!(buffer.grow(40_000));
        assert_eq!(buffer.bytes().len(), 40_000);
        assert!(!buffer.grow(40_001));
        assert_eq!(buffer.bytes().len(), 40_000);
    }
}

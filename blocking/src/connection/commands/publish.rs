//! Channels, from the side of those who speak. [`Subscriber`](crate::Subscriber) listens.

use super::arguments::Each;
use crate::connection::Connection;
use crate::error::Error;

impl Connection {
    /// Publishes a message: PUBLISH. Says how many clients were told.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn publish(
        &mut self,
        channel: impl AsRef<[u8]>,
        message: impl AsRef<[u8]>,
    ) -> Result<u64, Error> {
        self.run("PUBLISH", (channel.as_ref(), message.as_ref()))
    }

    /// The channels that match a pattern and that somebody listens to: PUBSUB CHANNELS.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn pubsub_channels(&mut self, pattern: impl AsRef<[u8]>) -> Result<Vec<Vec<u8>>, Error> {
        self.read("PUBSUB CHANNELS", pattern.as_ref())
    }

    /// How many clients listen to each of these channels: PUBSUB NUMSUB.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn pubsub_numsub(
        &mut self,
        channels: &[impl AsRef<[u8]>],
    ) -> Result<Vec<(Vec<u8>, u64)>, Error> {
        self.read("PUBSUB NUMSUB", Each(channels))
    }

    /// How many patterns are listened to: PUBSUB NUMPAT.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn pubsub_numpat(&mut self) -> Result<u64, Error> {
        self.read("PUBSUB NUMPAT", ())
    }
}

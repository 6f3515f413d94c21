//! Commands that find their host.

use std::time::Duration;

use super::cluster::Cluster;
use super::error::Error;
use super::map::Promised;
use super::split;
use super::value::Value;

impl Cluster {
    /// Sends a command to the host of its key and waits for the answer.
    ///
    /// MGET, MSET, DEL, EXISTS, UNLINK and TOUCH work on keys of several hosts: they are split,
    /// and their answers joined. Such a command is not done at one moment, and may be done in
    /// part; the error says on which hosts.
    ///
    /// # Errors
    /// [`Error::Refused`] if it is not clear which host it is for; nothing was sent. Else what
    /// went wrong, and where.
    pub fn command<W: AsRef<[u8]>>(&self, words: &[W]) -> Result<Value, Error> {
        self.blocking_command(words, self.options().reply_limit)
    }

    /// As [`command`](Self::command), for one that the server may answer late on purpose.
    ///
    /// # Errors
    /// As with [`command`](Self::command).
    pub fn blocking_command<W: AsRef<[u8]>>(
        &self,
        words: &[W],
        limit: Duration,
    ) -> Result<Value, Error> {
        let layout = self.layout();
        if let Some(next) = self.next() {
            let mut keys = self.table().keys(words)?;
            if keys.any(|at| self.moves(next, words[at].as_ref())) {
                return self.command_through(next, words, limit);
            }
        }
        match split::route(&self.table(), &layout, words)? {
            #[cfg(feature = "redis")]
            split::Route::One(key) if self.topology().is_some() => {
                self.follow(&layout, layout.rule.host(words[key].as_ref()), words, limit)
            }
            split::Route::One(key) => layout.of_key(words[key].as_ref()).command(words, limit),
            split::Route::Several(parts) => {
                let mut map = self.map();
                let promise = map.queue_parts(parts, words);
                map.send(limit);
                promise.wait()
            }
        }
    }

    /// Sends a command to a host, whatever keys it has, and waits for the answer.
    ///
    /// # Errors
    /// [`Error::NoHost`], [`Error::Refused`] if it changes the connection that it is sent over, or
    /// what went wrong.
    pub fn command_on<W: AsRef<[u8]>>(&self, host: u32, words: &[W]) -> Result<Value, Error> {
        split::check_shared(words)?;
        let limit = self.options().reply_limit;
        self.layout().node(host)?.command(words, limit)
    }
}

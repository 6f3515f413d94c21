//! Files of a worker.

use std::io::Write;
use std::time::Duration;

use super::base64;
use super::client::Client;
use super::replies::Ended;
use crate::component::CallError;
use crate::error::Error;

impl Client {
    /// Copies a file from the folder of a worker; returns its size in bytes. `path` is counted
    /// from that folder. `within` is how long each piece of it may take; how many there are, the
    /// worker says: an `out` that takes no more ends it.
    ///
    /// What was written to `out` before an error stays there.
    ///
    /// # Errors
    /// [`CallError::Failed`] with the worker's words, for instance that it allows no downloads;
    /// [`CallError::TimedOut`], [`CallError::Bus`] as with [`call`](Self::call); an error of
    /// `out` is [`Error::Value`].
    pub fn download(
        &mut self,
        to: &str,
        path: &str,
        within: Duration,
        out: &mut impl Write,
    ) -> Result<u64, CallError> {
        self.fetch("download", to, path, within, out)
    }

    /// As [`download`](Self::download), for a folder: `out` gets a zip archive.
    ///
    /// # Errors
    /// As with [`download`](Self::download).
    pub fn download_dir(
        &mut self,
        to: &str,
        path: &str,
        within: Duration,
        out: &mut impl Write,
    ) -> Result<u64, CallError> {
        self.fetch("download_dir", to, path, within, out)
    }

    fn fetch(
        &mut self,
        command: &str,
        to: &str,
        path: &str,
        within: Duration,
        out: &mut impl Write,
    ) -> Result<u64, CallError> {
        let mut replies = self.ask(to, command, path, within)?.renewing();
        let (mut chunk, mut size, mut expected) = (Vec::new(), 0, 0);
        for reply in replies.by_ref() {
            let reply = reply?;
            let text: String = reply.read()?;
            chunk.clear();
            if reply.number.map(u64::from) != Some(expected) || !base64::decode(&text, &mut chunk) {
                let what = "a piece of the file is missing or is not base64";
                return Err(Error::Unexpected(what.to_owned()).into());
            }
            expected += 1;
            size += chunk.len() as u64;
            out.write_all(&chunk)
                .map_err(|error| Error::Value(format!("the copy cannot be written: {error}")))?;
        }
        match replies.ended() {
            Some(Ended::Complete) => Ok(size),
            _ => Err(CallError::TimedOut {
                recipient: to.to_owned(),
                timeout: within,
                taken: replies.taken(),
            }),
        }
    }
}

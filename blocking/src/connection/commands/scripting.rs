//! Scripts and functions that the server runs. [`Script`](crate::Script) is the easier way to a
//! script.

use super::arguments::Each;
use crate::connection::Connection;
use crate::error::Error;
use crate::from_reply::FromReply;

impl Connection {
    /// Runs a script in Lua and reads what it returns: EVAL. Its whole source goes out each time.
    ///
    /// # Errors
    /// As with [`Script::run`](crate::Script::run); [`Error::Protocol`] if it returns what is no
    /// `R`.
    pub fn eval<R: FromReply>(
        &mut self,
        source: &str,
        keys: &[impl AsRef<[u8]>],
        arguments: &[impl AsRef<[u8]>],
    ) -> Result<R, Error> {
        self.run("EVAL", (source, keys.len(), Each(keys), Each(arguments)))
    }

    /// Runs a function that was loaded with a library, and reads what it returns: FCALL, of Redis
    /// 7.0 and later.
    ///
    /// # Errors
    /// As with [`eval`](Self::eval).
    pub fn fcall<R: FromReply>(
        &mut self,
        function: &str,
        keys: &[impl AsRef<[u8]>],
        arguments: &[impl AsRef<[u8]>],
    ) -> Result<R, Error> {
        self.run("FCALL", (function, keys.len(), Each(keys), Each(arguments)))
    }

    /// Loads a library of functions, in place of the one of its name if it may be replaced:
    /// FUNCTION LOAD. Returns its name.
    ///
    /// # Errors
    /// As with [`get`](Self::get); the server's if it does not understand the source.
    pub fn function_load(&mut self, source: &str, replace: bool) -> Result<String, Error> {
        self.run("FUNCTION LOAD", (replace.then_some("REPLACE"), source))
    }

    /// Removes a library of functions: FUNCTION DELETE.
    ///
    /// # Errors
    /// As with [`get`](Self::get); the server's if there is none of that name.
    pub fn function_delete(&mut self, library: &str) -> Result<(), Error> {
        self.run("FUNCTION DELETE", library)
    }

    /// Has the server keep a script: SCRIPT LOAD. Returns the digest that EVALSHA knows it by.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn script_load(&mut self, source: &str) -> Result<String, Error> {
        self.read("SCRIPT LOAD", source)
    }

    /// Which scripts the server keeps: SCRIPT EXISTS.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn script_exists(&mut self, digests: &[impl AsRef<[u8]>]) -> Result<Vec<bool>, Error> {
        self.read("SCRIPT EXISTS", Each(digests))
    }

    /// Has the server forget all scripts: SCRIPT FLUSH.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn script_flush(&mut self) -> Result<(), Error> {
        self.run("SCRIPT FLUSH", ())
    }

    /// Ends the script that the server is running, if it has written nothing yet: SCRIPT KILL.
    ///
    /// # Errors
    /// As with [`get`](Self::get); `NOTBUSY` if none runs, `UNKILLABLE` if it has written.
    pub fn script_kill(&mut self) -> Result<(), Error> {
        self.run("SCRIPT KILL", ())
    }
}

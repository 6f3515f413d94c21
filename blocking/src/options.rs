//! Limits of a connection.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// How long to wait and how much to hold; the defaults suit a local server.
///
/// ```
/// use std::time::Duration;
/// use redis_ipc::Options;
///
/// let options = Options::default().reply_limit(Duration::from_secs(1)).message_limit(64 * 1024);
/// assert_eq!(options, options.clone());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    pub(crate) connect_limit: Duration,
    pub(crate) reply_limit: Duration,
    pub(crate) send_limit: Option<Duration>,
    pub(crate) receive_limit: Option<Duration>,
    pub(crate) keep_alive: Option<Duration>,
    pub(crate) message_limit: usize,
    pub(crate) name: Option<String>,
    pub(crate) one_process: bool,
    pub(crate) vet: Option<Vet>,
}

/// Somebody who looks at what a server says of itself.
#[derive(Clone)]
pub(crate) struct Vet(Arc<Look>);

type Look = dyn Fn(&str) -> Result<(), String> + Send + Sync;

impl Vet {
    pub(crate) fn look(&self, info: &str) -> Result<(), String> {
        (self.0)(info)
    }
}

impl fmt::Debug for Vet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Vet")
    }
}

impl PartialEq for Vet {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Vet {}

impl Default for Options {
    fn default() -> Self {
        Self {
            connect_limit: Duration::from_secs(5),
            reply_limit: Duration::from_secs(5),
            send_limit: None,
            receive_limit: None,
            keep_alive: Some(Duration::from_secs(15)),
            message_limit: 1024 * 1024,
            name: None,
            one_process: false,
            vet: None,
        }
    }
}

impl Options {
    /// How long connecting may take, the server's greeting included; by default 5 s. A server
    /// that is loading, and Sentinels without a master, are waited for that long; a server that
    /// is not there at all is not. A request that finds its connection gone makes a new one
    /// within its own limit, if that ends sooner.
    #[must_use]
    pub fn connect_limit(mut self, limit: Duration) -> Self {
        self.connect_limit = limit;
        self
    }

    /// How long one request may take from its beginning, which may be to connect, to the end of
    /// its reply; by default 5 s. Requests that block on purpose have their own time-out instead.
    #[must_use]
    pub fn reply_limit(mut self, limit: Duration) -> Self {
        self.reply_limit = limit;
        self
    }

    /// How long sending a request may take, within the reply limit; by default as long as that.
    /// A request is sent once the system has taken all of it.
    #[must_use]
    pub fn send_limit(mut self, limit: Duration) -> Self {
        self.send_limit = Some(limit);
        self
    }

    /// How long a reply may take from when its request was sent, or from when the reply before it
    /// was read, within the reply limit; by default as long as that. Requests that block on
    /// purpose have their own time-out instead.
    #[must_use]
    pub fn receive_limit(mut self, limit: Duration) -> Self {
        self.receive_limit = Some(limit);
        self
    }

    /// Over TCP, how long a server may be silent before the system asks whether it is there, in
    /// whole seconds; by default 15 s, `None` for never. It asks three times, a third of that
    /// time apart; without an answer the connection breaks, and also if what was sent is not
    /// acknowledged for twice that time. That is how a listener learns of a server whose host
    /// was switched off.
    #[must_use]
    pub fn keep_alive(mut self, silence: Option<Duration>) -> Self {
        self.keep_alive = silence;
        self
    }

    /// How large one request and one reply may be, in bytes of RESP; by default 1 MiB, at least
    /// 1 KiB. A connection has one buffer for sending, which starts at 4 KiB, and one for receiving,
    /// which starts at 16 KiB; they double when a message needs it, and never grow past this.
    #[must_use]
    pub fn message_limit(mut self, bytes: usize) -> Self {
        self.message_limit = bytes;
        self
    }

    /// The name that CLIENT LIST shows for the connection; blanks and control characters are
    /// left out.
    #[must_use]
    pub fn name(mut self, name: &str) -> Self {
        let name: String = name.chars().filter(char::is_ascii_graphic).collect();
        self.name = (!name.is_empty()).then_some(name);
        self
    }

    /// Has every server looked at before a request goes to it, whenever a connection is made:
    /// `vet` is given what INFO says in the sections `server` and `replication`, which is nothing
    /// if the server does not let us ask, and answers with a sentence if it is not the server that
    /// is meant. Then there is no connection, and the error is [`Error::WrongServer`].
    ///
    /// The questions go out together with the greeting; their answers have to fit the message
    /// limit, or else nothing is known either.
    ///
    /// ```
    /// use redis_ipc::Options;
    ///
    /// let ours = |info: &str| match info.contains("tcp_port:6379") {
    ///     true => Ok(()),
    ///     false => Err("it listens on another port".to_owned()),
    /// };
    /// let options = Options::default().vet(ours);
    /// # let _ = options;
    /// ```
    ///
    /// [`Error::WrongServer`]: crate::Error::WrongServer
    #[must_use]
    pub fn vet(mut self, vet: impl Fn(&str) -> Result<(), String> + Send + Sync + 'static) -> Self {
        self.vet = Some(Vet(Arc::new(vet)));
        self
    }

    /// Has the connection refused in a child process for good: more hangs on it than itself,
    /// names that only one process may have.
    pub(crate) fn one_process(mut self) -> Self {
        self.one_process = true;
        self
    }
}

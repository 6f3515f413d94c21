//! A component: one thread's place on the bus.

mod answer;
pub(crate) mod arrive;
mod by_hand;
mod call;
mod call_error;
mod debug;
mod delivery;
mod events;
mod failure;
mod hash;
mod hash_value;
mod job;
mod limitation;
pub(crate) mod line;
mod listen;
mod next;
pub(crate) mod outage;
mod own_status;
pub(crate) mod payload;
mod quiet;
mod readiness;
mod recover;
mod serve;
mod service;
mod stop;
mod watch;

use std::collections::VecDeque;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use redis_ipc_core::dialect::redis_ipc::Timestamp;
use redis_ipc_core::identity::Identity;
use redis_ipc_core::key::{Key, OWN_SETTINGS};
use redis_ipc_core::name::{Component as ComponentName, NameError, Thread as ThreadName};

use crate::connection::{Connection, Pair};
use crate::endpoint::Endpoint;
use crate::error::Error;
use crate::options::Options;
use line::Line;
use outage::Outage;
use own_status::OwnStatus;
use readiness::Readiness;

pub use call_error::{CallError, Taken};
pub use debug::{DebugMessage, Level};
pub use delivery::Delivery;
pub use events::Event;
pub use failure::Failure;
pub use hash::{Hash, HashKind};
pub use job::{Job, Sender};
pub use limitation::{Counters, Limitation};
pub use next::Turn;
pub use outage::{BusEvent, State};
pub use serve::Command;
pub use service::Service;
pub use stop::Stop;
pub use watch::Watched;

/// How many commands may wait in one queue by default, before a caller is told
/// [`CallError::Overloaded`].
pub const DEFAULT_QUEUE_LIMIT: u64 = 1024;

/// One thread's place on the bus: calls, serves, publishes, listens, keeps settings and status.
///
/// It has one connection for work and, once it serves or listens, a second one on which
/// commands and messages arrive. It belongs to the thread that made it: its messages carry that
/// thread's number, and its results queue is named after the thread's name, so no two
/// components that are alive at the same time may share both names. In a child process that
/// came of a `fork()`, every operation of its parent's component fails with [`Error::Forked`].
///
/// When it is dropped it leaves nothing in flight: a command that its last pop took goes back to
/// the head of its queue. That blocks for one turn of the line, at most for the
/// [reply limit](Options::reply_limit) if the server stands still.
///
/// Memory: a send and a receive buffer a connection ([`Options::message_limit`]), and one buffer
/// that holds the message at hand.
///
/// ```no_run
/// use std::time::Duration;
/// use redis_ipc::{Component, Endpoint};
///
/// #[derive(serde::Serialize)]
/// struct Print<'a> { file: &'a str, copies: u32 }
///
/// #[derive(serde::Deserialize)]
/// struct Printed { pages: u32 }
///
/// let mut desk = Component::connect("desk", "main")?;
/// let job = Print { file: "/tmp/job.pdf", copies: 3 };
/// let printed: Printed = desk.call("printer.print", &job, Duration::from_secs(30))?;
/// assert_eq!(printed.pages, 3);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Component {
    identity: Identity,
    work: Connection,
    own: OwnSettings,
    queue_limit: u64,
    /// Whether commands say when their caller stops waiting.
    command_deadlines: bool,
    delivery: Delivery,
    /// Ends a call before its time.
    call_stop: Stop,
    lost: Vec<Limitation>,
    line: Line,
    counters: Counters,
    /// The run of the server that all this belongs to, if it tells.
    run_id: Option<String>,
    /// The connection for work that `run_id` was asked on.
    work_generation: u32,
    outage: Outage,
    /// What has happened to the bus and was not told yet.
    news: VecDeque<BusEvent>,
    restarted: bool,
    /// Whether the server is another one than before and was not told yet what it has to know.
    unrestored: bool,
    /// When to write the own status again, if the server has refused to take it.
    status_due: Option<Instant>,
    /// What this component has written into its status, to be written again on a new server.
    own_status: OwnStatus,
    /// What a loop of the program's own waits for, if it has one.
    readiness: Option<Readiness>,
}

/// The settings of redis-ipc itself: the hash `settings.redis-ipc`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct OwnSettings {
    /// Debug messages up to this level are sent.
    debug_verbosity: i64,
    /// Which component may write settings; `*` for any.
    settings_writer: String,
}

impl Default for OwnSettings {
    /// What holds where the hash does not say otherwise.
    fn default() -> Self {
        Self {
            debug_verbosity: 5,
            settings_writer: "db".to_owned(),
        }
    }
}

impl Component {
    /// Joins the bus of this device: [`Endpoint::from_environment`] with default [`Options`].
    ///
    /// # Errors
    /// [`Error::Name`] for a name that is none, [`Error::Connect`] if there is no server.
    pub fn connect(component: &str, thread: &str) -> Result<Self, Error> {
        let endpoint = Endpoint::from_environment()?;
        Self::connect_to(&endpoint, component, thread, Options::default())
    }

    /// Joins the bus of a certain server.
    ///
    /// Clears the results queue of this thread, adds the flags `Kh` to the server's
    /// `notify-keyspace-events` if they are missing, and reads the settings of redis-ipc. A
    /// server that forbids CONFIG is no hindrance: [`limitations`](Self::limitations) then says
    /// what is lost.
    ///
    /// # Errors
    /// [`Error::Name`] for a name that is none, [`Error::Connect`] if there is no server,
    /// [`Error::Server`] if it refuses us.
    pub fn connect_to(
        endpoint: &Endpoint,
        component: &str,
        thread: &str,
        options: Options,
    ) -> Result<Self, Error> {
        let identity = identity(component, thread)?;
        let options = options.name(&format!("{component}.{thread}")).one_process();
        let mut component = Self {
            identity,
            work: Connection::open_with(endpoint, options.clone())?,
            own: OwnSettings::default(),
            queue_limit: DEFAULT_QUEUE_LIMIT,
            command_deadlines: false,
            delivery: Delivery::default(),
            call_stop: Stop::new(),
            lost: Vec::new(),
            line: Line::closed(endpoint, options),
            counters: Counters::default(),
            run_id: None,
            work_generation: 0,
            outage: Outage::none(endpoint),
            news: VecDeque::new(),
            restarted: false,
            unrestored: false,
            status_due: None,
            own_status: OwnStatus::default(),
            readiness: None,
        };
        match component.settle_in() {
            Ok(()) => Ok(component),
            Err(error) => Err(error.while_connecting(endpoint)),
        }
    }

    fn settle_in(&mut self) -> Result<(), Error> {
        self.know_server()?;
        let results = self.identity.results_queue().clone();
        self.work.del(&[results.as_bytes()])?;
        self.read_own_settings()?;
        self.add_notifications("Kh")
    }

    /// This component's name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.identity.component()
    }

    /// This thread's name.
    #[must_use]
    pub fn thread(&self) -> &str {
        self.identity.thread()
    }

    /// Whether this process came of a `fork()` and the component is its parent's: then it can do
    /// nothing here but be dropped, which leaves the parent's connections alone.
    #[must_use]
    pub fn is_inherited(&self) -> bool {
        self.work.is_inherited()
    }

    /// What this component cannot have from its server; empty where all is well.
    #[must_use]
    pub fn limitations(&self) -> &[Limitation] {
        &self.lost
    }

    /// What was dropped so far.
    #[must_use]
    pub fn counters(&self) -> Counters {
        let mut counters = self.counters;
        counters.messages_dropped += self.line.overflowed;
        counters
    }

    /// How this component stands with its bus, as far as it has noticed.
    #[must_use]
    pub fn state(&self) -> &State {
        self.outage.state()
    }

    /// How many commands may wait in a queue before [`call`](Self::call) takes its own back and
    /// reports [`CallError::Overloaded`]; by default [`DEFAULT_QUEUE_LIMIT`].
    pub fn set_queue_limit(&mut self, commands: u64) {
        self.queue_limit = commands;
    }

    /// Has commands say when their caller stops waiting, so that whoever takes one later drops
    /// it instead of executing it: [`Counters::commands_expired`]. For commands that make no
    /// sense any more by then, and where a caller may die before it takes its command back.
    ///
    /// On the wire it is the member `command_deadline`, a text as in `timestamp`, behind the other
    /// standard members. Compat: the originals write no such member, do not look at it, and show it
    /// to their handlers as one of the user's. It is compared with the clock of the one who
    /// serves: on another machine, or if somebody sets the clock, a command may be dropped too
    /// early or too late.
    pub fn set_command_deadlines(&mut self, wanted: bool) {
        self.command_deadlines = wanted;
    }

    /// Has a call end once `stop` is requested, as if its time-out had passed: its command is
    /// taken back, or [`CallError::TimedOut`] says that somebody has taken it. Without this a
    /// call waits for its time-out, also while the component is asked to stop serving.
    pub fn set_call_stop(&mut self, stop: Stop) {
        self.call_stop = stop;
    }

    /// The connection for work, for whatever redis-ipc has no word for.
    pub fn connection(&mut self) -> &mut Connection {
        &mut self.work
    }

    /// Reads the settings of redis-ipc again. A component that watches or serves does so by
    /// itself when they change.
    ///
    /// # Errors
    /// What broke, or the server's error.
    pub fn read_own_settings(&mut self) -> Result<(), Error> {
        let fields = match self.read_hash(OWN_SETTINGS) {
            // No component is to stop because somebody has filled these up.
            Err(Error::TooLong { sizes, .. }) => {
                self.note(&format!("{OWN_SETTINGS} is not heeded: {sizes}"));
                return Ok(());
            }
            fields => fields?,
        };
        self.own = OwnSettings::default();
        for (name, value) in fields {
            let value = String::from_utf8_lossy(&value);
            match &*name {
                b"debug_verbosity" => {
                    if let Ok(verbosity) = value.trim().parse() {
                        self.own.debug_verbosity = verbosity;
                    }
                }
                b"settings_writer" => self.own.settings_writer = value.into_owned(),
                _ => {}
            }
        }
        Ok(())
    }

    /// The fields of a hash; none where something else has taken its place.
    fn read_hash(&mut self, key: impl AsRef<[u8]>) -> Result<Vec<Pair>, Error> {
        match self.work.hgetall(&key) {
            Err(Error::Server(error)) if error.code() == "WRONGTYPE" => {
                let key = String::from_utf8_lossy(key.as_ref());
                self.note(&format!("{key} is no hash"));
                Ok(Vec::new())
            }
            fields => fields,
        }
    }

    /// Adds flags to the server's `notify-keyspace-events`, keeping what is set.
    fn add_notifications(&mut self, wanted: &str) -> Result<(), Error> {
        match self.work.add_notifications(wanted) {
            Err(Error::Server(refused)) => {
                self.lose(Limitation::Notifications {
                    why: refused.text().to_owned(),
                });
                Ok(())
            }
            added => added,
        }
    }

    fn lose(&mut self, limitation: Limitation) {
        if !self.lost.contains(&limitation) {
            self.lost.push(limitation);
        }
    }
}

impl Drop for Component {
    fn drop(&mut self) {
        self.take_leave();
    }
}

fn identity(component: &str, thread: &str) -> Result<Identity, Error> {
    let checked_component =
        ComponentName::parse(component).map_err(|why| name_error(component, why))?;
    let checked_thread = ThreadName::parse(thread).map_err(|why| name_error(thread, why))?;
    let tid = rustix::thread::gettid().as_raw_nonzero().get();
    // Ids count up from the time, so that those of a restarted process that got the same thread
    // number do not come again.
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH);
    let first = since_epoch.map_or(0, |time| u64::try_from(time.as_micros()).unwrap_or(0));
    let tid = u64::from(tid.unsigned_abs());
    Ok(Identity::new(
        checked_component,
        checked_thread,
        tid,
        first,
    )?)
}

fn name_error(text: &str, why: NameError) -> Error {
    Error::Name {
        text: text.to_owned(),
        why,
    }
}

fn timestamp() -> Timestamp {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp {
        seconds: now.as_secs(),
        microseconds: now.subsec_micros(),
    }
}

/// The name of a component of the bus, checked.
fn component_name(text: &str) -> Result<ComponentName<'_>, Error> {
    ComponentName::parse(text).map_err(|why| name_error(text, why))
}

/// The key of a queue of `component`.
fn queue_key(component: &str, subqueue: &str) -> Result<Key, Error> {
    let subqueue =
        redis_ipc_core::name::Subqueue::parse(subqueue).map_err(|why| name_error(subqueue, why))?;
    Ok(Key::commands(component_name(component)?, Some(subqueue))?)
}

//! What goes wrong with several servers, and on which.

use std::fmt;
use std::sync::Arc;

use redis_ipc::Outcome;

use super::commands::Refusal;

/// A command for a cluster failed, or one of many for it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Error {
    /// It cannot be sent to one host, and was not.
    Refused(Refusal),
    /// There is no host of that number.
    NoHost {
        /// The number.
        id: u32,
        /// How many hosts there are.
        hosts: usize,
    },
    /// A host did not do it.
    Failed(Failed),
    /// Parts of a command that was split went to several hosts, and some of them failed.
    Partly {
        /// The hosts that did their part.
        done: Vec<u32>,
        /// Those that did not.
        failed: Vec<Error>,
    },
    /// It was cancelled, or the time of all commands together was over, before its host had
    /// answered.
    GivenUp {
        /// The host's number.
        host: u32,
        /// Its address.
        address: Arc<str>,
        /// Whether it was executed.
        outcome: Outcome,
        /// Whether somebody cancelled it.
        cancelled: bool,
    },
    /// Its parts were answered, and the answers do not go together.
    Odd(String),
    /// No node of a Redis Cluster says which node has which slots; what each of them said.
    Topology(String),
    /// The map that it belongs to was not sent.
    NotSent,
}

/// What became of a command on one host.
#[derive(Debug, Clone)]
pub struct Failed {
    /// The host's number.
    pub host: u32,
    /// Its address.
    pub address: Arc<str>,
    /// What is wrong.
    pub cause: Cause,
}

/// What is wrong with a command on one host.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Cause {
    /// The server answered with an error; its words.
    Rejected(String),
    /// The connection could not be made, broke or was too slow. All commands that were on it have
    /// this error in common.
    Connection(Arc<redis_ipc::Error>),
    /// It was not sent, because the connection failed with earlier commands that were on it.
    NotReached(Arc<redis_ipc::Error>),
    /// The answer is not what the command has for an answer.
    Unexpected(String),
}

impl Error {
    /// Whether the command was executed.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        match self {
            Self::Refused(_) | Self::NoHost { .. } | Self::Topology(_) | Self::NotSent => {
                Outcome::NotSent
            }
            Self::Failed(failed) => failed.outcome(),
            Self::Partly { done, failed } if done.is_empty() && failed.iter().all(not_sent) => {
                Outcome::NotSent
            }
            Self::Partly { .. } | Self::Odd(_) => Outcome::Unknown,
            Self::GivenUp { outcome, .. } => *outcome,
        }
    }

    /// Whether a host could not be reached, or not any more.
    #[must_use]
    pub fn is_disconnection(&self) -> bool {
        match self {
            Self::Failed(Failed {
                cause: Cause::Connection(error) | Cause::NotReached(error),
                ..
            }) => error.is_disconnection(),
            Self::Partly { failed, .. } => failed.iter().any(Self::is_disconnection),
            Self::GivenUp { cancelled, .. } => !cancelled,
            Self::Topology(_) => true,
            _ => false,
        }
    }
}

fn not_sent(error: &Error) -> bool {
    error.outcome() == Outcome::NotSent
}

impl Failed {
    /// Whether the command was executed there.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        match &self.cause {
            Cause::Rejected(_) => Outcome::Rejected,
            Cause::Connection(error) => error.outcome(),
            Cause::NotReached(_) => Outcome::NotSent,
            Cause::Unexpected(_) => Outcome::Unknown,
        }
    }
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "host {} ({}): {}", self.host, self.address, self.cause)
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Its address stands before this, and a host's is no matter of RIPC_SERVER_PATH.
        if let Self::Connection(error) | Self::NotReached(error) = self
            && let redis_ipc::Error::Connect { source, .. } = &**error
        {
            return write!(f, "no server: {source}");
        }
        match self {
            Self::Rejected(words) => write!(f, "the server said: {words}"),
            Self::Connection(error) => error.fmt(f),
            Self::NotReached(error) if error.outcome() != Outcome::Unknown => error.fmt(f),
            Self::NotReached(error) => {
                write!(f, "not sent, for before it something else failed: {error}")
            }
            Self::Unexpected(text) => f.write_str(text),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(refusal) => refusal.fmt(f),
            Self::NoHost { id, hosts } => {
                write!(
                    f,
                    "there is no host {id}: there are {hosts}, numbered from 0"
                )
            }
            Self::Failed(failed) => failed.fmt(f),
            Self::Partly { done, failed } => {
                for failed in failed {
                    write!(f, "{failed}; ")?;
                }
                match done.is_empty() {
                    true => f.write_str("no host did its part"),
                    false => write!(f, "hosts {done:?} did their parts"),
                }
            }
            Self::GivenUp {
                host,
                address,
                outcome,
                cancelled,
            } => {
                let why = match cancelled {
                    true => "cancelled before its answer came",
                    false => "no answer in time",
                };
                write!(f, "host {host} ({address}): {why}; {outcome}")
            }
            Self::Odd(text) => f.write_str(text),
            Self::Topology(why) => {
                write!(
                    f,
                    "no node says who has the slots of the Redis Cluster: {why}"
                )
            }
            Self::NotSent => f.write_str("the map that it belongs to was not sent"),
        }
    }
}

impl std::error::Error for Error {}
impl std::error::Error for Failed {}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// Hosts that make no cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum HostsError {
    /// There is none.
    None,
    /// Two have one number.
    Duplicate {
        /// The number.
        id: u32,
        /// Both addresses.
        addresses: [String; 2],
    },
    /// The numbers do not run from 0 without gaps: a key's host depends on how many there are.
    Gap {
        /// The number that is missing.
        missing: u32,
        /// How many hosts there are.
        hosts: usize,
    },
    /// Two hosts have one address, the database included.
    SameAddress {
        /// The address.
        address: String,
        /// Both numbers.
        ids: [u32; 2],
    },
    /// Two hosts have different addresses and are one database of one server.
    SameServer {
        /// Both addresses.
        addresses: [String; 2],
        /// Both numbers.
        ids: [u32; 2],
    },
    /// Two hosts have one name, by which the placement tells them apart: one of them would have no
    /// key.
    SameName {
        /// The name.
        name: String,
        /// Both numbers.
        ids: [u32; 2],
    },
    /// What rb calls a host with options of TLS cannot be told from ours.
    Unnamed {
        /// Its number.
        id: u32,
    },
    /// The nodes of a Redis Cluster say themselves who its hosts are.
    RedisCluster,
    /// Keys are on their way to hosts that join, and would be looked for there still.
    Joining,
    /// The weights or the names make no circle.
    Circle(redis_ipc_core::shard::CircleError),
}

impl fmt::Display for HostsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("there is no host"),
            Self::Duplicate { id, addresses } => {
                let [first, second] = addresses;
                write!(f, "two hosts have the number {id}: {first} and {second}")
            }
            Self::Gap { missing, hosts } => write!(
                f,
                "host {missing} is missing: {hosts} hosts are numbered from 0 to {} without gaps",
                hosts - 1
            ),
            Self::SameAddress { address, ids } => {
                let [first, second] = ids;
                write!(f, "hosts {first} and {second} have one address: {address}")
            }
            Self::SameServer { addresses, ids } => {
                let ([first, second], [here, there]) = (ids, addresses);
                write!(
                    f,
                    "hosts {first} and {second} are one database of one server: {here} and {there}"
                )
            }
            Self::SameName { name, ids } => {
                let [first, second] = ids;
                write!(
                    f,
                    "hosts {first} and {second} have one name, {name}, and only one of them would \
                     have keys: give them a name each"
                )
            }
            Self::Unnamed { id } => write!(
                f,
                "host {id} has options of TLS, which rb's consistent router hashes in its own form: \
                 name it as Python prints it, <HostInfo …>"
            ),
            Self::RedisCluster => {
                f.write_str("the nodes of a Redis Cluster say themselves who its hosts are")
            }
            Self::Joining => f.write_str(
                "hosts are joining: only all of them together can be put in, once their keys have moved",
            ),
            Self::Circle(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for HostsError {}

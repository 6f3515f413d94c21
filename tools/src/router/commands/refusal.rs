//! Why a command is not sent to a single host.

use std::fmt;

/// Why a command cannot be sent to the one host it is for; nothing was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// It is not in the table.
    Unknown(String),
    /// It has no key that could say which host it is for.
    NoKey(String),
    /// Its keys live on several hosts.
    SeveralHosts {
        /// The command.
        name: String,
        /// How many keys it has.
        keys: usize,
        /// The hosts, in order.
        hosts: Vec<u32>,
    },
    /// Its keys live in several slots of a Redis Cluster.
    SeveralSlots {
        /// The command.
        name: String,
        /// How many keys it has.
        keys: usize,
    },
    /// Which of its words are keys depends on more than its words' positions.
    Movable(String),
    /// It changes the connection that it comes over, and those to hosts are shared.
    Connection(String),
    /// It puts a key into another database of the key's server: nobody finds it there, or it is
    /// another host's.
    Database(String),
    /// It has several keys, and some of them are on their way to another host.
    Moving(String),
    /// It has too many words or too few.
    Arity(String),
    /// The word that counts its keys does not, or another word is missing.
    Syntax(String),
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(name) => write!(f, "the command {name:?} is not known to the router"),
            Self::NoKey(name) => {
                write!(f, "{name} does not operate on a key, consider a fanout")
            }
            Self::SeveralHosts { name, keys, hosts } => write!(
                f,
                "{name} operates on multiple keys ({keys}), and they live on several hosts ({})",
                hosts
                    .iter()
                    .map(u32::to_string)
                    .collect::<Vec<_>>()
                    .join(", ")
            ),
            Self::SeveralSlots { name, keys } => write!(
                f,
                "{name} operates on multiple keys ({keys}), and they live in several slots: \
                 in a Redis Cluster, {{braces}} around a part in common put keys into one"
            ),
            Self::Movable(name) => write!(
                f,
                "the host of {name} cannot be told: its keys are movable; send it to the host itself"
            ),
            Self::Connection(name) => write!(
                f,
                "{name} is for a connection of one's own, and those to hosts are shared"
            ),
            Self::Database(name) => write!(
                f,
                "{name} would put the key into another database of its server, where it is not found"
            ),
            Self::Moving(name) => {
                write!(
                    f,
                    "{name} has several keys, and hosts are joining: wait until keys have moved"
                )
            }
            Self::Arity(name) => write!(f, "wrong number of words for {name}"),
            Self::Syntax(name) => write!(f, "the keys of {name} cannot be found in its words"),
        }
    }
}

impl std::error::Error for Refusal {}

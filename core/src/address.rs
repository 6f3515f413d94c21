//! Whom a command is for, as people write it.

use core::fmt;

use crate::key::{Key, KeyTooLong, redisbus, redisrpc};
use crate::name::{
    Component, MAX_NAME_BYTES, NameError, Queue, Site, Subqueue, WorkerId, WorkerType,
};

/// A component, or one of its subqueues: `printer`, `printer.print`.
///
/// ```
/// use redis_ipc_core::address::Recipient;
///
/// let printer = Recipient::parse("printer.print")?;
/// assert_eq!(printer.commands_queue()?.as_str(), "queues.commands.printer.print");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recipient<'a> {
    /// The component.
    pub component: Component<'a>,
    /// Its subqueue, if it has several.
    pub subqueue: Option<Subqueue<'a>>,
}

impl<'a> Recipient<'a> {
    /// Reads `component` or `component.subqueue`.
    ///
    /// # Errors
    /// [`NameError`] for the first part that is not a name.
    pub fn parse(text: &'a str) -> Result<Self, NameError> {
        let (component, subqueue) = match text.split_once('.') {
            Some((component, subqueue)) => (component, Some(Subqueue::parse(subqueue)?)),
            None => (text, None),
        };
        Ok(Self {
            component: Component::parse(component)?,
            subqueue,
        })
    }

    /// The list to which commands for it are pushed.
    ///
    /// # Errors
    /// [`KeyTooLong`].
    pub fn commands_queue(&self) -> Result<Key, KeyTooLong> {
        Key::commands(self.component, self.subqueue)
    }
}

impl fmt::Display for Recipient<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.component)?;
        match self.subqueue {
            Some(subqueue) => write!(f, ".{subqueue}"),
            None => Ok(()),
        }
    }
}

/// Whom a message is for, in any dialect, with one textual form.
///
/// | text | dialect | whom |
/// | --- | --- | --- |
/// | `component:printer`, `component:printer.print` | redis-ipc | a component or one of its subqueues |
/// | `worker:10.0.0.7:4242:abcdef012345` | redisbus | one worker |
/// | `group:local/calc` | redisbus | whichever worker of that type at that site is free first |
/// | `multicast:local/calc/10.0.*` | redisbus | all workers of a type whose ids match a glob; the type may be one, too |
/// | `broadcast:local` | redisbus | all workers of a site |
/// | `rpc:calc` | redisrpc | the server of a queue |
///
/// ```
/// use redis_ipc_core::address::Address;
///
/// let calc = Address::parse("group:local/calc")?;
/// assert_eq!(calc.key()?.as_str(), "group:local:calc");
/// assert_eq!(calc.to_string(), "group:local/calc");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Address<'a> {
    /// A component of redis-ipc or one of its subqueues.
    Component(Recipient<'a>),
    /// One worker of redisbus.
    Worker(WorkerId<'a>),
    /// All workers of one type at a site, of which one takes the message.
    Group {
        /// Where they are.
        site: Site<'a>,
        /// What they do.
        worker_type: WorkerType<'a>,
    },
    /// All workers at a site whose types and ids match globs; each gets the message.
    Multicast {
        /// Where they are.
        site: Site<'a>,
        /// What they do, in the server's notation, in which `*` goes over colons too.
        worker_type: Glob<'a>,
        /// What their ids match, in the server's notation.
        glob: Glob<'a>,
    },
    /// All workers of a site; each gets the message.
    Broadcast {
        /// Where they are.
        site: Site<'a>,
    },
    /// The server of a redisrpc queue.
    Rpc(Queue<'a>),
}

/// A pattern for the ids or the types of workers: the characters of ids and `* ? [ ] ^ \\`.
///
/// ```
/// use redis_ipc_core::address::Glob;
///
/// assert!(Glob::parse("10.0.0.7:*").is_ok());
/// assert!(Glob::parse("10 *").is_err());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Glob<'a>(&'a str);

impl<'a> Glob<'a> {
    /// Matches every id.
    pub const ALL: Glob<'static> = Glob("*");

    /// Checks `text`.
    ///
    /// # Errors
    /// [`NameError`] if it has no characters, more than 64, or others than ids and patterns have.
    pub fn parse(text: &'a str) -> Result<Self, NameError> {
        if text.is_empty() || text.len() > MAX_NAME_BYTES {
            return Err(NameError::Length { bytes: text.len() });
        }
        let known = |c: char| c.is_ascii_alphanumeric() || "_-.:*?[]^\\".contains(c);
        match text.char_indices().find(|(_, c)| !known(*c)) {
            Some((at, found)) => Err(NameError::IdCharacter { found, at }),
            None => Ok(Self(text)),
        }
    }

    /// The pattern as text.
    #[must_use]
    pub const fn as_str(self) -> &'a str {
        self.0
    }
}

impl fmt::Display for Glob<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// Why a text is no address.
///
/// ```
/// use redis_ipc_core::address::{Address, AddressError};
///
/// let refused = Address::parse("group:local").unwrap_err();
/// assert!(matches!(refused, AddressError::Form { .. }));
/// assert!(refused.to_string().contains("group:SITE/TYPE"));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum AddressError {
    /// It does not begin with a kind of address.
    Kind,
    /// It lacks a part, or has one too many.
    Form {
        /// What it is to look like.
        wanted: &'static str,
    },
    /// A part is no name.
    Name(NameError),
}

impl fmt::Display for AddressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kind => f.write_str(
                "an address is component:NAME, component:NAME.SUBQUEUE, worker:ID, group:SITE/TYPE, \
                 multicast:SITE/TYPE/GLOB, broadcast:SITE or rpc:QUEUE",
            ),
            Self::Form { wanted } => write!(f, "an address of this kind is {wanted}"),
            Self::Name(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for AddressError {}

impl From<NameError> for AddressError {
    fn from(error: NameError) -> Self {
        Self::Name(error)
    }
}

impl<'a> Address<'a> {
    /// Reads an address.
    ///
    /// # Errors
    /// [`AddressError`], which says what an address looks like.
    pub fn parse(text: &'a str) -> Result<Self, AddressError> {
        let (kind, rest) = text.split_once(':').ok_or(AddressError::Kind)?;
        Ok(match kind {
            "component" => Self::Component(Recipient::parse(rest)?),
            "worker" => Self::Worker(WorkerId::parse(rest)?),
            "group" => {
                let (site, worker_type) = pair(rest, "group:SITE/TYPE")?;
                Self::Group {
                    site: Site::parse(site)?,
                    worker_type: WorkerType::parse(worker_type)?,
                }
            }
            "multicast" => {
                let (site, rest) = pair(rest, "multicast:SITE/TYPE/GLOB")?;
                let (worker_type, glob) = pair(rest, "multicast:SITE/TYPE/GLOB")?;
                Self::Multicast {
                    site: Site::parse(site)?,
                    worker_type: Glob::parse(worker_type)?,
                    glob: Glob::parse(glob)?,
                }
            }
            "broadcast" => Self::Broadcast {
                site: Site::parse(rest)?,
            },
            "rpc" => Self::Rpc(Queue::parse(rest)?),
            _ => return Err(AddressError::Kind),
        })
    }

    /// The key that a message to this address is sent by: the list it is pushed to; for a
    /// multicast the pattern of the records of its workers, for a broadcast the channel.
    ///
    /// # Errors
    /// [`KeyTooLong`].
    pub fn key(&self) -> Result<Key, KeyTooLong> {
        match *self {
            Self::Component(recipient) => recipient.commands_queue(),
            Self::Worker(id) => redisbus::direct(id),
            Self::Group { site, worker_type } => redisbus::group(site, worker_type),
            Self::Multicast {
                site,
                worker_type,
                glob,
            } => redisbus::records(site, worker_type.as_str(), glob.as_str()),
            Self::Broadcast { site } => redisbus::broadcast(site),
            Self::Rpc(queue) => redisrpc::requests(queue),
        }
    }
}

impl fmt::Display for Address<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Component(recipient) => write!(f, "component:{recipient}"),
            Self::Worker(id) => write!(f, "worker:{id}"),
            Self::Group { site, worker_type } => write!(f, "group:{site}/{worker_type}"),
            Self::Multicast {
                site,
                worker_type,
                glob,
            } => write!(f, "multicast:{site}/{worker_type}/{glob}"),
            Self::Broadcast { site } => write!(f, "broadcast:{site}"),
            Self::Rpc(queue) => write!(f, "rpc:{queue}"),
        }
    }
}

fn pair<'a>(text: &'a str, wanted: &'static str) -> Result<(&'a str, &'a str), AddressError> {
    text.split_once('/').ok_or(AddressError::Form { wanted })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recipients_are_read_and_written_alike() {
        for text in ["printer", "printer.print", "a-1.b_2"] {
            let recipient = Recipient::parse(text).unwrap();
            assert_eq!(std::format!("{recipient}"), text);
        }
    }

    #[test]
    fn more_than_two_parts_or_an_empty_one_are_refused() {
        for text in ["", ".", "printer.", ".print", "a.b.c", "a b", "printer*"] {
            assert!(Recipient::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn addresses_of_all_kinds_are_read_and_written_alike() {
        for (text, key) in [
            ("component:printer.print", "queues.commands.printer.print"),
            (
                "worker:10.0.0.7:4242:abcdef012345",
                "direct:10.0.0.7:4242:abcdef012345",
            ),
            ("group:local/calc", "group:local:calc"),
            ("multicast:local/calc/10.0.*", "worker:local:calc:10.0.*"),
            ("multicast:local/c*/[ab]-?", "worker:local:c*:[ab]-?"),
            ("broadcast:local", "rpc:worker:local"),
            ("rpc:calc", "calc"),
        ] {
            let address = Address::parse(text).unwrap();
            assert_eq!(std::format!("{address}"), text);
            assert_eq!(address.key().unwrap().as_str(), key);
        }
    }

    #[test]
    fn what_is_no_address_is_refused_with_what_one_looks_like() {
        for text in [
            "",
            "printer",
            "printer:x",
            "group:local",
            "group:local/calc/x",
            "multicast:local/calc",
            "multicast:local/calc/a b",
            "broadcast:",
            "worker:a\nb",
            "rpc:a b",
            "component:a:b",
        ] {
            assert!(Address::parse(text).is_err(), "{text:?}");
        }
        let message = std::format!("{}", Address::parse("printer").unwrap_err());
        assert!(message.contains("component:NAME"), "{message}");
    }
}

//! What a subscription listens to: the glob the server is asked for, and what is meant by it.

use crate::key::{DEBUG_PREFIX, EVENTS_PREFIX, Key, KeyTooLong, SETTINGS_PREFIX, STATUS_PREFIX};
use crate::name::{Component, Subqueue};

const KEYSPACE_PATTERN: &str = "__keyspace*__:";

/// What a subscription listens to, in the words of the bus.
///
/// Each kind knows two things: the glob that is sent with PSUBSCRIBE (the same the original
/// sends), and which channels are really meant. The two differ: `channel.events.printer*`, the
/// glob for the events of `printer`, also matches those of `printer2`.
///
/// ```
/// use redis_ipc_core::{name::Component, topic::Topic};
///
/// let printer = Topic::Events { component: Some(Component::parse("printer")?), subchannel: None };
/// assert_eq!(printer.pattern()?.as_str(), "channel.events.printer*");
/// assert!(printer.covers("channel.events.printer.warnings"));
/// assert!(!printer.covers("channel.events.printer2"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Topic<'a> {
    /// Events: of one component or of all, of one subchannel or of all.
    Events {
        /// Whose events; `None` for everybody's.
        component: Option<Component<'a>>,
        /// Of which subchannel; `None` for all, and for those outside any subchannel.
        subchannel: Option<Subqueue<'a>>,
    },
    /// Debug messages of one component or of all.
    Debug {
        /// Whose messages; `None` for everybody's.
        component: Option<Component<'a>>,
    },
    /// Keyspace notifications about the settings of one component.
    Settings {
        /// Whose settings.
        component: Component<'a>,
    },
    /// Keyspace notifications about the status of one component.
    Status {
        /// Whose status.
        component: Component<'a>,
    },
}

impl Topic<'_> {
    /// The glob that the server is asked for.
    ///
    /// # Errors
    /// [`KeyTooLong`].
    pub fn pattern(&self) -> Result<Key, KeyTooLong> {
        match *self {
            Self::Events {
                component: None,
                subchannel: None,
            } => Key::join(&[EVENTS_PREFIX, "*"]),
            Self::Events {
                component: None,
                subchannel: Some(sub),
            } => Key::join(&[EVENTS_PREFIX, "*.", sub.as_str()]),
            Self::Events {
                component: Some(component),
                subchannel: None,
            } => Key::join(&[EVENTS_PREFIX, component.as_str(), "*"]),
            Self::Events {
                component: Some(component),
                subchannel: Some(sub),
            } => Key::events(component, Some(sub)),
            Self::Debug { component: None } => Key::join(&[DEBUG_PREFIX, "*"]),
            Self::Debug {
                component: Some(component),
            } => Key::debug(component),
            Self::Settings { component } => {
                Key::join(&[KEYSPACE_PATTERN, SETTINGS_PREFIX, component.as_str()])
            }
            Self::Status { component } => {
                Key::join(&[KEYSPACE_PATTERN, STATUS_PREFIX, component.as_str()])
            }
        }
    }

    /// Whether messages of `channel` are meant, not only matched by the glob.
    #[must_use]
    pub fn covers(&self, channel: &str) -> bool {
        match *self {
            Self::Events {
                component,
                subchannel,
            } => channel
                .strip_prefix(EVENTS_PREFIX)
                .is_some_and(|names| covers_names(names, component, subchannel)),
            Self::Debug { component } => channel
                .strip_prefix(DEBUG_PREFIX)
                .is_some_and(|name| component.is_none_or(|c| c.as_str() == name)),
            Self::Settings { component } => notified(channel)
                .and_then(|key| key.strip_prefix(SETTINGS_PREFIX))
                .is_some_and(|name| name == component.as_str()),
            Self::Status { component } => notified(channel)
                .and_then(|key| key.strip_prefix(STATUS_PREFIX))
                .is_some_and(|name| name == component.as_str()),
        }
    }
}

/// `names` is what stands behind the prefix of an event channel: `component[.subchannel]`.
fn covers_names(
    names: &str,
    component: Option<Component<'_>>,
    subchannel: Option<Subqueue<'_>>,
) -> bool {
    let behind = match component {
        None => return subchannel.is_none_or(|sub| ends_with_part(names, sub.as_str())),
        Some(component) => names.strip_prefix(component.as_str()),
    };
    match (behind, subchannel) {
        (None, _) => false,
        (Some(rest), None) => rest.is_empty() || rest.starts_with('.'),
        (Some(rest), Some(sub)) => rest.strip_prefix('.') == Some(sub.as_str()),
    }
}

fn ends_with_part(names: &str, part: &str) -> bool {
    names
        .strip_suffix(part)
        .and_then(|before| before.strip_suffix('.'))
        .is_some_and(|component| !component.is_empty())
}

/// The key that a keyspace notification is about: `__keyspace@0__:key`.
fn notified(channel: &str) -> Option<&str> {
    let (database, key) = channel.strip_prefix("__keyspace@")?.split_once("__:")?;
    database.bytes().all(|b| b.is_ascii_digit()).then_some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn component(text: &str) -> Component<'_> {
        Component::parse(text).unwrap()
    }

    fn sub(text: &str) -> Subqueue<'_> {
        Subqueue::parse(text).unwrap()
    }

    #[test]
    fn patterns_are_those_of_the_original() {
        let printer = Some(component("printer"));
        let warnings = Some(sub("warnings"));
        let events = |component, subchannel| Topic::Events {
            component,
            subchannel,
        };
        for (topic, pattern) in [
            (events(printer, None), "channel.events.printer*"),
            (events(None, warnings), "channel.events.*.warnings"),
            (events(printer, warnings), "channel.events.printer.warnings"),
            (events(None, None), "channel.events.*"),
            (Topic::Debug { component: printer }, "channel.debug.printer"),
            (Topic::Debug { component: None }, "channel.debug.*"),
            (
                Topic::Settings {
                    component: component("web"),
                },
                "__keyspace*__:settings.web",
            ),
        ] {
            assert_eq!(topic.pattern().unwrap().as_str(), pattern);
        }
    }

    #[test]
    fn a_topic_covers_what_is_meant_and_not_what_the_glob_hears() {
        let printer = Some(component("printer"));
        let warnings = Some(sub("warnings"));
        let events = |component, subchannel| Topic::Events {
            component,
            subchannel,
        };
        let heard = events(printer, None);
        assert!(heard.covers("channel.events.printer"));
        assert!(heard.covers("channel.events.printer.x"));
        assert!(!heard.covers("channel.events.printer2"));
        assert!(!heard.covers("channel.events.printer-x.y"));
        assert!(!heard.covers("channel.debug.printer"));

        let heard = events(None, warnings);
        assert!(heard.covers("channel.events.a.warnings"));
        assert!(!heard.covers("channel.events..warnings"));
        assert!(!heard.covers("channel.events.warnings"));
        assert!(!heard.covers("channel.events.a.prewarnings"));

        assert!(events(printer, warnings).covers("channel.events.printer.warnings"));
        assert!(!events(printer, warnings).covers("channel.events.printer.warnings2"));

        let settings = Topic::Settings {
            component: component("web"),
        };
        assert!(settings.covers("__keyspace@0__:settings.web"));
        assert!(settings.covers("__keyspace@15__:settings.web"));
        assert!(!settings.covers("__keyspace@0__:settings.web2"));
        assert!(!settings.covers("__keyevent@0__:hset"));
        assert!(!Topic::Debug { component: printer }.covers("channel.debug.printer2"));
    }
}

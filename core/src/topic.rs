//! What a subscription listens to: the glob the server is asked for, and what is meant by it.

use crate::key::{DEBUG_PREFIX, EVENTS_PREFIX, Key, KeyTooLong, SETTINGS_PREFIX, STATUS_PREFIX};
use crate::name::{Component, Subqueue};

const KEYSPACE_PATTERN: &str = "__keyspace*__:";

/// What a subscription listens to, in the words of the bus.
///
/// ```
/// use redis_ipc_core::{name::Component, topic::Topic};
///
/// let printer = Topic::Events { component: Some(Component::parse("printer")?), subchannel: None };
/// assert_eq!(printer.pattern()?.glob(), "channel.events.printer*");
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
    /// What the server is asked for and what is meant by it.
    ///
    /// # Errors
    /// [`KeyTooLong`].
    pub fn pattern(&self) -> Result<Pattern, KeyTooLong> {
        let (glob, meaning) = match *self {
            Self::Events {
                component,
                subchannel,
            } => events(component, subchannel)?,
            Self::Debug { component: None } => {
                (Key::join(&[DEBUG_PREFIX, "*"])?, Meaning::Everything)
            }
            Self::Debug {
                component: Some(component),
            } => (Key::debug(component)?, Meaning::Exactly),
            Self::Settings { component } => keyspace(SETTINGS_PREFIX, component)?,
            Self::Status { component } => keyspace(STATUS_PREFIX, component)?,
        };
        Ok(Pattern { glob, meaning })
    }
}

fn events(
    component: Option<Component<'_>>,
    subchannel: Option<Subqueue<'_>>,
) -> Result<(Key, Meaning), KeyTooLong> {
    Ok(match (component, subchannel) {
        (None, None) => (Key::join(&[EVENTS_PREFIX, "*"])?, Meaning::Everything),
        (None, Some(subchannel)) => {
            let glob = Key::join(&[EVENTS_PREFIX, "*.", subchannel.as_str()])?;
            (glob, Meaning::AnyComponent)
        }
        (Some(component), None) => {
            let glob = Key::join(&[EVENTS_PREFIX, component.as_str(), "*"])?;
            (glob, Meaning::AnySubchannel)
        }
        (Some(component), subchannel) => (Key::events(component, subchannel)?, Meaning::Exactly),
    })
}

fn keyspace(prefix: &str, component: Component<'_>) -> Result<(Key, Meaning), KeyTooLong> {
    let glob = Key::join(&[KEYSPACE_PATTERN, prefix, component.as_str()])?;
    Ok((glob, Meaning::AnyDatabase))
}

/// A glob for PSUBSCRIBE, the same that the original sends, that knows which of the channels it
/// matches are meant: `channel.events.printer*`, the glob for the events of `printer`, also
/// matches those of `printer2`.
///
/// ```
/// use redis_ipc_core::{name::Component, topic::Topic};
///
/// let printer = Topic::Events { component: Some(Component::parse("printer")?), subchannel: None };
/// let pattern = printer.pattern()?;
/// assert!(pattern.covers("channel.events.printer.warnings"));
/// assert!(!pattern.covers("channel.events.printer2"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    glob: Key,
    meaning: Meaning,
}

/// What the `*` of a glob may stand for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meaning {
    /// There is none.
    Exactly,
    /// Whatever follows.
    Everything,
    /// Nothing, or a dot and a subchannel.
    AnySubchannel,
    /// One component.
    AnyComponent,
    /// `@` and the number of a database.
    AnyDatabase,
}

impl Pattern {
    /// The glob that the server is asked for.
    #[must_use]
    pub fn glob(&self) -> &str {
        self.glob.as_str()
    }

    /// Whether messages of `channel` are meant, not only matched by the glob.
    #[must_use]
    pub fn covers(&self, channel: &str) -> bool {
        let glob = self.glob();
        let (before, behind) = glob.split_once('*').unwrap_or((glob, ""));
        let Some(rest) = channel.strip_prefix(before) else {
            return false;
        };
        match self.meaning {
            Meaning::Exactly => rest.is_empty(),
            Meaning::Everything => true,
            Meaning::AnySubchannel => rest.is_empty() || rest.starts_with('.'),
            Meaning::AnyComponent => rest.strip_suffix(behind).is_some_and(|c| !c.is_empty()),
            Meaning::AnyDatabase => rest.strip_suffix(behind).is_some_and(is_database),
        }
    }
}

/// The part of `__keyspace@0__:key` between `keyspace` and `__:key`.
fn is_database(text: &str) -> bool {
    text.strip_prefix('@')
        .is_some_and(|number| number.bytes().all(|b| b.is_ascii_digit()))
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
            assert_eq!(topic.pattern().unwrap().glob(), pattern);
        }
    }

    #[test]
    fn a_topic_covers_what_is_meant_and_not_what_the_glob_hears() {
        let printer = Some(component("printer"));
        let warnings = Some(sub("warnings"));
        let events = |component, subchannel| {
            let topic = Topic::Events {
                component,
                subchannel,
            };
            topic.pattern().unwrap()
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
        }
        .pattern()
        .unwrap();
        assert!(settings.covers("__keyspace@0__:settings.web"));
        assert!(settings.covers("__keyspace@15__:settings.web"));
        assert!(!settings.covers("__keyspace@0__:settings.web2"));
        assert!(!settings.covers("__keyevent@0__:hset"));
        let debug = Topic::Debug { component: printer }.pattern().unwrap();
        assert!(!debug.covers("channel.debug.printer2"));
    }
}

//! The keys and channels of redis-ipc itself.
//!
//! | what | key |
//! | --- | --- |
//! | settings, status (hashes) | `settings.<component>`, `status.<component>` |
//! | command queue (list) | `queues.commands.<component>[.<subqueue>]` |
//! | results queue (list) | `queues.results.<component>.<thread>` |
//! | commands at work, tries, given up (ours alone) | `queues.at-work.<thread>.<component>[.<subqueue>]`, `queues.tries.<thread>.<component>`, `queues.dead.<component>` |
//! | event channel | `channel.events.<component>[.<subchannel>]` |
//! | debug channel | `channel.debug.<component>` |
//!
//! The original keeps keys in buffers of 128 bytes with a NUL, so 127 bytes is the longest.

use heapless::String;

use super::{Key, KeyTooLong};
use crate::name::{Component, Subqueue, Thread};

/// Hash with the settings of redis-ipc itself.
pub const OWN_SETTINGS: &str = "settings.redis-ipc";

const RESULTS_PREFIX: &str = "queues.results.";
pub(crate) const EVENTS_PREFIX: &str = "channel.events.";
pub(crate) const DEBUG_PREFIX: &str = "channel.debug.";
pub(crate) const SETTINGS_PREFIX: &str = "settings.";
pub(crate) const STATUS_PREFIX: &str = "status.";

impl Key {
    /// The hash with the settings of `component`.
    ///
    /// # Errors
    /// [`KeyTooLong`], as with all keys: the whole must have at most 127 bytes.
    pub fn settings(component: Component<'_>) -> Result<Self, KeyTooLong> {
        Self::join(&[SETTINGS_PREFIX, component.as_str()])
    }

    /// The hash with the status of `component`.
    ///
    /// # Errors
    /// [`KeyTooLong`].
    pub fn status(component: Component<'_>) -> Result<Self, KeyTooLong> {
        Self::join(&[STATUS_PREFIX, component.as_str()])
    }

    /// The list from which `component` takes commands, or one of several such.
    ///
    /// # Errors
    /// [`KeyTooLong`].
    pub fn commands(
        component: Component<'_>,
        subqueue: Option<Subqueue<'_>>,
    ) -> Result<Self, KeyTooLong> {
        Self::with_part("queues.commands.", component, subqueue)
    }

    /// The list to which results for one thread of `component` are pushed.
    ///
    /// # Errors
    /// [`KeyTooLong`].
    pub fn results(component: Component<'_>, thread: Thread<'_>) -> Result<Self, KeyTooLong> {
        Self::join(&[RESULTS_PREFIX, component.as_str(), ".", thread.as_str()])
    }

    /// The list of commands from one queue that a thread of `component` is at work on, where it
    /// serves at least once. Ours alone: the originals serve at most once.
    ///
    /// # Errors
    /// [`KeyTooLong`].
    pub fn at_work(
        thread: Thread<'_>,
        component: Component<'_>,
        subqueue: Option<Subqueue<'_>>,
    ) -> Result<Self, KeyTooLong> {
        let (dot, subqueue) = match subqueue {
            Some(subqueue) => (".", subqueue.as_str()),
            None => ("", ""),
        };
        let (thread, component) = (thread.as_str(), component.as_str());
        Self::join(&["queues.at-work.", thread, ".", component, dot, subqueue])
    }

    /// The hash that counts how often a thread's commands at work have been tried. Ours alone.
    ///
    /// # Errors
    /// [`KeyTooLong`].
    pub fn tries(thread: Thread<'_>, component: Component<'_>) -> Result<Self, KeyTooLong> {
        let (thread, component) = (thread.as_str(), component.as_str());
        Self::join(&["queues.tries.", thread, ".", component])
    }

    /// The list of commands that `component` has given up. Ours alone.
    ///
    /// # Errors
    /// [`KeyTooLong`].
    pub fn dead_letters(component: Component<'_>) -> Result<Self, KeyTooLong> {
        Self::join(&["queues.dead.", component.as_str()])
    }

    /// The channel on which `component` publishes events, or one of several such.
    ///
    /// # Errors
    /// [`KeyTooLong`].
    pub fn events(
        component: Component<'_>,
        subchannel: Option<Subqueue<'_>>,
    ) -> Result<Self, KeyTooLong> {
        Self::with_part(EVENTS_PREFIX, component, subchannel)
    }

    /// The channel on which `component` publishes debug messages.
    ///
    /// # Errors
    /// [`KeyTooLong`].
    pub fn debug(component: Component<'_>) -> Result<Self, KeyTooLong> {
        Self::join(&[DEBUG_PREFIX, component.as_str()])
    }

    /// A key as a program names it itself, in one that carries whole messages.
    ///
    /// Compat: the C library makes keys of any names, with blanks and dots too.
    ///
    /// # Errors
    /// [`KeyTooLong`].
    pub fn verbatim(text: &str) -> Result<Self, KeyTooLong> {
        Self::join(&[text])
    }

    /// A results queue that a peer named in its command, if it is one.
    ///
    /// A command is outside data: without this check, its sender could have a component write
    /// into any list of the server, even into another component's command queue.
    #[must_use]
    pub fn results_of_peer(text: &str) -> Option<Self> {
        let names = text.strip_prefix(RESULTS_PREFIX)?;
        if names.is_empty() || text.bytes().any(|b| b.is_ascii_control()) {
            return None;
        }
        String::try_from(text).ok().map(Self)
    }

    fn with_part(
        prefix: &str,
        component: Component<'_>,
        part: Option<Subqueue<'_>>,
    ) -> Result<Self, KeyTooLong> {
        match part {
            Some(part) => Self::join(&[prefix, component.as_str(), ".", part.as_str()]),
            None => Self::join(&[prefix, component.as_str()]),
        }
    }
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
    fn keys_are_those_of_the_recorded_traffic() {
        let thread = Thread::parse("ui-1").unwrap();
        let key = |key: Result<Key, KeyTooLong>| std::string::String::from(key.unwrap().as_str());
        assert_eq!(key(Key::settings(component("web"))), "settings.web");
        assert_eq!(key(Key::status(component("desk"))), "status.desk");
        assert_eq!(
            key(Key::commands(component("printer"), None)),
            "queues.commands.printer"
        );
        assert_eq!(
            key(Key::results(component("desk"), thread)),
            "queues.results.desk.ui-1"
        );
        assert_eq!(
            key(Key::events(component("printer"), Some(sub("warnings")))),
            "channel.events.printer.warnings"
        );
        assert_eq!(
            key(Key::debug(component("printer"))),
            "channel.debug.printer"
        );
    }

    #[test]
    fn a_key_that_a_peer_could_not_hold_is_refused_with_both_lengths() {
        let (long, other) = ("c".repeat(64), "s".repeat(64));
        let error = Key::commands(component(&long), Some(sub(&other))).unwrap_err();
        assert_eq!(error, KeyTooLong { needed: 145 });
        let message = std::format!("{error}");
        assert!(
            message.contains("145") && message.contains("127"),
            "{message}"
        );
        // 16 + 64 + 1 + 46 is the longest that fits.
        assert!(Key::commands(component(&long), Some(sub(&other[..46]))).is_ok());
        assert!(Key::commands(component(&long), Some(sub(&other[..47]))).is_err());
    }

    #[test]
    fn only_a_results_queue_is_answered_to() {
        for good in [
            "queues.results.desk.ui-1",
            "queues.results.my desk.main",
            "queues.results.x",
        ] {
            assert_eq!(
                Key::results_of_peer(good).as_ref().map(Key::as_str),
                Some(good)
            );
        }
        let long = std::format!("queues.results.{}", "x".repeat(113));
        for hostile in [
            "settings.db",
            "queues.commands.printer",
            "queues.results.",
            "queues.results.a\nb",
            "queues.results.a\0",
            "",
            &long,
        ] {
            assert_eq!(Key::results_of_peer(hostile), None, "{hostile:?}");
        }
    }
}

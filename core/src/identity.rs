//! Who sends: component, thread, thread id, and the numbers of its commands.

use core::fmt::{self, Write as _};

use heapless::String;

use crate::dialect::redis_ipc::{Stamp, Timestamp};
use crate::key::{Key, KeyTooLong};
use crate::name::{Component, MAX_NAME_BYTES, Thread};

/// Two names, two numbers of up to 20 digits and three dashes.
const MAX_ID_BYTES: usize = 2 * MAX_NAME_BYTES + 2 * 20 + 3;

/// The text that ties a result to its command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandId(String<MAX_ID_BYTES>);

impl CommandId {
    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CommandId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One thread of one component, as it signs its messages.
///
/// ```
/// use redis_ipc_core::{identity::Identity, name::{Component, Thread}};
///
/// let mut desk = Identity::new(Component::parse("desk")?, Thread::parse("ui-1")?, 13490, 0)?;
/// assert_eq!(desk.next_id().as_str(), "desk-ui-1-13490-0");
/// assert_eq!(desk.next_id().as_str(), "desk-ui-1-13490-1");
/// assert_eq!(desk.results_queue().as_str(), "queues.results.desk.ui-1");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Identity {
    component: String<MAX_NAME_BYTES>,
    thread: String<MAX_NAME_BYTES>,
    tid: u64,
    results_queue: Key,
    /// What all ids of this thread begin with: `component-thread-tid-`.
    id_prefix: String<MAX_ID_BYTES>,
    next_command: u64,
}

impl Identity {
    /// Signs as `thread` of `component`.
    ///
    /// `tid` is the number that the system gave the thread. Command ids count up from
    /// `first_command`: where a restarted component may get the same `tid` again (in a
    /// container it always does), hand in something that has grown since, the time for
    /// instance, or an answer to the old one could pass for an answer to the new one.
    ///
    /// # Errors
    /// [`KeyTooLong`] if the two names together make too long a results queue.
    pub fn new(
        component: Component<'_>,
        thread: Thread<'_>,
        tid: u64,
        first_command: u64,
    ) -> Result<Self, KeyTooLong> {
        let mut identity = Self {
            component: String::new(),
            thread: String::new(),
            tid,
            results_queue: Key::results(component, thread)?,
            id_prefix: String::new(),
            next_command: first_command,
        };
        // Names have at most MAX_NAME_BYTES, so none of these can be full.
        let _ = identity.component.push_str(component.as_str());
        let _ = identity.thread.push_str(thread.as_str());
        let _ = write!(identity.id_prefix, "{component}-{thread}-{tid}-");
        Ok(identity)
    }

    /// The component's name.
    #[must_use]
    pub fn component(&self) -> &str {
        &self.component
    }

    /// The thread's name.
    #[must_use]
    pub fn thread(&self) -> &str {
        &self.thread
    }

    /// Where this thread's results arrive.
    #[must_use]
    pub fn results_queue(&self) -> &Key {
        &self.results_queue
    }

    /// An id that no other command of this thread has: `component-thread-tid-counter`, as the C
    /// library writes it.
    pub fn next_id(&mut self) -> CommandId {
        let mut id = self.id_prefix.clone();
        let mut digits = [0; crate::write::decimal::MAX_DIGITS];
        let counter = crate::write::decimal::digits(self.next_command, &mut digits);
        let _ = id.push_str(core::str::from_utf8(counter).unwrap_or_default());
        self.next_command = self.next_command.wrapping_add(1);
        CommandId(id)
    }

    /// The members that say who sent a message and when.
    #[must_use]
    pub fn stamp(&self, timestamp: Timestamp) -> Stamp<'_> {
        Stamp {
            timestamp,
            component: &self.component,
            thread: &self.thread,
            tid: self.tid,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_names_and_numbers_fit_into_an_id() {
        let name = "n".repeat(48);
        let mut identity = Identity::new(
            Component::parse(&name).unwrap(),
            Thread::parse(&name).unwrap(),
            u64::MAX,
            u64::MAX,
        )
        .unwrap();
        let id = identity.next_id();
        assert!(
            id.as_str()
                .ends_with("-18446744073709551615-18446744073709551615")
        );
        assert!(identity.next_id().as_str().ends_with("-0"));
    }

    #[test]
    fn names_that_make_too_long_a_results_queue_are_refused() {
        let name = "n".repeat(60);
        let refused = Identity::new(
            Component::parse(&name).unwrap(),
            Thread::parse(&name).unwrap(),
            1,
            0,
        );
        assert_eq!(refused.map(|_| ()), Err(KeyTooLong { needed: 136 }));
    }
}

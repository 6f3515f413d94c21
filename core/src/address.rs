//! Whom a command is for, as people write it.

use core::fmt;

use crate::key::{Key, KeyTooLong};
use crate::name::{Component, NameError, Subqueue};

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
}

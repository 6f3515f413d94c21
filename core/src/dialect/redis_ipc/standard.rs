//! The names that are redis-ipc's own, and the kinds of message that have them.

use crate::json::string;

/// A member that the protocol adds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standard {
    ResultsQueue,
    CommandId,
    Channel,
    Timestamp,
    Component,
    Thread,
    Tid,
    Message,
    Level,
    CommandDeadline,
}

impl Standard {
    pub(super) const COUNT: usize = 10;

    pub(super) const ALL: [Self; Self::COUNT] = [
        Self::ResultsQueue,
        Self::CommandId,
        Self::Channel,
        Self::Timestamp,
        Self::Component,
        Self::Thread,
        Self::Tid,
        Self::Message,
        Self::Level,
        Self::CommandDeadline,
    ];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::ResultsQueue => "results_queue",
            Self::CommandId => "command_id",
            Self::Channel => "channel",
            Self::Timestamp => "timestamp",
            Self::Component => "component",
            Self::Thread => "thread",
            Self::Tid => "tid",
            Self::Message => "message",
            Self::Level => "level",
            Self::CommandDeadline => "command_deadline",
        }
    }

    /// The standard member, of whatever kind of message, that a raw name stands for.
    #[inline]
    fn named(raw: &[u8], escaped: bool) -> Option<Self> {
        match raw {
            b"results_queue" => Some(Self::ResultsQueue),
            b"command_id" => Some(Self::CommandId),
            b"channel" => Some(Self::Channel),
            b"timestamp" => Some(Self::Timestamp),
            b"component" => Some(Self::Component),
            b"thread" => Some(Self::Thread),
            b"tid" => Some(Self::Tid),
            b"message" => Some(Self::Message),
            b"level" => Some(Self::Level),
            b"command_deadline" => Some(Self::CommandDeadline),
            other if escaped => Self::spelled(other),
            _ => None,
        }
    }

    #[cold]
    fn spelled(raw: &[u8]) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|standard| string::same(raw, standard.name()))
    }

    const fn bit(self) -> u16 {
        1 << self as u16
    }
}

/// A kind of message: which standard members it has.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kind(u16);

impl Kind {
    const STAMP: u16 = Standard::Timestamp.bit()
        | Standard::Component.bit()
        | Standard::Thread.bit()
        | Standard::Tid.bit();

    pub(super) const COMMAND: Self = Self(
        Self::STAMP
            | Standard::ResultsQueue.bit()
            | Standard::CommandId.bit()
            | Standard::CommandDeadline.bit(),
    );
    pub(super) const RESULT: Self = Self(Self::STAMP | Standard::CommandId.bit());
    pub(super) const EVENT: Self = Self(Self::STAMP | Standard::Channel.bit());
    pub(super) const DEBUG: Self = Self(
        Self::STAMP | Standard::Channel.bit() | Standard::Message.bit() | Standard::Level.bit(),
    );

    /// The standard member of this kind of message that a raw name stands for; if it is not
    /// `escaped`, there is no escape in it.
    #[inline]
    pub(super) fn standard(self, raw: &[u8], escaped: bool) -> Option<Standard> {
        Standard::named(raw, escaped).filter(|standard| self.0 & standard.bit() != 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_found_however_it_is_spelled() {
        for standard in Standard::ALL {
            let name = standard.name();
            let all = Kind(u16::MAX);
            assert_eq!(all.standard(name.as_bytes(), false), Some(standard));
            let escaped: std::string::String = name
                .bytes()
                .map(|byte| std::format!("\\u{byte:04x}"))
                .collect();
            assert_eq!(all.standard(escaped.as_bytes(), true), Some(standard));
            assert_eq!(all.standard(&name.as_bytes()[1..], true), None);
            assert_eq!(Kind(0).standard(name.as_bytes(), true), None);
        }
        assert_eq!(Kind::COMMAND.standard(b"channel", false), None);
        assert_eq!(Kind::RESULT.standard(b"results_queue", false), None);
    }
}

//! A message with the texts that it lends.

use std::ffi::c_int;
use std::time::Duration;

use serde::ser::{SerializeMap, Serializer};

use super::handle::Jobs;
use super::message::{ripc_detail::*, ripc_kind, ripc_kind::*, ripc_message};
use super::text::Shelf;
use crate::component::{BusEvent, DebugMessage, Event, HashKind, Job, Sender, Turn, Watched};

/// A message that is lent, until the next one is written.
#[derive(Debug, Default)]
pub(super) struct Letter {
    shelf: Shelf,
    /// One at most; what C holds is its address, which does not change when this is moved.
    message: Vec<ripc_message>,
}

/// The texts of a message, before they are lent.
#[derive(Default)]
struct Words<'w> {
    text: Option<&'w str>,
    component: Option<&'w str>,
    name: Option<&'w str>,
    channel: Option<&'w str>,
    command_id: Option<&'w str>,
    sender: Option<&'w Sender>,
}

impl Letter {
    /// Where the message is.
    pub(super) fn message(&self) -> *const ripc_message {
        self.message.as_ptr()
    }

    /// Writes a turn of the loop; a command is kept among the open jobs.
    pub(super) fn write_turn(&mut self, turn: Turn<'_>, jobs: &mut Jobs) {
        match turn {
            Turn::Command(command) => self.write_command(command.keep(), jobs),
            Turn::Event(event) => self.write_event(event),
            Turn::Debug(debug) => self.write_debug(debug),
            Turn::Changed(watched) => self.write_change(watched),
            Turn::Bus(event) => self.write_bus(&event),
            Turn::Tick => drop(self.write(RIPC_TICK, &Words::default())),
            Turn::Stop => drop(self.write(RIPC_STOP, &Words::default())),
        }
    }

    pub(super) fn write_command(&mut self, job: Job, jobs: &mut Jobs) {
        let words = Words {
            text: Some(job.text()),
            name: job.subqueue(),
            command_id: Some(job.command_id()),
            sender: Some(job.sender()),
            ..Words::default()
        };
        let message = self.write(RIPC_COMMAND, &words);
        message.tries = job.tries();
        message.job = jobs.keep(job);
    }

    pub(super) fn write_event(&mut self, event: &Event) {
        self.write(
            RIPC_EVENT,
            &Words {
                text: Some(event.text()),
                component: Some(event.component()),
                name: event.subchannel(),
                channel: Some(event.channel()),
                sender: Some(event.sender()),
                ..Words::default()
            },
        );
    }

    fn write_debug(&mut self, debug: &DebugMessage) {
        let words = Words {
            text: Some(debug.message()),
            component: Some(debug.component()),
            sender: Some(debug.sender()),
            ..Words::default()
        };
        self.write(RIPC_DEBUG, &words).number = debug.level().map_or(-1, i64::from);
    }

    fn write_change(&mut self, watched: &Watched) {
        let fields = object_of(watched.fields());
        let words = Words {
            text: Some(&fields),
            component: Some(watched.component()),
            ..Words::default()
        };
        self.write(RIPC_CHANGED, &words).detail = match watched.kind() {
            HashKind::Settings => RIPC_SETTINGS,
            HashKind::Status => RIPC_STATUS,
        } as c_int;
    }

    fn write_bus(&mut self, event: &BusEvent) {
        let (detail, why, gone) = match event {
            BusEvent::Disconnected { why } => (RIPC_DISCONNECTED, Some(why.as_str()), None),
            BusEvent::Refused { why } => (RIPC_REFUSED, Some(why.as_str()), None),
            BusEvent::Reconnected { after } => (RIPC_RECONNECTED, None, Some(*after)),
            BusEvent::ServerRestarted => (RIPC_SERVER_RESTARTED, None, None),
        };
        let words = Words {
            text: why,
            ..Words::default()
        };
        let message = self.write(RIPC_BUS, &words);
        message.detail = detail as c_int;
        message.number = milliseconds(gone.unwrap_or_default());
    }

    fn write(&mut self, kind: ripc_kind, words: &Words<'_>) -> &mut ripc_message {
        let sender = words.sender;
        let [
            text,
            component,
            name,
            channel,
            command_id,
            sender_component,
            sender_thread,
            sender_timestamp,
        ] = self.shelf.fill([
            words.text,
            words.component,
            words.name,
            words.channel,
            words.command_id,
            sender.map(|sender| sender.component.as_str()),
            sender.map(|sender| sender.thread.as_str()),
            sender.map(|sender| sender.timestamp.as_str()),
        ]);
        let tid = sender.and_then(|sender| sender.tid);
        let message = ripc_message {
            kind: kind as c_int,
            detail: 0,
            job: 0,
            tries: 0,
            number: 0,
            text,
            component,
            name,
            channel,
            command_id,
            sender_component,
            sender_thread,
            sender_timestamp,
            sender_tid: tid.and_then(|tid| i64::try_from(tid).ok()).unwrap_or(-1),
        };
        self.message.clear();
        self.message.push(message);
        &mut self.message[0]
    }
}

pub(super) fn milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// Fields as one JSON object of texts.
pub(super) fn object_of(fields: &[(String, String)]) -> String {
    let mut json = Vec::new();
    let mut serializer = serde_json::Serializer::new(&mut json);
    let written = serializer
        .serialize_map(Some(fields.len()))
        .and_then(|mut map| {
            for (name, value) in fields {
                map.serialize_entry(name, value)?;
            }
            map.end()
        });
    // Texts into memory: neither can fail.
    debug_assert!(written.is_ok());
    String::from_utf8(json).unwrap_or_default()
}

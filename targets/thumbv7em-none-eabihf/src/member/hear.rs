//! What the component hears.

use redis_ipc_core::link::{Ticket, Work};
use redis_ipc_core::resp::Reply;
use redis_ipc_core::session::{Incoming, Sequence};
use redis_ipc_core::tracking::Invalidated;
use redis_ipc_core::write::Writer;

use super::{Asked, Member, OutOfStep, Time, tell};
use crate::clock::Milliseconds;
use crate::line::Line;
use crate::sensor::Answer;

/// What is left of a turn of serving when the message is no longer needed.
#[expect(
    clippy::large_enum_variant,
    reason = "it is taken apart where it is made"
)]
enum Served {
    Job(Ticket, Answer),
    Dropped,
    Refused,
    Unread,
    Nothing,
}

impl<L: Line> Member<'_, L> {
    /// Takes up one message; an error if it is not one that can come on this line now.
    pub(super) fn hear(&mut self, incoming: Incoming, now: Milliseconds) -> Result<(), OutOfStep> {
        match incoming {
            Incoming::Push => self.due.settings |= self.tells_of_settings(),
            Incoming::TooLong { of: None, .. } => self.due.settings = true,
            Incoming::Reply(of) | Incoming::TooLong { of: Some(of), .. } => {
                if let Some(asked) = self.asked_with(of) {
                    return self.replied(asked, incoming, now);
                }
                if !self.woken.expects(incoming) {
                    return Err(OutOfStep);
                }
            }
        }
        self.serve(incoming, now)
    }

    fn tells_of_settings(&mut self) -> bool {
        let changed = Invalidated::of(self.link.session().frame());
        changed.is_some_and(|changed| changed.tells_of(&self.settings))
    }

    fn asked_with(&mut self, of: Sequence) -> Option<Asked> {
        let mut places = self.asked.iter_mut();
        let place = places.find(|place| place.is_some_and(|(asked, _)| asked == of))?;
        place.take().map(|(_, asked)| asked)
    }

    fn replied(
        &mut self,
        asked: Asked,
        incoming: Incoming,
        now: Milliseconds,
    ) -> Result<(), OutOfStep> {
        if let Incoming::TooLong { .. } = incoming {
            // It was executed; of the greeting nothing else is needed, of settings nothing read.
            return Ok(());
        }
        let reply = self.link.session().frame();
        if let Reply::Error(_) = reply {
            self.sensor.refused = self.sensor.refused.wrapping_add(1);
        }
        match (asked, reply) {
            (Asked::Hello, Reply::Map(_)) | (Asked::Track, Reply::Simple(_)) => Ok(()),
            (Asked::Time, Reply::Array(parts)) => {
                self.time = Time::told(parts, now).ok_or(OutOfStep)?;
                Ok(())
            }
            (Asked::Settings, Reply::Map(mut parts)) => {
                while let (Some(name), Some(value)) = (parts.next(), parts.next()) {
                    let (name, value) = (name.bytes(), value.bytes());
                    self.sensor
                        .follow(name.unwrap_or_default(), value.unwrap_or_default());
                }
                Ok(())
            }
            (Asked::Beat, Reply::Bulk(name)) if is_ours(name, self.sensor.greeted) => Ok(()),
            (Asked::Any, Reply::Integer(_)) | (Asked::Any | Asked::Settings, Reply::Error(_)) => {
                Ok(())
            }
            _ => Err(OutOfStep),
        }
    }

    fn serve(&mut self, incoming: Incoming, now: Milliseconds) -> Result<(), OutOfStep> {
        let work = self.link.look(&mut self.woken, &self.queues, incoming);
        let served = match work.map_err(|_| OutOfStep)? {
            Some(Work::Job(job)) => {
                let answer = self.sensor.execute(job.payload, now);
                Served::Job(job.ticket(), answer)
            }
            Some(Work::Dropped(_)) => Served::Dropped,
            Some(Work::PopRefused(_) | Work::ResultRefused(_)) => Served::Refused,
            Some(Work::Delivered { waiting: 2.. }) => Served::Unread,
            _ => Served::Nothing,
        };
        match served {
            Served::Job(ticket, answer) => return self.answer(&ticket, answer, now),
            Served::Dropped => self.sensor.dropped = self.sensor.dropped.wrapping_add(1),
            Served::Refused => self.sensor.refused = self.sensor.refused.wrapping_add(1),
            Served::Unread => return self.expire_results(now),
            Served::Nothing => {}
        }
        Ok(())
    }

    fn answer(
        &mut self,
        ticket: &Ticket,
        answer: Answer,
        now: Milliseconds,
    ) -> Result<(), OutOfStep> {
        self.sensor.served = self.sensor.served.wrapping_add(1);
        if let Answer::Rate(_) = answer {
            self.due.event = now.saturating_add(self.sensor.pause());
            self.due.status = true;
        }
        self.results = Some(ticket.results_queue().clone());
        let stamp = self.stamp(now);
        let (woken, queues) = (&mut self.woken, &self.queues);
        let write = |w: &mut Writer<'_>| answer.write(w);
        let settled = self.link.settle(woken, queues, ticket, &stamp, write);
        settled.map_err(|_| OutOfStep)
    }
}

/// Whether a line of this name is the one that was greeted last.
fn is_ours(name: &[u8], greeted: u32) -> bool {
    let mut room = [0; 80];
    let mut w = Writer::new(&mut room);
    tell::write_name(&mut w, greeted);
    w.since(0) == name
}

//! What the component asks and tells by itself.

use redis_ipc_core::dialect::redis_ipc::{Stamp, finish_event};
use redis_ipc_core::resp::request;
use redis_ipc_core::tracking;
use redis_ipc_core::write::{TooLong, Writer};

use super::{Asked, BEAT, Member, NAME, OutOfStep, PASSWORD, UNREAD_RESULTS};
use crate::clock::Milliseconds;
use crate::line::Line;
use crate::sensor::write_temperature;
use crate::startup::stack_unused;

impl<L: Line> Member<'_, L> {
    /// Makes itself known on a line that is in step. What is read and written as a member follows
    /// by itself, behind these.
    pub(super) fn greet(&mut self, now: Milliseconds) -> Result<(), OutOfStep> {
        self.sensor.greeted = self.sensor.greeted.wrapping_add(1);
        let greeted = self.sensor.greeted;
        let (queue, settings) = (self.queues[0].clone(), self.settings.clone());
        self.ask(now, Asked::Hello, |w| write_hello(w, greeted))?;
        self.ask(now, Asked::Track, |w| {
            tracking::track(w, &[&queue, &settings]);
        })?;
        self.ask(now, Asked::Time, |w| request::command(w, &[b"TIME"]))?;
        self.due.settings = true;
        self.due.status = true;
        self.due.beat = now + BEAT;
        self.due.event = now + self.sensor.pause();
        Ok(())
    }

    /// One turn as a member: hears what came, then asks and tells what is due.
    pub(super) fn take_part(&mut self, now: Milliseconds) -> Result<bool, OutOfStep> {
        let mut busy = false;
        loop {
            match self.link.poll() {
                Ok(incoming) => {
                    self.heard = now;
                    self.hear(incoming, now)?;
                    busy = true;
                }
                Err(nb::Error::WouldBlock) => break,
                Err(nb::Error::Other(_)) => return Err(OutOfStep),
            }
        }
        if self.link.session().outstanding() > 0 && now.saturating_sub(self.heard) > L::PATIENCE {
            return Err(OutOfStep);
        }
        self.tell(now)?;
        Ok(busy)
    }

    /// Writes what is due, one at a time so that an answer always has room.
    fn tell(&mut self, now: Milliseconds) -> Result<(), OutOfStep> {
        if !self.link.session().outgoing().is_empty() {
            return Ok(());
        }
        self.note_silence(now);
        let session = self.link.session();
        if self
            .woken
            .ask(session, &self.queues)
            .map_err(|_| OutOfStep)?
        {
            return Ok(());
        }
        if self.asked.iter().all(Option::is_some) {
            return Ok(());
        }
        if self.due.settings {
            self.due.settings = false;
            let key = self.settings.clone();
            return self.ask(now, Asked::Settings, |w| {
                request::command(w, &[b"HGETALL", key.as_bytes()]);
            });
        }
        if self.due.status {
            self.due.status = false;
            return self.tell_status(now);
        }
        if now >= self.due.beat {
            self.due.beat = now + BEAT;
            return self.beat(now);
        }
        if now >= self.due.event {
            self.due.event = now + self.sensor.pause();
            return self.publish(now);
        }
        Ok(())
    }

    /// Looks whether the line is still the one that was greeted, and for what an invalidation
    /// might have told that was lost.
    fn beat(&mut self, now: Milliseconds) -> Result<(), OutOfStep> {
        self.woken.wake();
        self.due.settings = true;
        self.due.status = true;
        self.ask(now, Asked::Beat, |w| {
            request::command(w, &[b"CLIENT", b"GETNAME"]);
        })
    }

    fn tell_status(&mut self, now: Milliseconds) -> Result<(), OutOfStep> {
        let (key, fields) = (self.status.clone(), self.sensor.status());
        let temperature = self.sensor.temperature(now);
        self.ask(now, Asked::Any, |w| {
            request::array(w, 2 + 2 * (fields.len() + 3));
            for word in [b"HSET", key.as_bytes(), b"state", b"ready"] {
                request::bulk(w, word);
            }
            request::bulk(w, b"temperature");
            request::bulk_number(w, temperature.into());
            request::bulk(w, b"stack_unused");
            request::bulk_number(w, stack_unused().into());
            for (name, number) in fields {
                request::bulk(w, name);
                request::bulk_number(w, number.into());
            }
        })
    }

    fn publish(&mut self, now: Milliseconds) -> Result<(), OutOfStep> {
        let (channel, stamp) = (self.events.clone(), self.stamp(now));
        let temperature = self.sensor.temperature(now);
        self.ask(now, Asked::Any, |w| {
            request::array(w, 3);
            request::bulk(w, b"PUBLISH");
            request::bulk(w, channel.as_bytes());
            request::bulk_with(w, |w| {
                let start = w.len();
                write_temperature(w, temperature);
                // It is an object.
                let _ = finish_event(w, start, channel.as_str(), &stamp);
            });
        })
    }

    /// Has results go that nobody reads.
    pub(super) fn expire_results(&mut self, now: Milliseconds) -> Result<(), OutOfStep> {
        let Some(results) = self.results.take() else {
            return Ok(());
        };
        self.ask(now, Asked::Any, |w| {
            request::array(w, 3);
            request::bulk(w, b"PEXPIRE");
            request::bulk(w, results.as_bytes());
            request::bulk_with(w, |w| w.put_decimal(UNREAD_RESULTS));
        })
    }

    /// Writes one request and notes what it is about. Room is never short, for there is a place
    /// for each that can be in flight; were it, the line would be taken for lost.
    fn ask(
        &mut self,
        now: Milliseconds,
        what: Asked,
        mut write: impl FnMut(&mut Writer<'_>),
    ) -> Result<(), OutOfStep> {
        self.note_silence(now);
        let place = self.asked.iter_mut().find(|place| place.is_none());
        let place = place.ok_or(OutOfStep)?;
        let sequence = self.link.session().request(|w| {
            write(w);
            Ok::<(), TooLong>(())
        });
        *place = Some((sequence.map_err(|_| OutOfStep)?, what));
        Ok(())
    }

    /// Patience begins with the first request that waits for a reply.
    fn note_silence(&mut self, now: Milliseconds) {
        if self.link.session().outstanding() == 0 {
            self.heard = now;
        }
    }

    /// Who signs, and when, in the server's time.
    pub(super) fn stamp(&mut self, now: Milliseconds) -> Stamp<'static> {
        Stamp {
            timestamp: self.time.now(now),
            component: NAME,
            thread: "main",
            tid: 1,
        }
    }
}

/// What a line is known by again.
pub(super) fn write_name(w: &mut Writer<'_>, greeted: u32) {
    w.put(NAME.as_bytes());
    w.put_byte(b'-');
    w.put_decimal(greeted.into());
}

fn write_hello(w: &mut Writer<'_>, greeted: u32) {
    request::array(w, if PASSWORD.is_some() { 7 } else { 4 });
    request::bulk(w, b"HELLO");
    request::bulk(w, b"3");
    if let Some(password) = PASSWORD {
        for word in ["AUTH", "default", password] {
            request::bulk(w, word.as_bytes());
        }
    }
    request::bulk(w, b"SETNAME");
    request::bulk_with(w, |w| write_name(w, greeted));
}

//! Serving at least once: a command stays on the server until it is answered.
//!
//! A pop takes a command off its queue; a component that is killed behind it takes the command
//! along. Served at least once, a command moves into a list of what this thread is at work on, in
//! one step, and the write that pushes the result takes it out. What is still in the list when
//! the component comes back is served again, and given up after a number of tries: it then
//! goes into the list of dead letters, `queues.dead.<component>`, for people to look at.

use redis_ipc_core::key::Key;
use redis_ipc_core::name::{Component as ComponentName, Subqueue, Thread};
use redis_ipc_core::resp::request;
use redis_ipc_core::serve::{MOVE_SCRIPT, Pop};
use redis_ipc_core::write::TooLong;

use super::line::{Arrived, Line};
use super::{Component, Failure, Job, Limitation, name_error};
use crate::connection::Deadline;
use crate::error::{Error, ServerError};

/// How often a command may reach its handler.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Delivery {
    /// Once or, if the component or the server dies at the wrong moment, never: as in the
    /// originals.
    #[default]
    AtMostOnce,
    /// Once or, if the component or the server dies at the wrong moment, again: for handlers
    /// that may do a thing twice. A command whose handling has begun this many times and was
    /// never answered is given up.
    AtLeastOnce {
        /// At least 1.
        tries: u32,
    },
}

/// What it takes to serve at least once.
#[derive(Debug)]
pub(super) struct Durable {
    /// For each queue, the list of what is at work.
    at_work: Vec<Key>,
    /// The hash that counts how often commands were tried.
    tries: Key,
    dead_letters: Key,
    limit: u64,
    /// What the server calls the script, where there are several queues.
    sha: String,
    /// The commands that this component has in hand: those the lists are allowed to hold.
    held: Vec<Held>,
    /// Room of commands that were in hand, to be used again.
    spare: Vec<Vec<u8>>,
    /// Whether a queue may hold something that the script has not looked at.
    woken: bool,
    /// Whether moving is refused for lack of memory, so that commands are taken instead.
    draining: bool,
}

/// A command in hand.
#[derive(Debug)]
struct Held {
    /// Which queue it came from.
    queue: usize,
    message: Vec<u8>,
}

impl Durable {
    fn new(
        component: &str,
        thread: &str,
        subqueues: &[Option<String>],
        tries: u32,
    ) -> Result<Self, Error> {
        let name = ComponentName::parse(component).map_err(|why| name_error(component, why))?;
        let thread = Thread::parse(thread).map_err(|why| name_error(thread, why))?;
        let mut at_work = Vec::with_capacity(subqueues.len());
        for subqueue in subqueues {
            let parsed = subqueue.as_deref().map(Subqueue::parse).transpose();
            let subqueue = parsed.map_err(|why| name_error(component, why))?;
            at_work.push(Key::at_work(thread, name, subqueue)?);
        }
        Ok(Self {
            at_work,
            tries: Key::tries(thread, name)?,
            dead_letters: Key::dead_letters(name)?,
            limit: u64::from(tries.max(1)),
            sha: String::new(),
            held: Vec::new(),
            spare: Vec::new(),
            woken: true,
            draining: false,
        })
    }

    pub(super) fn wake(&mut self) {
        self.woken = true;
    }

    /// Notes that a command came and is in hand now. While draining it was taken and is in no
    /// list; the next one is to be moved again, if there is memory.
    pub(super) fn hold(&mut self, queue: usize, message: &[u8]) {
        if !std::mem::take(&mut self.draining) {
            let mut room = self.spare.pop().unwrap_or_default();
            room.extend_from_slice(message);
            self.held.push(Held {
                queue,
                message: room,
            });
        }
        self.woken = true;
    }

    fn let_go(&mut self, message: &[u8]) {
        if let Some(place) = self.held.iter().position(|held| held.message == message) {
            let mut room = self.held.swap_remove(place).message;
            // One is in hand at a time, but for those that are kept for later.
            if self.spare.is_empty() {
                room.clear();
                self.spare.push(room);
            }
        }
    }

    fn holds(&self, message: &[u8]) -> bool {
        self.held.iter().any(|held| held.message == message)
    }
}

/// How the next command is asked for; `None` if there is no use in asking now.
pub(super) fn pop<'k>(queues: &'k [Key], durable: Option<&'k Durable>) -> Option<Pop<'k>> {
    let taking = Pop::Take(queues);
    match (durable, queues) {
        (_, []) => None,
        (None, _) => Some(taking),
        (Some(durable), _) if durable.draining => Some(taking),
        (Some(durable), [queue]) => {
            let at_work = durable.at_work.first()?;
            Some(Pop::Move { queue, at_work })
        }
        (Some(durable), _) => durable.woken.then_some(Pop::MoveFirst {
            sha: &durable.sha,
            queues,
            at_work: &durable.at_work,
        }),
    }
}

impl Line {
    /// Whether an invalidation has to wake this line: the script does not wait by itself.
    pub(super) fn is_woken(&self) -> bool {
        self.durable.is_some() && self.queues.len() > 1
    }

    /// Asks for the next command, if none is asked for yet.
    pub(super) fn ask(&mut self) -> Result<(), TooLong> {
        if self.serve.asked() {
            return Ok(());
        }
        if let Some(pop) = pop(&self.queues, self.durable.as_ref()) {
            self.serve.ask_for(self.connection.session(), pop)?;
            self.asked();
        }
        Ok(())
    }

    /// Notes that the script was asked to look at all queues.
    pub(super) fn asked(&mut self) {
        if let Some(durable) = &mut self.durable {
            durable.woken = false;
        }
    }

    /// The list from which a command is to be removed once it is answered.
    pub(super) fn at_work(&self, job: &Job) -> Option<&Key> {
        let durable = self.durable.as_ref()?;
        if !durable.holds(job.raw()) {
            return None;
        }
        let place = self.queues.iter().position(|q| Some(q) == job.queue())?;
        durable.at_work.get(place)
    }

    /// Notes that a command is out of hand.
    pub(super) fn let_go(&mut self, job: &Job) {
        if let Some(durable) = &mut self.durable {
            durable.let_go(job.raw());
        }
    }

    /// Notes that a command is out of hand, and that nobody knows whether it still is in the list
    /// of what is at work.
    pub(super) fn abandon(&mut self, job: &Job) {
        self.let_go(job);
        self.to_resume |= self.durable.is_some();
    }
}

impl Component {
    /// Says how often a command may reach its handler; holds from the next
    /// [`serve`](Self::serve) on.
    ///
    /// Serving at least once takes a server with BLMOVE and, for several subqueues, with RESP3
    /// and tracking. While the server's memory is full it refuses to move commands; they are then
    /// taken at most once, and [`limitations`](Self::limitations) says so.
    pub fn set_delivery(&mut self, delivery: Delivery) {
        self.delivery = delivery;
    }

    /// Prepares the delivery of the queues that are to be served.
    pub(super) fn prepare_delivery(
        &self,
        subqueues: &[Option<String>],
    ) -> Result<Option<Durable>, Error> {
        let Delivery::AtLeastOnce { tries } = self.delivery else {
            return Ok(None);
        };
        if subqueues.len() > 1 && self.work.server().protocol() < 3 {
            return Err(Error::Usage(
                "serving several queues at least once takes a server that speaks RESP3",
            ));
        }
        Durable::new(self.name(), self.thread(), subqueues, tries).map(Some)
    }

    /// Sets up what a new line needs, and takes up what the last one left.
    pub(super) fn resume_delivery(&mut self) -> Result<(), Error> {
        self.load_script()?;
        let Some(durable) = &self.line.durable else {
            return Ok(());
        };
        for (place, list) in durable.at_work.clone().iter().enumerate() {
            let reply = self
                .work
                .command(&[&b"LRANGE"[..], list.as_bytes(), b"0", b"-1"])?;
            let left: Vec<_> = reply
                .elements()
                .into_iter()
                .flatten()
                .filter_map(|message| message.bytes().map(<[u8]>::to_vec))
                .collect();
            for message in left {
                self.take_up_leftover(place, message)?;
            }
        }
        Ok(())
    }

    pub(super) fn load_script(&mut self) -> Result<(), Error> {
        if !self.line.is_woken() {
            return Ok(());
        }
        let reply = self.work.command(&["SCRIPT", "LOAD", MOVE_SCRIPT])?;
        let sha = String::from_utf8_lossy(reply.bytes().unwrap_or_default()).into_owned();
        if let Some(durable) = &mut self.line.durable {
            durable.sha = sha;
            durable.woken = true;
        }
        Ok(())
    }

    /// Serves a command again that somebody had begun with, or gives it up.
    fn take_up_leftover(&mut self, place: usize, mut message: Vec<u8>) -> Result<(), Error> {
        let Some(durable) = &mut self.line.durable else {
            return Ok(());
        };
        if durable.holds(&message) {
            return Ok(());
        }
        durable.held.push(Held {
            queue: place,
            message: message.clone(),
        });
        let (tries, limit) = (durable.tries.clone(), durable.limit);
        let (Some(queue), Some(subqueue)) =
            (self.line.queues.get(place), self.line.subqueues.get(place))
        else {
            return Ok(());
        };
        let mut job = Job::default();
        if let Err(why) = job.read(&mut message, queue, subqueue.as_deref()) {
            // It may have been counted.
            job.set_tries(1);
            self.leave_out(&job, &why)?;
            self.forget_tries(&job);
            return Ok(());
        }
        let counted = self.work.command(&[
            &b"HINCRBY"[..],
            tries.as_bytes(),
            job.command_id().as_bytes(),
            b"1",
        ]);
        job.set_tries(match counted {
            Ok(reply) => {
                let count = reply.integer().and_then(|n| u64::try_from(n).ok());
                count.unwrap_or(1)
            }
            // A full server must drain: what cannot be counted is served all the same.
            Err(Error::Server(refused)) if refused.code() == "OOM" => 1,
            Err(error) => {
                self.line.let_go(&job);
                return Err(error);
            }
        });
        if job.tries() < limit {
            self.line.set_aside_job(job);
            return Ok(());
        }
        match self.give_up(&job) {
            // It stays where it is until the next look.
            Err(Error::Server(refused)) if refused.is_temporary() => {
                self.line.let_go(&job);
                Ok(())
            }
            Err(error) => {
                self.line.let_go(&job);
                Err(error)
            }
            Ok(()) => Ok(()),
        }
    }

    /// Gives a command up: into the dead letters with it, and word to its caller.
    fn give_up(&mut self, job: &Job) -> Result<(), Error> {
        let Some(dead_letters) = self.line.durable.as_ref().map(|d| d.dead_letters.clone()) else {
            return Ok(());
        };
        self.move_out(job, &dead_letters, b"RPUSH")?;
        self.forget_tries(job);
        self.counters.commands_dropped += 1;
        let tries = job.tries();
        self.note(&format!(
            "gave up command {} after {tries} tries",
            job.command_id()
        ));
        let failure = Failure::new(
            "given-up",
            format!("this command was begun {tries} times and never finished"),
        );
        self.push_failure(job, &failure)
    }

    /// Moves a command from the list of what is at work to the head or the tail of another one,
    /// in one step.
    pub(super) fn move_out(&mut self, job: &Job, to: &Key, push: &[u8]) -> Result<(), Error> {
        let Some(at_work) = self.line.at_work(job).cloned() else {
            return self
                .work
                .command(&[push, to.as_bytes(), job.raw()])
                .map(drop);
        };
        let deadline = Deadline::after(self.work.options().reply_limit);
        let first = self.work.send(4, deadline, |w| {
            request::command(w, &[b"MULTI"]);
            request::command(w, &[b"LREM", at_work.as_bytes(), b"1", job.raw()]);
            request::command(w, &[push, to.as_bytes(), job.raw()]);
            request::command(w, &[b"EXEC"]);
            Ok::<(), TooLong>(())
        })?;
        let reply = self.work.reply(first.after(3), deadline)?;
        let refused = reply
            .elements()
            .and_then(|mut all| all.find_map(|one| one.error()));
        if let Some(error) = refused {
            return Err(ServerError::inside(&error).into());
        }
        self.line.let_go(job);
        Ok(())
    }

    /// Takes a command that is none out of the list of what is at work.
    pub(super) fn remove_from_work(&mut self, job: &Job) -> Result<(), Error> {
        let Some(at_work) = self.line.at_work(job).cloned() else {
            return Ok(());
        };
        self.line.let_go(job);
        self.work
            .command(&[&b"LREM"[..], at_work.as_bytes(), b"1", job.raw()])
            .map(drop)
    }

    /// A command that was begun more than once is done: nobody needs its count any more. A count
    /// that cannot be removed is a few bytes, and no reason to say that the command is not done.
    pub(super) fn forget_tries(&mut self, job: &Job) {
        if let Some(durable) = self.line.durable.as_ref().filter(|_| job.tries() > 0) {
            let _ = self.work.hdel(&durable.tries, &[job.command_id()]);
        }
    }

    /// The server refuses to move a command. Says whether to ask again.
    pub(super) fn move_refused(&mut self, error: &ServerError) -> Result<bool, Error> {
        let Some(durable) = &mut self.line.durable else {
            return Ok(false);
        };
        match error.code() {
            "NOSCRIPT" => self.load_script().map(|()| true),
            "OOM" if !durable.draining => {
                durable.draining = true;
                let why = error.text().to_owned();
                self.note(&format!("commands are taken at most once: {why}"));
                self.lose(Limitation::AtMostOnce { why });
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    /// Takes a command off a queue without waiting, the way its queue is served.
    pub(super) fn take_message(&mut self, queue: &Key) -> Result<Option<Vec<u8>>, Error> {
        let place = self.line.queues.iter().position(|served| served == queue);
        let durable = self.line.durable.as_mut();
        let (Some(place), Some(durable)) = (place, durable) else {
            return self.work.lpop(queue);
        };
        let Some(at_work) = durable.at_work.get(place) else {
            return self.work.lpop(queue);
        };
        let parts = [
            &b"LMOVE"[..],
            queue.as_bytes(),
            at_work.as_bytes(),
            b"LEFT",
            b"RIGHT",
        ];
        let message = match self.work.command(&parts) {
            Ok(reply) => reply.bytes().map(<[u8]>::to_vec),
            Err(Error::Server(error)) if error.code() == "OOM" => return self.work.lpop(queue),
            Err(error) => return Err(error),
        };
        if let Some(message) = &message {
            durable.held.push(Held {
                queue: place,
                message: message.clone(),
            });
        }
        Ok(message)
    }

    /// A command was moved that nobody here can hold: it is the last of its list, and the one
    /// that is there and not in hand.
    pub(super) fn trim_work(&mut self) -> Result<(), Error> {
        let Some(durable) = &self.line.durable else {
            return Ok(());
        };
        for (place, list) in durable.at_work.iter().enumerate() {
            let held = durable.held.iter().filter(|held| held.queue == place);
            if self.work.llen(list)? > held.count() as u64 {
                self.work
                    .command(&[&b"LTRIM"[..], list.as_bytes(), b"0", b"-2"])?;
            }
        }
        Ok(())
    }
}

impl Line {
    fn set_aside_job(&mut self, job: Job) {
        let before = std::mem::replace(&mut self.job, job);
        self.set_aside(Arrived::Command);
        self.job = before;
    }
}

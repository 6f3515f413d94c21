//! The host's end of a board's serial line: frames there, a server here, and between them what the
//! board is allowed to do.

mod device;
mod requests;
mod rules;
mod upstream;

use std::fs::File;
use std::hash::{BuildHasher, RandomState};
use std::io::{ErrorKind, Read, Write};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use redis_ipc::{Endpoint, Stop};
use redis_ipc_core::link::framed::{self, Gateway, MAX_FRAME};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::output::Output;
use crate::problem::Problem;

pub(crate) use device::{DeviceError, open_device};
pub(crate) use rules::Rules;

use requests::{Request, Requests};
use upstream::Upstream;

/// What may be under way: the board has less room than this.
pub(crate) type Buffers = framed::Buffers<8192, 8192>;

/// How long to wait before the next attempt at a device or a server, at first and at most.
const FIRST_WAIT: Duration = Duration::from_millis(20);
const LONGEST_WAIT: Duration = Duration::from_secs(1);

/// How long a board may leave unacknowledged what it was sent: after that it is off, and the server
/// is not to keep things for it.
const SILENCE: Duration = Duration::from_secs(10);

/// How long a connection is kept ready for a board that was offered a session.
const SPARE: Duration = Duration::from_secs(10);

/// Frames that may be damaged before the first right one, until it is said.
const SUSPICIOUS: u32 = 10;

/// Refusals that are told of in one session.
const TOLD_REFUSALS: u32 = 20;

/// What the gateway is to do.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) endpoint: Endpoint,
    pub(crate) device: PathBuf,
    pub(crate) baud: u32,
    pub(crate) rules: Rules,
}

/// The gateway at work.
struct Work<'s> {
    settings: &'s Settings,
    output: Output,
    gateway: Gateway<'s>,
    started: Instant,
    device: Attempted<File>,
    /// The board's connection, while it has a session.
    upstream: Option<Upstream>,
    /// One for a board that has asked for a session and has not taken it up.
    spare: Option<(Upstream, Instant)>,
    next_connect: Attempted<()>,
    requests: Requests,
    sessions: u64,
    refused: u32,
    /// When the board was heard last, or began to owe something.
    heard: Instant,
    right: u32,
    suspected: bool,
}

/// Something that may be there, and when to try next for it.
struct Attempted<T> {
    there: Option<T>,
    next: Instant,
    wait: Duration,
}

impl<T> Attempted<T> {
    fn new(there: Option<T>) -> Self {
        Self {
            there,
            next: Instant::now(),
            wait: FIRST_WAIT,
        }
    }

    fn is_due(&self) -> bool {
        self.there.is_none() && Instant::now() >= self.next
    }

    fn failed(&mut self) {
        self.there = None;
        self.next = Instant::now() + self.wait;
        self.wait = (self.wait * 2).min(LONGEST_WAIT);
    }

    fn succeeded(&mut self, there: T) {
        self.there = Some(there);
        self.wait = FIRST_WAIT;
    }
}

/// How long an acknowledgement may take: some frames each way.
fn pause(baud: u32) -> framed::Milliseconds {
    // Ten bits a byte.
    let frame = 1000 * 10 * u32::try_from(MAX_FRAME).unwrap_or(u32::MAX) / baud.max(1);
    (6 * frame).clamp(50, 10_000)
}

/// Passes on what a board says and is told until `stop` asks for its end. Device and server are
/// waited for whenever they are gone.
pub(crate) fn run(
    settings: &Settings,
    device: File,
    buffers: &mut Buffers,
    stop: &Stop,
    output: Output,
) -> Result<(), Problem> {
    let now = Instant::now();
    let mut work = Work {
        settings,
        output,
        gateway: Gateway::new(buffers, pause(settings.baud)),
        started: now,
        device: Attempted::new(Some(device)),
        upstream: None,
        spare: None,
        next_connect: Attempted::new(None),
        requests: Requests::new(),
        sessions: 0,
        refused: 0,
        heard: now,
        right: 0,
        suspected: false,
    };
    while !stop.is_requested() {
        work.turn();
        work.wait()
            .map_err(|error| Problem::failed(format!("cannot wait: {error}")))?;
    }
    Ok(())
}

impl Work<'_> {
    fn now(&self) -> framed::Milliseconds {
        // Only differences count.
        #[expect(clippy::cast_possible_truncation, reason = "it may begin anew")]
        let now = self.started.elapsed().as_millis() as u32;
        now
    }

    /// Everything that can be done without waiting.
    fn turn(&mut self) {
        if self.device.is_due() {
            self.reopen();
        }
        self.receive();
        self.offer();
        self.serve();
        self.send();
        self.watch();
    }

    fn reopen(&mut self) {
        match open_device(&self.settings.device, self.settings.baud) {
            Ok(device) => {
                self.device.succeeded(device);
                self.tell("device", "the device is back", "state", "back");
            }
            Err(_) => self.device.failed(),
        }
    }

    fn lose_device(&mut self, why: &str) {
        self.device.failed();
        let text = format!("the device is gone ({why}); waiting for it");
        self.tell("device", &text, "state", "gone");
    }

    /// Takes what the board says.
    fn receive(&mut self) {
        let mut room = [0; 4096];
        while let Some(device) = &mut self.device.there {
            match device.read(&mut room) {
                Ok(0) => return self.lose_device("it hung up"),
                Ok(count) => self.hear(&room[..count]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return self.lose_device(&error.to_string()),
            }
        }
    }

    fn hear(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let taken = self.gateway.receive(bytes);
            bytes = &bytes[taken..];
            if self.gateway.has_changed() {
                self.begin();
            } else if !bytes.is_empty() {
                self.serve();
            }
        }
    }

    /// A board has taken up the session that it was offered.
    fn begin(&mut self) {
        self.upstream = self.spare.take().map(|(upstream, _)| upstream);
        self.requests = Requests::new();
        self.refused = 0;
        self.heard = Instant::now();
        if self.upstream.is_none() {
            // It took too long; it will ask again.
            self.gateway.close();
            return;
        }
        self.sessions += 1;
        let number = self.sessions.to_string();
        self.tell(
            "session",
            &format!("session {number} begins"),
            "number",
            &number,
        );
    }

    /// Offers a session to a board that asks for one, as soon as there is a server for it.
    fn offer(&mut self) {
        if !self.gateway.is_asked() {
            return;
        }
        if self.spare.is_none() {
            if Instant::now() < self.next_connect.next {
                return;
            }
            match Upstream::connect(&self.settings.endpoint) {
                Ok(upstream) => {
                    self.next_connect.wait = FIRST_WAIT;
                    self.spare = Some((upstream, Instant::now()));
                }
                Err(error) => {
                    if self.next_connect.wait == FIRST_WAIT {
                        let text = format!("a board asks, but there is no server: {error}");
                        self.tell("server", &text, "state", "gone");
                    }
                    return self.next_connect.failed();
                }
            }
        }
        // A hasher's keys are the randomness that the standard library has.
        let random = RandomState::new().hash_one(self.started.elapsed());
        #[expect(
            clippy::cast_possible_truncation,
            reason = "half of it is random enough"
        )]
        self.gateway.accept(random as u32);
    }

    /// Passes requests up and replies down.
    fn serve(&mut self) {
        if let Err(why) = self.try_serve() {
            self.end(&why);
        }
        let failed = self.spare.as_mut().is_some_and(|(upstream, since)| {
            upstream.exchange().is_err() || since.elapsed() > SPARE
        });
        if failed {
            self.spare = None;
        }
    }

    fn try_serve(&mut self) -> Result<(), String> {
        self.pass_up()?;
        let Some(upstream) = &mut self.upstream else {
            return Ok(());
        };
        let gone = |error: std::io::Error| format!("the server is gone: {error}");
        upstream.exchange().map_err(gone)?;
        let waiting = upstream.downward();
        let taken = self.gateway.write(waiting);
        waiting.drain(..taken);
        Ok(())
    }

    fn pass_up(&mut self) -> Result<(), String> {
        let mut room = [0; 1024];
        while let Some(upstream) = &mut self.upstream {
            if !upstream.takes_more() {
                return Ok(());
            }
            let request = self.requests.next();
            let request =
                request.map_err(|why| format!("the board sends what is no RESP: {why}"))?;
            match request {
                Some(request) => self.judge(request),
                None => match self.gateway.read(&mut room) {
                    0 => return Ok(()),
                    count => self.requests.feed(&room[..count]),
                },
            }
        }
        Ok(())
    }

    fn judge(&mut self, request: Request) {
        let verdict = match &request {
            Request::Words(words) => self.settings.rules.judge(words),
            Request::Other(what) => Err(format!("this board may not send {what}")),
        };
        let Some(upstream) = &mut self.upstream else {
            return;
        };
        match (verdict, request) {
            (Ok(()), Request::Words(words)) => upstream.ask(&words),
            (verdict, _) => {
                let why = verdict.err().unwrap_or_default();
                upstream.answer(format!("-NOPERM {why}\r\n").into_bytes());
                self.tell_refused(&why);
            }
        }
    }

    fn tell_refused(&mut self, why: &str) {
        self.refused += 1;
        match self.refused {
            ..TOLD_REFUSALS => self.tell("refused", &format!("refused: {why}"), "reason", why),
            TOLD_REFUSALS => {
                let why = "more refusals of this session are not told of";
                self.tell("refused", why, "reason", why);
            }
            _ => {}
        }
    }

    fn end(&mut self, why: &str) {
        self.upstream = None;
        self.gateway.close();
        let text = format!("session {} ends: {why}", self.sessions);
        self.tell("end", &text, "reason", why);
    }

    /// Sends what the device takes.
    fn send(&mut self) {
        let now = self.now();
        while let Some(device) = &mut self.device.there {
            let bytes = self.gateway.outgoing(now);
            if bytes.is_empty() {
                return;
            }
            match device.write(bytes) {
                Ok(count) => self.gateway.sent(count),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return self.lose_device(&error.to_string()),
            }
        }
    }

    /// Looks whether the board is there, and whether what comes can be from one.
    fn watch(&mut self) {
        let count = self.gateway.count();
        if count.right != self.right || self.gateway.unacknowledged() == 0 {
            self.right = count.right;
            self.heard = Instant::now();
        }
        if self.upstream.is_some() && self.heard.elapsed() > SILENCE {
            self.end("the board does not answer");
        }
        if count.right == 0 && count.damaged >= SUSPICIOUS && !self.suspected {
            self.suspected = true;
            self.output.note(&format!(
                "what comes are no frames: does the board send {} baud, and frames?",
                self.settings.baud
            ));
        }
    }

    /// Waits until something comes, can be sent or is due.
    fn wait(&mut self) -> std::io::Result<()> {
        let now = self.now();
        let leaving = !self.gateway.outgoing(now).is_empty();
        let mut limit = LONGEST_WAIT;
        if let Some(idle) = self.gateway.idle_for(now).filter(|_| !leaving) {
            limit = limit.min(Duration::from_millis(u64::from(idle)));
        }
        for attempt in [
            self.device.there.is_none().then_some(self.device.next),
            self.gateway.is_asked().then_some(self.next_connect.next),
        ] {
            let left = attempt.map(|next| next.saturating_duration_since(Instant::now()));
            limit = limit.min(left.unwrap_or(limit));
        }
        let timeout = Timespec::try_from(limit).map_err(std::io::Error::other)?;
        let mut ends = Vec::with_capacity(3);
        if let Some(device) = &self.device.there {
            ends.push(PollFd::new(device, wanted(true, leaving)));
        }
        let spare = self.spare.as_ref().map(|(upstream, _)| upstream);
        for upstream in self.upstream.iter().chain(spare) {
            let flags = wanted(upstream.wants_more(), upstream.has_more());
            ends.push(PollFd::new(upstream, flags));
        }
        match poll(&mut ends, Some(&timeout)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(errno) => Err(errno.into()),
        }
    }

    fn tell(&self, event: &str, text: &str, name: &str, value: &str) {
        self.output.serial(event, text, name, value);
    }
}

fn wanted(read: bool, write: bool) -> PollFlags {
    let mut flags = PollFlags::empty();
    flags.set(PollFlags::IN, read);
    flags.set(PollFlags::OUT, write);
    flags
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_line_has_more_time() {
        assert_eq!(pause(115_200), 78);
        assert_eq!(pause(9600), 936);
        assert_eq!(pause(4_000_000), 50);
        assert_eq!(pause(0), 10_000);
    }
}

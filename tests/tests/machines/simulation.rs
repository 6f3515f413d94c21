//! A caller and a component at a server that is none: bytes travel in random pieces, time goes by
//! in random steps, and every command must be accounted for.

use crate::model::Model;
use crate::wire::{Dice, Fixed, hear};
use redis_ipc_core::call::{Call, Progress, Terms};
use redis_ipc_core::dialect::redis_ipc::read_command;
use redis_ipc_core::key::Key;
use redis_ipc_core::name::{Component, Thread};
use redis_ipc_core::resp::request;
use redis_ipc_core::serve::{Serve, Turn};
use redis_ipc_core::session::{Session, Storage};
use redis_ipc_core::subscription::{Heard, Subscriptions};
use redis_ipc_core::topic::Topic;
use redis_ipc_core::write::{TooLong, Writer};
use std::collections::BTreeMap;
use std::time::Duration;

const CHANNEL: &str = "channel.events.printer.done";

fn session() -> Session<Fixed> {
    Session::new(Fixed::new(300), Fixed::new(400))
}

/// Moves some of what a session has to say to the server, and some of the answers back.
fn travel(
    dice: &mut Dice,
    session: &mut Session<Fixed>,
    model: &mut Model,
    client: usize,
) -> Vec<u8> {
    let count = dice.below(session.outgoing().len() + 1);
    model.hears(client, &session.outgoing()[..count]);
    session.sent(count);
    let longest = 1 + dice.below(60);
    model.says(client, longest)
}

/// How a call ended.
#[derive(Debug, PartialEq)]
enum End {
    Answered(String),
    NotTaken,
    Unanswered,
}

struct Caller {
    session: Session<Fixed>,
    call: Option<Call<'static>>,
    subscriptions: Subscriptions<4>,
    ends: Vec<End>,
    events: Vec<String>,
}

impl Caller {
    fn new() -> Self {
        let mut caller = Self {
            session: session(),
            call: None,
            subscriptions: Subscriptions::new(),
            ends: Vec::new(),
            events: Vec::new(),
        };
        let printer = Component::parse("printer").ok();
        for component in [None, printer] {
            let topic = Topic::Events {
                component,
                subchannel: None,
            };
            let pattern = topic.pattern().unwrap();
            let asked = caller.subscriptions.subscribe(&mut caller.session, pattern);
            asked.unwrap();
        }
        caller
    }

    fn call(&mut self, dice: &mut Dice, now: Duration) {
        let number = self.ends.len();
        let printer = Component::parse("printer").unwrap();
        let caller = Component::parse("ui").unwrap();
        let results = Key::results(caller, Thread::parse("main").unwrap()).unwrap();
        // As long as the test: it leaks them.
        let terms = Terms {
            queue: Box::leak(Box::new(Key::commands(printer, None).unwrap())),
            results: Box::leak(Box::new(results)),
            id: format!("ui-main-1-{number}").leak(),
            timeout: Duration::from_millis(dice.below(1500) as u64),
            queue_limit: 100,
        };
        let call = Call::begin(&mut self.session, terms, now, |w| {
            let (results, id) = (terms.results, terms.id);
            let command = format!(r#"{{"results_queue":"{results}","command_id":"{id}"}}"#);
            w.put(command.as_bytes());
            Ok::<(), TooLong>(())
        });
        self.call = Some(call.unwrap());
    }

    fn hears(&mut self, bytes: &[u8], now: Duration) {
        hear(&mut self.session, bytes, |session, incoming| {
            if let Heard::Message { message, .. } = self.subscriptions.handle(session, incoming) {
                self.events
                    .push(String::from_utf8(message.to_vec()).unwrap());
            }
            let Some(call) = &mut self.call else {
                return;
            };
            let end = match call.handle(session, incoming, now).unwrap() {
                Progress::Waiting => return,
                Progress::Answered => End::Answered(call.result(session).to_owned()),
                Progress::NotTaken => End::NotTaken,
                Progress::Unanswered => End::Unanswered,
                other => panic!("{other:?}"),
            };
            self.ends.push(end);
            self.call = None;
        });
    }
}

struct Printer {
    session: Session<Fixed>,
    serve: Serve,
    queues: [Key; 1],
    /// Where an answer must go, and when.
    job: Option<(Key, String, Duration)>,
    taken: Vec<String>,
}

impl Printer {
    fn new() -> Self {
        let printer = Component::parse("printer").unwrap();
        let mut component = Self {
            session: session(),
            serve: Serve::new(),
            queues: [Key::commands(printer, None).unwrap()],
            job: None,
            taken: Vec::new(),
        };
        let asked = component
            .serve
            .ask(&mut component.session, &component.queues);
        asked.unwrap();
        component
    }

    fn hears(&mut self, dice: &mut Dice, bytes: &[u8], now: Duration) {
        hear(&mut self.session, bytes, |session, incoming| {
            let turn = self.serve.handle(session, incoming, &self.queues);
            let message = match turn {
                Turn::Item { message, .. } => message,
                Turn::Delivered { .. } | Turn::Foreign => return,
                turn => panic!("{turn:?}"),
            };
            let command = read_command(message).unwrap();
            let results = Key::results_of_peer(command.results_queue).unwrap();
            let id = command.command_id.to_owned();
            let ready = now + Duration::from_millis(dice.below(1200) as u64);
            self.taken.push(id.clone());
            self.job = Some((results, id, ready));
        });
    }

    /// Answers the job if it is done: with an event, then with a result, or with a wrong one.
    fn works(&mut self, dice: &mut Dice, now: Duration) {
        let Some((results, id, _)) = self.job.take_if(|(_, _, ready)| *ready <= now) else {
            return;
        };
        publish(&mut self.session, &id);
        let id = match dice.below(5) {
            0 => format!("{id}0"),
            _ => id,
        };
        let write = |w: &mut Writer<'_>| {
            w.put(format!(r#" {{"of":"{id}","command_id":"{id}"}}"#).as_bytes());
            Ok::<(), TooLong>(())
        };
        let queues = Some(&self.queues[..]);
        let answered = self
            .serve
            .answer(&mut self.session, &results, queues, write);
        answered.unwrap();
    }
}

fn publish<S: Storage>(session: &mut Session<S>, text: &str) {
    let published = session.request(|w| {
        request::command(w, &[b"PUBLISH", CHANNEL.as_bytes(), text.as_bytes()]);
        Ok::<(), TooLong>(())
    });
    published.unwrap();
}

fn check(caller: &Caller, printer: &Printer) -> BTreeMap<&'static str, usize> {
    let mut counts = BTreeMap::new();
    for (number, end) in caller.ends.iter().enumerate() {
        let id = format!("ui-main-1-{number}");
        let taken = printer.taken.iter().filter(|taken| **taken == id).count();
        let kind = match end {
            End::Answered(payload) => {
                assert_eq!(*payload, format!(r#"{{"of":"{id}"}}"#));
                assert_eq!(taken, 1, "{id} was answered");
                "answered"
            }
            End::NotTaken => {
                assert_eq!(taken, 0, "{id} was taken back");
                "not taken"
            }
            End::Unanswered => {
                assert_eq!(taken, 1, "{id} was taken");
                "unanswered"
            }
        };
        *counts.entry(kind).or_default() += 1;
    }
    let heard = caller.events.len();
    assert_eq!(
        caller.events,
        printer.taken[..heard],
        "each event once, in order"
    );
    counts
}

#[test]
fn every_command_is_accounted_for_whatever_time_and_line_do() {
    let mut total = BTreeMap::new();
    for seed in 0..40 {
        let mut dice = Dice::new(seed);
        let mut model = Model::new(2);
        let (mut caller, mut printer) = (Caller::new(), Printer::new());
        let mut now = Duration::from_secs(1000);
        while caller.ends.len() < 50 {
            now += Duration::from_millis(dice.below(60) as u64);
            if caller.call.is_none() && dice.below(3) == 0 {
                caller.call(&mut dice, now);
            }
            printer.works(&mut dice, now);
            // The server's clock is a little ahead of the caller's.
            model.turn(now + Duration::from_millis(dice.below(9) as u64));
            let bytes = travel(&mut dice, &mut caller.session, &mut model, 0);
            caller.hears(&bytes, now);
            let bytes = travel(&mut dice, &mut printer.session, &mut model, 1);
            printer.hears(&mut dice, &bytes, now);
        }
        for (kind, count) in check(&caller, &printer) {
            *total.entry(kind).or_insert(0) += count;
        }
    }
    assert_eq!(total.len(), 3, "each end came about: {total:?}");
}

//! The firmware's own code on the host: a real server, simulated time, a line that is cut at every
//! byte.

#[path = "../../../targets/thumbv7em-none-eabihf/src/line.rs"]
mod line;
#[path = "../../../targets/thumbv7em-none-eabihf/src/member/mod.rs"]
mod member;
#[path = "../../../targets/thumbv7em-none-eabihf/src/sensor.rs"]
mod sensor;

mod cable;

mod clock {
    pub(crate) type Milliseconds = u64;
}

mod startup {
    /// The host has no painted stack.
    pub(crate) fn stack_unused() -> u32 {
        0
    }
}

use cable::{Cable, Cut};
use embedded_io::ReadReady as _;
use member::Member;
use redis_ipc_tests::client::Client;
use redis_ipc_tests::server::Server;

/// Simulated time after which a component must be back: silence, noise, two calls and a beat take
/// 20 s of it.
const BACK: u64 = 30_000;

/// Everything that a component and its caller leave on a server.
const KEYS: [&str; 4] = [
    "queues.commands.sensor",
    "queues.results.test.first",
    "queues.results.test.second",
    "status.sensor",
];

fn push(client: &mut Client, results: &str, payload: &str) {
    let command = format!(
        "{{{payload},\"results_queue\":\"queues.results.test.{results}\",\"command_id\":\"{results}\"}}"
    );
    client.command(&["RPUSH", "queues.commands.sensor", &command]);
}

/// The next result, which must be a right one.
fn result(client: &mut Client, results: &str) -> Option<String> {
    let value = client.command(&["LPOP", &format!("queues.results.test.{results}")]);
    if value.is_nil() {
        return None;
    }
    let text = value.text();
    assert!(
        text.contains(&format!("\"command_id\":\"{results}\"")),
        "{text}"
    );
    Some(text)
}

/// A component on a cable to `server`, with its clock.
struct Simulation<'s> {
    member: Member<'s, Cable>,
    now: u64,
}

impl Simulation<'_> {
    /// Goes on until `done`; says whether it was done within `limit` of simulated time, which
    /// stands still for as long as the server is at work.
    fn run(&mut self, limit: u64, mut done: impl FnMut() -> bool) -> bool {
        let end = self.now + limit;
        while self.now < end {
            if !self.member.turn(self.now) {
                if done() {
                    return true;
                }
                self.member.link.line().settle();
                if !is_ready(self.member.link.line()) {
                    self.now += 10;
                }
            }
        }
        false
    }
}

fn is_ready(cable: &mut Cable) -> bool {
    let Ok(ready) = cable.read_ready();
    ready
}

/// Cuts the line once, calls before and after it.
fn survives(server: &Server, cut: Cut) {
    let mut client = server.client();
    client.command(&["FLUSHALL"]);
    push(&mut client, "first", "\"method\":\"read\"");
    let (mut inbox, mut outbox) = ([0; 1024], [0; 1024]);
    let cable = Cable::new(server, cut);
    let member = Member::new(cable, &mut inbox, &mut outbox).expect("a name that makes keys");
    let mut simulation = Simulation { member, now: 0 };
    simulation.run(3000, || result(&mut client, "first").is_some());
    push(
        &mut client,
        "second",
        "\"method\":\"set-rate\",\"milliseconds\":500",
    );
    let mut answer = None;
    let answered = simulation.run(BACK, || {
        answer = answer.take().or_else(|| result(&mut client, "second"));
        answer.is_some()
    });
    // The command itself may have been lost with the line; the next one must be served.
    if !answered {
        push(
            &mut client,
            "second",
            "\"method\":\"set-rate\",\"milliseconds\":500",
        );
        let again = simulation.run(BACK, || {
            answer = answer.take().or_else(|| result(&mut client, "second"));
            answer.is_some()
        });
        assert!(again, "{cut:?}: not served again");
    }
    let answer = answer.unwrap_or_default();
    assert!(answer.starts_with("{\"rate\":500,"), "{cut:?}: {answer}");
    for key in client.command(&["KEYS", "*"]).texts() {
        assert!(KEYS.contains(&key.as_str()), "{cut:?}: left {key}");
    }
}

/// Bytes that go each way until the second call is answered, with some to spare.
const SENT: usize = 1500;
const RECEIVED: usize = 900;

#[test]
fn a_line_cut_anywhere_in_what_is_sent_is_survived() {
    let server = Server::start();
    for bytes in (0..SENT).step_by(13) {
        survives(&server, Cut::Sent(bytes));
    }
}

#[test]
fn a_line_cut_anywhere_in_what_is_received_is_survived() {
    let server = Server::start();
    for bytes in (0..RECEIVED).step_by(11) {
        survives(&server, Cut::Received(bytes));
    }
}

#[test]
fn a_line_that_is_never_cut_is_greeted_once() {
    let server = Server::start();
    survives(&server, Cut::Never);
    assert_eq!(server.cli(&["HGET", "status.sensor", "greeted"]), "1");
    assert_eq!(server.cli(&["HGET", "status.sensor", "lost"]), "0");
}

#[test]
fn what_is_no_command_is_dropped_and_counted() {
    let server = Server::start();
    let mut client = server.client();
    let deep = format!("{{\"a\":{}1{}}}", "[".repeat(40), "]".repeat(40));
    let long = format!("{{\"a\":\"{}\"}}", "x".repeat(5000));
    let hostile = "{\"results_queue\":\"settings.db\",\"command_id\":\"1\"}";
    for junk in ["", "{}", "[]", "\u{0}", "{\"a\":1", &deep, &long, hostile] {
        client.command(&["RPUSH", "queues.commands.sensor", junk]);
    }
    push(&mut client, "first", "\"method\":\"read\"");
    let (mut inbox, mut outbox) = ([0; 1024], [0; 1024]);
    let cable = Cable::new(&server, Cut::Never);
    let member = Member::new(cable, &mut inbox, &mut outbox).expect("a name that makes keys");
    let mut simulation = Simulation { member, now: 0 };
    assert!(simulation.run(BACK, || result(&mut client, "first").is_some()));
    let dropped = || server.cli(&["HGET", "status.sensor", "dropped"]) == "8";
    assert!(simulation.run(BACK, dropped));
    assert_eq!(server.cli(&["EXISTS", "settings.db"]), 0);
}

#[test]
fn a_server_that_refuses_everything_is_asked_again_until_it_does_not() {
    let server = Server::setup().config("requirepass secret").start();
    let mut client = server.client();
    client.command(&["AUTH", "secret"]);
    let (mut inbox, mut outbox) = ([0; 1024], [0; 1024]);
    let cable = Cable::new(&server, Cut::Never);
    let member = Member::new(cable, &mut inbox, &mut outbox).expect("a name that makes keys");
    let mut simulation = Simulation { member, now: 0 };
    simulation.run(3000, || false);
    client.command(&["CONFIG", "SET", "requirepass", ""]);
    push(&mut client, "first", "\"method\":\"read\"");
    assert!(simulation.run(BACK, || result(&mut client, "first").is_some()));
}

//! Serving: what is asked for, what is popped, what becomes of the results.

use crate::wire::{Dice, Fixed, array, every_cut, hear, pieces, push, said};
use redis_ipc_core::key::Key;
use redis_ipc_core::name::{Component, Subqueue};
use redis_ipc_core::resp::request;
use redis_ipc_core::serve::{Serve, Turn};
use redis_ipc_core::session::{Incoming, Session};
use redis_ipc_core::write::{TooLong, Writer};

const CANCEL: &str = "queues.commands.printer.cancel";
const PRINT: &str = "queues.commands.printer.print";
const RESULTS: &str = "queues.results.desk.ui-1";

struct Server {
    session: Session<Fixed>,
    serve: Serve,
    queues: [Key; 2],
}

impl Server {
    fn new() -> Self {
        Self::over(512, 512)
    }

    fn over(inbox: usize, outbox: usize) -> Self {
        let printer = Component::parse("printer").unwrap();
        let queue = |name| Key::commands(printer, Some(Subqueue::parse(name).unwrap())).unwrap();
        Self {
            session: Session::new(Fixed::new(inbox), Fixed::new(outbox)),
            serve: Serve::new(),
            queues: [queue("cancel"), queue("print")],
        }
    }

    /// A server whose first pop was sent.
    fn asking() -> Self {
        let mut server = Self::new();
        server.ask();
        server
    }

    fn ask(&mut self) {
        self.serve.ask(&mut self.session, &self.queues).unwrap();
        assert_eq!(said(&mut self.session), pop());
    }

    fn answer(&mut self, text: &str, and_ask: bool) -> Result<(), TooLong> {
        let results = Key::results_of_peer(RESULTS).unwrap();
        let queues = and_ask.then_some(&self.queues[..]);
        let write = |w: &mut Writer<'_>| {
            w.put(text.as_bytes());
            Ok(())
        };
        self.serve
            .answer(&mut self.session, &results, queues, write)
    }

    /// What each message that it hears is to it.
    fn hears(&mut self, bytes: &str) -> Vec<String> {
        let mut turns = Vec::new();
        hear(&mut self.session, bytes.as_bytes(), |session, incoming| {
            let expected = self.serve.expects(incoming);
            let turn = self.serve.handle(session, incoming, &self.queues);
            assert_eq!(expected, !matches!(turn, Turn::Foreign));
            turns.push(told(&turn));
        });
        turns
    }
}

fn told(turn: &Turn<'_>) -> String {
    match turn {
        Turn::Foreign => "foreign".into(),
        Turn::Item { queue, message } => {
            format!("item {queue} {}", String::from_utf8_lossy(message))
        }
        Turn::ItemTooLong(error) => format!("too long, {error}"),
        Turn::Nothing => "nothing".into(),
        Turn::PopRefused(error) => format!("pop refused: {error}"),
        Turn::Delivered { waiting } => format!("delivered, {waiting} waiting"),
        Turn::ResultRefused(error) => format!("result refused: {error}"),
        Turn::OutOfStep => "out of step".into(),
    }
}

fn pop() -> String {
    array(&["BLPOP", CANCEL, PRINT, "0"])
}

#[test]
fn all_queues_are_asked_in_order_of_priority_and_for_ever() {
    let mut server = Server::new();
    assert!(!server.serve.asked());
    server.ask();
    assert!(server.serve.asked());
}

#[test]
fn items_come_at_every_cut_with_the_queue_they_come_from() {
    let event = push(&["pmessage", "a*", "a", "{}"]);
    let stream = [
        &event,
        ":1\r\n",
        &event,
        &array(&[PRINT, r#"{"file":"ü"}"#]),
    ]
    .concat();
    let mut cuts = every_cut(stream.len());
    let mut dice = Dice::new(4);
    cuts.extend((0..200).map(|_| dice.cuts(stream.len(), 30)));
    for cuts in cuts {
        let mut server = Server::new();
        server.answer("{}", true).unwrap();
        let mut turns = Vec::new();
        for piece in pieces(stream.as_bytes(), &cuts) {
            hear(&mut server.session, piece, |session, incoming| {
                let turn = server.serve.handle(session, incoming, &server.queues);
                turns.push(told(&turn));
            });
        }
        let item = r#"item 1 {"file":"ü"}"#;
        let golden = ["foreign", "delivered, 1 waiting", "foreign", item];
        assert_eq!(turns, golden, "cut at {cuts:?}");
        assert!(!server.serve.asked());
    }
}

#[test]
fn an_item_may_be_changed_where_it_lies() {
    let mut server = Server::asking();
    let item = array(&[CANCEL, r#"{"a":"\n"}"#]);
    hear(&mut server.session, item.as_bytes(), |session, incoming| {
        let turn = server.serve.handle(session, incoming, &server.queues);
        let Turn::Item { queue: 0, message } = turn else {
            panic!("{turn:?}");
        };
        assert_eq!(message, br#"{"a":"\n"}"#);
        message.fill(b'x');
    });
    assert_eq!(server.hears("+OK\r\n"), ["foreign"]);
}

#[test]
fn result_and_next_wait_go_out_in_one_write() {
    let mut server = Server::asking();
    server.hears(&array(&[PRINT, "{}"]));
    server.answer(r#"{"ok":true}"#, true).unwrap();
    let result = array(&["RPUSH", RESULTS, r#"{"ok":true}"#]);
    assert_eq!(said(&mut server.session), result.clone() + &pop());
    assert!(server.serve.asked());
    server.hears(":1\r\n");
    server.hears(&array(&[PRINT, "{}"]));
    server.answer(r#"{"ok":true}"#, false).unwrap();
    assert_eq!(said(&mut server.session), result);
    assert!(!server.serve.asked());
}

#[test]
fn the_length_of_the_results_queue_is_told() {
    let mut server = Server::new();
    for (reply, told) in [
        (":1\r\n", "delivered, 1 waiting"),
        (":77\r\n", "delivered, 77 waiting"),
        (":-1\r\n", "delivered, 0 waiting"),
        ("+QUEUED\r\n", "out of step"),
        ("_\r\n", "out of step"),
    ] {
        server.answer("{}", false).unwrap();
        assert_eq!(server.hears(reply), [told]);
        said(&mut server.session);
    }
}

#[test]
fn a_refused_result_does_not_hide_the_next_item() {
    let mut server = Server::new();
    server.answer("{}", true).unwrap();
    let stream = "-WRONGTYPE no list\r\n".to_owned() + &array(&[CANCEL, "{}"]);
    let golden = ["result refused: WRONGTYPE no list", "item 0 {}"];
    assert_eq!(server.hears(&stream), golden);
}

#[test]
fn nothing_is_nothing_in_both_protocols() {
    for nil in ["*-1\r\n", "$-1\r\n", "_\r\n"] {
        let mut server = Server::asking();
        assert_eq!(server.hears(nil), ["nothing"]);
        assert!(!server.serve.asked());
    }
}

#[test]
fn a_refused_pop_is_told_in_the_servers_words() {
    let mut server = Server::asking();
    let turns = server.hears("-UNBLOCKED force unblock from blocking operation\r\n");
    let golden = "pop refused: UNBLOCKED force unblock from blocking operation";
    assert_eq!(turns, [golden]);
    server.ask();
    assert_eq!(server.hears(&array(&[PRINT, "{}"])), ["item 1 {}"]);
}

#[test]
fn replies_that_are_no_item_of_ours_put_the_line_out_of_step() {
    for reply in [
        "+OK\r\n",
        ":1\r\n",
        "*0\r\n",
        "*1\r\n$1\r\na\r\n",
        "*2\r\n:1\r\n:2\r\n",
        &array(&["queues.commands.printer", "{}"]),
        &array(&["queues.commands.printer.prin", "{}"]),
        &format!("*2\r\n{}:1\r\n", crate::wire::bulk(PRINT)),
        "%0\r\n",
    ] {
        let mut server = Server::asking();
        assert_eq!(server.hears(reply), ["out of step"], "{reply}");
    }
}

#[test]
fn an_item_too_long_for_the_inbox_is_told_and_serving_goes_on() {
    let item = array(&[PRINT, &"x".repeat(200)]);
    for cuts in every_cut(item.len()) {
        let mut server = Server::over(128, 512);
        server.ask();
        let mut turns = Vec::new();
        for piece in pieces(item.as_bytes(), &cuts) {
            turns.extend(server.hears(std::str::from_utf8(piece).unwrap()));
        }
        let needed = item.len();
        let sizes = format!("too long, message of {needed} bytes does not fit 128 bytes");
        assert_eq!(turns, [sizes]);
        server.ask();
        assert_eq!(server.hears(&array(&[PRINT, "{}"])), ["item 1 {}"]);
    }
}

#[test]
fn a_result_too_long_for_the_outbox_names_both_sizes_and_another_can_be_sent() {
    let mut server = Server::over(512, 160);
    server.ask();
    server.hears(&array(&[PRINT, "{}"]));
    let long = "x".repeat(100);
    let needed = array(&["RPUSH", RESULTS, &long]).len() + pop().len();
    let sizes = TooLong {
        needed,
        capacity: 160,
    };
    assert_eq!(server.answer(&long, true), Err(sizes));
    assert!(!server.serve.asked());
    assert_eq!(said(&mut server.session), "");
    server.answer("{}", true).unwrap();
    assert!(said(&mut server.session).ends_with(&pop()));
    let turns = server.hears(&(":1\r\n".to_owned() + &array(&[PRINT, "{}"])));
    assert_eq!(turns, ["delivered, 1 waiting", "item 1 {}"]);
}

#[test]
fn replies_to_other_machines_are_left_alone() {
    let mut server = Server::new();
    let ping = |session: &mut Session<Fixed>| {
        session.request(|w| {
            request::command(w, &[b"PING"]);
            Ok::<(), TooLong>(())
        })
    };
    let first = ping(&mut server.session).unwrap();
    server.answer("{}", true).unwrap();
    let last = ping(&mut server.session).unwrap();
    let stream = ["+a\r\n", ":1\r\n", &array(&[PRINT, "{}"]), "-b\r\n"].concat();
    let mut foreign = Vec::new();
    hear(
        &mut server.session,
        stream.as_bytes(),
        |session, incoming| {
            if let Turn::Foreign = server.serve.handle(session, incoming, &server.queues) {
                foreign.push(incoming);
            }
        },
    );
    assert_eq!(foreign, [first, last].map(Incoming::Reply));
}

#[test]
fn on_a_new_line_it_asks_again() {
    let mut server = Server::asking();
    server.answer("{}", false).unwrap();
    server.session.reset();
    server.serve.reset();
    assert!(!server.serve.asked());
    server.ask();
    assert_eq!(server.hears(&array(&[CANCEL, "{}"])), ["item 0 {}"]);
}

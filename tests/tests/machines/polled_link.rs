//! A polled link on lines that are seldom ready.

use crate::program::{
    Clock, ID, PRINT, Program, RESULTS, TAIL, call, command, popped, session, take_back,
};
use crate::wire::{Dice, Fixed, array, every_cut, pieces};
use embedded_io::ErrorKind;
use redis_ipc_core::link::{Answer, Error, Work, polled};
use redis_ipc_core::resp::{Reply, request};
use redis_ipc_core::serve::Serve;
use redis_ipc_core::session::{Incoming, Sequence};
use redis_ipc_core::subscription::{Heard, Subscriptions};
use redis_ipc_core::topic::Topic;
use redis_ipc_core::write::{TooLong, Writer};
use redis_ipc_tests::scripted::Scripted;
use std::collections::VecDeque;

type Link = polled::Link<Scripted, Fixed>;

const FILE: &str = r#"{"file":"a.pdf"}"#;

fn link(line: Scripted) -> Link {
    Link::new(line, session(512, 512))
}

fn ping(w: &mut Writer<'_>) {
    request::command(w, &[b"PING"]);
}

fn told(link: &mut Link) -> String {
    String::from_utf8(link.line().take_written()).unwrap()
}

/// Asks until there is something; how often there was nothing.
fn patiently<R>(mut attempt: impl FnMut() -> nb::Result<R, Error<ErrorKind>>) -> (R, usize) {
    for waits in 0..100_000 {
        match attempt() {
            Ok(done) => return (done, waits),
            Err(nb::Error::WouldBlock) => {}
            Err(nb::Error::Other(error)) => panic!("{error}"),
        }
    }
    panic!("it never ends");
}

/// Lets the next of these parts arrive, if all that was asked is on the line; a server does not
/// answer before.
fn says(link: &mut Link, parts: &mut VecDeque<String>) {
    if !link.session().outgoing().is_empty() {
        return;
    }
    if let Some(part) = parts.pop_front() {
        link.line().then_arrives(part.as_bytes());
    }
}

/// A stream in parts of at most so many bytes.
fn parts(dice: &mut Dice, stream: &str, longest: usize) -> VecDeque<String> {
    let cuts = dice.cuts(stream.len(), longest);
    let parts = pieces(stream.as_bytes(), &cuts).into_iter();
    parts
        .map(|part| String::from_utf8(part.to_vec()).unwrap())
        .collect()
}

/// The reply to `request`, in words.
fn reply(link: &mut Link, request: Sequence) -> nb::Result<String, Error<ErrorKind>> {
    link.reply(request).map(|reply| format!("{reply:?}"))
}

#[test]
fn nothing_is_waited_for_and_nothing_lost_on_a_line_that_is_seldom_ready() {
    let stream = b">2\r\n+message\r\n+x\r\n:7\r\n";
    for cuts in every_cut(stream.len()) {
        for (stalls, taken) in [(0, 100), (1, 1), (3, 5)] {
            let line = Scripted::new().arrives_cut(stream, &cuts).stalls(stalls);
            let mut link = link(line.takes(taken).interrupts(stalls));
            let ping = link.ask(ping).unwrap();
            let (reply, waits) = patiently(|| reply(&mut link, ping));
            assert_eq!(reply, "Integer(7)");
            assert!(waits >= stalls);
            assert_eq!(told(&mut link), array(&["PING"]));
        }
    }
}

#[test]
fn a_part_that_was_not_taken_goes_out_later() {
    let mut link = link(Scripted::new().takes(3).stalls(1).then_silence());
    link.ask(ping).unwrap();
    assert_eq!(link.flush(), Err(nb::Error::WouldBlock));
    assert_eq!(told(&mut link), "");
    assert_eq!(link.flush(), Err(nb::Error::WouldBlock));
    assert_eq!(told(&mut link), "*1\r");
    link.ask(ping).unwrap();
    patiently(|| link.flush());
    assert_eq!(told(&mut link), array(&["PING"]).repeat(2)[3..]);
    assert_eq!(link.flush(), Ok(()));
    assert_eq!(link.poll(), Err(nb::Error::WouldBlock));
}

#[test]
fn replies_are_read_while_the_line_takes_nothing() {
    let line = Scripted::new()
        .arrives(b">1\r\n+message\r\n")
        .then_silence();
    let mut link = link(line.stalls(1));
    link.ask(ping).unwrap();
    let mut found = Vec::new();
    for _ in 0..4 {
        found.extend(link.poll().ok());
    }
    assert_eq!(found, [Incoming::Push]);
}

#[test]
fn a_line_that_breaks_while_sending_says_so_after_the_servers_last_words() {
    let whole = array(&["PING"]);
    for count in 0..whole.len() {
        let line = Scripted::new().arrives(b"-ERR max number of clients reached\r\n");
        let mut link = link(line.then_silence().takes(1).breaks_after_writes(count));
        let ping = link.ask(ping).unwrap();
        let (words, _) = patiently(|| reply(&mut link, ping));
        assert_eq!(words, r#"Error("ERR max number of clients reached")"#);
        let broken = nb::Error::Other(Error::Line(ErrorKind::BrokenPipe));
        assert_eq!(link.poll(), Err(broken));
        assert_eq!(told(&mut link), whole[..count]);
    }
}

#[test]
fn errors_and_the_end_of_the_stream_are_told() {
    let line = Scripted::new()
        .arrives(b"+a")
        .waits()
        .fails(ErrorKind::ConnectionReset)
        .arrives(b"b\r\n+c\r\n");
    let mut link = link(line);
    let first = link.ask(ping).unwrap();
    let second = link.ask(ping).unwrap();
    assert_eq!(reply(&mut link, first), Err(nb::Error::WouldBlock));
    let reset = nb::Error::Other(Error::Line(ErrorKind::ConnectionReset));
    assert_eq!(reply(&mut link, first), Err(reset));
    assert_eq!(reply(&mut link, second), Ok("Simple([99])".into()));
    let gone = nb::Error::Other(Error::OutOfStep);
    assert_eq!(reply(&mut link, first), Err(gone));
    assert_eq!(link.poll(), Err(nb::Error::Other(Error::Closed)));
}

#[test]
fn messages_too_long_either_way_leave_the_link_usable() {
    let long = array(&["x".repeat(100).as_str()]);
    let stream = long.clone() + "+PONG\r\n";
    let line = Scripted::new()
        .arrives_bytewise(stream.as_bytes())
        .stalls(2);
    let mut link = Link::new(line, session(64, 64));
    let big = |w: &mut Writer<'_>| request::command(w, &[b"SET", &[b'x'; 100]]);
    let sizes = |needed| TooLong {
        needed,
        capacity: 64,
    };
    assert_eq!(link.ask(big), Err(Error::RequestTooLong(sizes(121))));
    let first = link.ask(ping).unwrap();
    let refused = loop {
        match reply(&mut link, first) {
            Err(nb::Error::WouldBlock) => {}
            end => break end,
        }
    };
    let too_long = nb::Error::Other(Error::ReplyTooLong(sizes(long.len())));
    assert_eq!(refused, Err(too_long));
    let second = link.ask(ping).unwrap();
    let (pong, _) = patiently(|| reply(&mut link, second));
    assert_eq!(pong, format!("{:?}", Reply::Simple(b"PONG")));
}

/// A call while the server says these parts, in words; the clock goes on at each look.
fn outcome(link: &mut Link, parts: &mut VecDeque<String>, step: u64) -> String {
    let program = Program::new();
    let clock = Clock::steps(step);
    let (terms, stamp) = (program.terms(), program.stamp());
    let mut calling = link.begin(terms, &stamp, clock.now(), FILE).unwrap();
    let (answer, _) = patiently(|| {
        says(link, parts);
        let answer = link.finish(&mut calling, clock.now());
        answer.map(|answer| format!("{answer:?}"))
    });
    patiently(|| link.flush());
    answer
}

#[test]
fn a_call_goes_on_whenever_it_is_polled() {
    let stream = ":1\r\n".to_owned() + &popped(r#""pages":2"#);
    let mut dice = Dice::new(6);
    for _ in 0..200 {
        let mut parts = parts(&mut dice, &stream, 20);
        let line = Scripted::new().then_silence().takes(1 + dice.below(40));
        let mut link = link(line.stalls(dice.below(3)).interrupts(dice.below(3)));
        let answer = outcome(&mut link, &mut parts, 1);
        assert_eq!(answer, r#"Result("{\"pages\":2}")"#);
        assert_eq!(told(&mut link), call(&command(r#""file":"a.pdf""#)));
    }
}

#[test]
fn every_end_of_a_call_is_told() {
    let command = command(r#""file":"a.pdf""#);
    let taken_back = call(&command) + &take_back(&command);
    for (parts, end, golden) in [
        ([":1\r\n", "_\r\n", ":1\r\n_\r\n"], "NotTaken", &taken_back),
        (
            [":1\r\n_", "\r\n", ":0\r\n_\r\n"],
            "Unanswered",
            &taken_back,
        ),
        (
            [":9\r\n", "_\r\n", ":1\r\n_\r\n"],
            "Overloaded { length: 9 }",
            &taken_back,
        ),
        (
            ["-OOM", " no\r\n", ""],
            r#"CommandRefused("OOM no")"#,
            &call(&command),
        ),
        (
            [":1\r\n", "-NOPERM", " no\r\n"],
            r#"WaitRefused("NOPERM no")"#,
            &taken_back,
        ),
    ] {
        let mut parts = parts.map(String::from).into();
        let mut link = link(Scripted::new().then_silence().takes(7).stalls(1));
        assert_eq!(outcome(&mut link, &mut parts, 6000), end);
        assert_eq!(told(&mut link), *golden);
    }
}

#[test]
fn a_silent_line_can_be_replaced_and_the_command_taken_back() {
    let program = Program::new();
    let mut link = link(Scripted::new().takes(60).stalls(1).then_silence());
    let (terms, stamp) = (program.terms(), program.stamp());
    let clock = Clock::steps(3000);
    let mut calling = link.begin(terms, &stamp, clock.now(), FILE).unwrap();
    while clock.now() <= calling.deadline() {
        let silent = link.finish(&mut calling, clock.now()).map(|_| ());
        assert_eq!(silent, Err(nb::Error::WouldBlock));
    }
    let _ = link.replace_line(Scripted::new().arrives(b":1\r\n_\r\n"));
    calling.take_back(link.session()).unwrap();
    let answer = link.finish(&mut calling, clock.now());
    assert_eq!(answer, Ok(Answer::NotTaken));
    assert_eq!(told(&mut link), take_back(&command(r#""file":"a.pdf""#)));
    calling.give_up(link.session());
}

#[test]
fn jobs_are_served_and_answered_without_waiting() {
    let program = Program::new();
    let item = array(&[PRINT, &command(r#""file":"a""#)]);
    let stages = [item.clone(), format!(":1\r\n{item}"), "-OOM no\r\n".into()];
    let pop = array(&["BLPOP", "queues.commands.printer.cancel", PRINT, "0"]);
    let result = format!(r#"{{"ok":true,"command_id":"{ID}",{TAIL}"#);
    let answer = array(&["RPUSH", RESULTS, &result]) + &pop;
    let mut dice = Dice::new(7);
    for _ in 0..200 {
        let mut parts = stages
            .iter()
            .flat_map(|stage| parts(&mut dice, stage, 30))
            .collect();
        let line = Scripted::new().then_silence().takes(1 + dice.below(50));
        let mut link = link(line.stalls(dice.below(3)).interrupts(dice.below(2)));
        let (mut serve, mut met) = (Serve::new(), Vec::new());
        while met.len() < 4 {
            says(&mut link, &mut parts);
            let work = match link.serve(&mut serve, &program.queues) {
                Ok(work) => work,
                Err(error) => {
                    assert_eq!(error, nb::Error::WouldBlock);
                    continue;
                }
            };
            let Work::Job(job) = work else {
                met.push(format!("{work:?}"));
                continue;
            };
            met.push(format!("{} {}", job.queue, job.payload));
            let (ticket, stamp) = (job.ticket(), program.stamp());
            let queues = &program.queues;
            link.answer(&mut serve, queues, &ticket, &stamp, r#"{"ok":true}"#)
                .unwrap();
        }
        let job = r#"1 {"file":"a"}"#;
        let golden = [
            job,
            "Delivered { waiting: 1 }",
            job,
            r#"ResultRefused("OOM no")"#,
        ];
        assert_eq!(met, golden);
        patiently(|| link.flush());
        assert_eq!(told(&mut link), pop.clone() + &answer + &answer);
    }
}

#[test]
fn a_program_with_several_machines_shows_each_message_to_all_of_them() {
    let program = Program::new();
    let confirmation = format!(
        ">3\r\n{}{}:1\r\n",
        crate::wire::bulk("psubscribe"),
        crate::wire::bulk("channel.events.*")
    );
    let event = crate::wire::push(&["pmessage", "channel.events.*", "channel.events.a", "{}"]);
    let item = array(&[PRINT, &command(r#""file":"a""#)]);
    let stream = [&confirmation, &event, &item, &event, "+PONG\r\n"].concat();
    let mut link = link(
        Scripted::new()
            .arrives_bytewise(stream.as_bytes())
            .stalls(1),
    );
    let (mut serve, mut subscriptions) = (Serve::new(), Subscriptions::<2>::new());
    let everything = Topic::Events {
        component: None,
        subchannel: None,
    };
    let asked = subscriptions.subscribe(link.session(), everything.pattern().unwrap());
    asked.unwrap();
    serve.ask(link.session(), &program.queues).unwrap();
    let ping = link.ask(ping).unwrap();
    let mut met = Vec::new();
    while met.last().is_none_or(|last| last != "pong") {
        let Ok(incoming) = link.poll() else {
            continue;
        };
        if incoming == Incoming::Reply(ping) {
            met.push("pong".to_owned());
        } else if serve.expects(incoming) {
            let turn = serve.handle(link.session(), incoming, &program.queues);
            met.push(format!("{turn:?}").chars().take(4).collect());
        } else {
            match subscriptions.handle(link.session(), incoming) {
                Heard::Message { channel, .. } => met.push(channel.to_owned()),
                Heard::Subscribed => met.push("subscribed".to_owned()),
                heard => panic!("{heard:?}"),
            }
        }
    }
    let event = "channel.events.a";
    assert_eq!(met, ["subscribed", event, "Item", event, "pong"]);
}

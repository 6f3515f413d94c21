use super::*;
use crate::name::{Component, Subqueue};
use std::string::{String, ToString};
use std::vec::Vec;

type Line = Session<[u8; 256]>;

fn queues() -> [Key; 2] {
    let sensor = Component::parse("sensor").unwrap();
    ["stop", "read"]
        .map(|name| Key::commands(sensor, Some(Subqueue::parse(name).unwrap())).unwrap())
}

/// What the machine has sent since the last time, the names of the commands and their queues.
fn sent(session: &mut Line) -> Vec<String> {
    let text = String::from_utf8(session.outgoing().to_vec()).unwrap();
    session.sent(text.len());
    let words = text
        .split("\r\n")
        .filter(|word| !word.starts_with(['*', '$']));
    words
        .filter(|word| !word.is_empty())
        .map(str::to_string)
        .collect()
}

fn hear(session: &mut Line, woken: &mut Woken, text: &str) -> String {
    session.space()[..text.len()].copy_from_slice(text.as_bytes());
    session.received(text.len());
    let incoming = session.poll().unwrap().unwrap();
    std::format!("{:?}", woken.handle(session, incoming, &queues()))
}

fn invalidate(key: &str) -> String {
    std::format!(">2\r\n+invalidate\r\n*1\r\n${}\r\n{key}\r\n", key.len())
}

/// A session and a machine that has found both queues empty.
fn idle() -> (Line, Woken) {
    let (mut session, mut woken) = (Session::new([0; 256], [0; 256]), Woken::new());
    for queue in queues() {
        assert!(woken.ask(&mut session, &queues()).unwrap());
        assert_eq!(sent(&mut session), ["LPOP", queue.as_str()]);
        assert_eq!(hear(&mut session, &mut woken, "_\r\n"), "Nothing");
    }
    assert!(!woken.ask(&mut session, &queues()).unwrap());
    (session, woken)
}

#[test]
fn nothing_is_sent_before_a_push_tells_of_a_queue() {
    let (mut session, mut woken) = idle();
    for other in ["settings.sensor", "queues.commands.sensor.reads", "x"] {
        hear(&mut session, &mut woken, &invalidate(other));
        assert!(!woken.ask(&mut session, &queues()).unwrap(), "{other}");
    }
    hear(
        &mut session,
        &mut woken,
        &invalidate("queues.commands.sensor.read"),
    );
    assert!(woken.ask(&mut session, &queues()).unwrap());
    assert_eq!(sent(&mut session), ["LPOP", "queues.commands.sensor.read"]);
    // One pop at a time.
    hear(
        &mut session,
        &mut woken,
        &invalidate("queues.commands.sensor.stop"),
    );
    assert!(!woken.ask(&mut session, &queues()).unwrap());
}

#[test]
fn a_command_is_followed_by_another_pop_in_the_write_of_its_answer() {
    let (mut session, mut woken) = idle();
    hear(
        &mut session,
        &mut woken,
        &invalidate("queues.commands.sensor.read"),
    );
    woken.ask(&mut session, &queues()).unwrap();
    sent(&mut session);
    let turn = hear(&mut session, &mut woken, "$2\r\n{}\r\n");
    assert!(turn.starts_with("Item { queue: 1"), "{turn}");
    let results = Key::results_of_peer("queues.results.ui.main").unwrap();
    let answer = |w: &mut Writer<'_>| {
        w.put(b"{}");
        Ok::<(), TooLong>(())
    };
    woken
        .answer(&mut session, &results, &queues(), answer)
        .unwrap();
    let expected = [
        "RPUSH",
        "queues.results.ui.main",
        "{}",
        "LPOP",
        "queues.commands.sensor.read",
    ];
    assert_eq!(sent(&mut session), expected);
    assert_eq!(
        hear(&mut session, &mut woken, ":1\r\n"),
        "Delivered { waiting: 1 }"
    );
    assert_eq!(hear(&mut session, &mut woken, "_\r\n"), "Nothing");
    assert!(!woken.ask(&mut session, &queues()).unwrap());
    woken
        .answer(&mut session, &results, &queues(), answer)
        .unwrap();
    assert_eq!(
        sent(&mut session),
        ["RPUSH", "queues.results.ui.main", "{}"]
    );
}

#[test]
fn a_push_between_a_pop_and_its_empty_answer_is_not_forgotten() {
    let (mut session, mut woken) = idle();
    hear(
        &mut session,
        &mut woken,
        &invalidate("queues.commands.sensor.read"),
    );
    woken.ask(&mut session, &queues()).unwrap();
    hear(
        &mut session,
        &mut woken,
        &invalidate("queues.commands.sensor.read"),
    );
    assert_eq!(hear(&mut session, &mut woken, "_\r\n"), "Nothing");
    assert!(woken.ask(&mut session, &queues()).unwrap());
}

#[test]
fn a_flush_or_a_push_too_long_to_be_read_wakes_for_every_queue() {
    let (mut session, mut woken) = idle();
    hear(&mut session, &mut woken, ">2\r\n+invalidate\r\n_\r\n");
    assert!(woken.ask(&mut session, &queues()).unwrap());
    assert_eq!(sent(&mut session), ["LPOP", "queues.commands.sensor.stop"]);
    hear(&mut session, &mut woken, "_\r\n");

    let (mut session, mut woken) = idle();
    let too_long = Incoming::TooLong {
        of: None,
        error: TooLong {
            needed: 999,
            capacity: 256,
        },
    };
    woken.handle(&mut session, too_long, &queues());
    assert!(woken.ask(&mut session, &queues()).unwrap());
}

#[test]
fn the_first_queue_comes_first_as_soon_as_it_holds_something() {
    let (mut session, mut woken) = idle();
    hear(
        &mut session,
        &mut woken,
        &invalidate("queues.commands.sensor.read"),
    );
    woken.ask(&mut session, &queues()).unwrap();
    hear(
        &mut session,
        &mut woken,
        &invalidate("queues.commands.sensor.stop"),
    );
    hear(&mut session, &mut woken, "$2\r\n{}\r\n");
    sent(&mut session);
    woken.ask(&mut session, &queues()).unwrap();
    assert_eq!(sent(&mut session), ["LPOP", "queues.commands.sensor.stop"]);
}

#[test]
fn what_cannot_be_popped_is_told_and_not_asked_for_again_by_itself() {
    for (reply, told) in [("-WRONGTYPE x\r\n", "PopRefused"), (":1\r\n", "OutOfStep")] {
        let (mut session, mut woken) = idle();
        hear(
            &mut session,
            &mut woken,
            &invalidate("queues.commands.sensor.read"),
        );
        woken.ask(&mut session, &queues()).unwrap();
        let turn = hear(&mut session, &mut woken, reply);
        assert!(turn.starts_with(told), "{turn}");
        assert!(!woken.ask(&mut session, &queues()).unwrap());
        woken.wake();
        assert!(woken.ask(&mut session, &queues()).unwrap());
    }
}

#[test]
fn a_command_too_long_is_told_and_the_next_one_asked_for() {
    let (mut session, mut woken) = idle();
    hear(
        &mut session,
        &mut woken,
        &invalidate("queues.commands.sensor.read"),
    );
    woken.ask(&mut session, &queues()).unwrap();
    let text = std::format!("$300\r\n{}\r\n", "x".repeat(300));
    let mut rest = text.as_bytes();
    let incoming = loop {
        if let Some(incoming) = session.poll().unwrap() {
            break incoming;
        }
        let space = session.space();
        let count = space.len().min(rest.len());
        space[..count].copy_from_slice(&rest[..count]);
        session.received(count);
        rest = &rest[count..];
    };
    assert!(woken.expects(incoming));
    let turn = std::format!("{:?}", woken.handle(&mut session, incoming, &queues()));
    assert!(turn.starts_with("ItemTooLong"), "{turn}");
    assert!(woken.ask(&mut session, &queues()).unwrap());
}

#[test]
fn a_new_line_looks_at_every_queue_and_says_what_may_be_lost() {
    let (mut session, mut woken) = idle();
    assert!(!woken.reset());
    woken.ask(&mut session, &queues()).unwrap();
    assert!(woken.reset());
    assert!(woken.ask(&mut session, &queues()).unwrap());
}

//! Which reply belongs to which request, whatever comes in between and however it is cut.

use crate::wire::{Dice, array, bulk, every_cut, hear, pieces, push, said};
use redis_ipc_core::resp::{ProtocolError, Reply, request};
use redis_ipc_core::session::{Incoming, Sequence, Session, Storage};
use redis_ipc_core::write::TooLong;

fn ask<S: Storage>(session: &mut Session<S>, parts: &[&[u8]]) -> Result<Sequence, TooLong> {
    session.request(|w| {
        request::command(w, parts);
        Ok(())
    })
}

/// Asks `count` times; their numbers.
fn ask_all<S: Storage>(session: &mut Session<S>, count: usize) -> Vec<Sequence> {
    let asked = (0..count).map(|_| ask(session, &[b"PING"]).expect("room"));
    asked.collect()
}

/// What is found in a stream that is cut so: which request of `asked` is answered, and by what.
fn found<S: Storage>(
    session: &mut Session<S>,
    asked: &[Sequence],
    bytes: &[u8],
    cuts: &[usize],
) -> Vec<String> {
    let place = |of| asked.iter().position(|asked| *asked == of);
    let mut found = Vec::new();
    for piece in pieces(bytes, cuts) {
        hear(session, piece, |session, incoming| {
            found.push(match incoming {
                Incoming::Reply(of) => format!("{:?} {:?}", place(of), session.frame()),
                Incoming::Push => format!("push {:?}", session.frame()),
                Incoming::TooLong { of, error } => {
                    format!("{:?} too long, {error}", of.map(place))
                }
            });
        });
    }
    found
}

#[test]
fn replies_are_told_from_pushes_and_numbered_at_every_cut() {
    let message = push(&["pmessage", "a*", "ab", "{}"]);
    let invalidation = ">2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\nk\r\n";
    let marked = format!("|1\r\n+ttl\r\n:5\r\n{message}");
    let stream = [
        &message,
        "+OK\r\n",
        invalidation,
        "-ERR no\r\n",
        "*2\r\n:1\r\n$-1\r\n",
        &marked,
        "_\r\n",
        ">2\r\n$7\r\nmessage\r\n+x\r\n",
    ]
    .concat();
    let mut whole = Vec::new();
    for cuts in every_cut(stream.len()) {
        let mut session = Session::new([0; 512], [0; 512]);
        let asked = ask_all(&mut session, 4);
        let found = found(&mut session, &asked, stream.as_bytes(), &cuts);
        if whole.is_empty() {
            let kinds: Vec<&str> = found.iter().map(|text| &text[..7]).collect();
            let (reply, push) = (
                |n| ["Some(0)", "Some(1)", "Some(2)", "Some(3)"][n],
                "push Pu",
            );
            let golden = [
                push,
                reply(0),
                push,
                reply(1),
                reply(2),
                push,
                reply(3),
                push,
            ];
            assert_eq!(kinds, golden);
            whole = found;
        } else {
            assert_eq!(found, whole, "cut at {cuts:?}");
        }
        assert_eq!(session.outstanding(), 0);
    }
}

#[test]
fn under_resp2_a_listener_knows_messages_by_their_name() {
    let confirmed = |name, count: u8| format!("*3\r\n{}{}:{count}\r\n", bulk(name), bulk("a*"));
    let stream = [
        confirmed("psubscribe", 1),
        array(&["pmessage", "a*", "ab", "{}"]),
        array(&["message", "ab", "{}"]),
        confirmed("punsubscribe", 0),
        array(&["pong", ""]),
    ]
    .concat();
    let mut session = Session::new([0; 256], [0; 256]);
    session.set_resp2_listener(true);
    let asked = ask_all(&mut session, 3);
    let heard = found(&mut session, &asked, stream.as_bytes(), &[]);
    let kinds: Vec<&str> = heard.iter().map(|text| &text[..4]).collect();
    assert_eq!(kinds, ["Some", "push", "push", "Some", "Some"]);

    let mut session = Session::new([0; 256], [0; 256]);
    let asked = ask_all(&mut session, 1);
    let popped = array(&["pmessage", "a list of that name"]);
    let found = found(&mut session, &asked, popped.as_bytes(), &[]);
    assert!(found[0].starts_with("Some(0)"), "{found:?}");
}

#[test]
fn under_resp3_a_confirmation_answers_its_request_if_there_is_one() {
    let confirmation = format!(">3\r\n{}{}:1\r\n", bulk("psubscribe"), bulk("a*"));
    let mut session = Session::new([0; 256], [0; 256]);
    let asked = ask_all(&mut session, 1);
    let twice = confirmation.repeat(2);
    let found = found(&mut session, &asked, twice.as_bytes(), &[]);
    let kinds: Vec<&str> = found.iter().map(|text| &text[..4]).collect();
    assert_eq!(kinds, ["Some", "push"]);
}

#[test]
fn a_reply_that_nobody_asked_for_does_not_shift_the_others() {
    let mut session = Session::new([0; 64], [0; 64]);
    let unasked = b"-ERR max number of clients reached\r\n";
    assert_eq!(found(&mut session, &[], unasked, &[]).len(), 1);
    let asked = ask_all(&mut session, 2);
    assert!(asked.iter().all(|asked| session.awaits(*asked)));
    let replies = found(&mut session, &asked, b"+a\r\n+b\r\n", &[]);
    assert!(replies[0].starts_with("Some(0)") && replies[1].starts_with("Some(1)"));
    assert!(!asked.iter().any(|asked| session.awaits(*asked)));
}

#[test]
fn requests_written_together_are_numbered_in_order() {
    let mut session = Session::new([0; 64], [0; 64]);
    let first = session.requests(3, |w| {
        w.put(b"*1\r\n$1\r\na\r\n*1\r\n$1\r\nb\r\n*1\r\n$1\r\nc\r\n");
        Ok::<(), TooLong>(())
    });
    let first = first.unwrap();
    assert_eq!(session.outstanding(), 3);
    let asked = [first, first.after(1), first.after(2)];
    let found = found(&mut session, &asked, b":0\r\n:1\r\n:2\r\n", &[]);
    for (place, found) in found.iter().enumerate() {
        assert_eq!(*found, format!("Some({place}) Integer({place})"));
    }
}

#[test]
fn on_a_new_line_nothing_of_the_old_one_is_left() {
    let mut session = Session::new([0; 64], [0; 64]);
    session.set_resp2_listener(true);
    let old = ask_all(&mut session, 2);
    session.sent(3);
    hear(&mut session, b"$9\r\nhalf a", |_, _| {});
    session.reset();
    assert_eq!(session.outgoing(), b"");
    assert!(!session.awaits(old[0]) && !session.awaits(old[1]));
    let new = ask_all(&mut session, 1);
    assert!(!old.contains(&new[0]));
    let popped = array(&["message", "of a list"]);
    let found = found(&mut session, &new, popped.as_bytes(), &[]);
    assert!(found[0].starts_with("Some(0)"), "{found:?}");
}

#[test]
fn what_is_not_resp_stays_an_error_until_the_line_is_replaced() {
    let mut session = Session::new([0; 64], [0; 64]);
    for bytes in [&b"HTTP/1.1 400\r\n"[..], b"$-5\r\n", b"*-2\r\n", b"$03\r\n"] {
        session.reset();
        let ping = ask(&mut session, &[b"PING"]).unwrap();
        session.space()[..5].copy_from_slice(b"+OK\r\n");
        session.received(5);
        session.space()[..bytes.len()].copy_from_slice(bytes);
        session.received(bytes.len());
        assert_eq!(session.poll(), Ok(Some(Incoming::Reply(ping))));
        let error: ProtocolError = session.poll().unwrap_err();
        assert_eq!(session.poll(), Err(error));
    }
}

/// A bulk of so many bytes, each line of it a reply of its own to whoever loses the thread.
fn long(length: usize) -> String {
    let text: String = "+OK\r\n".chars().cycle().take(length).collect();
    bulk(&text)
}

#[test]
fn a_reply_too_long_names_both_sizes_and_the_session_goes_on() {
    for length in [57, 58, 64, 128, 999, 5000] {
        let reply = long(length);
        let stream = [&reply, "+next\r\n"].concat();
        for cuts in [vec![], (1..stream.len()).collect(), vec![stream.len() - 8]] {
            let mut session = Session::new([0; 64], [0; 64]);
            let asked = ask_all(&mut session, 2);
            let found = found(&mut session, &asked, stream.as_bytes(), &cuts);
            let first = if reply.len() <= 64 {
                format!("Some(0) {:?}", Reply::parse(reply.as_bytes()))
            } else {
                let needed = reply.len();
                format!("Some(Some(0)) too long, message of {needed} bytes does not fit 64 bytes")
            };
            assert_eq!(found[0], first, "{length}");
            assert_eq!(found[1..], [r#"Some(1) Simple([110, 101, 120, 116])"#]);
        }
    }
}

#[test]
fn every_kind_of_reply_too_long_passes_a_small_inbox_at_every_cut() {
    let deep = ["*2\r\n", "%1\r\n+key\r\n", &"*1\r\n".repeat(20), ":1\r\n"].concat();
    let inputs = [
        long(100),
        deep + "$5\r\nhello\r\n",
        format!("+{}\r\n", "x".repeat(100)),
        format!("-ERR {}\r\n", "\r".repeat(100)),
        array(&[&"a".repeat(63), "", &"b".repeat(65)]),
        format!("({}\r\n", "7".repeat(90)),
        format!("=104\r\ntxt:{}\r\n", "y".repeat(100)),
    ];
    for reply in inputs {
        let stream = [&reply, ":1\r\n", &reply, ":2\r\n"].concat();
        for cuts in every_cut(stream.len()) {
            let mut session = Session::new([0; 64], [0; 64]);
            let asked = ask_all(&mut session, 4);
            let found = found(&mut session, &asked, stream.as_bytes(), &cuts);
            let needed = reply.len();
            let dropped = |n| {
                format!("Some(Some({n})) too long, message of {needed} bytes does not fit 64 bytes")
            };
            let replied = |n, value| format!("Some({n}) Integer({value})");
            let golden = [dropped(0), replied(1, 1), dropped(2), replied(3, 2)];
            assert_eq!(found, golden, "{reply:?} cut at {cuts:?}");
        }
    }
}

#[test]
fn a_push_too_long_answers_nobody() {
    let message = [
        "pmessage",
        "channel.events.*",
        "channel.events.a",
        &"x".repeat(50),
    ];
    for (message, resp2) in [(push(&message), false), (array(&message), true)] {
        let stream = [&message, "+OK\r\n"].concat();
        for cuts in every_cut(stream.len()) {
            let mut session = Session::new([0; 64], [0; 64]);
            session.set_resp2_listener(resp2);
            let asked = ask_all(&mut session, 1);
            let found = found(&mut session, &asked, stream.as_bytes(), &cuts);
            assert!(found[0].starts_with("None too long"), "{found:?}");
            assert_eq!(found[1..], ["Some(0) Simple([79, 75])"]);
        }
    }
}

#[test]
fn a_confirmation_too_long_still_answers_its_request() {
    let pattern = "channel.events.a-component-with-a-long-name.and-a-subchannel";
    for (kind, resp2) in [('>', false), ('*', true)] {
        for name in ["psubscribe", "punsubscribe"] {
            let stream = format!("{kind}3\r\n{}{}:1\r\n+OK\r\n", bulk(name), bulk(pattern));
            for cuts in every_cut(stream.len()) {
                let mut session = Session::new([0; 64], [0; 64]);
                session.set_resp2_listener(resp2);
                let asked = ask_all(&mut session, 2);
                let found = found(&mut session, &asked, stream.as_bytes(), &cuts);
                assert!(found[0].starts_with("Some(Some(0)) too long"), "{found:?}");
                assert_eq!(found[1..], ["Some(1) Simple([79, 75])"]);
            }
        }
    }
}

/// A buffer that grows, as far as it may.
struct Growing {
    bytes: Vec<u8>,
    limit: usize,
}

impl Growing {
    fn new(limit: usize) -> Self {
        let bytes = vec![0; 64];
        Self { bytes, limit }
    }
}

impl Storage for Growing {
    fn bytes(&self) -> &[u8] {
        &self.bytes
    }
    fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.bytes
    }
    fn grow(&mut self, needed: usize) -> bool {
        if needed > self.limit {
            return false;
        }
        self.bytes.resize(needed.max(self.bytes.len()), 0);
        true
    }
    fn limit(&self) -> usize {
        self.limit
    }
}

#[test]
fn a_buffer_that_can_grow_does_so_up_to_its_limit() {
    for length in [10, 100, 989, 990, 1000] {
        let reply = long(length);
        let stream = [&reply, "+OK\r\n"].concat();
        for cuts in [vec![], (1..stream.len()).collect()] {
            let mut session = Session::new(Growing::new(1000), Growing::new(1000));
            let asked = ask_all(&mut session, 2);
            let found = found(&mut session, &asked, stream.as_bytes(), &cuts);
            let kept = reply.len() <= 1000;
            assert_eq!(found[0].starts_with("Some(0)"), kept, "{}", found[0]);
            assert_eq!(found[0].ends_with("does not fit 1000 bytes"), !kept);
            assert_eq!(found[1..], ["Some(1) Simple([79, 75])"]);
        }
    }
    let mut session = Session::new(Growing::new(200), Growing::new(200));
    ask(&mut session, &[&[b'x'; 150]]).unwrap();
    let error = ask(&mut session, &[&[b'y'; 150]]).unwrap_err();
    let sizes = TooLong {
        needed: 162,
        capacity: 38,
    };
    assert_eq!(error, sizes);
    assert_eq!((session.outstanding(), session.outgoing().len()), (1, 162));
}

#[test]
fn replies_move_through_a_small_inbox_unharmed() {
    let mut dice = Dice::new(1);
    for round in 0..300 {
        let texts: Vec<String> = (0..40)
            .map(|n| format!("{n}").repeat(dice.below(30)))
            .collect();
        let stream: String = texts.iter().map(|text| bulk(text)).collect();
        let longest = 1 + dice.below(120);
        let cuts = dice.cuts(stream.len(), longest);
        let mut session = Session::new([0; 97], [0; 97]);
        let mut heard = Vec::new();
        for piece in pieces(stream.as_bytes(), &cuts) {
            hear(&mut session, piece, |session, _| {
                let text = session.frame().bytes().unwrap().to_vec();
                assert_eq!(session.last_bulk_mut(text.len()), text);
                heard.push(String::from_utf8(text).unwrap());
            });
        }
        assert_eq!(heard, texts, "round {round}, pieces of at most {longest}");
    }
}

#[test]
fn a_full_inbox_says_so_while_messages_wait_to_be_read() {
    let mut session = Session::new([0; 64], [0; 64]);
    let mut asked = Vec::new();
    for _ in 0..17 {
        asked.extend(ask_all(&mut session, 1));
        said(&mut session);
    }
    let mut stream: &[u8] = &b":1\r\n".repeat(17);
    while let Some(room) = session.spare() {
        let count = room.len().min(stream.len()).min(7);
        room[..count].copy_from_slice(&stream[..count]);
        session.received(count);
        stream = &stream[count..];
    }
    assert_eq!(stream.len(), 4);
    for asked in &asked[..16] {
        assert_eq!(session.poll(), Ok(Some(Incoming::Reply(*asked))));
        assert_eq!(session.frame(), Reply::Integer(1));
    }
    assert_eq!(session.poll(), Ok(None));
    assert_eq!(session.spare().map(|room| room.len()), Some(64));
}

#[test]
fn a_request_too_long_names_both_sizes_and_leaves_what_was_written_before() {
    let mut session = Session::new([0; 64], [0; 64]);
    ask(&mut session, &[b"PING"]).unwrap();
    for count in [1, 2] {
        let error = session.requests(count, |w| {
            request::command(w, &[b"SET", &[b'v'; 40]]);
            Ok::<(), TooLong>(())
        });
        let sizes = TooLong {
            needed: 60,
            capacity: 50,
        };
        assert_eq!(error, Err(sizes));
    }
    assert_eq!((session.outstanding(), session.outgoing().len()), (1, 14));
    ask(&mut session, &[b"PING"]).unwrap();
    assert_eq!(said(&mut session), array(&["PING"]).repeat(2));
    session
        .request(|w| {
            request::command(w, &[b"SET", &[b'v'; 40]]);
            Ok::<(), TooLong>(())
        })
        .unwrap();
}

#[test]
fn a_request_whose_writer_gives_up_is_not_sent() {
    struct Spoilt;
    impl From<TooLong> for Spoilt {
        fn from(_: TooLong) -> Self {
            Self
        }
    }
    let mut session = Session::new([0; 64], [0; 64]);
    let spoilt = session.request(|w| {
        w.put(b"*1\r\n");
        Err(Spoilt)
    });
    assert!(spoilt.is_err());
    assert_eq!((session.outstanding(), session.outgoing()), (0, &b""[..]));
}

#[test]
fn the_line_may_take_any_number_of_bytes_at_a_time() {
    let mut dice = Dice::new(2);
    for _ in 0..200 {
        let mut session = Session::new([0; 80], [0; 80]);
        let (mut told, mut golden) = (Vec::new(), String::new());
        for number in 0..50 {
            let word = format!("{number}").repeat(1 + dice.below(9));
            while ask(&mut session, &[word.as_bytes()]).is_err() {
                let count = 1 + dice.below(session.outgoing().len());
                told.extend(&session.outgoing()[..count]);
                session.sent(count);
            }
            golden += &array(&[&word]);
        }
        told.extend(session.outgoing());
        assert_eq!(String::from_utf8(told).unwrap(), golden);
    }
}

#[test]
fn requests_of_which_nothing_was_sent_can_be_withdrawn() {
    let mut session = Session::new([0; 64], [0; 64]);
    let first = ask(&mut session, &[b"PING"]).unwrap();
    said(&mut session);
    let dropped = ask_all(&mut session, 2);
    session.withdraw_unsent(2);
    assert_eq!((session.outstanding(), session.outgoing()), (1, &b""[..]));
    let second = ask_all(&mut session, 1)[0];
    assert_eq!(second, dropped[0], "its number is free again");
    let found = found(&mut session, &[first, second], b"+a\r\n+b\r\n", &[]);
    assert!(found[0].starts_with("Some(0)") && found[1].starts_with("Some(1)"));
}

//! Subscriptions: asked for, confirmed, heard once, let go of.

use crate::wire::{Dice, Fixed, array, bulk, every_cut, hear, pieces, push, said};
use redis_ipc_core::name::{Component, Subqueue};
use redis_ipc_core::session::Session;
use redis_ipc_core::subscription::{Heard, SubscribeError, Subscriptions};
use redis_ipc_core::topic::{Pattern, Topic};
use redis_ipc_core::write::TooLong;

const ALL: &str = "channel.events.*";
const PRINTER: &str = "channel.events.printer*";
const WARNINGS: &str = "channel.events.*.warnings";
const ONE: &str = "channel.events.printer.warnings";

/// The pattern with this glob.
fn pattern(glob: &str) -> Pattern {
    let printer = Some(Component::parse("printer").unwrap());
    let warnings = Some(Subqueue::parse("warnings").unwrap());
    let (component, subchannel) = match glob {
        ALL => (None, None),
        PRINTER => (printer, None),
        WARNINGS => (None, warnings),
        _ => (printer, warnings),
    };
    let topic = Topic::Events {
        component,
        subchannel,
    };
    let pattern = topic.pattern().unwrap();
    assert_eq!(pattern.glob(), glob);
    pattern
}

/// Both ways in which a server speaks to who has subscribed.
#[derive(Clone, Copy)]
enum Protocol {
    Resp2,
    Resp3,
}

const BOTH: [Protocol; 2] = [Protocol::Resp2, Protocol::Resp3];

impl Protocol {
    fn confirms(self, name: &str, glob: &str) -> String {
        let kind = match self {
            Self::Resp2 => '*',
            Self::Resp3 => '>',
        };
        format!("{kind}3\r\n{}{}:1\r\n", bulk(name), bulk(glob))
    }

    fn publishes(self, glob: &str, channel: &str, message: &str) -> String {
        let parts = ["pmessage", glob, channel, message];
        match self {
            Self::Resp2 => array(&parts),
            Self::Resp3 => push(&parts),
        }
    }
}

struct Listener {
    session: Session<Fixed>,
    subscriptions: Subscriptions<3>,
    protocol: Protocol,
}

impl Listener {
    fn new(protocol: Protocol) -> Self {
        let mut session = Session::new(Fixed::new(1024), Fixed::new(256));
        session.set_resp2_listener(matches!(protocol, Protocol::Resp2));
        Self {
            session,
            subscriptions: Subscriptions::new(),
            protocol,
        }
    }

    /// A listener with these patterns confirmed.
    fn to(protocol: Protocol, globs: &[&str]) -> Self {
        let mut listener = Self::new(protocol);
        for glob in globs {
            listener.subscribe(glob).unwrap();
            let asked = array(&["PSUBSCRIBE", glob]);
            assert_eq!(said(&mut listener.session), asked);
            let confirmation = protocol.confirms("psubscribe", glob);
            assert_eq!(listener.hears(&confirmation), ["subscribed"]);
        }
        assert!(listener.subscriptions.is_settled());
        listener
    }

    fn subscribe(&mut self, glob: &str) -> Result<(), SubscribeError> {
        self.subscriptions
            .subscribe(&mut self.session, pattern(glob))
    }

    fn unsubscribe(&mut self, glob: &str) {
        let pattern = pattern(glob);
        let asked = self.subscriptions.unsubscribe(&mut self.session, &pattern);
        asked.unwrap();
        assert_eq!(said(&mut self.session), array(&["PUNSUBSCRIBE", glob]));
    }

    fn hears(&mut self, stream: &str) -> Vec<String> {
        self.hears_bytes(stream.as_bytes())
    }

    fn hears_bytes(&mut self, bytes: &[u8]) -> Vec<String> {
        let mut all = Vec::new();
        hear(&mut self.session, bytes, |session, incoming| {
            all.push(match self.subscriptions.handle(session, incoming) {
                Heard::Nothing => "nothing".into(),
                Heard::Message { channel, message } => {
                    format!("{channel}: {}", String::from_utf8_lossy(message))
                }
                Heard::Subscribed => "subscribed".into(),
                Heard::Unsubscribed => "unsubscribed".into(),
                Heard::Refused(error) => format!("refused: {error}"),
            });
        });
        all
    }

    /// What is heard when something is published: a copy by each of the globs.
    fn published(&mut self, globs: &[&str], channel: &str) -> Vec<String> {
        let copy = |glob: &&str| self.protocol.publishes(glob, channel, "{}");
        let copies: String = globs.iter().map(copy).collect();
        let mut heard = self.hears(&copies);
        heard.retain(|heard| heard != "nothing");
        heard
    }
}

#[test]
fn messages_come_at_every_cut_in_both_protocols() {
    for protocol in BOTH {
        let stream = [
            protocol.confirms("psubscribe", PRINTER),
            protocol.publishes(PRINTER, "channel.events.printer", r#"{"a":"ü"}"#),
            protocol.publishes(PRINTER, "channel.events.printer.warnings", ""),
        ]
        .concat();
        let mut cuts = every_cut(stream.len());
        let mut dice = Dice::new(5);
        cuts.extend((0..200).map(|_| dice.cuts(stream.len(), 30)));
        for cuts in cuts {
            let mut listener = Listener::new(protocol);
            listener.subscribe(PRINTER).unwrap();
            let mut heard = Vec::new();
            for piece in pieces(stream.as_bytes(), &cuts) {
                heard.extend(listener.hears_bytes(piece));
            }
            let first = r#"channel.events.printer: {"a":"ü"}"#;
            let golden = ["subscribed", first, "channel.events.printer.warnings: "];
            assert_eq!(heard, golden, "cut at {cuts:?}");
        }
    }
}

#[test]
fn messages_of_all_lengths_are_read_in_place() {
    let mut listener = Listener::to(Protocol::Resp3, &[ALL]);
    for length in [0, 1, 9, 10, 99, 100, 900] {
        let message = "x".repeat(length);
        let copy = push(&["pmessage", ALL, "channel.events.a", &message]);
        let heard = listener.hears(&copy);
        assert_eq!(heard, [format!("channel.events.a: {message}")]);
    }
}

#[test]
fn a_message_that_matches_several_patterns_arrives_once_in_whichever_order_its_copies_come() {
    let orders: [[&str; 3]; 6] = [
        [ALL, PRINTER, WARNINGS],
        [ALL, WARNINGS, PRINTER],
        [PRINTER, ALL, WARNINGS],
        [PRINTER, WARNINGS, ALL],
        [WARNINGS, ALL, PRINTER],
        [WARNINGS, PRINTER, ALL],
    ];
    for protocol in BOTH {
        for subscribed in orders {
            let mut listener = Listener::to(protocol, &subscribed);
            for copies in orders {
                let heard = listener.published(&copies, ONE);
                assert_eq!(heard, [format!("{ONE}: {{}}")]);
            }
        }
    }
}

#[test]
fn a_component_is_not_taken_for_another_whose_name_begins_alike() {
    let mut listener = Listener::to(Protocol::Resp3, &[PRINTER, WARNINGS]);
    for channel in [
        "channel.events.printer2",
        "channel.events.printer-x",
        "channel.events.printers.x",
    ] {
        let none: [&str; 0] = [];
        assert_eq!(listener.published(&[PRINTER], channel), none, "{channel}");
    }
    let other = "channel.events.printer2.warnings";
    let heard = listener.published(&[PRINTER, WARNINGS], other);
    assert_eq!(heard, [format!("{other}: {{}}")]);
    let heard = listener.published(&[WARNINGS, PRINTER], other);
    assert_eq!(heard, [format!("{other}: {{}}")]);
}

#[test]
fn while_an_overlapping_pattern_is_asked_for_nothing_is_lost_or_doubled() {
    for protocol in BOTH {
        let mut listener = Listener::to(protocol, &[WARNINGS]);
        listener.subscribe(PRINTER).unwrap();
        said(&mut listener.session);
        assert_eq!(listener.published(&[WARNINGS], ONE).len(), 1);
        let confirmation = protocol.confirms("psubscribe", PRINTER);
        assert_eq!(listener.hears(&confirmation), ["subscribed"]);
        assert_eq!(listener.published(&[WARNINGS, PRINTER], ONE).len(), 1);

        listener.unsubscribe(WARNINGS);
        assert_eq!(listener.published(&[WARNINGS, PRINTER], ONE).len(), 1);
        let end = protocol.confirms("punsubscribe", WARNINGS);
        assert_eq!(listener.hears(&end), ["unsubscribed"]);
        assert_eq!(listener.published(&[PRINTER], ONE).len(), 1);
        assert_eq!(
            listener
                .published(&[WARNINGS], "channel.events.a.warnings")
                .len(),
            0
        );
    }
}

#[test]
fn a_pattern_wanted_again_while_it_goes_is_asked_for_again() {
    for protocol in BOTH {
        let mut listener = Listener::to(protocol, &[PRINTER, WARNINGS]);
        listener.unsubscribe(PRINTER);
        listener.subscribe(PRINTER).unwrap();
        assert_eq!(said(&mut listener.session), array(&["PSUBSCRIBE", PRINTER]));
        assert_eq!(listener.published(&[PRINTER, WARNINGS], ONE).len(), 1);
        let end = protocol.confirms("punsubscribe", PRINTER);
        assert_eq!(listener.hears(&end), ["nothing"]);
        assert_eq!(listener.published(&[WARNINGS], ONE).len(), 1);
        let again = protocol.confirms("psubscribe", PRINTER);
        assert_eq!(listener.hears(&again), ["subscribed"]);
        assert_eq!(listener.published(&[PRINTER, WARNINGS], ONE).len(), 1);
        assert!(listener.subscriptions.is_settled());
    }
}

#[test]
fn a_pattern_let_go_of_before_it_was_confirmed_ends_gone() {
    let mut listener = Listener::new(Protocol::Resp3);
    listener.subscribe(PRINTER).unwrap();
    said(&mut listener.session);
    listener.unsubscribe(PRINTER);
    assert!(!listener.subscriptions.is_settled());
    let first = Protocol::Resp3.confirms("psubscribe", PRINTER);
    assert_eq!(listener.hears(&first), ["nothing"]);
    let end = Protocol::Resp3.confirms("punsubscribe", PRINTER);
    assert_eq!(listener.hears(&end), ["unsubscribed"]);
    assert!(listener.subscriptions.is_empty());
}

#[test]
fn what_is_there_is_not_asked_for_again_and_what_is_not_there_is_not_let_go_of() {
    let mut listener = Listener::to(Protocol::Resp3, &[PRINTER]);
    listener.subscribe(PRINTER).unwrap();
    let other = pattern(ALL);
    let let_go = listener
        .subscriptions
        .unsubscribe(&mut listener.session, &other);
    let_go.unwrap();
    assert_eq!(said(&mut listener.session), "");
}

#[test]
fn on_a_new_line_everything_is_asked_for_again_but_what_was_let_go_of() {
    for protocol in BOTH {
        let mut listener = Listener::to(protocol, &[ALL, PRINTER]);
        listener.subscribe(WARNINGS).unwrap();
        said(&mut listener.session);
        listener.unsubscribe(ALL);
        listener.session.reset();
        listener.subscriptions.reset();
        listener
            .session
            .set_resp2_listener(matches!(protocol, Protocol::Resp2));
        assert!(!listener.subscriptions.is_settled());
        let asked = listener.subscriptions.resubscribe(&mut listener.session);
        asked.unwrap();
        let golden = array(&["PSUBSCRIBE", PRINTER]) + &array(&["PSUBSCRIBE", WARNINGS]);
        assert_eq!(said(&mut listener.session), golden);
        for glob in [PRINTER, WARNINGS] {
            let confirmation = protocol.confirms("psubscribe", glob);
            assert_eq!(listener.hears(&confirmation), ["subscribed"]);
        }
        assert!(listener.subscriptions.is_settled());
        assert_eq!(listener.published(&[PRINTER, WARNINGS], ONE).len(), 1);
        listener
            .subscriptions
            .resubscribe(&mut listener.session)
            .unwrap();
        assert_eq!(said(&mut listener.session), "");
    }
}

#[test]
fn a_refused_subscription_is_dropped_and_its_place_free() {
    let mut listener = Listener::to(Protocol::Resp3, &[ALL, PRINTER]);
    listener.subscribe(WARNINGS).unwrap();
    let full = listener.subscribe(ONE);
    assert_eq!(full, Err(SubscribeError::Full { places: 3 }));
    let refusal = "-NOPERM this user has no permissions to access one of the channels\r\n";
    let told = format!("refused: {}", refusal[1..].trim_end());
    assert_eq!(listener.hears(refusal), [told]);
    listener.subscribe(ONE).unwrap();
    said(&mut listener.session);
    assert_eq!(listener.published(&[ALL], ONE), [format!("{ONE}: {{}}")]);
}

#[test]
fn without_room_in_the_outbox_nothing_changes() {
    let mut listener = Listener::to(Protocol::Resp3, &[PRINTER]);
    let fill = |w: &mut redis_ipc_core::write::Writer<'_>| {
        w.put(&[b'x'; 230]);
        Ok::<(), TooLong>(())
    };
    listener.session.request(fill).unwrap();
    assert!(matches!(
        listener.subscribe(WARNINGS),
        Err(SubscribeError::TooLong(_))
    ));
    let leaving = pattern(PRINTER);
    let refused = listener
        .subscriptions
        .unsubscribe(&mut listener.session, &leaving);
    assert!(matches!(refused, Err(SubscribeError::TooLong(_))));
    assert!(listener.subscriptions.is_settled());
    assert_eq!(listener.hears("+done\r\n"), ["nothing"]);
    assert_eq!(listener.published(&[PRINTER], ONE).len(), 1);
    said(&mut listener.session);
    listener.subscribe(WARNINGS).unwrap();
    assert_eq!(
        said(&mut listener.session),
        array(&["PSUBSCRIBE", WARNINGS])
    );
}

#[test]
fn other_pushes_and_strange_ones_are_not_messages() {
    let mut listener = Listener::to(Protocol::Resp3, &[ALL]);
    for other in [
        ">2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\nk\r\n".into(),
        ">2\r\n$10\r\ninvalidate\r\n_\r\n".into(),
        push(&["message", "channel.events.a", "{}"]),
        push(&["pmessage"]),
        push(&["pmessage", ALL]),
        push(&["pmessage", ALL, "channel.events.a"]),
        push(&["pmessage", "channel.events.b*", "channel.events.a", "{}"]),
        format!(">4\r\n{}{}:1\r\n:2\r\n", bulk("pmessage"), bulk(ALL)),
        ">0\r\n".into(),
        push(&["pmessage", ALL, "channel.events.a", &"x".repeat(2000)]),
    ] {
        assert_eq!(listener.hears(&other), ["nothing"], "{other}");
    }
    let head = format!(">4\r\n{}{}", bulk("pmessage"), bulk(ALL));
    let not_utf8 = [
        head.as_bytes(),
        b"$16\r\nchannel.events.\xff\r\n$2\r\n{}\r\n",
    ]
    .concat();
    assert_eq!(listener.hears_bytes(&not_utf8), ["nothing"]);
    let heard = listener.published(&[ALL], "channel.events.a");
    assert_eq!(heard, ["channel.events.a: {}"]);
}

#[test]
fn a_message_that_is_not_utf8_is_handed_on() {
    let mut listener = Listener::to(Protocol::Resp3, &[ALL]);
    let head = format!(">4\r\n{}{}", bulk("pmessage"), bulk(ALL));
    let message = [
        head.as_bytes(),
        b"$16\r\nchannel.events.a\r\n$2\r\n\xff{\r\n",
    ]
    .concat();
    let heard = listener.hears_bytes(&message);
    assert_eq!(heard, ["channel.events.a: \u{fffd}{"]);
}

#[test]
fn what_the_original_heard_is_heard() {
    let mut listener = Listener::to(Protocol::Resp2, &[PRINTER, WARNINGS, ONE]);
    let mut heard = Vec::new();
    for frame in redis_ipc_tests::vectors::load("redis_ipc_c") {
        let text = String::from_utf8_lossy(&frame.bytes).into_owned();
        if frame.sender == redis_ipc_tests::vectors::Sender::Server && text.contains("pmessage") {
            heard.extend(listener.hears_bytes(&frame.bytes));
        }
    }
    heard.retain(|heard| heard != "nothing");
    assert_eq!(heard.len(), 2, "{heard:?}");
    assert!(heard[0].starts_with(r#"channel.events.printer.warnings: { "severity": "2""#));
    assert!(heard[1].starts_with(r#"channel.events.printer: { "severity": "2""#));
}

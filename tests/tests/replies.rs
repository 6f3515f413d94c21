//! What a server may say, and what it may not: every row of the table of parsers, through a
//! connection.

use redis_ipc::{Connection, Endpoint, Error, Options, Outcome};
use redis_ipc_core::resp::Reply;
use redis_ipc_tests::folder::Folder;
use redis_ipc_tests::puppet::Puppet;
use redis_ipc_tests::value::Value;
use std::io::{Read, Write};
use std::os::unix::net::UnixListener;
use std::time::Duration;

/// A connection to a server that answers every GET like this.
fn answering(answer: &[u8]) -> (Puppet, Connection) {
    let answer = answer.to_vec();
    let puppet = Puppet::start(move |words| (words[0] == "GET").then(|| answer.clone()));
    let endpoint = Endpoint::unix(puppet.socket()).unwrap();
    let connection = Connection::open(&endpoint).unwrap();
    (puppet, connection)
}

#[test]
fn what_is_not_resp_ends_the_connection_with_a_word_and_the_next_request_makes_a_new_one() {
    let long = |kind: &str, digit: &str| format!("{kind}{}\r\n", digit.repeat(70_000));
    for answer in [
        "$-5\r\n",
        "*-2\r\n",
        "$ 3\r\nabc\r\n",
        "$+3\r\nabc\r\n",
        "$03\r\nabc\r\n",
        "$3\r\nabcXY",
        "*4294967295\r\n",
        "%4294967295\r\n",
        &"*1\r\n".repeat(100_000),
        ":9223372036854775808\r\n",
        ":-9223372036854775809\r\n",
        "?what\r\n",
        "HTTP/1.1 400 Bad Request\r\n",
        "$?\r\n",
        "\0",
        &long(":", "1"),
        &long("$", "1"),
        &long("+", "x"),
    ] {
        let shown = &answer[..answer.len().min(40)];
        let (_puppet, mut connection) = answering(answer.as_bytes());
        let error = connection.get("key").unwrap_err();
        assert!(
            matches!(error, Error::Protocol { .. }),
            "{shown:?}: {error:?}"
        );
        assert_eq!(error.outcome(), Outcome::Unknown);
        assert!(error.to_string().contains("not RESP"), "{error}");
        assert!(!connection.is_connected(), "{shown:?}");
        connection.ping().unwrap_err();
        connection.set("key", "text").unwrap();
    }
}

#[test]
fn every_type_of_reply_is_read() {
    for (answer, check) in [
        (
            "+\u{ff}\r\n",
            (|r| r.bytes() == Some("\u{ff}".as_bytes())) as fn(&Reply<'_>) -> bool,
        ),
        (":9223372036854775807\r\n", |r| {
            r.integer() == Some(i64::MAX)
        }),
        (":-9223372036854775808\r\n", |r| {
            r.integer() == Some(i64::MIN)
        }),
        ("$-1\r\n", |r| matches!(r, Reply::Null)),
        ("*-1\r\n", |r| matches!(r, Reply::Null)),
        ("_\r\n", |r| matches!(r, Reply::Null)),
        ("#t\r\n", |r| matches!(r, Reply::Boolean(true))),
        (",1.5\r\n", |r| matches!(r, Reply::Double(b"1.5"))),
        ("(123456789012345678901234567890\r\n", |r| {
            matches!(r, Reply::BigNumber(_))
        }),
        ("=8\r\ntxt:text\r\n", |r| r.bytes() == Some(b"text")),
        ("~1\r\n:1\r\n", |r| matches!(r, Reply::Set(_))),
        ("%1\r\n+a\r\n:1\r\n", |r| matches!(r, Reply::Map(_))),
        ("|1\r\n+ttl\r\n:3600\r\n$0\r\n\r\n", |r| {
            r.bytes() == Some(b"")
        }),
    ] {
        let (_puppet, mut connection) = answering(answer.as_bytes());
        let reply = connection.command(&["GET", "key"]).unwrap();
        assert!(check(&reply), "{answer:?} is {reply:?}");
    }
    let (_puppet, mut connection) = answering(b"!10\r\nWRONG what\r\n");
    match connection.command(&["GET", "key"]) {
        Err(Error::Server(error)) => assert_eq!(error.code(), "WRONG"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_the_server_says_unasked_is_not_taken_for_a_reply() {
    let pushes =
        "|1\r\n+a\r\n+b\r\n>2\r\n+invalidate\r\n*1\r\n+key\r\n>3\r\n+message\r\n+c\r\n+text\r\n";
    let (_puppet, mut connection) = answering(format!("{pushes}$4\r\ntext\r\n{pushes}").as_bytes());
    for _ in 0..3 {
        assert_eq!(
            connection.get("key").unwrap().as_deref(),
            Some(&b"text"[..])
        );
    }
}

#[test]
fn a_reply_that_comes_byte_by_byte_is_read_as_a_whole() {
    let folder = Folder::new();
    let listener = UnixListener::bind(folder.join("socket")).unwrap();
    let replies = b"%2\r\n$5\r\nproto\r\n:3\r\n$2\r\nid\r\n:7\r\n*3\r\n$4\r\n\r\n\r\n\r\n:-7\r\n*0\r\n+OK\r\n";
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut unread = Vec::new();
        let mut chunk = [0; 256];
        let mut rest = &replies[..];
        while !rest.is_empty() {
            let count = stream.read(&mut chunk).unwrap();
            unread.extend(&chunk[..count]);
            while let Some((_, end)) = Value::parse(&unread) {
                unread.drain(..end);
                let (_, end) = Value::parse(rest).unwrap();
                for byte in &rest[..end] {
                    stream.write_all(&[*byte]).unwrap();
                    std::thread::yield_now();
                }
                rest = &rest[end..];
            }
        }
    });
    let endpoint = Endpoint::unix(folder.join("socket")).unwrap();
    let mut connection = Connection::open_with(&endpoint, Options::default()).unwrap();
    let reply = connection.command(&["ANYTHING"]).unwrap();
    let elements: Vec<_> = reply.elements().unwrap().collect();
    assert_eq!(elements.len(), 3);
    assert_eq!(elements[0].bytes(), Some(&b"\r\n\r\n"[..]));
    assert_eq!(elements[1].integer(), Some(-7));
    let reply = connection.command(&["MORE"]).unwrap();
    assert_eq!(reply.bytes(), Some(&b"OK"[..]));
    server.join().unwrap();
}

#[test]
fn a_late_reply_is_never_taken_for_that_of_the_next_request() {
    let (mut lines, mut asked) = (0, 0);
    let puppet = Puppet::start(move |words| {
        lines += usize::from(words[0] == "HELLO");
        if words[0] != "GET" {
            return None;
        }
        asked += 1;
        Some(match (lines, asked) {
            (1, 1) => Vec::new(),
            // On the same line, what is owed comes first.
            (1, _) => b"$4\r\nlate\r\n$3\r\nnow\r\n".to_vec(),
            _ => b"$3\r\nnow\r\n".to_vec(),
        })
    });
    let endpoint = Endpoint::unix(puppet.socket()).unwrap();
    let mut connection = Connection::open(&endpoint).unwrap();
    let limit = Duration::from_millis(200);
    let late = connection.blocking_command(&["GET", "first"], limit);
    assert_eq!(late.unwrap_err().outcome(), Outcome::Unknown);
    assert_eq!(
        connection.get("second").unwrap().as_deref(),
        Some(&b"now"[..])
    );
}

#[test]
fn a_reply_over_the_limit_is_dropped_with_both_sizes_and_the_line_goes_on() {
    let long = format!("$100000\r\n{}\r\n", "x".repeat(100_000));
    let puppet = Puppet::start(move |words| (words[0] == "GET").then(|| long.clone().into_bytes()));
    let endpoint = Endpoint::unix(puppet.socket()).unwrap();
    let options = Options::default().message_limit(4096);
    let mut connection = Connection::open_with(&endpoint, options).unwrap();
    for _ in 0..3 {
        let error = connection.get("key").unwrap_err();
        let text = error.to_string();
        assert!(text.contains("100011") && text.contains("4096"), "{text}");
        connection.set("key", "text").unwrap();
    }
    let lines = puppet
        .requests()
        .iter()
        .filter(|r| r.starts_with("HELLO"))
        .count();
    assert_eq!(lines, 1);
}

//! A blocking link on lines that do what lines do.

use crate::program::session;
use crate::wire::{Fixed, array, every_cut};
use embedded_io::ErrorKind;
use redis_ipc_core::link::{Error, blocking};
use redis_ipc_core::resp::{ProtocolError, Reply, request};
use redis_ipc_core::session::Incoming;
use redis_ipc_core::write::{TooLong, Writer};
use redis_ipc_tests::scripted::Scripted;

/// A blocking link on a scripted line.
pub(crate) type Link = blocking::Link<Scripted, Fixed>;

/// What most calls send.
pub(crate) const FILE: &str = r#"{"file":"a.pdf"}"#;

pub(crate) fn link(line: Scripted) -> Link {
    Link::new(line, session(512, 512))
}

pub(crate) fn ping(w: &mut Writer<'_>) {
    request::command(w, &[b"PING"]);
}

pub(crate) fn told(link: &mut Link) -> String {
    String::from_utf8(link.line().take_written()).unwrap()
}

#[test]
fn a_request_is_written_and_its_reply_read_in_any_pieces() {
    let stream = b">2\r\n+message\r\n+x\r\n$5\r\nhello\r\n";
    for cuts in every_cut(stream.len()) {
        let mut link = link(Scripted::new().arrives_cut(stream, &cuts));
        assert_eq!(link.ask(ping), Ok(Reply::Bulk(b"hello")));
    }
    for taken in 1..16 {
        let mut link = link(Scripted::new().arrives(b"+PONG\r\n").takes(taken));
        assert_eq!(link.ask(ping), Ok(Reply::Simple(b"PONG")));
        assert_eq!(told(&mut link), array(&["PING"]));
    }
}

#[test]
fn an_interrupted_line_is_tried_again() {
    let line = Scripted::new().arrives_bytewise(b"+PONG\r\n");
    let mut link = link(line.takes(1).interrupts(5));
    assert_eq!(link.ask(ping), Ok(Reply::Simple(b"PONG")));
    assert_eq!(told(&mut link), array(&["PING"]));
}

#[test]
fn a_line_that_breaks_while_sending_says_so_and_took_what_it_took() {
    let whole = array(&["PING"]);
    for count in 0..whole.len() {
        let lines = [
            Scripted::new().takes(1).breaks_after_writes(count),
            Scripted::new().breaks_after_bytes(count),
        ];
        for line in lines {
            let mut link = link(line);
            assert_eq!(link.ask(ping), Err(Error::Line(ErrorKind::BrokenPipe)));
            assert_eq!(told(&mut link), whole[..count]);
        }
    }
}

#[test]
fn the_last_words_of_a_server_that_takes_nothing_are_heard() {
    let words = b"-ERR max number of clients reached\r\n";
    let mut link = link(Scripted::new().arrives(words).breaks_after_writes(0));
    let reply = link.ask(ping).unwrap();
    assert_eq!(
        reply.error().unwrap().message(),
        b"max number of clients reached"
    );
    assert_eq!(link.ask(ping), Err(Error::Line(ErrorKind::BrokenPipe)));
}

#[test]
fn the_end_of_the_stream_is_told_wherever_it_comes() {
    let reply = b"*2\r\n$1\r\na\r\n$1\r\nb\r\n";
    for length in 0..reply.len() {
        let mut link = link(Scripted::new().arrives(&reply[..length]));
        assert_eq!(link.ask(ping), Err(Error::Closed));
        assert_eq!(link.receive(), Err(Error::Closed));
    }
    let mut link = link(Scripted::new().arrives(b":1\r\n:2\r\n"));
    let first = link.session().requests(2, |w| {
        ping(w);
        ping(w);
        Ok::<(), TooLong>(())
    });
    link.flush().unwrap();
    let first = first.unwrap();
    assert_eq!(link.receive(), Ok(Incoming::Reply(first)));
    assert_eq!(link.receive(), Ok(Incoming::Reply(first.after(1))));
    assert_eq!(link.receive(), Err(Error::Closed));
}

#[test]
fn a_reply_that_comes_too_late_is_not_taken_for_the_next_one() {
    let line = Scripted::new()
        .arrives(b"$4\r\nla")
        .waits()
        .arrives(b"te\r\n+next\r\n");
    let mut link = link(line);
    assert_eq!(link.ask(ping), Err(Error::Line(ErrorKind::TimedOut)));
    assert_eq!(link.ask(ping), Ok(Reply::Simple(b"next")));
}

#[test]
fn after_a_time_out_the_same_reply_can_be_waited_for_again() {
    let line = Scripted::new().waits().arrives(b"+PONG\r\n").waits();
    let mut link = link(line);
    let request = link.session().request(|w| {
        ping(w);
        Ok::<(), TooLong>(())
    });
    let request = request.unwrap();
    assert_eq!(link.reply(request), Err(Error::Line(ErrorKind::TimedOut)));
    assert_eq!(link.reply(request), Ok(Reply::Simple(b"PONG")));
    assert_eq!(link.reply(request), Err(Error::OutOfStep));
}

#[test]
fn a_stream_that_is_not_resp_is_an_error_for_good() {
    let mut link = link(Scripted::new().arrives(b"HTTP/1.1 400 Bad Request\r\n"));
    let error = Err(Error::Protocol(ProtocolError::UnknownType(b'H')));
    assert_eq!(link.ask(ping), error);
    assert_eq!(link.ask(ping), error);
    let old = link.replace_line(Scripted::new().arrives(b"+PONG\r\n"));
    assert_eq!(old.written(), array(&["PING"]).repeat(2).as_bytes());
    assert_eq!(link.ask(ping), Ok(Reply::Simple(b"PONG")));
}

#[test]
fn messages_too_long_either_way_leave_the_link_usable() {
    let long = array(&[&"x".repeat(100), &"y".repeat(100)]);
    let stream = long.clone() + "+PONG\r\n";
    let line = Scripted::new().arrives_bytewise(stream.as_bytes());
    let mut link = Link::new(line, session(64, 64));
    let big = |w: &mut Writer<'_>| request::command(w, &[b"SET", &[b'x'; 100]]);
    let sizes = |needed| TooLong {
        needed,
        capacity: 64,
    };
    assert_eq!(link.ask(big), Err(Error::RequestTooLong(sizes(121))));
    assert_eq!(link.ask(ping), Err(Error::ReplyTooLong(sizes(long.len()))));
    assert_eq!(link.ask(big), Err(Error::RequestTooLong(sizes(121))));
    assert_eq!(link.ask(ping), Ok(Reply::Simple(b"PONG")));
    assert_eq!(told(&mut link), array(&["PING"]).repeat(2));
}

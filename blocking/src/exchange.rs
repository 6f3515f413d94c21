//! One message to a queue, and its one reply from another: what a call is in redisbus, in redisrpc
//! and for whoever carries whole messages.

use std::time::{Duration, Instant};

use redis_ipc_core::key::Key;
use redis_ipc_core::resp::{Reply, request};
use redis_ipc_core::session::{Incoming, Kept, Sequence};
use redis_ipc_core::write::{TooLong, Writer};

use crate::component::payload::Unwritten;
use crate::component::{Stop, Taken};
use crate::connection::{Connection, Deadline, FOREVER, Next};
use crate::error::{Error, Outcome, ServerError};

/// How long after its deadline a wait goes on for the server to say that time is up.
pub(crate) const GRACE: Duration = Duration::from_millis(200);

/// How long it may take to take a message back.
pub(crate) const TAKE_BACK_LIMIT: Duration = Duration::from_secs(1);

/// How many replies to older messages are looked behind while a message is taken back.
const MAX_LOOKS: u8 = 16;

/// Where a message goes and where its reply comes from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Post<'k> {
    pub(crate) queue: &'k Key,
    pub(crate) replies: &'k Key,
    /// How long the queue is to stay from now on, if it is to expire at all.
    pub(crate) life: Option<Duration>,
    pub(crate) timeout: Duration,
    /// Ends the wait before its time.
    pub(crate) stop: &'k Stop,
}

/// What a call came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// A reply of this many bytes, with which the connection's frame ends.
    Message(usize),
    /// Time was up, or the wait was stopped.
    TimedOut(Taken),
}

/// What a pop that waits came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Popped {
    /// A message of this many bytes, with which the connection's frame ends.
    Message(usize),
    /// The server says that time is up.
    Nothing,
    /// The server does not even say that. The connection is closed.
    Silence,
    /// The wait was stopped. The connection is closed.
    Stopped,
}

/// Sends a message and waits for its reply, in a queue that was made for it. `write` writes the
/// message, and may be called more than once.
#[cfg(feature = "dialects")]
pub(crate) fn exchange(
    connection: &mut Connection,
    post: &Post<'_>,
    write: impl FnMut(&mut Writer<'_>) -> Result<(), Unwritten>,
) -> Result<Answer, Error> {
    exchange_for(connection, post, write, |_| true)
}

/// As [`exchange`], where replies to older messages may arrive in the same queue: those that
/// `is_ours` refuses are dropped, and do not prolong the wait.
pub(crate) fn exchange_for(
    connection: &mut Connection,
    post: &Post<'_>,
    mut write: impl FnMut(&mut Writer<'_>) -> Result<(), Unwritten>,
    mut is_ours: impl FnMut(&[u8]) -> bool,
) -> Result<Answer, Error> {
    let mut post = *post;
    bind(connection, post.timeout.saturating_add(GRACE));
    let begun = reach(connection, &mut post).and_then(|()| begin(connection, &post, &mut write));
    let outcome = begun.and_then(|(push, mut kept)| {
        let outcome = follow(connection, &post, push, &mut kept, &mut is_ours);
        connection.session().release();
        outcome
    });
    connection.set_bound(None);
    outcome
}

/// Lets nothing on this connection wait for longer than `limit` from now.
pub(crate) fn bind(connection: &mut Connection, limit: Duration) {
    connection.set_bound(Some(Deadline::after(limit).at));
}

/// Sees to a connection; what a new one took is no longer there to wait for the reply.
fn reach(connection: &mut Connection, post: &mut Post<'_>) -> Result<(), Error> {
    if !connection.is_connected() {
        let begin = Instant::now();
        connection.ensure_alive()?;
        if post.timeout < FOREVER {
            post.timeout = post.timeout.saturating_sub(begin.elapsed());
        }
    }
    Ok(())
}

/// Sends the message and the pop for the reply in one write; once more on a new connection if
/// the old one took no byte of it.
fn begin(
    connection: &mut Connection,
    post: &Post<'_>,
    write: &mut impl FnMut(&mut Writer<'_>) -> Result<(), Unwritten>,
) -> Result<(Sequence, Kept), Error> {
    let deadline = connection.deadline(connection.options().reply_limit);
    let mut body = 0..0;
    let count = 2 + u32::from(post.life.is_some());
    let push = connection.send(count, deadline, |w| {
        request::array(w, 3);
        request::bulk(w, b"RPUSH");
        request::bulk(w, post.queue.as_bytes());
        let start = w.len();
        let mut written = Ok(());
        request::bulk_with(w, |w| written = write(w));
        written?;
        body = start..w.len();
        if let Some(life) = post.life {
            request::expire(w, post.queue.as_bytes(), life);
        }
        write_wait(w, post.replies, post.timeout);
        Ok::<(), Unwritten>(())
    })?;
    Ok((push, connection.session().keep(body)))
}

fn follow(
    connection: &mut Connection,
    post: &Post<'_>,
    push: Sequence,
    kept: &mut Kept,
    is_ours: &mut impl FnMut(&[u8]) -> bool,
) -> Result<Answer, Error> {
    let late = Deadline::after(post.timeout.saturating_add(GRACE));
    let pushed = connection.deadline(connection.options().reply_limit);
    match connection.reply(push, pushed).map(drop) {
        Ok(()) => {}
        Err(Error::TimedOut { .. }) => return give_up(connection, post, kept, is_ours),
        Err(refused) => {
            // The pop for the reply may still be in flight.
            connection.disconnect();
            return Err(refused);
        }
    }
    let mut pop = push.after(1 + u32::from(post.life.is_some()));
    loop {
        match await_pop(connection, pop, late, post.stop) {
            Ok(Popped::Message(length)) => {
                if is_ours(connection.session().last_bulk_mut(length)) {
                    return Ok(Answer::Message(length));
                }
                match time_left(post.timeout, late) {
                    Some(left) => pop = wait_on(connection, post.replies, left)?,
                    None => return take_back(connection, post, kept, is_ours),
                }
            }
            Ok(Popped::Nothing) => return take_back(connection, post, kept, is_ours),
            Ok(Popped::Silence | Popped::Stopped) => {
                return give_up(connection, post, kept, is_ours);
            }
            Err(Error::Server(refused)) => {
                let taken_back = take_back(connection, post, kept, is_ours)?;
                return answer_or(refused, taken_back);
            }
            Err(error) => return Err(error),
        }
    }
}

/// Takes the message back on a new connection. If that fails too, nobody knows what became of it.
fn give_up(
    connection: &mut Connection,
    post: &Post<'_>,
    kept: &mut Kept,
    is_ours: &mut impl FnMut(&[u8]) -> bool,
) -> Result<Answer, Error> {
    take_back(connection, post, kept, is_ours).map_err(|_| Error::TimedOut {
        outcome: Outcome::Unknown,
        limit: post.timeout,
    })
}

/// What it comes to that the wait for the reply was refused.
fn answer_or(refused: ServerError, taken_back: Answer) -> Result<Answer, Error> {
    match taken_back {
        Answer::TimedOut(Taken::No) => Err(refused.into()),
        Answer::TimedOut(Taken::Yes) => Err(Error::Unexpected(format!(
            "the wait for the reply was refused, and the message may still be executed: \
             {refused}"
        ))),
        answer @ Answer::Message(_) => Ok(answer),
    }
}

/// What is left of a call's time; `None` if nothing is.
fn time_left(timeout: Duration, late: Deadline) -> Option<Duration> {
    if timeout >= FOREVER {
        return Some(FOREVER);
    }
    let left = late.left().saturating_sub(GRACE);
    (left >= Duration::from_millis(1)).then_some(left)
}

/// Asks for the next reply.
fn wait_on(connection: &mut Connection, replies: &Key, left: Duration) -> Result<Sequence, Error> {
    let deadline = Deadline::after(connection.options().reply_limit);
    let pop = connection.session().request(|w| {
        write_wait(w, replies, left);
        Ok::<(), TooLong>(())
    })?;
    let flushed = connection.flush(deadline);
    flushed.map_err(Error::behind_the_request)?;
    Ok(pop)
}

/// Writes a BLPOP, without a limit where there is none.
pub(crate) fn write_wait(w: &mut Writer<'_>, queue: &Key, timeout: Duration) {
    if timeout >= FOREVER {
        return request::command(w, &[b"BLPOP", queue.as_bytes(), b"0"]);
    }
    request::blpop(w, queue.as_bytes(), timeout);
}

/// Waits for what a pop brings.
pub(crate) fn await_pop(
    connection: &mut Connection,
    pop: Sequence,
    late: Deadline,
    stop: &Stop,
) -> Result<Popped, Error> {
    let given_up = loop {
        if stop.is_requested() {
            break Popped::Stopped;
        }
        match connection.next(Some(late))? {
            Next::Message(Incoming::Reply(of)) if of == pop => {
                return match connection.session().frame() {
                    Reply::Error(error) => Err(ServerError::new(&error).into()),
                    reply => Ok(message_in(&reply).map_or(Popped::Nothing, Popped::Message)),
                };
            }
            Next::Message(Incoming::TooLong { of, error }) if of == Some(pop) => {
                return Err(Error::TooLong {
                    outcome: Outcome::Unknown,
                    sizes: error,
                });
            }
            Next::Message(_) | Next::Interrupted => {}
            Next::Late => break Popped::Silence,
        }
    };
    // What it brings yet must not be taken for the answer to something else.
    connection.disconnect();
    Ok(given_up)
}

/// Removes the message from its queue, and looks once more for a reply.
fn take_back(
    connection: &mut Connection,
    post: &Post<'_>,
    kept: &mut Kept,
    is_ours: &mut impl FnMut(&[u8]) -> bool,
) -> Result<Answer, Error> {
    bind(connection, TAKE_BACK_LIMIT);
    let deadline = connection.deadline(connection.options().reply_limit);
    connection.ensure_connected()?;
    let remove = connection.session().resend(kept, |w| {
        request::array(w, 4);
        request::bulk(w, b"LREM");
        request::bulk(w, post.queue.as_bytes());
        // From the tail, where the youngest messages stand.
        request::bulk(w, b"-1");
    })?;
    let mut look = ask_for_reply(connection, post.replies, deadline)?;
    let removed = connection.reply(remove, deadline)?.integer() == Some(1);
    for _ in 0..MAX_LOOKS {
        let length = connection.reply(look, deadline)?.bytes().map(<[u8]>::len);
        match length {
            Some(length) if is_ours(connection.session().last_bulk_mut(length)) => {
                return Ok(Answer::Message(length));
            }
            Some(_) => look = ask_for_reply(connection, post.replies, deadline)?,
            None => break,
        }
    }
    Ok(Answer::TimedOut(if removed {
        Taken::No
    } else {
        Taken::Yes
    }))
}

/// Asks for a reply that is there, without waiting for one.
fn ask_for_reply(
    connection: &mut Connection,
    replies: &Key,
    deadline: Deadline,
) -> Result<Sequence, Error> {
    let look = connection.session().request(|w| {
        request::command(w, &[b"LPOP", replies.as_bytes()]);
        Ok::<(), TooLong>(())
    })?;
    connection.flush(deadline)?;
    Ok(look)
}

/// The length of what a BLPOP brought; `None` if it brought nothing.
pub(crate) fn message_in(reply: &Reply<'_>) -> Option<usize> {
    let mut item = reply.elements()?;
    Some(item.nth(1)?.bytes()?.len())
}

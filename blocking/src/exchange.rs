//! One message to a queue, and its one reply from a queue that was made for it: what a call is in
//! redisbus and in redisrpc.

use std::time::Duration;

use redis_ipc_core::call::write_pop;
use redis_ipc_core::key::Key;
use redis_ipc_core::resp::{Reply, request};
use redis_ipc_core::session::{Kept, Sequence};
use redis_ipc_core::write::{TooLong, Writer};

use crate::component::Taken;
use crate::component::payload::Unwritten;
use crate::connection::{Connection, Deadline};
use crate::error::{Error, Outcome};

/// How long after its deadline a call goes on waiting for the server to say that time is up.
const GRACE: Duration = Duration::from_millis(200);

/// Where a message goes and where its reply comes from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Post<'k> {
    pub(crate) queue: &'k Key,
    pub(crate) replies: &'k Key,
    /// How long the queue is to stay from now on, if it is to expire at all.
    pub(crate) life: Option<Duration>,
    pub(crate) timeout: Duration,
}

/// What a call came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// A reply of this many bytes, with which the connection's frame ends.
    Message(usize),
    /// Time was up.
    TimedOut(Taken),
}

/// Sends a message and waits for its reply. `write` writes the message, and may be called more
/// than once.
pub(crate) fn exchange(
    connection: &mut Connection,
    post: &Post<'_>,
    mut write: impl FnMut(&mut Writer<'_>) -> Result<(), Unwritten>,
) -> Result<Answer, Error> {
    let (push, mut kept) = begin(connection, post, &mut write)?;
    let outcome = follow(connection, post, push, &mut kept);
    connection.session().release();
    outcome
}

/// Sends the message and the pop for the reply in one write; once more on a new connection if
/// the old one took no byte of it.
fn begin(
    connection: &mut Connection,
    post: &Post<'_>,
    write: &mut impl FnMut(&mut Writer<'_>) -> Result<(), Unwritten>,
) -> Result<(Sequence, Kept), Error> {
    let deadline = Deadline::after(connection.options().reply_limit);
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
        write_pop(w, post.replies, post.timeout);
        Ok::<(), Unwritten>(())
    })?;
    Ok((push, connection.session().keep(body)))
}

fn follow(
    connection: &mut Connection,
    post: &Post<'_>,
    push: Sequence,
    kept: &mut Kept,
) -> Result<Answer, Error> {
    let late = Deadline::after(post.timeout.saturating_add(GRACE));
    let pushed = Deadline::after(connection.options().reply_limit);
    let refused = connection.reply(push, pushed).map(drop);
    if let Err(Error::Server(_)) = &refused {
        // The pop for the reply is still in flight.
        connection.disconnect();
    }
    refused?;
    let pop = push.after(1 + u32::from(post.life.is_some()));
    match connection.reply(pop, late).map(|reply| message_in(&reply)) {
        Ok(Some(length)) => Ok(Answer::Message(length)),
        // The server says that time is up, or does not even say that.
        Ok(None) => take_back(connection, post, kept),
        Err(Error::TimedOut { .. }) => {
            let unknown = |_| Error::TimedOut {
                outcome: Outcome::Unknown,
                limit: post.timeout,
            };
            connection.disconnect();
            take_back(connection, post, kept).map_err(unknown)
        }
        Err(error) => Err(error),
    }
}

/// Removes the message from its queue, and looks once more for a reply.
fn take_back(
    connection: &mut Connection,
    post: &Post<'_>,
    kept: &mut Kept,
) -> Result<Answer, Error> {
    let deadline = Deadline::after(connection.options().reply_limit);
    connection.ensure_connected()?;
    let remove = connection.session().resend(kept, |w| {
        request::array(w, 4);
        request::bulk(w, b"LREM");
        request::bulk(w, post.queue.as_bytes());
        // From the tail, where the youngest messages stand.
        request::bulk(w, b"-1");
    })?;
    connection.session().request(|w| {
        request::command(w, &[b"LPOP", post.replies.as_bytes()]);
        Ok::<(), TooLong>(())
    })?;
    connection.flush(deadline)?;
    let removed = connection.reply(remove, deadline)?.integer() == Some(1);
    let reply = connection.reply(remove.after(1), deadline)?;
    if let Some(reply) = reply.bytes() {
        return Ok(Answer::Message(reply.len()));
    }
    Ok(Answer::TimedOut(if removed {
        Taken::No
    } else {
        Taken::Yes
    }))
}

/// The length of what a BLPOP brought; `None` if it brought nothing.
pub(crate) fn message_in(reply: &Reply<'_>) -> Option<usize> {
    let mut item = reply.elements()?;
    Some(item.nth(1)?.bytes()?.len())
}

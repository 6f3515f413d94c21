//! Results on their way to the one who waits: of jobs that were kept, over the connection for work.

use redis_ipc_core::dialect::redis_ipc::{Stamp, finish_result, write_error};
use redis_ipc_core::resp::request;
use redis_ipc_core::write::Writer;
use serde::Serialize;

use super::payload::{Payload, Unwritten};
use super::{Component, Failure, Job, timestamp};
use crate::connection::Deadline;
use crate::error::Error;

impl Component {
    pub(super) fn push_result<R: Serialize + ?Sized>(
        &mut self,
        job: &Job,
        result: &Payload<'_, R>,
    ) -> Result<(), Error> {
        let pushed = self.push(job, &mut |w, id, stamp| {
            let start = w.len();
            result.write(w)?;
            finish_result(w, start, id, stamp)?;
            Ok(())
        });
        self.pushed(job, pushed)
    }

    pub(super) fn push_failure(&mut self, job: &Job, failure: &Failure) -> Result<(), Error> {
        let pushed = self.push(job, &mut |w, id, stamp| {
            write_failure(w, failure, id, stamp)
        });
        self.pushed(job, pushed)
    }

    /// Sees to what follows from a push: the caller learns of a result that cannot be sent,
    /// results that nobody reads do not stay for ever, and a command that is still on the server
    /// is served again from there.
    fn pushed(&mut self, job: &Job, pushed: Result<u64, Error>) -> Result<(), Error> {
        let pushed = match pushed {
            Err(error) if is_bad_result(&error) => {
                let failure = bad_result(&error);
                self.push(job, &mut |w, id, stamp| {
                    write_failure(w, &failure, id, stamp)
                })
                .and(Err(error))
            }
            pushed => pushed,
        };
        match pushed {
            Ok(waiting) => self.expire_unread(job.results(), waiting),
            Err(error) => {
                self.line.abandon(job);
                Err(error)
            }
        }
    }

    /// Pushes a result over the connection for work, and takes its command out of the list of
    /// what is at work, if it is in one. Says how many results wait there now.
    fn push(&mut self, job: &Job, write: &mut WriteResult<'_>) -> Result<u64, Error> {
        let Some(results) = job.results() else {
            return Err(Error::Usage("this job came from no queue"));
        };
        let at_work = self.line.at_work(job).cloned();
        let stamp = self.identity.stamp(timestamp());
        let deadline = Deadline::after(self.work.options().reply_limit);
        let count = 1 + u32::from(at_work.is_some());
        let first = self.work.send(count, deadline, |w| {
            request::array(w, 3);
            request::bulk(w, b"RPUSH");
            request::bulk(w, results.as_bytes());
            let mut written = Ok(());
            request::bulk_with(w, |w| written = write(w, job.command_id(), &stamp));
            if let Some(at_work) = &at_work {
                request::command(w, &[b"LREM", at_work.as_bytes(), b"1", job.raw()]);
            }
            written
        })?;
        let reply = self.work.reply(first, deadline)?;
        let waiting = reply.integer().and_then(|n| u64::try_from(n).ok());
        let waiting = waiting.ok_or_else(|| Error::unexpected_reply("RPUSH", &reply))?;
        if at_work.is_some() {
            self.work.reply(first.after(1), deadline)?;
            self.line.let_go(job);
        }
        Ok(waiting)
    }
}

/// Writes a result, given the command's id and the stamp; may be called more than once. Not
/// generic: what surrounds it is in a program once, however many types of results there are.
pub(super) type WriteResult<'w> =
    dyn FnMut(&mut Writer<'_>, &str, &Stamp<'_>) -> Result<(), Unwritten> + 'w;

pub(super) fn write_failure(
    w: &mut Writer<'_>,
    failure: &Failure,
    id: &str,
    stamp: &Stamp<'_>,
) -> Result<(), Unwritten> {
    let start = w.len();
    write_error(w, failure.code(), failure.message());
    finish_result(w, start, id, stamp)?;
    Ok(())
}

/// Whether it is the result's fault that it was not sent.
pub(super) fn is_bad_result(error: &Error) -> bool {
    matches!(error, Error::Value(_) | Error::TooLong { .. })
}

/// What the caller is told instead of a result that cannot be sent.
pub(super) fn bad_result(error: &Error) -> Failure {
    Failure::new("bad-result", error.to_string())
}

//! What is behind a handle.

use std::ffi::c_int;

use super::code::{Fault, RIPC_ERR_FAILED, RIPC_ERR_INTERNAL, RIPC_ERR_JOB};
use super::entry::LastError;
use super::handlers::Handlers;
use super::letter::Letter;
use super::state::Accounts;
use super::text::{Shelf, ripc_pair, ripc_text};
use crate::component::{Component, Failure, Job, Stop};

#[derive(Debug)]
pub(super) struct Handle {
    pub(super) component: Component,
    pub(super) stop: Stop,
    pub(super) last_error: LastError,
    /// What another component answered last, if that was an error.
    pub(super) failure: Option<Failure>,
    /// After a panic nobody knows what state things are in.
    pub(super) is_broken: bool,
    pub(super) jobs: Jobs,
    pub(super) handlers: Handlers,
    /// What ripc_next() and its like hand out.
    pub(super) turn: Letter,
    /// What ripc_take(), ripc_receive() and ripc_heard() hand out.
    pub(super) aside: Letter,
    /// Texts that other functions lend.
    pub(super) results: Shelf,
    pub(super) pairs: Vec<ripc_pair>,
    pub(super) accounts: Accounts,
    /// Whether a loop of the program's own waits for it.
    pub(super) is_polled: bool,
}

impl Handle {
    pub(super) fn new(component: Component, stop: Stop) -> Self {
        Self {
            component,
            stop,
            last_error: LastError::default(),
            failure: None,
            is_broken: false,
            jobs: Jobs::default(),
            handlers: Handlers::default(),
            turn: Letter::default(),
            aside: Letter::default(),
            results: Shelf::default(),
            pairs: Vec::new(),
            accounts: Accounts::default(),
            is_polled: false,
        }
    }

    /// Keeps what failed.
    pub(super) fn note(&mut self, fault: &Fault) {
        self.is_broken |= fault.code == RIPC_ERR_INTERNAL;
        if fault.code == RIPC_ERR_FAILED {
            self.failure.clone_from(&fault.failure);
        }
        self.last_error.set(&fault.text);
    }

    /// Lends one text.
    pub(super) fn lend(&mut self, text: Option<&str>) -> ripc_text {
        let [lent] = self.results.fill([text]);
        lent
    }

    /// Has the descriptor that a loop waits for tell what there is to do now.
    pub(super) fn renew_readiness(&mut self) -> Result<(), Fault> {
        if self.is_polled {
            self.component.poll_fd()?;
        }
        Ok(())
    }

    /// Answers what nobody has answered, so that no caller waits in vain.
    pub(super) fn take_leave(&mut self) {
        if self.is_broken || self.component.is_inherited() {
            return;
        }
        let failure = Failure::new("unanswered", "the component did not answer this command");
        for (_, job) in std::mem::take(&mut self.jobs.open) {
            // Who closes a handle does not look at errors.
            let _ = self.component.fail(job, &failure);
        }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.take_leave();
    }
}

/// Commands that were handed out and not answered yet.
#[derive(Debug, Default)]
pub(super) struct Jobs {
    open: Vec<(u64, Job)>,
    last: u64,
}

impl Jobs {
    /// Keeps a job; says its number.
    pub(super) fn keep(&mut self, job: Job) -> u64 {
        self.last += 1;
        self.open.push((self.last, job));
        self.last
    }

    /// The number of the job that was kept last.
    pub(super) fn last(&self) -> u64 {
        self.last
    }

    pub(super) fn has(&self, number: u64) -> bool {
        self.open.iter().any(|(open, _)| *open == number)
    }

    pub(super) fn take(&mut self, number: u64) -> Result<Job, Fault> {
        let place = self.open.iter().position(|(open, _)| *open == number);
        let place = place.ok_or_else(|| {
            let text = format!("there is no job {number}: it was answered, failed or put back");
            Fault::new(RIPC_ERR_JOB, text)
        })?;
        Ok(self.open.swap_remove(place).1)
    }
}

/// What C takes for true.
pub(super) fn is_true(number: c_int) -> bool {
    number != 0
}

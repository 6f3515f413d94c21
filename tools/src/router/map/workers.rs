//! The threads of maps, kept for a moment when they have done their work: a map of small commands is
//! done in less time than its threads take to be started.

use std::io;
use std::mem;
use std::process;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread::{self, ThreadId};
use std::time::Duration;

use super::work::Work;

/// How long a thread waits for more.
const KEPT: Duration = Duration::from_secs(1);

/// The threads that wait; they end when this is dropped.
#[derive(Debug, Default)]
pub(crate) struct Workers {
    idle: Mutex<Vec<Idle>>,
}

/// A thread that waits.
#[derive(Debug)]
struct Idle {
    thread: ThreadId,
    /// The process that it is part of: a fork takes no threads along.
    process: u32,
    work: Sender<Arc<Work>>,
}

impl Workers {
    /// Has a thread of its own take up hosts of some work.
    ///
    /// # Errors
    /// What the system says if there are no more threads to be had.
    pub(super) fn take_up(self: &Arc<Self>, work: &Arc<Work>) -> io::Result<()> {
        while let Some(idle) = self.next_idle() {
            if idle.process != process::id() {
                // Not even dropped: its lock may be held by a thread that is not here.
                mem::forget(idle);
            } else if idle.work.send(work.clone()).is_ok() {
                return Ok(());
            }
        }
        let (workers, work) = (Arc::downgrade(self), work.clone());
        let thread = thread::Builder::new().name("map".to_owned());
        thread.spawn(move || serve(&workers, work)).map(drop)
    }

    /// Does not wait for the list: in a child process it may be locked for ever.
    fn next_idle(&self) -> Option<Idle> {
        self.idle.try_lock().ok()?.pop()
    }

    /// Has the calling thread wait; what it is given comes out of the receiver. `None` if the list
    /// is locked.
    fn await_work(&self) -> Option<Receiver<Arc<Work>>> {
        let (sender, receiver) = mpsc::channel();
        self.idle.try_lock().ok()?.push(Idle {
            thread: thread::current().id(),
            process: process::id(),
            work: sender,
        });
        Some(receiver)
    }

    /// Has the calling thread wait no longer; `false` if it is being given something.
    fn leave(&self) -> bool {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let before = idle.len();
        idle.retain(|idle| idle.thread != thread::current().id());
        idle.len() < before
    }
}

/// Works until nothing more comes.
fn serve(workers: &Weak<Workers>, first: Arc<Work>) {
    let mut next = Some(first);
    while let Some(work) = next {
        work.take_hosts();
        // It may hold on to the cluster, and with that to those who wait.
        drop(work);
        next = next_work(workers);
    }
}

fn next_work(workers: &Weak<Workers>) -> Option<Arc<Work>> {
    let work = workers.upgrade()?.await_work()?;
    match work.recv_timeout(KEPT) {
        Ok(work) => Some(work),
        Err(RecvTimeoutError::Timeout) if workers.upgrade().is_some_and(|all| all.leave()) => None,
        // It was taken off the list just now, and something comes; or everything ends.
        Err(_) => work.recv().ok(),
    }
}

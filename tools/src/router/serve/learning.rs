//! Commands that clients use and nobody has told of yet.

use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::hub::Hub;

/// How often hosts are asked for their commands at most.
const PAUSE: Duration = Duration::from_secs(1);

#[derive(Debug, Default)]
pub(super) struct Learner {
    /// Who asks.
    thread: Option<JoinHandle<()>>,
    /// When that was begun last.
    last: Option<Instant>,
}

impl Hub {
    /// A client has used a command that is not known: a host may know it since it was started anew,
    /// or has a module since. Whoever uses it once they have told finds it known.
    pub(super) fn seek_commands(&mut self) {
        let Learner { thread, last } = &self.learner;
        let asks = thread.as_ref().is_some_and(|thread| !thread.is_finished());
        if asks || last.is_some_and(|last| last.elapsed() < PAUSE) {
            return;
        }
        let cluster = self.cluster.clone();
        let learn = thread::Builder::new().name("learn".to_owned());
        self.learner = Learner {
            thread: learn.spawn(move || cluster.learn_commands()).ok(),
            last: Some(Instant::now()),
        };
    }

    /// Uses what hosts have told.
    pub(super) fn take_commands(&mut self) {
        self.table = self.cluster.table();
    }
}

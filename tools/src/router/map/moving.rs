//! Commands of a map whose keys are on their way to hosts that join.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use super::shared::{Answer, Answers, Shared};
use crate::router::cluster::Cluster;

/// Commands in their order, each in its words.
pub(super) type Commands = Vec<Vec<Vec<u8>>>;

/// Those on their way: of each host the keys come from one after the other, for each looks at two
/// hosts; of several hosts at once, for one that is slow delays only its own.
#[derive(Debug)]
pub(super) struct Moving {
    cluster: Cluster,
    shared: Arc<Shared>,
    /// With the places of their answers.
    hosts: Vec<(usize, Commands)>,
    /// How many of them were begun.
    begun: AtomicUsize,
    until: Instant,
}

impl Moving {
    pub(super) fn new(
        cluster: &Cluster,
        shared: &Arc<Shared>,
        hosts: Vec<(usize, Commands)>,
        until: Instant,
    ) -> Self {
        Self {
            cluster: cluster.clone(),
            shared: shared.clone(),
            hosts,
            begun: AtomicUsize::new(0),
            until,
        }
    }

    pub(super) fn hosts(&self) -> usize {
        self.hosts.len()
    }

    /// Has a thread for each host, at most `most`, work on them.
    pub(super) fn start(self, most: usize) {
        let threads = self.hosts.len().min(most);
        let moving = Arc::new(self);
        for _ in 0..threads {
            let own = moving.clone();
            let thread = thread::Builder::new().name("map".to_owned());
            if thread.spawn(move || own.take_hosts()).is_err() {
                // No more threads to be had: those there are, or else this one, do it all.
                moving.take_hosts();
                return;
            }
        }
    }

    fn take_hosts(&self) {
        while let Some((place, commands)) =
            self.hosts.get(self.begun.fetch_add(1, Ordering::AcqRel))
        {
            if self.shared.is_cancelled() {
                return;
            }
            self.shared.begin_host(*place);
            let mut answers = Answers::default();
            for words in commands {
                if self.shared.is_cancelled() {
                    break;
                }
                let left = self.until.saturating_duration_since(Instant::now());
                let answer = self.cluster.blocking_command(words, left);
                let failed = |error| Answer::Failed(Box::new(error));
                answers.list.push(answer.map_or_else(failed, Answer::Value));
            }
            self.shared.end_host(*place, answers);
        }
    }
}

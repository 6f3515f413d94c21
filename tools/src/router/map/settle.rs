//! Commands that a node of a Redis Cluster has not done: they are sent again, to where they belong
//! by then.

use std::sync::Arc;
use std::time::Duration;

use redis_ipc::{Error, Outcome};

use super::batch::{Kind, Queued};
use super::shared::{Answer, Answers};
use super::work::Work;
use crate::router::error::Cause;
use crate::router::following::is_open;
use crate::router::layout::{Layout, Node};
use crate::router::redirect::Redirect;
use crate::router::topology::Topology;

/// Commands that are sent before their replies are read.
const PART: usize = 256;

/// With less time than this left, nothing is sent again.
const LEAST: Duration = Duration::from_millis(20);

/// Commands for one node, by their places; `asking` if they are let in before their slot is there.
struct Group {
    node: Arc<Node>,
    asking: bool,
    commands: Vec<usize>,
}

/// Where a command belongs.
enum Target {
    Owner,
    Named(Arc<Node>, bool),
}

impl Work {
    /// Sends again what a host was to do and has not done, until all is done or time is over.
    pub(super) fn settle(&self, topology: &Topology, host: usize, answers: &mut Answers) {
        if self.shared.is_cancelled() {
            return;
        }
        let commands = &self.batches[host].commands;
        answers.tell_each(commands.len());
        loop {
            let layout = self.cluster.layout();
            let open = self.open(topology, &layout, host, answers);
            if open.is_empty() || self.left().is_zero() || self.shared.is_cancelled() {
                return;
            }
            // What it says is in the answers, if it stays so.
            let _ = self.cluster.renew(&layout, self.left());
            if self.left() < LEAST {
                // What is sent now may be executed and is answered too late.
                return;
            }
            for group in self.groups(host, open) {
                for part in group.commands.chunks(PART) {
                    self.send_again(host, &group, part, answers);
                }
            }
        }
    }

    /// The commands that are not done, with what is known of where they belong.
    fn open(
        &self,
        topology: &Topology,
        layout: &Layout,
        host: usize,
        answers: &Answers,
    ) -> Vec<(usize, Target)> {
        let asked = self.layout.nodes[host].host.endpoint.host();
        let asked = asked.map_or("", |(host, _)| host);
        let named = |name: &str, port, asking| {
            let name = if name.is_empty() { asked } else { name };
            let node = topology.node(layout, (name, port), self.cluster.options());
            Target::Named(node, asking)
        };
        let target = |cause: &Cause| match cause {
            Cause::Rejected(words) => match Redirect::read(words)? {
                Redirect::Moved(name, port) => Some(named(name, port, false)),
                Redirect::Ask(name, port) => Some(named(name, port, true)),
                Redirect::Later => Some(Target::Owner),
            },
            cause => is_open(cause).then_some(Target::Owner),
        };
        let commands = &self.batches[host].commands;
        let open = answers.list.iter().zip(commands).enumerate();
        let open = open.filter_map(|(index, (answer, queued))| match answer {
            Answer::Refused(cause) if queued.kind != Kind::Here => Some((index, target(cause)?)),
            _ => None,
        });
        open.collect()
    }

    /// Commands for one node together, each in its order.
    fn groups(&self, host: usize, open: Vec<(usize, Target)>) -> Vec<Group> {
        let layout = self.cluster.layout();
        let mut groups: Vec<Group> = Vec::new();
        for (index, target) in open {
            let (node, asking) = match target {
                Target::Named(node, asking) => (node, asking),
                Target::Owner => (self.owner(&layout, host, index), false),
            };
            let same =
                |group: &&mut Group| Arc::ptr_eq(&group.node, &node) && group.asking == asking;
            match groups.iter_mut().find(same) {
                Some(group) => group.commands.push(index),
                None => groups.push(Group {
                    node,
                    asking,
                    commands: vec![index],
                }),
            }
        }
        groups
    }

    fn owner(&self, layout: &Layout, host: usize, index: usize) -> Arc<Node> {
        let batch = &self.batches[host];
        let mut words = Vec::new();
        batch.words(&batch.commands[index], &mut words);
        let keys = self.cluster.table().keys(&words);
        let key = keys.ok().and_then(|mut keys| keys.next());
        let key = key.map_or(&b""[..], |at| words[at]);
        layout.of_key(key).clone()
    }

    fn send_again(&self, host: usize, group: &Group, part: &[usize], answers: &mut Answers) {
        let mut answered = 0;
        let outcome = self.exchange_again(host, group, part, answers, &mut answered);
        let Err(error) = outcome else { return };
        let unsent = error.outcome() == Outcome::NotSent;
        let error = Arc::new(error);
        for index in &part[answered..] {
            let error = error.clone();
            answers.list[*index] = Answer::Refused(match unsent {
                true => Cause::NotReached(error),
                false => Cause::Connection(error),
            });
        }
    }

    /// `answered` counts those that have an answer.
    fn exchange_again(
        &self,
        host: usize,
        group: &Group,
        part: &[usize],
        answers: &mut Answers,
        answered: &mut usize,
    ) -> Result<(), Error> {
        let batch = &self.batches[host];
        let mut connection = group.node.connect(self.left())?;
        let mut pipeline = connection.pipeline_within(self.left());
        let mut words = Vec::new();
        for index in part {
            if group.asking {
                pipeline.command(&["ASKING"])?;
            }
            batch.words(&batch.commands[*index], &mut words);
            pipeline.command(&words)?;
        }
        let mut replies = pipeline.send()?;
        for index in part {
            if group.asking {
                replies.next()?;
            }
            let Some(reply) = replies.next()? else { break };
            let queued: &Queued = &batch.commands[*index];
            let mut one = Answers::default();
            one.take(queued, &reply);
            answers.put(*index, one);
            *answered += 1;
        }
        group.node.give_back(connection);
        Ok(())
    }
}

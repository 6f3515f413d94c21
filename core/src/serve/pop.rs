//! How commands are taken off their queues.

use crate::key::Key;
use crate::resp::request;
use crate::write::Writer;

/// How a command is taken off its queue.
#[derive(Debug, Clone, Copy)]
pub enum Pop<'k> {
    /// `BLPOP`: the first of these queues that has something, waiting for it. A component that
    /// dies behind it takes the command along.
    Take(&'k [Key]),
    /// `BLMOVE`: from the one queue there is into a list of what is at work, waiting for it. The
    /// command stays there until it is answered.
    Move {
        /// The queue.
        queue: &'k Key,
        /// The list of what is at work.
        at_work: &'k Key,
    },
    /// [`MOVE_SCRIPT`]: as `Move`, from the first of several queues that has something, not
    /// waiting: BLMOVE takes one queue only.
    MoveFirst {
        /// What the server calls the script.
        sha: &'k str,
        /// The queues.
        queues: &'k [Key],
        /// For each queue, the list of what is at work.
        at_work: &'k [Key],
    },
}

/// The script of [`Pop::MoveFirst`]: its keys are, for each queue, the queue and the list of what
/// is at work; it returns the queue's number, counted from 0, and the command.
pub const MOVE_SCRIPT: &str = "\
    for i = 1, #KEYS, 2 do \
    local item = redis.call('LMOVE', KEYS[i], KEYS[i + 1], 'LEFT', 'RIGHT') \
    if item then return {(i - 1) / 2, item} end \
    end \
    return false";

impl Pop<'_> {
    pub(super) fn write(&self, w: &mut Writer<'_>, patience: u8) {
        match *self {
            Self::Take(queues) => {
                request::array(w, queues.len() + 2);
                request::bulk(w, b"BLPOP");
                for queue in queues {
                    request::bulk(w, queue.as_bytes());
                }
                request::bulk_number(w, patience.into());
            }
            Self::Move { queue, at_work } => {
                request::array(w, 6);
                request::bulk(w, b"BLMOVE");
                request::bulk(w, queue.as_bytes());
                request::bulk(w, at_work.as_bytes());
                request::bulk(w, b"LEFT");
                request::bulk(w, b"RIGHT");
                request::bulk_number(w, patience.into());
            }
            Self::MoveFirst {
                sha,
                queues,
                at_work,
            } => {
                let keys = 2 * queues.len().min(at_work.len());
                request::array(w, keys + 3);
                request::bulk(w, b"EVALSHA");
                request::bulk(w, sha.as_bytes());
                request::bulk_number(w, i64::try_from(keys).unwrap_or(i64::MAX));
                for (queue, at_work) in queues.iter().zip(at_work) {
                    request::bulk(w, queue.as_bytes());
                    request::bulk(w, at_work.as_bytes());
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::name::{Component, Subqueue, Thread};
    use crate::resp::Reply;

    fn queue(name: &str) -> Key {
        let printer = Component::parse("printer").unwrap();
        Key::commands(printer, Some(Subqueue::parse(name).unwrap())).unwrap()
    }

    fn at_work(name: &str) -> Key {
        let printer = Component::parse("printer").unwrap();
        let subqueue = Subqueue::parse(name).unwrap();
        Key::at_work(Thread::parse("main").unwrap(), printer, Some(subqueue)).unwrap()
    }

    fn words(pop: Pop<'_>) -> std::vec::Vec<std::string::String> {
        let mut buffer = [0; 1024];
        let mut w = Writer::new(&mut buffer);
        pop.write(&mut w, 0);
        let reply = Reply::parse(w.since(0));
        let words = reply.elements().unwrap();
        words
            .map(|word| std::string::String::from_utf8_lossy(word.bytes().unwrap()).into_owned())
            .collect()
    }

    #[test]
    fn commands_are_taken_or_moved() {
        let queues = [queue("cancel"), queue("print")];
        let lists = [at_work("cancel"), at_work("print")];
        assert_eq!(
            words(Pop::Take(&queues)).join(" "),
            "BLPOP queues.commands.printer.cancel queues.commands.printer.print 0"
        );
        let pop = Pop::Move {
            queue: &queues[1],
            at_work: &lists[1],
        };
        assert_eq!(
            words(pop).join(" "),
            "BLMOVE queues.commands.printer.print queues.at-work.main.printer.print LEFT RIGHT 0"
        );
        let pop = Pop::MoveFirst {
            sha: "abc",
            queues: &queues,
            at_work: &lists,
        };
        assert_eq!(
            words(pop).join(" "),
            "EVALSHA abc 4 queues.commands.printer.cancel queues.at-work.main.printer.cancel \
             queues.commands.printer.print queues.at-work.main.printer.print"
        );
    }
}

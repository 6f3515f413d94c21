//! The answers to the parts of a request, as they come, and the one answer they make.

use std::mem;

use redis_ipc_core::resp::{Elements, Reply};

use super::error_reply;
use super::upstream::{no_bulk, write_bulk};
use crate::router::split::{Join, Parts};

#[derive(Debug)]
pub(super) struct Joined {
    left: usize,
    whole: Whole,
    /// The first error.
    error: Option<Vec<u8>>,
    /// Whether a part was done.
    done: bool,
    /// Whether of a part that has failed it is not known that it was not sent.
    unclear: bool,
}

/// What says of a request that it was not sent, and may be sent again.
const NOT_SENT: &[u8] = b"-CLUSTERDOWN ";

/// What the answers so far come to.
#[derive(Debug)]
enum Whole {
    /// OK if all are.
    Ok,
    /// The sum of numbers.
    Sum(i64),
    /// The elements of all arrays as they go out, and how many.
    All(usize, Vec<u8>),
    /// The elements of arrays as they go out, each at its key's place, and which keys each part has.
    Places {
        bulks: Vec<Vec<u8>>,
        parts: Vec<Vec<usize>>,
        /// What stands for one that is not there.
        nothing: &'static [u8],
    },
    /// The one answer of all, names and values in any order.
    Same(Option<Vec<u8>>),
    /// The one answer of all to SCRIPT LOAD, which a server that cannot be asked does not spoil: it
    /// lacks the script, and says so when it is to run it.
    Loaded(Option<Vec<u8>>),
    /// Of each script of a SCRIPT EXISTS, whether all have it, those left out that cannot be asked.
    There(Option<Vec<bool>>),
}

impl Joined {
    /// So many answers that are all to be OK.
    pub(super) fn all_ok(parts: usize) -> Self {
        Self::of(parts, Whole::Ok)
    }

    /// So many answers that are numbers of what there is.
    pub(super) fn sum(parts: usize) -> Self {
        Self::of(parts, Whole::Sum(0))
    }

    /// So many answers that are arrays of what there is.
    pub(super) fn all_of(parts: usize) -> Self {
        Self::of(parts, Whole::All(0, Vec::new()))
    }

    /// So many answers that are to be the same names and values.
    pub(super) fn same(parts: usize) -> Self {
        Self::of(parts, Whole::Same(None))
    }

    /// So many answers to SCRIPT LOAD.
    pub(super) fn loaded(parts: usize) -> Self {
        Self::of(parts, Whole::Loaded(None))
    }

    /// So many answers to SCRIPT EXISTS.
    pub(super) fn there(parts: usize) -> Self {
        Self::of(parts, Whole::There(None))
    }

    /// The answers to the parts of a command of a client that speaks this protocol.
    pub(super) fn new(parts: &Parts, protocol: u8) -> Self {
        let whole = match parts.join {
            Join::Ok => Whole::Ok,
            Join::Sum => Whole::Sum(0),
            Join::Places => Whole::Places {
                bulks: vec![Vec::new(); parts.keys],
                parts: parts.parts.iter().map(|part| part.keys.clone()).collect(),
                nothing: no_bulk(protocol),
            },
        };
        Self::of(parts.parts.len(), whole)
    }

    fn of(left: usize, whole: Whole) -> Self {
        Self {
            left,
            whole,
            error: None,
            done: false,
            unclear: false,
        }
    }

    /// Takes a part's answer; gives the whole when it was the last.
    pub(super) fn take(&mut self, part: usize, frame: &[u8]) -> Option<Vec<u8>> {
        self.left -= 1;
        let reply = Reply::parse(frame);
        if matches!(reply, Reply::Error(_)) {
            self.unclear |= !frame.starts_with(NOT_SENT);
            self.error.get_or_insert_with(|| frame.to_vec());
            return (self.left == 0).then(|| self.answer());
        }
        self.done = true;
        if !self.whole.take(part, frame, &reply) {
            let error = || error_reply(self.whole.otherwise());
            self.error.get_or_insert_with(error);
        }
        (self.left == 0).then(|| self.answer())
    }

    fn answer(&mut self) -> Vec<u8> {
        match (&mut self.whole, self.error.take()) {
            (Whole::Loaded(Some(reply)), _) | (Whole::Same(Some(reply)), None) => mem::take(reply),
            (Whole::There(Some(all)), _) => {
                let there = all.iter().map(|there| format!(":{}\r\n", u8::from(*there)));
                array(all.len(), there)
            }
            (Whole::Ok | Whole::Sum(_), Some(error)) if self.done || self.unclear => {
                in_part(error, self.done)
            }
            (_, Some(error)) => error,
            (Whole::Ok | Whole::Same(None) | Whole::Loaded(None) | Whole::There(None), None) => {
                b"+OK\r\n".to_vec()
            }
            (Whole::Sum(sum), None) => format!(":{sum}\r\n").into_bytes(),
            (Whole::All(count, elements), None) => array(*count, [elements]),
            (Whole::Places { bulks, .. }, None) => array(bulks.len(), bulks),
        }
    }
}

/// The error of a command of which hosts have done their parts, or may have.
fn in_part(error: Vec<u8>, done: bool) -> Vec<u8> {
    let unsent = error.strip_prefix(NOT_SENT);
    if unsent.is_none() && !done {
        return error;
    }
    let words = unsent.unwrap_or(&error[1..]);
    let words = String::from_utf8_lossy(words);
    let others = match done {
        true => "have done",
        false => "may have done",
    };
    error_reply(&format!(
        "{}; other hosts {others} their parts",
        words.trim_end()
    ))
}

impl Whole {
    /// What is said of an answer that is not what it should be.
    fn otherwise(&self) -> &'static str {
        match self {
            Self::Same(_) => "the hosts are not set alike: ask each of them, as a fanout does",
            _ => "a host answered a part of the command with something else",
        }
    }

    /// `false` if the answer is of another kind than it should be.
    fn take(&mut self, part: usize, frame: &[u8], reply: &Reply<'_>) -> bool {
        match (self, reply) {
            (Self::Ok, _) => {}
            (Self::Sum(sum), Reply::Integer(number)) => *sum += number,
            (Self::All(count, all), Reply::Array(elements)) => {
                *count += elements.len();
                let head = frame.iter().position(|byte| *byte == b'\n');
                all.extend_from_slice(&frame[head.map_or(frame.len(), |end| end + 1)..]);
            }
            (
                Self::Places {
                    bulks,
                    parts,
                    nothing,
                },
                Reply::Array(elements),
            ) => return place(bulks, &parts[part], elements.clone(), nothing),
            (Self::Sum(_) | Self::All(..) | Self::Places { .. }, _) => return false,
            (Self::Same(first), _) => {
                let first = first.get_or_insert_with(|| frame.to_vec());
                return settings(&Reply::parse(first)) == settings(reply);
            }
            (Self::Loaded(first), _) => {
                first.get_or_insert_with(|| frame.to_vec());
            }
            (Self::There(all), reply) => {
                let own = reply.clone().elements().into_iter().flatten();
                let own = own.map(|there| there.integer() == Some(1));
                *all = Some(match all.take() {
                    None => own.collect(),
                    Some(all) => all.into_iter().zip(own).map(|(a, b)| a && b).collect(),
                });
            }
        }
        true
    }
}

fn place(
    bulks: &mut [Vec<u8>],
    keys: &[usize],
    elements: Elements<'_>,
    nothing: &'static [u8],
) -> bool {
    let fits = keys.len() == elements.len();
    for (key, element) in keys.iter().zip(elements) {
        bulks[*key] = match element.bytes() {
            Some(bytes) => {
                let mut bulk = Vec::new();
                write_bulk(&mut bulk, bytes);
                bulk
            }
            None => nothing.to_vec(),
        };
    }
    fits
}

/// Names and values in one order.
fn settings<'f>(reply: &Reply<'f>) -> Vec<[Option<&'f [u8]>; 2]> {
    let words = match reply.clone() {
        Reply::Map(words) => Some(words),
        reply => reply.elements(),
    };
    let mut words = words.into_iter().flatten().map(|word| word.bytes());
    let mut pairs = Vec::new();
    while let (Some(name), Some(value)) = (words.next(), words.next()) {
        pairs.push([name, value]);
    }
    pairs.sort_unstable();
    pairs
}

/// An array of elements as they go out.
fn array(count: usize, elements: impl IntoIterator<Item = impl AsRef<[u8]>>) -> Vec<u8> {
    let mut array = format!("*{count}\r\n").into_bytes();
    for element in elements {
        array.extend(element.as_ref());
    }
    array
}

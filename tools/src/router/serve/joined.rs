//! The answers to the parts of a request, as they come, and the one answer they make.

use redis_ipc_core::resp::Reply;

use super::error_reply;
use crate::router::split::{Join, Parts};

#[derive(Debug)]
pub(super) struct Joined {
    join: Join,
    /// Which keys each part has.
    parts: Vec<Vec<usize>>,
    left: usize,
    sum: i64,
    places: Vec<Vec<u8>>,
    error: Option<Vec<u8>>,
    script: Option<Script>,
}

/// What all servers are asked about scripts.
#[derive(Debug)]
enum Script {
    /// The one answer of all, which a server that cannot be asked does not spoil: it lacks the
    /// script, and says so when it is to run it.
    Loaded(Option<Vec<u8>>),
    /// Of each script, whether all have it.
    There(Option<Vec<bool>>),
}

impl Joined {
    /// So many answers that are all to be OK.
    pub(super) fn all_ok(parts: usize) -> Self {
        Self {
            join: Join::Ok,
            parts: Vec::new(),
            left: parts,
            sum: 0,
            places: Vec::new(),
            error: None,
            script: None,
        }
    }

    /// So many answers to SCRIPT LOAD.
    pub(super) fn loaded(parts: usize) -> Self {
        let script = Some(Script::Loaded(None));
        Self {
            script,
            ..Self::all_ok(parts)
        }
    }

    /// So many answers to SCRIPT EXISTS.
    pub(super) fn there(parts: usize) -> Self {
        let script = Some(Script::There(None));
        Self {
            script,
            ..Self::all_ok(parts)
        }
    }

    pub(super) fn new(parts: &Parts) -> Self {
        let places = match parts.join {
            Join::Places => vec![Vec::new(); parts.keys],
            _ => Vec::new(),
        };
        Self {
            join: parts.join,
            left: parts.parts.len(),
            parts: parts.parts.iter().map(|part| part.keys.clone()).collect(),
            sum: 0,
            places,
            error: None,
            script: None,
        }
    }

    /// Takes a part's answer; gives the whole when it was the last.
    pub(super) fn take(&mut self, part: usize, frame: &[u8]) -> Option<Vec<u8>> {
        self.left -= 1;
        let reply = Reply::parse(frame);
        let fits = match (self.join, &reply) {
            (_, Reply::Error(_)) => {
                self.error.get_or_insert_with(|| frame.to_vec());
                true
            }
            (Join::Ok, reply) => {
                if let Some(script) = &mut self.script {
                    script.take(frame, reply);
                }
                true
            }
            (Join::Sum, Reply::Integer(number)) => {
                self.sum += number;
                true
            }
            (Join::Places, Reply::Array(elements)) => self.place(part, elements.clone()),
            _ => false,
        };
        if !fits {
            let error = || error_reply("a host answered a part of the command with something else");
            self.error.get_or_insert_with(error);
        }
        (self.left == 0).then(|| self.whole())
    }

    fn place(&mut self, part: usize, elements: redis_ipc_core::resp::Elements<'_>) -> bool {
        let keys = &self.parts[part];
        let fits = keys.len() == elements.len();
        for (key, element) in keys.iter().zip(elements) {
            self.places[*key] = match element.bytes() {
                Some(bytes) => {
                    let mut bulk = format!("${}\r\n", bytes.len()).into_bytes();
                    bulk.extend(bytes);
                    bulk.extend(b"\r\n");
                    bulk
                }
                None => b"$-1\r\n".to_vec(),
            };
        }
        fits
    }

    fn whole(&mut self) -> Vec<u8> {
        match self.script.take() {
            Some(Script::Loaded(Some(reply))) => return reply,
            Some(Script::There(Some(all))) => {
                let mut whole = format!("*{}\r\n", all.len());
                whole.extend(
                    all.into_iter()
                        .map(|there| if there { ":1\r\n" } else { ":0\r\n" }),
                );
                return whole.into_bytes();
            }
            _ => {}
        }
        if let Some(error) = self.error.take() {
            return error;
        }
        match self.join {
            Join::Ok => b"+OK\r\n".to_vec(),
            Join::Sum => format!(":{}\r\n", self.sum).into_bytes(),
            Join::Places => {
                let mut whole = format!("*{}\r\n", self.places.len()).into_bytes();
                self.places.iter().for_each(|bulk| whole.extend(bulk));
                whole
            }
        }
    }
}

impl Script {
    fn take(&mut self, frame: &[u8], reply: &Reply<'_>) {
        match self {
            Self::Loaded(first) => {
                first.get_or_insert_with(|| frame.to_vec());
            }
            Self::There(all) => {
                let own = reply.clone().elements().into_iter().flatten();
                let own = own.map(|there| there.integer() == Some(1));
                *all = Some(match all.take() {
                    None => own.collect(),
                    Some(all) => all.into_iter().zip(own).map(|(a, b)| a && b).collect(),
                });
            }
        }
    }
}

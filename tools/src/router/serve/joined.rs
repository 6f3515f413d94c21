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
            (Join::Ok, _) => true,
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

//! The commands of a map for one host.

/// Keys that are merged into one command at most: a reply must fit, and others want to be served.
const MOST_MERGED: usize = 1024;

/// Bytes from which on nothing more is merged into a command.
const MOST_MERGED_BYTES: usize = 32 * 1024;

/// Commands in the order in which they were queued; their words in one buffer.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) merges: bool,
    bytes: Vec<u8>,
    /// Where each word ends.
    ends: Vec<usize>,
    pub(super) commands: Vec<Queued>,
    answers: usize,
}

/// One command as it goes out.
#[derive(Debug, Clone, Copy)]
pub(super) struct Queued {
    first: usize,
    words: usize,
    pub(super) kind: Kind,
    /// How many promises it answers.
    pub(super) answers: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Any,
    /// Any, for this host and no other.
    Here,
    Get,
    Set,
}

impl Queued {
    /// The GETs that were merged into this one.
    pub(super) fn parts(self) -> Vec<Self> {
        let one = |word| Self {
            first: self.first + word,
            words: 1,
            answers: 1,
            ..self
        };
        (0..self.words).map(one).collect()
    }
}

impl Batch {
    pub(super) fn new() -> Self {
        Self {
            merges: true,
            bytes: Vec::new(),
            ends: Vec::new(),
            commands: Vec::new(),
            answers: 0,
        }
    }

    pub(super) fn answers(&self) -> usize {
        self.answers
    }

    #[inline]
    pub(super) fn get(&mut self, key: &[u8]) -> usize {
        self.add(Kind::Get, &[key])
    }

    pub(super) fn set(&mut self, key: &[u8], value: &[u8]) -> usize {
        self.add(Kind::Set, &[key, value])
    }

    /// Queues any command; plain GETs and SETs are known as such.
    pub(super) fn command<W: AsRef<[u8]>>(&mut self, words: &[W]) -> usize {
        let is = |name: &str| words[0].as_ref().eq_ignore_ascii_case(name.as_bytes());
        match words {
            [_, key] if is("GET") => self.get(key.as_ref()),
            [_, key, value] if is("SET") => self.set(key.as_ref(), value.as_ref()),
            _ => self.add(Kind::Any, words),
        }
    }

    /// Queues any command for this host, whatever keys it has.
    pub(super) fn command_here<W: AsRef<[u8]>>(&mut self, words: &[W]) -> usize {
        self.add(Kind::Here, words)
    }

    #[inline]
    fn add<W: AsRef<[u8]>>(&mut self, kind: Kind, words: &[W]) -> usize {
        let bytes: usize = words.iter().map(|word| word.as_ref().len()).sum();
        let first = self.ends.len();
        for word in words {
            self.bytes.extend_from_slice(word.as_ref());
            self.ends.push(self.bytes.len());
        }
        self.answers += 1;
        match self.merging(kind, bytes) {
            Some(last) => {
                last.words += words.len();
                last.answers += 1;
            }
            None => self.commands.push(Queued {
                first,
                words: words.len(),
                kind,
                answers: 1,
            }),
        }
        self.answers - 1
    }

    /// The last command if one of that kind, with so many bytes more, can be merged into it.
    fn merging(&mut self, kind: Kind, bytes: usize) -> Option<&mut Queued> {
        if !self.merges || matches!(kind, Kind::Any | Kind::Here) {
            return None;
        }
        let last = self.commands.last()?;
        let start = start_of(&self.ends, last.first);
        let fits = self.bytes.len() - start <= MOST_MERGED_BYTES && bytes <= MOST_MERGED_BYTES;
        let merges = last.kind == kind && last.answers < MOST_MERGED && fits;
        self.commands.last_mut().filter(|_| merges)
    }

    /// The words of a command as it goes out.
    pub(super) fn words<'b>(&'b self, queued: &Queued, into: &mut Vec<&'b [u8]>) {
        into.clear();
        match (queued.kind, queued.answers) {
            (Kind::Any | Kind::Here, _) => {}
            (Kind::Get, 1) => into.push(b"GET"),
            (Kind::Get, _) => into.push(b"MGET"),
            (Kind::Set, 1) => into.push(b"SET"),
            (Kind::Set, _) => into.push(b"MSET"),
        }
        let mut start = start_of(&self.ends, queued.first);
        for end in &self.ends[queued.first..queued.first + queued.words] {
            into.push(&self.bytes[start..*end]);
            start = *end;
        }
    }

    /// Bytes that a command takes on the wire, more or less.
    pub(super) fn size(&self, queued: &Queued) -> usize {
        let end = self.ends[queued.first + queued.words - 1];
        end - start_of(&self.ends, queued.first) + 16 * (queued.words + 1)
    }
}

fn start_of(ends: &[usize], word: usize) -> usize {
    word.checked_sub(1).map_or(0, |before| ends[before])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(batch: &Batch) -> Vec<String> {
        let mut words = Vec::new();
        let text = |queued| {
            batch.words(queued, &mut words);
            let words = words.iter().map(|word| String::from_utf8_lossy(word));
            words.collect::<Vec<_>>().join(" ")
        };
        batch.commands.iter().map(text).collect()
    }

    fn queue(batch: &mut Batch) {
        for line in [
            "GET a",
            "get b",
            "INCR c",
            "GET d",
            "SET e 1",
            "SET f 2",
            "SET g 3 EX 9",
        ] {
            batch.command(&line.split(' ').collect::<Vec<_>>());
        }
    }

    #[test]
    fn adjacent_gets_and_sets_are_merged() {
        let mut batch = Batch::new();
        queue(&mut batch);
        let merged = [
            "MGET a b",
            "INCR c",
            "GET d",
            "MSET e 1 f 2",
            "SET g 3 EX 9",
        ];
        assert_eq!(sent(&batch), merged);
        assert_eq!(batch.answers(), 7);
    }

    #[test]
    fn merging_can_be_turned_off_and_has_a_limit() {
        let mut batch = Batch::new();
        batch.merges = false;
        queue(&mut batch);
        assert_eq!(batch.commands.len(), 7);

        let mut batch = Batch::new();
        for _ in 0..=MOST_MERGED {
            batch.get(b"k");
        }
        batch.set(b"k", &[b'x'; 40_000]);
        batch.set(b"k", b"x");
        let answers: Vec<_> = batch.commands.iter().map(|queued| queued.answers).collect();
        assert_eq!(answers, [MOST_MERGED, 1, 1, 1]);
    }
}

//! What arrives at a server, command by command.

use crate::client::Client;

/// A listener to all commands, whoever sends them.
///
/// Redis shows no HELLO, no AUTH and no EVAL here, and a command only once it
/// has been executed or begun to wait.
#[derive(Debug)]
pub struct Monitor {
    listener: Client,
    marker: Client,
    markers: u32,
}

/// A command as it arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// Its name and arguments.
    pub words: Vec<Vec<u8>>,
    /// Whether a script ran it.
    pub from_script: bool,
}

impl Arrival {
    /// The words with blanks between them, for comparing; bytes that are not
    /// UTF-8 become U+FFFD.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.words.join(&b' ')).into_owned()
    }
}

impl Monitor {
    pub(crate) fn start(mut listener: Client, marker: Client) -> Self {
        assert_eq!(listener.command(&["MONITOR"]), "OK");
        Self {
            listener,
            marker,
            markers: 0,
        }
    }

    /// All that arrived since the last look, without waiting for more.
    ///
    /// # Panics
    /// If the server is gone.
    #[track_caller]
    pub fn arrivals(&mut self) -> Vec<Arrival> {
        self.markers += 1;
        let last = format!("end of look {}", self.markers);
        self.marker.command(&["ECHO", &last]);
        let mut arrivals = Vec::new();
        loop {
            let arrival = parse(&self.listener.receive().text());
            if arrival.words == [b"ECHO", last.as_bytes()] {
                return arrivals;
            }
            arrivals.push(arrival);
        }
    }

    /// Waits for a command whose text is wanted, and returns it; those before it are gone.
    ///
    /// # Panics
    /// If it does not come within the client's patience.
    #[track_caller]
    pub fn until(&mut self, wanted: impl Fn(&str) -> bool) -> String {
        loop {
            let text = parse(&self.listener.receive().text()).text();
            if wanted(&text) {
                return text;
            }
        }
    }

    /// The same as texts, see [`Arrival::text`].
    ///
    /// # Panics
    /// If the server is gone.
    #[track_caller]
    pub fn texts(&mut self) -> Vec<String> {
        self.arrivals().iter().map(Arrival::text).collect()
    }
}

/// `1339518083.107412 [0 unix:/path] "keys" "*"`
fn parse(line: &str) -> Arrival {
    let (_, rest) = line.split_once(" [").expect("a time in front");
    let (origin, words) = rest.split_once("] ").expect("an origin in brackets");
    Arrival {
        words: unquote(words.as_bytes()),
        from_script: origin.ends_with(" lua"),
    }
}

/// Words in quotes, with `\"`, `\\`, `\n`, `\r`, `\t`, `\a`, `\b` and `\xHH`.
fn unquote(text: &[u8]) -> Vec<Vec<u8>> {
    let mut words = Vec::new();
    let mut word: Option<Vec<u8>> = None;
    let mut bytes = text.iter().copied();
    while let Some(byte) = bytes.next() {
        match (byte, word.as_mut()) {
            (b'"', None) => word = Some(Vec::new()),
            (b'"', Some(_)) => words.extend(word.take()),
            (b'\\', Some(word)) => word.push(escaped(&mut bytes)),
            (other, Some(word)) => word.push(other),
            (_, None) => {}
        }
    }
    words
}

fn escaped(bytes: &mut impl Iterator<Item = u8>) -> u8 {
    match bytes.next().expect("a byte behind a backslash") {
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'a' => 7,
        b'b' => 8,
        b'x' => {
            let digits: String = bytes.take(2).map(char::from).collect();
            u8::from_str_radix(&digits, 16).expect("two digits behind \\x")
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use crate::server::Server;

    #[test]
    fn commands_are_seen_once_and_in_order() {
        let server = Server::start();
        let mut monitor = server.monitor();
        let mut client = server.client();
        client.command(&["SET", "key", "some text"]);
        client.command(&["GET", "key"]);
        assert_eq!(monitor.texts(), ["SET key some text", "GET key"]);
        assert!(monitor.texts().is_empty());
    }

    #[test]
    fn words_of_any_bytes_come_back_as_they_were_sent() {
        let server = Server::start();
        let mut monitor = server.monitor();
        let every: Vec<u8> = (0..=255).collect();
        server.cli(&[b"ECHO", every.as_slice(), b""]);
        server.cli(&[b"ECHO", every.as_slice()]);
        let arrivals = monitor.arrivals();
        assert_eq!(arrivals.len(), 1, "a refused command is not seen");
        assert_eq!(arrivals[0].words, [b"ECHO", every.as_slice()]);
    }

    #[test]
    fn what_a_script_does_is_marked() {
        let server = Server::start();
        let mut monitor = server.monitor();
        server.cli(&["EVAL", "return redis.call('INCR', KEYS[1])", "1", "n"]);
        let arrivals = monitor.arrivals();
        let incr = arrivals.iter().find(|a| a.text() == "INCR n").unwrap();
        assert!(incr.from_script);
    }
}

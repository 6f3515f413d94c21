//! What a node of a Redis Cluster says when it does not do a command.
//!
//! Source of the rules: the cluster specification at
//! <https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/>, "Redirection and
//! resharding".

/// Another node is to be asked, or the same once more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Redirect<'w> {
    /// The slot is another node's: `host`, which is empty for the host that says so, and port.
    Moved(&'w str, u16),
    /// The slot is on its way, and this key has arrived there; only this command is meant.
    Ask(&'w str, u16),
    /// It will be clear soon: keys of one command are on their way, the slot has no node for the
    /// time being, the node is starting, or it was a master and is none any longer.
    Later,
}

impl<'w> Redirect<'w> {
    /// Reads an error's words, without the `-`; `None` if they say nothing of the kind.
    pub(crate) fn read(words: &'w str) -> Option<Self> {
        let mut parts = words.split_ascii_whitespace();
        let code = parts.next()?;
        match code {
            "MOVED" | "ASK" => {
                // An IPv6 address stands there without brackets.
                let (host, port) = parts.nth(1)?.rsplit_once(':')?;
                let port = port.parse().ok()?;
                Some(match code {
                    "MOVED" => Self::Moved(host, port),
                    _ => Self::Ask(host, port),
                })
            }
            "TRYAGAIN" | "CLUSTERDOWN" | "LOADING" | "MASTERDOWN" | "READONLY" => Some(Self::Later),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_a_node_are_understood() {
        for (words, redirect) in [
            (
                "MOVED 3999 127.0.0.1:6381",
                Some(Redirect::Moved("127.0.0.1", 6381)),
            ),
            ("MOVED 3999 :6381", Some(Redirect::Moved("", 6381))),
            ("ASK 1 ::1:7000", Some(Redirect::Ask("::1", 7000))),
            (
                "TRYAGAIN Multiple keys request during rehashing of slot",
                Some(Redirect::Later),
            ),
            ("CLUSTERDOWN The cluster is down", Some(Redirect::Later)),
            ("MOVED 3999", None),
            ("MOVED 3999 127.0.0.1:port", None),
            ("WRONGTYPE Operation", None),
            ("", None),
        ] {
            assert_eq!(Redirect::read(words), redirect, "{words}");
        }
    }
}

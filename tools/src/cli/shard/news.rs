//! Hosts for a router that is running, from a file that changes.

use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::thread;
use std::time::{Duration, Instant};

use crate::output::Output;
use crate::router::{CheckError, Cluster, ConfigError, Followed};

/// How long a file stays as it is before it is read: an editor may have written half of it.
const PAUSE: Duration = Duration::from_millis(90);

/// The news of a file that is followed.
#[derive(Debug)]
pub(super) struct News {
    followed: Followed,
    /// When it was looked at last.
    looked: Instant,
    /// What the file is called.
    name: String,
    /// What is in use: its text, and whether that is a Redis Cluster.
    text: String,
    is_redis_cluster: bool,
    /// Others, while their hosts are looked at: that takes its time where one is away.
    checking: Option<Checking>,
    /// Others that were handed out.
    handed: Option<Handed>,
    output: Output,
}

#[derive(Debug)]
struct Checking {
    text: String,
    checked: Receiver<Checked>,
}

/// Hosts with what is told of them, or why they are none.
type Checked = Result<(Cluster, Vec<String>), String>;

#[derive(Debug)]
struct Handed {
    text: String,
    /// What is told once they are in use.
    notes: Vec<String>,
}

impl News {
    /// `cluster` is what the text says that is in use.
    pub(super) fn new(
        followed: Followed,
        name: String,
        text: String,
        cluster: &Cluster,
        output: Output,
    ) -> Self {
        Self {
            followed,
            looked: Instant::now(),
            name,
            text,
            is_redis_cluster: cluster.is_redis_cluster(),
            checking: None,
            handed: None,
            output,
        }
    }

    /// Other hosts, if there are any. When it is called again, they are in use. Blocks for no longer
    /// than to read a file.
    pub(super) fn next(&mut self) -> Option<Cluster> {
        if let Some(handed) = self.handed.take() {
            self.followed.adopted();
            self.text = handed.text;
            handed.notes.iter().for_each(|note| self.output.note(note));
        }
        if let Some(text) = self.look() {
            // Whatever is looked at was before that.
            self.checking = None;
            match text {
                Ok(text) if text == self.text => self.followed.adopted(),
                Ok(text) => self.checking = Some(self.check(text)),
                Err(error) => self.refuse(&error.to_string()),
            }
        }
        let checked = match self.checking.as_ref()?.checked.try_recv() {
            Err(TryRecvError::Empty) => return None,
            checked => checked.unwrap_or_else(|_| Err("its hosts cannot be looked at".to_owned())),
        };
        let text = self.checking.take()?.text;
        match checked {
            Ok((cluster, notes)) => {
                self.handed = Some(Handed { text, notes });
                Some(cluster)
            }
            Err(why) => {
                self.refuse(&why);
                None
            }
        }
    }

    /// What the file has become, if its turn has come.
    fn look(&mut self) -> Option<Result<String, ConfigError>> {
        if self.looked.elapsed() < PAUSE {
            return None;
        }
        self.looked = Instant::now();
        self.followed.look()
    }

    /// Looks at hosts on a thread of its own.
    fn check(&self, text: String) -> Checking {
        let (send, checked) = channel();
        let (name, is_redis_cluster) = (self.name.clone(), self.is_redis_cluster);
        let own = text.clone();
        // Where nobody wants to know any more, there is news.
        thread::spawn(move || send.send(check(&name, &own, is_redis_cluster)));
        Checking { text, checked }
    }

    fn refuse(&self, why: &str) {
        let note = format!("{why}; the router goes on with the former hosts");
        self.output.note(&note);
    }
}

/// Whether the hosts are a cluster that may come into the place of another, and which are away.
fn check(name: &str, text: &str, was_redis_cluster: bool) -> Checked {
    let cluster = Cluster::from_toml(name, text).map_err(|error| error.to_string())?;
    if was_redis_cluster || cluster.is_redis_cluster() {
        return Err(format!(
            "{name}: hosts that a Redis Cluster names, or named, are not exchanged for others \
             without a new start"
        ));
    }
    let mut notes = vec![format!("serving {} from now on", hosts(&cluster))];
    for (_, fault) in look(&cluster) {
        match fault {
            CheckError::Hosts(error) => return Err(format!("{name}: {error}")),
            fault @ CheckError::Host(_) => notes.push(fault.to_string()),
        }
    }
    Ok((cluster, notes))
}

/// What is wrong with hosts, by their numbers.
pub(super) type Faults = Vec<(u32, CheckError)>;

/// Looks at all hosts, and has those that are there tell of their commands meanwhile.
pub(super) fn look(cluster: &Cluster) -> Faults {
    thread::scope(|scope| {
        scope.spawn(|| cluster.learn_commands());
        all(cluster).faults()
    })
}

/// All hosts, with those that join.
fn all(cluster: &Cluster) -> &Cluster {
    cluster.next().unwrap_or(cluster)
}

/// How many hosts there are, for people.
pub(super) fn hosts(cluster: &Cluster) -> String {
    let there = cluster.hosts().len();
    let joining = all(cluster).hosts().len() - there;
    let hosts = match there {
        1 => "1 host".to_owned(),
        there => format!("{there} hosts"),
    };
    match joining {
        0 => hosts,
        joining => format!("{hosts} ({joining} joining)"),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// Two hosts that are away, and how many join them.
    fn text(joining: usize) -> String {
        let heads = ["host", "host", "joining", "joining"]
            .iter()
            .take(2 + joining);
        let host = |(id, head)| format!("[[{head}]]\nid = {id}\naddress = \"/no/such/{id}\"\n");
        heads.enumerate().map(host).collect()
    }

    fn news(path: &std::path::Path) -> (News, Cluster) {
        let (followed, text) = Followed::open(path).unwrap();
        let cluster = Cluster::from_toml("hosts.toml", &text).unwrap();
        let name = "hosts.toml".to_owned();
        let news = News::new(followed, name, text, &cluster, Output::new(false));
        (news, cluster)
    }

    /// Asks until there is something.
    fn wait<T>(mut ask: impl FnMut() -> Option<T>) -> T {
        let until = Instant::now() + Duration::from_secs(20);
        loop {
            if let Some(found) = ask() {
                return found;
            }
            assert!(Instant::now() < until, "nothing is new");
            thread::sleep(Duration::from_millis(1));
        }
    }

    #[test]
    fn hosts_are_handed_out_once_and_those_that_are_none_are_not() {
        let path = std::env::temp_dir().join(format!("news-{}.toml", std::process::id()));
        let write = |text: &str| fs::write(&path, text).unwrap();
        write(&text(0));
        let (mut news, _) = news(&path);
        assert!(news.next().is_none());
        write(&text(1));
        let cluster = wait(|| news.next());
        assert_eq!(all(&cluster).hosts().len(), 3);
        assert_eq!(hosts(&cluster), "2 hosts (1 joining)");
        assert!(news.next().is_none() && news.text == text(1));
        // What is broken is neither handed out nor in the way of what comes after.
        write("[[host]\n");
        let broken = wait(|| news.look()).unwrap();
        news.checking = Some(news.check(broken));
        wait(|| {
            assert!(news.next().is_none());
            news.checking.is_none().then_some(())
        });
        write(&text(2));
        assert_eq!(all(&wait(|| news.next())).hosts().len(), 4);
        fs::remove_file(&path).unwrap();
    }
}

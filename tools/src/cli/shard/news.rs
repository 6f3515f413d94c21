//! Hosts for a router that is running, from a file that changes.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, TryRecvError, channel};
use std::thread;
use std::time::Duration;

use crate::output::Output;
use crate::router::{CheckError, Cluster, ConfigError, Followed};

/// How long a file stays as it is before it is read: an editor may have written half of it.
const PAUSE: Duration = Duration::from_millis(90);

/// What a file has become.
type Found = Result<String, ConfigError>;

/// The news of a file that is followed.
#[derive(Debug)]
pub(super) struct News {
    found: Receiver<Found>,
    /// Where it is told what is in use.
    adopted: Sender<String>,
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
        let (found, adopted) = follow(followed);
        Self {
            found,
            adopted,
            name,
            text,
            is_redis_cluster: cluster.is_redis_cluster(),
            checking: None,
            handed: None,
            output,
        }
    }

    /// Other hosts, if there are any. When it is called again, they are in use. Does not block.
    pub(super) fn next(&mut self) -> Option<Cluster> {
        if let Some(handed) = self.handed.take() {
            self.text = handed.text;
            self.tell_adopted();
            handed.notes.iter().for_each(|note| self.output.note(note));
        }
        while let Ok(found) = self.found.try_recv() {
            // Whatever is looked at was before that.
            self.checking = None;
            match found {
                Ok(text) if text == self.text => self.tell_adopted(),
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

    fn tell_adopted(&self) {
        // Who follows the file does so as long as we are there.
        let _ = self.adopted.send(self.text.clone());
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

/// Follows a file on a thread of its own: what is put there has to be noticed also while the router is
/// kept from going by what was put there before, by hosts that stand still. Says what it becomes, and
/// is told what is in use.
fn follow(mut followed: Followed) -> (Receiver<Found>, Sender<String>) {
    let ((tell, found), (adopted, told)) = (channel(), channel::<String>());
    thread::spawn(move || {
        loop {
            match told.recv_timeout(PAUSE) {
                Ok(text) => followed.adopted(&text),
                Err(RecvTimeoutError::Timeout) => {
                    // Nobody hears it any more: then that is told, too.
                    followed.look().map(|found| tell.send(found));
                }
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    });
    (found, adopted)
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
        cluster.with_joining().faults()
    })
}

/// How many hosts there are, for people.
pub(super) fn hosts(cluster: &Cluster) -> String {
    let there = cluster.hosts().len();
    let joining = cluster.with_joining().hosts().len() - there;
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
    use std::fs::{self, File};
    use std::time::Instant;

    use redis_ipc_tests::folder::Folder;
    use rustix::fs::{FlockOperation, flock};

    use super::*;

    /// Two hosts that are away, and how many join them.
    fn text(joining: usize) -> String {
        let heads = ["host", "host", "joining", "joining"]
            .iter()
            .take(2 + joining);
        let host = |(id, head)| format!("[[{head}]]\nid = {id}\naddress = \"/no/such/{id}\"\n");
        heads.enumerate().map(host).collect()
    }

    /// Asks until there is something.
    #[track_caller]
    fn wait<T>(mut ask: impl FnMut() -> Option<T>) -> T {
        let until = Instant::now() + Duration::from_secs(60);
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
        let ((tell, found), (adopted, told)) = (channel(), channel());
        let mut news = News {
            found,
            adopted,
            name: "hosts.toml".to_owned(),
            text: text(0),
            is_redis_cluster: false,
            checking: None,
            handed: None,
            output: Output::new(false),
        };
        let put = |text: &str| tell.send(Ok(text.to_owned())).unwrap();
        assert!(news.next().is_none());
        put(&text(1));
        let cluster = wait(|| news.next());
        assert_eq!(cluster.with_joining().hosts().len(), 3);
        assert_eq!(hosts(&cluster), "2 hosts (1 joining)");
        assert!(told.try_recv().is_err(), "it is not in use yet");
        assert!(news.next().is_none());
        assert_eq!(told.try_recv(), Ok(text(1)));
        // What is broken is neither handed out nor in the way of what comes after.
        put("[[host]\n");
        wait(|| {
            assert!(news.next().is_none());
            news.checking.is_none().then_some(())
        });
        put(&text(2));
        put("[[host]\n");
        put(&text(2));
        let cluster = wait(|| news.next());
        assert_eq!(cluster.with_joining().hosts().len(), 4);
        // What was in use before and is so again is not handed out anew.
        news.next();
        put(&text(2));
        assert!(news.next().is_none() && news.checking.is_none());
        assert_eq!(told.try_iter().collect::<Vec<_>>(), [text(2), text(2)]);
    }

    #[test]
    fn a_file_is_held_on_to_also_while_nobody_asks_for_news() {
        let folder = Folder::new();
        let path = folder.join("hosts");
        let put = |text: &str| {
            let new = folder.join("new");
            fs::write(&new, text).unwrap();
            fs::rename(&new, &path).unwrap();
            File::open(&path).unwrap()
        };
        let is_free = |file: &File| {
            let locked = flock(file, FlockOperation::NonBlockingLockExclusive).is_ok();
            flock(file, FlockOperation::Unlock).unwrap();
            locked
        };
        let first = put("a");
        let (found, adopted) = follow(Followed::open(&path).unwrap().0);
        let mut files = Vec::new();
        for text in ["b", "c"] {
            files.push(put(text));
            let read = found.recv_timeout(Duration::from_secs(60)).unwrap();
            assert_eq!(read, Ok(text.to_owned()));
        }
        assert!(!is_free(&first) && files.iter().all(|file| !is_free(file)));
        // The router goes by what it was given first.
        adopted.send("b".to_owned()).unwrap();
        wait(|| is_free(&first).then_some(()));
        assert!(files.iter().all(|file| !is_free(file)));
        drop(adopted);
        wait(|| files.iter().all(is_free).then_some(()));
    }
}

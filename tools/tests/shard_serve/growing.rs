//! Hosts that join while the router serves.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};

use redis_ipc::Stop;
use redis_ipc_tests::client::Client;
use redis_ipc_tests::value::Value;
use redis_ipc_tools::farm::Farm;
use redis_ipc_tools::router::{Cluster, Options, Placement, moving};

use super::router::Router;

/// A router that is told of other hosts. It ends before its servers do.
struct Following {
    process: Router,
    tell: Sender<Cluster>,
    settled: Receiver<()>,
    farm: Farm,
}

impl Following {
    fn start(farm: Farm, cluster: &Cluster) -> Self {
        let ((tell, told), (say, settled)) = (channel(), channel());
        let mut given = false;
        let news = move || {
            if std::mem::take(&mut given) {
                say.send(()).unwrap();
            }
            let cluster = told.try_recv().ok();
            given = cluster.is_some();
            cluster
        };
        Self {
            process: Router::following(cluster, farm.folder(), news),
            tell,
            settled,
            farm,
        }
    }

    /// Until they are in use.
    fn change(&self, cluster: &Cluster) {
        self.tell.send(cluster.clone()).unwrap();
        self.settled.recv().unwrap();
    }

    fn client(&self) -> Client {
        self.process.client()
    }

    fn direct(&self, server: usize) -> Client {
        Client::connect(&self.farm.socket(server)).unwrap()
    }
}

/// A farm's hosts but for the last; those, when the last one joins; all.
fn stages(farm: &Farm) -> [Cluster; 3] {
    let all = farm.hosts();
    let (last, first) = all.split_last().unwrap();
    let of = |hosts: &[_], joining: &[_]| {
        let options = Options::default();
        Cluster::growing(hosts.to_vec(), joining, Placement::Partition, options).unwrap()
    };
    let joining = std::slice::from_ref(last);
    [of(first, &[]), of(first, joining), of(&all, &[])]
}

/// Keys that leave a host, by its number.
fn leaving(cluster: &Cluster, host: u32) -> impl Iterator<Item = String> {
    let (cluster, next) = (cluster.clone(), cluster.next().unwrap().clone());
    let keys = (0..).map(|number| format!("key {number}"));
    keys.filter(move |key| cluster.host_of(key) == host && next.host_of(key) != host)
}

/// What a client of the router believes of the keys that are its own.
struct Believer {
    client: Client,
    name: usize,
    state: u32,
    counters: Vec<i64>,
    lists: Vec<Vec<String>>,
}

impl Believer {
    const KEYS: usize = 40;

    fn new(client: Client, name: usize) -> Self {
        Self {
            client,
            name,
            state: 1 + u32::try_from(name).unwrap(),
            counters: vec![0; Self::KEYS],
            lists: vec![Vec::new(); Self::KEYS],
        }
    }

    fn any(&mut self, count: usize) -> usize {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 17;
        self.state ^= self.state << 5;
        self.state as usize % count
    }

    fn counter(&self, n: usize) -> String {
        format!("counter {} {n}", self.name)
    }

    fn list(&self, n: usize) -> String {
        format!("list {} {n}", self.name)
    }

    /// Does one thing with keys of its own, and looks whether it comes to what it should.
    fn act(&mut self) {
        let (n, m) = (self.any(Self::KEYS), self.any(Self::KEYS));
        let (counter, other, list) = (self.counter(n), self.counter(m), self.list(n));
        match self.any(7) {
            0 | 1 => {
                self.counters[n] += 1;
                let count = self.client.command(&["INCR", &counter]);
                assert_eq!(count, self.counters[n], "{counter}");
            }
            2 => {
                let was =
                    i64::from(self.counters[n] != 0) + i64::from(m != n && self.counters[m] != 0);
                (self.counters[n], self.counters[m]) = (0, 0);
                let keys = [&counter, &other];
                let keys = if n == m { &keys[..1] } else { &keys };
                let words = [
                    &["DEL"],
                    &keys.iter().map(|key| key.as_str()).collect::<Vec<_>>()[..],
                ];
                assert_eq!(
                    self.client.command(&words.concat()),
                    was,
                    "{counter} {other}"
                );
            }
            3 => {
                self.client.send(&["GET", &counter]);
                self.client.send(&["MGET", &counter, &other]);
                let got = self.client.receive();
                self.check(n, &got);
                let both = self.client.receive();
                self.check(n, &both.items()[0]);
                self.check(m, &both.items()[1]);
            }
            4 | 5 => {
                let item = self.any(1000).to_string();
                self.lists[n].push(item.clone());
                let length = self.client.command(&["RPUSH", &list, &item]);
                assert_eq!(
                    length,
                    i64::try_from(self.lists[n].len()).unwrap(),
                    "{list}"
                );
            }
            _ if self.lists[n].is_empty() => {}
            _ => {
                let item = self.lists[n].remove(0);
                let got = self.client.command(&["BLPOP", &list, &self.list(m), "0"]);
                assert_eq!(got.texts(), [list, item]);
            }
        }
    }

    fn check(&self, n: usize, got: &Value) {
        match self.counters[n] {
            0 => assert_eq!(*got, Value::Nil, "{}", self.counter(n)),
            count => assert_eq!(*got, count.to_string().as_str(), "{}", self.counter(n)),
        }
    }

    /// Looks at all keys through a cluster.
    fn check_all(&self, cluster: &Cluster) {
        for n in 0..Self::KEYS {
            let count = cluster.command(&["GET", &self.counter(n)]).unwrap();
            let count = count
                .bytes()
                .map(|text| String::from_utf8_lossy(text).into_owned());
            let believed = Some(self.counters[n]).filter(|count| *count != 0);
            assert_eq!(count, believed.map(|count| count.to_string()));
            let length = cluster.command(&["LLEN", &self.list(n)]).unwrap();
            assert_eq!(length.integer(), i64::try_from(self.lists[n].len()).ok());
        }
    }
}

#[test]
fn clients_of_the_router_notice_nothing_of_a_host_that_joins() {
    let farm = Farm::start(4, 1).unwrap();
    let [before, growing, after] = stages(&farm);
    let router = Following::start(farm, &before);
    let mut filler = router.client();
    for n in 0..3000 {
        filler.send(&["SET", &format!("still {n}"), "x"]);
    }
    (0..3000).for_each(|_| assert_eq!(filler.receive(), "OK"));
    let done = AtomicBool::new(false);
    let believers: Vec<Believer> = std::thread::scope(|scope| {
        let work = |name| {
            let (mut believer, done) = (Believer::new(router.client(), name), &done);
            (0..500).for_each(|_| believer.act());
            scope.spawn(move || {
                while !done.load(Ordering::Relaxed) {
                    believer.act();
                }
                (0..500).for_each(|_| believer.act());
                believer
            })
        };
        let working: Vec<_> = (0..3).map(work).collect();
        router.change(&growing);
        let journal = router.farm.folder().join("journal");
        let moved = moving::run(&growing, &journal, &Stop::new(), |_| ());
        router.change(&after);
        done.store(true, Ordering::Relaxed);
        let moved = moved.unwrap();
        assert!(moved.moved > 1000 && moved.left == 0, "{moved:?}");
        let ended = working.into_iter().map(|thread| thread.join().unwrap());
        ended.collect()
    });
    believers.iter().for_each(|one| one.check_all(&after));
}

#[test]
fn a_key_is_used_where_it_was_and_made_where_it_will_be() {
    let farm = Farm::start(2, 1).unwrap();
    let [_, growing, _] = stages(&farm);
    let router = Following::start(farm, &growing);
    let (mut client, mut old, mut new) = (router.client(), router.direct(0), router.direct(1));
    let keys: Vec<String> = leaving(&growing, 0).take(4).collect();
    let [key, copied, fresh, queue] = &keys[..] else {
        unreachable!()
    };
    // There already, one of them with a copy that a move has made.
    old.command(&["SET", key, "1"]);
    old.command(&["SET", copied, "2"]);
    new.command(&["SET", copied, "2"]);
    assert_eq!(client.command(&["INCR", key]), 2);
    let values = client.command(&["MGET", key, copied, fresh]);
    assert_eq!(values.items()[..2], ["2", "2"]);
    assert_eq!(values.items()[2], Value::Nil);
    assert_eq!(new.command(&["EXISTS", key]), 0);
    assert_eq!(client.command(&["SET", fresh, "3"]), "OK");
    assert_eq!(old.command(&["EXISTS", fresh]), 0);
    assert_eq!(new.command(&["GET", fresh]), "3");
    // A copy goes with its key.
    assert_eq!(client.command(&["DEL", copied, fresh]), 2);
    for server in [&mut old, &mut new] {
        assert_eq!(server.command(&["EXISTS", copied, fresh]), 0);
    }
    assert_eq!(client.command(&["MSET", key, "4", fresh, "5"]), "OK");
    assert_eq!(old.command(&["MGET", key, fresh]).items()[0], "4");
    assert_eq!(new.command(&["MGET", key, fresh]).items()[1], "5");
    // Errors and answers of all kinds come as they are.
    assert!(
        client
            .command(&["LPUSH", key, "x"])
            .text()
            .starts_with("WRONGTYPE")
    );
    assert!(
        client
            .command(&["SET", key, "x", "NONSENSE"])
            .text()
            .contains("syntax")
    );
    assert_eq!(client.command(&["SET", key, "6", "GET"]), "4");
    let (mut newer, mut direct) = (router.client(), router.direct(0));
    for client in [&mut newer, &mut direct] {
        client.command(&["HELLO", "3"]);
    }
    old.command(&["DEL", key]);
    old.command(&["HSET", key, "field", "value"]);
    let hash = newer.command(&["HGETALL", key]);
    assert_eq!(hash, direct.command(&["HGETALL", key]));
    assert_ne!(hash, client.command(&["HGETALL", key]), "RESP3 has maps");
    assert_eq!(newer.command(&["HDEL", key, "field"]), 1);
    // Pops empty the old place first, then wait at the new one.
    old.command(&["RPUSH", queue, "first"]);
    assert_eq!(
        client.command(&["BLPOP", queue, key, "0"]).texts(),
        [queue, "first"]
    );
    client.send(&["BLPOP", queue, "0"]);
    client.send(&["PING"]);
    let mut other = router.client();
    while other.command(&["RPUSH", queue, "second"]) != 1 {}
    assert_eq!(client.receive().texts(), [queue, "second"]);
    assert_eq!(client.receive(), "PONG");
}

#[test]
fn of_keys_on_their_way_no_two_are_used_at_one_moment() {
    let farm = Farm::start(2, 1).unwrap();
    let [_, growing, _] = stages(&farm);
    let router = Following::start(farm, &growing);
    let mut client = router.client();
    let keys: Vec<String> = leaving(&growing, 0).take(2).collect();
    for words in [
        &["RENAME", &keys[0], &keys[1]][..],
        &["WATCH", &keys[0]],
        &["SINTER", &keys[0], &keys[1]],
    ] {
        let refused = client.command(words).text();
        let (moves, joins) = ("way to another host", "hosts are joining");
        assert!(
            refused.contains(moves) || refused.contains(joins),
            "{refused}"
        );
    }
    assert_eq!(client.command(&["MULTI"]), "OK");
    assert!(client.command(&["SET", &keys[0], "1"]).is_error());
    assert!(client.command(&["EXEC"]).text().starts_with("EXECABORT"));
    let refused = client.command(&["MSET", &keys[0], "1", &keys[1]]).text();
    assert!(refused.contains("number of words"), "{refused}");
}

#[test]
fn a_host_that_is_gone_while_others_join_costs_its_own_keys_only() {
    let farm = Farm::start(3, 1).unwrap();
    let [_, growing, _] = stages(&farm);
    let mut router = Following::start(farm, &growing);
    let mut client = router.client();
    let [mut there, mut gone] = [0, 1].map(|host| leaving(&growing, host));
    let (there, gone) = (there.next().unwrap(), gone.next().unwrap());
    for key in [&there, &gone] {
        assert_eq!(client.command(&["SET", key, "1"]), "OK");
    }
    router.farm.kill(1);
    let error = client.command(&["GET", &gone]).text();
    assert!(error.contains("host 1 ("), "{error}");
    assert_eq!(client.command(&["GET", &there]), "1");
    let error = client.command(&["MGET", &there, &gone]).text();
    assert!(error.contains("host 1 ("), "{error}");
    router.farm.restart(1).unwrap();
    while client.command(&["SET", &gone, "2"]).is_error() {}
    assert_eq!(client.command(&["MGET", &there, &gone]).texts(), ["1", "2"]);
}

#[test]
fn whoever_watches_or_listens_where_hosts_change_begins_anew() {
    let farm = Farm::start(2, 1).unwrap();
    let [before, growing, after] = stages(&farm);
    let router = Following::start(farm, &before);
    let (mut listens, mut watches) = (router.client(), router.client());
    let (mut queues, mut calm) = (router.client(), router.client());
    listens.command(&["SUBSCRIBE", "news"]);
    watches.command(&["WATCH", "a"]);
    queues.command(&["MULTI"]);
    queues.command(&["SET", "a", "1"]);
    calm.command(&["BLPOP", "a", "0.001"]);
    router.change(&growing);
    for client in [&mut listens, &mut watches] {
        while client.try_receive().is_ok() {}
    }
    assert!(queues.command(&["EXEC"]).text().starts_with("EXECABORT"));
    for client in [&mut queues, &mut calm] {
        assert_eq!(client.command(&["PING"]), "PONG");
    }
    // Now it is known where all will be: nothing changes for anybody.
    let mut listens = router.client();
    listens.command(&["SUBSCRIBE", "news"]);
    router.change(&after);
    assert_eq!(calm.command(&["PUBLISH", "news", "hello"]), 1);
    assert_eq!(listens.receive().texts(), ["message", "news", "hello"]);
}

#[test]
fn whoever_waits_for_an_item_waits_where_it_will_come() {
    let farm = Farm::start(3, 1).unwrap();
    let [before, growing, _] = stages(&farm);
    let router = Following::start(farm, &before);
    let [mut one, mut two] = [0, 1].map(|host| leaving(&growing, host));
    let (one, two) = (one.next().unwrap(), two.next().unwrap());
    // A single host's, and one of several.
    let (mut waits, mut gathers, mut other) = (router.client(), router.client(), router.client());
    waits.send(&["GET", &one]);
    waits.send(&["BLPOP", &one, "0"]);
    waits.send(&["PING"]);
    gathers.send(&["BLPOP", &two, "never", &format!("{two} too"), "0"]);
    assert_eq!(waits.receive(), Value::Nil);
    router.change(&growing);
    for key in [&one, &two] {
        assert_eq!(other.command(&["RPUSH", key, "item"]).integer(), 1);
    }
    assert_eq!(waits.receive().texts(), [&one, "item"]);
    assert_eq!(waits.receive(), "PONG");
    assert_eq!(gathers.receive().texts(), [&two, "item"]);
}

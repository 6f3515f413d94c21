//! The router process, spoken to by clients that know nothing of it.

mod clients;
mod growing;
mod hosts;
mod introducing;
mod keyless;
#[cfg(target_pointer_width = "64")]
mod large;
#[path = "../shard_members/router.rs"]
mod router;
mod stand_in;
mod watching;

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use redis_ipc::{Connection, Endpoint, Outcome};
use redis_ipc_tests::client::Client;
use redis_ipc_tests::value::Value;
use redis_ipc_tools::farm::Farm;
use redis_ipc_tools::router::{Cluster, Options, Placement, Server};

/// A router over servers of its own. It ends before they do.
struct Router {
    process: router::Router,
    farm: Farm,
    cluster: Cluster,
}

impl Router {
    fn start(servers: u32, databases: u32) -> Self {
        Self::with(servers, databases, Options::default())
    }

    fn with(servers: u32, databases: u32, options: Options) -> Self {
        let farm = Farm::start(servers, databases).unwrap();
        let cluster = Cluster::with(farm.hosts(), Placement::Partition, options).unwrap();
        Self::over(farm, cluster)
    }

    fn over(farm: Farm, cluster: Cluster) -> Self {
        let process = router::Router::start(&cluster, farm.folder());
        Self {
            process,
            farm,
            cluster,
        }
    }

    fn endpoint(&self) -> Endpoint {
        self.process.endpoint()
    }

    fn client(&self) -> Client {
        self.process.client()
    }

    /// A key on each host.
    fn keys(&self) -> Vec<String> {
        let on = |host| {
            let keys = (0..).map(|n| format!("key {n}"));
            keys.filter(move |key| self.cluster.host_of(key) == host)
                .take(1)
        };
        (0..)
            .take(self.cluster.hosts().len())
            .flat_map(on)
            .collect()
    }
}

#[test]
fn pipelines_over_all_hosts_are_answered_in_order() {
    let router = Router::start(4, 8);
    let mut client = router.client();
    for n in 0..2000 {
        client.send(&["SET", &format!("k{n}"), &format!("v{n}")]);
        client.send(&["GET", &format!("k{n}")]);
        client.send(&["PING"]);
    }
    for n in 0..2000 {
        assert_eq!(client.receive(), "OK");
        assert_eq!(client.receive(), format!("v{n}").as_str());
        assert_eq!(client.receive(), "PONG");
    }
    let mut words = vec!["MGET".to_owned()];
    words.extend((0..500).map(|n| format!("k{n}")));
    client.send(&words);
    words[0] = "DEL".into();
    client.send(&words);
    words[0] = "MGET".into();
    client.send(&words);
    for (n, item) in client.receive().items().iter().enumerate() {
        assert_eq!(*item, format!("v{n}").as_str());
    }
    assert_eq!(client.receive(), 500);
    assert!(
        client
            .receive()
            .items()
            .iter()
            .all(|item| *item == Value::Nil)
    );
}

#[test]
fn a_request_cut_anywhere_and_one_of_megabytes_arrive_whole() {
    let router = Router::start(2, 1);
    let mut client = router.client();
    let request = b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$4\r\n\r\n\xff\0\r\n";
    for cut in 1..request.len() {
        client.send_raw(&request[..cut]);
        router.client().command(&["PING"]);
        client.send_raw(&request[cut..]);
        assert_eq!(client.receive(), "OK");
    }
    let large = vec![b'x'; 20_000_000];
    assert_eq!(client.command(&[&b"SET"[..], b"b", &large]), "OK");
    assert_eq!(client.command(&["GET", "b"]), Value::Bulk(large));
    client.send_raw(b"GET a\r\n\r\n*-1\r\nPING\r\n");
    assert_eq!(client.receive(), Value::Bulk(b"\r\n\xff\0".to_vec()));
    assert_eq!(client.receive(), "PONG");
}

#[test]
fn what_is_for_no_host_is_refused_in_words() {
    let router = Router::start(2, 1);
    let (mut client, keys) = (router.client(), router.keys());
    for (words, part) in [
        (
            &["FLUSHALL"][..],
            "does not operate on a key, consider a fanout",
        ),
        (
            &["LMOVE", &keys[0], &keys[1], "LEFT", "LEFT"],
            "operates on multiple keys",
        ),
        (&["SORT", "a", "BY", "w_*"], "keys are movable"),
        (&["NO-SUCH"], "is not known"),
        (&["SELECT", "1"], "one database"),
        (&["HELLO", "4"], "NOPROTO"),
        (&["CLIENT", "TRACKING", "ON"], "RESP3"),
        (&["GET"], "number of words"),
        (&["MULTI", "a"], "number of words"),
        (&["HELLO", "3", "SETNAME"], "HELLO"),
        (&["MOVE", "a", "1"], "another database"),
        (
            &["COPY", "a", "a", "REPLACE", "db", "1"],
            "another database",
        ),
        (&["MSET", "a", "b", "c"], "number of words"),
    ] {
        let reply = client.command(words);
        assert!(
            reply.is_error() && reply.text().contains(part),
            "{words:?}: {reply:?}"
        );
    }
    let long = client.command(&["x".repeat(1 << 20)]).text();
    assert!(
        long.starts_with("ERR the command") && long.len() < 2000,
        "{}",
        long.len()
    );
    client.send_raw(b"*1\r\n+GET\r\n");
    assert!(client.receive().text().contains("Protocol error"));
    assert!(client.try_receive().is_err(), "it is closed");
}

#[test]
fn it_tells_of_itself_what_clients_ask_before_they_begin() {
    let router = Router::start(2, 1);
    let mut client = router.client();
    let whole = client.command(&["INFO"]).text();
    for line in [
        "# Server",
        "redis_version:6.2.0",
        "router_hosts:2",
        "loading:0",
        "role:master",
    ] {
        assert!(whole.lines().any(|own| own == line), "{line}: {whole}");
    }
    let some = client.command(&["INFO", "Clients", "keyspace"]).text();
    assert!(
        some.starts_with("# Clients\r\nconnected_clients:1\r\n"),
        "{some}"
    );
    assert!(!some.contains("Server"), "{some}");
    let time = client.command(&["TIME"]).texts();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let seconds: u64 = time[0].parse().unwrap();
    assert!(
        seconds.abs_diff(now.as_secs()) <= 60 && time[1].len() <= 6,
        "{time:?}"
    );
}

#[test]
fn a_pop_that_waits_holds_up_its_own_client_only() {
    let router = Router::start(2, 2);
    let (mut popping, mut other) = (router.client(), router.client());
    popping.send(&["BLPOP", "queue", "20"]);
    popping.send(&["INCR", "behind"]);
    assert_eq!(other.command(&["GET", "behind"]), Value::Nil);
    assert_eq!(other.command(&["RPUSH", "queue", "item"]), 1);
    assert_eq!(popping.receive().items()[1], "item");
    assert_eq!(popping.receive(), 1);
    assert_eq!(popping.command(&["BLPOP", "queue", "0.01"]), Value::Nil);
}

#[test]
fn a_pop_of_several_hosts_gives_what_is_there_however_short_its_time() {
    let router = Router::start(2, 2);
    let (mut popping, mut other, keys) = (router.client(), router.client(), router.keys());
    assert_eq!(other.command(&["RPUSH", &keys[2], "item"]), 1);
    router.farm.pause(0);
    popping.send(&["BLPOP", &keys[0], &keys[2], "0.001"]);
    // Behind this, that time is over.
    let later = other.command(&["BLPOP", &keys[3], "0.05"]);
    assert_eq!(later, Value::Nil);
    router.farm.resume(0);
    assert_eq!(popping.receive().texts(), [&keys[2], "item"]);
    let nothing = popping.command(&["BLPOP", &keys[0], &keys[2], "0.001"]);
    assert_eq!(nothing, Value::Nil);
}

#[test]
fn nothing_is_written_as_the_clients_protocol_has_it() {
    let router = Router::start(2, 1);
    let keys = router.keys();
    let endpoint = router.endpoint();
    for (hello, nil) in [("", "$-1\r\n"), ("HELLO 3\r\n", "_\r\n")] {
        let mut stream = UnixStream::connect(endpoint.path().unwrap()).unwrap();
        let words = [&keys[0][..], &keys[1]].map(|key| format!("\"{key}\""));
        let asked = format!("{hello}MGET {}\r\nGET {}\r\n", words.join(" "), words[0]);
        stream.write_all(asked.as_bytes()).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        let mut replies = String::new();
        stream.read_to_string(&mut replies).unwrap();
        assert!(
            replies.ends_with(&format!("*2\r\n{nil}{nil}{nil}")),
            "{replies}"
        );
    }
}

#[test]
fn messages_reach_those_who_subscribed_wherever_the_channel_lives() {
    let router = Router::start(2, 2);
    let (mut listener, mut other) = (router.client(), router.client());
    let keys = router.keys();
    for (count, channel) in (1..).zip(&keys) {
        let confirmed = listener.command(&["SUBSCRIBE", channel]);
        assert_eq!(*confirmed.items().last().unwrap(), count);
    }
    let confirmed = listener.command(&["PSUBSCRIBE", "other*"]);
    assert_eq!(*confirmed.items().last().unwrap(), 5);
    assert!(listener.command(&["GET", "a"]).is_error());
    for channel in &keys {
        assert_eq!(other.command(&["PUBLISH", channel, "hello"]), 1);
        let message = listener.receive();
        let words: Vec<_> = message.items().iter().map(Value::text).collect();
        assert_eq!(words, ["message", channel, "hello"]);
    }
    for n in 0..20 {
        assert_eq!(other.command(&["PUBLISH", &format!("other{n}"), "x"]), 1);
        assert_eq!(listener.receive().items()[0], "pmessage");
    }
    listener.send(&["UNSUBSCRIBE"]);
    for left in (1..5).rev() {
        assert_eq!(*listener.receive().items().last().unwrap(), left);
    }
    assert_eq!(
        *listener.command(&["PUNSUBSCRIBE"]).items().last().unwrap(),
        0
    );
    assert_eq!(listener.command(&["GET", "a"]), Value::Nil);
}

#[test]
fn a_host_that_is_gone_or_silent_fails_only_its_own() {
    let options = Options {
        reply_limit: Duration::from_secs(2),
        ..Options::default()
    };
    let mut router = Router::with(2, 1, options);
    let (mut client, keys) = (router.client(), router.keys());
    assert_eq!(client.command(&["SET", &keys[0], "1"]), "OK");
    assert_eq!(client.command(&["SET", &keys[1], "1"]), "OK");
    router.farm.pause(1);
    client.send(&["INCR", &keys[1]]);
    client.send(&["INCR", &keys[0]]);
    assert_eq!(router.client().command(&["GET", &keys[0]]), "2");
    let reply = client.receive();
    assert!(
        reply
            .text()
            .contains("no answer within 2 s; the request may have been executed")
    );
    assert_eq!(client.receive(), 2);
    router.farm.resume(1);

    router.farm.kill(1);
    let reply = client.command(&["GET", &keys[1]]);
    assert!(reply.text().contains("host 1 (unix://"), "{reply:?}");
    let reply = client.command(&["MGET", &keys[0], &keys[1]]);
    assert!(reply.text().contains("host 1 (unix://"), "{reply:?}");
    assert!(reply.text().contains("was not sent"), "{reply:?}");
    router.farm.restart(1).unwrap();
    assert_eq!(client.command(&["GET", &keys[1]]), Value::Nil);
}

#[test]
fn our_own_connection_speaks_through_it() {
    let router = Router::start(2, 2);
    let endpoint = router.endpoint();
    let mut connection = Connection::open(&endpoint).unwrap();
    assert_eq!(connection.server().protocol(), 3);
    for n in 0..100 {
        connection.set(format!("k{n}"), "v").unwrap();
    }
    let error = connection.command(&["RANDOMKEY"]).unwrap_err();
    assert_eq!(error.outcome(), Outcome::Rejected);
    assert!(error.to_string().contains("consider a fanout"), "{error}");
}

#[test]
fn what_is_no_socket_is_not_taken_away() {
    let router = Router::start(1, 1);
    let path = router.farm.folder().join("diary");
    std::fs::write(&path, "dear diary").unwrap();
    let error = Server::bind(&router.cluster, &[Endpoint::unix(&path).unwrap()]).unwrap_err();
    assert!(error.to_string().contains("no socket"), "{error}");
    assert_eq!(std::fs::read(&path).unwrap(), b"dear diary");
}

#[test]
fn an_address_that_promises_what_clients_do_not_get_is_refused() {
    let router = Router::start(1, 1);
    for (address, words) in [
        ("redis://me:secret@127.0.0.1:1", "no password"),
        ("redis://127.0.0.1:1/3", "one database"),
        ("redis-sentinel://127.0.0.1:1/master", "not one address"),
    ] {
        let error = Server::bind(&router.cluster, &[address.parse().unwrap()]).unwrap_err();
        assert!(error.to_string().contains(words), "{error}");
    }
}

#[test]
fn a_folder_that_is_missing_for_the_socket_is_told_of() {
    let router = Router::start(1, 1);
    let path = router.farm.folder().join("missing/socket");
    let error = Server::bind(&router.cluster, &[Endpoint::unix(&path).unwrap()]).unwrap_err();
    let words = format!("{}: its folder is not there", path.display());
    assert!(error.to_string().ends_with(&words), "{error}");
}

#[test]
fn a_socket_that_somebody_listens_on_is_not_taken_away() {
    let router = Router::start(1, 1);
    let error = Server::bind(&router.cluster, &[router.farm.endpoint(0)]).unwrap_err();
    assert!(
        error.to_string().contains("cannot listen on unix://"),
        "{error}"
    );
    assert!(router.farm.socket(0).exists());
}

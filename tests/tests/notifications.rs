//! The server's `notify-keyspace-events`, which all components share.

use redis_ipc::{Component, Endpoint, Options};
use redis_ipc_tests::bus::{endpoint, join};
use redis_ipc_tests::puppet::Puppet;
use redis_ipc_tests::server::Server;

#[test]
fn what_somebody_else_has_set_stays() {
    let server = Server::setup().config("notify-keyspace-events El").start();
    let _web = join(&server, "web");
    let flags = server.cli(&["CONFIG", "GET", "notify-keyspace-events"]);
    let flags = flags.items()[1].text();
    assert!("KEhl".chars().all(|flag| flags.contains(flag)), "{flags}");
}

#[test]
fn flags_that_were_overwritten_at_the_same_moment_are_added_again() {
    let mut flags = String::new();
    let mut overwritten = false;
    let puppet = Puppet::start(move |words| {
        match (words[0].as_str(), words.get(1).map(String::as_str)) {
            ("CONFIG", Some("GET")) => {
                let length = flags.len();
                let name = "$22\r\nnotify-keyspace-events\r\n";
                return Some(format!("*2\r\n{name}${length}\r\n{flags}\r\n").into_bytes());
            }
            // Somebody who has read the flags before us sets his own behind us.
            ("CONFIG", Some("SET")) if !overwritten => {
                overwritten = true;
                flags = "Egx".to_owned();
            }
            ("CONFIG", Some("SET")) => flags.clone_from(&words[3]),
            _ => return None,
        }
        Some(b"+OK\r\n".to_vec())
    });
    let place = Endpoint::unix(puppet.socket()).unwrap();
    Component::connect_to(&place, "web", "main", Options::default()).unwrap();
    let requests = puppet.requests();
    let set = "CONFIG SET notify-keyspace-events ";
    let last = requests.iter().rfind(|request| request.starts_with(set));
    let last = last.unwrap().strip_prefix(set).unwrap();
    assert!("KEghx".chars().all(|flag| last.contains(flag)), "{last}");
}

#[test]
fn many_components_at_once_leave_the_flags_that_each_needs() {
    let server = Server::start();
    let place = endpoint(&server);
    std::thread::scope(|scope| {
        for number in 0..8 {
            let place = &place;
            scope.spawn(move || {
                let name = format!("c{number}");
                Component::connect_to(place, &name, "main", Options::default()).unwrap();
            });
        }
    });
    let flags = server.cli(&["CONFIG", "GET", "notify-keyspace-events"]);
    let flags = flags.items()[1].text();
    assert!("Kh".chars().all(|flag| flags.contains(flag)), "{flags}");
}

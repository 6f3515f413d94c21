//! Settings read from the cache of a watched hash.

use std::time::Duration;

use redis_ipc::{Component, Endpoint, HashKind, Options, Turn};
use redis_ipc_tests::server::Server;

const PATIENCE: Duration = Duration::from_secs(60);

fn join(server: &Server, component: &str) -> Component {
    let endpoint = Endpoint::unix(server.socket()).unwrap();
    Component::connect_to(&endpoint, component, "main", Options::default()).unwrap()
}

/// Turns the loop until a watched hash has changed; says whose.
fn change(component: &mut Component) -> String {
    loop {
        match component.next(Some(PATIENCE)).unwrap() {
            Some(Turn::Changed(watched)) => return watched.component().to_owned(),
            Some(Turn::Bus(_)) => {}
            other => panic!("{other:?}"),
        }
    }
}

fn theme<'c>(component: &'c Component, whose: &str) -> Option<&'c str> {
    let settings = component.cached(HashKind::Settings, whose)?;
    Some(settings.field("theme").unwrap_or("none"))
}

#[test]
fn the_cache_is_what_the_last_turn_saw() {
    let server = Server::start();
    server.cli(&["HSET", "settings.web", "theme", "dark"]);
    let mut web = join(&server, "web");
    web.watch_settings("web").unwrap();
    assert_eq!(theme(&web, "web"), None, "not read yet");
    change(&mut web);
    assert_eq!(theme(&web, "web"), Some("dark"));
    assert_eq!(web.cached(HashKind::Status, "web"), None, "not watched");

    server.cli(&["HSET", "settings.web", "theme", "light"]);
    assert_eq!(theme(&web, "web"), Some("dark"), "no turn since");
    change(&mut web);
    assert_eq!(theme(&web, "web"), Some("light"));
}

#[test]
fn reading_the_cache_asks_the_server_nothing() {
    let server = Server::start();
    let mut web = join(&server, "web");
    web.watch_settings("web").unwrap();
    change(&mut web);
    let mut monitor = server.monitor();
    let _ = monitor.texts();
    for _ in 0..100 {
        assert_eq!(theme(&web, "web"), Some("none"));
    }
    assert_eq!(monitor.texts(), [] as [String; 0]);
}

#[test]
fn hashes_whose_names_begin_alike_are_told_apart() {
    let server = Server::start();
    let mut ui = join(&server, "ui");
    for whose in ["web2", "web", "web-x"] {
        ui.watch_settings(whose).unwrap();
    }
    let mut seen: Vec<_> = (0..3).map(|_| change(&mut ui)).collect();
    seen.sort_unstable();
    assert_eq!(seen, ["web", "web-x", "web2"]);
    for whose in ["web", "web2", "web-x", "web2"] {
        server.cli(&["HINCRBY", &format!("settings.{whose}"), "n", "1"]);
        assert_eq!(change(&mut ui), whose);
    }
    assert!(ui.next(Some(Duration::from_millis(20))).unwrap().is_none());
}

#[test]
fn the_cache_is_dropped_with_the_connection_that_would_tell() {
    let mut server = Server::start();
    let mut web = join(&server, "web");
    web.watch_settings("web").unwrap();
    change(&mut web);
    server.kill();
    assert!(matches!(
        web.next(Some(PATIENCE)).unwrap(),
        Some(Turn::Bus(_))
    ));
    assert_eq!(theme(&web, "web"), None);
    server.restart();
    server.cli(&["HSET", "settings.web", "theme", "new"]);
    while theme(&web, "web") != Some("new") {
        web.next(Some(PATIENCE)).unwrap();
    }
}

#[test]
fn a_connection_that_the_server_closes_for_idleness_costs_no_change() {
    let server = Server::setup().config("timeout 1").start();
    let mut web = join(&server, "web");
    web.watch_settings("web").unwrap();
    change(&mut web);
    // The server says when it has closed idle connections: the loop hears of it.
    while !matches!(web.next(Some(PATIENCE)).unwrap(), Some(Turn::Bus(_))) {}
    server.cli(&["HSET", "settings.web", "theme", "dark"]);
    while theme(&web, "web") != Some("dark") {
        web.next(Some(PATIENCE)).unwrap();
    }
}

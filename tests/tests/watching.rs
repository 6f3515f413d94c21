//! Settings and status as they change: followed by whatever means the server permits.

use redis_ipc::{Component, Delivery, Error, Limitation, Options, Service, Stop, Turn, Watched};
use redis_ipc_tests::bus::{Caller, PATIENCE, endpoint, join, next_command, until_blocked};
use redis_ipc_tests::server::{Server, Setup};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;

/// The next state of a watched hash.
#[track_caller]
fn changed(component: &mut Component) -> Watched {
    match component.next(Some(PATIENCE)).unwrap() {
        Some(Turn::Changed(watched)) => watched.clone(),
        other => panic!("{other:?}"),
    }
}

/// The next state as `component: field=value …`.
#[track_caller]
fn change(component: &mut Component) -> String {
    let watched = changed(component);
    let fields = watched.fields().iter();
    let fields: Vec<_> = fields
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    format!("{}: {}", watched.component(), fields.join(" "))
}

/// What a watcher sees, however the server tells it.
fn sees_every_change(server: &Server, web: &mut Component) {
    server.cli(&["HSET", "settings.web", "theme", "dark"]);
    web.watch_settings("web").unwrap();
    web.watch_settings("web2").unwrap();
    assert_eq!(change(web), "web: theme=dark");
    assert_eq!(change(web), "web2: ");
    for (words, seen) in [
        (
            &["HSET", "settings.web", "theme", "light"][..],
            "web: theme=light",
        ),
        (&["HSET", "settings.web2", "a", "1"], "web2: a=1"),
        (
            &["HSET", "settings.web", "dpi", "600"],
            "web: theme=light dpi=600",
        ),
        (&["HDEL", "settings.web", "theme"], "web: dpi=600"),
        (&["HDEL", "settings.web", "dpi"], "web: "),
        (&["HMSET", "settings.web", "b", "2"], "web: b=2"),
        (&["HINCRBY", "settings.web", "b", "5"], "web: b=7"),
        (&["DEL", "settings.web"], "web: "),
        (&["DEL", "settings.web2"], "web2: "),
        (&["HSET", "settings.web", "c", "3"], "web: c=3"),
        (&["PEXPIRE", "settings.web", "1"], "web: "),
    ] {
        let _ = server.cli(words);
        assert_eq!(change(web), seen, "{words:?}");
    }
    // One that is watched later, and the longer name first.
    web.watch_status("web2").unwrap();
    assert_eq!(change(web), "web2: ");
    web.watch_status("web").unwrap();
    assert_eq!(change(web), "web: ");
    server.cli(&["HSET", "status.web2", "x", "1"]);
    assert_eq!(change(web), "web2: x=1");
    server.cli(&["HSET", "status.web", "y", "1"]);
    assert_eq!(change(web), "web: y=1");
    server.cli(&["HSET", "settings.web", "z", "1"]);
    assert_eq!(change(web), "web: z=1");
    assert!(web.next(Some(Duration::from_millis(1))).unwrap().is_none());
}

#[test]
fn a_watched_hash_is_seen_as_it_is_and_then_after_every_change_its_end_included() {
    let server = Server::start();
    let mut web = join(&server, "web");
    sees_every_change(&server, &mut web);
    assert_eq!(web.limitations(), []);
    server.cli(&["FLUSHALL"]);
    let mut seen = [change(&mut web), change(&mut web), change(&mut web)];
    seen.sort();
    assert_eq!(seen, ["web2: ", "web: ", "web: "]);
}

#[test]
fn what_has_taken_a_watched_hashs_place_is_told_and_stops_nobody() {
    let server = Server::start();
    server.cli(&["SET", "settings.redis-ipc", "no hash"]);
    let mut web = join(&server, "web");
    web.serve_main().unwrap();
    web.watch_settings("web").unwrap();
    assert_eq!(change(&mut web), "web: ");
    server.cli(&["HSET", "settings.web", "dpi", "600"]);
    assert_eq!(change(&mut web), "web: dpi=600");
    web.subscribe_debug(Some("web")).unwrap();
    server.cli(&["DEL", "settings.web"]);
    server.cli(&["RPUSH", "settings.web", "no hash either"]);
    let mut told = false;
    let mut gone = false;
    while !(told && gone) {
        match web.next(Some(PATIENCE)).unwrap() {
            Some(Turn::Debug(debug)) => told |= debug.message() == "settings.web is no hash",
            Some(Turn::Changed(settings)) => gone |= settings.fields().is_empty(),
            other => panic!("{other:?}"),
        }
    }
    let mut caller = Caller::new(&server);
    caller.ask("queues.commands.web", "");
    loop {
        match web.next(Some(PATIENCE)).unwrap() {
            Some(Turn::Command(command)) => break command.answer(&json!({})).unwrap(),
            Some(Turn::Debug(_)) => {}
            other => panic!("{other:?}"),
        }
    }
    caller.result();
}

#[test]
fn a_watched_hash_over_the_limit_is_one_error_and_the_rest_goes_on() {
    let server = Server::start();
    let options = Options::default().message_limit(4096);
    let mut web = redis_ipc_tests::bus::join_with(&server, "web", options);
    web.serve_main().unwrap();
    web.watch_settings("web").unwrap();
    assert_eq!(change(&mut web), "web: ");
    let long = "x".repeat(5000);
    server.cli(&["HSET", "settings.redis-ipc", "more", &long]);
    server.cli(&["HSET", "settings.web", "long", &long]);
    let error = loop {
        if let Err(error) = web.next(Some(PATIENCE)) {
            break error;
        }
    };
    assert!(matches!(error, Error::TooLong { .. }), "{error:?}");
    let mut caller = Caller::new(&server);
    caller.ask("queues.commands.web", "");
    next_command(&mut web).answer(&json!({})).unwrap();
    server.cli(&["HSET", "settings.web", "long", "not any more"]);
    assert_eq!(change(&mut web), "web: long=not any more");
}

fn guest(setup: Setup, permissions: &str) -> (Server, Component) {
    let server = setup
        .config(&format!("user guest on nopass ~* &* +@all {permissions}"))
        .start();
    let endpoint = endpoint(&server).with_password(Some("guest"), "any");
    let guest = Component::connect_to(&endpoint, "guest", "main", Options::default()).unwrap();
    (server, guest)
}

#[test]
fn where_tracking_is_forbidden_changes_are_told_by_notifications_and_that_is_said() {
    let (server, mut guest) = guest(Server::setup(), "-client");
    sees_every_change(&server, &mut guest);
    match guest.limitations() {
        [Limitation::Tracking { why }] => assert!(why.contains("NOPERM"), "{why}"),
        other => panic!("{other:?}"),
    }
    let flags = server.cli(&["CONFIG", "GET", "notify-keyspace-events"]);
    let flags = flags.texts().remove(1);
    assert!("Khgxe".chars().all(|flag| flags.contains(flag)), "{flags}");
}

#[test]
fn a_component_without_the_right_to_client_serves_subscribes_and_stops_and_loses_nothing() {
    let (server, mut component) = guest(Server::setup(), "-client");
    component.serve_main().unwrap();
    let mut caller = Caller::new(&server);
    assert!(
        component
            .next(Some(Duration::from_millis(1)))
            .unwrap()
            .is_none()
    );
    until_blocked(&server, 1);
    component.subscribe_events(None, None).unwrap();
    component.watch_settings("web").unwrap();
    assert_eq!(change(&mut component), "web: ");
    caller.ask("queues.commands.guest", "");
    next_command(&mut component).answer(&json!({})).unwrap();
    caller.result();

    let stop = Stop::new();
    let until = stop.clone();
    let service = std::thread::spawn(move || {
        Service::new()
            .on_command(|value: Value, _| Ok(value))
            .until(until)
            .run(&mut component)
    });
    until_blocked(&server, 1);
    stop.request();
    service.join().unwrap().unwrap();
    caller.ask("queues.commands.guest", "");
    assert_eq!(server.cli(&["LLEN", "queues.commands.guest"]), 1);
}

#[test]
fn the_flags_that_notifications_need_are_added_and_what_was_set_is_kept() {
    for before in ["", "Ex", "A", "KEA", "Kh", "Elg"] {
        let server = Server::start();
        let get = || {
            let flags = server.cli(&["CONFIG", "GET", "notify-keyspace-events"]);
            flags.texts().remove(1)
        };
        server.cli(&["CONFIG", "SET", "notify-keyspace-events", before]);
        let kept = get();
        let web = join(&server, "web");
        assert_eq!(web.limitations(), []);
        let after = get();
        let has = |flag| after.contains(flag) || (after.contains('A') && !"KEmn".contains(flag));
        assert!(has('K') && has('h'), "{before:?} became {after:?}");
        assert!(kept.chars().all(has), "{before:?} became {after:?}");
        // A listener that is not ours hears of changes now.
        let mut listener = server.client();
        listener.command(&["PSUBSCRIBE", "__keyspace*__:settings.web"]);
        server.cli(&["HSET", "settings.web", "dpi", "600"]);
        let told = listener.receive().texts();
        assert_eq!(told[2..], ["__keyspace@0__:settings.web", "hset"]);
    }
}

#[test]
fn where_config_is_forbidden_a_component_starts_and_says_what_it_has_lost() {
    let renamed = || Server::setup().config("rename-command CONFIG \"\"");
    for (server, mut component) in [
        guest(renamed(), ""),
        guest(Server::setup(), "-config"),
        guest(Server::setup(), "-config|set"),
    ] {
        match component.limitations() {
            [limitation @ Limitation::Notifications { why }] => {
                assert!(limitation.to_string().contains(why));
                assert!(limitation.to_string().contains("notify-keyspace-events"));
            }
            other => panic!("{other:?}"),
        }
        // Its own watching needs no notifications.
        sees_every_change(&server, &mut component);
        component.serve_main().unwrap();
        let mut caller = Caller::new(&server);
        caller.ask("queues.commands.guest", "");
        next_command(&mut component).answer(&json!({})).unwrap();
        caller.result();
    }
}

/// How many prefixes the server compares every changed key with.
fn prefixes(server: &Server) -> u32 {
    let stats = server.cli(&["INFO", "stats"]);
    let count = stats.text().lines().find_map(|line| {
        let count = line.strip_prefix("tracking_total_prefixes:")?;
        count.trim().parse().ok()
    });
    count.unwrap()
}

#[test]
fn watching_costs_the_server_nothing_for_keys_that_nobody_watches() {
    let server = Server::start();
    let mut web = join(&server, "web");
    web.serve_main().unwrap();
    sees_every_change(&server, &mut web);
    assert_eq!(prefixes(&server), 0);
    assert_eq!(web.limitations(), []);
}

#[test]
fn a_component_that_may_not_ask_for_single_keys_is_told_of_all_with_a_prefix() {
    for permissions in ["-client|unblock", "-exists", "-client|tracking"] {
        let (server, mut guest) = guest(Server::setup(), permissions);
        guest.serve_main().unwrap();
        sees_every_change(&server, &mut guest);
        let told_by_prefix = permissions != "-client|tracking";
        assert_eq!(prefixes(&server) > 0, told_by_prefix, "{permissions}");
        let mut caller = Caller::new(&server);
        caller.ask("queues.commands.guest", "");
        next_command(&mut guest).answer(&json!({})).unwrap();
        caller.result();
    }
}

#[test]
fn a_pop_that_ends_for_a_change_loses_no_command() {
    const COMMANDS: usize = 300;
    for delivery in [Delivery::AtMostOnce, Delivery::AtLeastOnce { tries: 3 }] {
        let server = Server::start();
        let mut web = join(&server, "web");
        web.set_delivery(delivery);
        web.serve_main().unwrap();
        web.watch_settings("web").unwrap();
        let mut caller = Caller::new(&server);
        let mut writer = server.client();
        std::thread::scope(|scope| {
            scope.spawn(move || {
                for number in 1..=COMMANDS {
                    writer.command(&["HSET", "settings.web", "number", &number.to_string()]);
                }
            });
            scope.spawn(move || {
                for _ in 0..COMMANDS {
                    caller.ask("queues.commands.web", "");
                    caller.result();
                }
            });
            let (mut answered, mut last) = (0, String::new());
            while answered < COMMANDS || last != COMMANDS.to_string() {
                match web.next(Some(PATIENCE)).unwrap() {
                    Some(Turn::Command(command)) => {
                        assert_eq!(command.tries(), 0);
                        command.answer(&json!({})).unwrap();
                        answered += 1;
                    }
                    Some(Turn::Changed(web)) => {
                        web.field("number")
                            .unwrap_or_default()
                            .clone_into(&mut last);
                    }
                    other => panic!("{other:?}"),
                }
            }
            assert_eq!(answered, COMMANDS);
        });
        assert_eq!(web.counters().pops_unknown, 0);
        assert!(web.next(Some(Duration::from_millis(1))).unwrap().is_none());
        assert_eq!(server.cli(&["KEYS", "queues.*"]).items().len(), 0);
    }
}

#[test]
fn where_both_are_forbidden_both_are_said_and_the_present_state_is_seen() {
    let (server, mut guest) = guest(Server::setup(), "-config -client");
    server.cli(&["HSET", "settings.web", "dpi", "600"]);
    guest.watch_settings("web").unwrap();
    assert_eq!(change(&mut guest), "web: dpi=600");
    assert_eq!(guest.limitations().len(), 2, "{:?}", guest.limitations());
}

#[test]
fn whatever_is_skipped_the_last_state_is_seen() {
    let server = Server::start();
    let mut web = join(&server, "web");
    web.watch_status("desk").unwrap();
    let mut writer = server.client();
    let writer = std::thread::spawn(move || {
        for number in 1..=500 {
            writer.command(&["HSET", "status.desk", "number", &number.to_string()]);
        }
    });
    let mut before = 0;
    while before < 500 {
        let number = changed(&mut web).read::<BTreeMap<String, u32>>().unwrap();
        let number = number.get("number").copied().unwrap_or(0);
        assert!(number >= before, "{number} after {before}");
        before = number;
    }
    writer.join().unwrap();
}

#[test]
fn a_service_hears_of_its_own_settings_first_as_they_are() {
    #[derive(Debug, PartialEq, Deserialize)]
    struct Settings {
        dpi: Option<u32>,
    }
    let server = Server::start();
    server.cli(&["HSET", "settings.printer", "dpi", "300"]);
    let mut printer = join(&server, "printer");
    let stop = Stop::new();
    let mut seen = Vec::new();
    Service::new()
        .on_change(|settings| {
            let settings: Settings = settings.read().unwrap();
            match settings.dpi {
                Some(300) => drop(server.cli(&["HSET", "settings.printer", "dpi", "600"])),
                Some(_) => drop(server.cli(&["DEL", "settings.printer"])),
                None => stop.request(),
            }
            seen.push(settings.dpi);
        })
        .until(stop.clone())
        .run(&mut printer)
        .unwrap();
    assert_eq!(seen, [Some(300), Some(600), None]);
}

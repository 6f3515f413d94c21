//! Servers that are not there or do not let one in: the error names the place and what to do.

use redis_ipc::{Component, Connection, Endpoint, Error, Options, Outcome};
use redis_ipc_tests::bus::endpoint;
use redis_ipc_tests::folder::Folder;
use redis_ipc_tests::server::Server;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::time::Duration;

/// What joining comes to that must not succeed; the error names the path.
#[track_caller]
fn refused(endpoint: &Endpoint) -> Error {
    let options = Options::default().connect_limit(Duration::from_secs(2));
    let error = Component::connect_to(endpoint, "c", "main", options).unwrap_err();
    let path = endpoint.path().unwrap().display().to_string();
    let text = error.to_string();
    assert!(text.contains(&path), "{path} is not in: {text}");
    assert!(!text.contains("secret"), "{text}");
    // That is what the system prints of a `main` that returns the error.
    assert_eq!(format!("{error:?}"), text);
    error
}

#[track_caller]
fn says(error: &Error, words: &[&str]) {
    let text = error.to_string();
    for word in words {
        assert!(text.contains(word), "{word:?} is not in: {text}");
    }
}

fn at(path: &Path) -> Endpoint {
    Endpoint::unix(path).unwrap()
}

#[test]
fn where_no_socket_is_a_server_is_to_be_started() {
    let folder = Folder::new();
    let error = refused(&at(&folder.join("socket")));
    says(
        &error,
        &["start a redis-server", "ipc-tool up", "RIPC_SERVER_PATH"],
    );
    assert_eq!(error.outcome(), Outcome::NotSent);
    assert!(matches!(error, Error::Connect { .. }), "{error:?}");
    says(
        &refused(&at(&folder.join("no/such/folder"))),
        &["start a redis-server"],
    );
}

#[test]
fn where_nobody_listens_any_more_the_server_is_to_be_started_again() {
    let mut server = Server::start();
    server.kill();
    says(&refused(&endpoint(&server)), &["nobody listens", "again"]);
    let folder = Folder::new();
    std::fs::write(folder.join("file"), "text").unwrap();
    says(&refused(&at(&folder.join("file"))), &["nobody listens"]);
}

#[test]
fn where_this_user_may_not_enter_owner_and_mode_are_to_be_changed() {
    let server = Server::start();
    let socket = server.socket();
    let mode = |mode| {
        let permissions = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(&socket, permissions).unwrap();
    };
    mode(0o000);
    let endpoint = endpoint(&server);
    // For root there are no modes, so this thread, and no other, becomes somebody else.
    let error = std::thread::spawn(move || {
        if rustix::process::geteuid().is_root() {
            let folder = endpoint.path().unwrap().parent().unwrap();
            let all = std::fs::Permissions::from_mode(0o755);
            std::fs::set_permissions(folder, all).unwrap();
            rustix::thread::set_thread_uid(rustix::process::Uid::from_raw(65534)).unwrap();
        }
        refused(&endpoint)
    })
    .join()
    .unwrap();
    says(&error, &["owner and mode", "unixsocketperm"]);
    mode(0o700);
}

#[test]
fn a_path_that_is_too_long_is_named_with_its_length_and_the_longest() {
    let folder = Folder::new();
    let long = folder.join(&"x".repeat(107));
    let error = Endpoint::unix(&long).unwrap_err().to_string();
    let length = long.as_os_str().len().to_string();
    for word in [long.to_str().unwrap(), &length, "107", "shorter"] {
        assert!(error.contains(word), "{error}");
    }
    let parsed = long.to_str().unwrap().parse::<Endpoint>().unwrap_err();
    assert_eq!(parsed.to_string(), error);
    assert_eq!(format!("{parsed:?}"), error);
}

#[test]
fn a_password_that_is_missing_or_wrong_is_said_so_and_never_shown() {
    let server = Server::setup().config("requirepass right").start();
    let without = endpoint(&server);
    let error = refused(&without);
    says(&error, &["NOAUTH", "wants a password", "address"]);
    assert_eq!(error.outcome(), Outcome::Rejected);
    assert!(!error.is_temporary());
    let error = refused(&without.clone().with_password(None, "secret"));
    says(&error, &["WRONGPASS", "is wrong"]);
    assert!(!error.is_temporary());
    let error = refused(&without.clone().with_password(Some("nobody"), "secret"));
    says(&error, &["WRONGPASS", "user or the password"]);

    let url = format!("unix://:right@{}", server.path());
    let mut connection = Connection::open(&url.parse().unwrap()).unwrap();
    connection.ping().unwrap();
    let endpoint = without.with_password(Some("default"), "right");
    Component::connect_to(&endpoint, "c", "main", Options::default()).unwrap();
}

#[test]
fn what_the_access_list_forbids_is_named_with_the_place() {
    let server = Server::setup()
        .config("user guest on >right ~other* +@all")
        .config("user poor on nopass ~* &* +hello +ping")
        .config("user off off nopass ~* &* +@all")
        .start();
    let guest = endpoint(&server).with_password(Some("guest"), "right");
    says(&refused(&guest), &["NOPERM", "access list"]);
    let poor = endpoint(&server).with_password(Some("poor"), "any");
    says(&refused(&poor), &["NOPERM", "access list"]);
    let off = endpoint(&server).with_password(Some("off"), "any");
    says(&refused(&off), &["WRONGPASS"]);
}

#[test]
fn the_smallest_limit_of_a_message_lets_a_component_join_and_talk() {
    for limit in [0, 64, 1024] {
        // Each has a server of its own: one may still know the component before as a subscriber.
        let server = Server::start();
        let options = Options::default().message_limit(limit);
        let mut component =
            Component::connect_to(&endpoint(&server), "c", "main", options).unwrap();
        component.serve_main().unwrap();
        component.subscribe_events(None, None).unwrap();
        let small = serde_json::json!({});
        assert_eq!(component.publish(None, &small).unwrap(), 1);
        let turn = component
            .next(Some(redis_ipc_tests::bus::PATIENCE))
            .unwrap();
        assert!(turn.is_some());
    }
}

#[test]
fn the_database_of_an_address_is_the_one_that_is_used() {
    let server = Server::start();
    let url = format!("unix://{}?db=3", server.path());
    let mut connection = Connection::open(&url.parse().unwrap()).unwrap();
    connection.set("key", "text").unwrap();
    assert!(server.cli(&["GET", "key"]).is_nil());
    let mut client = server.client();
    client.command(&["SELECT", "3"]);
    assert_eq!(client.command(&["GET", "key"]), "text");
    says(
        &refused(&endpoint(&server).with_database(99)),
        &["DB index"],
    );
}

#[test]
fn a_server_on_tcp_is_reached_by_its_address_and_named_by_it() {
    let server = Server::setup().tcp().config("requirepass right").start();
    let port = server.port();
    let endpoint: Endpoint = format!("redis://:right@127.0.0.1:{port}/2")
        .parse()
        .unwrap();
    Component::connect_to(&endpoint, "c", "main", Options::default()).unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let free = listener.local_addr().unwrap().port();
    drop(listener);
    let error = Connection::open(&Endpoint::tcp("127.0.0.1", free)).unwrap_err();
    let place = format!("redis://127.0.0.1:{free}");
    says(&error, &[&place, "nobody listens"]);
}

#[test]
fn a_server_that_stands_still_is_no_server_and_nothing_was_sent_to_it() {
    let server = Server::start();
    server.pause();
    let limit = Duration::from_millis(50);
    let options = Options::default().connect_limit(limit);
    let error = Connection::open_with(&endpoint(&server), options).unwrap_err();
    says(&error, &[&server.path(), "0.05 s"]);
    assert_eq!(error.outcome(), Outcome::NotSent);
    assert!(error.is_temporary());
    server.resume();
}

#[test]
fn somebody_who_is_no_redis_server_is_found_out() {
    for answer in [
        &b"HTTP/1.1 400 Bad Request\r\n\r\n"[..],
        b"+OK\r\n",
        b":1\r\n",
        b"",
    ] {
        let folder = Folder::new();
        let listener = UnixListener::bind(folder.join("socket")).unwrap();
        let stranger = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let _ = stream.read(&mut [0; 1024]).unwrap();
            stream.write_all(answer).unwrap();
        });
        let endpoint = at(&folder.join("socket"));
        let error = refused(&endpoint);
        let understood = matches!(error, Error::Protocol { .. } | Error::Connect { .. });
        assert!(understood, "{error:?}");
        assert_eq!(error.outcome(), Outcome::NotSent);
        stranger.join().unwrap();
    }
}

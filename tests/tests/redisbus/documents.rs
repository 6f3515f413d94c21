//! Documents that everybody can read, and hears of when they change.

use std::time::Duration;

use redis_ipc::Error;
use redis_ipc_tests::server::Server;
use serde_json::{Value, json};

use super::workers::{PATIENCE, client};

#[test]
fn a_document_is_written_read_and_removed() {
    let server = Server::start();
    let mut client = client(&server);
    assert_eq!(client.get::<Value>("prices").unwrap(), None);
    let prices = json!({"tea": 3.5, "ü": [null]});
    client.put("prices", &prices, None).unwrap();
    assert_eq!(client.get("prices").unwrap(), Some(prices));
    assert_eq!(server.cli(&["PTTL", "document:prices"]), -1);
    client.put("prices", &1, Some(PATIENCE)).unwrap();
    assert_ne!(server.cli(&["PTTL", "document:prices"]), -1);
    assert!(matches!(
        client.get::<String>("prices"),
        Err(Error::Unexpected(_))
    ));
    client.remove("prices").unwrap();
    assert_eq!(client.get_text("prices").unwrap(), None);
    assert!(client.put_text("prices", "{", None).is_err());
    assert!(client.put("line\nbreak", &1, None).is_err());
}

#[test]
fn a_watcher_hears_of_every_change_and_of_the_end() {
    let server = Server::start();
    let mut client = client(&server);
    client.put("n", &0, None).unwrap();
    let mut watch = client.watch("n").unwrap();
    let mut next = || watch.next(Some(PATIENCE)).unwrap().unwrap().read::<u32>();
    assert_eq!(next().unwrap(), Some(0));
    for number in 1..200 {
        client.put("n", &number, None).unwrap();
    }
    for number in 1..200 {
        assert_eq!(next().unwrap(), Some(number));
    }
    client.remove("n").unwrap();
    assert_eq!(next().unwrap(), None);
    client
        .put("n", &7, Some(Duration::from_millis(50)))
        .unwrap();
    assert_eq!(next().unwrap(), Some(7));
    assert_eq!(next().unwrap(), None);
    assert!(
        watch
            .next(Some(Duration::from_millis(10)))
            .unwrap()
            .is_none()
    );
}

#[test]
fn what_changes_between_the_watch_and_the_first_look_at_it_is_told_in_order_and_once() {
    let server = Server::start();
    let mut client = client(&server);
    client.put("n", &0, None).unwrap();
    let mut watch = client.watch("n").unwrap();
    for number in 1..50 {
        client.put("n", &number, None).unwrap();
    }
    client.remove("n").unwrap();
    for number in 0..50 {
        let change = watch.next(Some(PATIENCE)).unwrap().unwrap();
        assert_eq!(change.read::<u32>().unwrap(), Some(number));
    }
    let gone = watch.next(Some(PATIENCE)).unwrap().unwrap();
    assert_eq!(gone.document, None);
    let nothing = watch.next(Some(Duration::from_millis(10))).unwrap();
    assert_eq!(nothing, None);
}

#[test]
fn a_watcher_is_told_the_text_as_it_was_written() {
    let server = Server::start();
    let mut client = client(&server);
    let mut watch = client.watch("n").unwrap();
    assert!(watch.next(Some(PATIENCE)).unwrap().is_some());
    for text in [
        r#"{"b": 1, "a": 123456789012345678901234567890}"#,
        "0.10",
        "null",
        r#""\u00fc""#,
        r#"{"removed": true, "expires": 1}"#,
    ] {
        client.put_text("n", text, None).unwrap();
        assert_eq!(client.get_text("n").unwrap().as_deref(), Some(text));
        let change = watch.next(Some(PATIENCE)).unwrap().unwrap();
        assert_eq!(change.document.as_deref(), Some(text));
    }
}

#[test]
fn a_document_that_is_written_anew_when_it_expires_is_told_of_in_the_order_of_its_states() {
    let server = Server::start();
    let mut client = client(&server);
    let short = Some(Duration::from_millis(3));
    let mut watch = client.watch("n").unwrap();
    assert!(watch.next(Some(PATIENCE)).unwrap().is_some());
    std::thread::scope(|scope| {
        scope.spawn(move || {
            for number in 1..=200 {
                client.put("n", &number, short).unwrap();
                if number % 7 == 0 {
                    while client.get_text("n").unwrap().is_some() {}
                }
            }
        });
        let mut last = 0;
        while last < 200 {
            let change = watch.next(Some(PATIENCE)).unwrap().unwrap();
            if let Some(number) = change.read::<u32>().unwrap() {
                assert_eq!(number, last + 1);
                last = number;
            }
        }
    });
    let gone = watch.next(Some(PATIENCE)).unwrap().unwrap();
    assert_eq!(gone.document, None);
}

#[test]
fn a_watcher_lives_through_a_restart_and_sees_what_changed_meanwhile() {
    let mut server = Server::start();
    client(&server).put("n", &1, None).unwrap();
    let mut watch = client(&server).watch("n").unwrap();
    assert!(watch.next(Some(PATIENCE)).unwrap().is_some());
    server.kill();
    server.restart();
    let change = watch.next(Some(PATIENCE)).unwrap().unwrap();
    assert_eq!(change.document, None);
    client(&server).put("n", &2, None).unwrap();
    let change = watch.next(Some(PATIENCE)).unwrap().unwrap();
    assert_eq!(change.document.as_deref(), Some("2"));
}

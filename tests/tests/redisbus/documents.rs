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

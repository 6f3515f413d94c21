//! A command that is not finished when its component is asked to stop.

use std::time::Duration;

use redis_ipc::{Component, Endpoint, Options, Stop, Turn};
use redis_ipc_tests::server::Server;

const QUEUE: &str = "queues.commands.printer.print";

#[test]
fn an_unfinished_command_goes_back_to_the_head_of_its_queue() {
    let server = Server::start();
    let endpoint = Endpoint::unix(server.socket()).unwrap();
    let mut printer =
        Component::connect_to(&endpoint, "printer", "main", Options::default()).unwrap();
    let stop = Stop::new();
    printer.set_stop(stop.clone());
    printer.serve(&["cancel", "print"]).unwrap();
    let command = |id| {
        format!(
            "{{\"results_queue\":\"queues.results.desk.main\",\"command_id\":\"{id}\",\"a\":[1, 2]}}"
        )
    };
    for id in ["1", "2"] {
        server.cli(&["RPUSH", QUEUE, &command(id)]);
    }
    match printer.next(Some(Duration::from_secs(10))).unwrap() {
        Some(Turn::Command(unfinished)) => {
            stop.request();
            assert!(unfinished.stop_requested());
            unfinished.put_back().unwrap();
        }
        other => panic!("{other:?}"),
    }
    assert!(matches!(printer.next(None).unwrap(), Some(Turn::Stop)));
    let waiting = server.cli(&["LRANGE", QUEUE, "0", "-1"]).texts();
    assert_eq!(waiting, [command("1"), command("2")]);
    assert_eq!(server.cli(&["EXISTS", "queues.results.desk.main"]), 0);
}

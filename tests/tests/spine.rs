//! Two components talk through a real redis-server.

use std::time::Duration;

use redis_ipc::{CallError, Component, Endpoint, Failure, Options, Service, Stop, Taken};
use redis_ipc_tests::server::Server;
use serde::{Deserialize, Serialize};

#[derive(Debug, Serialize, Deserialize)]
struct Print {
    file: String,
    copies: u32,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Printed {
    pages: u32,
}

fn join(server: &Server, component: &str) -> Component {
    let endpoint = Endpoint::unix(server.socket()).unwrap();
    Component::connect_to(&endpoint, component, "main", Options::default()).unwrap()
}

#[test]
fn a_call_reaches_its_component_and_its_answer_comes_back() {
    let server = Server::start();
    let stop = Stop::new();
    let mut printer = join(&server, "printer");
    let mut desk = join(&server, "desk");
    std::thread::scope(|scope| {
        let until = stop.clone();
        scope.spawn(move || {
            Service::new()
                .on("cancel", |_: serde_json::Value, _| Ok(Printed { pages: 0 }))
                .on("print", |job: Print, _| match job.copies {
                    0 => Err(Failure::new("no-copies", "at least one")),
                    copies => Ok(Printed { pages: copies }),
                })
                .until(until)
                .run(&mut printer)
                .unwrap();
        });
        let mut print = |copies| {
            let job = Print {
                file: "/tmp/job \"1231\".pdf\n\tünïcode €".to_owned(),
                copies,
            };
            desk.call::<_, Printed>("printer.print", &job, Duration::from_secs(5))
        };
        assert_eq!(print(3).unwrap(), Printed { pages: 3 });
        for copies in 1..100 {
            assert_eq!(print(copies).unwrap(), Printed { pages: copies });
        }
        match print(0) {
            Err(CallError::Failed(failure)) => assert_eq!(failure.code(), "no-copies"),
            other => panic!("{other:?}"),
        }
        stop.request();
    });
}

#[test]
fn a_command_that_nobody_takes_is_taken_back() {
    let server = Server::start();
    let mut desk = join(&server, "desk");
    let error = desk
        .call::<_, Printed>(
            "nobody",
            &serde_json::json!({"a": 1}),
            Duration::from_millis(500),
        )
        .unwrap_err();
    match error {
        CallError::TimedOut { taken, .. } => assert_eq!(taken, Taken::No),
        other => panic!("{other:?}"),
    }
    assert_eq!(server.cli(&["LLEN", "queues.commands.nobody"]), 0);
}

//! Servers and callers, all of them ours.

use std::cell::Cell;
use std::thread::JoinHandle;
use std::time::Duration;

use redis_ipc::rpc::{Client, Counters, Server as RpcServer};
use redis_ipc::{CallError, Endpoint, Error, Failure, Options, Stop, Taken};
use redis_ipc_tests::server::Server;
use serde_json::{Value, json};

redis_ipc::proxy! {
    /// A calculator that lives elsewhere.
    pub(crate) struct Calculator {
        /// Adds to what it holds.
        fn add(number: f64) -> f64;
        fn clr() -> f64;
        fn div(number: f64) -> f64;
        fn pair(a: i64, b: i64) -> [i64; 2];
    }
}

/// A calculator of ours at work.
pub(crate) struct Running {
    stop: Stop,
    thread: JoinHandle<Result<Counters, Error>>,
}

impl Running {
    pub(crate) fn start(server: &Server) -> Self {
        let stop = Stop::new();
        let (until, there) = (stop.clone(), endpoint(server));
        let thread = std::thread::spawn(move || calculate(&there, until));
        Self { stop, thread }
    }

    pub(crate) fn stop(self) -> Counters {
        self.stop.request();
        self.thread.join().unwrap().unwrap()
    }
}

fn calculate(there: &Endpoint, until: Stop) -> Result<Counters, Error> {
    let held = Cell::new(0.0);
    let set = |value: f64| {
        held.set(value);
        value
    };
    RpcServer::new("calc")
        .on("add", &["number"], |(number,): (f64,)| {
            Ok(set(held.get() + number))
        })
        .on("clr", &[], |()| Ok(set(0.0)))
        .on("div", &["number"], |(number,): (f64,)| {
            if number == 0.0 {
                return Err(Failure::new("ZeroDivisionError", "float division by zero"));
            }
            Ok(set(held.get() / number))
        })
        .on("pair", &["a", "b"], |(a, b): (i64, i64)| Ok([a, b]))
        .on("panic", &[], |()| -> Result<(), Failure> {
            panic!("at the disco")
        })
        .on("optional", &["a", "b"], |(a, b): (i64, Option<i64>)| {
            Ok(json!({"a": a, "b": b}))
        })
        .on_any("count", |arguments| {
            let args: Vec<Value> = serde_json::from_str(arguments.positional())?;
            Ok(args.len())
        })
        .until(until)
        .run(there, Options::default())
}

pub(crate) fn endpoint(server: &Server) -> Endpoint {
    Endpoint::unix(server.socket()).unwrap()
}

pub(crate) fn client(server: &Server, queue: &str) -> Client {
    Client::connect_to(&endpoint(server), queue, Options::default()).unwrap()
}

pub(crate) fn exception(outcome: Result<Value, CallError>) -> String {
    match outcome {
        Err(CallError::Failed(failure)) => failure.message().to_owned(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_calculator_elsewhere_reads_like_a_calculator() {
    let server = Server::start();
    let running = Running::start(&server);
    let mut calc = Calculator::new(client(&server, "calc"));
    let mut work = || -> Result<f64, CallError> {
        calc.clr()?;
        calc.add(5.0)?;
        calc.add(7.0)?;
        calc.div(4.0)
    };
    assert_eq!(work().unwrap(), 3.0);
    assert_eq!(calc.pair(4, 5).unwrap(), [4, 5]);
    assert!(calc.client().call::<_, _, f64>("add", (5,), ()).is_ok());
    assert_eq!(running.stop(), Counters::default());
    assert_eq!(server.cli(&["DBSIZE"]), 0);
}

#[test]
fn arguments_come_by_position_by_name_or_some_of_each() {
    let server = Server::start();
    let running = Running::start(&server);
    let mut calc = client(&server, "calc");
    for (args, kwargs) in [
        (json!([4, 5]), json!({})),
        (json!([4]), json!({"b": 5})),
        (json!([]), json!({"b": 5, "a": 4})),
        (json!(null), json!({"b": 5, "a": 4})),
    ] {
        let pair: [i64; 2] = calc.call("pair", &args, &kwargs).unwrap();
        assert_eq!(pair, [4, 5], "{args} {kwargs}");
    }
    let given: Value = calc.call("optional", (1,), ()).unwrap();
    assert_eq!(given, json!({"a": 1, "b": null}));
    let count: usize = calc.call("count", (1, "2", [3]), ()).unwrap();
    assert_eq!(count, 3);
    let text = calc.call_text("pair", "[1, 2]", "{}").unwrap();
    assert_eq!(text, "[1,2]");
    running.stop();
}

#[test]
fn whatever_goes_wrong_is_an_exception_and_the_server_goes_on() {
    let server = Server::start();
    let running = Running::start(&server);
    let mut calc = client(&server, "calc");
    for (function, args, text) in [
        (
            "div",
            json!([0]),
            "ZeroDivisionError: float division by zero",
        ),
        ("nope", json!([]), "AttributeError: no function \"nope\""),
        ("pair", json!([1]), "TypeError: pair() is missing b"),
        (
            "pair",
            json!([1, 2, 3]),
            "TypeError: pair() takes 2 arguments but 3 were given",
        ),
        ("panic", json!([]), "panic() panicked: at the disco"),
    ] {
        assert_eq!(exception(calc.call(function, &args, ())), text);
    }
    let text = exception(calc.call("pair", ("1", 2), ()));
    assert!(
        text.starts_with("TypeError: pair() got a wrong argument"),
        "{text}"
    );
    assert!(matches!(
        calc.call::<_, _, String>("clr", (), ()),
        Err(CallError::WrongType { .. })
    ));
    assert!(calc.call::<_, _, Value>("clr", 5, ()).is_err());
    running.stop();
}

#[test]
fn a_request_that_nobody_takes_is_taken_back() {
    let server = Server::start();
    let mut nobody = client(&server, "nobody").timeout(Duration::from_millis(500));
    match nobody.call::<_, _, Value>("x", (), ()) {
        Err(CallError::TimedOut { taken, .. }) => assert_eq!(taken, Taken::No),
        other => panic!("{other:?}"),
    }
    assert_eq!(server.cli(&["DBSIZE"]), 0);
}

#[test]
fn a_response_that_comes_too_late_does_not_stay_for_ever() {
    let server = Server::start();
    let mut calc = client(&server, "calc").timeout(Duration::from_secs(2));
    std::thread::scope(|scope| {
        let taking = scope.spawn(|| server.cli(&["BLPOP", "calc", "10"]).items()[1].text());
        match calc.call::<_, _, Value>("x", (), ()) {
            Err(CallError::TimedOut { taken, .. }) => assert_eq!(taken, Taken::Yes),
            other => panic!("{other:?}"),
        }
        let request: Value = serde_json::from_str(&taking.join().unwrap()).unwrap();
        let queue = request["response_queue"].as_str().unwrap();
        server.cli(&["RPUSH", queue, r#"{"return_value": 1}"#]);
        assert!(server.cli(&["TTL", queue]).integer() > 0);
    });
}

#[test]
fn what_waits_at_start_is_served_and_a_response_nobody_takes_expires() {
    let server = Server::start();
    let request = r#"{"function_call": {"name": "clr"}, "response_queue": "calc:rpc:ABCDEFGH"}"#;
    server.cli(&["RPUSH", "calc", request]);
    let running = Running::start(&server);
    let mut calc = Calculator::new(client(&server, "calc"));
    calc.clr().unwrap();
    let life = server.cli(&["TTL", "calc:rpc:ABCDEFGH"]);
    assert!((1..=10).any(|seconds| life == seconds), "{life:?}");
    running.stop();
}

#[test]
fn a_server_serves_again_after_its_redis_was_killed_and_started_anew() {
    let mut server = Server::start();
    let running = Running::start(&server);
    Calculator::new(client(&server, "calc")).clr().unwrap();
    server.kill();
    server.restart();
    Calculator::new(client(&server, "calc")).clr().unwrap();
    running.stop();
}

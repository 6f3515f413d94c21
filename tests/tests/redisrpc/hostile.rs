//! Requests that no well-meaning peer sends: refused or counted, and the loop goes on.

use redis_ipc::rpc::Client;
use redis_ipc::{CallError, Error, Options};
use redis_ipc_tests::python::run;
use redis_ipc_tests::server::Server;
use serde_json::Value;

use super::calls::{Calculator, Running, client, endpoint};

#[test]
fn requests_that_are_none_are_dropped_and_counted() {
    let server = Server::start();
    let running = Running::start(&server);
    let requests: [&[u8]; 8] = [
        b"",
        b"nonsense",
        b"{\"function_call\": {\"name\": \"clr\"}}",
        br#"{"function_call": {"name": "clr"}, "response_queue": 7}"#,
        br#"{"function_call": {"name": "clr"}, "response_queue": "queues.commands.printer"}"#,
        br#"{"function_call": {"name": "clr"}, "response_queue": "other:rpc:ABCDEFGH"}"#,
        br#"{"function_call": {"name": "clr"}, "response_queue": "calc:rpc:ABCDEFG\n"}"#,
        br#"{"function_call": {"name": "clr"}, "response_queue": "calc"}"#,
    ];
    for request in requests {
        server.cli(&[b"RPUSH", b"calc".as_slice(), request]);
    }
    Calculator::new(client(&server, "calc")).clr().unwrap();
    assert_eq!(running.stop().requests_dropped, requests.len() as u64);
    assert_eq!(server.cli(&["DBSIZE"]), 0);
}

#[test]
fn a_request_without_a_call_is_an_exception_for_whoever_waits() {
    let server = Server::start();
    let running = Running::start(&server);
    for (call, why) in [
        ("{}", "member name is missing"),
        ("5", "member function_call is not an object"),
        (r#"{"name": 5}"#, "member name is not a text"),
        (
            r#"{"name": "add", "args": {"number": 5}}"#,
            "member args is not an array",
        ),
    ] {
        let request =
            format!(r#"{{"function_call": {call}, "response_queue": "calc:rpc:00000000"}}"#);
        server.cli(&["RPUSH", "calc", &request]);
        let response = server.cli(&["BLPOP", "calc:rpc:00000000", "50"]);
        let response: Value = serde_json::from_str(&response.items()[1].text()).unwrap();
        assert_eq!(response["exception"], why);
    }
    running.stop();
}

#[test]
fn a_pickle_is_refused_with_a_clear_exception() {
    let server = Server::start();
    let running = Running::start(&server);
    let said = run(
        "redisrpc_peer",
        &[&server.path(), "pickle", "calc", "clr", "60"],
    );
    assert_eq!(
        said,
        [r#"{"exception": "pickled messages are refused; send JSON"}"#]
    );
    running.stop();
}

#[test]
fn a_response_that_is_none_is_an_error_and_the_next_call_goes_on() {
    let server = Server::start();
    let mut calc = client(&server, "fake");
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for response in ["nonsense", "{}", "[]", r#"{"return_value": 1}"#] {
                let request = server.cli(&["BLPOP", "fake", "50"]).items()[1].text();
                let request: Value = serde_json::from_str(&request).unwrap();
                let queue = request["response_queue"].as_str().unwrap();
                server.cli(&["RPUSH", queue, response]);
            }
        });
        for _ in 0..3 {
            let refused = calc.call::<_, _, Value>("x", (), ());
            assert!(
                matches!(refused, Err(CallError::Bus(Error::Unexpected(_)))),
                "{refused:?}"
            );
        }
        assert_eq!(calc.call::<_, _, i32>("x", (), ()).unwrap(), 1);
    });
}

#[test]
fn queues_that_are_no_names_are_refused() {
    let server = Server::start();
    for queue in ["", "a b", "a\nb", "a*"] {
        let refused = Client::connect_to(&endpoint(&server), queue, Options::default());
        assert!(matches!(refused, Err(Error::Name { .. })), "{queue:?}");
    }
}

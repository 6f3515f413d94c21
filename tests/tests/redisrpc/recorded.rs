//! Every message of the recorded traffic is read as it was meant, and what we write for the same
//! meaning is the same bytes.

use redis_ipc_core::dialect::redisrpc::{
    Response, read_request, read_response, write_exception, write_request, write_return_value,
};
use redis_ipc_core::key::redisrpc as key;
use redis_ipc_core::name::Queue;
use redis_ipc_core::write::Writer;
use redis_ipc_tests::vectors::requests;
use serde_json::{Value, json};

/// Key and text of all that was pushed.
fn pushed() -> Vec<(String, String)> {
    let text = |word: &Vec<u8>| String::from_utf8(word.clone()).unwrap();
    requests("redisrpc_python")
        .iter()
        .filter(|words| words[0] == b"RPUSH")
        .map(|words| (text(&words[1]), text(&words[2])))
        .collect()
}

/// What `write` writes.
fn written(write: impl FnOnce(&mut Writer<'_>)) -> String {
    let mut buffer = [0; 4096];
    let mut w = Writer::new(&mut buffer);
    write(&mut w);
    String::from_utf8(w.finish().unwrap().to_vec()).unwrap()
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn every_request_is_read_as_meant_and_written_alike() {
    let mut names = Vec::new();
    for (queue, text) in pushed().iter().filter(|(key, _)| !key.contains(":rpc:")) {
        let mut bytes = text.clone().into_bytes();
        let request = read_request(&mut bytes).unwrap();
        let original = parsed(text);
        let call = &original["function_call"];
        assert_eq!(request.name, call["name"]);
        let args = call.get("args").cloned().unwrap_or_else(|| json!([]));
        let kwargs = call.get("kwargs").cloned().unwrap_or_else(|| json!({}));
        assert_eq!(parsed(request.args), args);
        assert_eq!(parsed(request.kwargs), kwargs);
        let server = Queue::parse(queue).unwrap();
        let response = key::response_of_peer(server, request.response_queue);
        assert!(response.is_some(), "{}", request.response_queue);
        let again = written(|w| {
            write_request(
                w,
                request.name,
                request.args,
                request.kwargs,
                request.response_queue,
            );
        });
        assert_eq!(&again, text);
        names.push(request.name.to_owned());
    }
    assert_eq!(names, ["clr", "add", "val", "pair", "div", "nope", "x"]);
}

#[test]
fn every_response_is_read_as_meant_and_written_alike() {
    let mut exceptions = 0;
    let mut values = Vec::new();
    for (_, text) in pushed().iter().filter(|(key, _)| key.contains(":rpc:")) {
        let mut bytes = text.clone().into_bytes();
        let again = match read_response(&mut bytes).unwrap() {
            Response::ReturnValue(value) => {
                values.push(parsed(value));
                written(|w| write_return_value(w, |w| w.put(value.as_bytes())))
            }
            Response::Exception(exception) => {
                exceptions += 1;
                assert_eq!(exception, parsed(text)["exception"]);
                written(|w| write_exception(w, exception))
            }
        };
        assert_eq!(&again, text);
    }
    assert_eq!(values, [json!(0.0), json!(5.0), json!(5.0), json!([4, 5])]);
    assert_eq!(exceptions, 2);
}

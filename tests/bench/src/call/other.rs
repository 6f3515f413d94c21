//! One call through redisbus and one through redisrpc: messages of the same size, and the same
//! texts in them.

use std::time::Duration;

use redis_ipc::bus::{Client as BusClient, Worker};
use redis_ipc::rpc::{Client as RpcClient, Server};
use redis_ipc::{Connection, Failure as Refusal, Options, Stop};

use super::{MESSAGE, Print, Printed, WARM_UP, endpoint, finish, start, time};
use crate::{Failure, Outcome};

const WORKER: &str = "printer-1";
const RPC_QUEUE: &str = "printer";

/// What surrounds the text in each message.
const BUS_COMMAND: &str =
    r#"{"x": "print", "d": {"method":"print","text":""}, "c": "c:3ac56163200a", "i": ""}"#;
const BUS_REPLY: &str =
    r#"{"c": "c:3ac56163200a", "d": {"done":true,"text":""}, "i": "printer-1"}"#;
const RPC_REQUEST: &str = r#"{"function_call": {"name": "print", "args": [{"method":"print","text":""}]}, "response_queue": "printer:rpc:6UI9C2N5"}"#;
const RPC_RESPONSE: &str = r#"{"return_value": {"done":true,"text":""}}"#;

/// Longer than any padding here.
type Text = heapless::String<256>;

pub(super) fn run(who: &str, socket: &str, calls: u32) -> Outcome {
    let mut server = Connection::open(&endpoint(socket)?)?;
    server.del(&[format!("direct:{WORKER}").as_str(), RPC_QUEUE])?;
    let component = start(who, socket, calls)?;
    let made = match who {
        "redisbus" => call_worker(socket, calls),
        _ => call_server(socket, calls),
    };
    finish(made, component)
}

fn call_worker(socket: &str, calls: u32) -> Result<Vec<Duration>, Failure> {
    let mut caller = BusClient::connect_to(&endpoint(socket)?, Options::default())?;
    let text = padding(BUS_COMMAND);
    let job = Print {
        method: "print",
        text: text.as_str(),
    };
    let to = format!("worker:{WORKER}");
    time(calls, || {
        let limit = Duration::from_secs(10);
        let printed: Printed<Text> = caller.call(&to, "print", &job, limit)?;
        Ok(printed.done && !printed.text.is_empty())
    })
}

fn call_server(socket: &str, calls: u32) -> Result<Vec<Duration>, Failure> {
    let mut caller = RpcClient::connect_to(&endpoint(socket)?, RPC_QUEUE, Options::default())?;
    let text = padding(RPC_REQUEST);
    let job = Print {
        method: "print",
        text: text.as_str(),
    };
    time(calls, || {
        let printed: Printed<Text> = caller.call("print", (&job,), ())?;
        Ok(printed.done && !printed.text.is_empty())
    })
}

/// Answers all calls to the worker, then ends.
pub(super) fn work(socket: &str, calls: u32) -> Outcome {
    let stop = Stop::new();
    let mut print = printer(calls, stop.clone(), BUS_REPLY);
    Worker::new("local", "printer")
        .with_id(WORKER)
        .on("print", move |job, _| print(job))
        .until(stop)
        .run(&endpoint(socket)?, Options::default())?;
    Ok(())
}

/// Answers all calls to the server, then ends.
pub(super) fn serve(socket: &str, calls: u32) -> Outcome {
    let stop = Stop::new();
    let mut print = printer(calls, stop.clone(), RPC_RESPONSE);
    Server::new(RPC_QUEUE)
        .on("print", &["job"], move |(job,)| print(job))
        .until(stop)
        .run(&endpoint(socket)?, Options::default())?;
    Ok(())
}

fn printer(
    calls: u32,
    stop: Stop,
    bare: &str,
) -> impl FnMut(Print<Text>) -> Result<Printed<Text>, Refusal> + use<> {
    let mut left = WARM_UP + calls;
    let text = padding(bare);
    move |job| {
        left -= 1;
        if left == 0 {
            stop.request();
        }
        if job.method != "print" || job.text.is_empty() {
            return Err(Refusal::new("bad-job", "there is nothing to print"));
        }
        let text = text.clone();
        Ok(Printed { done: true, text })
    }
}

/// What brings a message to its size.
fn padding(bare: &str) -> Text {
    let mut text = Text::new();
    while text.len() + bare.len() < MESSAGE && text.push('m').is_ok() {}
    text
}

//! A calculator that lives elsewhere: both sides of redisrpc.
//!
//! ```sh
//! eval "$(ipc-tool up)"
//! cargo run -p redis-ipc --example calculator serve &
//! cargo run -p redis-ipc --example calculator clr add 5 add 7 div 4
//! ipc-tool rpc call calc div 0
//! ```

use std::cell::Cell;

use redis_ipc::rpc::{Client, Server};
use redis_ipc::{CallError, Endpoint, Failure, Options};

redis_ipc::proxy! {
    /// The calculator as its callers see it.
    struct Calculator {
        /// Forgets what it holds.
        fn clr() -> f64;
        /// Adds to what it holds, and returns that.
        fn add(number: f64) -> f64;
        /// Divides what it holds, and returns that.
        fn div(number: f64) -> f64;
    }
}

/// The queue of its requests.
const QUEUE: &str = "calc";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut words = std::env::args().skip(1).peekable();
    if words.peek().map(String::as_str) == Some("serve") {
        return serve();
    }
    let mut calculator = Calculator::new(Client::connect(QUEUE)?);
    while let Some(function) = words.next() {
        let mut number = || words.next().unwrap_or_default().parse();
        let held = match function.as_str() {
            "clr" => calculator.clr(),
            "add" => calculator.add(number()?),
            "div" => calculator.div(number()?),
            other => return Err(format!("a calculator has clr, add and div, not {other:?}").into()),
        };
        match held {
            Ok(held) => println!("{held}"),
            // What the function failed with, in its words.
            Err(CallError::Failed(exception)) => println!("{}", exception.message()),
            // For instance that nobody took the request within five seconds, so it was taken back.
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Serves until SIGTERM or Ctrl-C.
fn serve() -> Result<(), Box<dyn std::error::Error>> {
    let held = Cell::new(0.0);
    let hold = |number: f64| {
        held.set(number);
        number
    };
    Server::new(QUEUE)
        .on("clr", &[], |()| Ok(hold(0.0)))
        .on("add", &["number"], |(number,): (f64,)| {
            Ok(hold(held.get() + number))
        })
        .on("div", &["number"], |(number,): (f64,)| {
            if number == 0.0 {
                return Err(Failure::new("ZeroDivisionError", "division by zero"));
            }
            Ok(hold(held.get() / number))
        })
        .run(&Endpoint::from_environment()?, Options::default())?;
    Ok(())
}

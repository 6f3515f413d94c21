//! From a restarted server's first answer to the first command that a component serves.

use std::time::{Duration, Instant};

use redis_ipc::{Connection, Delivery, Service, Stop};

use crate::server::Server;
use crate::{Failure, Outcome, call};

/// How long the server is away: long beside the longest wait between two attempts.
const AWAY: Duration = Duration::from_millis(700);

/// Prints milliseconds, of one restart.
pub(crate) fn run() -> Outcome {
    let mut server = Server::start()?;
    let socket = server.socket();
    let mut component = call::join(&socket, "echo")?;
    component.set_delivery(Delivery::AtMostOnce);
    let stop = Stop::new();
    let until = stop.clone();
    let serving = std::thread::spawn(move || {
        let echo = |job: serde_json::Value, _: &mut redis_ipc::Command<'_>| Ok(job);
        Service::new()
            .on_command(echo)
            .until(until)
            .run(&mut component)
    });
    let measured = measure(&mut server, &socket);
    stop.request();
    let served = serving.join();
    println!("ms {}", measured?.as_secs_f64() * 1000.0);
    match served {
        Ok(served) => Ok(served?),
        Err(_) => Err(Failure::Broken("the component panicked".to_owned())),
    }
}

fn measure(server: &mut Server, socket: &str) -> Result<Duration, Failure> {
    serve_one(socket)?;
    server.kill()?;
    std::thread::sleep(AWAY);
    server.launch()?;
    let begin = Instant::now();
    serve_one(socket)?;
    Ok(begin.elapsed())
}

/// One command by hand, and its result.
fn serve_one(socket: &str) -> Outcome {
    let mut server = Connection::open(&call::endpoint(socket)?)?;
    let results = "queues.results.bench.main";
    let command = format!(r#"{{"results_queue":"{results}","command_id":"1"}}"#);
    server.rpush("queues.commands.echo", command)?;
    match server.blpop(&[results], Some(Duration::from_secs(10)))? {
        Some(_) => Ok(()),
        None => Err(Failure::Broken("the component does not answer".to_owned())),
    }
}

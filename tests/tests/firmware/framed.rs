//! The firmware with frames on its line: `ipc-tool serial` is the other end, and the line between
//! loses, repeats and flips bytes.

use std::process::{Child, Command, Stdio};

use redis_ipc::{CallError, Taken};
use redis_ipc_tests::board::Board;
use redis_ipc_tests::noise::Noise;
use redis_ipc_tests::server::Server;
use serde_json::{Value, json};

use super::{PATIENCE, caller, field, framed_firmware, read, tool, until};

/// The gateway; it is killed on drop.
pub(crate) struct Gateway(Child);

impl Gateway {
    pub(crate) fn start(server: &Server, noise: &Noise) -> Self {
        let child = Command::new(tool())
            .args(["serial", "--component", "sensor", "--server"])
            .arg(server.path())
            .arg("--device")
            .arg(noise.host())
            .stdout(Stdio::null())
            .spawn();
        Self(child.expect("ipc-tool runs"))
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A board, its line and its gateway.
fn line(server: &Server, seed: u64, rarity: u64) -> (Board, Noise, Gateway) {
    let noise = Noise::start(seed, rarity);
    let board = Board::start(&framed_firmware(), &noise.board());
    let gateway = Gateway::start(server, &noise);
    (board, noise, gateway)
}

#[test]
fn the_same_firmware_serves_over_frames() {
    let server = Server::start();
    let _line = line(&server, 1, 0);
    let mut desk = caller(&server);
    let temperature = read(&mut desk).unwrap()["temperature"].as_f64().unwrap();
    assert!((20.0..=25.0).contains(&temperature), "{temperature}");
    server.cli(&["HSET", "settings.sensor", "offset", "-5000"]);
    until("the offset counts", || {
        let temperature = read(&mut desk).unwrap()["temperature"].as_f64().unwrap();
        (-30.0..=-25.0).contains(&temperature)
    });
    let mut listener = server.client();
    listener.command(&["SUBSCRIBE", "channel.events.sensor"]);
    let event = listener.receive().items()[2].text();
    assert!(event.contains("\"temperature\""), "{event}");
    let mut client = server.client();
    assert_eq!(field(&mut client, "greeted"), Some(1));
    assert_eq!(field(&mut client, "lost"), Some(0));
}

/// Each command asks for another rate and is answered with it, or the caller is told that it is
/// not known what became of it.
#[test]
fn over_a_line_that_loses_repeats_and_flips_no_command_is_answered_wrongly() {
    let server = Server::start();
    for (seed, rarity) in [(1, 2000), (2, 500), (3, 250)] {
        let (_board, noise, _gateway) = line(&server, seed, rarity);
        let mut desk = caller(&server);
        let (mut answered, mut reported) = (0, 0);
        for rate in 5000..5025 {
            let command = json!({"method": "set-rate", "milliseconds": rate});
            match desk.call::<_, Value>("sensor", &command, PATIENCE) {
                Ok(answer) => {
                    assert_eq!(answer, json!({"rate": rate}));
                    answered += 1;
                }
                Err(CallError::TimedOut {
                    taken: Taken::Yes, ..
                }) => reported += 1,
                Err(error) => panic!("{error}"),
            }
        }
        println!(
            "one byte in {rarity}: {} spoilt, {answered} answered, {reported} reported",
            noise.spoilt()
        );
        assert!(noise.spoilt() > 5, "{}", noise.spoilt());
        // Only where the component loses its patience may a command be lost.
        assert!(reported <= 2, "{reported}");
    }
}

/// The gateway is killed and the board reset while commands are on their way: none is executed
/// twice, and no more are lost than could be at work at each break.
#[test]
fn no_command_is_executed_twice_whatever_is_started_anew() {
    const COMMANDS: usize = 60;
    const EACH: usize = 10;
    let server = Server::start();
    let (board, noise, mut gateway) = line(&server, 7, 500);
    let mut client = server.client();
    let results = |number: usize| format!("queues.results.test.n{number}");
    let mut breaks = 0;
    for number in 0..COMMANDS {
        let command = format!(
            "{{\"method\":\"set-rate\",\"milliseconds\":{},\"results_queue\":\"{}\",\"command_id\":\"{number}\"}}",
            5000 + number,
            results(number)
        );
        client.command(&["RPUSH", "queues.commands.sensor", &command]);
        if number % EACH == EACH - 1 {
            // Somewhere among these commands.
            until("some are answered", || {
                let first = number + 1 - EACH + breaks;
                let there = |number| client.command(&["EXISTS", &results(number)]).integer() == 1;
                (first..=number).any(there)
            });
            match breaks % 2 {
                0 => {
                    drop(gateway);
                    gateway = Gateway::start(&server, &noise);
                }
                _ => board.reset(),
            }
            breaks += 1;
        }
    }
    until("all are taken", || {
        client
            .command(&["LLEN", "queues.commands.sensor"])
            .integer()
            == 0
    });
    // Whatever was taken before this one is answered before it.
    let last = json!({"method": "read"});
    let mut desk = caller(&server);
    while desk.call::<_, Value>("sensor", &last, PATIENCE).is_err() {}
    let mut lost = 0;
    for number in 0..COMMANDS {
        let answers = client.command(&["LRANGE", &results(number), "0", "-1"]);
        let answers = answers.texts();
        assert!(answers.len() <= 1, "{answers:?}");
        let right = format!("{{\"rate\":{},", 5000 + number);
        assert!(
            answers.iter().all(|answer| answer.starts_with(&right)),
            "{answers:?}"
        );
        lost += usize::from(answers.is_empty());
    }
    println!("{breaks} breaks, {lost} of {COMMANDS} commands lost");
    // The one that was at work, and another where a session was begun in vain.
    assert!(lost <= 2 * breaks, "{lost} lost");
}

#[test]
fn a_framed_board_lives_through_the_loss_of_server_and_gateway() {
    let mut server = Server::start();
    let (board, noise, gateway) = line(&server, 9, 1000);
    read(&mut caller(&server)).unwrap();
    server.kill();
    server.restart();
    read(&mut caller(&server)).unwrap();
    drop(gateway);
    let _gateway = Gateway::start(&server, &noise);
    read(&mut caller(&server)).unwrap();
    board.reset();
    read(&mut caller(&server)).unwrap();
}

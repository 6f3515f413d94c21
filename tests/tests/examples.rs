//! The examples of the two other buses do what their first lines say.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use redis_ipc::bus::Client;
use redis_ipc::{CallError, Endpoint, Options};
use redis_ipc_tests::server::Server;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_secs(60);

const THERMOMETER: &str = "group:local/thermometer";

/// Kept from run to run, apart from everybody else's.
fn target() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("examples")
}

/// An example beside a server, built.
fn example(name: &str, server: &Server) -> Command {
    let built = Command::new(env!("CARGO"))
        .args([
            "build",
            "--quiet",
            "--offline",
            "--locked",
            "-p",
            "redis-ipc",
        ])
        .args(["--example", name, "--target-dir"])
        .arg(target())
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."))
        .output()
        .unwrap();
    let complaints = String::from_utf8_lossy(&built.stderr);
    assert!(built.status.success(), "{complaints}");
    let mut program = Command::new(target().join("debug/examples").join(name));
    program
        .env("RIPC_SERVER_PATH", server.socket())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    program
}

/// An example that runs on; killed if a test ends before it.
struct Running(Option<Child>);

impl Running {
    fn start(program: &mut Command) -> Self {
        Self(Some(program.spawn().unwrap()))
    }

    /// As Ctrl-C does; what it leaves behind.
    fn interrupt(mut self) -> Output {
        let program = self.0.take().unwrap();
        kill_process(Pid::from_child(&program), Signal::INT).unwrap();
        let output = program.wait_with_output().unwrap();
        assert!(output.status.success(), "{output:?}");
        output
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(mut program) = self.0.take() {
            let _ = program.kill();
            let _ = program.wait();
        }
    }
}

#[test]
fn the_thermometer_measures_streams_refuses_and_stops() {
    let server = Server::start();
    let thermometer = Running::start(&mut example("thermometer", &server));
    let endpoint = Endpoint::unix(server.socket()).unwrap();
    let mut client = Client::connect_to(&endpoint, Options::default()).unwrap();
    let read = json!({"unit": "kelvin"});
    let kelvin: Value = client.call(THERMOMETER, "read", &read, PATIENCE).unwrap();
    let value = kelvin["value"].as_f64().unwrap();
    assert!(
        (293.15..298.2).contains(&value) && kelvin["unit"] == "kelvin",
        "{kelvin}"
    );

    let replies = client.ask(THERMOMETER, "history", &1, PATIENCE).unwrap();
    let history: Vec<_> = replies.map(|reply| reply.unwrap()).collect();
    assert_eq!(history.len(), 1, "{history:?}");

    let refused = client.call::<_, Value>(THERMOMETER, "calibrate", &(), PATIENCE);
    let Err(CallError::Failed(failure)) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(
        failure.message(),
        "no-sensor: there is nothing to calibrate"
    );
    let said = String::from_utf8(thermometer.interrupt().stderr).unwrap();
    assert!(said.contains("thermometer: serving as "), "{said}");
    assert!(
        said.ends_with("thermometer: 0 messages dropped\n"),
        "{said}"
    );
}

#[test]
fn the_calculator_calculates_elsewhere() {
    let server = Server::start();
    let serving = Running::start(example("calculator", &server).arg("serve"));
    let sum = ["clr", "add", "5", "add", "7", "div", "4", "div", "0"];
    let output = example("calculator", &server).args(sum).output().unwrap();
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        "0\n5\n12\n3\nZeroDivisionError: division by zero\n"
    );
    assert!(output.status.success());
    serving.interrupt();
}

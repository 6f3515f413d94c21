//! `ipc-tool serial`, with a board that is a few lines of this test.

use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::time::{Duration, Instant};

use redis_ipc_core::link::framed::{Board, Buffers};
use redis_ipc_tests::server::Server;

use super::support::{Started, Tool, terminal};

const PATIENCE: Duration = Duration::from_secs(60);

/// What a board says and hears; nothing in it waits.
trait Line: Read + Write {}
impl<T: Read + Write> Line for T {}

/// A board on a line.
struct Simulated<'b> {
    board: Board<'b>,
    line: Box<dyn Line>,
    started: Instant,
}

impl<'b> Simulated<'b> {
    fn new(buffers: &'b mut Buffers<256, 256>, nonce: u32, line: impl Line + 'static) -> Self {
        Self {
            board: Board::new(buffers, nonce, 50),
            line: Box::new(line),
            started: Instant::now(),
        }
    }

    /// Moves what there is.
    fn turn(&mut self) {
        let now = u32::try_from(self.started.elapsed().as_millis()).unwrap();
        let said = self.board.outgoing(now);
        if !said.is_empty() {
            let count = self.line.write(said).unwrap_or(0);
            self.board.sent(count);
        }
        let mut room = [0; 256];
        match self.line.read(&mut room) {
            Ok(count) => drop(self.board.receive(&room[..count])),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                std::thread::sleep(Duration::from_micros(200));
            }
            // A line at whose other end nobody is.
            Err(_) => std::thread::sleep(Duration::from_millis(5)),
        }
    }

    #[track_caller]
    fn until(&mut self, mut so: impl FnMut(&mut Self) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !so(self) {
            assert!(Instant::now() < deadline, "it does not become so");
            self.turn();
        }
    }

    #[track_caller]
    fn open(&mut self) {
        self.until(|board| board.board.is_open());
        self.board.has_changed();
    }

    #[track_caller]
    fn say(&mut self, bytes: &[u8]) {
        let mut left = bytes;
        self.until(|board| {
            let taken = board.board.write(left);
            left = &left[taken..];
            left.is_empty()
        });
    }

    /// Hears exactly this.
    #[track_caller]
    fn hear(&mut self, expected: &str) {
        let mut heard = Vec::new();
        self.until(|board| {
            let mut room = [0; 64];
            let count = board.board.read(&mut room);
            heard.extend(&room[..count]);
            heard.len() >= expected.len()
        });
        assert_eq!(String::from_utf8_lossy(&heard), expected);
    }
}

fn request(words: &[&str]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", words.len());
    for word in words {
        bytes += &format!("${}\r\n{word}\r\n", word.len());
    }
    bytes.into_bytes()
}

/// A gateway on a socket in the server's folder, and the board's end of that.
fn gateway(server: &Server, more: &[&str]) -> (Started, UnixStream) {
    let path = server.folder().join("line");
    let listener = UnixListener::bind(&path).unwrap();
    let path = path.to_str().unwrap();
    let words = [&["serial", "--component", "sensor", "--device", path], more].concat();
    let started = Tool::on(server).start_ready(&words);
    let (line, _) = listener.accept().unwrap();
    line.set_nonblocking(true).unwrap();
    (started, line)
}

const REFUSED: &str = "-NOPERM this board may not use ";

#[test]
fn what_is_not_allowed_is_refused_in_its_place_among_the_replies() {
    let server = Server::start();
    let (_gateway, line) = gateway(&server, &["--allow", "RPUSH queues.commands.printer*"]);
    let mut buffers = Buffers::new();
    let mut board = Simulated::new(&mut buffers, 1, line);
    board.open();
    for words in [
        &["HSET", "status.sensor", "a", "1"][..],
        &["FLUSHALL"],
        &["HGET", "status.sensor", "a"],
        &["EVAL", "redis.call('flushall')", "0"],
        &["HSET", "settings.sensor", "a", "1"],
        &["RPUSH", "queues.commands.printer", "x"],
        &["RPUSH", "queues.commands.scanner", "x"],
        &["PING"],
    ] {
        board.say(&request(words));
    }
    board.say(b"FLUSHALL\r\n*1\r\n*1\r\n$8\r\nFLUSHALL\r\n");
    board.say(&request(&["PING"]));
    board.hear(&format!(
        ":1\r\n{REFUSED}'FLUSHALL'\r\n$1\r\n1\r\n{REFUSED}'EVAL'\r\n\
         {REFUSED}HSET on 'settings.sensor'\r\n:1\r\n\
         {REFUSED}RPUSH on 'queues.commands.scanner'\r\n+PONG\r\n\
         -NOPERM this board may not send words on a line\r\n\
         -NOPERM this board may not send an array of other things than bulks\r\n+PONG\r\n"
    ));
    assert_eq!(server.cli(&["HGET", "status.sensor", "a"]), "1");
    assert_eq!(server.cli(&["EXISTS", "settings.sensor"]), 0);
}

#[test]
fn what_is_no_request_ends_the_session_and_the_next_one_begins() {
    let server = Server::start();
    let (gateway, line) = gateway(&server, &["--json"]);
    let mut buffers = Buffers::new();
    let mut board = Simulated::new(&mut buffers, 1, line);
    board.open();
    board.say(b"*1\r\n$3\r\nPINGS\r\n");
    board.until(|board| board.board.has_changed());
    board.open();
    board.say(&request(&["PING"]));
    board.hear("+PONG\r\n");
    for expected in [
        r#"{"event":"session","number":"1"}"#,
        r#"{"event":"end","reason":"the board sends what is no RESP: a bulk does not end where its length says"}"#,
        r#"{"event":"session","number":"2"}"#,
    ] {
        assert_eq!(gateway.line(), expected);
    }
    gateway.signal("INT");
    assert_eq!(gateway.end().code, 0);
}

#[test]
fn a_large_reply_and_pushes_come_through_a_small_window() {
    let server = Server::start();
    let (_gateway, line) = gateway(&server, &[]);
    let mut buffers = Buffers::new();
    let mut board = Simulated::new(&mut buffers, 1, line);
    board.open();
    let long = "v".repeat(20_000);
    server.cli(&["HSET", "settings.sensor", "f", &long]);
    board.say(&request(&["HELLO", "3", "SETNAME", "s"]));
    let track = [
        "CLIENT",
        "TRACKING",
        "ON",
        "BCAST",
        "PREFIX",
        "settings.sensor",
    ];
    board.say(&request(&track));
    board.until(|board| board.board.readable() > 0);
    // What HELLO says is not the same for every server.
    let mut heard = Vec::new();
    board.until(|board| {
        let mut room = [0; 64];
        let count = board.board.read(&mut room);
        heard.extend(&room[..count]);
        heard.ends_with(b"+OK\r\n")
    });
    board.say(&request(&["HGET", "settings.sensor", "f"]));
    board.hear(&format!("$20000\r\n{long}\r\n"));
    server.cli(&["HSET", "settings.sensor", "g", "1"]);
    board.hear(">2\r\n$10\r\ninvalidate\r\n*1\r\n$15\r\nsettings.sensor\r\n");
}

#[test]
fn the_gateway_logs_in_for_the_board_and_again_behind_a_reset() {
    let server = Server::setup().config("requirepass secret").start();
    let path = server.folder().join("line");
    let listener = UnixListener::bind(&path).unwrap();
    let path = path.to_str().unwrap();
    let address = format!("unix://:secret@{}", server.path());
    let words = [
        "--server",
        &address,
        "serial",
        "--component",
        "sensor",
        "--device",
        path,
    ];
    let _gateway = Tool::on(&server).start_ready(&words);
    let (line, _) = listener.accept().unwrap();
    line.set_nonblocking(true).unwrap();
    let mut buffers = Buffers::new();
    let mut board = Simulated::new(&mut buffers, 1, line);
    board.open();
    for words in [&["PING"][..], &["RESET"], &["HLEN", "status.sensor"]] {
        board.say(&request(words));
    }
    board.hear("+PONG\r\n+RESET\r\n:0\r\n");
    board.say(&request(&["HELLO", "3", "AUTH", "default", "secret"]));
    board.hear(&format!("{REFUSED}'HELLO with AUTH'\r\n"));
}

#[test]
fn a_server_that_is_started_anew_ends_the_session_and_gets_another_one() {
    let mut server = Server::start();
    let (_gateway, line) = gateway(&server, &[]);
    let mut buffers = Buffers::new();
    let mut board = Simulated::new(&mut buffers, 1, line);
    board.open();
    server.kill();
    board.until(|board| board.board.has_changed());
    for _ in 0..200 {
        board.turn();
    }
    assert!(!board.board.is_open());
    server.restart();
    board.open();
    board.say(&request(&["PING"]));
    board.hear("+PONG\r\n");
}

#[test]
fn a_serial_port_is_set_up_and_waited_for_when_it_is_gone() {
    let server = Server::start();
    let (end, path) = terminal();
    let device = server.folder().join("port");
    std::os::unix::fs::symlink(&path, &device).unwrap();
    let name = device.to_str().unwrap().to_owned();
    let words = ["serial", "--component", "sensor", "--device", &name];
    let gateway = Tool::on(&server).start_ready(&words);
    let mut buffers = Buffers::new();
    let mut board = Simulated::new(&mut buffers, 1, end);
    board.open();
    // Every byte passes as it is, whatever it means to a terminal.
    let all: String = (1..128_u8).map(char::from).collect();
    board.say(&request(&["HSET", "status.sensor", "all", &all]));
    board.hear(":1\r\n");
    assert_eq!(server.cli(&["HLEN", "status.sensor"]), 1);
    let said = gateway.line();
    assert!(said.contains("session 1 begins"), "{said}");
    // The adapter is pulled out, and put in again.
    drop(board);
    let said = gateway.line();
    assert!(said.contains("waiting for it"), "{said}");
    let (end, path) = terminal();
    std::fs::remove_file(&device).unwrap();
    std::os::unix::fs::symlink(&path, &device).unwrap();
    let mut buffers = Buffers::new();
    let mut board = Simulated::new(&mut buffers, 2, end);
    board.open();
    board.say(&request(&["HLEN", "status.sensor"]));
    board.hear(":1\r\n");
    gateway.signal("TERM");
    assert_eq!(gateway.end().code, 0);
}

#[test]
fn a_line_that_speaks_no_frames_is_told_of() {
    let server = Server::start();
    let (gateway, mut line) = gateway(&server, &[]);
    line.write_all(&b"\xf0\x00PING\r\n".repeat(30)).unwrap();
    let note = gateway.complaint();
    assert!(note.contains("115200 baud"), "{note}");
}

#[test]
fn mistakes_are_told_with_the_way_out() {
    let server = Server::start();
    let tool = Tool::on(&server);
    for (words, code, part) in [
        (
            &["serial", "--device", "/dev/ttyUSB77", "--component", "s"][..],
            1,
            "plugged in",
        ),
        (
            &["serial", "--device", "/dev/null", "--component", "s"],
            1,
            "neither a serial port",
        ),
        (&["serial", "--device", "/dev/null"], 2, "--component"),
        (&["serial", "--component", "s"], 2, "--device"),
        (
            &["serial", "--device", "/dev/null", "--component", "a b"],
            2,
            "1 to 64",
        ),
        (
            &["serial", "--device", "/dev/null", "--allow", "EVAL *"],
            2,
            "cannot be allowed",
        ),
        (
            &["serial", "--device", "/dev/null", "--allow", "GETT x"],
            2,
            "no command",
        ),
        (
            &[
                "serial",
                "--device",
                "/dev/null",
                "--component",
                "s",
                "--baud",
                "x",
            ],
            2,
            "baud",
        ),
        (
            &[
                "serial",
                "--device",
                "/dev/null",
                "--component",
                "s",
                "--server",
                "/none",
            ],
            3,
            "/none",
        ),
    ] {
        let ran = tool.run(words);
        assert_eq!(ran.code, code, "{words:?}: {ran:?}");
        assert!(ran.stderr.contains(part), "{words:?}: {ran:?}");
    }
    let (_end, path) = terminal();
    let ran = tool.run(&[
        "serial",
        "--device",
        &path,
        "--component",
        "s",
        "--baud",
        "0",
    ]);
    assert_eq!(ran.code, 2, "{ran:?}");
}

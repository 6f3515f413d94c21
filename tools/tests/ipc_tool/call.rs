//! `ipc-tool call`, each of its ends.

use crate::support::{Tool, wait_until};
use redis_ipc_tests::server::Server;

#[test]
fn the_answer_is_printed_as_it_came() {
    let server = Server::start();
    let tool = Tool::on(&server);
    let _service = tool.start_ready(&["serve", "echo", "--exec", "cat"]);
    let said = r#"{"b": 36.600000000000001, "a":"\u00fc \/ \ud83d\ude00"}"#;
    assert_eq!(tool.ok(&["call", "echo", said]), format!("{said}\n"));
    assert_eq!(tool.ok(&["call", "echo"]), "{}\n");
    let ran = tool.run_with(said, &["call", "echo", "-"]);
    assert_eq!((ran.code, ran.stdout), (0, format!("{said}\n")));
}

#[test]
fn for_machines_the_answer_is_one_line() {
    let server = Server::start();
    let tool = Tool::on(&server);
    let exec = r#"printf '{\n "a":\n 1 }\n'"#;
    let _service = tool.start_ready(&["serve", "echo", "--exec", exec]);
    assert_eq!(tool.ok(&["call", "echo", "--json"]), "{\"a\":  1}\n");
    assert_eq!(tool.ok(&["call", "echo"]), "{\"a\":\n 1}\n");
}

#[test]
fn two_calls_at_once_each_get_their_own_answer() {
    let server = Server::start();
    let tool = Tool::on(&server);
    let _service = tool.start_ready(&["serve", "echo", "--exec", "cat"]);
    let numbers = 0..16;
    let calls: Vec<_> = numbers
        .map(|number| format!("{{\"number\":{number}}}"))
        .map(|said| (tool.start(&["call", "echo", &said]), said))
        .collect();
    for (call, said) in calls {
        assert_eq!(call.end().stdout.trim(), said);
    }
}

#[test]
fn a_command_that_nobody_takes_is_exit_4_and_leaves_nothing() {
    let server = Server::start();
    let ran = Tool::on(&server).run(&["call", "nobody.print", "{}", "--timeout", "0.5"]);
    assert_eq!((ran.code, &*ran.stdout), (4, ""));
    assert!(
        ran.stderr
            .starts_with("ipc-tool: nobody took the command for nobody.print")
    );
    assert_eq!(server.cli(&["KEYS", "queues.*"]).items().len(), 0);
}

#[test]
fn an_error_of_the_component_is_exit_5_with_its_code() {
    let server = Server::start();
    let tool = Tool::on(&server);
    let exec = "echo out of paper >&2; exit 9";
    let _service = tool.start_ready(&["serve", "printer", "--exec", exec]);
    let ran = tool.run(&["call", "printer", "{}"]);
    assert_eq!(
        (ran.code, &*ran.stderr),
        (5, "ipc-tool: exit-9: out of paper\n")
    );
    let ran = tool.run(&["call", "printer", "{}", "--json"]);
    assert_eq!(
        ran.stderr,
        "{\"error\":{\"code\":\"exit-9\",\"message\":\"exit-9: out of paper\"},\"exit\":5}\n"
    );
}

#[test]
fn a_command_that_was_taken_and_not_answered_is_exit_7() {
    let server = Server::start();
    let call = Tool::on(&server).start(&["call", "printer", "{}", "--timeout", "3", "--json"]);
    let taken = server
        .client()
        .command(&["BLPOP", "queues.commands.printer", "50"]);
    let ran = call.end();
    assert_eq!((ran.code, &*ran.stdout), (7, ""));
    assert!(
        ran.stderr
            .starts_with("{\"error\":{\"code\":\"unanswered\","),
        "{}",
        ran.stderr
    );
    // An answer that comes now does not stay for ever.
    let command: serde_json::Value = serde_json::from_str(&taken.items()[1].text()).unwrap();
    let results = command["results_queue"].as_str().unwrap();
    assert_eq!(server.cli(&["RPUSH", results, "{}"]), 2);
    assert!(server.cli(&["TTL", results]).integer() > 0);
}

#[test]
fn ctrl_c_takes_the_command_back() {
    let server = Server::start();
    let call = Tool::on(&server).start(&["call", "printer", "{}"]);
    let waiting = || server.cli(&["LLEN", "queues.commands.printer"]) == 1;
    wait_until(waiting);
    call.signal("INT");
    let ran = call.end();
    assert_eq!(
        (ran.code, &*ran.stderr),
        (
            130,
            "ipc-tool: interrupted; the command for printer was taken back\n"
        )
    );
    assert_eq!(server.cli(&["DBSIZE"]), 0);
}

#[test]
fn ctrl_c_says_if_it_is_too_late() {
    let server = Server::start();
    let call = Tool::on(&server).start(&["call", "printer", "{}"]);
    server
        .client()
        .command(&["BLPOP", "queues.commands.printer", "50"]);
    call.signal("INT");
    let ran = call.end();
    assert_eq!(ran.code, 130);
    assert!(
        ran.stderr.contains("may still execute it"),
        "{}",
        ran.stderr
    );
}

#[test]
fn what_is_too_long_is_refused_with_the_limit() {
    let server = Server::start();
    let tool = Tool::on(&server);
    let zero = std::fs::File::open("/dev/zero").unwrap();
    let mut endless = tool.command(&["call", "printer", "-"]);
    let output = endless.stdin(zero).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("more than 1048576 bytes"), "{said}");
    let long = format!("{{\"a\":\"{}\"}}", "x".repeat(1_048_500));
    let ran = tool.run_with(&long, &["call", "printer", "-"]);
    assert_eq!((ran.code, ran.stderr.lines().count()), (1, 1));
    assert!(ran.stderr.contains("1048576"), "{}", ran.stderr);
    assert_eq!(server.cli(&["DBSIZE"]), 0);
}

#[test]
fn the_command_names_its_sender() {
    let server = Server::start();
    let tool = Tool::on(&server);
    let exec = r#"printf '{"sender":"%s","id":"%s"}' "$IPC_SENDER" "$IPC_COMMAND_ID""#;
    let _service = tool.start_ready(&["serve", "echo", "--exec", exec]);
    assert!(
        tool.ok(&["call", "echo"])
            .contains("\"sender\":\"ipc-tool\",\"id\":\"ipc-tool-cli-")
    );
    let answer = tool.ok(&["--as", "desk", "call", "echo"]);
    assert!(
        answer.contains("\"sender\":\"desk\",\"id\":\"desk-cli-"),
        "{answer}"
    );
}

#[test]
fn no_server_is_exit_3_and_names_the_path() {
    let tool = Tool::with("RIPC_SERVER_PATH", "/nowhere/socket");
    let ran = tool.run(&["call", "printer", "{}"]);
    assert_eq!(ran.code, 3);
    assert!(
        ran.stderr.contains("unix:///nowhere/socket"),
        "{}",
        ran.stderr
    );
    assert!(ran.stderr.contains("ipc-tool up"), "{}", ran.stderr);
    assert_eq!(ran.stderr.lines().count(), 1);
    let long = format!("/tmp/{}", "x".repeat(108));
    let ran = tool.run(&["call", "printer", "{}", "--server", &long]);
    assert_eq!(ran.code, 3);
    assert!(
        ran.stderr.contains(&long) && ran.stderr.contains("107"),
        "{}",
        ran.stderr
    );
}

#[test]
fn a_server_that_dies_during_a_call_is_exit_3() {
    let mut server = Server::start();
    let call = Tool::on(&server).start(&["call", "printer", "{}"]);
    wait_until(|| server.cli(&["LLEN", "queues.commands.printer"]) == 1);
    server.kill();
    let ran = call.end();
    assert_eq!(ran.code, 3);
    assert!(
        ran.stderr.contains("may have been executed"),
        "{}",
        ran.stderr
    );
}

#[test]
fn a_component_may_be_written_as_an_address() {
    let server = Server::start();
    let tool = Tool::on(&server);
    let _service = tool.start_ready(&["serve", "component:echo.a", "--exec", "cat"]);
    let words = ["call", "component:echo.a", "{\"a\":1}"];
    assert_eq!(tool.ok(&words), "{\"a\":1}\n");
    let words = ["call", "echo.a", "{\"a\":1}"];
    assert_eq!(tool.ok(&words), "{\"a\":1}\n");
}

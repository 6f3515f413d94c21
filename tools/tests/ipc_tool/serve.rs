//! `ipc-tool serve`: a component whose answers a program gives.

use crate::support::{self, Tool, script, wait_until};
use redis_ipc_tests::server::Server;

#[test]
fn the_program_learns_what_it_needs_from_its_environment() {
    let server = Server::start();
    let tool = Tool::on(&server);
    let exec = r#"printf '{"of":"%s","queue":"%s"}' "$IPC_COMPONENT" "$IPC_SUBQUEUE""#;
    let words = ["serve", "printer.cancel", "printer.print", "--exec", exec];
    let service = tool.start_ready(&words);
    assert_eq!(
        tool.ok(&["call", "printer.print"]),
        "{\"of\":\"printer\",\"queue\":\"print\"}\n"
    );
    let log = service.line();
    assert!(
        log.starts_with("printer.print  from ipc-tool  answered after "),
        "{log}"
    );
}

#[test]
fn the_more_urgent_queue_is_served_first() {
    let server = Server::start();
    let tool = Tool::on(&server);
    let calls: Vec<_> = ["b.later", "b.later", "b.now"]
        .map(|recipient| {
            let call = tool.start(&["call", recipient]);
            wait_until(|| server.cli(&["EXISTS", &format!("queues.commands.{recipient}")]) == 1);
            call
        })
        .into();
    let service = tool.start(&["--json", "serve", "b.now", "b.later", "--exec", "true"]);
    assert!(service.line().starts_with("{\"queue\":\"b.now\","));
    assert!(service.line().starts_with("{\"queue\":\"b.later\","));
    for call in calls {
        assert_eq!(call.end().code, 0);
    }
}

#[test]
fn what_is_no_object_is_an_error_and_the_service_goes_on() {
    let server = Server::start();
    let tool = Tool::on(&server);
    let exec = script(
        &server,
        "answer",
        "read -r said; echo \"$said\" | sed 's/.*: *//; s/}//'",
    );
    let _service = tool.start_ready(&["serve", "echo", "--exec", &exec]);
    for said in ["{\"a\": [1]}", "{\"a\": \"text\"}"] {
        let ran = tool.run(&["call", "echo", said]);
        assert_eq!(ran.code, 5, "{ran:?}");
        assert!(ran.stderr.contains("bad-result"), "{}", ran.stderr);
    }
}

#[test]
fn a_program_may_call_the_same_bus() {
    let server = Server::start();
    let nowhere = Tool::with("RIPC_SERVER_PATH", "/nowhere/socket");
    let path = server.path();
    let tool = support::program();
    let exec = format!("{tool} status set printer state busy --as printer");
    let words = ["serve", "printer", "--exec", &exec, "--server", &path];
    let _service = nowhere.start_ready(&words);
    nowhere.ok(&["call", "printer", "--server", &path]);
    assert_eq!(server.cli(&["HGET", "status.printer", "state"]), "busy");
}

#[test]
fn sigterm_loses_no_command() {
    let server = Server::start();
    let tool = Tool::on(&server);
    let mut client = server.client();
    for number in 0..200 {
        let command = format!(
            "{{\"n\":{number},\"results_queue\":\"queues.results.test.main\",\"command_id\":\"{number}\"}}"
        );
        client.command(&["RPUSH", "queues.commands.printer", &command]);
    }
    // It cannot come to the end before it is told to.
    let told = server.folder().join("told");
    let exec = format!(
        "read -r said; case $said in *:10[!0-9]*) while ! [ -e {} ]; do sleep 0.01; done;; esac; \
         echo \"$said\"",
        told.display()
    );
    let service = tool.start_ready(&["serve", "printer", "--exec", &exec]);
    for _ in 0..10 {
        service.line();
    }
    service.signal("TERM");
    std::fs::write(told, "").unwrap();
    assert_eq!(service.end().code, 0);
    let answered = server.cli(&["LLEN", "queues.results.test.main"]).integer();
    let waiting = server.cli(&["LLEN", "queues.commands.printer"]).integer();
    assert!(answered >= 10 && waiting > 0, "{answered} {waiting}");
    assert_eq!(answered + waiting, 200);
    let next = server
        .cli(&["LINDEX", "queues.commands.printer", "0"])
        .text();
    assert!(next.starts_with(&format!("{{\"n\":{answered},")), "{next}");
}

#[test]
fn the_command_at_hand_is_answered_before_the_end() {
    let server = Server::start();
    let tool = Tool::on(&server);
    let started = server.folder().join("started");
    let go_on = server.folder().join("go-on");
    let exec = format!(
        "touch {}; while ! [ -e {} ]; do sleep 0.01; done; echo '{{\"done\":true}}'",
        started.display(),
        go_on.display()
    );
    let service = tool.start_ready(&["serve", "printer", "--exec", &exec]);
    let call = tool.start(&["call", "printer"]);
    wait_until(|| started.exists());
    service.signal("INT");
    std::fs::write(&go_on, "").unwrap();
    assert_eq!(call.end().stdout, "{\"done\":true}\n");
    assert_eq!(service.end().code, 0);
}

#[test]
fn a_service_outlives_its_server() {
    let mut server = Server::start();
    let tool = Tool::on(&server);
    let service = tool.start_ready(&["serve", "echo", "--exec", "cat"]);
    assert_eq!(tool.ok(&["call", "echo"]), "{}\n");
    server.kill();
    assert!(service.complaint().ends_with("trying again"));
    server.restart();
    assert_eq!(tool.ok(&["call", "echo"]), "{}\n");
}

#[test]
fn queues_that_do_not_go_together_are_refused() {
    let tool = Tool::with("RIPC_SERVER_PATH", "/nowhere/socket");
    for words in [
        &["serve", "--exec", "cat"][..],
        &["serve", "a"],
        &["serve", "a", "b", "--exec", "cat"],
        &["serve", "a", "a.b", "--exec", "cat"],
        &["serve", "a.b", "--exec", "cat", "--as", "c"],
    ] {
        let ran = tool.run(words);
        assert_eq!(
            (ran.code, ran.stderr.lines().count()),
            (2, 1),
            "{words:?} {ran:?}"
        );
    }
}

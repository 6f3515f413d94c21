//! The ways in which a call ends without a result in time.

use std::time::Duration;

use crate::caller::*;
use crate::wire::*;
use redis_ipc_core::call::Progress;
use redis_ipc_core::resp::request;
use redis_ipc_core::write::TooLong;

#[test]
fn a_server_that_is_early_is_asked_for_the_rest() {
    for nil in NIL {
        let mut caller = Caller::queued();
        assert_eq!(caller.hears_at(4980, nil), [Progress::Waiting]);
        assert_eq!(caller.says(), pop("0.020"));
        assert_eq!(caller.call.stale_results(), 0);
        assert_eq!(caller.hears_at(4999, nil), [Progress::Waiting]);
        assert_eq!(caller.says(), pop("0.001"));
        assert_eq!(caller.hears_at(5001, nil), [Progress::Waiting]);
        assert_eq!(caller.says(), take_back());
    }
}

#[test]
fn a_command_that_nobody_took_is_taken_back() {
    for nil in NIL {
        let mut caller = Caller::queued();
        assert_eq!(caller.hears_at(5000, nil), [Progress::Waiting]);
        assert_eq!(caller.says(), take_back());
        assert_eq!(caller.hears(":1\r\n"), [Progress::Waiting]);
        assert_eq!(caller.hears(nil), [Progress::NotTaken]);
        assert_eq!(caller.text, "");
    }
}

#[test]
fn a_command_that_somebody_took_is_unanswered() {
    for last in ["$-1\r\n", "_\r\n", "-ERR no\r\n", ":5\r\n"] {
        let mut caller = Caller::queued();
        caller.hears_at(5000, "*-1\r\n");
        assert_eq!(caller.hears(":0\r\n"), [Progress::Waiting]);
        assert_eq!(caller.hears(last), [Progress::Unanswered]);
    }
}

#[test]
fn behind_the_result_of_an_older_call_there_may_be_ours() {
    let stale = bulk(&result("other"));
    for (last, end) in [
        ("_\r\n", Progress::Unanswered),
        (&bulk(&result(ID)), Progress::Answered),
    ] {
        let mut caller = Caller::queued();
        caller.hears_at(5000, "*-1\r\n");
        caller.hears(":0\r\n");
        for _ in 0..3 {
            caller.says();
            assert_eq!(caller.hears(&stale), [Progress::Waiting]);
            assert!(caller.says().contains("LPOP"));
        }
        assert_eq!(caller.hears(last), [end]);
    }
}

#[test]
fn a_result_that_comes_at_the_last_moment_counts() {
    let stream = [":0\r\n", &bulk(&result(ID))].concat();
    for cuts in every_cut(stream.len()) {
        let mut caller = Caller::queued();
        caller.hears_at(5000, "_\r\n");
        caller.says();
        let mut all = Vec::new();
        for piece in pieces(stream.as_bytes(), &cuts) {
            all.extend(caller.hears(std::str::from_utf8(piece).unwrap()));
        }
        assert_eq!(all, [Progress::Waiting, Progress::Answered]);
        assert_eq!(caller.text, r#"{"pages": 2}"#);
    }
}

#[test]
fn a_command_that_may_not_be_taken_back_is_neither_taken_nor_not() {
    let mut caller = Caller::queued();
    caller.hears_at(5000, "*-1\r\n");
    let refused = "-NOPERM this user has no permissions to run the 'lrem' command\r\n";
    assert_eq!(caller.hears(refused), [Progress::TakeBackRefused]);
    assert_eq!(caller.hears("$-1\r\n"), [Progress::Waiting], "all is said");
}

#[test]
fn a_queue_over_its_limit_is_told_and_the_command_can_be_taken_back_on_a_new_line() {
    let mut caller = Caller::with(ms(5000), 3);
    caller.says();
    assert_eq!(caller.hears(":3\r\n"), [Progress::Waiting]);
    let mut caller = Caller::with(ms(5000), 3);
    caller.says();
    let overloaded = Progress::Overloaded { length: 4 };
    assert_eq!(caller.hears(":4\r\n"), [overloaded]);

    caller.session.reset();
    caller.call.take_back(&mut caller.session).unwrap();
    assert_eq!(caller.says(), take_back());
    let end = [Progress::Waiting, Progress::NotTaken];
    assert_eq!(caller.hears(":1\r\n_\r\n"), end);
}

#[test]
fn a_queue_over_its_limit_may_still_be_waited_for() {
    let mut caller = Caller::with(ms(5000), 3);
    caller.says();
    caller.hears(":4\r\n");
    assert_eq!(caller.hears(&popped(&result(ID))), [Progress::Answered]);
}

#[test]
fn refusals_are_told_apart_with_the_servers_words() {
    let oom = "-OOM command not allowed when used memory > 'maxmemory'.\r\n";
    let mut caller = Caller::new();
    caller.says();
    assert_eq!(caller.hears(oom), [Progress::CommandRefused]);
    assert_eq!(caller.text, oom[1..].trim_end());
    assert_eq!(caller.hears("*-1\r\n"), [Progress::Waiting]);
    assert_eq!(caller.says(), "");

    let mut caller = Caller::queued();
    let wrong = "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n";
    assert_eq!(caller.hears(wrong), [Progress::WaitRefused]);
    assert_eq!(caller.text, wrong[1..].trim_end());
    caller.call.take_back(&mut caller.session).unwrap();
    assert_eq!(caller.says(), take_back());
    let end = [Progress::Waiting, Progress::NotTaken];
    assert_eq!(caller.hears(":1\r\n-WRONGTYPE\r\n"), end);
}

#[test]
fn replies_of_wrong_types_put_the_line_out_of_step() {
    for reply in ["+OK\r\n", "$1\r\n1\r\n", "*0\r\n", "_\r\n"] {
        let mut caller = Caller::new();
        assert_eq!(caller.hears(reply), [Progress::OutOfStep], "{reply}");
    }
    for reply in ["+OK\r\n", ":1\r\n", "%0\r\n"] {
        let mut caller = Caller::queued();
        assert_eq!(caller.hears(reply), [Progress::OutOfStep], "{reply}");
    }
}

#[test]
fn a_command_is_taken_back_unharmed_after_many_stale_results() {
    let mut caller = Caller::queued();
    for round in 0..20 {
        caller.hears_at(round, &popped(&result("other")));
        assert!(caller.says().starts_with("*3\r\n$5\r\nBLPOP"));
    }
    caller.hears_at(5000, "_\r\n");
    assert_eq!(caller.says(), take_back());
}

#[test]
fn what_other_machines_wait_to_send_does_not_stop_the_command_from_being_taken_back() {
    let mut caller = Caller::queued();
    let other = caller.session.request(|w| {
        request::command(w, &[b"PUBLISH", b"channel.events.desk", b"{}"]);
        Ok::<(), TooLong>(())
    });
    assert!(other.is_ok());
    caller.session.sent(10);
    assert_eq!(caller.hears_at(5000, "_\r\n"), [Progress::Waiting]);
    let published = array(&["PUBLISH", "channel.events.desk", "{}"]);
    assert_eq!(caller.says(), published[10..].to_owned() + &take_back());
    let end = [Progress::Waiting, Progress::Waiting, Progress::NotTaken];
    assert_eq!(caller.hears(":0\r\n:1\r\n_\r\n"), end);
}

#[test]
fn after_its_end_a_call_leaves_the_outbox_to_others() {
    for end in 0..3 {
        let mut caller = Caller::queued();
        match end {
            0 => assert_eq!(caller.hears(&popped(&result(ID))), [Progress::Answered]),
            1 => assert!(
                caller
                    .hears_at(5000, "_\r\n:1\r\n_\r\n")
                    .ends_with(&[Progress::NotTaken])
            ),
            _ => caller.call.give_up(&mut caller.session),
        }
        caller.says();
        let whole = caller.session.request(|w| {
            request::command(w, &[b"SET", b"k", &[b'x'; 980]]);
            Ok::<(), TooLong>(())
        });
        assert!(whole.is_ok(), "end {end}");
        assert_eq!(caller.hears(&popped(&result(ID))), [Progress::Waiting]);
    }
}

#[test]
fn an_outbox_that_takes_the_command_takes_all_that_the_call_needs() {
    for seconds in [1, 5, 10, 999_999_999, u64::MAX] {
        let timeout = Duration::from_secs(seconds);
        let smallest = (0..400).find_map(|size| Caller::over(size, timeout, 3).ok());
        let mut caller = smallest.expect("room in 400 bytes");
        caller.says();
        caller.hears(":1\r\n");
        for reply in ["{}".into(), result("other"), String::new()] {
            caller.now += timeout.min(ms(1001)) / 4;
            assert_eq!(caller.hears(&popped(&reply)), [Progress::Waiting]);
            caller.says();
        }
        caller.now = caller.call.deadline();
        caller.hears("_\r\n");
        assert_eq!(caller.says(), take_back(), "{seconds} s");
    }
}

#[test]
fn an_outbox_too_small_for_a_call_names_both_sizes() {
    for size in 0..400 {
        let Err(error) = Caller::over(size, ms(5000), 3) else {
            let needed = array(&["RPUSH", QUEUE, COMMAND]) + &pop("4.999");
            // A time of ten seconds and more would have one digit more in its length.
            assert_eq!(size, needed.len() + 1);
            return;
        };
        assert_eq!(error.capacity, size);
        assert!(error.needed > size);
    }
}

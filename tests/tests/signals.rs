//! Signals of a process that others listen to as well. A process of its own: handlers are all of it's.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use redis_ipc::Stop;
use redis_ipc_tests::fork::in_child;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::low_level::raise;

/// Held by the test that has stops at present: they are all of the process's.
static ALONE: Mutex<()> = Mutex::new(());

/// Counts a signal, whatever others do with it.
fn counter(signal: i32) -> Arc<AtomicUsize> {
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    let count_one = move || {
        counted.fetch_add(1, Ordering::Relaxed);
    };
    // SAFETY: it adds to an atomic number and nothing else.
    #[expect(
        unsafe_code,
        reason = "what a signal may do is nobody's to check but its author's"
    )]
    unsafe { signal_hook::low_level::register(signal, count_one) }.unwrap();
    count
}

#[test]
fn handlers_set_before_and_behind_ours_are_called_too() {
    let _alone = ALONE.lock().unwrap();
    let before = counter(SIGINT);
    let stop = Stop::on_signals().unwrap();
    let behind = counter(SIGTERM);
    assert!(!stop.is_requested());
    for (times, signal) in [SIGINT, SIGTERM].into_iter().enumerate() {
        raise(signal).unwrap();
        assert!(stop.is_requested(), "{signal}");
        assert_eq!(before.load(Ordering::Relaxed), 1);
        assert_eq!(behind.load(Ordering::Relaxed), times);
        // Else the next one would end this process.
        stop.withdraw();
        assert!(!stop.is_requested());
    }
    let another = Stop::on_signals().unwrap();
    raise(SIGTERM).unwrap();
    assert!(stop.is_requested() && another.is_requested());
    let late = Stop::on_signals().unwrap();
    assert!(!late.is_requested());
}

#[test]
fn a_signal_ends_the_program_where_nobody_heeds_it_or_another_has_come() {
    let _alone = ALONE.lock().unwrap();
    let unheeded = in_child(|| {
        drop(Stop::on_signals().unwrap());
        raise(SIGTERM).unwrap();
    });
    assert_eq!(unheeded.killed_by(), SIGTERM);
    let repeated = in_child(|| {
        let stop = Stop::on_signals().unwrap();
        raise(SIGTERM).unwrap();
        assert!(stop.is_requested());
        raise(SIGINT).unwrap();
    });
    assert_eq!(repeated.killed_by(), SIGINT);
}

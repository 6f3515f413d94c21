//! Once everything has been done a few times, nothing is allocated any more.
//!
//! One test, for the count is the whole process's.
#![expect(unsafe_code, reason = "an allocator that counts is one")]

use redis_ipc::{Level, Turn};
use redis_ipc_tests::bus::{PATIENCE, join};
use redis_ipc_tests::server::Server;
use serde::{Deserialize, Serialize};
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

struct Counting;

static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);

// SAFETY: everything is left to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller keeps to the contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps to the contract.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller keeps to the contract.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[derive(Debug, Serialize)]
struct Print<'p> {
    file: &'p str,
    copies: u32,
}

#[derive(Debug, Deserialize)]
struct Copies {
    copies: u32,
}

#[derive(Debug, Serialize, Deserialize)]
struct Printed {
    pages: u32,
    ratio: f64,
}

const ROUNDS: u32 = 500;
/// Every length has come by then.
const WARM_UP: u32 = 300;

#[test]
fn calls_served_events_heard_and_debug_messages_sent_allocate_nothing() {
    let server = Server::start();
    let mut printer = join(&server, "printer");
    let mut desk = join(&server, "desk");
    printer.serve(&["cancel", "print"]).unwrap();
    printer.subscribe_events(Some("desk"), None).unwrap();
    printer.subscribe_debug(Some("desk")).unwrap();
    // What comes is different from turn to turn, and so is its length.
    let file = "/tmp/job \"1231\".pdf\n\tünïcode €".repeat(5);
    let allocations = std::thread::scope(|scope| {
        let calling = scope.spawn(|| {
            let mut before = 0;
            for round in 0..WARM_UP + ROUNDS {
                let end = file.char_indices().nth(round as usize % 150).unwrap().0;
                let print = Print {
                    file: &file[..end],
                    copies: round,
                };
                let queue = ["printer.print", "printer.cancel"][round as usize % 2];
                let printed: Printed = desk.call(queue, &print, PATIENCE).unwrap();
                assert_eq!(printed.pages, 2 * round);
                desk.publish(Some("round"), &print).unwrap();
                assert!(desk.debug(Level::DETAIL, print.file).unwrap());
                if round + 1 == WARM_UP {
                    before = ALLOCATIONS.load(Ordering::Relaxed);
                }
            }
            ALLOCATIONS.load(Ordering::Relaxed) - before
        });
        let (mut served, mut events, mut debug) = (0, 0, 0);
        while debug < WARM_UP + ROUNDS {
            match printer.next(Some(PATIENCE)).unwrap().unwrap() {
                Turn::Command(command) => {
                    let Copies { copies } = command.payload().unwrap();
                    assert_eq!(copies, served);
                    served += 1;
                    let pages = 2 * copies;
                    command.answer(&Printed { pages, ratio: 0.1 }).unwrap();
                }
                Turn::Event(event) => {
                    assert_eq!(event.payload::<Copies>().unwrap().copies, events);
                    assert_eq!(event.subchannel(), Some("round"));
                    events += 1;
                }
                Turn::Debug(message) => {
                    assert_eq!(message.level(), Some(5));
                    debug += 1;
                }
                other => panic!("{other:?}"),
            }
        }
        assert_eq!((served, events), (debug, debug));
        calling.join().unwrap()
    });
    assert_eq!(allocations, 0, "in {ROUNDS} rounds");
}

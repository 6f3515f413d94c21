//! Whole messages, for those who compose their own.

use std::cell::RefCell;
use std::ffi::{c_char, c_int};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::rc::Rc;
use std::time::Duration;

use super::code::{
    Fault, RIPC_ERR_BUSY, RIPC_ERR_CLOSED, RIPC_ERR_FORKED, RIPC_ERR_INTERNAL, RIPC_ERR_USAGE,
    RIPC_OK,
};
use super::entry::{LastError, broken, guard, last_error_of_thread};
use super::options::{self, ripc_options};
use super::text::{Out, Shelf, bytes, name, ripc_pair, ripc_text};
use super::token::{Token, blame};
use crate::courier::{Courier, Letter};

/// Carries messages that a program composes itself, standard members and keys included: for a
/// gateway, and for the drop-in for the original C library. Opaque; it belongs to the thread that
/// has opened it. Most programs want a ripc instead, which signs messages and names keys.
///
/// Keys and channels are any UTF-8 of up to 127 bytes, messages and values any bytes. What is
/// lent stays until the next call with the same courier.
#[derive(Debug)]
pub struct ripc_courier {
    _private: [u8; 0],
}

/// A message that was heard.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct ripc_news {
    /// The pattern by which it came.
    pub pattern: ripc_text,
    /// Where it was published.
    pub channel: ripc_text,
    /// What was published.
    pub message: ripc_text,
}

impl ripc_news {
    const NOTHING: Self = Self {
        pattern: ripc_text::ABSENT,
        channel: ripc_text::ABSENT,
        message: ripc_text::ABSENT,
    };
}

/// What is behind a courier's handle.
#[derive(Debug)]
struct Carrier {
    courier: Courier,
    last_error: LastError,
    /// After a panic nobody knows what state things are in.
    is_broken: bool,
    results: Shelf,
    pairs: Vec<ripc_pair>,
}

impl Carrier {
    fn lend(&mut self, text: Option<&[u8]>) -> ripc_text {
        let [lent] = self.results.fill_bytes([text]);
        lent
    }
}

struct Entry {
    token: Token,
    carrier: Rc<RefCell<Carrier>>,
}

thread_local! {
    /// The couriers of this thread; they are closed when it ends.
    static ENTRIES: RefCell<Vec<Entry>> = const { RefCell::new(Vec::new()) };
}

fn find(pointer: *mut ripc_courier) -> Result<Rc<RefCell<Carrier>>, Fault> {
    let found = ENTRIES.try_with(|entries| {
        let entries = entries.try_borrow().ok()?;
        let entry = entries
            .iter()
            .find(|entry| entry.token.is(pointer.cast()))?;
        Some(Rc::clone(&entry.carrier))
    });
    found.ok().flatten().ok_or_else(|| blame(pointer.cast()))
}

/// Does `work` with a courier for C; what fails is kept with the courier.
fn enter(
    pointer: *mut ripc_courier,
    work: impl FnOnce(&mut Carrier) -> Result<(), Fault>,
) -> c_int {
    guard(|| {
        let carrier = find(pointer)?;
        let mut carrier = carrier
            .try_borrow_mut()
            .map_err(|_| Fault::plain(RIPC_ERR_BUSY))?;
        let carrier = &mut *carrier;
        if carrier.courier.is_inherited() {
            return Err(Fault::plain(RIPC_ERR_FORKED));
        }
        let outcome = match carrier.is_broken {
            true => Err(Fault::new(
                RIPC_ERR_INTERNAL,
                "an earlier fault of the library has broken this courier",
            )),
            false => catch_unwind(AssertUnwindSafe(|| work(carrier)))
                .unwrap_or_else(|panic| Err(broken(&*panic))),
        };
        outcome.inspect_err(|fault| {
            carrier.is_broken |= fault.code == RIPC_ERR_INTERNAL;
            carrier.last_error.set(&fault.text);
        })?;
        Ok(RIPC_OK)
    })
}

/// A time-out; `None` for one without end.
fn limit(milliseconds: i64) -> Option<Duration> {
    u64::try_from(milliseconds).ok().map(Duration::from_millis)
}

/// Connects, and puts the courier into *courier. The server lists its connections under client,
/// which may be NULL, as options may be. Blocks for the connect limit at most.
///
/// RIPC_ERR_ADDRESS, RIPC_ERR_NO_SERVER, RIPC_ERR_REJECTED, RIPC_ERR_FULL; *courier is NULL
/// then, and ripc_courier_error(NULL) says more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ripc_courier_open(
    client: *const c_char,
    options: *const ripc_options,
    courier: *mut *mut ripc_courier,
) -> c_int {
    guard(|| {
        // SAFETY: the caller's pointers are null or what the header asks for.
        let (out, client, (endpoint, mut options)) = unsafe {
            let out = Out::new(courier, ptr::null_mut())?;
            let client = super::text::optional_name(client)?;
            (out, client, options::read(options)?)
        };
        if let Some(client) = client {
            options = options.name(client);
        }
        let (token, _) = Token::issue()?;
        let pointer = token.pointer().cast();
        let carrier = Rc::new(RefCell::new(Carrier {
            courier: Courier::open(&endpoint, options)?,
            last_error: LastError::default(),
            is_broken: false,
            results: Shelf::default(),
            pairs: Vec::new(),
        }));
        let admitted = ENTRIES.try_with(|entries| {
            let mut entries = entries.try_borrow_mut().ok()?;
            entries.push(Entry { token, carrier });
            Some(())
        });
        let ending = || Fault::new(RIPC_ERR_CLOSED, "this thread is ending");
        admitted.ok().flatten().ok_or_else(ending)?;
        out.set(pointer);
        Ok(RIPC_OK)
    })
}

/// Closes the connections. All that the courier has lent is gone. In a child process it leaves
/// the parent's connections alone and succeeds.
#[unsafe(no_mangle)]
pub extern "C" fn ripc_courier_close(courier: *mut ripc_courier) -> c_int {
    guard(|| {
        let carrier = find(courier)?;
        if carrier.try_borrow_mut().is_err() {
            return Err(Fault::plain(RIPC_ERR_BUSY));
        }
        let _ = ENTRIES.try_with(|entries| {
            if let Ok(mut entries) = entries.try_borrow_mut() {
                entries.retain(|entry| !entry.token.is(courier.cast()));
            }
        });
        drop(carrier);
        Ok(RIPC_OK)
    })
}

/// What failed last with this courier, in words; "" if nothing has. With NULL, or with anything
/// that is no courier of this thread: what failed last on this thread without one. Never NULL.
#[unsafe(no_mangle)]
pub extern "C" fn ripc_courier_error(courier: *mut ripc_courier) -> *const c_char {
    let of_courier = find(courier).ok().and_then(|carrier| {
        let carrier = carrier.try_borrow().ok()?;
        Some(carrier.last_error.text())
    });
    of_courier.unwrap_or_else(last_error_of_thread)
}

/// Pushes a command to a queue and waits for its result in the queue results: timeout_ms, or
/// without limit if that is negative. The command, one JSON object, has to name that queue in its
/// member results_queue and to bear id as its command_id; the result bears the same.
///
/// Results with another id, or with none, are dropped and do not prolong the wait; *stale, which
/// may be NULL, tells how many. When time is up, the command is taken back if nobody has taken it.
///
/// RIPC_ERR_NOT_TAKEN, RIPC_ERR_LATE, and otherwise as ripc_call().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ripc_courier_call(
    courier: *mut ripc_courier,
    queue: *const c_char,
    results: *const c_char,
    id: *const c_char,
    message: *const c_char,
    length: usize,
    timeout_ms: i64,
    result: *mut ripc_text,
    stale: *mut u32,
) -> c_int {
    enter(courier, |carrier| {
        // SAFETY: the caller's pointers are null or what the header asks for.
        let (out, dropped, letter) = unsafe {
            let letter = Letter {
                queue: name(queue)?,
                results: name(results)?,
                id: name(id)?,
                message: bytes(message, length)?,
                timeout: limit(timeout_ms),
            };
            (
                Out::new(result, ripc_text::ABSENT)?,
                Out::optional(stale, 0),
                letter,
            )
        };
        let before = carrier.courier.stale_results();
        let outcome = carrier.courier.call(&letter).map(<[u8]>::to_vec);
        let count = carrier.courier.stale_results() - before;
        dropped.set(u32::try_from(count).unwrap_or(u32::MAX));
        out.set(carrier.lend(Some(&outcome?)));
        Ok(())
    })
}

/// Pops the next message of a queue; waits for one for timeout_ms, or without limit if that is
/// negative. message->data is NULL if there was none. Nothing is popped any more once this has
/// returned. A server that is away is waited for as well.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ripc_courier_take(
    courier: *mut ripc_courier,
    queue: *const c_char,
    timeout_ms: i64,
    message: *mut ripc_text,
) -> c_int {
    enter(courier, |carrier| {
        // SAFETY: the caller's pointers are null or what the header asks for.
        let (out, queue) = unsafe { (Out::new(message, ripc_text::ABSENT)?, name(queue)?) };
        let taken = carrier.courier.take(queue, limit(timeout_ms))?;
        let [lent] = carrier.results.fill_bytes([taken]);
        out.set(lent);
        Ok(())
    })
}

/// Pushes a result to the queue that a command has named, which has to be a results queue. One
/// that nobody pops is gone five minutes later.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ripc_courier_answer(
    courier: *mut ripc_courier,
    results: *const c_char,
    message: *const c_char,
    length: usize,
) -> c_int {
    enter(courier, |carrier| {
        // SAFETY: the caller's pointers are null or what the header asks for.
        let (results, message) = unsafe { (name(results)?, bytes(message, length)?) };
        carrier.courier.answer(results, message)?;
        Ok(())
    })
}

/// Publishes a message.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ripc_courier_publish(
    courier: *mut ripc_courier,
    channel: *const c_char,
    message: *const c_char,
    length: usize,
) -> c_int {
    enter(courier, |carrier| {
        // SAFETY: the caller's pointers are null or what the header asks for.
        let (channel, message) = unsafe { (name(channel)?, bytes(message, length)?) };
        carrier.courier.publish(channel, message)?;
        Ok(())
    })
}

/// Sets count fields of a hash, all at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ripc_courier_write(
    courier: *mut ripc_courier,
    hash: *const c_char,
    fields: *const ripc_pair,
    count: usize,
) -> c_int {
    enter(courier, |carrier| {
        // SAFETY: the caller's pointers are null or what the header asks for.
        let (hash, fields) = unsafe { (name(hash)?, pairs(fields, count)?) };
        carrier.courier.write(hash, &fields)?;
        Ok(())
    })
}

/// Sets one field of a hash; both texts end with a NUL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ripc_courier_set(
    courier: *mut ripc_courier,
    hash: *const c_char,
    field: *const c_char,
    value: *const c_char,
) -> c_int {
    enter(courier, |carrier| {
        // SAFETY: the caller's pointers are null or end with a NUL.
        let (hash, field, value) = unsafe { (name(hash)?, terminated(field)?, terminated(value)?) };
        carrier.courier.set(hash, field, value)?;
        Ok(())
    })
}

/// Reads a whole hash, in the server's order; no fields if it is not there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ripc_courier_read(
    courier: *mut ripc_courier,
    hash: *const c_char,
    fields: *mut *const ripc_pair,
    count: *mut usize,
) -> c_int {
    enter(courier, |carrier| {
        // SAFETY: the caller's pointers are null or what the header asks for.
        let (out, number, hash) = unsafe {
            (
                Out::new(fields, ptr::null())?,
                Out::new(count, 0)?,
                name(hash)?,
            )
        };
        let read = carrier.courier.read(hash)?;
        carrier.results.fill_pairs(&read, &mut carrier.pairs);
        out.set(carrier.pairs.as_ptr());
        number.set(carrier.pairs.len());
        Ok(())
    })
}

/// Reads one field of a hash; value->data is NULL if it is not there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ripc_courier_field(
    courier: *mut ripc_courier,
    hash: *const c_char,
    field: *const c_char,
    value: *mut ripc_text,
) -> c_int {
    enter(courier, |carrier| {
        // SAFETY: the caller's pointers are null or what the header asks for.
        let (out, hash, field) = unsafe {
            (
                Out::new(value, ripc_text::ABSENT)?,
                name(hash)?,
                terminated(field)?,
            )
        };
        let read = carrier.courier.field(hash, field)?;
        out.set(carrier.lend(read.as_deref()));
        Ok(())
    })
}

/// Has the server tell of changed hashes on the channels __keyspace@<database>__:<hash>, and
/// every server that takes its place. What it tells besides is left as it is.
#[unsafe(no_mangle)]
pub extern "C" fn ripc_courier_notify(courier: *mut ripc_courier) -> c_int {
    enter(courier, |carrier| {
        carrier.courier.notify()?;
        Ok(())
    })
}

/// Listens to all channels whose names match a pattern, as the server matches it. From the moment
/// this returns, what is published is heard, once for each pattern that matches.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ripc_courier_subscribe(
    courier: *mut ripc_courier,
    pattern: *const c_char,
) -> c_int {
    enter(courier, |carrier| {
        // SAFETY: the caller's pointer is null or ends with a NUL.
        let pattern = unsafe { name(pattern)? };
        carrier.courier.subscribe(pattern)?;
        Ok(())
    })
}

/// Ends a subscription.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ripc_courier_unsubscribe(
    courier: *mut ripc_courier,
    pattern: *const c_char,
) -> c_int {
    enter(courier, |carrier| {
        // SAFETY: the caller's pointer is null or ends with a NUL.
        let pattern = unsafe { name(pattern)? };
        carrier.courier.unsubscribe(pattern)?;
        Ok(())
    })
}

/// Waits for the next message that was subscribed to: for timeout_ms, or without limit if that is
/// negative. heard->message.data is NULL if there was none. A server that is away is waited for
/// as well; what is published meanwhile is lost.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ripc_courier_hear(
    courier: *mut ripc_courier,
    timeout_ms: i64,
    heard: *mut ripc_news,
) -> c_int {
    enter(courier, |carrier| {
        // SAFETY: the caller's pointer is null or may be written to.
        let out = unsafe { Out::new(heard, ripc_news::NOTHING)? };
        if let Some(message) = carrier.courier.hear(limit(timeout_ms))? {
            let texts = [
                message.pattern,
                Some(message.channel),
                Some(message.payload),
            ];
            let [pattern, channel, message] = carrier.results.fill_bytes(texts);
            out.set(ripc_news {
                pattern,
                channel,
                message,
            });
        }
        Ok(())
    })
}

/// Bytes up to a NUL.
///
/// # Safety
/// `pointer` is null or leads to a text with a NUL at its end, which outlives `'c`.
unsafe fn terminated<'c>(pointer: *const c_char) -> Result<&'c [u8], Fault> {
    // SAFETY: the same contract; the length says that there is a NUL.
    unsafe { bytes(pointer, usize::MAX) }
}

/// A field's name and value.
type Field<'c> = (&'c [u8], &'c [u8]);

/// Fields in an array.
///
/// # Safety
/// `fields` is null or leads to `count` pairs, whose texts are as [`bytes`] wants them.
unsafe fn pairs<'c>(fields: *const ripc_pair, count: usize) -> Result<Vec<Field<'c>>, Fault> {
    if fields.is_null() || count > isize::MAX as usize / size_of::<ripc_pair>() {
        return Err(Fault::new(RIPC_ERR_USAGE, "an array is NULL or too long"));
    }
    // SAFETY: by contract there are so many, and they fit into memory.
    let fields = unsafe { std::slice::from_raw_parts(fields, count) };
    let read = |text: ripc_text| {
        // SAFETY: the pair's texts are there, by contract.
        unsafe { bytes(text.data, text.length) }
    };
    fields
        .iter()
        .map(|pair| Ok((read(pair.name)?, read(pair.value)?)))
        .collect()
}

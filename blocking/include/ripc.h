/* redis-ipc for C and C++: components of a device that talk through a local redis-server.
 *
 * A program includes this header and links libripc: pkg-config --cflags --libs ripc.
 *
 * HANDLES. A handle stands for one thread of one component. Only the thread that has opened it may
 * use it (but for ripc_stop()); another one gets RIPC_ERR_THREAD. A handle is never an address: a
 * NULL, a stray pointer, a handle that was closed are errors and do no harm. After a fork() the
 * handle is the parent's, and the child gets RIPC_ERR_FORKED; it may close it and open its own.
 *
 * RESULTS. Functions return RIPC_OK, which is 0, or a negative number, RIPC_ERR_...; what happened
 * in words says ripc_last_error(). After a failure the places for results are empty.
 *
 * TEXTS are UTF-8. Names end with a NUL. JSON and values have a length, which may be
 * RIPC_NUL_TERMINATED; they are read during the call and not kept. What the library hands out
 * (ripc_text and structures) it owns: how long it stays is said with each function, never longer
 * than the handle. "Until the next call on this handle" leaves out ripc_last_error(),
 * ripc_stop() and ripc_strerror().
 *
 * BLOCKING. Everything blocks, nothing for longer than it says: what is not said to wait, for the
 * reply limit, which is 5 s, if the server stands still; a local server takes far less than a
 * millisecond. Times are in milliseconds.
 *
 * WHAT THE LIBRARY LEAVES ALONE. It starts no threads (but to look up the name of a host), raises
 * no SIGPIPE and handles no signals unless it is asked to. Its descriptors are closed by exec().
 */

#ifndef RIPC_H
#define RIPC_H


#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* The version that a program is compiled with. */
#define RIPC_VERSION "0.1.0"
#define RIPC_VERSION_MAJOR 0
#define RIPC_VERSION_MINOR 1
#define RIPC_VERSION_PATCH 0

/* As a length: the text ends with a NUL. */
#define RIPC_NUL_TERMINATED ((size_t)-1)

/* What a ripc_options begins with. */
#define RIPC_OPTIONS_INIT { sizeof(ripc_options), NULL, 0, 0, 0 }


// It is done.
#define RIPC_OK 0

// From a handler: the command is kept, and will be answered later.
#define RIPC_LATER 1

// From ripc_dispatch(): somebody has asked for a stop.
#define RIPC_STOPPED 2

// The handle is NULL, or nothing that ripc_open() has made.
#define RIPC_ERR_HANDLE -1

// The handle was closed, by ripc_close() or by the end of its thread.
#define RIPC_ERR_CLOSED -2

// The handle belongs to another thread.
#define RIPC_ERR_THREAD -3

// The handle belongs to the parent process: this one came of a fork(). Open one here.
#define RIPC_ERR_FORKED -4

// The handle is at work: a signal handler has interrupted one of its functions.
#define RIPC_ERR_BUSY -5

// An argument makes no sense, a NULL for instance, or not now.
#define RIPC_ERR_USAGE -6

// A text is not UTF-8.
#define RIPC_ERR_UTF8 -7

// A text is not JSON, or not an object.
#define RIPC_ERR_JSON -8

// A name is none (1 to 64 of A-Z a-z 0-9 _ -), or names together make a key of over 127 bytes.
#define RIPC_ERR_NAME -9

// The server's address is none.
#define RIPC_ERR_ADDRESS -10

// A message, or a reply, is longer than the message limit.
#define RIPC_ERR_TOO_LONG -11

// No server can be reached. Nothing was sent.
#define RIPC_ERR_NO_SERVER -12

// The connection broke before the server took a byte: it was not executed, try again.
#define RIPC_ERR_NOT_SENT -13

// The server answered with an error: it was not executed.
#define RIPC_ERR_REJECTED -14

// The connection broke, or the server stands still: it may have been executed, or not.
#define RIPC_ERR_UNKNOWN -15

// Nobody took the command in time. It was taken back: nobody will execute it.
#define RIPC_ERR_NOT_TAKEN -16

// Somebody took the command and did not answer in time. It may still be executed.
#define RIPC_ERR_LATE -17

// The component answered with an error of its own: see ripc_failure().
#define RIPC_ERR_FAILED -18

// Too many commands wait there already. This one was taken back.
#define RIPC_ERR_OVERLOADED -19

// Only another component may write this. Nothing was written.
#define RIPC_ERR_NOT_WRITER -20

// What is on the server is not what it should be.
#define RIPC_ERR_UNEXPECTED -21

// There is no such job: it was answered or put back already.
#define RIPC_ERR_JOB -22

// This process has 1024 handles open.
#define RIPC_ERR_FULL -23

// The system refused something: it has no file descriptor to spare, for instance.
#define RIPC_ERR_SYSTEM -24

// A fault of this library. Close the handle, and report what ripc_last_error() says.
#define RIPC_ERR_INTERNAL -25

// What a message is.
typedef enum {
  // A command, to be answered by ripc_answer() or ripc_fail().
  RIPC_COMMAND = 1,
  // An event that was subscribed to.
  RIPC_EVENT = 2,
  // A debug message that was subscribed to.
  RIPC_DEBUG = 3,
  // The present state of settings or a status that is watched.
  RIPC_CHANGED = 4,
  // The bus went away or came back. Nothing needs to be done about it.
  RIPC_BUS = 5,
  // The timer.
  RIPC_TICK = 6,
  // Somebody has asked for a stop. Nothing is in flight any more.
  RIPC_STOP = 7,
} ripc_kind;

// What a RIPC_CHANGED or RIPC_BUS message is about.
typedef enum {
  // Nothing more.
  RIPC_DETAIL_NONE = 0,
  // RIPC_CHANGED: the settings of the component.
  RIPC_SETTINGS = 1,
  // RIPC_CHANGED: the status of the component.
  RIPC_STATUS = 2,
  // RIPC_BUS: the connection broke. It is made anew, again and again.
  RIPC_DISCONNECTED = 3,
  // RIPC_BUS: the server refuses to work for now: it is loading, or its memory is full.
  RIPC_REFUSED = 4,
  // RIPC_BUS: the connection is back, with every subscription, watch and queue.
  RIPC_RECONNECTED = 5,
  // RIPC_BUS: the connection is back, but the server has forgotten everything. This
  // component's own status was written again.
  RIPC_SERVER_RESTARTED = 6,
} ripc_detail;

// How a component stands with its bus.
typedef enum {
  // Connected, as far as it has noticed.
  RIPC_CONNECTED = 0,
  // It tries to connect, again and again.
  RIPC_CONNECTING = 1,
  // Connected, but the server refuses to work for now: its memory is full, for instance.
  RIPC_WAITING = 2,
} ripc_connection;

// A component, for one thread: opaque. It belongs to the thread that has opened it.
typedef struct ripc ripc;

// Carries messages that a program composes itself, standard members and keys included: for a
// gateway, and for the drop-in for the original C library. Opaque; it belongs to the thread that
// has opened it. Most programs want a ripc instead, which signs messages and names keys.
//
// Keys and channels are any UTF-8 of up to 127 bytes, messages and values any bytes. What is
// lent stays until the next call with the same courier.
typedef struct ripc_courier ripc_courier;

// How to connect. Begin with RIPC_OPTIONS_INIT; whatever is 0 or NULL has its default.
typedef struct {
  // sizeof(ripc_options) of the program, which may be older than the library.
  size_t size;
  // Where the server is: a path, unix:///path?db=N or redis://[user:password@]host[:port][/db].
  // By default RIPC_SERVER_PATH, then $RIPC_RUNTIME_DIR/redis-ipc/socket, then
  // /run/redis-ipc/socket if that exists, then /tmp/redis-ipc/socket.
  const char *address;
  // How many milliseconds connecting may take: 5000.
  uint32_t connect_ms;
  // How many milliseconds a request may take that does not wait on purpose: 5000.
  uint32_t reply_ms;
  // How many bytes one message may have: 1048576. There is a buffer of that size at most for
  // each direction of each connection; it starts at 16384.
  size_t message_limit;
} ripc_options;

// A text that the library lends: UTF-8, with a NUL behind its last byte, so that it can be
// printed with %s. It may contain further NULs. Where there is no such text, data is NULL and
// length 0. How long it stays is said where it is lent.
typedef struct {
  // The first byte.
  const char *data;
  // How many bytes, without the NUL.
  size_t length;
} ripc_text;

// Something that arrived. The library owns it; later versions may add members at its end.
typedef struct {
  // What it is: a ripc_kind, or one that a later version has.
  int kind;
  // RIPC_CHANGED and RIPC_BUS: which, a ripc_detail. Else 0.
  int detail;
  // RIPC_COMMAND: what to answer it by. Else 0.
  uint64_t job;
  // RIPC_COMMAND: how often it was begun before, where commands are served at least once.
  uint64_t tries;
  // RIPC_DEBUG: from 0, an error, to 5, a detail; -1 if it does not say. RIPC_BUS, once it is
  // back: how many milliseconds it was gone. Else 0.
  int64_t number;
  // RIPC_COMMAND and RIPC_EVENT: the sender's members, one JSON object. RIPC_CHANGED: all
  // fields, one JSON object of texts; {} if there are none. RIPC_DEBUG: the message.
  // RIPC_BUS: the reason, where there is one.
  ripc_text text;
  // RIPC_EVENT and RIPC_DEBUG: whose channel it came by. RIPC_CHANGED: whose hash it is.
  ripc_text component;
  // RIPC_COMMAND: the subqueue, RIPC_EVENT: the subchannel, if it came by one.
  ripc_text name;
  // RIPC_EVENT: the whole channel.
  ripc_text channel;
  // RIPC_COMMAND: its id.
  ripc_text command_id;
  // Who sent a command, an event or a debug message, in the sender's own words.
  ripc_text sender_component;
  // The name of the sender's thread.
  ripc_text sender_thread;
  // When it was sent: seconds.microseconds since 1970.
  ripc_text sender_timestamp;
  // The number of the sender's thread; -1 if it does not say.
  int64_t sender_tid;
} ripc_message;

// A function that is called when something arrives. message is lent while it runs, also if it
// uses the handle, which it may do with every function but ripc_run(), ripc_dispatch() and
// ripc_next(). It must not throw a C++ exception or jump out.
//
// What it returns, for a command: RIPC_OK if it has answered it; RIPC_LATER if it will do so
// later; anything else has the caller get the error "failed". A command that was not answered
// then is answered with the error "unanswered". For everything else: RIPC_OK; anything else ends
// ripc_run() or ripc_dispatch(), which return it.
typedef int (*ripc_handler)(ripc *handle, const ripc_message *message, void *user);

// A field of settings or status.
typedef struct {
  // The field's name.
  ripc_text name;
  // What it is set to.
  ripc_text value;
} ripc_pair;

// How a component stands with its bus, in full. The library owns it; later versions may add
// members at its end.
typedef struct {
  // A ripc_connection, or one that a later version has.
  int connection;
  // How often it was tried to mend it.
  uint32_t attempts;
  // For how many milliseconds something is wrong.
  int64_t lasted_ms;
  // What the last attempt came to; absent if all is well.
  ripc_text why;
} ripc_bus_state;

// What a component had to drop since it was opened. The library owns it; later versions may add
// members at its end.
typedef struct {
  // Commands that were none, too long, or named somebody else's key for the result.
  uint64_t commands_dropped;
  // Commands whose deadline had passed; they were not executed.
  uint64_t commands_expired;
  // Results that could not be pushed.
  uint64_t results_dropped;
  // Events and debug messages that were none or too long, or that nobody took up while too many
  // were set aside.
  uint64_t messages_dropped;
  // Results of calls that had timed out before.
  uint64_t stale_results;
  // Pops of which nobody knows whether they took a command, because the connection broke.
  uint64_t pops_unknown;
} ripc_counters;

// A message that was heard.
typedef struct {
  // The pattern by which it came.
  ripc_text pattern;
  // Where it was published.
  ripc_text channel;
  // What was published.
  ripc_text message;
} ripc_news;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

// What a code means, in a few words. Any number may be given, and the text stays for ever; from
// any thread, also without a handle. What really happened says ripc_last_error().
const char *ripc_strerror(int code);

// The version of the library that the program runs with, such as "0.1.0"; stays for ever.
// RIPC_VERSION is the one that it was compiled with.
const char *ripc_version(void);

// Joins the bus as one thread of a component, and puts the handle into *handle.
//
// Names are 1 to 64 of A-Z a-z 0-9 _ -. The results of this component's calls go into a queue
// that bears both names, so no two handles that are open at the same time, in whatever process,
// may have both in common. options may be NULL.
//
// The handle belongs to the calling thread; when that ends, it is closed. A process can have
// 1024 of them. Blocks until the server has answered, at most for the connect limit.
//
// RIPC_ERR_NAME, RIPC_ERR_ADDRESS, RIPC_ERR_NO_SERVER, RIPC_ERR_REJECTED (the server wants a
// password, for instance), RIPC_ERR_FULL; *handle is NULL then, and ripc_last_error(NULL) says
// more.
int ripc_open(const char *component,
              const char *thread,
              const ripc_options *options,
              ripc **handle);

// Leaves the bus. A command that was popped and not handed out goes back to the head of its
// queue, and one that was handed out and not answered is answered with the error "unanswered".
// All that the handle has lent is gone. Blocks for the reply limit at most.
//
// In a child process it leaves the parent's connections alone and succeeds. A handler may close
// its own handle, and must not use it or the message afterwards.
int ripc_close(ripc *handle);

// What failed last on this handle, in words, for people; "" if nothing has. A success does not
// clear it. With NULL, or with anything that is no handle of this thread: what failed last on
// this thread where there was no handle, ripc_open() above all. Never NULL.
//
// Stays until the next function of the same handle (or without a handle) is called.
const char *ripc_last_error(ripc *handle);

// The names that the handle was opened with; each place may be NULL. They stay until the next
// call on this handle.
int ripc_own_names(ripc *handle, ripc_text *component, ripc_text *thread);

// Sends a command to a component ("scanner") or to one of its subqueues ("printer.print"), and
// waits for the answer.
//
// json is one JSON object of length bytes, or up to its NUL if length is RIPC_NUL_TERMINATED;
// the answer, likewise one object, is lent until the next call on this handle.
//
// Blocks for timeout_ms at most, which is not negative, and a tenth of a second more to take the
// command back; 1.2 s more with a server that does not answer at all. Answers to earlier calls
// that timed out are dropped and do not prolong the wait.
//
// RIPC_ERR_FAILED if the component answers with an error: see ripc_failure();
// RIPC_ERR_NOT_TAKEN, RIPC_ERR_LATE, RIPC_ERR_OVERLOADED; RIPC_ERR_NO_SERVER,
// RIPC_ERR_NOT_SENT, RIPC_ERR_REJECTED if it was not executed; RIPC_ERR_UNKNOWN if it may have
// been.
int ripc_call(ripc *handle,
              const char *recipient,
              const char *json,
              size_t length,
              int64_t timeout_ms,
              ripc_text *answer);

// The error that the called component has answered with, after RIPC_ERR_FAILED: a word for
// programs and a sentence for people; each place may be NULL. They are that of the last call
// that failed so, absent if none has, and stay until the next call on this handle.
int ripc_failure(ripc *handle, ripc_text *code, ripc_text *message);

// How many commands may wait in a queue before ripc_call() takes its own back and reports
// RIPC_ERR_OVERLOADED: 1024 if nothing else is said.
int ripc_set_queue_limit(ripc *handle, uint64_t commands);

// Has commands say when their caller stops waiting (wanted is not 0), so that a component of
// this library which takes one later drops it instead of executing it. By the clock of the one
// who serves. Off if nothing is said.
int ripc_set_command_deadlines(ripc *handle, int wanted);

// Has ripc_stop() end calls too (wanted is not 0), as if their time had passed. Off if nothing
// is said: then a call waits for its time-out, whatever is asked of the handle.
int ripc_set_call_stop(ripc *handle, int wanted);

// Serves this component's subqueues in order of priority: whenever the component is free, the
// first that has a command wins. With a count of 0 it serves the one queue of a component that
// has no subqueues. Commands then come by ripc_next(), ripc_run() or ripc_dispatch(). What was
// served before is replaced. Blocks for the reply limit at most.
int ripc_serve(ripc *handle, const char *const *subqueues, size_t count);

// Has each command served at least once instead of at most once: one that was taken and not
// answered, because the component or the server died, is served again, until it was begun as
// many times as tries says; then it is given up and put into the list queues.dead.<component>.
// 0 goes back to at most once. Holds from the next ripc_serve() or ripc_on_command().
int ripc_set_delivery(ripc *handle, uint32_t tries);

// Waits for the next message: a command of a queue that is served, an event or a debug message
// that was subscribed to, a change of what is watched, the timer, news of the bus, a stop.
//
// *message is lent until the next ripc_next(), ripc_dispatch() or ripc_run() on this handle;
// other functions leave it alone. It is NULL if timeout_ms passed without one; a negative
// time-out is for ever, and one of 0 does not wait. Nothing is lost by a time-out.
//
// A command is to be answered, now or later, by ripc_answer() or ripc_fail(), or to be put back
// by ripc_put_back(). Before the next message is waited for is best: the answer then goes out in
// one write with the request for the next command.
//
// A bus that goes away comes back by itself, with all that was served, subscribed to and
// watched; RIPC_BUS tells of it. Only what does not pass by itself is an error: a wrong password,
// a missing permission.
int ripc_next(ripc *handle, int64_t timeout_ms, const ripc_message **message);

// Answers a command with one JSON object: job is that member of its message. Commands may be
// answered in any order and at any time; their messages need not be there any more.
//
// RIPC_ERR_JOB if there is no such job. After RIPC_ERR_JSON and RIPC_ERR_TOO_LONG the caller has
// got the error "bad-result" instead; after anything else he has got nothing, and the command
// comes again where commands are served at least once. The job is gone in any case, but for
// RIPC_ERR_USAGE and RIPC_ERR_UTF8.
int ripc_answer(ripc *handle, uint64_t job, const char *json, size_t length);

// Answers a command with an error: a word for programs ("no-paper") and a sentence for people.
// The caller's ripc_call() returns RIPC_ERR_FAILED. Otherwise as ripc_answer().
int ripc_fail(ripc *handle, uint64_t job, const char *code, const char *message);

// Puts a command back to the head of its queue, exactly as it came: for one that is not finished
// when the program has to stop.
int ripc_put_back(ripc *handle, uint64_t job);

// Takes the next command of one of this component's queues, if one is there; subqueue NULL is
// the queue of a component without subqueues. Does not wait: for a look at "cancel" while a
// "print" is at work. *message is NULL if there is none, else lent until the next ripc_take(),
// ripc_receive() or ripc_heard() on this handle.
int ripc_take(ripc *handle, const char *subqueue, const ripc_message **message);

// Waits for the next command of one of this component's queues, which is not among those that
// are served: for programs that look at one queue now and at another one later, and that take
// nothing while they do neither. Takes a round trip more than ripc_next(). *message as with
// ripc_take(), timeout_ms as with ripc_next(); it may take a tenth of a second longer.
int ripc_receive(ripc *handle,
                 const char *subqueue,
                 int64_t timeout_ms,
                 const ripc_message **message);

// The next event that has arrived. Does not wait and takes no command: for a look about while a
// command is at work. *message as with ripc_take().
int ripc_heard(ripc *handle, const ripc_message **message);

// Leaves nothing in flight: a command that was popped and not handed out goes back to the head
// of its queue, for others of this component's name to take. ripc_next() asks for commands
// again. Blocks for the reply limit at most.
int ripc_rest(ripc *handle);

// Whether somebody has asked for a stop (*stopped is 1, else 0), for a handler that takes long.
int ripc_stop_requested(ripc *handle, int *stopped);

// Has commands of a subqueue handled, and serves it: subqueues are looked at in the order in
// which they are named here, the most urgent first. subqueue NULL is the queue of a component
// that has no subqueues; such a component has no others. Blocks for the reply limit at most.
int ripc_on_command(ripc *handle, const char *subqueue, ripc_handler handler, void *user);

// Listens to events as ripc_subscribe_events() does, and has them handled. An event that several
// handlers are for goes to each of them.
int ripc_on_event(ripc *handle,
                  const char *component,
                  const char *subchannel,
                  ripc_handler handler,
                  void *user);

// Listens to debug messages as ripc_subscribe_debug() does, and has them handled.
int ripc_on_debug(ripc *handle, const char *component, ripc_handler handler, void *user);

// Watches settings as ripc_watch_settings() does, and has them handled.
int ripc_on_settings(ripc *handle, const char *component, ripc_handler handler, void *user);

// Watches a status as ripc_watch_status() does, and has it handled.
int ripc_on_status(ripc *handle, const char *component, ripc_handler handler, void *user);

// Has news of the bus handled: RIPC_BUS.
int ripc_on_bus(ripc *handle, ripc_handler handler, void *user);

// Sets the timer as ripc_set_tick() does, and has it handled.
int ripc_on_tick(ripc *handle, uint32_t interval_ms, ripc_handler handler, void *user);

// Has ripc_next() return RIPC_TICK at this interval, or ripc_run() call the handler of the
// timer; an interval of 0 ends it. Ticks that were missed come once.
int ripc_set_tick(ripc *handle, uint32_t interval_ms);

// Waits for messages and calls their handlers, until somebody asks for a stop: RIPC_OK then,
// with nothing in flight. A command without a handler is answered with the error "no-handler";
// other messages without one are dropped. Ends with what a handler returns that is not RIPC_OK,
// where the message was no command, and with what does not pass by itself.
int ripc_run(ripc *handle);

// A file descriptor that can be read from when ripc_dispatch() has something to do: for epoll,
// poll, select, GLib or libuv, level-triggered. Negative is an error.
//
// It stays the same until ripc_close(), which closes it. Watch it, and do nothing else with it.
// It stands for both connections and for all timers; whatever else the program does with the
// handle, it is up to date when the function returns. It may be readable without need.
int ripc_fd(ripc *handle);

// Calls the handlers of what has arrived; does not wait for anything to arrive. Handles limit
// messages at most, all if that is 0, and puts into *handled, which may be NULL, how many there
// were. The descriptor stays readable for those that are left.
//
// RIPC_STOPPED if somebody has asked for a stop; else as ripc_run().
//
// What it may wait for is the server: to read a hash that has changed, or to connect again. A
// local server takes less than a millisecond for that, and one that is gone none at all; one
// that stands still takes the reply limit or the connect limit.
int ripc_dispatch(ripc *handle, size_t limit, size_t *handled);

// Asks for a stop: ripc_run() returns, ripc_next() hands out RIPC_STOP, ripc_dispatch() returns
// RIPC_STOPPED, each once. From any thread, and from a signal handler. A thread that waits
// notices at once if a signal arrives on it, else within a second; a loop of the program's own
// has to be woken by the program.
int ripc_stop(ripc *handle);

// Has SIGTERM and SIGINT (Ctrl-C) ask for a stop of this handle. A second such signal ends the
// program at once, as it would without this. Signals are the program's own business if this is
// not called.
int ripc_stop_on_signals(ripc *handle);

// Reads one setting of a component, of this one if that is NULL. *value is lent until the next
// call on this handle, and absent if there is no such setting. What was written as a number or a
// boolean reads as JSON writes it, anything nested as its JSON text.
int ripc_settings_get(ripc *handle, const char *component, const char *field, ripc_text *value);

// Reads all settings of a component, of this one if that is NULL, as one JSON object of texts,
// lent until the next call on this handle; {} if there are none.
int ripc_settings_all(ripc *handle, const char *component, ripc_text *json);

// Reads all settings of a component, of this one if that is NULL, as an array of *count pairs,
// lent until the next call on this handle.
int ripc_settings_pairs(ripc *handle,
                        const char *component,
                        const ripc_pair **pairs,
                        size_t *count);

// Sets one setting of a component, of this one if that is NULL, to a text of length bytes, or up
// to its NUL if length is RIPC_NUL_TERMINATED.
//
// RIPC_ERR_NOT_WRITER if this component is not the bus's settings_writer: see
// ripc_config_set().
int ripc_settings_set(ripc *handle,
                      const char *component,
                      const char *field,
                      const char *value,
                      size_t length);

// Sets settings of a component, of this one if that is NULL, from the members of a JSON object:
// texts as they are, everything else as it is written; null deletes. Settings that are not named
// stay. All is done at once or, if the server refuses, not at all. Errors as with
// ripc_settings_set(), and RIPC_ERR_JSON.
int ripc_settings_write(ripc *handle, const char *component, const char *json, size_t length);

// Deletes settings of a component, of this one if that is NULL; puts into *deleted, which may be
// NULL, how many there were. Errors as with ripc_settings_set().
int ripc_settings_delete(ripc *handle,
                         const char *component,
                         const char *const *fields,
                         size_t count,
                         uint64_t *deleted);

// Deletes all settings of a component, of this one if that is NULL. Errors as with
// ripc_settings_set().
int ripc_settings_clear(ripc *handle, const char *component);

// Reads one field of a component's status, of this one's if that is NULL. As
// ripc_settings_get().
int ripc_status_get(ripc *handle, const char *component, const char *field, ripc_text *value);

// Reads all of a component's status. As ripc_settings_all().
int ripc_status_all(ripc *handle, const char *component, ripc_text *json);

// Reads all of a component's status. As ripc_settings_pairs().
int ripc_status_pairs(ripc *handle, const char *component, const ripc_pair **pairs, size_t *count);

// Sets one field of this component's own status, which nobody else may write. It is written
// again by itself on a server that has forgotten it.
int ripc_status_set(ripc *handle, const char *field, const char *value, size_t length);

// Sets fields of this component's own status from the members of a JSON object, as
// ripc_settings_write() does.
int ripc_status_write(ripc *handle, const char *json, size_t length);

// Deletes fields of this component's own status; puts into *deleted, which may be NULL, how many
// there were.
int ripc_status_delete(ripc *handle, const char *const *fields, size_t count, uint64_t *deleted);

// Deletes this component's own status.
int ripc_status_clear(ripc *handle);

// Watches the settings of a component, of this one if that is NULL: ripc_next() hands out their
// present state first and then the latest state after each change, as RIPC_CHANGED. Changes that
// come quickly after each other may be seen as one.
int ripc_watch_settings(ripc *handle, const char *component);

// Watches the status of a component. As ripc_watch_settings().
int ripc_watch_status(ripc *handle, const char *component);

// A field of settings (kind RIPC_SETTINGS) or of a status (RIPC_STATUS) that is watched, as of
// the last ripc_next(), ripc_dispatch() or turn of ripc_run(), without asking the server; of this
// component if that is NULL. *known is 1, and *value is lent until the next call on this handle,
// absent if there is no such field. *known is 0 if it is not watched, was not read yet, has
// changed since, or if the connection is gone that would tell.
int ripc_cached(ripc *handle,
                int kind,
                const char *component,
                const char *field,
                ripc_text *value,
                int *known);

// Publishes an event of this component, on one of its subchannels, or outside any if that is
// NULL: one JSON object of length bytes, or up to its NUL if length is RIPC_NUL_TERMINATED. Puts
// into *listeners, which may be NULL, how many the server told.
int ripc_publish(ripc *handle,
                 const char *subchannel,
                 const char *json,
                 size_t length,
                 uint64_t *listeners);

// Listens to the events of one component, or of all if that is NULL; to those on one subchannel,
// or to all if that is NULL. From the moment this returns, what is published is heard, by
// ripc_next(). An event that is meant by several subscriptions is heard once. There can be 64
// subscriptions, what is watched included.
int ripc_subscribe_events(ripc *handle, const char *component, const char *subchannel);

// Ends ripc_subscribe_events() with the same arguments; the other subscriptions stay.
int ripc_unsubscribe_events(ripc *handle, const char *component, const char *subchannel);

// Reads one member of a JSON object, such as the text of a message or an answer, for programs
// that have no JSON library: a text as it is, without quotes and escapes, anything else as JSON
// writes it. *value is lent until the next call on this handle; it is absent if there is no such
// member, or null. Asks nobody.
int ripc_json_member(ripc *handle,
                     const char *json,
                     size_t length,
                     const char *member_name,
                     ripc_text *value);

// Sends a debug message, of a level from 0 (an error) to 5 (a detail), if the bus's
// debug_verbosity lets it pass; a text of more than 1023 bytes is cut and ends with [TRUNC].
// What is not UTF-8 in it becomes U+FFFD. See ripc_debug() for one that formats.
int ripc_debug_text(ripc *handle, int level, const char *message, size_t length);

// Whether a debug message of this level would be sent (*enabled is 1, else 0), for one that
// costs much to make. Asks nobody.
int ripc_debug_enabled(ripc *handle, int level, int *enabled);

// Listens to the debug messages of one component, or of all if that is NULL: they come by
// ripc_next().
int ripc_subscribe_debug(ripc *handle, const char *component);

// Ends ripc_subscribe_debug() with the same argument; the other subscriptions stay.
int ripc_unsubscribe_debug(ripc *handle, const char *component);

// Reads one of the settings that all components of a bus go by, in the hash
// settings.redis-ipc: "debug_verbosity" (debug messages up to this level are sent; 5),
// "stderr_debug" (whether the original library shows them on stderr too; 1) or
// "settings_writer" (which component may write settings, * for all; "db"). *value is lent until
// the next call on this handle; the default where nothing is set. Asks the server.
int ripc_config_get(ripc *handle, const char *setting, ripc_text *value);

// Sets one of them, for all components of the bus: for this one at once, for the others as soon
// as they notice. Any component may. RIPC_ERR_USAGE for a debug_verbosity or stderr_debug that
// is no number, and a settings_writer that is no name.
int ripc_config_set(ripc *handle, const char *setting, const char *value);

// The debug_verbosity that this handle goes by: debug messages up to this level are sent. It is
// read when the handle is opened, and again when it changes while ripc_next(), ripc_run() or
// ripc_dispatch() are used. Asks nobody.
int ripc_debug_verbosity(ripc *handle, int64_t *level);

// Reads the settings of redis-ipc again, for a component that does not use ripc_next(),
// ripc_run() or ripc_dispatch().
int ripc_config_reload(ripc *handle);

// How this component stands with its bus, as far as its loop has noticed. Asks nobody. *state is
// lent until the next call on this handle.
int ripc_state(ripc *handle, const ripc_bus_state **state);

// What this component cannot have from its server, in sentences for people, one a line; empty
// where all is well. Lent until the next call on this handle.
int ripc_limitations(ripc *handle, ripc_text *text);

// What was dropped so far. *counters is lent until the next call on this handle.
int ripc_count(ripc *handle, const ripc_counters **counters);

// Connects, and puts the courier into *courier. The server lists its connections under client,
// which may be NULL, as options may be. Blocks for the connect limit at most.
//
// RIPC_ERR_ADDRESS, RIPC_ERR_NO_SERVER, RIPC_ERR_REJECTED, RIPC_ERR_FULL; *courier is NULL
// then, and ripc_courier_error(NULL) says more.
int ripc_courier_open(const char *client, const ripc_options *options, ripc_courier **courier);

// Closes the connections. All that the courier has lent is gone. In a child process it leaves
// the parent's connections alone and succeeds.
int ripc_courier_close(ripc_courier *courier);

// What failed last with this courier, in words; "" if nothing has. With NULL, or with anything
// that is no courier of this thread: what failed last on this thread without one. Never NULL.
const char *ripc_courier_error(ripc_courier *courier);

// Pushes a command to a queue and waits for its result in the queue results: timeout_ms, or
// without limit if that is negative. The command, one JSON object, has to name that queue in its
// member results_queue and to bear id as its command_id; the result bears the same.
//
// Results with another id, or with none, are dropped and do not prolong the wait; *stale, which
// may be NULL, tells how many. When time is up, the command is taken back if nobody has taken it.
//
// RIPC_ERR_NOT_TAKEN, RIPC_ERR_LATE, and otherwise as ripc_call().
int ripc_courier_call(ripc_courier *courier,
                      const char *queue,
                      const char *results,
                      const char *id,
                      const char *message,
                      size_t length,
                      int64_t timeout_ms,
                      ripc_text *result,
                      uint32_t *stale);

// Pops the next message of a queue; waits for one for timeout_ms, or without limit if that is
// negative. message->data is NULL if there was none. Nothing is popped any more once this has
// returned. A server that is away is waited for as well.
int ripc_courier_take(ripc_courier *courier,
                      const char *queue,
                      int64_t timeout_ms,
                      ripc_text *message);

// Pushes a result to the queue that a command has named, which has to be a results queue. One
// that nobody pops is gone five minutes later.
int ripc_courier_answer(ripc_courier *courier,
                        const char *results,
                        const char *message,
                        size_t length);

// Publishes a message.
int ripc_courier_publish(ripc_courier *courier,
                         const char *channel,
                         const char *message,
                         size_t length);

// Sets count fields of a hash, all at once.
int ripc_courier_write(ripc_courier *courier,
                       const char *hash,
                       const ripc_pair *fields,
                       size_t count);

// Sets one field of a hash; both texts end with a NUL.
int ripc_courier_set(ripc_courier *courier, const char *hash, const char *field, const char *value);

// Reads a whole hash, in the server's order; no fields if it is not there.
int ripc_courier_read(ripc_courier *courier,
                      const char *hash,
                      const ripc_pair **fields,
                      size_t *count);

// Reads one field of a hash; value->data is NULL if it is not there.
int ripc_courier_field(ripc_courier *courier,
                       const char *hash,
                       const char *field,
                       ripc_text *value);

// Has the server tell of changed hashes on the channels __keyspace@<database>__:<hash>, and
// every server that takes its place. What it tells besides is left as it is.
int ripc_courier_notify(ripc_courier *courier);

// Listens to all channels whose names match a pattern, as the server matches it. From the moment
// this returns, what is published is heard, once for each pattern that matches.
int ripc_courier_subscribe(ripc_courier *courier, const char *pattern);

// Ends a subscription.
int ripc_courier_unsubscribe(ripc_courier *courier, const char *pattern);

// Waits for the next message that was subscribed to: for timeout_ms, or without limit if that is
// negative. heard->message.data is NULL if there was none. A server that is away is waited for
// as well; what is published meanwhile is lost.
int ripc_courier_hear(ripc_courier *courier, int64_t timeout_ms, ripc_news *heard);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#ifdef __cplusplus
extern "C" {
#endif

/* printf(3) as a debug message: see ripc_debug_text(). Formats only what would be sent. */
#if defined(__GNUC__)
__attribute__((format(printf, 3, 4), unused))
#endif
static inline int ripc_debug(ripc *handle, int level, const char *format, ...)
{
  /* More than a debug message may have, so that the library sees that it is too long. */
  char text[1100];
  va_list arguments;
  int enabled, length, code = ripc_debug_enabled(handle, level, &enabled);
  if (code != RIPC_OK || !enabled)
    return code;
  if (format == NULL)
    return ripc_debug_text(handle, level, NULL, 0);
  va_start(arguments, format);
  length = vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  if (length < 0)
    return RIPC_ERR_USAGE;
  return ripc_debug_text(handle, level, text, RIPC_NUL_TERMINATED);
}

#ifdef __cplusplus
} /* extern "C" */
#endif

#endif /* RIPC_H */

/* redis_ipc.h - the interface of the original redis-ipc C library, on top of libripc.
 *
 * SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * For programs that were written for the original: the same names, constants and signatures, the
 * same keys and messages on the bus. New programs are better off with ripc.h. What is the same,
 * what differs and how to switch: README.md beside the sources of this library.
 *
 * Threads: a thread calls redis_ipc_init() before anything else and has its own connections and
 * its own subscriptions. Before that, after redis_ipc_cleanup() and in the child of a fork(), every
 * function fails and does nothing else.
 *
 * Results: an int is RIPC_OK or above on success and RIPC_FAIL otherwise; a pointer is NULL on
 * failure, if its function does not say otherwise. Why something failed is told on stderr, unless
 * that is switched off (redis_ipc_config_stderr_debug).
 *
 * Ownership: every json_object that is handed in stays the caller's, every one that is returned
 * becomes the caller's; both end with json_object_put(). A returned text ends with free().
 *
 * Names become parts of keys, and a key has at most RIPC_MAX_IPC_PATH_LEN - 1 bytes: whatever
 * makes a longer one fails. A NULL where a text or an object is needed fails as well.
 */
#ifndef REDIS_IPC_COMPAT_H
#define REDIS_IPC_COMPAT_H

/* What programs test for to learn whether the original's header is there. */
#ifndef __REDIS_IPC_H__
#define __REDIS_IPC_H__
#endif

#include <sys/time.h>
#include <sys/types.h>

#include <json-c/json.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Constants ------------------------------------------------------------------------------ */

/* How much a debug message matters, the most first. */
enum {
    RIPC_DBG_ERROR,
    RIPC_DBG_ALERT,
    RIPC_DBG_WARN,
    RIPC_DBG_INFO,
    RIPC_DBG_NOISY,
    RIPC_DBG_EXTRA_NOISY
};

#define RIPC_OK 0
#define RIPC_FAIL (-1)

/* Named by the original, which never reads it; neither does this library. */
#define RIPC_CONF_PATH "./redis_ipc.conf"

/* Bytes of a debug message with its NUL; a longer one is cut and ends with [TRUNC]. */
#define RIPC_MAX_DEBUG_LEN 1024

/* Bytes of a key with its NUL. */
#define RIPC_MAX_IPC_PATH_LEN 128

/* Where the server is if nobody says otherwise. A program's own RIPC_RUNTIME_DIR changes these
 * texts and nothing else: where the library looks is told at redis_ipc_init(). */
#ifndef RIPC_RUNTIME_DIR
#define RIPC_RUNTIME_DIR "/tmp/redis-ipc"
#endif
#define RIPC_SERVER_PATH RIPC_RUNTIME_DIR "/socket"

/* What holds while the hash settings.redis-ipc does not say otherwise. */
#define RIPC_DEFAULT_DEBUG_VERBOSITY 5
#define RIPC_DEFAULT_STDERR_DEBUG 1
#define RIPC_DEFAULT_SETTINGS_WRITER "db"

/* As a settings writer: any component. */
#define RIPC_COMPONENT_ANY "*"

/* The names that two of these had for a while. */
#define RIPC_DEFAULT_VERBOSITY RIPC_DEFAULT_DEBUG_VERBOSITY
#define RIPC_DEFAULT_STDERR RIPC_DEFAULT_STDERR_DEBUG

/* ---- A thread's place on the bus ------------------------------------------------------------ */

/* Connects the calling thread to the bus. All threads of a program have one component name and
 * each a thread name of its own, the same at every start, for results arrive in a queue that is
 * called after both.
 *
 * The server is the one that the environment variable RIPC_SERVER_PATH names; without it, the
 * first of $RIPC_RUNTIME_DIR/redis-ipc/socket, /run/redis-ipc/socket if it exists, and
 * /tmp/redis-ipc/socket.
 *
 * Blocks for 5 s at most if something listens there and does not answer. A second call takes the
 * place of the first; if it fails, the first one stays. */
int redis_ipc_init(const char *this_component, const char *this_thread);

/* Ends what redis_ipc_init() began, if tid is the number of the calling thread (gettid(); in a
 * program with one thread, getpid()); fails for any other. A thread that ends does so by itself. */
int redis_ipc_cleanup(pid_t tid);

/* ---- Commands and results ------------------------------------------------------------------- */

/* Sends a command to a component, to one of its subqueues or to the one queue that it has (NULL),
 * and waits for the result: timeout seconds, or without limit for 0.
 *
 * The command gets the members results_queue, command_id, timestamp, component, thread and tid.
 *
 * Returns the result with all its members, or NULL when time is up or the bus fails. A command
 * that nobody has taken when time is up is taken back: nobody will execute it. Results of other
 * commands are dropped and do not prolong the wait. A Rust component that reports a failure does
 * it with a result whose member "error" is an object with the texts "code" and "message". */
json_object *redis_ipc_send_command_blocking(const char *dest_component, const char *subqueue,
                                             json_object *command, unsigned int timeout);

/* Waits for the next command in one of this component's subqueues or in its one queue (NULL):
 * timeout seconds, or without limit for 0. While there is no server it is waited for as well.
 *
 * Returns the command with all its members; NULL when time is up, or for a message that is no
 * JSON object, which is gone then. */
json_object *redis_ipc_receive_command_blocking(const char *subqueue, unsigned int timeout);

/* Answers a command. Any thread may do it that is on the bus, whichever has received the command.
 *
 * The result gets the members command_id, timestamp, component, thread and tid. It fails if the
 * command has no command_id or names no results queue. A result that nobody waits for any more
 * stays for five minutes. */
int redis_ipc_send_result(const json_object *completed_command, json_object *result);

/* ---- Settings and status -------------------------------------------------------------------- */

/* Settings are what a component is told, status is what it tells: one hash each, whose fields are
 * texts. Settings are written by the settings writer of the bus only (see below) and read by all;
 * a component writes its own status and reads everybody's.
 *
 * Whole hashes: writing sets the members of an object as fields, all at once, and leaves other
 * fields alone; a text is stored as it is, everything else as its JSON text. It fails for an
 * object without members, and for a member that is null. Reading returns an object of texts, in
 * the server's order; it is empty if there is no such hash, and also if the bus fails.
 *
 * Single fields: reading returns NULL if there is no such field, and also if the bus fails. */
int redis_ipc_write_setting(const char *owner_component, const json_object *fields);
json_object *redis_ipc_read_setting(const char *owner_component);
int redis_ipc_write_setting_field(const char *owner_component, const char *field_name,
                                  const char *field_value);
char *redis_ipc_read_setting_field(const char *owner_component, const char *field_name);

int redis_ipc_write_status(const json_object *fields);
json_object *redis_ipc_read_status(const char *owner_component);
int redis_ipc_write_status_field(const char *field_name, const char *field_value);
char *redis_ipc_read_status_field(const char *owner_component, const char *field_name);

/* ---- Events and debug messages -------------------------------------------------------------- */

/* Publishes an event, on one of this component's subchannels or outside any (NULL). The message
 * gets the members channel, timestamp, component, thread and tid. */
int redis_ipc_send_event(const char *subchannel, json_object *message);

/* Listens to events: of one component or of all (NULL), of one subchannel or of all (NULL). From
 * the moment this returns, what is published is heard. */
int redis_ipc_subscribe_events(const char *component, const char *subchannel);

/* Ends all subscriptions to events, whatever they were made with. */
int redis_ipc_unsubscribe_events(void);

/* Publishes a debug message as printf() would write it, if its level is not above the verbosity
 * of the bus; what is above is dropped, and that is a success. An empty message fails. On the bus
 * it is an object with the members message, level, channel, timestamp, component, thread, tid. */
int redis_ipc_send_debug(unsigned int debug_level, const char *format, ...);

/* Listens to the debug messages of one component or of all (NULL). */
int redis_ipc_subscribe_debug(const char *component);

/* Ends all subscriptions to debug messages. */
int redis_ipc_unsubscribe_debug(void);

/* Has redis_ipc_get_message_…() return when this component's settings change. The server tells of
 * that by the word "hset", which is no JSON: what is returned then is NULL. */
int redis_ipc_subscribe_setting_notifications(void);
int redis_ipc_unsubscribe_setting_notifications(void);

/* Waits for the next message that was subscribed to, without limit. One that several
 * subscriptions mean is returned once. Messages that are not JSON return NULL, and so does
 * waiting without any subscription. A server that goes away is connected to again and asked for
 * the same subscriptions; what is published meanwhile is lost. */
json_object *redis_ipc_get_message_blocking(void);

/* The same, and NULL when the time is up, after which all subscriptions are still there. A zero
 * time is no limit. */
json_object *redis_ipc_get_message_timeout(struct timeval timeout);

/* ---- The settings of redis-ipc itself ------------------------------------------------------- */

/* They are the same for the whole bus, in the hash settings.redis-ipc, and any component may
 * change them. A thread reads them at redis_ipc_init(), whenever it sets one, and here. */
void redis_ipc_config_load(void);

/* Up to which level debug messages are sent; below 0, none are. */
int redis_ipc_config_debug_verbosity(int verbosity);

/* Whether threads tell on stderr what they do and what goes wrong; 0 for no. */
int redis_ipc_config_stderr_debug(int enable_stderr);

/* Which component may write settings, or RIPC_COMPONENT_ANY. */
int redis_ipc_config_settings_writer(const char *writer_component);

/* What this thread goes by; the default before redis_ipc_init(). */
int get_debug_verbosity(void);
int stderr_debug_is_enabled(void);

#ifdef __cplusplus
}
#endif

#endif

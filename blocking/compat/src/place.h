/* A thread's place on the bus, and what all parts of this library share. */
#ifndef REDIS_IPC_PLACE_H
#define REDIS_IPC_PLACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* All else is this library's own. */
#pragma GCC visibility push(default)
#include "redis_ipc.h"
#pragma GCC visibility pop

#include "ripc.h"

/* A key, a channel or a pattern. */
struct key {
    char text[RIPC_MAX_IPC_PATH_LEN];
};

/* What a subscription listens to. */
enum topic_kind { EVENTS, DEBUG_MESSAGES, SETTING_NOTIFICATIONS };

/* What of the channels that its pattern matches is meant. */
enum topic_meaning {
    ALL_THAT_MATCHES,
    /* Exactly the channel `stem`. */
    THE_STEM,
    /* The channel `stem`, and whatever follows it behind a dot. */
    THE_STEM_AND_BELOW
};

struct topic {
    enum topic_kind kind;
    enum topic_meaning meaning;
    struct key pattern;
    struct key stem;
};

struct place {
    /* The thread that it belongs to; in the child of a fork() it is nobody's. */
    pid_t tid;
    char *component;
    char *thread;
    struct key results_queue;
    uint64_t next_command;
    ripc_courier *courier;

    /* The settings of redis-ipc, as they were when they were last read. */
    int verbosity;
    int stderr_debug;
    char *settings_writer;

    struct topic *topics;
    size_t topic_count;
};

/* place.c: the calling thread's place; NULL if it has none. */
struct place *place_here(void);

/* Number of the calling thread. */
pid_t place_thread_number(void);

/* keys.c: a key of a prefix, a name and, if it is not NULL, a second name behind a dot. Says
 * whether it is not too long; if it is, the place's thread is told. */
bool key_make(struct key *key, struct place *place, const char *prefix, const char *name,
              const char *part);

#define KEY_SETTINGS "settings."
#define KEY_STATUS "status."
#define KEY_COMMANDS "queues.commands."
#define KEY_RESULTS "queues.results."
#define KEY_EVENTS "channel.events."
#define KEY_DEBUG "channel.debug."
#define KEY_NOTIFICATIONS "__keyspace*__:settings."
#define KEY_OWN_SETTINGS "settings.redis-ipc"

/* trace.c: tells on stderr, if this thread does that: the component in parentheses and a line as
 * printf() would write it, in one piece. */
void trace(const struct place *place, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Tells what the courier of the place says went wrong. */
void trace_failure(const struct place *place);

/* What went wrong last, in words; never NULL. */
const char *place_failure(const struct place *place);

/* envelope.c: gives an object the members that say who sends it and when. */
void envelope_sign(json_object *object, const struct place *place);

/* Gives an object a text, in place of what it had by that name. */
void envelope_text(json_object *object, const char *name, const char *text);

/* The text of a member; NULL if the object has no such member. It belongs to the object. */
const char *envelope_member(const json_object *object, const char *name);

#endif

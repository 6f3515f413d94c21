/* One call as the C library of redis-ipc does it, written from the description of its wire: four
 * separate round trips through hiredis, each message built and parsed as a tree with json-c.
 *
 * usage: call_original SOCKET CALLS      prints p50, p90, p99 and mean in microseconds */
#define _GNU_SOURCE
#include "measure.h"

#include <hiredis/hiredis.h>
#include <json-c/json.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#define COMMANDS "queues.commands.printer"
#define RESULTS "queues.results.caller.main"

struct component {
    redisContext *redis;
    const char *name;
    int tid;
    unsigned counter;
    char padding[MESSAGE + 1]; /* brings a message to its size */
};

static void start(struct component *c, const char *path, const char *name) {
    memset(c, 0, sizeof *c);
    c->redis = redisConnectUnix(path);
    expect(c->redis && !c->redis->err, path);
    c->name = name;
    c->tid = (int)gettid();
}

static void add_text(json_object *to, const char *name, const char *text) {
    json_object_object_add(to, name, json_object_new_string(text));
}

static const char *text(json_object *from, const char *name) {
    json_object *member = NULL;
    expect(json_object_object_get_ex(from, name, &member), name);
    return json_object_get_string(member);
}

/* The members that end every message. */
static void add_standard(struct component *c, json_object *message) {
    char stamp[40];
    struct timeval now;
    gettimeofday(&now, NULL);
    snprintf(stamp, sizeof stamp, "%ld.%06ld", (long)now.tv_sec, (long)now.tv_usec);
    add_text(message, "timestamp", stamp);
    add_text(message, "component", c->name);
    add_text(message, "thread", "main");
    json_object_object_add(message, "tid", json_object_new_int(c->tid));
}

static json_object *new_command(struct component *c) {
    char id[80];
    json_object *message = json_object_new_object();
    snprintf(id, sizeof id, "%s-main-%d-%u", c->name, c->tid, c->counter++);
    add_text(message, "method", "print");
    add_text(message, "text", c->padding);
    add_text(message, "results_queue", RESULTS);
    add_text(message, "command_id", id);
    add_standard(c, message);
    return message;
}

static json_object *new_result(struct component *c, json_object *command) {
    json_object *message = json_object_new_object();
    json_object_object_add(message, "done", json_object_new_boolean(1));
    add_text(message, "text", c->padding);
    add_text(message, "command_id", text(command, "command_id"));
    add_standard(c, message);
    return message;
}

/* Sets the padding so that messages like `message`, made without any, come to their size. */
static void pad(struct component *c, json_object *message) {
    size_t bare = strlen(json_object_to_json_string(message));
    if (bare < MESSAGE) memset(c->padding, 'm', MESSAGE - bare);
}

static void push(struct component *c, const char *queue, json_object *message) {
    redisReply *reply = redisCommand(c->redis, "RPUSH %s %s", queue, json_object_to_json_string(message));
    expect(reply && reply->type == REDIS_REPLY_INTEGER, "reply to RPUSH");
    freeReplyObject(reply);
}

static json_object *pop(struct component *c, const char *queue) {
    redisReply *reply = redisCommand(c->redis, "BLPOP %s 10", queue);
    expect(reply && reply->type == REDIS_REPLY_ARRAY && reply->elements == 2, "reply to BLPOP");
    json_object *message = json_tokener_parse(reply->element[1]->str);
    expect(message != NULL, "JSON");
    freeReplyObject(reply);
    return message;
}

static void serve(const char *path, int calls) {
    struct component c;
    start(&c, path, "printer");
    for (int call = 0; call < calls; call++) {
        json_object *command = pop(&c, COMMANDS);
        expect(!strcmp(text(command, "method"), "print"), "method");
        json_object *result = new_result(&c, command);
        if (call == 0) {
            pad(&c, result);
            json_object_put(result);
            result = new_result(&c, command);
        }
        push(&c, text(command, "results_queue"), result);
        json_object_put(result);
        json_object_put(command);
    }
    redisFree(c.redis);
}

static void call_once(struct component *c) {
    json_object *command = new_command(c);
    push(c, COMMANDS, command);
    json_object *result = pop(c, RESULTS), *done = NULL;
    expect(!strcmp(text(result, "command_id"), text(command, "command_id")), "command_id");
    expect(json_object_object_get_ex(result, "done", &done) && json_object_get_boolean(done), "done");
    json_object_put(result);
    json_object_put(command);
}

static void call(const char *path, int calls, double *ns) {
    struct component c;
    start(&c, path, "caller");
    freeReplyObject(redisCommand(c.redis, "DEL %s", RESULTS));
    json_object *bare = new_command(&c);
    pad(&c, bare);
    json_object_put(bare);
    for (int call = -WARM_UP; call < calls; call++) {
        double before = now_ns();
        call_once(&c);
        if (call >= 0) ns[call] = now_ns() - before;
    }
    redisFree(c.redis);
}

int main(int argc, char **argv) {
    expect(argc == 3, "usage: call_original SOCKET CALLS");
    int calls = atoi(argv[2]), status;
    double *ns = calloc((size_t)calls, sizeof *ns);
    pid_t component = fork();
    if (component < 0) die("fork");
    if (component == 0) {
        serve(argv[1], calls + WARM_UP);
        return 0;
    }
    call(argv[1], calls, ns);
    waitpid(component, &status, 0);
    expect(status == 0, "the component failed");
    print_percentiles(ns, (size_t)calls);
    free(ns);
    return 0;
}

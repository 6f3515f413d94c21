/* The printer of blocking/examples/c as one writes it with hiredis and json-c: the same queues,
 * status, events and debug messages. For its size, and for that alone.
 *
 * usage: printer_original      serves on RIPC_SERVER_PATH until it is killed */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hiredis/hiredis.h>
#include <json-c/json.h>
#include <sys/time.h>
#include <unistd.h>

static redisContext *redis;

static redisReply *checked(void *reply) {
    if (reply != NULL) return reply;
    fprintf(stderr, "printer: %s\n", redis->errstr);
    exit(1);
}

static void add_text(json_object *to, const char *name, const char *text) {
    json_object_object_add(to, name, json_object_new_string(text));
}

static void add_standard(json_object *message) {
    char stamp[40];
    struct timeval now;
    gettimeofday(&now, NULL);
    snprintf(stamp, sizeof stamp, "%ld.%06ld", (long)now.tv_sec, (long)now.tv_usec);
    add_text(message, "timestamp", stamp);
    add_text(message, "component", "printer");
    add_text(message, "thread", "main");
    json_object_object_add(message, "tid", json_object_new_int((int)gettid()));
}

static void status(const char *state) {
    freeReplyObject(checked(redisCommand(redis, "HSET status.printer state %s", state)));
}

static void publish(const char *channel, json_object *message) {
    add_text(message, "channel", channel);
    add_standard(message);
    freeReplyObject(checked(redisCommand(redis, "PUBLISH %s %s", channel, json_object_to_json_string(message))));
    json_object_put(message);
}

static const char *member(json_object *of, const char *name) {
    json_object *found = NULL;
    return json_object_object_get_ex(of, name, &found) ? json_object_get_string(found) : "";
}

static void answer(json_object *command, json_object *result) {
    add_text(result, "command_id", member(command, "command_id"));
    add_standard(result);
    freeReplyObject(checked(redisCommand(redis, "RPUSH %s %s", member(command, "results_queue"),
                                         json_object_to_json_string(result))));
    json_object_put(result);
}

static void refuse(json_object *command, const char *code, const char *message) {
    json_object *result = json_object_new_object(), *error = json_object_new_object();
    add_text(error, "code", code);
    add_text(error, "message", message);
    json_object_object_add(result, "error", error);
    answer(command, result);
}

static void cancelled(json_object *command, int whether) {
    json_object *result = json_object_new_object();
    json_object_object_add(result, "cancelled", json_object_new_boolean(whether));
    answer(command, result);
}

static int look(void) {
    redisReply *reply = checked(redisCommand(redis, "LPOP queues.commands.printer.cancel"));
    json_object *command = reply->type == REDIS_REPLY_STRING ? json_tokener_parse(reply->str) : NULL;
    int found = command != NULL;
    if (found) cancelled(command, 1);
    json_object_put(command);
    freeReplyObject(reply);
    return found;
}

static void print(json_object *command) {
    json_object *copies = NULL, *message;
    int wanted = 1, page;
    char text[64];
    if (json_object_object_get_ex(command, "copies", &copies)) wanted = json_object_get_int(copies);
    if (wanted < 1) {
        refuse(command, "no-copies", "print at least one copy");
        return;
    }
    status("printing");
    for (page = 1; page <= wanted; page++) {
        if (look()) {
            status("idle");
            refuse(command, "cancelled", "somebody has cancelled this job");
            return;
        }
        message = json_object_new_object();
        snprintf(text, sizeof text, "page %d of %d", page, wanted);
        add_text(message, "message", text);
        json_object_object_add(message, "level", json_object_new_int(3));
        publish("channel.debug.printer", message);
        message = json_object_new_object();
        json_object_object_add(message, "page", json_object_new_int(page));
        json_object_object_add(message, "pages", json_object_new_int(wanted));
        publish("channel.events.printer.page", message);
    }
    status("idle");
    message = json_object_new_object();
    json_object_object_add(message, "pages", json_object_new_int(wanted));
    answer(command, message);
}

int main(void) {
    const char *path = getenv("RIPC_SERVER_PATH");
    redis = redisConnectUnix(path ? path : "/tmp/redis-ipc/socket");
    if (redis == NULL || redis->err) {
        fprintf(stderr, "printer: no server\n");
        return 1;
    }
    status("idle");
    for (;;) {
        redisReply *reply = checked(redisCommand(
            redis, "BLPOP queues.commands.printer.cancel queues.commands.printer.print 0"));
        json_object *command = NULL;
        if (reply->type == REDIS_REPLY_ARRAY && reply->elements == 2)
            command = json_tokener_parse(reply->element[1]->str);
        if (command != NULL && strstr(reply->element[0]->str, ".cancel"))
            cancelled(command, 0);
        else if (command != NULL)
            print(command);
        json_object_put(command);
        freeReplyObject(reply);
    }
}

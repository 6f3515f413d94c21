/* Commands and their results. */
#include <inttypes.h>
#include <stdio.h>

#include "place.h"

/* Two names of a key, a thread number, a counter and three dashes. */
#define MAX_ID (2 * RIPC_MAX_IPC_PATH_LEN + 48)

static int64_t milliseconds(unsigned int seconds)
{
    return seconds == 0 ? -1 : (int64_t)seconds * 1000;
}

/* What a message of a queue is; NULL for none that this library hands out. */
static json_object *message_of(struct place *place, const char *queue, ripc_text text)
{
    json_object *message;

    trace(place, "[ENTRY:%s] %s", queue, text.data);
    message = json_tokener_parse(text.data);
    if (json_object_is_type(message, json_type_object)) {
        return message;
    }
    json_object_put(message);
    redis_ipc_send_debug(RIPC_DBG_ERROR, "dropped a message from %s that is no JSON object: %s",
                         queue, text.data);
    return NULL;
}

/* Tells the debug channel why there is no result. */
static json_object *no_result(struct place *place, const char *why)
{
    if (place != NULL) {
        trace(place, "[ERROR] no result: %s", why);
        redis_ipc_send_debug(RIPC_DBG_ERROR, "redis_ipc_send_command_blocking(): no result: %s",
                             why);
    }
    return NULL;
}

json_object *redis_ipc_send_command_blocking(const char *dest_component, const char *subqueue,
                                             json_object *command, unsigned int timeout)
{
    struct place *place = place_here();
    struct key queue;
    char id[MAX_ID];
    const char *text;
    ripc_text text_of_result = {NULL, 0};
    json_object *result;
    uint32_t stale = 0;
    int code;

    if (place == NULL || dest_component == NULL ||
        !json_object_is_type(command, json_type_object)) {
        return no_result(place, "a command goes to a component and is a JSON object");
    }
    if (!key_make(&queue, place, KEY_COMMANDS, dest_component, subqueue)) {
        return no_result(place, "the queue's name is too long");
    }
    snprintf(id, sizeof id, "%s-%s-%ld-%" PRIu64, place->component, place->thread,
             (long)place->tid, place->next_command++);
    envelope_text(command, "results_queue", place->results_queue.text);
    envelope_text(command, "command_id", id);
    envelope_sign(command, place);
    text = json_object_to_json_string(command);

    trace(place, "RPUSH %s %s", queue.text, text);
    trace(place, "BLPOP %s %u", place->results_queue.text, timeout);
    code = ripc_courier_call(place->courier, queue.text, place->results_queue.text, id, text,
                             RIPC_NUL_TERMINATED, milliseconds(timeout), &text_of_result, &stale);
    if (code == RIPC_OK) {
        result = message_of(place, place->results_queue.text, text_of_result);
    } else {
        result = no_result(place, place_failure(place));
    }
    if (stale > 0) {
        redis_ipc_send_debug(RIPC_DBG_ERROR, "dropped %u results that are not for command %s",
                             (unsigned int)stale, id);
    }
    return result;
}

json_object *redis_ipc_receive_command_blocking(const char *subqueue, unsigned int timeout)
{
    struct place *place = place_here();
    struct key queue;
    ripc_text text = {NULL, 0};

    if (place == NULL || !key_make(&queue, place, KEY_COMMANDS, place->component, subqueue)) {
        return NULL;
    }
    trace(place, "BLPOP %s %u", queue.text, timeout);
    if (ripc_courier_take(place->courier, queue.text, milliseconds(timeout), &text) != RIPC_OK) {
        trace_failure(place);
        return NULL;
    }
    return text.data == NULL ? NULL : message_of(place, queue.text, text);
}

static int push_result(struct place *place, const char *queue, const char *id, json_object *result)
{
    const char *text;

    envelope_text(result, "command_id", id);
    envelope_sign(result, place);
    text = json_object_to_json_string(result);
    trace(place, "RPUSH %s %s", queue, text);
    if (ripc_courier_answer(place->courier, queue, text, RIPC_NUL_TERMINATED) != RIPC_OK) {
        trace_failure(place);
        return RIPC_FAIL;
    }
    return RIPC_OK;
}

int redis_ipc_send_result(const json_object *completed_command, json_object *result)
{
    struct place *place = place_here();
    const char *queue = envelope_member(completed_command, "results_queue");
    const char *id = envelope_member(completed_command, "command_id");

    if (place == NULL) {
        return RIPC_FAIL;
    }
    if (queue != NULL && id != NULL && json_object_is_type(result, json_type_object) &&
        push_result(place, queue, id, result) == RIPC_OK) {
        return RIPC_OK;
    }
    redis_ipc_send_debug(RIPC_DBG_ERROR,
                         "redis_ipc_send_result(): command %s with results queue %s got no result",
                         id == NULL ? "without id" : id, queue == NULL ? "missing" : queue);
    return RIPC_FAIL;
}

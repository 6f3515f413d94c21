/* Events and debug messages, published. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "place.h"

/* Signs a message and publishes it. */
static int publish(struct place *place, const char *channel, json_object *message)
{
    const char *text;

    envelope_text(message, "channel", channel);
    envelope_sign(message, place);
    text = json_object_to_json_string(message);
    trace(place, "PUBLISH %s %s", channel, text);
    if (ripc_courier_publish(place->courier, channel, text, RIPC_NUL_TERMINATED) != RIPC_OK) {
        trace_failure(place);
        return RIPC_FAIL;
    }
    return RIPC_OK;
}

int redis_ipc_send_event(const char *subchannel, json_object *message)
{
    struct place *place = place_here();
    struct key channel;

    if (place == NULL || !json_object_is_type(message, json_type_object) ||
        !key_make(&channel, place, KEY_EVENTS, place->component, subchannel)) {
        return RIPC_FAIL;
    }
    return publish(place, channel.text, message);
}

/* Ends a text that was cut with a mark, and before the character that the mark would split. */
static void mark_cut(char text[RIPC_MAX_DEBUG_LEN])
{
    static const char mark[] = "[TRUNC]";
    size_t end = RIPC_MAX_DEBUG_LEN - sizeof mark;

    while (end > 0 && ((unsigned char)text[end] & 0xC0) == 0x80) {
        end--;
    }
    memcpy(text + end, mark, sizeof mark);
}

int redis_ipc_send_debug(unsigned int debug_level, const char *format, ...)
{
    struct place *place = place_here();
    struct key channel;
    char text[RIPC_MAX_DEBUG_LEN] = "";
    va_list arguments;
    json_object *message;
    int length;
    int code;

    if (place == NULL || format == NULL) {
        return RIPC_FAIL;
    }
    if ((long long)debug_level > place->verbosity) {
        return RIPC_OK;
    }
    if (!key_make(&channel, place, KEY_DEBUG, place->component, NULL)) {
        return RIPC_FAIL;
    }
    va_start(arguments, format);
    length = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (length <= 0) {
        return RIPC_FAIL;
    }
    if ((size_t)length >= sizeof text) {
        mark_cut(text);
    }
    message = json_object_new_object();
    if (message == NULL) {
        return RIPC_FAIL;
    }
    envelope_text(message, "message", text);
    json_object_object_add(message, "level", json_object_new_int((int32_t)debug_level));
    code = publish(place, channel.text, message);
    json_object_put(message);
    return code;
}

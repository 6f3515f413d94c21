/* Subscriptions, and what is heard. */
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "place.h"

/* ---- What is subscribed to ---- */

/* A name with one of these is a pattern of its own, and means whatever it matches. */
static bool is_plain(const char *name)
{
    return name == NULL || strpbrk(name, "*?[\\") == NULL;
}

static bool begins_with(const char *text, const char *beginning)
{
    return strncmp(text, beginning, strlen(beginning)) == 0;
}

static bool means(const struct topic *topic, const char *channel)
{
    size_t length = strlen(topic->stem.text);

    switch (topic->meaning) {
    case THE_STEM:
        return strcmp(channel, topic->stem.text) == 0;
    case THE_STEM_AND_BELOW:
        return begins_with(channel, topic->stem.text) &&
               (channel[length] == '\0' || channel[length] == '.');
    case ALL_THAT_MATCHES:
    default:
        return fnmatch(topic->pattern.text, channel, 0) == 0;
    }
}

static int add(struct place *place, const struct topic *topic)
{
    struct topic *topics;
    size_t i;

    trace(place, "PSUBSCRIBE %s", topic->pattern.text);
    if (ripc_courier_subscribe(place->courier, topic->pattern.text) != RIPC_OK) {
        trace_failure(place);
        return RIPC_FAIL;
    }
    for (i = 0; i < place->topic_count; i++) {
        if (strcmp(place->topics[i].pattern.text, topic->pattern.text) == 0) {
            return RIPC_OK;
        }
    }
    topics = realloc(place->topics, (place->topic_count + 1) * sizeof *topics);
    if (topics == NULL) {
        ripc_courier_unsubscribe(place->courier, topic->pattern.text);
        return RIPC_FAIL;
    }
    topics[place->topic_count++] = *topic;
    place->topics = topics;
    return RIPC_OK;
}

/* Ends all subscriptions of a kind. */
static int end(enum topic_kind kind)
{
    struct place *place = place_here();
    int code = RIPC_OK;
    size_t kept = 0;
    size_t i;

    if (place == NULL) {
        return RIPC_FAIL;
    }
    for (i = 0; i < place->topic_count; i++) {
        if (place->topics[i].kind != kind) {
            place->topics[kept++] = place->topics[i];
            continue;
        }
        trace(place, "PUNSUBSCRIBE %s", place->topics[i].pattern.text);
        if (ripc_courier_unsubscribe(place->courier, place->topics[i].pattern.text) != RIPC_OK) {
            trace_failure(place);
            code = RIPC_FAIL;
        }
    }
    place->topic_count = kept;
    return code;
}

int redis_ipc_subscribe_events(const char *component, const char *subchannel)
{
    struct place *place = place_here();
    struct topic topic = {EVENTS, ALL_THAT_MATCHES, {""}, {""}};
    struct key name;
    bool plain = is_plain(component) && is_plain(subchannel);
    bool made;

    if (place == NULL) {
        return RIPC_FAIL;
    }
    if (component == NULL) {
        made = key_make(&topic.pattern, place, KEY_EVENTS, "*", subchannel);
    } else if (subchannel == NULL) {
        made = key_make(&topic.stem, place, KEY_EVENTS, component, NULL) &&
               key_make(&name, place, topic.stem.text, "*", NULL);
        topic.pattern = made ? name : topic.pattern;
        topic.meaning = plain ? THE_STEM_AND_BELOW : ALL_THAT_MATCHES;
    } else {
        made = key_make(&topic.pattern, place, KEY_EVENTS, component, subchannel);
        topic.stem = topic.pattern;
        topic.meaning = plain ? THE_STEM : ALL_THAT_MATCHES;
    }
    return made ? add(place, &topic) : RIPC_FAIL;
}

int redis_ipc_unsubscribe_events(void)
{
    return end(EVENTS);
}

int redis_ipc_subscribe_debug(const char *component)
{
    struct place *place = place_here();
    struct topic topic = {DEBUG_MESSAGES, ALL_THAT_MATCHES, {""}, {""}};

    if (place == NULL || !key_make(&topic.pattern, place, KEY_DEBUG,
                                   component == NULL ? "*" : component, NULL)) {
        return RIPC_FAIL;
    }
    if (component != NULL && is_plain(component)) {
        topic.stem = topic.pattern;
        topic.meaning = THE_STEM;
    }
    return add(place, &topic);
}

int redis_ipc_unsubscribe_debug(void)
{
    return end(DEBUG_MESSAGES);
}

int redis_ipc_subscribe_setting_notifications(void)
{
    struct place *place = place_here();
    struct topic topic = {SETTING_NOTIFICATIONS, ALL_THAT_MATCHES, {""}, {""}};

    if (place == NULL || !key_make(&topic.pattern, place, KEY_NOTIFICATIONS, place->component, NULL)) {
        return RIPC_FAIL;
    }
    return add(place, &topic);
}

int redis_ipc_unsubscribe_setting_notifications(void)
{
    return end(SETTING_NOTIFICATIONS);
}

/* ---- What is heard ---- */

/* The server sends a message once for each pattern that matches its channel; the one is taken
 * that came by the oldest subscription that means the channel. */
static bool is_heard(const struct place *place, const char *pattern, const char *channel)
{
    size_t i;

    for (i = 0; i < place->topic_count; i++) {
        if (means(&place->topics[i], channel)) {
            return strcmp(place->topics[i].pattern.text, pattern) == 0;
        }
    }
    return false;
}

static int64_t now_ms(void)
{
    struct timespec now = {0, 0};

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Waits for limit_ms, or without limit if that is negative. */
static json_object *get_message(int64_t limit_ms)
{
    struct place *place = place_here();
    int64_t end_ms = now_ms() + limit_ms;
    int64_t left_ms = limit_ms;
    ripc_news heard;

    if (place == NULL) {
        return NULL;
    }
    if (place->topic_count == 0 && limit_ms < 0) {
        trace(place, "[ERROR] nothing is subscribed to: no message will come");
        return NULL;
    }
    do {
        memset(&heard, 0, sizeof heard);
        if (ripc_courier_hear(place->courier, left_ms, &heard) != RIPC_OK) {
            trace_failure(place);
            return NULL;
        }
        if (heard.message.data == NULL) {
            return NULL;
        }
        if (is_heard(place, heard.pattern.data, heard.channel.data)) {
            trace(place, "[MESSAGE] %s", heard.message.data);
            return json_tokener_parse(heard.message.data);
        }
        left_ms = limit_ms < 0 ? limit_ms : end_ms - now_ms();
    } while (limit_ms < 0 || left_ms > 0);
    return NULL;
}

/* Some years are enough for anybody, and no number overflows. */
#define LONGEST_WAIT_S 1000000000

json_object *redis_ipc_get_message_blocking(void)
{
    return get_message(-1);
}

json_object *redis_ipc_get_message_timeout(struct timeval timeout)
{
    int64_t limit_ms;

    if (timeout.tv_sec < 0 || timeout.tv_usec < 0 || timeout.tv_usec >= 1000000) {
        return NULL;
    }
    if (timeout.tv_sec == 0 && timeout.tv_usec == 0) {
        return get_message(-1);
    }
    limit_ms = timeout.tv_sec > LONGEST_WAIT_S ? LONGEST_WAIT_S : (int64_t)timeout.tv_sec;
    return get_message(limit_ms * 1000 + (timeout.tv_usec + 999) / 1000);
}

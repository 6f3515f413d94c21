/* The members that go with a message. */
#include <stdio.h>
#include <sys/time.h>

#include "place.h"

void envelope_text(json_object *object, const char *name, const char *text)
{
    json_object_object_add(object, name, json_object_new_string(text));
}

void envelope_sign(json_object *object, const struct place *place)
{
    char timestamp[48];
    struct timeval now = {0, 0};

    gettimeofday(&now, NULL);
    snprintf(timestamp, sizeof timestamp, "%lld.%06lld", (long long)now.tv_sec,
             (long long)now.tv_usec);
    envelope_text(object, "timestamp", timestamp);
    envelope_text(object, "component", place->component);
    envelope_text(object, "thread", place->thread);
    json_object_object_add(object, "tid", json_object_new_int(place->tid));
}

const char *envelope_member(const json_object *object, const char *name)
{
    json_object *member = NULL;

    if (!json_object_is_type(object, json_type_object) ||
        !json_object_object_get_ex(object, name, &member)) {
        return NULL;
    }
    return json_object_get_string(member);
}

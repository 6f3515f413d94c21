/* Settings and status. */
#include <stdlib.h>
#include <string.h>

#include "place.h"

static bool may_write_settings(const struct place *place)
{
    if (strcmp(place->settings_writer, place->component) == 0 ||
        strcmp(place->settings_writer, RIPC_COMPONENT_ANY) == 0) {
        return true;
    }
    trace(place, "[ERROR] component %s is not authorized to write settings", place->component);
    return false;
}

/* ---- Whole hashes ---- */

/* The request as a line; a line that there is no memory for is not told. */
static void trace_write(const struct place *place, const char *key, const ripc_pair *pairs,
                        size_t count)
{
    size_t size = 1;
    size_t i;
    char *line;
    char *end;

    for (i = 0; i < count; i++) {
        size += pairs[i].name.length + pairs[i].value.length + 2;
    }
    line = malloc(size);
    if (line == NULL) {
        return;
    }
    end = line;
    for (i = 0; i < count; i++) {
        end = stpcpy(stpcpy(stpcpy(stpcpy(end, pairs[i].name.data), " "), pairs[i].value.data), " ");
    }
    *end = '\0';
    trace(place, "HMSET %s %s", key, line);
    free(line);
}

static ripc_text text_of(const char *data)
{
    ripc_text text = {data, data == NULL ? 0 : strlen(data)};
    return text;
}

/* The members of an object as pairs of texts, which belong to the object; NULL if one is null. */
static ripc_pair *pairs_of(json_object *fields, size_t count)
{
    ripc_pair *pairs = calloc(count, sizeof *pairs);
    struct json_object_iterator it = json_object_iter_begin(fields);
    struct json_object_iterator end = json_object_iter_end(fields);
    size_t i;

    if (pairs == NULL) {
        return NULL;
    }
    for (i = 0; i < count && !json_object_iter_equal(&it, &end); i++) {
        pairs[i].name = text_of(json_object_iter_peek_name(&it));
        pairs[i].value = text_of(json_object_get_string(json_object_iter_peek_value(&it)));
        if (pairs[i].value.data == NULL) {
            free(pairs);
            return NULL;
        }
        json_object_iter_next(&it);
    }
    return pairs;
}

static int write_hash(struct place *place, const struct key *key, const json_object *fields)
{
    /* json-c has no other way to look at the members of an object than through a pointer that
     * could change it. */
    json_object *members = (json_object *)(uintptr_t)fields;
    size_t count = 0;
    ripc_pair *pairs;
    int code;

    if (json_object_is_type(fields, json_type_object)) {
        count = (size_t)json_object_object_length(fields);
    }
    pairs = count == 0 ? NULL : pairs_of(members, count);
    if (pairs == NULL) {
        trace(place, "[ERROR] %s is not written: it takes an object with members, none of them null",
              key->text);
        return RIPC_FAIL;
    }
    trace_write(place, key->text, pairs, count);
    code = ripc_courier_write(place->courier, key->text, pairs, count);
    free(pairs);
    if (code != RIPC_OK) {
        trace_failure(place);
        return RIPC_FAIL;
    }
    return RIPC_OK;
}

static void trace_read(const struct place *place, const ripc_pair *pairs, size_t count)
{
    size_t size = 1;
    size_t i;
    char *line;
    char *end;

    for (i = 0; i < count; i++) {
        size += pairs[i].name.length + pairs[i].value.length + strlen(" =''");
    }
    line = malloc(size);
    if (line == NULL) {
        return;
    }
    end = line;
    for (i = 0; i < count; i++) {
        end = stpcpy(stpcpy(stpcpy(end, " "), pairs[i].name.data), "='");
        end = stpcpy(stpcpy(end, pairs[i].value.data), "'");
    }
    *end = '\0';
    trace(place, "[HASH]%s", line);
    free(line);
}

/* Compat: the original returns an empty object also if the server could not be asked, and its
 * users do not look for NULL. */
static json_object *read_hash(struct place *place, const struct key *key)
{
    json_object *fields = json_object_new_object();
    const ripc_pair *pairs = NULL;
    size_t count = 0;
    size_t i;

    if (fields == NULL) {
        return NULL;
    }
    trace(place, "HGETALL %s", key->text);
    if (ripc_courier_read(place->courier, key->text, &pairs, &count) != RIPC_OK) {
        trace_failure(place);
        return fields;
    }
    trace_read(place, pairs, count);
    for (i = 0; i < count; i++) {
        envelope_text(fields, pairs[i].name.data, pairs[i].value.data);
    }
    return fields;
}

/* ---- Single fields ---- */

static int write_field(struct place *place, const struct key *key, const char *name,
                       const char *value)
{
    if (name == NULL || value == NULL) {
        trace(place, "[ERROR] %s is not written: a field has a name and a value", key->text);
        return RIPC_FAIL;
    }
    trace(place, "HSET %s %s %s", key->text, name, value);
    if (ripc_courier_set(place->courier, key->text, name, value) != RIPC_OK) {
        trace_failure(place);
        return RIPC_FAIL;
    }
    return RIPC_OK;
}

/* What the original prints for a field that is not there. */
#define NO_FIELD "<non-string result type 4>"

static char *read_field(struct place *place, const struct key *key, const char *name)
{
    ripc_text value = {NULL, 0};

    trace(place, "HGET %s %s", key->text, name);
    if (ripc_courier_field(place->courier, key->text, name, &value) != RIPC_OK) {
        trace_failure(place);
        trace(place, "[HASH_FIELD] <null result>");
        return NULL;
    }
    if (value.data == NULL) {
        trace(place, "[HASH_FIELD] " NO_FIELD);
        return NULL;
    }
    trace(place, "[HASH_FIELD] %s='%s'", name, value.data);
    return strdup(value.data);
}

/* ---- Settings ---- */

/* The hash with the settings of a component, if this thread is to deal with it. */
static struct place *settings_of(struct key *key, const char *component)
{
    struct place *place = place_here();

    if (place == NULL || component == NULL || !key_make(key, place, KEY_SETTINGS, component, NULL)) {
        return NULL;
    }
    return place;
}

int redis_ipc_write_setting(const char *owner_component, const json_object *fields)
{
    struct key key;
    struct place *place = settings_of(&key, owner_component);

    if (place == NULL || !may_write_settings(place)) {
        return RIPC_FAIL;
    }
    return write_hash(place, &key, fields);
}

json_object *redis_ipc_read_setting(const char *owner_component)
{
    struct key key;
    struct place *place = settings_of(&key, owner_component);

    return place == NULL ? NULL : read_hash(place, &key);
}

int redis_ipc_write_setting_field(const char *owner_component, const char *field_name,
                                  const char *field_value)
{
    struct key key;
    struct place *place = settings_of(&key, owner_component);

    if (place == NULL || !may_write_settings(place)) {
        return RIPC_FAIL;
    }
    return write_field(place, &key, field_name, field_value);
}

char *redis_ipc_read_setting_field(const char *owner_component, const char *field_name)
{
    struct key key;
    struct place *place = settings_of(&key, owner_component);

    return place == NULL || field_name == NULL ? NULL : read_field(place, &key, field_name);
}

/* ---- Status ---- */

/* The same for a component's status; NULL is this component. */
static struct place *status_of(struct key *key, const char *component)
{
    struct place *place = place_here();

    if (place == NULL) {
        return NULL;
    }
    component = component == NULL ? place->component : component;
    return key_make(key, place, KEY_STATUS, component, NULL) ? place : NULL;
}

int redis_ipc_write_status(const json_object *fields)
{
    struct key key;
    struct place *place = status_of(&key, NULL);

    return place == NULL ? RIPC_FAIL : write_hash(place, &key, fields);
}

json_object *redis_ipc_read_status(const char *owner_component)
{
    struct key key;
    struct place *place = owner_component == NULL ? NULL : status_of(&key, owner_component);

    return place == NULL ? NULL : read_hash(place, &key);
}

int redis_ipc_write_status_field(const char *field_name, const char *field_value)
{
    struct key key;
    struct place *place = status_of(&key, NULL);

    return place == NULL ? RIPC_FAIL : write_field(place, &key, field_name, field_value);
}

char *redis_ipc_read_status_field(const char *owner_component, const char *field_name)
{
    struct key key;
    struct place *place = owner_component == NULL ? NULL : status_of(&key, owner_component);

    return place == NULL || field_name == NULL ? NULL : read_field(place, &key, field_name);
}

/* The settings of redis-ipc itself. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "place.h"

/* A setting as it stands in the hash. */
static void heed(struct place *place, const char *name, const char *value)
{
    char *writer;

    if (strcmp(name, "debug_verbosity") == 0) {
        place->verbosity = atoi(value);
    } else if (strcmp(name, "stderr_debug") == 0) {
        place->stderr_debug = atoi(value);
    } else if (strcmp(name, "settings_writer") == 0) {
        writer = strdup(value);
        if (writer != NULL) {
            free(place->settings_writer);
            place->settings_writer = writer;
        }
    }
}

void redis_ipc_config_load(void)
{
    struct place *place = place_here();
    const ripc_pair *pairs = NULL;
    size_t count = 0;
    size_t i;

    if (place == NULL) {
        return;
    }
    if (ripc_courier_read(place->courier, KEY_OWN_SETTINGS, &pairs, &count) != RIPC_OK) {
        /* What was known still holds. */
        trace_failure(place);
        return;
    }
    place->verbosity = RIPC_DEFAULT_DEBUG_VERBOSITY;
    place->stderr_debug = RIPC_DEFAULT_STDERR_DEBUG;
    heed(place, "settings_writer", RIPC_DEFAULT_SETTINGS_WRITER);
    for (i = 0; i < count; i++) {
        heed(place, pairs[i].name.data, pairs[i].value.data);
    }
}

static int set(const char *name, const char *value)
{
    struct place *place = place_here();

    if (place == NULL || value == NULL) {
        return RIPC_FAIL;
    }
    trace(place, "HSET " KEY_OWN_SETTINGS " %s %s", name, value);
    if (ripc_courier_set(place->courier, KEY_OWN_SETTINGS, name, value) != RIPC_OK) {
        trace_failure(place);
        return RIPC_FAIL;
    }
    redis_ipc_config_load();
    return RIPC_OK;
}

static int set_number(const char *name, int value)
{
    char text[16];

    snprintf(text, sizeof text, "%d", value);
    return set(name, text);
}

int redis_ipc_config_debug_verbosity(int verbosity)
{
    return set_number("debug_verbosity", verbosity);
}

int redis_ipc_config_stderr_debug(int enable_stderr)
{
    return set_number("stderr_debug", enable_stderr);
}

int redis_ipc_config_settings_writer(const char *writer_component)
{
    return set("settings_writer", writer_component);
}

int get_debug_verbosity(void)
{
    const struct place *place = place_here();
    return place == NULL ? RIPC_DEFAULT_DEBUG_VERBOSITY : place->verbosity;
}

int stderr_debug_is_enabled(void)
{
    const struct place *place = place_here();
    return place == NULL ? RIPC_DEFAULT_STDERR_DEBUG : place->stderr_debug;
}

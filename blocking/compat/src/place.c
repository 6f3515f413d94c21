/* Threads coming and going: redis_ipc_init(), redis_ipc_cleanup(). */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include "place.h"

static __thread struct place *here;

/* Has a thread's place end with the thread. */
static pthread_key_t leaving;
static pthread_once_t leaving_once = PTHREAD_ONCE_INIT;
static bool leaving_works;

pid_t place_thread_number(void)
{
    return (pid_t)syscall(SYS_gettid);
}

struct place *place_here(void)
{
    return here != NULL && here->tid == place_thread_number() ? here : NULL;
}

const char *place_failure(const struct place *place)
{
    const char *why = ripc_courier_error(place->courier);
    return why == NULL ? "" : why;
}

/* All of a place but its courier. */
static void place_free(struct place *place)
{
    free(place->component);
    free(place->thread);
    free(place->settings_writer);
    free(place->topics);
    free(place);
}

static void place_end(struct place *place)
{
    if (place != NULL) {
        ripc_courier_close(place->courier);
        place_free(place);
    }
}

/* A courier ends by itself with its thread. */
static void leave(void *place)
{
    here = NULL;
    place_free(place);
}

static void leaving_begin(void)
{
    leaving_works = pthread_key_create(&leaving, leave) == 0;
}

static void settle(struct place *place)
{
    struct place *former = here;

    here = place;
    pthread_once(&leaving_once, leaving_begin);
    if (leaving_works) {
        /* If this fails, only the end of a thread that forgets to clean up leaks. */
        (void)pthread_setspecific(leaving, place);
    }
    place_end(former);
}

/* Numbers of commands count up from the time, so that those of a program that was started anew
 * and got the same thread number do not come again. */
static uint64_t first_command(void)
{
    struct timeval now = {0, 0};

    gettimeofday(&now, NULL);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_usec;
}

static struct place *place_begin(const char *component, const char *thread)
{
    struct place *place = calloc(1, sizeof *place);

    if (place == NULL) {
        return NULL;
    }
    place->tid = place_thread_number();
    place->component = strdup(component);
    place->thread = strdup(thread);
    place->settings_writer = strdup(RIPC_DEFAULT_SETTINGS_WRITER);
    place->verbosity = RIPC_DEFAULT_DEBUG_VERBOSITY;
    place->stderr_debug = RIPC_DEFAULT_STDERR_DEBUG;
    place->next_command = first_command();
    if (place->component == NULL || place->thread == NULL || place->settings_writer == NULL) {
        place_end(place);
        return NULL;
    }
    return place;
}

/* Connects, as a client that the server lists as component.thread. */
static int connect_place(struct place *place)
{
    ripc_options options = RIPC_OPTIONS_INIT;
    struct key name;

    if (!key_make(&place->results_queue, place, KEY_RESULTS, place->component, place->thread)) {
        return RIPC_FAIL;
    }
    options.address = getenv("RIPC_SERVER_PATH");
#ifdef REDIS_IPC_SOCKET
    if (options.address == NULL) {
        options.address = REDIS_IPC_SOCKET;
    }
#endif
    if (!key_make(&name, place, "", place->component, place->thread)) {
        return RIPC_FAIL;
    }
    return ripc_courier_open(name.text, &options, &place->courier) == RIPC_OK ? RIPC_OK : RIPC_FAIL;
}

int redis_ipc_init(const char *this_component, const char *this_thread)
{
    struct place *place;

    if (this_component == NULL || this_thread == NULL) {
        fprintf(stderr, "[ERROR] redis_ipc_init failed: a name is missing\n");
        return RIPC_FAIL;
    }
    place = place_begin(this_component, this_thread);
    if (place == NULL) {
        return RIPC_FAIL;
    }
    if (connect_place(place) != RIPC_OK) {
        fprintf(stderr, "[ERROR] redis_ipc_init failed for thread %s: %s\n", this_thread,
                place_failure(place));
        place_end(place);
        return RIPC_FAIL;
    }
    settle(place);
    redis_ipc_config_load();
    trace(place, "CONFIG SET notify-keyspace-events Kh");
    if (ripc_courier_notify(place->courier) != RIPC_OK) {
        /* The rest works; only whoever waits for changed settings may wait in vain. */
        trace_failure(place);
    }
    return RIPC_OK;
}

int redis_ipc_cleanup(pid_t tid)
{
    struct place *place = place_here();

    if (place == NULL || place->tid != tid) {
        return RIPC_FAIL;
    }
    settle(NULL);
    return RIPC_OK;
}

/* Every function of redis_ipc.h with what it should not be given: before init, after cleanup, NULL,
 * garbage, too much, from a thread that is not on the bus and from two at once. Nothing may crash,
 * hang or succeed that cannot; ends with 0 if all is as it should be.
 *
 * Needs a server at RIPC_SERVER_PATH. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "redis_ipc.h"

static int failures;

static void check(int holds, const char *what, int line)
{
    if (!holds) {
        printf("line %d: %s\n", line, what);
        failures++;
    }
}

#define CHECK(condition) check((condition) != 0, #condition, __LINE__)

static const struct timeval soon = {0, 1000};

static json_object *parsed(const char *json)
{
    json_object *object = json_tokener_parse(json);

    if (object == NULL) {
        abort();
    }
    return object;
}

/* A thread that is not on the bus gets nothing done. */
static void off_the_bus(void)
{
    json_object *object = parsed("{\"a\":1}");

    CHECK(redis_ipc_cleanup(getpid()) == RIPC_FAIL);
    CHECK(redis_ipc_send_command_blocking("printer", NULL, object, 1) == NULL);
    CHECK(redis_ipc_receive_command_blocking(NULL, 1) == NULL);
    CHECK(redis_ipc_send_result(object, object) == RIPC_FAIL);
    CHECK(redis_ipc_write_setting("web", object) == RIPC_FAIL);
    CHECK(redis_ipc_read_setting("web") == NULL);
    CHECK(redis_ipc_write_setting_field("web", "a", "b") == RIPC_FAIL);
    CHECK(redis_ipc_read_setting_field("web", "a") == NULL);
    CHECK(redis_ipc_write_status(object) == RIPC_FAIL);
    CHECK(redis_ipc_read_status("web") == NULL);
    CHECK(redis_ipc_write_status_field("a", "b") == RIPC_FAIL);
    CHECK(redis_ipc_read_status_field("web", "a") == NULL);
    CHECK(redis_ipc_send_event("warnings", object) == RIPC_FAIL);
    CHECK(redis_ipc_subscribe_events(NULL, NULL) == RIPC_FAIL);
    CHECK(redis_ipc_unsubscribe_events() == RIPC_FAIL);
    CHECK(redis_ipc_send_debug(RIPC_DBG_ERROR, "%d", 1) == RIPC_FAIL);
    CHECK(redis_ipc_subscribe_debug(NULL) == RIPC_FAIL);
    CHECK(redis_ipc_unsubscribe_debug() == RIPC_FAIL);
    CHECK(redis_ipc_subscribe_setting_notifications() == RIPC_FAIL);
    CHECK(redis_ipc_unsubscribe_setting_notifications() == RIPC_FAIL);
    CHECK(redis_ipc_get_message_blocking() == NULL);
    CHECK(redis_ipc_get_message_timeout(soon) == NULL);
    CHECK(redis_ipc_config_debug_verbosity(3) == RIPC_FAIL);
    CHECK(redis_ipc_config_stderr_debug(1) == RIPC_FAIL);
    CHECK(redis_ipc_config_settings_writer("db") == RIPC_FAIL);
    redis_ipc_config_load();
    CHECK(get_debug_verbosity() == RIPC_DEFAULT_DEBUG_VERBOSITY);
    CHECK(stderr_debug_is_enabled() == RIPC_DEFAULT_STDERR_DEBUG);
    /* Nor is anything put into what it was given. */
    CHECK(json_object_object_length(object) == 1);
    json_object_put(object);
}

static void with_null(void)
{
    json_object *object = parsed("{\"a\":1}");

    CHECK(redis_ipc_init(NULL, "main") == RIPC_FAIL);
    CHECK(redis_ipc_init("desk", NULL) == RIPC_FAIL);
    CHECK(redis_ipc_send_command_blocking(NULL, NULL, object, 1) == NULL);
    CHECK(redis_ipc_send_command_blocking("printer", NULL, NULL, 1) == NULL);
    CHECK(redis_ipc_send_result(NULL, object) == RIPC_FAIL);
    CHECK(redis_ipc_send_result(object, NULL) == RIPC_FAIL);
    CHECK(redis_ipc_write_setting(NULL, object) == RIPC_FAIL);
    CHECK(redis_ipc_write_setting("web", NULL) == RIPC_FAIL);
    CHECK(redis_ipc_read_setting(NULL) == NULL);
    CHECK(redis_ipc_write_setting_field(NULL, "a", "b") == RIPC_FAIL);
    CHECK(redis_ipc_write_setting_field("web", NULL, "b") == RIPC_FAIL);
    CHECK(redis_ipc_write_setting_field("web", "a", NULL) == RIPC_FAIL);
    CHECK(redis_ipc_read_setting_field(NULL, "a") == NULL);
    CHECK(redis_ipc_read_setting_field("web", NULL) == NULL);
    CHECK(redis_ipc_write_status(NULL) == RIPC_FAIL);
    CHECK(redis_ipc_read_status(NULL) == NULL);
    CHECK(redis_ipc_write_status_field(NULL, "b") == RIPC_FAIL);
    CHECK(redis_ipc_write_status_field("a", NULL) == RIPC_FAIL);
    CHECK(redis_ipc_read_status_field(NULL, "a") == NULL);
    CHECK(redis_ipc_read_status_field("web", NULL) == NULL);
    CHECK(redis_ipc_send_event("warnings", NULL) == RIPC_FAIL);
    CHECK(redis_ipc_config_settings_writer(NULL) == RIPC_FAIL);
    json_object_put(object);
}

/* Objects that are none, and commands that lack what an answer takes. */
static void with_garbage(void)
{
    static const char *const garbage[] = {"[1,2]", "\"text\"", "7", "true", "{}"};
    static const char *const unanswerable[] = {
        "{\"command_id\":\"1\"}",
        "{\"results_queue\":\"queues.results.a.b\"}",
        "{\"command_id\":\"1\",\"results_queue\":\"queues.commands.printer\"}",
        "{\"command_id\":\"1\",\"results_queue\":\"queues.results.a\\nb\"}",
        "{\"command_id\":null,\"results_queue\":\"queues.results.a.b\"}",
        "{\"command_id\":\"1\",\"results_queue\":[1]}",
    };
    size_t i;

    for (i = 0; i < sizeof garbage / sizeof garbage[0]; i++) {
        json_object *object = parsed(garbage[i]);
        json_object *result = parsed("{}");

        if (i < 4) {
            CHECK(redis_ipc_send_command_blocking("printer", NULL, object, 1) == NULL);
            CHECK(redis_ipc_send_event(NULL, object) == RIPC_FAIL);
        }
        CHECK(redis_ipc_send_result(object, result) == RIPC_FAIL);
        CHECK(redis_ipc_write_status(object) == RIPC_FAIL);
        json_object_put(object);
        json_object_put(result);
    }
    for (i = 0; i < sizeof unanswerable / sizeof unanswerable[0]; i++) {
        json_object *command = parsed(unanswerable[i]);
        json_object *result = parsed("{\"ok\":true}");

        CHECK(redis_ipc_send_result(command, result) == RIPC_FAIL);
        json_object_put(command);
        json_object_put(result);
    }
}

/* Names that make too long a key, and texts that are not UTF-8. */
static void with_too_much(void)
{
    char longest[RIPC_MAX_IPC_PATH_LEN + 10];
    json_object *object = parsed("{\"a\":1}");

    memset(longest, 'n', sizeof longest);
    longest[sizeof longest - 1] = '\0';
    CHECK(redis_ipc_init(longest, "main") == RIPC_FAIL);
    CHECK(redis_ipc_init("desk", longest) == RIPC_FAIL);
    CHECK(redis_ipc_send_command_blocking(longest, NULL, object, 1) == NULL);
    CHECK(redis_ipc_send_command_blocking("printer", longest, object, 1) == NULL);
    CHECK(redis_ipc_receive_command_blocking(longest, 1) == NULL);
    CHECK(redis_ipc_write_setting(longest, object) == RIPC_FAIL);
    CHECK(redis_ipc_read_setting(longest) == NULL);
    CHECK(redis_ipc_write_setting_field(longest, "a", "b") == RIPC_FAIL);
    CHECK(redis_ipc_read_setting_field(longest, "a") == NULL);
    CHECK(redis_ipc_read_status(longest) == NULL);
    CHECK(redis_ipc_read_status_field(longest, "a") == NULL);
    CHECK(redis_ipc_send_event(longest, object) == RIPC_FAIL);
    CHECK(redis_ipc_subscribe_events(longest, NULL) == RIPC_FAIL);
    CHECK(redis_ipc_subscribe_events(NULL, longest) == RIPC_FAIL);
    CHECK(redis_ipc_subscribe_events("a", longest) == RIPC_FAIL);
    CHECK(redis_ipc_subscribe_debug(longest) == RIPC_FAIL);
    /* A key that is not UTF-8 is refused, a message that is not goes as it is. */
    CHECK(redis_ipc_receive_command_blocking("\xff\xfe", 1) == NULL);
    CHECK(redis_ipc_send_debug(RIPC_DBG_ERROR, "%s", "\xff\xfe") == RIPC_OK);
    CHECK(redis_ipc_send_debug(RIPC_DBG_ERROR, NULL) == RIPC_FAIL);
    CHECK(redis_ipc_send_debug(RIPC_DBG_ERROR, "%s", "") == RIPC_FAIL);
    CHECK(redis_ipc_send_debug(4000000000u, "%s", "text") == RIPC_OK);
    json_object_put(object);
}

/* Waits that cannot bring anything, and times that are none. */
static void with_odd_times(void)
{
    static const struct timeval negative = {-1, 0};
    static const struct timeval too_many = {0, 1000000};

    CHECK(redis_ipc_get_message_blocking() == NULL);
    CHECK(redis_ipc_get_message_timeout(soon) == NULL);
    CHECK(redis_ipc_get_message_timeout(negative) == NULL);
    CHECK(redis_ipc_get_message_timeout(too_many) == NULL);
    CHECK(redis_ipc_cleanup(1) == RIPC_FAIL);
    CHECK(redis_ipc_cleanup(-1) == RIPC_FAIL);
}

static void *stranger(void *unused)
{
    off_the_bus();
    return unused;
}

/* A thread with a place of its own, that leaves without cleaning up every other time. */
static void *guest(void *number)
{
    int turn = *(const int *)number;
    char name[32];
    int i;

    snprintf(name, sizeof name, "guest-%d", turn);
    CHECK(redis_ipc_init("desk", name) == RIPC_OK);
    for (i = 0; i < 20; i++) {
        json_object *object = parsed("{\"a\":1}");
        json_object *status;

        CHECK(redis_ipc_write_status_field(name, "here") == RIPC_OK);
        CHECK(redis_ipc_send_event(NULL, object) == RIPC_OK);
        status = redis_ipc_read_status("desk");
        CHECK(json_object_object_get_ex(status, name, NULL));
        json_object_put(status);
        json_object_put(object);
    }
    if (turn % 2 == 0) {
        CHECK(redis_ipc_cleanup((pid_t)syscall(SYS_gettid)) == RIPC_OK);
    }
    return number;
}

static void with_threads(void)
{
    pthread_t threads[4];
    int numbers[4];
    int i;

    for (i = 0; i < 4; i++) {
        numbers[i] = i;
        if (pthread_create(&threads[i], NULL, guest, &numbers[i]) != 0) {
            abort();
        }
    }
    for (i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
    }
    if (pthread_create(&threads[0], NULL, stranger, NULL) != 0) {
        abort();
    }
    pthread_join(threads[0], NULL);
}

/* A child process is off the bus until it joins, and its leaving is not its parent's. */
static void with_a_child(void)
{
    int status = -1;
    pid_t child = fork();

    if (child == 0) {
        off_the_bus();
        CHECK(redis_ipc_init("desk", "child") == RIPC_OK);
        CHECK(redis_ipc_write_status_field("child", "here") == RIPC_OK);
        CHECK(redis_ipc_cleanup(getpid()) == RIPC_OK);
        fflush(stdout);
        _exit(failures == 0 ? 0 : 1);
    }
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    CHECK(redis_ipc_write_status_field("parent", "here") == RIPC_OK);
}

int main(void)
{
    off_the_bus();
    CHECK(redis_ipc_init("desk", "main") == RIPC_OK);
    with_null();
    with_garbage();
    with_too_much();
    with_odd_times();
    with_threads();
    with_a_child();
    /* A second init takes the place of the first, one that fails does not. */
    CHECK(redis_ipc_init("desk", "other") == RIPC_OK);
    CHECK(redis_ipc_init("desk", NULL) == RIPC_FAIL);
    CHECK(redis_ipc_write_status_field("a", "b") == RIPC_OK);
    CHECK(redis_ipc_subscribe_events(NULL, NULL) == RIPC_OK);
    CHECK(redis_ipc_cleanup(getpid()) == RIPC_OK);
    CHECK(redis_ipc_cleanup(getpid()) == RIPC_FAIL);
    off_the_bus();
    printf("%d failures\n", failures);
    return failures == 0 ? 0 : 1;
}

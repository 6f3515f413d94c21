/* Does what it is told on stdin with the functions of redis_ipc.h, as their users call them, and
 * says on stdout what they returned: one line in, one line out. A line is a word, see the table
 * `words`, and its arguments, parted by tabs; "-" stands for NULL. Objects are JSON. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "redis_ipc.h"

#define MOST_FIELDS 5

static char *fields[MOST_FIELDS + 1];
static json_object *kept;

static const char *text(int i)
{
    return fields[i] == NULL || strcmp(fields[i], "-") == 0 ? NULL : fields[i];
}

static unsigned int number(int i)
{
    return text(i) == NULL ? 0 : (unsigned int)strtoul(text(i), NULL, 10);
}

static json_object *object(int i)
{
    return text(i) == NULL ? NULL : json_tokener_parse(text(i));
}

static void say_code(int code)
{
    printf("%d\n", code);
}

static void say_object(json_object *message)
{
    puts(message == NULL ? "NULL" : json_object_to_json_string(message));
    json_object_put(message);
}

static void say_text(char *value)
{
    puts(value == NULL ? "NULL" : value);
    free(value);
}

static void do_init(void)
{
    say_code(redis_ipc_init(text(1), text(2)));
}

static void do_cleanup(void)
{
    say_code(redis_ipc_cleanup(getpid()));
}

static void do_cleanup_other(void)
{
    say_code(redis_ipc_cleanup((pid_t)number(1)));
}

static void do_call(void)
{
    json_object *command = object(4);
    json_object *result = redis_ipc_send_command_blocking(text(1), text(2), command, number(3));

    printf("%s\t", result == NULL ? "NULL" : json_object_to_json_string(result));
    puts(command == NULL ? "NULL" : json_object_to_json_string(command));
    json_object_put(result);
    json_object_put(command);
}

static void do_receive(void)
{
    json_object_put(kept);
    kept = redis_ipc_receive_command_blocking(text(1), number(2));
    say_object(json_object_get(kept));
}

static void do_answer(void)
{
    json_object *result = object(1);

    say_code(redis_ipc_send_result(kept, result));
    json_object_put(result);
}

static void do_answer_to(void)
{
    json_object *command = object(1);
    json_object *result = object(2);

    say_code(redis_ipc_send_result(command, result));
    json_object_put(command);
    json_object_put(result);
}

static void do_write_setting(void)
{
    json_object *values = object(2);

    say_code(redis_ipc_write_setting(text(1), values));
    json_object_put(values);
}

static void do_write_setting_field(void)
{
    say_code(redis_ipc_write_setting_field(text(1), text(2), text(3)));
}

static void do_read_setting(void)
{
    say_object(redis_ipc_read_setting(text(1)));
}

static void do_read_setting_field(void)
{
    say_text(redis_ipc_read_setting_field(text(1), text(2)));
}

static void do_write_status(void)
{
    json_object *values = object(1);

    say_code(redis_ipc_write_status(values));
    json_object_put(values);
}

static void do_write_status_field(void)
{
    say_code(redis_ipc_write_status_field(text(1), text(2)));
}

static void do_read_status(void)
{
    say_object(redis_ipc_read_status(text(1)));
}

static void do_read_status_field(void)
{
    say_text(redis_ipc_read_status_field(text(1), text(2)));
}

static void do_event(void)
{
    json_object *message = object(2);

    say_code(redis_ipc_send_event(text(1), message));
    json_object_put(message);
}

static void do_debug(void)
{
    say_code(redis_ipc_send_debug(number(1), "%s", text(2) == NULL ? "" : text(2)));
}

static void do_subscribe_events(void)
{
    say_code(redis_ipc_subscribe_events(text(1), text(2)));
}

static void do_unsubscribe_events(void)
{
    say_code(redis_ipc_unsubscribe_events());
}

static void do_subscribe_debug(void)
{
    say_code(redis_ipc_subscribe_debug(text(1)));
}

static void do_unsubscribe_debug(void)
{
    say_code(redis_ipc_unsubscribe_debug());
}

static void do_subscribe_notifications(void)
{
    say_code(redis_ipc_subscribe_setting_notifications());
}

static void do_unsubscribe_notifications(void)
{
    say_code(redis_ipc_unsubscribe_setting_notifications());
}

static void do_hear(void)
{
    say_object(redis_ipc_get_message_blocking());
}

/* hear_within milliseconds */
static void do_hear_within(void)
{
    struct timeval limit;

    limit.tv_sec = (time_t)(number(1) / 1000);
    limit.tv_usec = (suseconds_t)(number(1) % 1000 * 1000);
    say_object(redis_ipc_get_message_timeout(limit));
}

static void do_verbosity(void)
{
    say_code(redis_ipc_config_debug_verbosity((int)number(1)));
}

static void do_stderr(void)
{
    say_code(redis_ipc_config_stderr_debug((int)number(1)));
}

static void do_writer(void)
{
    say_code(redis_ipc_config_settings_writer(text(1)));
}

static void do_load(void)
{
    redis_ipc_config_load();
    printf("%d %d\n", get_debug_verbosity(), stderr_debug_is_enabled());
}

static const struct {
    const char *name;
    void (*act)(void);
} words[] = {
    {"init", do_init},
    {"cleanup", do_cleanup},
    {"cleanup_other", do_cleanup_other},
    {"call", do_call},
    {"receive", do_receive},
    {"answer", do_answer},
    {"answer_to", do_answer_to},
    {"write_setting", do_write_setting},
    {"write_setting_field", do_write_setting_field},
    {"read_setting", do_read_setting},
    {"read_setting_field", do_read_setting_field},
    {"write_status", do_write_status},
    {"write_status_field", do_write_status_field},
    {"read_status", do_read_status},
    {"read_status_field", do_read_status_field},
    {"event", do_event},
    {"debug", do_debug},
    {"subscribe_events", do_subscribe_events},
    {"unsubscribe_events", do_unsubscribe_events},
    {"subscribe_debug", do_subscribe_debug},
    {"unsubscribe_debug", do_unsubscribe_debug},
    {"subscribe_notifications", do_subscribe_notifications},
    {"unsubscribe_notifications", do_unsubscribe_notifications},
    {"hear", do_hear},
    {"hear_within", do_hear_within},
    {"verbosity", do_verbosity},
    {"stderr", do_stderr},
    {"writer", do_writer},
    {"load", do_load},
};

static void act(void)
{
    size_t i;

    for (i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcmp(words[i].name, fields[0]) == 0) {
            words[i].act();
            return;
        }
    }
    puts("unknown");
}

int main(void)
{
    static char line[70000];

    while (fgets(line, sizeof line, stdin) != NULL) {
        char *rest = line;
        int i;

        line[strcspn(line, "\n")] = '\0';
        for (i = 0; i < MOST_FIELDS; i++) {
            fields[i] = rest;
            if (rest != NULL) {
                rest = strchr(rest, '\t');
            }
            if (rest != NULL) {
                *rest++ = '\0';
            }
        }
        act();
        fflush(stdout);
    }
    json_object_put(kept);
    redis_ipc_cleanup(getpid());
    return 0;
}

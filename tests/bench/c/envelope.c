/* json-c: reads a command's envelope, or writes one.
 *
 * usage: envelope decode|encode FILE COUNT      prints ns an operation */
#include "measure.h"

#include <json-c/json.h>

static const char *const TEXTS[] = {"method",    "results_queue", "command_id",
                                    "timestamp", "component",     "thread"};
enum { TEXT_COUNT = sizeof TEXTS / sizeof *TEXTS };

static json_object *member(json_object *from, const char *name) {
    json_object *found = NULL;
    expect(json_object_object_get_ex(from, name, &found), name);
    return found;
}

static size_t decode(const char *text, long count) {
    size_t sum = 0;
    for (long i = 0; i < count; i++) {
        json_object *message = json_tokener_parse(text);
        for (int t = 0; t < TEXT_COUNT; t++) sum += (size_t)json_object_get_string_len(member(message, TEXTS[t]));
        sum += (size_t)json_object_get_int64(member(message, "x"));
        sum += (size_t)json_object_get_int64(member(message, "tid"));
        json_object_put(message);
    }
    return sum;
}

/* The same members with the same values, written from a tree made for the purpose. */
static size_t encode(const char *text, long count) {
    size_t sum = 0;
    json_object *model = json_tokener_parse(text);
    const char *values[TEXT_COUNT];
    for (int t = 0; t < TEXT_COUNT; t++) values[t] = json_object_get_string(member(model, TEXTS[t]));
    for (long i = 0; i < count; i++) {
        json_object *message = json_object_new_object();
        json_object_object_add(message, TEXTS[0], json_object_new_string(values[0]));
        json_object_object_add(message, "x", json_object_new_int64(12345));
        for (int t = 1; t < TEXT_COUNT; t++) json_object_object_add(message, TEXTS[t], json_object_new_string(values[t]));
        json_object_object_add(message, "tid", json_object_new_int64(12345));
        sum += strlen(json_object_to_json_string_ext(message, JSON_C_TO_STRING_PLAIN));
        json_object_put(message);
    }
    json_object_put(model);
    return sum;
}

int main(int argc, char **argv) {
    expect(argc == 4, "usage: envelope decode|encode FILE COUNT");
    size_t length, sum;
    char *text = file_bytes(argv[2], &length);
    text[length] = 0;
    long count = atol(argv[3]);
    double before = now_ns();
    sum = strcmp(argv[1], "encode") ? decode(text, count) : encode(text, count);
    printf("ns %.1f\n", (now_ns() - before) / (double)count);
    fprintf(stderr, "sum %zu\n", sum);
    free(text);
    return 0;
}

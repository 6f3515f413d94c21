/* One call through libripc, from C to C: what ours does, with the header for C in between.
 *
 * usage: call_ripc SOCKET CALLS      prints p50, p90, p99 and mean in microseconds */
#define _GNU_SOURCE
#include "measure.h"

#include <sys/wait.h>
#include <unistd.h>

#include "ripc.h"

/* What the standard members of a command and of a result take, so that a message has its size. */
enum { COMMAND_MEMBERS = 176, RESULT_MEMBERS = 132 };

struct printer {
    int left;
    char result[MESSAGE + 1];
};

static void works(ripc *handle, int code) {
    if (code == RIPC_OK) return;
    fprintf(stderr, "%s: %s\n", ripc_strerror(code), ripc_last_error(handle));
    exit(1);
}

static ripc *join(const char *path, const char *name) {
    ripc *handle;
    ripc_options options = RIPC_OPTIONS_INIT;
    options.address = path;
    works(NULL, ripc_open(name, "main", &options, &handle));
    return handle;
}

/* A member of a message is to be this text. */
static void expect_member(ripc *handle, ripc_text json, const char *name, const char *text) {
    ripc_text value;
    works(handle, ripc_json_member(handle, json.data, json.length, name, &value));
    expect(value.data && !strcmp(value.data, text), name);
}

/* An object with so many bytes left for its padding. */
static void fill(char *json, const char *first, int members) {
    int bare = (int)strlen(first) + (int)strlen(",\"text\":\"\"}");
    int padding = MESSAGE - members - bare;
    expect(padding > 0, "room for padding");
    sprintf(json, "%s,\"text\":\"%*s\"}", first, padding, "");
    for (char *c = json; *c; c++)
        if (*c == ' ') *c = 'm';
}

static int print(ripc *handle, const ripc_message *command, void *user) {
    struct printer *printer = user;
    expect_member(handle, command->text, "method", "print");
    works(handle, ripc_answer(handle, command->job, printer->result, RIPC_NUL_TERMINATED));
    if (--printer->left == 0) works(handle, ripc_stop(handle));
    return RIPC_OK;
}

static void serve(const char *path, int calls) {
    struct printer printer = {calls, ""};
    ripc *handle = join(path, "printer");
    fill(printer.result, "{\"done\":true", RESULT_MEMBERS);
    works(handle, ripc_on_command(handle, NULL, print, &printer));
    works(handle, ripc_run(handle));
    works(handle, ripc_close(handle));
}

static void call(const char *path, int calls, double *ns) {
    char command[MESSAGE + 1];
    ripc *handle = join(path, "caller");
    fill(command, "{\"method\":\"print\"", COMMAND_MEMBERS);
    for (int call = -WARM_UP; call < calls; call++) {
        ripc_text answer;
        double before = now_ns();
        works(handle, ripc_call(handle, "printer", command, RIPC_NUL_TERMINATED, 10000, &answer));
        expect_member(handle, answer, "done", "true");
        if (call >= 0) ns[call] = now_ns() - before;
    }
    works(handle, ripc_close(handle));
}

int main(int argc, char **argv) {
    expect(argc == 3, "usage: call_ripc SOCKET CALLS");
    int calls = atoi(argv[2]), status;
    double *ns = calloc((size_t)calls, sizeof *ns);
    pid_t component = fork();
    if (component < 0) die("fork");
    if (component == 0) {
        serve(argv[1], calls + WARM_UP);
        return 0;
    }
    call(argv[1], calls, ns);
    waitpid(component, &status, 0);
    expect(status == 0, "the component failed");
    print_percentiles(ns, (size_t)calls);
    free(ns);
    return 0;
}

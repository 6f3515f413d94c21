/* The floor: one call in plain C, no library, no JSON, nothing checked that can be left out.
 *
 * Each side puts both its commands into one write: the caller RPUSH(command) + BLPOP(result), the
 * component RPUSH(result) + BLPOP(next command). The messages are made once and never change.
 *
 * usage: call_raw SOCKET CALLS      prints p50, p90, p99 and mean in microseconds */
#include "measure.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define COMMANDS "queues.commands.raw"
#define RESULTS "queues.results.caller.main"

struct connection {
    int fd;
    size_t length; /* bytes in `buffer` */
    char buffer[4096];
};

static void open_unix(struct connection *c, const char *path) {
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    strncpy(to.sun_path, path, sizeof to.sun_path - 1);
    c->length = 0;
    c->fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&to, sizeof to) < 0) die(path);
}

static void put(struct connection *c, const char *bytes, size_t length) {
    if (write(c->fd, bytes, length) != (ssize_t)length) die("write");
}

/* Where the first frame ends; 0 if it is not complete yet. */
static size_t frame_end(const char *bytes, size_t length) {
    size_t at = 0;
    for (long pending = 1; pending > 0; pending--) {
        const char *line = bytes + at;
        const char *newline = at < length ? memchr(line, '\n', length - at) : NULL;
        if (!newline) return 0;
        expect(*line != '-', line);
        long number = atol(line + 1);
        at = (size_t)(newline + 1 - bytes);
        if (*line == '*') pending += number;
        if (*line == '$') at += (size_t)number + 2;
    }
    return at <= length ? at : 0;
}

/* Takes `count` frames off the connection, waiting for them. */
static void take(struct connection *c, int count) {
    while (count > 0) {
        size_t end = frame_end(c->buffer, c->length);
        if (end > 0) {
            c->length -= end;
            memmove(c->buffer, c->buffer + end, c->length);
            count--;
            continue;
        }
        ssize_t got = read(c->fd, c->buffer + c->length, sizeof c->buffer - c->length);
        if (got <= 0) die("read");
        c->length += (size_t)got;
    }
}

static size_t pop(char *to, const char *queue) {
    return (size_t)sprintf(to, "*3\r\n$5\r\nBLPOP\r\n$%zu\r\n%s\r\n$2\r\n10\r\n", strlen(queue), queue);
}

/* RPUSH of a message to one queue and BLPOP from another. */
static size_t push_and_pop(char *to, const char *push_to, const char *pop_from) {
    char message[MESSAGE + 1] = {0};
    memset(message, 'm', MESSAGE);
    int length = sprintf(to, "*3\r\n$5\r\nRPUSH\r\n$%zu\r\n%s\r\n$%d\r\n%s\r\n", strlen(push_to), push_to,
                         MESSAGE, message);
    return (size_t)length + pop(to + length, pop_from);
}

static void serve(const char *path, int calls) {
    struct connection c;
    char first[128], request[1024];
    size_t first_length = pop(first, COMMANDS);
    size_t length = push_and_pop(request, RESULTS, COMMANDS);
    open_unix(&c, path);
    put(&c, first, first_length);
    take(&c, 1);
    for (int call = 0; call < calls; call++) {
        put(&c, request, length);
        if (call + 1 < calls) take(&c, 2);
    }
    take(&c, 1);
}

static void call(const char *path, int calls, double *ns) {
    struct connection c;
    char request[1024];
    size_t length = push_and_pop(request, COMMANDS, RESULTS);
    open_unix(&c, path);
    for (int call = -WARM_UP; call < calls; call++) {
        double before = now_ns();
        put(&c, request, length);
        take(&c, 2);
        if (call >= 0) ns[call] = now_ns() - before;
    }
}

static void clear(const char *path) {
    struct connection c;
    const char *request = "DEL " COMMANDS " " RESULTS "\r\n";
    open_unix(&c, path);
    put(&c, request, strlen(request));
    take(&c, 1);
    close(c.fd);
}

int main(int argc, char **argv) {
    expect(argc == 3, "usage: call_raw SOCKET CALLS");
    int calls = atoi(argv[2]), status;
    double *ns = calloc((size_t)calls, sizeof *ns);
    clear(argv[1]);
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

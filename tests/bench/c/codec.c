/* hiredis: finds the end of a reply and visits each of its elements once; or writes one RPUSH.
 *
 * usage: codec decode FRAME COUNT | codec encode VALUE COUNT      prints ns an operation */
#include "measure.h"

#include <hiredis/hiredis.h>

/* Touches every element: its type, its length and its first byte. */
static size_t visit(const redisReply *reply) {
    size_t sum = (size_t)reply->type;
    if (reply->type == REDIS_REPLY_STRING) return sum + reply->len + (size_t)reply->str[0];
    for (size_t i = 0; i < reply->elements; i++) sum += visit(reply->element[i]);
    return sum;
}

static size_t decode(const char *frame, size_t length, long count) {
    redisReader *reader = redisReaderCreate();
    size_t sum = 0;
    for (long i = 0; i < count; i++) {
        void *reply = NULL;
        redisReaderFeed(reader, frame, length);
        expect(redisReaderGetReply(reader, &reply) == REDIS_OK && reply, "a reply");
        sum += visit(reply);
        freeReplyObject(reply);
    }
    redisReaderFree(reader);
    return sum;
}

static size_t encode(const char *value, size_t length, long count) {
    const char *words[] = {"RPUSH", "queues.commands.sensor", value};
    size_t lengths[] = {5, 22, length}, sum = 0;
    for (long i = 0; i < count; i++) {
        char *command = NULL;
        sum += (size_t)redisFormatCommandArgv(&command, 3, words, lengths);
        sum += (size_t)command[0];
        redisFreeCommand(command);
    }
    return sum;
}

int main(int argc, char **argv) {
    expect(argc == 4, "usage: codec decode|encode FILE COUNT");
    size_t length, sum;
    char *bytes = file_bytes(argv[2], &length);
    long count = atol(argv[3]);
    double before = now_ns();
    if (!strcmp(argv[1], "encode")) sum = encode(bytes, length, count);
    else sum = decode(bytes, length, count);
    printf("ns %.1f\n", (now_ns() - before) / (double)count);
    fprintf(stderr, "sum %zu\n", sum);
    free(bytes);
    return 0;
}

/* hiredis: one connection, BATCH commands appended, one write, BATCH replies read, and again.
 *
 * usage: pipeline SOCKET set|rpush BATCH OPERATIONS      prints thousand operations a second */
#include "measure.h"

#include <hiredis/hiredis.h>

static void clear(redisContext *redis, const char *key) {
    redisReply *reply = redisCommand(redis, "DEL %s", key);
    expect(reply != NULL, "reply to DEL");
    freeReplyObject(reply);
}

static void batch(redisContext *redis, const char **words, const size_t *lengths, long size) {
    for (long i = 0; i < size; i++) redisAppendCommandArgv(redis, 3, words, lengths);
    for (long i = 0; i < size; i++) {
        void *reply = NULL;
        expect(redisGetReply(redis, &reply) == REDIS_OK, "a reply");
        expect(((redisReply *)reply)->type != REDIS_REPLY_ERROR, "no error");
        freeReplyObject(reply);
    }
}

int main(int argc, char **argv) {
    expect(argc == 5, "usage: pipeline SOCKET set|rpush BATCH OPERATIONS");
    int push = !strcmp(argv[2], "rpush");
    long size = atol(argv[3]), batches = atol(argv[4]) / size;
    char value[MESSAGE];
    memset(value, 'v', sizeof value);
    const char *words[] = {push ? "RPUSH" : "SET", "bench:pipeline", value};
    const size_t lengths[] = {push ? 5 : 3, 14, push ? MESSAGE : 16};

    redisContext *redis = redisConnectUnix(argv[1]);
    expect(redis && !redis->err, argv[1]);
    clear(redis, words[1]);
    for (long i = 0; i < 10; i++) batch(redis, words, lengths, size);
    double before = now_ns();
    for (long i = 0; i < batches; i++) batch(redis, words, lengths, size);
    double seconds = (now_ns() - before) / 1e9;
    printf("kops %.2f\n", (double)(batches * size) / seconds / 1e3);
    clear(redis, words[1]);
    redisFree(redis);
    return 0;
}

/* What the C peers share: a clock, percentiles, and one way to give up. */
#ifndef MEASURE_H
#define MEASURE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Calls made before the clock is looked at: buffers have grown, caches are warm. A fixed number, so
 * that the difference between two runs of different length holds measured calls only. */
enum { WARM_UP = 500 };

/* Bytes of a message each way. */
enum { MESSAGE = 220 };

static inline void die(const char *what) {
    perror(what);
    exit(1);
}

static inline void expect(int holds, const char *what) {
    if (holds) return;
    fprintf(stderr, "unexpected: %s\n", what);
    exit(1);
}

/* Nanoseconds of the monotonic clock. */
static inline double now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return 1e9 * (double)t.tv_sec + (double)t.tv_nsec;
}

static inline int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Prints the percentiles of `count` durations in nanoseconds as microseconds, and the mean of all
 * but the slowest percent. */
static inline void print_percentiles(double *ns, size_t count) {
    size_t most = count * 99 / 100;
    double sum = 0;
    qsort(ns, count, sizeof *ns, ascending);
    for (size_t at = 0; at < most; at++) sum += ns[at];
    printf("p50 %.2f\np90 %.2f\np99 %.2f\n", ns[count / 2] / 1e3, ns[count * 9 / 10] / 1e3, ns[most] / 1e3);
    if (most > 0) printf("mean %.2f\n", sum / (double)most / 1e3);
}

/* Reads a whole file; the caller frees it. */
static inline char *file_bytes(const char *path, size_t *length) {
    FILE *file = fopen(path, "rb");
    if (!file) die(path);
    char *bytes = malloc(1 << 20);
    *length = fread(bytes, 1, 1 << 20, file);
    fclose(file);
    return bytes;
}

#endif

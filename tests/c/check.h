/* What the C tests share: a check that says where it failed. */
#ifndef CHECK_H
#define CHECK_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ripc.h"

#define CHECK(condition)                                                       \
  do {                                                                         \
    if (!(condition)) {                                                        \
      fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);          \
      exit(1);                                                                 \
    }                                                                          \
  } while (0)

/* Compares what a function returned with what it should have. */
#define RETURNS(wanted, handle, call)                                          \
  do {                                                                         \
    int returned = (call);                                                     \
    if (returned != (wanted)) {                                                \
      fprintf(stderr, "%s:%d: %s\n  is %d (%s), not %d: %s\n", __FILE__,       \
              __LINE__, #call, returned, ripc_strerror(returned), (wanted),    \
              ripc_last_error(handle));                                        \
      exit(1);                                                                 \
    }                                                                          \
  } while (0)

#define WORKS(handle, call) RETURNS(RIPC_OK, handle, call)

#define IS(text, wanted)                                                       \
  do {                                                                         \
    ripc_text checked = (text);                                                \
    if (checked.data == NULL || strlen(wanted) != checked.length ||            \
        strcmp(checked.data, wanted) != 0) {                                   \
      fprintf(stderr, "%s:%d: %s is %s\n", __FILE__, __LINE__, #text,          \
              checked.data ? checked.data : "absent");                         \
      exit(1);                                                                 \
    }                                                                          \
  } while (0)

/* A text whose length is left to its NUL. */
#define NUL_TERMINATED(text) (text), RIPC_NUL_TERMINATED

static inline ripc *opened(const char *component, const char *thread)
{
  ripc *handle = NULL;
  WORKS(NULL, ripc_open(component, thread, NULL, &handle));
  CHECK(handle != NULL);
  return handle;
}

/* The next message, which is to come. */
static inline const ripc_message *next(ripc *handle, int kind)
{
  const ripc_message *message = NULL;
  WORKS(handle, ripc_next(handle, 10000, &message));
  CHECK(message != NULL);
  if (message->kind != kind) {
    fprintf(stderr, "a message of kind %d, not %d\n", message->kind, kind);
    exit(1);
  }
  return message;
}

#endif

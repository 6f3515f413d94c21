/* A host program that is left alone: no SIGPIPE, no child that talks on its parent's line, and a
 * library that may be opened and closed on many threads. The first argument says which. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

/* The server is killed by whoever reads the line. */
static void wait_for_line(const char *announced)
{
  char line[16];
  puts(announced);
  fflush(stdout);
  CHECK(fgets(line, sizeof line, stdin) != NULL);
}

static int disposition_is_default(int number)
{
  struct sigaction action;
  CHECK(sigaction(number, NULL, &action) == 0);
  return action.sa_handler == SIG_DFL;
}

static void dead_server(void)
{
  ripc *handle = opened("desk", "main");
  ripc_text answer;
  const ripc_message *message;
  const ripc_bus_state *state;
  int fd = ripc_fd(handle), i;
  CHECK(fd >= 0);
  WORKS(handle, ripc_subscribe_events(handle, NULL, NULL));
  wait_for_line("kill");
  CHECK(disposition_is_default(SIGPIPE));
  for (i = 0; i < 3; i++) {
    CHECK(ripc_publish(handle, NULL, NUL_TERMINATED("{}"), NULL) < 0);
    RETURNS(RIPC_ERR_NO_SERVER, handle, ripc_call(handle, "x", NUL_TERMINATED("{}"), 100, &answer));
    CHECK(ripc_status_set(handle, "a", NUL_TERMINATED("b")) < 0);
    CHECK(strlen(ripc_last_error(handle)) > 0);
  }
  message = next(handle, RIPC_BUS);
  CHECK(message->detail == RIPC_DISCONNECTED && message->text.length > 0);
  WORKS(handle, ripc_state(handle, &state));
  CHECK(state->connection == RIPC_CONNECTING && state->why.length > 0 && state->lasted_ms >= 0);
  wait_for_line("restart");
  do
    message = next(handle, RIPC_BUS);
  while (message->detail != RIPC_RECONNECTED && message->detail != RIPC_SERVER_RESTARTED);
  WORKS(handle, ripc_publish(handle, NULL, NUL_TERMINATED("{\"n\":1}"), NULL));
  do
    WORKS(handle, ripc_next(handle, 10000, &message));
  while (message->kind == RIPC_BUS);
  IS(message->text, "{\"n\":1}");
  CHECK(ripc_fd(handle) == fd);
  WORKS(handle, ripc_close(handle));
}

static int count, bus_count;

/* The server dies while the first of them is at work; the second time there is an answer. */
static int on_command(ripc *handle, const ripc_message *message, void *user)
{
  const char *answer = user;
  CHECK(message->tries == (uint64_t)count);
  if (count++ == 0) {
    wait_for_line("kill");
    return RIPC_OK;
  }
  WORKS(handle, ripc_answer(handle, message->job, NUL_TERMINATED(answer)));
  WORKS(handle, ripc_stop(handle));
  return RIPC_OK;
}

static int on_bus(ripc *handle, const ripc_message *message, void *user)
{
  (void)handle, (void)user;
  bus_count += message->detail == RIPC_DISCONNECTED;
  if (message->detail == RIPC_DISCONNECTED)
    wait_for_line("restart");
  return RIPC_OK;
}

/* Commands are served at least once, and their answers find no server. */
static void unanswered(void)
{
  ripc *handle = opened("printer", "main");
  const ripc_message *message;
  uint64_t job;
  WORKS(handle, ripc_set_delivery(handle, 9));
  WORKS(handle, ripc_serve(handle, NULL, 0));
  job = next(handle, RIPC_COMMAND)->job;
  WORKS(handle, ripc_next(handle, 20, &message)); /* the pop is in flight */
  CHECK(message == NULL);
  wait_for_line("kill");
  CHECK(ripc_answer(handle, job, NUL_TERMINATED("{\"n\":1}")) < 0);
  RETURNS(RIPC_ERR_JOB, handle, ripc_answer(handle, job, NUL_TERMINATED("{\"n\":1}")));
  wait_for_line("restart");
  do
    WORKS(handle, ripc_next(handle, 10000, &message));
  while (message->kind == RIPC_BUS);
  CHECK(message->kind == RIPC_COMMAND && message->tries == 1);
  WORKS(handle, ripc_answer(handle, message->job, NUL_TERMINATED("{\"n\":1}")));
  WORKS(handle, ripc_close(handle));
  puts("answered");
  fflush(stdout);

  handle = opened("printer", "main");
  WORKS(handle, ripc_set_delivery(handle, 9));
  WORKS(handle, ripc_on_command(handle, NULL, on_command, (void *)"{\"n\":2}"));
  WORKS(handle, ripc_on_bus(handle, on_bus, NULL));
  WORKS(handle, ripc_run(handle));
  CHECK(count == 2 && bus_count == 1);
  WORKS(handle, ripc_close(handle));
}

static void child(ripc *parents)
{
  ripc *own;
  ripc_text value;
  const ripc_message *message;
  RETURNS(RIPC_ERR_FORKED, parents, ripc_status_set(parents, "who", NUL_TERMINATED("child")));
  RETURNS(RIPC_ERR_FORKED, parents, ripc_next(parents, 0, &message));
  CHECK(ripc_fd(parents) == RIPC_ERR_FORKED);
  own = opened("child", "main");
  WORKS(own, ripc_status_set(own, "who", NUL_TERMINATED("child")));
  WORKS(own, ripc_status_get(own, "desk", "who", &value));
  IS(value, "parent");
  WORKS(own, ripc_close(own));
  WORKS(NULL, ripc_close(parents));
  RETURNS(RIPC_ERR_CLOSED, NULL, ripc_close(parents));
}

static void forked(void)
{
  ripc *handle = opened("desk", "main");
  const ripc_message *message;
  ripc_text value;
  int status, i;
  WORKS(handle, ripc_serve(handle, NULL, 0));
  CHECK(ripc_fd(handle) >= 0);
  WORKS(handle, ripc_next(handle, 0, &message)); /* the pop is in flight */
  WORKS(handle, ripc_status_set(handle, "who", NUL_TERMINATED("parent")));
  for (i = 0; i < 3; i++) {
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
      child(handle);
      exit(0);
    }
    WORKS(handle, ripc_status_get(handle, NULL, "who", &value));
    IS(value, "parent");
    CHECK(waitpid(pid, &status, 0) == pid && status == 0);
  }
  WORKS(handle, ripc_status_get(handle, "child", "who", &value));
  IS(value, "child");
  WORKS(handle, ripc_close(handle));
}

static void *short_life(void *user)
{
  char name[20];
  ripc *handle;
  snprintf(name, sizeof name, "thread-%ld", (long)(intptr_t)user);
  handle = opened("desk", name);
  WORKS(handle, ripc_publish(handle, NULL, NUL_TERMINATED("{}"), NULL));
  return handle; /* the thread's end closes it */
}

static void threads(void)
{
  pthread_t threads[8];
  void *handle;
  int i, round;
  for (round = 0; round < 20; round++) {
    for (i = 0; i < 8; i++)
      CHECK(pthread_create(&threads[i], NULL, short_life, (void *)(intptr_t)i) == 0);
    for (i = 0; i < 8; i++) {
      CHECK(pthread_join(threads[i], &handle) == 0);
      RETURNS(RIPC_ERR_CLOSED, NULL, ripc_close((ripc *)handle));
    }
  }
}

static void too_many(void)
{
  static ripc *handles[1025];
  char name[20];
  int i, code = RIPC_OK;
  for (i = 0; i < 1025 && code == RIPC_OK; i++) {
    snprintf(name, sizeof name, "t%d", i);
    code = ripc_open("desk", name, NULL, &handles[i]);
  }
  CHECK(i == 1025 && code == RIPC_ERR_FULL);
  for (i = 0; i < 1024; i++)
    WORKS(NULL, ripc_close(handles[i]));
  WORKS(NULL, ripc_close(opened("desk", "again")));
}

static ripc *stopped;

static void on_alarm(int number)
{
  int saved = errno;
  ripc_text value;
  /* What interrupts a function of the handle may ask for a stop, and for nothing else. */
  if (ripc_status_get(stopped, NULL, "a", &value) != RIPC_ERR_BUSY)
    _exit(3);
  if (ripc_stop(stopped) != RIPC_OK)
    _exit(4);
  errno = saved;
  (void)number;
}

static void interrupted(void)
{
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = on_alarm;
  CHECK(sigaction(SIGALRM, &action, NULL) == 0);
  stopped = opened("desk", "main");
  WORKS(stopped, ripc_serve(stopped, NULL, 0));
  alarm(1);
  WORKS(stopped, ripc_run(stopped));
  WORKS(stopped, ripc_close(stopped));
}

static int closing(ripc *handle, const ripc_message *message, void *user)
{
  (void)message;
  ++*(int *)user;
  WORKS(NULL, ripc_close(handle));
  return RIPC_OK;
}

static void closed_by_its_handler(void)
{
  ripc *handle = opened("desk", "main");
  int count = 0;
  WORKS(handle, ripc_on_tick(handle, 1, closing, &count));
  RETURNS(RIPC_ERR_CLOSED, NULL, ripc_run(handle));
  CHECK(count == 1);
}

int main(int argc, char **argv)
{
  CHECK(argc == 2);
  switch (argv[1][0]) {
  case 'd': dead_server(); break;
  case 'u': unanswered(); break;
  case 'f': forked(); break;
  case 't': threads(); break;
  case 'm': too_many(); break;
  case 'i': interrupted(); break;
  case 'c': closed_by_its_handler(); break;
  default: return 2;
  }
  return 0;
}

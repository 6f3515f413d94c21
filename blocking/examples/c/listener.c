/* Prints the events of a component, of all if none is named, in an epoll loop that also reads what
 * is typed: an empty line, or the end of the input, ends it.
 *
 *   cc listener.c $(pkg-config --cflags --libs ripc) -o listener && ./listener printer
 *
 * With GLib the descriptor goes to g_unix_fd_add(), with libuv to uv_poll_init(). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <ripc.h>

static int on_event(ripc *listener, const ripc_message *event, void *user)
{
  (void)listener;
  (void)user;
  printf("%s %s%s%s\n", event->component.data, event->name.data ? event->name.data : "",
         event->name.data ? " " : "", event->text.data);
  fflush(stdout);
  return RIPC_OK;
}

static int on_bus(ripc *listener, const ripc_message *news, void *user)
{
  (void)listener;
  (void)user;
  switch (news->detail) {
  case RIPC_DISCONNECTED: fprintf(stderr, "the bus is away: %s\n", news->text.data); break;
  case RIPC_RECONNECTED: fprintf(stderr, "the bus is back, after %lld ms\n", (long long)news->number); break;
  default: break;
  }
  return RIPC_OK;
}

static int watch(int loop, int fd)
{
  struct epoll_event readable;
  memset(&readable, 0, sizeof readable);
  readable.events = EPOLLIN;
  readable.data.fd = fd;
  return epoll_ctl(loop, EPOLL_CTL_ADD, fd, &readable);
}

/* Whether the input has not ended. */
static int typed(void)
{
  char line[200];
  ssize_t length = read(STDIN_FILENO, line, sizeof line);
  return length > 1;
}

int main(int argc, char **argv)
{
  ripc *listener;
  struct epoll_event ready;
  int loop = epoll_create1(EPOLL_CLOEXEC), going = 1;
  int code = ripc_open("listener", "main", NULL, &listener);

  if (code == RIPC_OK)
    code = ripc_on_event(listener, argc > 1 ? argv[1] : NULL, NULL, on_event, NULL);
  if (code == RIPC_OK)
    code = ripc_on_bus(listener, on_bus, NULL);
  if (code != RIPC_OK || watch(loop, ripc_fd(listener)) != 0 || watch(loop, STDIN_FILENO) != 0) {
    fprintf(stderr, "listener: %s\n", ripc_last_error(listener));
    return EXIT_FAILURE;
  }
  fputs("listening\n", stderr);
  while (going && code == RIPC_OK && epoll_wait(loop, &ready, 1, -1) >= 0) {
    if (ready.data.fd == STDIN_FILENO)
      going = typed();
    else
      code = ripc_dispatch(listener, 0, NULL);
  }
  if (code != RIPC_OK)
    fprintf(stderr, "listener: %s\n", ripc_last_error(listener));
  ripc_close(listener);
  close(loop);
  return code == RIPC_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* Reports the load of the machine as the status of the component "system", at an interval that is
 * one of its settings: interval_ms, 1000 if it is not set. The loop is the program's own.
 *
 *   cc reporter.c $(pkg-config --cflags --libs ripc) -o reporter
 *
 * Look at it with: ipc-tool status system */
#include <stdio.h>
#include <stdlib.h>

#include <ripc.h>

static void report(ripc *reporter)
{
  char status[200];
  double one = 0, five = 0, fifteen = 0;
  FILE *load = fopen("/proc/loadavg", "r");
  if (load != NULL) {
    if (fscanf(load, "%lf %lf %lf", &one, &five, &fifteen) != 3)
      one = five = fifteen = 0;
    fclose(load);
  }
  snprintf(status, sizeof status, "{\"load\":%.2f,\"load5\":%.2f,\"load15\":%.2f}", one, five, fifteen);
  /* A bus that is away takes no status; the loop below says so, and waits for it. */
  if (ripc_status_write(reporter, status, RIPC_NUL_TERMINATED) != RIPC_OK)
    fprintf(stderr, "reporter: %s\n", ripc_last_error(reporter));
}

/* The interval that the settings ask for. */
static unsigned interval(ripc *reporter, const ripc_message *settings)
{
  ripc_text value;
  long wanted = 0;
  if (ripc_json_member(reporter, settings->text.data, settings->text.length, "interval_ms",
                       &value) == RIPC_OK && value.data != NULL)
    wanted = strtol(value.data, NULL, 10);
  return wanted >= 10 && wanted <= 86400000 ? (unsigned)wanted : 1000;
}

int main(void)
{
  ripc *reporter;
  const ripc_message *message;
  int code = ripc_open("system", "reporter", NULL, &reporter);

  if (code == RIPC_OK)
    code = ripc_stop_on_signals(reporter);
  if (code == RIPC_OK)
    code = ripc_watch_settings(reporter, NULL);
  while (code == RIPC_OK) {
    code = ripc_next(reporter, -1, &message);
    if (code != RIPC_OK || message->kind == RIPC_STOP)
      break;
    if (message->kind == RIPC_CHANGED) {
      code = ripc_set_tick(reporter, interval(reporter, message));
      report(reporter);
    } else if (message->kind == RIPC_TICK) {
      report(reporter);
    } else if (message->kind == RIPC_BUS && message->detail == RIPC_DISCONNECTED) {
      fprintf(stderr, "reporter: the bus is away: %s\n", message->text.data);
    }
  }
  if (code != RIPC_OK)
    fprintf(stderr, "reporter: %s\n", ripc_last_error(reporter));
  ripc_close(reporter);
  return code == RIPC_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}

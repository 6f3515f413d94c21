/* A printer with two queues: jobs come by "print", and "cancel" is looked at between two pages.
 *
 *   cc printer.c $(pkg-config --cflags --libs ripc) -o printer
 *
 * Try it with: ipc-tool call printer.print '{"file":"/tmp/job.pdf","copies":3}' */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ripc.h>

/* What cannot go on says why. */
static int failed(ripc *printer, const char *what)
{
  fprintf(stderr, "printer: %s: %s\n", what, ripc_last_error(printer));
  return EXIT_FAILURE;
}

/* Whether somebody wants no more pages. */
static int cancelled(ripc *printer)
{
  const ripc_message *cancel;
  if (ripc_take(printer, "cancel", &cancel) != RIPC_OK || cancel == NULL)
    return 0;
  ripc_answer(printer, cancel->job, "{\"cancelled\":true}", RIPC_NUL_TERMINATED);
  return 1;
}

static int on_print(ripc *printer, const ripc_message *job, void *user)
{
  long *pages = (long *)user;
  ripc_text copies;
  char answer[64];
  long wanted, page;

  if (ripc_json_member(printer, job->text.data, job->text.length, "copies", &copies) != RIPC_OK)
    return RIPC_ERR_JSON; /* the caller learns that it failed */
  wanted = copies.data ? strtol(copies.data, NULL, 10) : 1;
  if (wanted < 1)
    return ripc_fail(printer, job->job, "no-copies", "print at least one copy");

  ripc_status_set(printer, "state", "printing", RIPC_NUL_TERMINATED);
  for (page = 1; page <= wanted; page++) {
    if (cancelled(printer)) {
      ripc_status_set(printer, "state", "idle", RIPC_NUL_TERMINATED);
      return ripc_fail(printer, job->job, "cancelled", "somebody has cancelled this job");
    }
    ripc_debug(printer, 3, "page %ld of %ld", page, wanted);
    snprintf(answer, sizeof answer, "{\"page\":%ld,\"pages\":%ld}", page, wanted);
    ripc_publish(printer, "page", answer, RIPC_NUL_TERMINATED, NULL);
  }
  *pages += wanted;
  ripc_status_set(printer, "state", "idle", RIPC_NUL_TERMINATED);
  snprintf(answer, sizeof answer, "{\"pages\":%ld}", wanted);
  return ripc_answer(printer, job->job, answer, RIPC_NUL_TERMINATED);
}

/* With nothing at work there is nothing to cancel. */
static int on_cancel(ripc *printer, const ripc_message *job, void *user)
{
  (void)user;
  return ripc_answer(printer, job->job, "{\"cancelled\":false}", RIPC_NUL_TERMINATED);
}

int main(void)
{
  ripc *printer;
  long pages = 0;

  if (ripc_open("printer", "main", NULL, &printer) != RIPC_OK)
    return failed(NULL, "no bus");
  if (ripc_on_command(printer, "cancel", on_cancel, NULL) != RIPC_OK ||
      ripc_on_command(printer, "print", on_print, &pages) != RIPC_OK ||
      ripc_status_set(printer, "state", "idle", RIPC_NUL_TERMINATED) != RIPC_OK ||
      ripc_stop_on_signals(printer) != RIPC_OK)
    return failed(printer, "start");
  if (ripc_run(printer) != RIPC_OK)
    return failed(printer, "at work");
  printf("%ld pages\n", pages);
  return ripc_close(printer) == RIPC_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* Every function at its work, against the server that RIPC_SERVER_PATH names. Compiles as C99 and
 * as C++17. Calls need somebody who answers: a second thread is the printer. */
#include <poll.h>
#include <pthread.h>

#include "check.h"

static const char *const queues[] = {"cancel", "print"};

/* --- the printer, on a thread of its own */

static int print(ripc *printer, const ripc_message *command, void *user)
{
  int *printed = (int *)user;
  IS(command->name, "print");
  CHECK(command->command_id.length > 0);
  IS(command->sender_component, "desk");
  IS(command->sender_thread, "main");
  CHECK(command->sender_tid > 0 && command->sender_timestamp.length > 0);
  if (strstr(command->text.data, "nothing") != NULL) {
    WORKS(printer, ripc_fail(printer, command->job, "no-file", "there is no such file"));
    RETURNS(RIPC_ERR_JOB, printer, ripc_fail(printer, command->job, "x", "y"));
    return RIPC_OK;
  }
  if (strstr(command->text.data, "forgotten") != NULL)
    return RIPC_OK;
  if (strstr(command->text.data, "broken") != NULL)
    return 42;
  if (strstr(command->text.data, "wrong") != NULL) {
    RETURNS(RIPC_ERR_JSON, printer, ripc_answer(printer, command->job, NUL_TERMINATED("[1]")));
    return RIPC_OK;
  }
  ++*printed;
  /* The message stays while its handler uses the handle. */
  WORKS(printer, ripc_status_set(printer, "state", NUL_TERMINATED("busy")));
  WORKS(printer, ripc_publish(printer, "page", NUL_TERMINATED("{\"page\":1}"), NULL));
  CHECK(strstr(command->text.data, "/tmp/job.pdf") != NULL);
  WORKS(printer, ripc_answer(printer, command->job, NUL_TERMINATED("{\"pages\":2}")));
  return RIPC_OK;
}

static int cancel(ripc *printer, const ripc_message *command, void *user)
{
  (void)user;
  WORKS(printer, ripc_answer(printer, command->job, "{}trailing", 2));
  WORKS(printer, ripc_stop(printer));
  return RIPC_OK;
}

static void *printer(void *user)
{
  pthread_barrier_t *ready = (pthread_barrier_t *)user;
  ripc *handle = opened("printer", "main");
  int printed = 0;
  WORKS(handle, ripc_on_command(handle, "cancel", cancel, NULL));
  WORKS(handle, ripc_on_command(handle, "print", print, &printed));
  RETURNS(RIPC_ERR_USAGE, handle, ripc_on_command(handle, NULL, print, NULL));
  RETURNS(RIPC_ERR_USAGE, handle, ripc_on_command(handle, "x", NULL, NULL));
  pthread_barrier_wait(ready);
  WORKS(handle, ripc_run(handle));
  CHECK(printed == 1);
  WORKS(handle, ripc_close(handle));
  return NULL;
}

static void calls(ripc *desk)
{
  pthread_t thread;
  pthread_barrier_t ready;
  ripc_text answer, code, words;
  CHECK(pthread_barrier_init(&ready, NULL, 2) == 0);
  CHECK(pthread_create(&thread, NULL, printer, &ready) == 0);
  pthread_barrier_wait(&ready);

  WORKS(desk, ripc_call(desk, "printer.print", NUL_TERMINATED("{\"file\":\"/tmp/job.pdf\"}"), 10000,
                        &answer));
  IS(answer, "{\"pages\":2}");
  WORKS(desk, ripc_json_member(desk, answer.data, answer.length, "pages", &code));
  IS(code, "2");
  RETURNS(RIPC_ERR_JSON, desk, ripc_json_member(desk, "[]", 2, "pages", &code));
  RETURNS(RIPC_ERR_FAILED, desk,
          ripc_call(desk, "printer.print", NUL_TERMINATED("{\"file\":\"nothing\"}"), 10000, &answer));
  CHECK(answer.data == NULL && answer.length == 0);
  CHECK(strcmp(ripc_last_error(desk), "no-file: there is no such file") == 0);
  WORKS(desk, ripc_failure(desk, &code, &words));
  IS(code, "no-file");
  IS(words, "there is no such file");
  WORKS(desk, ripc_failure(desk, NULL, NULL));
  const char *const failures[][2] = {
      {"{\"file\":\"forgotten\"}", "unanswered"},
      {"{\"file\":\"broken\"}", "failed"},
      {"{\"file\":\"wrong\"}", "bad-result"},
  };
  for (size_t i = 0; i < sizeof failures / sizeof *failures; i++) {
    RETURNS(RIPC_ERR_FAILED, desk,
            ripc_call(desk, "printer.print", NUL_TERMINATED(failures[i][0]), 10000, &answer));
    WORKS(desk, ripc_failure(desk, &code, NULL));
    IS(code, failures[i][1]);
  }
  /* What makes no sense reaches nobody. */
  RETURNS(RIPC_ERR_JSON, desk, ripc_call(desk, "printer.print", NUL_TERMINATED("{"), 10000, &answer));
  RETURNS(RIPC_ERR_UTF8, desk,
          ripc_call(desk, "printer.print", NUL_TERMINATED("{\"a\":\"\xff\"}"), 10000, &answer));
  RETURNS(RIPC_ERR_NAME, desk, ripc_call(desk, "a b", NUL_TERMINATED("{}"), 10000, &answer));
  RETURNS(RIPC_ERR_USAGE, desk, ripc_call(desk, "printer", NUL_TERMINATED("{}"), -1, &answer));

  WORKS(desk, ripc_call(desk, "printer.cancel", "{}", 2, 10000, &answer));
  IS(answer, "{}");
  CHECK(pthread_join(thread, NULL) == 0);
  pthread_barrier_destroy(&ready);

  /* Nobody is there any more. */
  RETURNS(RIPC_ERR_NOT_TAKEN, desk, ripc_call(desk, "printer.print", "{}", 2, 20, &answer));
  WORKS(desk, ripc_set_queue_limit(desk, 0));
  RETURNS(RIPC_ERR_OVERLOADED, desk, ripc_call(desk, "printer.print", "{}", 2, 1000, &answer));
  WORKS(desk, ripc_set_queue_limit(desk, 1024));
  WORKS(desk, ripc_set_command_deadlines(desk, 1));
  WORKS(desk, ripc_set_command_deadlines(desk, 0));
  WORKS(desk, ripc_set_call_stop(desk, 1));
  WORKS(desk, ripc_set_call_stop(desk, 0));
}

/* --- commands in a loop of one's own: one handle calls, and the other one takes it meanwhile */

static void *caller(void *user)
{
  ripc *handle = opened("caller", (const char *)user);
  ripc_text answer;
  char recipient[100];
  snprintf(recipient, sizeof recipient, "worker.%s", (const char *)user);
  WORKS(handle, ripc_call(handle, recipient, NUL_TERMINATED("{\"n\":1}"), 10000, &answer));
  IS(answer, "{\"done\":true}");
  return NULL; /* without a close: that is the thread's end */
}

static void own_loop(void)
{
  ripc *worker = opened("worker", "main");
  pthread_t one, two, three;
  const ripc_message *message = NULL;
  uint64_t first;
  int stopped = 1;

  WORKS(worker, ripc_set_delivery(worker, 3));
  WORKS(worker, ripc_set_delivery(worker, 0));
  WORKS(worker, ripc_serve(worker, queues, 2));
  WORKS(worker, ripc_next(worker, 0, &message));
  CHECK(message == NULL);
  CHECK(pthread_create(&one, NULL, caller, (void *)"print") == 0);
  message = next(worker, RIPC_COMMAND);
  first = message->job;
  IS(message->name, "print");
  IS(message->text, "{\"n\":1}");

  /* Another one while the first is at work. */
  CHECK(pthread_create(&two, NULL, caller, (void *)"cancel") == 0);
  message = next(worker, RIPC_COMMAND);
  IS(message->name, "cancel");
  WORKS(worker, ripc_answer(worker, message->job, NUL_TERMINATED("{\"done\":true}")));
  WORKS(worker, ripc_answer(worker, first, NUL_TERMINATED("{\"done\":true}")));
  RETURNS(RIPC_ERR_JOB, worker, ripc_answer(worker, first, NUL_TERMINATED("{}")));

  /* Put back, and taken again by hand. */
  WORKS(worker, ripc_rest(worker));
  CHECK(pthread_join(one, NULL) == 0 && pthread_join(two, NULL) == 0);
  CHECK(pthread_create(&three, NULL, caller, (void *)"aside") == 0);
  WORKS(worker, ripc_receive(worker, "aside", -1, &message));
  WORKS(worker, ripc_put_back(worker, message->job));
  WORKS(worker, ripc_take(worker, "aside", &message));
  CHECK(message != NULL);
  WORKS(worker, ripc_answer(worker, message->job, NUL_TERMINATED("{\"done\":true}")));
  WORKS(worker, ripc_take(worker, "aside", &message));
  CHECK(message == NULL);
  WORKS(worker, ripc_receive(worker, "aside", 10, &message));
  CHECK(message == NULL);
  RETURNS(RIPC_ERR_USAGE, worker, ripc_receive(worker, "print", 10, &message));
  CHECK(pthread_join(three, NULL) == 0);

  WORKS(worker, ripc_stop_requested(worker, &stopped));
  CHECK(stopped == 0);
  WORKS(worker, ripc_stop(worker));
  WORKS(worker, ripc_stop_requested(worker, &stopped));
  CHECK(stopped == 1);
  next(worker, RIPC_STOP);
  WORKS(worker, ripc_next(worker, 0, &message));
  CHECK(message == NULL);
  WORKS(worker, ripc_set_tick(worker, 1));
  next(worker, RIPC_TICK);
  WORKS(worker, ripc_close(worker));
  RETURNS(RIPC_ERR_CLOSED, NULL, ripc_close(worker));
}

/* --- settings, status, what is watched */

static void hashes(ripc *desk)
{
  ripc_text value, json;
  const ripc_pair *pairs;
  const ripc_message *message;
  size_t count;
  uint64_t deleted;
  int known;
  const char *const fields[] = {"state", "page"};

  WORKS(desk, ripc_config_get(desk, "settings_writer", &value));
  IS(value, "db");
  RETURNS(RIPC_ERR_NOT_WRITER, desk, ripc_settings_set(desk, NULL, "a", NUL_TERMINATED("1")));
  RETURNS(RIPC_ERR_USAGE, desk, ripc_config_set(desk, "colour", "red"));
  RETURNS(RIPC_ERR_USAGE, desk, ripc_config_set(desk, "debug_verbosity", "much"));
  RETURNS(RIPC_ERR_NAME, desk, ripc_config_set(desk, "settings_writer", "a b"));
  WORKS(desk, ripc_config_set(desk, "settings_writer", "*"));

  WORKS(desk, ripc_watch_settings(desk, "printer"));
  message = next(desk, RIPC_CHANGED);
  CHECK(message->detail == RIPC_SETTINGS);
  IS(message->component, "printer");
  IS(message->text, "{}");
  WORKS(desk, ripc_settings_write(desk, "printer",
                                  NUL_TERMINATED("{\"dpi\":600,\"name\":\"a\\n\\u00fc\",\"t\":[1, 2]}")));
  message = next(desk, RIPC_CHANGED);
  IS(message->text, "{\"dpi\":\"600\",\"name\":\"a\\n\xc3\xbc\",\"t\":\"[1, 2]\"}");
  WORKS(desk, ripc_cached(desk, RIPC_SETTINGS, "printer", "dpi", &value, &known));
  CHECK(known == 1);
  IS(value, "600");
  WORKS(desk, ripc_cached(desk, RIPC_SETTINGS, "printer", "none", &value, &known));
  CHECK(known == 1 && value.data == NULL);
  WORKS(desk, ripc_cached(desk, RIPC_STATUS, NULL, "none", &value, &known));
  CHECK(known == 0);
  RETURNS(RIPC_ERR_USAGE, desk, ripc_cached(desk, 7, NULL, "none", &value, &known));
  WORKS(desk, ripc_settings_get(desk, "printer", "dpi", &value));
  IS(value, "600");
  WORKS(desk, ripc_settings_get(desk, "printer", "none", &value));
  CHECK(value.data == NULL);
  WORKS(desk, ripc_settings_pairs(desk, "printer", &pairs, &count));
  CHECK(count == 3);
  IS(pairs[0].name, "dpi");
  IS(pairs[2].value, "[1, 2]");
  WORKS(desk, ripc_settings_set(desk, "printer", "dpi", "300 dots", 3));
  WORKS(desk, ripc_settings_delete(desk, "printer", fields, 2, &deleted));
  CHECK(deleted == 0);
  RETURNS(RIPC_ERR_JSON, desk, ripc_settings_write(desk, "printer", NUL_TERMINATED("{\"dpi\":1}}")));
  WORKS(desk, ripc_settings_all(desk, "printer", &json));
  IS(json, "{\"dpi\":\"300\",\"name\":\"a\\n\xc3\xbc\",\"t\":\"[1, 2]\"}");
  WORKS(desk, ripc_settings_clear(desk, "printer"));
  WORKS(desk, ripc_settings_all(desk, "printer", &json));
  IS(json, "{}");

  WORKS(desk, ripc_status_write(desk, NUL_TERMINATED("{\"state\":\"idle\",\"page\":3,\"gone\":null}")));
  WORKS(desk, ripc_watch_status(desk, "desk"));
  while (message = next(desk, RIPC_CHANGED), message->detail != RIPC_STATUS)
    IS(message->component, "printer");
  IS(message->text, "{\"state\":\"idle\",\"page\":\"3\"}");
  WORKS(desk, ripc_status_set(desk, "state", NUL_TERMINATED("busy")));
  WORKS(desk, ripc_status_get(desk, NULL, "state", &value));
  IS(value, "busy");
  WORKS(desk, ripc_status_get(desk, "printer", "state", &value));
  IS(value, "busy"); /* what the printer has set above */
  WORKS(desk, ripc_status_all(desk, "desk", &json));
  IS(json, "{\"state\":\"busy\",\"page\":\"3\"}");
  WORKS(desk, ripc_status_pairs(desk, NULL, &pairs, &count));
  CHECK(count == 2);
  WORKS(desk, ripc_status_delete(desk, fields, 2, &deleted));
  CHECK(deleted == 2);
  WORKS(desk, ripc_status_delete(desk, NULL, 0, NULL));
  WORKS(desk, ripc_status_clear(desk));
}

/* --- events and debug messages */

static int heard(ripc *handle, const ripc_message *message, void *user)
{
  (void)handle;
  CHECK(message->text.length > 0 || message->kind >= RIPC_BUS);
  return ++*(int *)user == 3 ? 7 : RIPC_OK;
}

static void events(void)
{
  ripc *ear = opened("ear", "main"), *mouth = opened("mouth", "main");
  const ripc_message *message;
  uint64_t listeners;
  int64_t verbosity;
  int enabled, count = 0;
  size_t handled;
  char text[2000];

  WORKS(ear, ripc_subscribe_events(ear, "mouth", NULL));
  WORKS(ear, ripc_subscribe_debug(ear, "mouth"));
  WORKS(mouth, ripc_publish(mouth, "teeth", NUL_TERMINATED("{\"n\":1}"), &listeners));
  CHECK(listeners == 1);
  message = next(ear, RIPC_EVENT);
  IS(message->text, "{\"n\":1}");
  IS(message->component, "mouth");
  IS(message->name, "teeth");
  IS(message->channel, "channel.events.mouth.teeth");
  IS(message->sender_component, "mouth");
  WORKS(mouth, ripc_publish(mouth, NULL, NUL_TERMINATED("{}"), NULL));
  message = next(ear, RIPC_EVENT);
  CHECK(message->name.data == NULL);
  RETURNS(RIPC_ERR_JSON, mouth, ripc_publish(mouth, NULL, NUL_TERMINATED("{}{}"), NULL));
  RETURNS(RIPC_ERR_NAME, mouth, ripc_publish(mouth, "a b", NUL_TERMINATED("{}"), NULL));
  WORKS(mouth, ripc_publish(mouth, NULL, NUL_TERMINATED("{\"n\":2}"), NULL));
  do
    WORKS(ear, ripc_heard(ear, &message));
  while (message == NULL);
  IS(message->text, "{\"n\":2}");

  WORKS(mouth, ripc_debug(mouth, 3, "%s is %d", "n", 5));
  message = next(ear, RIPC_DEBUG);
  IS(message->text, "n is 5");
  CHECK(message->number == 3);
  memset(text, 'x', sizeof text);
  text[sizeof text - 1] = '\0';
  WORKS(mouth, ripc_debug(mouth, 0, "%s", text));
  message = next(ear, RIPC_DEBUG);
  CHECK(message->text.length == 1023 && strcmp(message->text.data + 1016, "[TRUNC]") == 0);
  RETURNS(RIPC_ERR_USAGE, mouth, ripc_debug(mouth, 6, "too much"));
  RETURNS(RIPC_ERR_USAGE, mouth, ripc_debug_text(mouth, -1, NUL_TERMINATED("too little")));
  WORKS(mouth, ripc_config_set(mouth, "debug_verbosity", "1"));
  WORKS(mouth, ripc_debug_verbosity(mouth, &verbosity));
  CHECK(verbosity == 1);
  WORKS(mouth, ripc_debug_enabled(mouth, 2, &enabled));
  CHECK(enabled == 0);
  WORKS(mouth, ripc_debug(mouth, 2, "not sent"));
  WORKS(ear, ripc_config_reload(ear));
  WORKS(ear, ripc_debug_verbosity(ear, &verbosity));
  CHECK(verbosity == 1);
  WORKS(mouth, ripc_config_set(mouth, "debug_verbosity", "5"));

  WORKS(ear, ripc_unsubscribe_events(ear, "mouth", NULL));
  WORKS(ear, ripc_unsubscribe_debug(ear, "mouth"));
  WORKS(ear, ripc_on_event(ear, "mouth", "teeth", heard, &count));
  WORKS(ear, ripc_on_debug(ear, NULL, heard, &count));
  WORKS(ear, ripc_on_settings(ear, NULL, heard, &count));
  WORKS(ear, ripc_on_status(ear, "mouth", heard, &count));
  WORKS(ear, ripc_on_bus(ear, heard, &count));
  WORKS(ear, ripc_on_tick(ear, 1, heard, &count));
  RETURNS(7, ear, ripc_run(ear)); /* two watched hashes and a tick, or more ticks */
  WORKS(ear, ripc_on_tick(ear, 0, heard, &count));

  /* By a descriptor. */
  WORKS(ear, ripc_on_event(ear, "mouth", NULL, heard, &count));
  struct pollfd one = {ripc_fd(ear), POLLIN, 0};
  CHECK(one.fd >= 0 && one.fd == ripc_fd(ear));
  while (poll(&one, 1, 50) == 1)
    WORKS(ear, ripc_dispatch(ear, 0, NULL));
  count = 10;
  WORKS(mouth, ripc_publish(mouth, "teeth", NUL_TERMINATED("{}"), NULL));
  WORKS(mouth, ripc_publish(mouth, "lips", NUL_TERMINATED("{}"), NULL));
  CHECK(poll(&one, 1, 10000) == 1);
  handled = 0;
  while (handled == 0)
    WORKS(ear, ripc_dispatch(ear, 1, &handled));
  CHECK(handled == 1 && count == 12); /* two handlers are for this one */
  while (count < 13) {
    CHECK(poll(&one, 1, 10000) == 1);
    WORKS(ear, ripc_dispatch(ear, 0, &handled));
  }
  WORKS(ear, ripc_stop(ear));
  RETURNS(RIPC_STOPPED, ear, ripc_dispatch(ear, 0, &handled));
  WORKS(ear, ripc_dispatch(ear, 0, &handled));
  WORKS(ear, ripc_close(ear));
  WORKS(mouth, ripc_close(mouth));
}

static void about(ripc *desk)
{
  ripc_text component, thread, limitations;
  const ripc_bus_state *state;
  const ripc_counters *counters;
  ripc *handle;
  ripc_options options = RIPC_OPTIONS_INIT;
  char text[5000];

  CHECK(strcmp(ripc_version(), RIPC_VERSION) == 0);
  CHECK(strcmp(ripc_strerror(12345), "unknown code") == 0);
  WORKS(desk, ripc_own_names(desk, &component, &thread));
  IS(component, "desk");
  IS(thread, "main");
  WORKS(desk, ripc_state(desk, &state));
  CHECK(state->connection == RIPC_CONNECTED && state->why.data == NULL);
  WORKS(desk, ripc_count(desk, &counters));
  CHECK(counters->commands_dropped == 0 && counters->messages_dropped == 0);
  WORKS(desk, ripc_limitations(desk, &limitations));
  IS(limitations, "");
  WORKS(desk, ripc_stop_on_signals(desk));

  options.address = "/nowhere/socket";
  RETURNS(RIPC_ERR_NO_SERVER, NULL, ripc_open("a", "b", &options, &handle));
  CHECK(handle == NULL && strstr(ripc_last_error(NULL), "/nowhere/socket") != NULL);
  options.address = "redis://";
  RETURNS(RIPC_ERR_ADDRESS, NULL, ripc_open("a", "b", &options, &handle));
  options.size = 1;
  RETURNS(RIPC_ERR_USAGE, NULL, ripc_open("a", "b", &options, &handle));
  RETURNS(RIPC_ERR_NAME, NULL, ripc_open("a b", "b", NULL, &handle));
  RETURNS(RIPC_ERR_UTF8, NULL, ripc_open("\xff", "b", NULL, &handle));
  options.size = sizeof options;
  options.address = NULL;
  options.connect_ms = options.reply_ms = 10000;
  options.message_limit = 4096;
  WORKS(NULL, ripc_open("a", "b", &options, &handle));
  memset(text, 'x', sizeof text);
  memcpy(text, "{\"x\":\"", 6);
  memcpy(text + sizeof text - 2, "\"}", 2);
  RETURNS(RIPC_ERR_TOO_LONG, handle, ripc_publish(handle, NULL, text, sizeof text, NULL));
  WORKS(handle, ripc_close(handle));
}

int main(void)
{
  ripc *desk = opened("desk", "main");
  calls(desk);
  own_loop();
  hashes(desk);
  events();
  about(desk);
  WORKS(desk, ripc_close(desk));
  puts("all is well");
  return 0;
}

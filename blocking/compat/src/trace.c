/* What a thread tells on stderr. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "place.h"

void trace(const struct place *place, const char *format, ...)
{
    va_list arguments;
    char *line = NULL;
    int length;

    if (!place->stderr_debug) {
        return;
    }
    va_start(arguments, format);
    length = vasprintf(&line, format, arguments);
    va_end(arguments);
    if (length < 0) {
        return;
    }
    /* In one call, or lines of several threads would mingle. */
    fprintf(stderr, "(%s) %s\n", place->component, line);
    free(line);
}

void trace_failure(const struct place *place)
{
    trace(place, "[ERROR] %s", place_failure(place));
}

/* Names to keys. */
#include <stdio.h>

#include "place.h"

bool key_make(struct key *key, struct place *place, const char *prefix, const char *name,
              const char *part)
{
    int length = snprintf(key->text, sizeof key->text, "%s%s%s%s", prefix, name,
                          part == NULL ? "" : ".", part == NULL ? "" : part);
    if (length >= 0 && (size_t)length < sizeof key->text) {
        return true;
    }
    if (place != NULL) {
        trace(place, "[ERROR] the key %s%s%s%s takes %d bytes, but a key has at most %zu", prefix,
              name, part == NULL ? "" : ".", part == NULL ? "" : part, length,
              sizeof key->text - 1);
    }
    return false;
}

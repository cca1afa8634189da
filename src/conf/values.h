/* values.h: from a value as the user writes it to a number, and back. Internal to conf/. */
#ifndef MR_CONF_VALUES_H
#define MR_CONF_VALUES_H

#include "conf.h"

/* Reads `text` as a value of the option's type, which is not TEXT. False, with *value unchanged and the
 * reason written to *why, when it is malformed or out of the option's range. */
bool mr_values_read(const struct mr_option *option, const char *text, uint64_t *value, struct mr_fmt *why);

/* Writes the value as mr_values_read reads it. */
void mr_values_print(const struct mr_option *option, uint64_t value, struct mr_fmt *out);

/* True when the words are equal, letters alike in either case and - like _. */
bool mr_values_same_word(const char *a, size_t a_len, const char *b);

#endif

/* lsan.h: what a program annotated for LeakSanitizer says of itself. The functions are the program's own: to be
 * called where its code may run. */
#ifndef MR_ENTRY_LSAN_H
#define MR_ENTRY_LSAN_H

#include "entry.h"

/* Suppressions and options in LeakSanitizer's syntax, "" for none. */
const char *mr_lsan_suppressions(void);
const char *mr_lsan_options(void);

/* Whether the program wants no check. */
bool mr_lsan_is_turned_off(void);

#endif

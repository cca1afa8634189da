/* complain.h: what an embedded allocator says of misuse when nobody else listens. Private to embed/. */
#ifndef MR_EMBED_COMPLAIN_H
#define MR_EMBED_COMPLAIN_H

#include "base.h"

struct mr_complaint {
    const char *kind;    /* "stack" */
    const char *name;    /* of the allocator; may be NULL */
    const void *pointer; /* at fault; may be NULL */
    const char *words;
};

/* Writes 'memoir: stack "name": words (0x7f...)' to standard error. */
void mr_complain(const struct mr_complaint *complaint);

/* The same, and aborts. */
_Noreturn void mr_complain_fatally(const struct mr_complaint *complaint);

#endif

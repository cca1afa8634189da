/* reader_inside.h: what was read, for the files that make up the reader. */
#ifndef MR_LEDGER_READER_INSIDE_H
#define MR_LEDGER_READER_INSIDE_H

#include "base.h"
#include "reader.h"

struct mr_reader {
    int fd; /* while it is opened */
    uint64_t file_bytes;
    const char *name;
    struct mr_fmt *why;
    struct mr_ledger_header header;
    void *entries[MR_SECTION_COUNT]; /* header.sections[kind].count of them */
    bool peak_is_now;
};

/* What was read of each section, typed. */
#define MR_READER_ENTRIES(reader, KIND, type) ((struct type *)(reader)->entries[KIND])

/* reader_fix.c: every index, count and string of what was read leads somewhere. */
void mr_reader_fix(struct mr_reader *r);

#endif

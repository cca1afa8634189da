/* object.h: the loaded object an address lies in, and its call frame information. */
#ifndef MR_TRACK_OBJECT_H
#define MR_TRACK_OBJECT_H

#include "cfi.h"

struct mr_object {
    uintptr_t start, end;
    uintptr_t hdr; /* .eh_frame_hdr; 0: none */
};

/* Whether objects can be found at all: by _dl_find_object (glibc 2.35), the only way that waits for no lock. */
bool mr_object_known(void);

bool mr_object_find(uintptr_t pc, struct mr_object *object);

/* Seven bits that most likely differ for another object in the same place. */
unsigned mr_object_tag(const struct mr_object *object);

/* The rules for pc, within an object. */
bool mr_object_rules(const struct mr_object *object, uintptr_t pc, struct mr_cfi_rules *rules);

/* Whether `size` bytes at `at` are in a segment of the object that can be read. */
bool mr_object_holds(const struct mr_object *object, uintptr_t at, size_t size);

#endif

/* base.h: the face of layer 0. Everything above includes this and nothing else of base/.
 *
 * Nothing in base knows memory, threads or files: bit tricks, checks, intrusive lists and
 * a formatter that never allocates. */
#ifndef MR_BASE_H
#define MR_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "attr.h"
#include "assert.h"
#include "bits.h"
#include "fmt.h"
#include "sort.h"

#define MR_KIB ((size_t)1 << 10)
#define MR_MIB ((size_t)1 << 20)
#define MR_GIB ((size_t)1 << 30)

#define MR_COUNT(array) (sizeof(array) / sizeof((array)[0]))

MR_INLINE size_t mr_min(size_t a, size_t b) { return a < b ? a : b; }
MR_INLINE size_t mr_max(size_t a, size_t b) { return a > b ? a : b; }

#endif

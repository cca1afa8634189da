/* What was taken by one family of functions is given to another. */
#include "cwe.h"

static void new_free_bad() { free(new int(3)); }
static void new_free_good() { delete new int(3); }
static void malloc_delete_bad() { delete static_cast<int *>(malloc(sizeof(int))); }
static void malloc_delete_good() { free(malloc(sizeof(int))); }
static void array_delete_bad() { int *p = new int[10]; operator delete(p); }
static void array_delete_good() { int *p = new int[10]; delete[] p; }
static void new_delete_array_bad() { int *p = new int; operator delete[](p); }
static void new_delete_array_good() { int *p = new int; delete p; }
static void array_free_bad() { free(new char[100]); }
static void array_free_good() { delete[] new char[100]; }
static void strdup_delete_bad() { delete[] strdup("text"); }
static void strdup_delete_good() { free(strdup("text")); }

SHAPES(SHAPE(new_free), SHAPE(malloc_delete), SHAPE(array_delete), SHAPE(new_delete_array), SHAPE(array_free),
       SHAPE(strdup_delete))

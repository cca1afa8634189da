/* symbol.h: the face of symbol: from a place in a module to names.
 *
 * A source answers; which one, its user decides: dw.c (elfutils; the CLI), dladdr.c (the preloaded library,
 * at its end), or one of a test's own. cache.c stands before a source and remembers its answers. */
#ifndef MR_SYMBOL_H
#define MR_SYMBOL_H

#include "base.h"

/* A place in an object file. */
struct mr_symbol_place {
    const char *module;       /* path of the object as the process had it */
    const uint8_t *build_id;
    size_t build_id_bytes;    /* 0: it had none */
    uint64_t offset;          /* address in the file (as its symbol table counts), of the call itself */
    uint64_t address;         /* in the process; only dladdr.c looks at it */
};

/* One function the place is in. The strings live as long as the source; NULL where unknown. */
struct mr_symbol_frame {
    const char *function;     /* demangled */
    const char *linkage;      /* as the linker has it; never NULL where `function` is not */
    const char *file;
    uint32_t line;            /* 0 unknown */
    uint64_t into;            /* bytes from the function's start; without a file, the best there is */
    bool inlined;             /* into the frame that follows */
    const char *directory;    /* where the compiler ran: a relative `file` begins there */
};

enum mr_symbol_state {
    MR_SYMBOL_FOUND,    /* the module was read; there may be no name for the place all the same */
    MR_SYMBOL_GONE,     /* there is no such file any more */
    MR_SYMBOL_CHANGED,  /* another build id: the file was replaced, its names would be wrong */
    MR_SYMBOL_UNREADABLE,
};

/* The answer for one place: frames[0] is innermost; it is in all those that follow. */
struct mr_symbol_answer {
    const struct mr_symbol_frame *frames;
    size_t count;
    enum mr_symbol_state state;
};

struct mr_symbol_source {
    /* What `answer` points to lives until the next call. */
    void (*find)(struct mr_symbol_source *source, const struct mr_symbol_place *place, struct mr_symbol_answer *answer);
    void (*close)(struct mr_symbol_source *source); /* NULL: nothing to close */
};

/* elfutils: DWARF of the module or its separate debug file, else its symbol table. `debuginfod`: may ask the
 * servers of DEBUGINFOD_URLS; else it never uses the network. NULL when there is no memory. CLI only. */
struct mr_symbol_source *mr_dw_open(bool debuginfod);

/* Asks `behind` once per place. Answers live until it is closed, which closes `behind` too. CLI only. */
struct mr_symbol_source *mr_symbol_remember(struct mr_symbol_source *behind);

/* The loader's own tables: exported names of what is loaded now. May wait for the loader's lock: only where
 * no thread can be held up in it for ever, at the end of the process. Preloaded library only. */
extern struct mr_symbol_source mr_dladdr_source;

/* The name without its C++ or Rust mangling, in memory of the caller's to free; NULL when it has none. CLI only. */
char *mr_demangle(const char *linkage);

#endif

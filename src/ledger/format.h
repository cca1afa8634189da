/* format.h: the byte layout of a ledger file: all that the library and its readers share.
 *
 * A ledger is one sparse file, mapped shared by the process it tells of. The writer only appends to
 * its sections, or overwrites what it says is a moment's figure; readers map it read-only while the
 * process runs, or read it when the process is gone, however it went. Nothing in it is a pointer into
 * the reader: places in the file are indices, checked against `count` and `capacity`.
 *
 *   | header (16 KiB) | section | section | ...            each section: capacity * entry_bytes, page aligned
 *
 *   count <= capacity; entries [0, count) are complete: the count is raised (release) after the entry
 *   is written. Entry 0 of STRINGS, FRAMES, SITES and MODULES means "none" or "all that had no room".
 *
 * Little-endian, 64-bit. A reader refuses another magic, version or entry size. */
#ifndef MR_LEDGER_FORMAT_H
#define MR_LEDGER_FORMAT_H

#include <stdint.h>

#define MR_LEDGER_MAGIC "memoir\r\n"
#define MR_LEDGER_VERSION 1
#define MR_LEDGER_HEADER_BYTES 16384

enum mr_section_kind {
    MR_SECTION_STATS,    /* mr_ledger_stats: one entry, the totals and size classes at header.stats_ms */
    MR_SECTION_STRINGS,  /* bytes: zero-terminated strings; an offset is an index */
    MR_SECTION_MODULES,  /* mr_ledger_module */
    MR_SECTION_FRAMES,   /* mr_ledger_frame: every distinct frame below every distinct chain of callers */
    MR_SECTION_SITES,    /* mr_ledger_site */
    MR_SECTION_HISTORY,  /* mr_ledger_history: entry i belongs to site i; zero where nothing was in use */
    MR_SECTION_VERDICTS, /* mr_ledger_verdict: entry i belongs to site i; what the leak check found */
    MR_SECTION_LANES,    /* mr_ledger_lane: figures on their way into the sites */
    MR_SECTION_TIMELINE, /* mr_ledger_moment */
    MR_SECTION_FINDINGS, /* mr_ledger_finding */
    MR_SECTION_MAP,      /* mr_ledger_map: one entry, where in the heap what lies */
    MR_SECTION_COUNT
};

struct mr_ledger_section {
    uint64_t offset;      /* in the file */
    uint64_t capacity;    /* entries there is room for */
    uint64_t count;       /* entries written; atomic */
    uint32_t entry_bytes;
    uint32_t kind;        /* = its index */
};

enum mr_ledger_trace { MR_LEDGER_TRACE_OFF, MR_LEDGER_TRACE_SAMPLE, MR_LEDGER_TRACE_FULL };

/* How the process ended. RUNNING until it says otherwise: a reader that finds the process gone knows
 * that it was killed. */
enum mr_ledger_end { MR_LEDGER_RUNNING, MR_LEDGER_EXITED, MR_LEDGER_SIGNALLED, MR_LEDGER_EXECED };

/* The state of the leak check. */
enum mr_ledger_check {
    MR_LEDGER_UNCHECKED,
    MR_LEDGER_CHECKING,  /* under way, or cut off by the end */
    MR_LEDGER_CHECKED,   /* the verdicts hold for header.check_ms */
};

#define MR_LEDGER_HISTORY 8

struct mr_ledger_header {
    char magic[8];
    uint32_t version;
    uint32_t header_bytes;
    uint64_t file_bytes;
    int64_t pid;
    int64_t forked_from;       /* pid of the parent that forked it after loading; 0: started by exec */
    uint64_t start_wall;       /* seconds since 1970 */
    uint64_t start_ms;         /* of the monotonic clock; every other *_ms counts from here */
    uint32_t trace;            /* enum mr_ledger_trace */
    uint32_t end;              /* enum mr_ledger_end; atomic, written last */
    int64_t end_value;         /* exit code or signal number */
    uint64_t end_ms;
    uint64_t sample_interval;  /* mean bytes between samples; 1 with full tracing */
    uint64_t alive_ms;         /* last time the process was heard of */
    uint64_t stats_ms;         /* when STATS was written; 0 never */
    uint32_t check;            /* enum mr_ledger_check; atomic */
    uint32_t check_doubts;     /* threads that could not be stopped: their registers are unknown */
    uint64_t check_ms;
    uint32_t timeline_seq;     /* odd while the timeline or the history is being thinned out */
    uint32_t peak_seq;         /* odd while the sites' peak figures are rewritten */
    uint64_t timeline_interval_ms;
    uint64_t peak_bytes;       /* in use at the moment the sites' peak figures tell of */
    uint64_t peak_ms;
    uint64_t history_ms[MR_LEDGER_HISTORY]; /* the moments of HISTORY; 0: not yet */
    uint64_t unwind_marks;     /* stacks that ended in a mark, not at the thread's first frame */
    uint64_t lost_sites;       /* events booked under site 0 for want of room */
    uint32_t request_signal;   /* sent to the process, has it check for leaks and bring the figures up to date; 0: none */
    uint32_t checks;           /* leak checks made; atomic, raised when the verdicts are written */
    uint32_t maps;             /* times MAP was written; atomic, raised afterwards */
    uint32_t unused;
    char memoir_version[32];
    char strategy[32];
    char executable[512];
    char command[4096];        /* program and arguments separated by blanks, cut if need be */
    char directory[1024];      /* working directory at the start */
    struct mr_ledger_section sections[16];
};
_Static_assert(sizeof(struct mr_ledger_header) <= MR_LEDGER_HEADER_BYTES, "the header fits");
_Static_assert(MR_SECTION_COUNT <= 16, "every section has its row");

/* One loaded object, from when it was first met until it was unloaded. A module loaded again is a new entry. */
struct mr_ledger_module {
    uint64_t start, end;       /* addresses it covered */
    uint64_t bias;             /* address - bias = address in its file */
    uint32_t path;             /* STRINGS */
    uint32_t build_id_bytes;
    uint8_t build_id[32];
    uint64_t loaded_ms, unloaded_ms; /* unloaded_ms 0: still there */
};

/* A node of the tree of callers: index 0 is the root. A stack is named by its innermost frame. */
struct mr_ledger_frame {
    uint64_t pc;               /* return address; its call is at pc - 1. MR_FRAME_MARK_*: no address */
    uint32_t caller;           /* FRAMES; < own index. 0: this frame is the outermost */
    uint32_t module;           /* MODULES; 0: in none that is known (JIT) */
};
/* Why a stack ends early; stands as its outermost frame. */
enum {
    MR_FRAME_MARK_NO_RULE = 1, /* no unwind information and no frame pointer for that address */
    MR_FRAME_MARK_DEEP,        /* more frames than a stack may have */
    MR_FRAME_MARK_BROKEN,      /* the next frame lay outside the stack, or the data made no sense */
    MR_FRAME_MARK_COUNT
};

/* One distinct stack and what it asked for. Bytes are those requested (full) or estimated (sample).
 *   figure = this + the sum over all lanes' entries with this site */
struct mr_ledger_site {
    uint32_t stack;            /* FRAMES */
    uint32_t flags;            /* MR_SITE_* */
    uint64_t allocs, frees;    /* atomic */
    uint64_t alloc_bytes, freed_bytes;
    uint64_t temporary;        /* freed as the very next thing its thread did with the heap */
    uint64_t peak_bytes, peak_blocks; /* in use at header.peak_ms */
};
enum { MR_SITE_IGNORED = 1 };  /* allocated while __lsan_disable was in force */
_Static_assert(sizeof(struct mr_ledger_site) == 64, "a site is a cache line");

struct mr_ledger_history {
    uint32_t in_use_kib[MR_LEDGER_HISTORY]; /* rounded up, at header.history_ms */
};

enum mr_leak_kind {
    MR_LEAK_DEFINITE,  /* nothing points to it */
    MR_LEAK_INDIRECT,  /* only lost blocks point to it */
    MR_LEAK_POSSIBLE,  /* only pointers into its middle were found */
    MR_LEAK_REACHABLE, /* something points to its start */
    MR_LEAK_KIND_COUNT
};

struct mr_ledger_verdict {
    uint64_t bytes[MR_LEAK_KIND_COUNT];
    uint32_t blocks[MR_LEAK_KIND_COUNT];
    uint32_t held_by;          /* SITES: of the lost block most of the indirectly lost bytes hang on; 0 none */
    uint32_t ignored_blocks;   /* __lsan_ignore_object, __lsan_disable */
    uint64_t ignored_bytes;
};
_Static_assert(sizeof(struct mr_ledger_verdict) == 64, "a verdict is a cache line");

/* Figures of one thread that were not added to the sites yet. The owner alone writes; plain adds. Lane 0 is
 * for all who have none of their own: they add to the sites at once, atomically, and it holds their totals only. */
#define MR_LANES 64
#define MR_LANE_ENTRIES 256
struct mr_ledger_delta {
    uint32_t site;             /* 0: the entry is empty */
    uint32_t seq;              /* odd while the figures move to the site, or the entry to another site */
    uint64_t allocs, frees, alloc_bytes, freed_bytes, temporary;
};
/* Figures of an entry and of a site stand in the same order. */
enum { MR_FIGURE_ALLOCS = 1, MR_FIGURE_FREES, MR_FIGURE_ALLOC_BYTES, MR_FIGURE_FREED_BYTES, MR_FIGURE_TEMPORARY,
       MR_FIGURE_COUNT };
/* While an entry's seq is odd and moving_figure is not 0, that figure is on its way: if the site's is still
 * moving_from the entry's counts, else it is there already. */
struct mr_ledger_lane {
    uint64_t allocs, frees, alloc_bytes, freed_bytes; /* all this lane ever counted, never reset */
    uint32_t moving_entry, moving_figure;
    uint64_t moving_from;
    uint64_t padding[2];
    struct mr_ledger_delta deltas[MR_LANE_ENTRIES];   /* site s may stand in entry s % MR_LANE_ENTRIES only */
};

/* One moment of the run. When the section is full every other moment is dropped and the interval doubles. */
struct mr_ledger_moment {
    uint64_t ms;
    uint64_t in_use_bytes, in_use_blocks;
    uint64_t resident_bytes;   /* of the whole process */
    uint64_t allocs, alloc_bytes; /* since the start */
};

#define MR_LEDGER_CLASSES 128
struct mr_ledger_class {
    uint64_t size, below, allocs, frees, in_use_bytes, slabs, free_blocks;
    uint32_t large;            /* 0 or 1 */
    uint32_t slab_bytes;       /* of one slab; 0: there are none */
};
#define MR_LEDGER_TOTALS 64
struct mr_ledger_stats {
    uint64_t seq;              /* odd while it is being written */
    uint64_t process_resident_bytes;
    uint64_t total_count;      /* rows of stats.def the writer knew; readers take the first of both counts */
    uint64_t totals[MR_LEDGER_TOTALS]; /* in the order of stats.def */
    uint64_t class_count;
    struct mr_ledger_class classes[MR_LEDGER_CLASSES];
};

/* What request_signal asks for: the value it is queued with. A plain kill asks for CHECK. */
enum mr_ledger_ask { MR_LEDGER_ASK_CHECK, MR_LEDGER_ASK_MAP };

/* What the bytes of the heap's address space are. */
enum mr_map_state {
    MR_MAP_SLAB_USED,  /* blocks in use of slabs */
    MR_MAP_SLAB_FREE,  /* blocks of slabs that were handed out and are free */
    MR_MAP_SLAB_FRESH, /* what of slabs was never handed out, and so is mostly not in memory */
    MR_MAP_LARGE,      /* blocks with a span of their own; with a classic strategy every block is */
    MR_MAP_DIRTY,      /* free spans whose memory is still held */
    MR_MAP_CLEAN,      /* free spans that cost nothing: purged, or never touched */
    MR_MAP_OWN,        /* memoir's own tables */
    MR_MAP_STATE_COUNT
};

/* A piece of the address space; sum of bytes[] = its length, and that is mr_ledger_map.cell_bytes but for the last cell
 * of a region. Ascending addresses inside a region; what lies behind the last span that is not clean has no cells. */
struct mr_ledger_cell {
    uint64_t address;
    uint32_t bytes[MR_MAP_STATE_COUNT];
};

struct mr_ledger_gap {
    uint64_t count, bytes;
};
#define MR_LEDGER_GAPS 48
#define MR_LEDGER_CELLS 2048
struct mr_ledger_map {
    uint64_t seq;              /* odd while it is being written */
    uint64_t ms;               /* when that was */
    uint64_t cell_bytes;       /* a power of two */
    uint64_t cell_count;
    uint64_t largest_gap;      /* bytes */
    struct mr_ledger_gap gaps[MR_LEDGER_GAPS]; /* free spans that have cells, of [2^i, 2^(i+1)) bytes */
    struct mr_ledger_stats figures; /* of that moment, for its classes; resident_bytes is not looked at; seq unused */
    struct mr_ledger_cell cells[MR_LEDGER_CELLS];
};

struct mr_ledger_finding {
    uint32_t kind;             /* row of findings.def */
    uint32_t message;          /* STRINGS */
    uint64_t count;            /* times it was met at this stack; atomic */
    uint64_t address, size, ms;
    uint32_t stack, allocation_stack, free_stack; /* FRAMES; 0 unknown */
    uint32_t thread;
};

#endif

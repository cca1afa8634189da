/* ledgers.h: where the ledgers of a run are while it lasts, and where they stay afterwards.
 *
 * While the programs run their ledgers lie in a private directory, in memory where there is room, and
 * outlive whatever ends them. Afterwards those of the main program are kept in the user's state
 * directory, the last few runs of them, for `memoir report`. */
#ifndef MR_CLI_LEDGERS_H
#define MR_CLI_LEDGERS_H

#include "base.h"

#include <limits.h>
#include <sys/types.h>

/* One process's ledger, or one program's, if the process became another by exec. */
struct mr_ledger_file {
    char path[PATH_MAX];
    pid_t pid;
    unsigned number; /* 0 for the first program of the process, then 1, 2, ... */
    uint64_t made;   /* when, in nanoseconds: the programs of one process follow each other */
    bool ended;      /* it says so itself: no other program followed */
    bool kept;       /* `path` is where it stays */
};

struct mr_ledgers {
    char dir[PATH_MAX - 256];
    struct mr_ledger_file *files; /* by pid, then number; after mr_ledgers_gather */
    size_t count;
};

/* Makes the directory and points MEMOIR_LEDGER into it. False with errno. */
bool mr_ledgers_open(struct mr_ledgers *ledgers);

/* Looks what the programs left. */
void mr_ledgers_gather(struct mr_ledgers *ledgers);

/* Index of the last ledger of that process, or of the first one at all; count when there are none. */
size_t mr_ledgers_main(const struct mr_ledgers *ledgers, pid_t pid);

/* Copies a ledger to `path`, holes staying holes. False with errno. */
bool mr_ledgers_copy(const char *from, const char *path);

/* Moves a ledger among the kept ones and drops the oldest. `path` is then where it lies. False: it cannot be
 * kept there. */
bool mr_ledgers_keep(struct mr_ledger_file *file);

/* The kept ledger of that pid (0: the newest). False when there is none. */
bool mr_ledgers_find(pid_t pid, char path[PATH_MAX]);

/* Calls `use` for each kept ledger, the newest first. */
void mr_ledgers_each(void (*use)(void *ctx, const char *path), void *ctx);

/* What a user names: a file; the number of a process that memoir run kept the ledger of; NULL: the last one kept. False
 * after one line. */
bool mr_ledgers_choose(const char *command, const char *word, char path[PATH_MAX]);

/* Whether the process of this ledger, which is not a kept one, still lives. */
bool mr_ledgers_goes_on(const struct mr_ledger_file *file);

/* Removes the directory with what is still in it, but for ledgers of processes that go on. */
void mr_ledgers_close(struct mr_ledgers *ledgers);

#endif

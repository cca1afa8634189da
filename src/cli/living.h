/* living.h: the ledger of a process that runs, found and looked at without the process noticing.
 *
 * A process maps its ledger shared, and /proc says where it lies. Nothing is asked of the process itself: no signal, no
 * tracing, no lock. */
#ifndef MR_CLI_LIVING_H
#define MR_CLI_LIVING_H

#include "base.h"
#include "ledger.h"

#include <limits.h>
#include <sys/types.h>

struct mr_living {
    pid_t pid;             /* as we see it: that of the header is the process's own, in its namespace */
    int fd;                /* of the ledger, which may be removed meanwhile */
    char path[PATH_MAX];
    struct mr_ledger_header header; /* strings terminated; otherwise as the file has it */
};

/* 0; ENODATA: it keeps no ledger, or none that can be read; else why it cannot be looked at (ENOENT: there is none). */
int mr_living_open(pid_t pid, struct mr_living *living);
void mr_living_close(struct mr_living *living);

/* Says what mr_living_open returned. */
void mr_living_complain(pid_t pid, int why);

/* Calls `use` for each process that keeps a ledger, by ascending pid; what is open is closed behind it. */
void mr_living_each(void (*use)(void *ctx, struct mr_living *living), void *ctx);

/* Reads the header of a ledger, of which magic and version are right. */
bool mr_living_header(int fd, struct mr_ledger_header *header);

/* What all threads counted so far: requested bytes (estimated, when sampled). False: it cannot be read. */
bool mr_living_total(int fd, const struct mr_ledger_header *header, struct mr_sum *sum);

/* The last moment of the timeline. False: there is none. */
bool mr_living_moment(int fd, const struct mr_ledger_header *header, struct mr_ledger_moment *moment);

/* Bytes of a process that are in memory; 0: it is gone. */
uint64_t mr_living_resident(pid_t pid);

#endif

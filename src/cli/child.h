/* child.h: the program as a child of memoir that nobody should notice is one. */
#ifndef MR_CLI_CHILD_H
#define MR_CLI_CHILD_H

#include "base.h"

#include <sys/types.h>

/* Starts argv as execvp does and waits until it has ended; signals sent to memoir meanwhile are
 * passed on, and memoir stops when the program is stopped from the terminal. Returns the child's
 * process id with *status as waitpid has it, or -1 with errno when it could not be started. All
 * signals stay blocked afterwards: what remains to be done is short. */
pid_t mr_child_run(char *const *argv, int *status);

/* Ends this process as the child ended: same exit code, or same signal, without a core file of ours. */
_Noreturn void mr_child_imitate(int status);

#endif

/* ask.h: what a process that keeps a ledger can tell of itself: it is sent a signal, and writes the answer there. */
#ifndef MR_CLI_ASK_H
#define MR_CLI_ASK_H

#include "living.h"

/* Asks and waits until it has answered or ended. False after one line. */
bool mr_ask_living(struct mr_living *living, enum mr_ledger_ask what);

#endif

/* terminal.h: what a terminal is there, and what it wants. */
#ifndef MR_CLI_TERMINAL_H
#define MR_CLI_TERMINAL_H

#include "base.h"

/* Whether it moves its cursor when it is told to: no file, no pipe, not TERM=dumb. */
bool mr_terminal_is(int fd);

/* Whether colours are wanted there: it is one, and NO_COLOR (no-color.org) is not set. */
bool mr_terminal_has_colour(int fd);

/* Columns of the terminal, 0 if it is none. */
int mr_terminal_width(int fd);

#endif

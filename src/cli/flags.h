/* flags.h: the options of a command as a table: what reads them, its help and the completion of shells come from it.
 *
 * Options of the library (options.def) are not among them: `memoir run` takes those beside its own. */
#ifndef MR_CLI_FLAGS_H
#define MR_CLI_FLAGS_H

#include "base.h"

/* One option. A table ends with a row without a name. */
struct mr_flag {
    const char *name;     /* without the dashes */
    char letter;          /* -o for --output; 0: none */
    const char *value;    /* what stands for its value in the help; NULL: it takes none */
    const char *sentence;
    const char *(*words)(size_t i); /* the values there are, then NULL; no such function: whatever the user likes */
    bool file;            /* the value is the name of a file */
    /* Reads the value, false after one line. NULL: the text, or true for an option without a value, goes to `offset`
     * of the command's struct. */
    bool (*read)(void *args, const char *value);
    size_t offset;
};

enum mr_flags_result { MR_FLAGS_TAKEN, MR_FLAGS_BAD /* after one line */, MR_FLAGS_UNKNOWN };

/* Takes the option at *words; if its value is the next word, *words moves on to that. */
enum mr_flags_result mr_flags_take(const struct mr_flag *flags, void *args, char ***words);

/* Takes all options up to the first word that is none, which *words then stands at; "--" ends them and is passed
 * over. False after one line. */
bool mr_flags_read(const char *command, const struct mr_flag *flags, void *args, char ***words);

/* A whole number from `least` to `most`. False after one line. */
bool mr_flags_number(const char *name, const char *value, unsigned long least, unsigned long most, unsigned long *number);

/* The index of the value among its words, or -1 after one line that lists them. */
int mr_flags_choose(const char *name, const char *value, const char *(*words)(size_t i));

/* The lines of the help. */
void mr_flags_print(const struct mr_flag *flags);

/* Prints text word by word from column `indent` on, where the line already stands, breaking lines at blanks and bars. */
void mr_flags_print_wrapped(const char *text, size_t indent);

#endif

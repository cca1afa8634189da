/* report_args.h: the words behind `memoir report`. */
#ifndef MR_CLI_REPORT_ARGS_H
#define MR_CLI_REPORT_ARGS_H

#include "flags.h"
#include "judge.h"
#include "report.h"

struct mr_report_args {
    const struct mr_report_format *format;
    struct mr_model_wishes wishes; /* its suppressions are filled while the words are read */
    enum mr_report_cost cost;
    struct mr_judge judge;
    const char *output;            /* --output, else NULL: standard output */
    const char *html;              /* --html: a page beside the report; else NULL */
    bool html_only;                /* that page is all that is wanted */
    bool hide_stats, hide_leaks;   /* a part that is not wanted */
    bool show_map;
    bool top_set;
    bool debuginfod, gen_suppressions, show_suppressions, no_default_suppressions;
    bool help;
    const char *file;              /* the word that is no option; NULL when there was none */
};

/* Every option with its defaults and no file. False without memory. */
bool mr_report_args_init(struct mr_report_args *args);
void mr_report_args_free(struct mr_report_args *args);

/* The options of memoir report, for a struct mr_report_args. */
extern const struct mr_flag mr_report_args_flags[];

/* Was memoir built with the page for reports as HTML? False after one line, which begins with the flag that needs it. */
bool mr_report_args_has_page(const char *flag);

/* Reads all words. False after one line. */
bool mr_report_args_read(struct mr_report_args *args, char **words);

#endif

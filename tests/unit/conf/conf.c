#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "conf.h"

struct heard {
    int lines;
    char last[512];
};

static void hear(void *ctx, const char *line)
{
    struct heard *heard = ctx;
    heard->lines++;
    snprintf(heard->last, sizeof heard->last, "%s", line);
}

/* Sets one variable in a fresh copy of the defaults. */
static struct mr_conf with(const char *variable, struct heard *heard)
{
    struct mr_conf conf = mr_conf;
    char *environment[] = { (char *)"HOME=/", (char *)variable, (char *)"PATH=/bin", NULL };
    *heard = (struct heard){ 0 };
    mr_conf_read_environment(&conf, environment, hear, heard);
    return conf;
}

Test(conf, defaults_hold_before_anything_has_run)
{
    cr_expect_eq(mr_conf.strategy, MR_STRATEGY_SLAB);
    cr_expect_eq(mr_conf.pool_limit, 0);
    cr_expect_eq(mr_conf.purge_delay, 1000);
    cr_expect_str_eq(mr_conf.output, "");
    cr_expect_eq(mr_conf.leaks, MR_LEAKS_OFF);
    cr_expect_not(mr_conf.strategy_set);
}

struct good {
    char variable[48], name[16];
    uint64_t value;
};

ParameterizedTestParameters(conf, good_values)
{
    static struct good rows[] = {
        { "MEMOIR_STATS=0", "STATS", 0 }, { "MEMOIR_STATS=1", "STATS", 1 }, { "MEMOIR_STATS=off", "STATS", 0 },
        { "MEMOIR_STATS=on", "STATS", 1 }, { "MEMOIR_STATS=no", "STATS", 0 }, { "MEMOIR_STATS=yes", "STATS", 1 },
        { "MEMOIR_STATS=false", "STATS", 0 }, { "MEMOIR_STATS=true", "STATS", 1 },
        { "MEMOIR_POOL_LIMIT=0", "POOL_LIMIT", 0 }, { "MEMOIR_POOL_LIMIT=4096", "POOL_LIMIT", 4096 },
        { "MEMOIR_POOL_LIMIT=4096b", "POOL_LIMIT", 4096 }, { "MEMOIR_POOL_LIMIT=3k", "POOL_LIMIT", 3072 },
        { "MEMOIR_POOL_LIMIT=512m", "POOL_LIMIT", 512ull << 20 }, { "MEMOIR_POOL_LIMIT=512MB", "POOL_LIMIT", 512ull << 20 },
        { "MEMOIR_POOL_LIMIT=512MiB", "POOL_LIMIT", 512ull << 20 }, { "MEMOIR_POOL_LIMIT=2G", "POOL_LIMIT", 2ull << 30 },
        { "MEMOIR_POOL_LIMIT=1t", "POOL_LIMIT", 1ull << 40 },
        { "MEMOIR_POOL_LIMIT=18446744073709551615", "POOL_LIMIT", UINT64_MAX },
        { "MEMOIR_PURGE_DELAY=0", "PURGE_DELAY", 0 }, { "MEMOIR_PURGE_DELAY=250", "PURGE_DELAY", 250 },
        { "MEMOIR_PURGE_DELAY=250ms", "PURGE_DELAY", 250 }, { "MEMOIR_PURGE_DELAY=2s", "PURGE_DELAY", 2000 },
        { "MEMOIR_PURGE_DELAY=5min", "PURGE_DELAY", 300000 }, { "MEMOIR_PURGE_DELAY=24h", "PURGE_DELAY", 86400000 },
        { "MEMOIR_LEAKS=off", "LEAKS", MR_LEAKS_OFF }, { "MEMOIR_LEAKS=summary", "LEAKS", MR_LEAKS_SUMMARY },
        { "MEMOIR_LEAKS=full", "LEAKS", MR_LEAKS_FULL }, { "MEMOIR_FORMAT=json", "FORMAT", MR_FORMAT_JSON },
        { "MEMOIR_STRATEGY=slab", "STRATEGY", MR_STRATEGY_SLAB },
        { "MEMOIR_STRATEGY=first-fit", "STRATEGY", MR_STRATEGY_FIRST_FIT },
        { "MEMOIR_STRATEGY=buddy", "STRATEGY", MR_STRATEGY_BUDDY },
        { "MEMOIR_SIGNAL=0", "SIGNAL", 0 }, { "MEMOIR_SIGNAL=12", "SIGNAL", 12 }, { "MEMOIR_SIGNAL=USR2", "SIGNAL", SIGUSR2 },
        { "MEMOIR_SIGNAL=SIGUSR2", "SIGNAL", SIGUSR2 }, { "MEMOIR_SIGNAL=usr1", "SIGNAL", SIGUSR1 },
        { "MEMOIR_SIGNAL=RTMIN", "SIGNAL", 34 }, { "MEMOIR_SIGNAL=RTMIN+3", "SIGNAL", 37 },
        { "MEMOIR_SIGNAL=RTMAX-1", "SIGNAL", 63 }, { "MEMOIR_SIGNAL=64", "SIGNAL", 64 },
    };
    return cr_make_param_array(struct good, rows, MR_COUNT(rows));
}

ParameterizedTest(struct good *row, conf, good_values)
{
    struct heard heard;
    struct mr_conf conf = with(row->variable, &heard);
    const struct mr_option *option = mr_conf_find(row->name);
    cr_assert_not_null(option);
    cr_expect_eq(heard.lines, 0, "%s: %s", row->variable, heard.last);
    cr_expect_eq(*(uint64_t *)((char *)&conf + option->offset), row->value, "%s", row->variable);
    cr_expect(*(bool *)((char *)&conf + option->offset_set), "%s is not marked as set", row->variable);
}

Test(conf, a_strategy_that_cannot_be_hardened_is_not_hardened_in_silence)
{
    char harden[] = "MEMOIR_HARDEN=1", buddy[] = "MEMOIR_STRATEGY=buddy";
    char *const both[] = { harden, buddy, NULL }, *const slab[] = { harden, NULL };
    struct mr_conf conf = mr_conf;
    struct heard heard = { 0 };
    mr_conf_read_environment(&conf, both, hear, &heard);
    cr_expect_eq(heard.lines, 1);
    cr_expect_str_eq(heard.last, "memoir: MEMOIR_HARDEN=1: only the strategy slab can be hardened; leave MEMOIR_STRATEGY out (using 0)");
    cr_expect_eq(conf.harden, 0);
    conf = mr_conf;
    mr_conf_read_environment(&conf, slab, hear, &heard);
    cr_expect(heard.lines == 1 && conf.harden == 1);
}

struct bad {
    char variable[160], line[300];
};

ParameterizedTestParameters(conf, bad_values)
{
    static struct bad rows[] = {
        { "MEMOIR_STRATGEY=buddy", "memoir: MEMOIR_STRATGEY is no option; did you mean MEMOIR_STRATEGY?" },
        { "MEMOIR_strategy=buddy", "memoir: MEMOIR_strategy is no option; did you mean MEMOIR_STRATEGY?" },
        { "MEMOIR_STAT=1", "memoir: MEMOIR_STAT is no option; did you mean MEMOIR_STATS?" },
        { "MEMOIR_STATSX=1", "memoir: MEMOIR_STATSX is no option; did you mean MEMOIR_STATS?" },
        { "MEMOIR_POOLLIMIT=1", "memoir: MEMOIR_POOLLIMIT is no option; did you mean MEMOIR_POOL_LIMIT?" },
        { "MEMOIR_LEAKS=ful", "memoir: MEMOIR_LEAKS=ful: not one of off|summary|full; did you mean full? (using off)" },
        { "MEMOIR_LEAKS=FULL", "memoir: MEMOIR_LEAKS=FULL: not one of off|summary|full; did you mean full? (using off)" },
        { "MEMOIR_LEAKS=off|summary",
          "memoir: MEMOIR_LEAKS=off|summary: not one of off|summary|full; did you mean summary? (using off)" },
        { "MEMOIR_STRATEGY=bestfit", "memoir: MEMOIR_STRATEGY=bestfit: not one of "
          "slab|first-fit|next-fit|best-fit|worst-fit|segregated-fit|buddy; did you mean best-fit? (using slab)" },
        { "MEMOIR_STATS=2", "memoir: MEMOIR_STATS=2: not one of 0|1|off|on|no|yes|false|true; did you mean 0? (using 0)" },
        { "MEMOIR_STATS=nothing",
          "memoir: MEMOIR_STATS=nothing: not one of 0|1|off|on|no|yes|false|true; did you mean no? (using 0)" },
        { "MEMOIR_POOL_LIMIT=lots", "memoir: MEMOIR_POOL_LIMIT=lots: not a size; write whole bytes, or with k, m, g or t, "
          "as in 512m (using 0)" },
        { "MEMOIR_POOL_LIMIT=-1", "memoir: MEMOIR_POOL_LIMIT=-1: not a size; write whole bytes, or with k, m, g or t, "
          "as in 512m (using 0)" },
        { "MEMOIR_POOL_LIMIT= 1", "memoir: MEMOIR_POOL_LIMIT= 1: not a size; write whole bytes, or with k, m, g or t, "
          "as in 512m (using 0)" },
        { "MEMOIR_POOL_LIMIT=18446744073709551616", "memoir: MEMOIR_POOL_LIMIT=18446744073709551616: out of range; it goes "
          "from 0 to 18446744073709551615 bytes (using 0)" },
        { "MEMOIR_POOL_LIMIT=16777216t", "memoir: MEMOIR_POOL_LIMIT=16777216t: out of range; it goes "
          "from 0 to 18446744073709551615 bytes (using 0)" },
        { "MEMOIR_PURGE_DELAY=25h", "memoir: MEMOIR_PURGE_DELAY=25h: out of range; it goes from 0 to 86400000 ms "
          "(using 1000ms)" },
        { "MEMOIR_PURGE_DELAY=2m", "memoir: MEMOIR_PURGE_DELAY=2m: not a time; write whole milliseconds, or with ms, s, min "
          "or h, as in 2s (using 1000ms)" },
        { "MEMOIR_SIGNAL=USR3", "memoir: MEMOIR_SIGNAL=USR3: not a signal; write a name or a number, as in USR2, RTMIN+3 "
          "or 12; did you mean USR1? (using 0)" },
        { "MEMOIR_SIGNAL=RTMIN+31", "memoir: MEMOIR_SIGNAL=RTMIN+31: not a signal; write a name or a number, as in USR2, "
          "RTMIN+3 or 12 (using 0)" },
        { "MEMOIR_SIGNAL=KILL", "memoir: MEMOIR_SIGNAL=KILL: a signal that no program can catch (using 0)" },
        { "MEMOIR_SIGNAL=19", "memoir: MEMOIR_SIGNAL=19: a signal that no program can catch (using 0)" },
        { "MEMOIR_SIGNAL=33", "memoir: MEMOIR_SIGNAL=33: a signal that the C library keeps for itself (using 0)" },
        { "MEMOIR_SIGNAL=65", "memoir: MEMOIR_SIGNAL=65: out of range; it goes from 0 to 64 (using 0)" },
        { "MEMOIR_LEAKS=\x1b[31m", "memoir: MEMOIR_LEAKS=?[31m: not one of off|summary|full; did you mean off? (using off)" },
        { "MEMOIR_LEAKS=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
          "memoir: MEMOIR_LEAKS=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa...: "
          "not one of off|summary|full; did you mean summary? (using off)" },
    };
    return cr_make_param_array(struct bad, rows, MR_COUNT(rows));
}

ParameterizedTest(struct bad *row, conf, bad_values)
{
    struct heard heard;
    struct mr_conf conf = with(row->variable, &heard);
    cr_expect_eq(heard.lines, 1);
    cr_expect_str_eq(heard.last, row->line);
    cr_expect_eq(memcmp(&conf, &mr_conf, sizeof conf), 0, "%s changed the settings", row->variable);
}

Test(conf, what_is_not_ours_passes_in_silence)
{
    static const char *const variables[] = { "MEMOIR_TEST_BUILD=x", "MEMOIR_TEST_ANYTHING", "MEMOIRS=1", "MEMOIR=1",
                                             "memoir_stats=1", "XMEMOIR_STATS=1", "MEMOIR_LEAKS=", "MEMOIR_STATS" };
    for (size_t i = 0; i < MR_COUNT(variables); i++) {
        struct heard heard;
        struct mr_conf conf = with(variables[i], &heard);
        cr_expect_eq(heard.lines, 0, "%s: %s", variables[i], heard.last);
        cr_expect_eq(memcmp(&conf, &mr_conf, sizeof conf), 0);
    }
}

Test(conf, texts_point_into_the_environment)
{
    struct heard heard;
    const char *variable = "MEMOIR_OUTPUT=/tmp/a=b %p";
    struct mr_conf conf = with(variable, &heard);
    cr_expect_eq(conf.output, variable + strlen("MEMOIR_OUTPUT="));
    cr_expect(conf.output_set);
}

Test(conf, no_environment_at_all)
{
    struct mr_conf conf = mr_conf;
    mr_conf_read_environment(&conf, NULL, hear, NULL);
    cr_expect_eq(memcmp(&conf, &mr_conf, sizeof conf), 0);
}

Test(conf, every_bad_variable_has_its_line_and_the_good_ones_count)
{
    char *environment[] = { (char *)"MEMOIR_LEAKS=x", (char *)"MEMOIR_FORMAT=json", (char *)"MEMOIR_STAST=1", NULL };
    struct heard heard = { 0 };
    struct mr_conf conf = mr_conf;
    mr_conf_read_environment(&conf, environment, hear, &heard);
    cr_expect_eq(heard.lines, 2);
    cr_expect_eq(conf.format, MR_FORMAT_JSON);
}

Test(conf, set_gives_the_reason_alone)
{
    struct heard heard = { 0 };
    struct mr_conf conf = mr_conf;
    cr_expect(mr_conf_set(&conf, "LEAKS", "full", hear, &heard));
    cr_expect_eq(conf.leaks, MR_LEAKS_FULL);
    cr_expect_eq(heard.lines, 0);
    cr_expect_not(mr_conf_set(&conf, "LEAKS", "ful", hear, &heard));
    cr_expect_str_eq(heard.last, "not one of off|summary|full; did you mean full?");
    cr_expect_not(mr_conf_set(&conf, "leaks", "full", hear, &heard));
    cr_expect_str_eq(heard.last, "no option; did you mean LEAKS?");
    cr_expect_eq(heard.lines, 2);
    cr_expect_eq(conf.leaks, MR_LEAKS_FULL);
}

Test(conf, find_and_nearest)
{
    cr_expect_eq(mr_conf_find("pool-limit"), mr_conf_find("POOL_LIMIT"));
    cr_expect_not_null(mr_conf_find("pool-limit"));
    cr_expect_null(mr_conf_find("pool-limi"));
    cr_expect_null(mr_conf_find(""));
    cr_expect_str_eq(mr_conf_nearest("pool-limi")->name, "POOL_LIMIT");
    cr_expect_not_null(mr_conf_nearest(""));
    cr_expect_not_null(mr_conf_nearest("a name much longer than any option will ever have, by far"));
}

/* What is printed is read back as the same value, for every option and several values. */
Test(conf, values_print_as_they_are_read)
{
    for (size_t i = 0; i < mr_option_count; i++) {
        const struct mr_option *option = &mr_options[i];
        if (mr_option_is_text(option))
            continue;
        const uint64_t values[] = { option->def, option->min, option->max, option->min + 1 };
        for (size_t v = 0; v < MR_COUNT(values); v++) {
            struct mr_conf conf = mr_conf, again = mr_conf;
            *(uint64_t *)((char *)&conf + option->offset) = values[v];
            char text[64];
            struct mr_fmt f = mr_fmt_to_buffer(text, sizeof text);
            mr_conf_print_value(&conf, option, &f);
            mr_fmt_end_string(&f);
            cr_expect(mr_conf_set(&again, option->name, text, hear, &(struct heard){ 0 }), "%s=%s", option->name, text);
            cr_expect_eq(*(uint64_t *)((char *)&again + option->offset), values[v], "%s=%s", option->name, text);
        }
    }
}

static unsigned distance(const char *a, const char *b)
{
    return mr_conf_distance(a, strlen(a), b, strlen(b));
}

Test(conf, edit_distance)
{
    cr_expect_eq(distance("", ""), 0);
    cr_expect_eq(distance("abc", ""), 3);
    cr_expect_eq(distance("", "abc"), 3);
    cr_expect_eq(distance("kitten", "sitting"), 3);
    cr_expect_eq(distance("POOL_LIMIT", "pool-limit"), 0);
    cr_expect_eq(distance("flaw", "lawn"), 2);
}

Test(conf, every_row_of_the_table_is_whole)
{
    for (size_t i = 0; i < mr_option_count; i++) {
        const struct mr_option *option = &mr_options[i];
        int words = 1;
        for (const char *p = option->values; *p; p++)
            words += *p == '|';
        cr_expect_gt(strlen(option->sentence), 0);
        cr_expect_eq(mr_conf_find(option->name), option, "two rows named %s", option->name);
        cr_expect_eq(option->type == MR_OPTION_CHOICE || option->type == MR_OPTION_SET, *option->values != '\0', "%s", option->name);
        cr_expect(option->type != MR_OPTION_SET || option->max + 1 == (uint64_t)1 << words, "%s", option->name);
        cr_expect(option->type != MR_OPTION_CHOICE || option->max + 1 == (uint64_t)words, "%s", option->name);
        cr_expect_eq(mr_option_is_text(option), option->def_text != NULL, "%s", option->name);
        cr_expect_neq(strncmp(option->name, "TEST_", 5), 0, "%s is reserved for tests", option->name);
    }
}

/* formats.c: the golden files of the CLI's formats, read by those they are meant for where these are installed,
 * and by a strict reader of our own (formats.py) always. */
#include <criterion/criterion.h>

#include "run.h"

#define WORDS(...) ((const char *const[]){ __VA_ARGS__, NULL })
#define EXPECTED "tests/cli/expected/"

static struct run_result shell(const char *script, const char *argument)
{
    return run_program(&(struct run_spec){
        .argv = WORDS("/bin/sh", "-c", script, "sh", argument), .preload = "", .seconds = 60 });
}

static bool is_zero(const struct run_result *result)
{
    return !result->timed_out && WIFEXITED(result->status) && WEXITSTATUS(result->status) == 0;
}

static bool has(const char *tool)
{
    struct run_result result = shell("command -v \"$1\"", tool);
    bool found = is_zero(&result);
    run_free(&result);
    return found;
}

static struct run_result read_strictly(const char *format, const char *file)
{
    return run_program(&(struct run_spec){
        .argv = WORDS("/usr/bin/env", "python3", "tests/cli/formats.py", format, file), .preload = "" });
}

/* --- our own reader ----------------------------------------------------------------------------------------- */

static const char *const goldens[][2] = {
    { "pprof", EXPECTED "stacks.pb" }, { "pprof", EXPECTED "clean.pb" }, { "folded", EXPECTED "stacks.folded" },
    { "massif", EXPECTED "stacks.massif" }, { "massif", EXPECTED "clean.massif" }, { "openmetrics", EXPECTED "stacks.om" },
    { "openmetrics", EXPECTED "clean.om" }, { "github", EXPECTED "stacks.github" }, { "sarif", EXPECTED "stacks.sarif" },
    { "sarif", EXPECTED "clean.sarif" },
};

Test(formats, goldens_are_well_formed)
{
    for (size_t i = 0; i < sizeof goldens / sizeof *goldens; i++) {
        struct run_result result = read_strictly(goldens[i][0], goldens[i][1]);
        cr_expect(is_zero(&result), "%s: %s%s", goldens[i][1], result.out, result.err);
        run_free(&result);
    }
}

/* The content of the profile, in words. */
Test(formats, the_profile_says_what_the_report_says)
{
    struct run_result result = read_strictly("pprof", EXPECTED "stacks.pb");
    char *wanted = run_read_file(EXPECTED, "stacks.pb.txt");
    cr_assert_not_null(wanted);
    cr_expect_str_eq(result.out, wanted);
    free(wanted);
    run_free(&result);
}

/* Each edit makes a golden file wrong in one way. */
Test(formats, the_strict_reader_refuses)
{
    static const char *const edits[][3] = {
        { "folded", "stacks.folded", "s/ 400000/ x/" }, { "folded", "stacks.folded", "s/main;/main;;/" },
        { "folded", "stacks.folded", "s/_/ /" }, { "massif", "stacks.massif", "s/n3: /n4: /" },
        { "massif", "stacks.massif", "s/=474223/=474224/" }, { "massif", "stacks.massif", "s/time=2000/time=20/" },
        { "massif", "stacks.massif", "s/snapshot=2/snapshot=3/" }, { "massif", "stacks.massif", "s/n1: 450000/n1: 440000/" },
        { "openmetrics", "stacks.om", "$d" }, { "openmetrics", "stacks.om", "s/_total / /" },
        { "openmetrics", "stacks.om", "/^# TYPE memoir_frees/d" },
        { "openmetrics", "stacks.om", "s/UNIT memoir_in_use_bytes bytes/UNIT memoir_in_use_bytes seconds/" },
        { "openmetrics", "stacks.om", "s/size=\"48\"/size=\"16\"/" }, { "openmetrics", "stacks.om", "s/strategy=\"/strategy=\"\"/" },
        { "github", "stacks.github", "s/%0A/%0B/" }, { "github", "stacks.github", "s/^::error/::fatal/" },
        { "github", "stacks.github", "s/title=[^:]*//" }, { "sarif", "stacks.sarif", "s/\"2.1.0\"/\"2.0.0\"/" },
        { "sarif", "stacks.sarif", "s/\"startLine\":5/\"startLine\":0/" }, { "sarif", "stacks.sarif", "s/a%20b/a b/" },
        { "sarif", "stacks.sarif", "s/\"level\":\"error\"/\"level\":\"bad\"/" }, { "pprof", "stacks.pb", "s/inuse_space/inuse_spacd/" },
        { "pprof", "stacks.pb", "s/^.//" },
    };
    char dir[PATH_MAX], path[PATH_MAX + 16], script[512];
    run_make_dir(dir);
    snprintf(path, sizeof path, "%s/edited", dir);
    for (size_t i = 0; i < sizeof edits / sizeof *edits; i++) {
        snprintf(script, sizeof script, "LC_ALL=C sed '%s' " EXPECTED "%s >\"$1\" && ! cmp -s " EXPECTED "%s \"$1\"", edits[i][2],
                 edits[i][1], edits[i][1]);
        struct run_result result = shell(script, path);
        cr_expect(is_zero(&result), "%s changes nothing in %s", edits[i][2], edits[i][1]);
        run_free(&result);
        result = read_strictly(edits[i][0], path);
        cr_expect(!is_zero(&result), "%s of %s passed", edits[i][2], edits[i][1]);
        run_free(&result);
    }
    run_remove_dir(dir);
}

/* --- those the formats are meant for --------------------------------------------------------------------------- */

Test(formats, ms_print_draws_the_peak, .timeout = 70)
{
    if (!has("ms_print"))
        cr_skip_test("no ms_print: Debian's package valgrind has it");
    struct run_result result = shell("ms_print \"$1\"", EXPECTED "stacks.massif");
    cr_expect(is_zero(&result), "%s", result.err);
    cr_expect_str_eq(result.err, "");
    cr_expect_not_null(strstr(result.out, "Detailed snapshots: [3 (peak)]"), "%s", result.out);
    cr_expect_not_null(strstr(result.out, "->94.89% (450,000B) 0x401234: session_new (session.c:212)"), "%s", result.out);
    run_free(&result);
    result = shell("ms_print \"$1\"", EXPECTED "clean.massif");
    cr_expect(is_zero(&result), "%s", result.err);
    run_free(&result);
}

/* Brendan Gregg's script is in no package of Debian's. */
Test(formats, flamegraph_draws_the_stacks, .timeout = 70)
{
    if (!has("flamegraph.pl"))
        cr_skip_test("no flamegraph.pl in the path: github.com/brendangregg/FlameGraph has it");
    struct run_result result = shell("flamegraph.pl \"$1\"", EXPECTED "stacks.folded");
    cr_expect(is_zero(&result), "%s", result.err);
    cr_expect_str_eq(result.err, "");
    cr_expect_not_null(strstr(result.out, "<title>all (464,107 samples, 100%)</title>"), "%s", result.out);
    cr_expect_not_null(strstr(result.out, "<title>session_new (440,000 samples, 94.81%)</title>"), "%s", result.out);
    run_free(&result);
}

/* promtool reads OpenMetrics only where every sample has a time: they get one. */
Test(formats, promtool_takes_the_metrics, .timeout = 70)
{
    char dir[PATH_MAX];
    if (!has("promtool"))
        cr_skip_test("no promtool: Debian's package prometheus has it");
    run_make_dir(dir);
    struct run_result result = shell("sed '/^#/!s/$/ 1700000000/' " EXPECTED "stacks.om >\"$1/stamped\" && "
                                     "promtool tsdb create-blocks-from openmetrics \"$1/stamped\" \"$1/blocks\" | "
                                     "awk 'NR == 2 { print $5 }'; rm -rf \"$1/blocks\"", dir);
    struct run_result samples = shell("grep -vc '^#' \"$1\"", EXPECTED "stacks.om");
    cr_expect(atoi(result.out) > 40 && atoi(result.out) == atoi(samples.out), "%s of %s samples came back: %s", result.out,
              samples.out, result.err);
    run_free(&samples);
    run_free(&result);
    run_remove_dir(dir);
}

static void expect_top(const char *script, const char *wanted)
{
    struct run_result result = shell(script, EXPECTED "stacks.pb");
    cr_expect(is_zero(&result), "%s", result.err);
    cr_expect_not_null(strstr(result.out, wanted), "no %s in: %s", wanted, result.out);
    run_free(&result);
}

Test(formats, pprof_opens_the_profile, .timeout = 70)
{
    if (!has("go"))
        cr_skip_test("no go tool pprof: Debian's package golang-go has it");
    expect_top("go tool pprof -symbolize=none -top \"$1\"", "Type: inuse_space\n");
    expect_top("go tool pprof -symbolize=none -top \"$1\"", "429.69kB 94.81% 94.81%   429.69kB 94.81%  session_new (inline)\n");
    expect_top("go tool pprof -symbolize=none -top -sample_index=alloc_objects \"$1\"", "5000 66.63% 66.63%       5000 66.63%  parse\n");
    expect_top("go tool pprof -symbolize=none -top -tagfocus=kind=indirectly_lost \"$1\"", "Active filters:");
    expect_top("go tool pprof -symbolize=none -raw \"$1\"",
               "1: 0x401000/0x405000/0x1000 /opt/app/server 0123456789abcdef0123456789abcdef01234567 [FN][FL][LN][IN]\n");
}

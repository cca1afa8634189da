#include "baseline.h"
#include "escape.h"
#include "intern.h"
#include "keys.h"
#include "place.h"
#include "report.h"

#include <string.h>

/* SARIF 2.1.0 (OASIS): results of an analysis for whoever collects them. One result per site of a kind that
 * counts as a leak, and one per finding. What is suppressed or was in the baseline is there too, and marked so. */

#define VERSION "2.1.0"
#define SCHEMA "https://json.schemastore.org/sarif-2.1.0.json"

/* Prints with '"' for every '\'' of ours: JSON in C strings stays readable. Texts go through put_string. */
static void put(struct mr_fmt *out, const char *json)
{
    for (; *json; json++)
        mr_fmt_char(out, *json == '\'' ? '"' : *json);
}

static void put_string(struct mr_fmt *out, const char *text)
{
    static const struct mr_escape kept[] = { { '\n', "\n" }, { '\t', "\t" }, { 0 } };
    char clean[4096];
    struct mr_fmt f = mr_fmt_to_buffer(clean, sizeof clean);
    mr_escape_text(&f, text, kept);
    mr_fmt_char(out, '"');
    mr_fmt_json(out, f.buf, f.len);
    mr_fmt_char(out, '"');
}

/* --- places --------------------------------------------------------------------------------------------- */

static void put_physical(struct mr_fmt *out, const struct mr_report_frame *frame)
{
    put(out, "'physicalLocation':{'artifactLocation':{'uri':'");
    mr_escape_uri(out, frame->file);
    put(out, "'}");
    if (frame->line)
        mr_fmt_print(out, ",\"region\":{\"startLine\":%u}", frame->line);
    mr_fmt_char(out, '}');
}

static void put_name(struct mr_fmt *out, const struct mr_report_frame *frame)
{
    static const struct mr_escape none[] = { { 0 } };
    char name[4096];
    struct mr_fmt f = mr_fmt_to_buffer(name, sizeof name);
    mr_escape_frame(&f, frame, none);
    put_string(out, mr_fmt_end_string(&f));
}

static void put_frame(struct mr_fmt *out, const struct mr_report_frame *frame)
{
    put(out, "{'location':{");
    if (frame->file) {
        put_physical(out, frame);
        mr_fmt_char(out, ',');
    }
    put(out, "'logicalLocations':[{'fullyQualifiedName':");
    put_name(out, frame);
    put(out, "}],'message':{'text':");
    put_name(out, frame);
    put(out, "}}");
    if (frame->module) {
        put(out, ",'module':");
        put_string(out, mr_frames_base(frame->module));
    }
    mr_fmt_char(out, '}');
}

static void put_stack(struct mr_fmt *out, const struct mr_report_frame *frames, size_t count)
{
    put(out, "'frames':[");
    for (size_t i = 0; i < count; i++) {
        mr_fmt_bytes(out, ",", i > 0);
        put_frame(out, &frames[i]);
    }
    mr_fmt_char(out, ']');
}

/* The object whose code asked for the memory; when none is known, the program as it was called. */
static struct mr_report_frame object_of(const struct mr_report *report, const struct mr_report_frame *frames,
                                        size_t count, char *program, size_t cap)
{
    const struct mr_report_frame *culprit = mr_frames_culprit(frames, count);
    struct mr_fmt f = mr_fmt_to_buffer(program, cap);
    mr_fmt_bytes(&f, report->command, strcspn(report->command, " "));
    return (struct mr_report_frame){ .file = culprit && culprit->module ? culprit->module : mr_fmt_end_string(&f) };
}

/* `locations` and `stacks` of a result. Collectors refuse results without any location. */
static void put_places(struct mr_fmt *out, const struct mr_report *report, const struct mr_report_frame *frames,
                       size_t count)
{
    char program[4096];
    const struct mr_report_frame *place = mr_place_of(frames, count);
    struct mr_report_frame object = object_of(report, frames, count, program, sizeof program);
    put(out, ",'locations':[{");
    put_physical(out, place ? place : &object);
    put(out, "}]");
    if (count == 0)
        return;
    put(out, ",'stacks':[{");
    put_stack(out, frames, count);
    put(out, "}]");
}

/* Equal for the same leak after a rebuild: viewers know it again by this. */
static void put_fingerprint(struct mr_fmt *out, const char *kind, const struct mr_report_frame *frames, size_t count)
{
    char key[MR_KEYS_MOST];
    uint64_t hash = mr_intern_hash(key, mr_keys_make(key, frames, count)) ^ mr_intern_hash(kind, strlen(kind));
    mr_fmt_print(out, ",\"partialFingerprints\":{\"memoirStack/v1\":\"%016lx\"}", hash);
}

/* --- results ---------------------------------------------------------------------------------------------- */

struct results {
    struct mr_fmt *out;
    bool has_baseline; /* some site was known before: then each result says whether it was */
    size_t count;
};

static void begin_result(struct results *r, const char *rule, const char *level)
{
    mr_fmt_bytes(r->out, ",", r->count++ > 0);
    put(r->out, "{'ruleId':");
    put_string(r->out, rule);
    mr_fmt_print(r->out, ",\"level\":\"%s\",\"message\":{\"text\":", level);
}

static const char *level_of(enum mr_site_kind kind)
{
    return kind <= MR_SITE_INDIRECTLY_LOST ? "error" : kind == MR_SITE_POSSIBLY_LOST ? "warning" : "note";
}

static void put_site_message(struct mr_fmt *out, const struct mr_report_site *site, const struct mr_report_frame *frames,
                             size_t count)
{
    static const struct mr_escape none[] = { { 0 } };
    const struct mr_report_frame *culprit = mr_frames_culprit(frames, count);
    char text[4096];
    struct mr_fmt f = mr_fmt_to_buffer(text, sizeof text);
    mr_place_describe(&f, site);
    if (culprit) {
        mr_fmt_print(&f, ", allocated in ");
        mr_escape_frame(&f, culprit, none);
    }
    put_string(out, mr_fmt_end_string(&f));
}

static void put_standing(struct results *r, const struct mr_report_site *site)
{
    if (r->has_baseline)
        mr_fmt_print(r->out, ",\"baselineState\":\"%s\"", site->is_new ? "new" : "unchanged");
    put(r->out, ",'suppressions':[");
    if (site->suppressed_by) {
        put(r->out, "{'kind':'external','justification':");
        put_string(r->out, site->suppressed_by);
        mr_fmt_char(r->out, '}');
    }
    mr_fmt_char(r->out, ']');
}

static void put_site(struct results *r, const struct mr_report *report, const struct mr_report_site *site)
{
    size_t count;
    const struct mr_report_frame *frames = mr_frames_of(report, site->stack, &count);
    begin_result(r, mr_site_kind_names[site->kind], level_of(site->kind));
    put_site_message(r->out, site, frames, count);
    mr_fmt_char(r->out, '}');
    put_places(r->out, report, frames, count);
    put_fingerprint(r->out, mr_site_kind_names[site->kind], frames, count);
    put_standing(r, site);
    mr_fmt_print(r->out, ",\"properties\":{\"bytes\":%lu,\"blocks\":%lu}}", site->bytes, site->blocks);
}

static void put_finding(struct results *r, const struct mr_report *report, const struct mr_report_finding *finding)
{
    size_t count;
    const struct mr_report_frame *frames = mr_frames_of(report, finding->stack, &count);
    begin_result(r, finding->kind, "error");
    put_string(r->out, finding->message);
    mr_fmt_char(r->out, '}');
    put_places(r->out, report, frames, count);
    put_fingerprint(r->out, finding->kind, frames, count);
    mr_fmt_print(r->out, ",\"occurrenceCount\":%lu}", mr_max(finding->count, 1));
}

static bool is_result(const struct mr_report *report, const struct mr_report_site *site)
{
    struct mr_report_site bare = *site;
    bare.is_new = true;
    bare.suppressed_by = NULL;
    return mr_baseline_is_leak(report, &bare);
}

static void put_results(const struct mr_report *report, struct mr_fmt *out)
{
    struct results r = { .out = out };
    for (size_t i = 0; i < report->site_count; i++)
        r.has_baseline |= !report->sites[i].is_new;
    for (size_t i = 0; i < report->finding_count; i++)
        put_finding(&r, report, &report->findings[i]);
    for (size_t i = 0; i < report->site_count; i++)
        if (is_result(report, &report->sites[i]))
            put_site(&r, report, &report->sites[i]);
}

/* --- the run ------------------------------------------------------------------------------------------------ */

static void put_rules(struct mr_fmt *out)
{
    for (size_t i = 0; i < MR_SITE_GONE; i++) {
        mr_fmt_print(out, "%s{\"id\":\"%s\",\"shortDescription\":{\"text\":\"Memory %s\"}}", i ? "," : "",
                     mr_site_kind_names[i], mr_site_kind_words[i]);
    }
}

static void put_invocation(const struct mr_report *report, struct mr_fmt *out)
{
    put(out, "'invocations':[{'executionSuccessful':true,'commandLine':");
    put_string(out, report->command);
    mr_fmt_print(out, ",\"processId\":%ld}]", report->pid);
}

void mr_sarif_write(const struct mr_report *report, struct mr_fmt *out)
{
    put(out, "{'$schema':'" SCHEMA "','version':'" VERSION "','runs':[{'tool':{'driver':{'name':'memoir','version':");
    put_string(out, report->version);
    put(out, ",'rules':[");
    put_rules(out);
    put(out, "]}},");
    put_invocation(report, out);
    put(out, ",'results':[");
    put_results(report, out);
    put(out, "]}]}\n");
    mr_fmt_flush(out);
}

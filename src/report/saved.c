#include "saved.h"
#include "intern.h"
#include "json_read.h"

#include <stdlib.h>
#include <string.h>

/* Strings by number: 0 is "" and stands for NULL. */
struct saved_frame {
    uint32_t function, file, module;
    uint64_t line, address, offset;
    bool inlined;
};

/* Frames [first, first + count) of one site; sites name their stack by its index + 1. */
struct saved_stack {
    size_t first, count;
};

struct mr_saved {
    struct mr_report report;
    struct mr_intern strings;
    struct saved_frame *frames;
    struct saved_stack *stacks;
    struct mr_report_site *sites;
    size_t frame_count, frame_cap, stack_cap, site_cap;
    uint32_t version, command;
};

static bool read_string(struct mr_json_read *r, struct mr_saved *saved, uint32_t *id)
{
    if (!mr_json_read_text(r))
        return false;
    *id = mr_intern_id(&saved->strings, r->text, strlen(r->text));
    return true;
}

/* "0x1f0", as JSON has no numbers that hold every address. */
static bool read_hexadecimal(struct mr_json_read *r, uint64_t *n)
{
    char *end;
    if (!mr_json_read_text(r))
        return false;
    *n = strtoul(r->text, &end, 16);
    return (end > r->text && *end == '\0') || mr_json_read_fail(r, "an address that is no hexadecimal number");
}

/* --- sites ---------------------------------------------------------------------------------------------- */

static bool read_frame_member(void *ctx, struct mr_json_read *r, const char *key)
{
    struct mr_saved *saved = ctx;
    struct saved_frame *frame = &saved->frames[saved->frame_count - 1];
    if (strcmp(key, "function") == 0)
        return read_string(r, saved, &frame->function);
    if (strcmp(key, "file") == 0)
        return read_string(r, saved, &frame->file);
    if (strcmp(key, "module") == 0)
        return read_string(r, saved, &frame->module);
    if (strcmp(key, "line") == 0)
        return mr_json_read_number(r, &frame->line);
    if (strcmp(key, "address") == 0)
        return read_hexadecimal(r, &frame->address);
    if (strcmp(key, "offset") == 0)
        return read_hexadecimal(r, &frame->offset);
    if (strcmp(key, "inlined") == 0)
        return mr_json_read_bool(r, &frame->inlined);
    return mr_json_read_skip(r);
}

static bool read_frame(void *ctx, struct mr_json_read *r)
{
    struct mr_saved *saved = ctx;
    saved->frames = mr_intern_grow(saved->frames, &saved->frame_cap, ++saved->frame_count, sizeof *saved->frames);
    return mr_json_read_object(r, read_frame_member, saved);
}

static bool read_kind(struct mr_json_read *r, enum mr_site_kind *kind)
{
    if (!mr_json_read_text(r))
        return false;
    for (int i = 0; i < MR_SITE_KIND_COUNT; i++)
        if (strcmp(r->text, mr_site_kind_names[i]) == 0) {
            *kind = (enum mr_site_kind)i;
            return true;
        }
    return mr_json_read_fail(r, "a site of an unknown kind");
}

static bool read_stack(struct mr_json_read *r, struct mr_saved *saved)
{
    size_t first = saved->frame_count;
    bool good = mr_json_read_array(r, read_frame, saved);
    saved->stacks[saved->report.site_count - 1] = (struct saved_stack){ first, saved->frame_count - first };
    return good;
}

static bool read_site_member(void *ctx, struct mr_json_read *r, const char *key)
{
    struct mr_saved *saved = ctx;
    struct mr_report_site *site = &saved->sites[saved->report.site_count - 1];
    if (strcmp(key, "kind") == 0)
        return read_kind(r, &site->kind);
    if (strcmp(key, "bytes") == 0)
        return mr_json_read_number(r, &site->bytes);
    if (strcmp(key, "blocks") == 0)
        return mr_json_read_number(r, &site->blocks);
    if (strcmp(key, "stack") == 0)
        return read_stack(r, saved);
    return mr_json_read_skip(r);
}

static bool read_site(void *ctx, struct mr_json_read *r)
{
    struct mr_saved *saved = ctx;
    size_t n = ++saved->report.site_count;
    saved->sites = mr_intern_grow(saved->sites, &saved->site_cap, n, sizeof *saved->sites);
    saved->stacks = mr_intern_grow(saved->stacks, &saved->stack_cap, n, sizeof *saved->stacks);
    saved->sites[n - 1] = (struct mr_report_site){ .kind = MR_SITE_KIND_COUNT, .stack = (uint32_t)n, .is_new = true };
    if (!mr_json_read_object(r, read_site_member, saved))
        return false;
    return saved->sites[n - 1].kind != MR_SITE_KIND_COUNT || mr_json_read_fail(r, "a site without a kind");
}

/* --- the report ------------------------------------------------------------------------------------------- */

static bool read_total(void *ctx, struct mr_json_read *r, const char *key)
{
    struct mr_saved *saved = ctx;
    for (size_t i = 0; i < mr_stat_count; i++)
        if (strcmp(key, mr_stats[i].name) == 0)
            return mr_json_read_number(r, (uint64_t *)((char *)&saved->report.totals + mr_stats[i].offset));
    return mr_json_read_skip(r);
}

static bool read_leaks(void *ctx, struct mr_json_read *r, const char *key)
{
    struct mr_saved *saved = ctx;
    if (strcmp(key, "checked") == 0)
        return mr_json_read_bool(r, &saved->report.leaks_checked);
    return mr_json_read_skip(r);
}

static bool read_member(void *ctx, struct mr_json_read *r, const char *key)
{
    struct mr_saved *saved = ctx;
    if (strcmp(key, "memoir") == 0)
        return read_string(r, saved, &saved->version);
    if (strcmp(key, "command") == 0)
        return read_string(r, saved, &saved->command);
    if (strcmp(key, "elapsed_ms") == 0)
        return mr_json_read_number(r, &saved->report.elapsed_ms);
    if (strcmp(key, "totals") == 0)
        return mr_json_read_object(r, read_total, saved);
    if (strcmp(key, "leaks") == 0)
        return mr_json_read_object(r, read_leaks, saved);
    if (strcmp(key, "sites") == 0)
        return mr_json_read_array(r, read_site, saved);
    return mr_json_read_skip(r);
}

static const char *string_of(const struct mr_saved *saved, uint32_t id)
{
    return id ? mr_intern_key(&saved->strings, id) : NULL;
}

static size_t frames_of(const struct mr_report *report, uint32_t stack, struct mr_report_frame *out, size_t cap)
{
    const struct mr_saved *saved = report->frames_ctx;
    const struct saved_stack *place = &saved->stacks[stack - 1];
    size_t count = mr_min(place->count, cap);
    for (size_t i = 0; i < count; i++) {
        const struct saved_frame *frame = &saved->frames[place->first + i];
        out[i] = (struct mr_report_frame){
            .address = frame->address,
            .function = string_of(saved, frame->function),
            .file = string_of(saved, frame->file),
            .line = (uint32_t)frame->line,
            .module = string_of(saved, frame->module),
            .offset = frame->offset,
            .inlined = frame->inlined,
        };
    }
    return count;
}

static void finish(struct mr_saved *saved)
{
    struct mr_report *report = &saved->report;
    report->version = string_of(saved, saved->version);
    report->command = saved->command ? string_of(saved, saved->command) : "";
    report->sites = saved->sites;
    report->listed_count = report->site_count;
    report->frames = frames_of;
    report->frames_ctx = saved;
}

struct mr_saved *mr_saved_read(const char *bytes, size_t len, const char **why)
{
    struct mr_saved *saved = calloc(1, sizeof *saved);
    MR_REQUIRE(saved, "out of memory while making a report");
    mr_intern_id(&saved->strings, "", 0);
    struct mr_json_read r = mr_json_read_begin(bytes, len);
    if (mr_json_read_object(&r, read_member, saved) && mr_json_read_end(&r) && !saved->version)
        mr_json_read_fail(&r, "it is JSON of something else");
    *why = r.why;
    mr_json_read_free(&r);
    if (*why) {
        mr_saved_free(saved);
        return NULL;
    }
    finish(saved);
    return saved;
}

const struct mr_report *mr_saved_report(const struct mr_saved *saved)
{
    return &saved->report;
}

void mr_saved_free(struct mr_saved *saved)
{
    mr_intern_free(&saved->strings);
    free(saved->frames);
    free(saved->stacks);
    free(saved->sites);
    free(saved);
}

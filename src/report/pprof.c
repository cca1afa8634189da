#include "escape.h"
#include "gzip.h"
#include "intern.h"
#include "protobuf.h"
#include "report.h"

#include <stdlib.h>
#include <string.h>

/* A heap profile as github.com/google/pprof reads it: proto/profile.proto there, with the four sample types
 * of Go's runtime, which every viewer of such profiles knows. */

/* Field numbers of profile.proto. */
enum { PROFILE_SAMPLE_TYPE = 1, PROFILE_SAMPLE, PROFILE_MAPPING, PROFILE_LOCATION, PROFILE_FUNCTION, PROFILE_STRING,
       PROFILE_TIME_NANOS = 9, PROFILE_DURATION_NANOS, PROFILE_PERIOD_TYPE, PROFILE_PERIOD, PROFILE_COMMENT,
       PROFILE_DEFAULT_SAMPLE_TYPE };
enum { VALUE_TYPE = 1, VALUE_UNIT };
enum { SAMPLE_LOCATION = 1, SAMPLE_VALUE, SAMPLE_LABEL };
enum { LABEL_KEY = 1, LABEL_TEXT, LABEL_NUMBER, LABEL_UNIT };
enum { MAPPING_ID = 1, MAPPING_START, MAPPING_LIMIT, MAPPING_FILE_OFFSET, MAPPING_FILENAME, MAPPING_BUILD_ID,
       MAPPING_HAS_FUNCTIONS, MAPPING_HAS_FILENAMES, MAPPING_HAS_LINES, MAPPING_HAS_INLINED };
enum { LOCATION_ID = 1, LOCATION_MAPPING, LOCATION_ADDRESS, LOCATION_LINE };
enum { LINE_FUNCTION = 1, LINE_NUMBER };
enum { FUNCTION_ID = 1, FUNCTION_NAME, FUNCTION_SYSTEM_NAME, FUNCTION_FILENAME };

#define OS_PAGE 4096u /* the grain of what is written about a mapping, whatever the system's is */

/* A module, as far as frames lie in it. */
struct mapping {
    uint64_t first, last;     /* lowest and highest address of a frame */
    uint64_t first_offset;    /* of `first` in the module's file */
    uint64_t filename, build_id;
    bool functions, filenames, lines;
    bool is_main;             /* has the function main */
};

/* Ids in a profile count from 1: the id of an interned key is its index + 1. */
struct profile {
    struct mr_intern strings, functions, locations, modules, seen;
    struct mapping *mappings; /* by index in `modules` */
    size_t mapping_cap;
    struct mr_protobuf message, sample, inner, innermost;
    uint64_t *stack;          /* location ids of the sample under way, leaf first */
    size_t stack_cap;
};

static uint64_t string_index(struct profile *p, const char *text)
{
    return mr_intern_id(&p->strings, text, strlen(text));
}

/* Strings of a profile are UTF-8, or a strict reader refuses all of it. */
static uint64_t foreign_string(struct profile *p, const char *text)
{
    static const struct mr_escape none[] = { { 0 } };
    char clean[4096];
    struct mr_fmt f = mr_fmt_to_buffer(clean, sizeof clean);
    mr_escape_text(&f, text ? text : "", none);
    return string_index(p, mr_fmt_end_string(&f));
}

/* --- frames ------------------------------------------------------------------------------------------- */

static uint64_t function_id(struct profile *p, const struct mr_report_frame *frame)
{
    uint64_t key[] = {
        foreign_string(p, frame->function), foreign_string(p, frame->linkage), foreign_string(p, frame->file),
    };
    size_t before = p->functions.count;
    uint64_t id = mr_intern_id(&p->functions, key, sizeof key) + 1u;
    if (id > before) {
        mr_protobuf_number(&p->inner, FUNCTION_ID, id);
        mr_protobuf_number(&p->inner, FUNCTION_NAME, key[0]);
        mr_protobuf_number(&p->inner, FUNCTION_SYSTEM_NAME, key[1] ? key[1] : key[0]);
        mr_protobuf_number(&p->inner, FUNCTION_FILENAME, key[2]);
        mr_protobuf_message(&p->message, PROFILE_FUNCTION, &p->inner);
    }
    return id;
}

static void note_frame(struct mapping *mapping, const struct mr_report_frame *frame)
{
    if (frame->address < mapping->first) {
        mapping->first = frame->address;
        mapping->first_offset = frame->offset;
    }
    mapping->last = mr_max(mapping->last, frame->address);
    mapping->functions |= frame->function != NULL;
    mapping->filenames |= frame->file != NULL;
    mapping->lines |= frame->line != 0;
    mapping->is_main |= frame->function && strcmp(frame->function, "main") == 0;
}

/* A module is told from others by its bias as well: one that was loaded twice has two mappings. */
static uint64_t mapping_id(struct profile *p, const struct mr_report_frame *frame)
{
    if (!frame->module)
        return 0;
    uint64_t key[] = {
        foreign_string(p, frame->module), foreign_string(p, frame->build_id), frame->address - frame->offset,
    };
    size_t before = p->modules.count;
    uint32_t index = mr_intern_id(&p->modules, key, sizeof key);
    if (index >= before) {
        p->mappings = mr_intern_grow(p->mappings, &p->mapping_cap, index + 1u, sizeof *p->mappings);
        p->mappings[index] = (struct mapping){ .first = UINT64_MAX, .filename = key[0], .build_id = key[1] };
    }
    note_frame(&p->mappings[index], frame);
    return index + 1u;
}

/* How many frames are one location: what is inlined, and the physical frame it is inlined into. */
static size_t location_length(const struct mr_report_frame *frames, size_t count)
{
    size_t n = 1;
    while (n < count && frames[n - 1].inlined)
        n++;
    return n;
}

static void put_lines(struct profile *p, const struct mr_report_frame *frames, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!frames[i].function && !frames[i].file)
            continue;
        uint64_t function = function_id(p, &frames[i]);
        mr_protobuf_number(&p->innermost, LINE_FUNCTION, function);
        mr_protobuf_number(&p->innermost, LINE_NUMBER, frames[i].line);
        mr_protobuf_message(&p->sample, LOCATION_LINE, &p->innermost);
    }
}

/* What a location says is also what it is told from others by. */
static uint64_t location_id(struct profile *p, const struct mr_report_frame *frames, size_t count)
{
    const struct mr_report_frame *physical = &frames[count - 1];
    uint64_t mapping = mapping_id(p, physical);
    for (size_t i = 0; i + 1 < count && mapping; i++)
        note_frame(&p->mappings[mapping - 1], &frames[i]);
    mr_protobuf_number(&p->sample, LOCATION_MAPPING, mapping);
    mr_protobuf_number(&p->sample, LOCATION_ADDRESS, physical->address);
    put_lines(p, frames, count);
    size_t before = p->locations.count;
    uint64_t id = mr_intern_id(&p->locations, p->sample.bytes, p->sample.len) + 1u;
    if (id > before) {
        mr_protobuf_number(&p->sample, LOCATION_ID, id);
        mr_protobuf_message(&p->message, PROFILE_LOCATION, &p->sample);
    }
    p->sample.len = 0;
    return id;
}

static size_t fill_stack(struct profile *p, const struct mr_report *report, uint32_t stack)
{
    size_t count, used, depth = 0;
    const struct mr_report_frame *frames = mr_frames_of(report, stack, &count);
    p->stack = mr_intern_grow(p->stack, &p->stack_cap, count, sizeof *p->stack);
    for (size_t i = 0; i < count; i += used) {
        used = location_length(frames + i, count - i);
        p->stack[depth++] = location_id(p, frames + i, used);
    }
    return depth;
}

/* --- samples ---------------------------------------------------------------------------------------------- */

static void put_text_label(struct profile *p, const char *key, const char *text)
{
    mr_protobuf_number(&p->inner, LABEL_KEY, string_index(p, key));
    mr_protobuf_number(&p->inner, LABEL_TEXT, foreign_string(p, text));
    mr_protobuf_message(&p->sample, SAMPLE_LABEL, &p->inner);
}

static void put_bytes_label(struct profile *p, uint64_t bytes)
{
    mr_protobuf_number(&p->inner, LABEL_KEY, string_index(p, "bytes"));
    mr_protobuf_number(&p->inner, LABEL_NUMBER, bytes);
    mr_protobuf_number(&p->inner, LABEL_UNIT, string_index(p, "bytes"));
    mr_protobuf_message(&p->sample, SAMPLE_LABEL, &p->inner);
}

/* What a stack has allocated stands in the sample of its first row alone: samples are added up. The label
 * `bytes` is the size of a block, where all of them may have one size. */
static void put_sample(struct profile *p, const struct mr_report *report, const struct mr_report_site *site)
{
    bool first = mr_intern_add(&p->seen, &site->stack, sizeof site->stack);
    uint64_t values[] = { first ? site->allocations : 0, first ? site->allocated_bytes : 0, site->blocks, site->bytes };
    if (!values[0] && !values[1] && !values[2] && !values[3])
        return;
    size_t depth = fill_stack(p, report, site->stack);
    mr_protobuf_numbers(&p->sample, SAMPLE_LOCATION, p->stack, depth);
    mr_protobuf_numbers(&p->sample, SAMPLE_VALUE, values, MR_COUNT(values));
    put_text_label(p, "kind", mr_site_kind_names[site->kind]);
    if (site->suppressed_by)
        put_text_label(p, "suppressed_by", site->suppressed_by);
    if (site->allocations && site->allocated_bytes && site->allocated_bytes % site->allocations == 0)
        put_bytes_label(p, site->allocated_bytes / site->allocations);
    mr_protobuf_message(&p->message, PROFILE_SAMPLE, &p->sample);
}

/* --- the rest --------------------------------------------------------------------------------------------- */

static void put_value_type(struct profile *p, unsigned field, const char *type, const char *unit)
{
    mr_protobuf_number(&p->inner, VALUE_TYPE, string_index(p, type));
    mr_protobuf_number(&p->inner, VALUE_UNIT, string_index(p, unit));
    mr_protobuf_message(&p->message, field, &p->inner);
}

static void put_mapping(struct profile *p, size_t index)
{
    const struct mapping *m = &p->mappings[index];
    uint64_t start = mr_align_down(m->first, OS_PAGE), below = m->first - start;
    mr_protobuf_number(&p->inner, MAPPING_ID, index + 1);
    mr_protobuf_number(&p->inner, MAPPING_START, start);
    mr_protobuf_number(&p->inner, MAPPING_LIMIT, mr_align_down(m->last, OS_PAGE) + OS_PAGE);
    mr_protobuf_number(&p->inner, MAPPING_FILE_OFFSET, m->first_offset - mr_min(below, m->first_offset));
    mr_protobuf_number(&p->inner, MAPPING_FILENAME, m->filename);
    mr_protobuf_number(&p->inner, MAPPING_BUILD_ID, m->build_id);
    mr_protobuf_number(&p->inner, MAPPING_HAS_FUNCTIONS, m->functions);
    mr_protobuf_number(&p->inner, MAPPING_HAS_FILENAMES, m->filenames);
    mr_protobuf_number(&p->inner, MAPPING_HAS_LINES, m->lines);
    mr_protobuf_number(&p->inner, MAPPING_HAS_INLINED, m->lines); /* who knows lines knows what is inlined */
    mr_protobuf_message(&p->message, PROFILE_MAPPING, &p->inner);
}

/* The first mapping is taken for the program's. */
static void put_mappings(struct profile *p)
{
    for (int main = 1; main >= 0; main--)
        for (size_t i = 0; i < p->modules.count; i++)
            if (p->mappings[i].is_main == main)
                put_mapping(p, i);
}

static void put_circumstances(struct profile *p, const struct mr_report *report)
{
    uint64_t comments[] = { foreign_string(p, report->command), 0 };
    char text[64];
    struct mr_fmt f = mr_fmt_to_buffer(text, sizeof text);
    mr_fmt_print(&f, "memoir %s, pid %ld", report->version, report->pid);
    comments[1] = string_index(p, mr_fmt_end_string(&f));
    mr_protobuf_number(&p->message, PROFILE_TIME_NANOS, report->start_wall * 1000000000u);
    mr_protobuf_number(&p->message, PROFILE_DURATION_NANOS, report->elapsed_ms * 1000000u);
    put_value_type(p, PROFILE_PERIOD_TYPE, "space", "bytes");
    mr_protobuf_number(&p->message, PROFILE_PERIOD, mr_max(report->sample_interval, 1));
    mr_protobuf_numbers(&p->message, PROFILE_COMMENT, comments, MR_COUNT(comments));
    mr_protobuf_number(&p->message, PROFILE_DEFAULT_SAMPLE_TYPE, string_index(p, "inuse_space"));
}

static void put_strings(struct profile *p)
{
    for (uint32_t i = 0; i < p->strings.count; i++)
        mr_protobuf_bytes(&p->message, PROFILE_STRING, mr_intern_key(&p->strings, i), p->strings.entries[i].len);
}

static void fill(struct profile *p, const struct mr_report *report)
{
    string_index(p, ""); /* string 0 means none */
    put_value_type(p, PROFILE_SAMPLE_TYPE, "alloc_objects", "count");
    put_value_type(p, PROFILE_SAMPLE_TYPE, "alloc_space", "bytes");
    put_value_type(p, PROFILE_SAMPLE_TYPE, "inuse_objects", "count");
    put_value_type(p, PROFILE_SAMPLE_TYPE, "inuse_space", "bytes");
    for (size_t i = 0; i < report->site_count; i++)
        put_sample(p, report, &report->sites[i]);
    put_mappings(p);
    put_circumstances(p, report);
    put_strings(p);
}

static void dispose(struct profile *p)
{
    struct mr_intern *tables[] = { &p->strings, &p->functions, &p->locations, &p->modules, &p->seen };
    struct mr_protobuf *messages[] = { &p->message, &p->sample, &p->inner, &p->innermost };
    for (size_t i = 0; i < MR_COUNT(tables); i++)
        mr_intern_free(tables[i]);
    for (size_t i = 0; i < MR_COUNT(messages); i++)
        mr_protobuf_free(messages[i]);
    free(p->mappings);
    free(p->stack);
}

void mr_pprof_write(const struct mr_report *report, struct mr_fmt *out)
{
    struct profile profile = { 0 };
    fill(&profile, report);
    mr_gzip_write(out, profile.message.bytes, profile.message.len);
    mr_fmt_flush(out);
    dispose(&profile);
}

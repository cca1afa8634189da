#include "escape.h"
#include "intern.h"
#include "report.h"

#include <stdlib.h>
#include <string.h>

/* Valgrind's massif.out: the timeline as snapshots, and one tree of callers for the peak. Read by ms_print and
 * massif-visualizer. */

#define THRESHOLD 100 /* a branch below 1/THRESHOLD of the peak is only summed up, massif's own default */

/* A node of the tree; 0 is the root, and as a link none.
 *   bytes = sum of bytes of its children + what stacks that end here had at the peak */
struct node {
    struct mr_report_frame frame;
    uint64_t bytes;
    uint32_t child, sibling;
};

struct tree {
    struct node *nodes;
    size_t count, cap;
    struct mr_intern places; /* (parent, frame) -> index - 1 */
    struct mr_intern texts;  /* names, so that places can be told apart by number */
};

static const struct mr_escape plain[] = { { 0 } };

/* --- the tree ----------------------------------------------------------------------------------------- */

static uint32_t text_id(struct tree *t, const char *text)
{
    return mr_intern_id(&t->texts, text ? text : "", text ? strlen(text) : 0);
}

static uint32_t child_of(struct tree *t, uint32_t parent, const struct mr_report_frame *frame)
{
    uint64_t key[] = { parent, frame->address, text_id(t, frame->function), frame->line };
    size_t before = t->places.count;
    uint32_t index = mr_intern_id(&t->places, key, sizeof key) + 1;
    if (index <= before)
        return index;
    t->nodes = mr_intern_grow(t->nodes, &t->cap, ++t->count, sizeof *t->nodes);
    t->nodes[index] = (struct node){ .frame = *frame, .sibling = t->nodes[parent].child };
    t->nodes[parent].child = index;
    return index;
}

static void add_stack(struct tree *t, const struct mr_report *report, const struct mr_report_site *site)
{
    size_t count;
    const struct mr_report_frame *frames = mr_frames_of(report, site->stack, &count);
    uint32_t node = 0;
    t->nodes[0].bytes += site->peak_bytes;
    for (size_t i = 0; i < count; i++) {
        node = child_of(t, node, &frames[i]);
        t->nodes[node].bytes += site->peak_bytes;
    }
}

static void grow_tree(struct tree *t, const struct mr_report *report)
{
    struct mr_intern seen = { 0 };
    t->nodes = mr_intern_grow(t->nodes, &t->cap, t->count = 1, sizeof *t->nodes);
    for (size_t i = 0; i < report->site_count; i++) {
        const struct mr_report_site *site = &report->sites[i];
        if (mr_intern_add(&seen, &site->stack, sizeof site->stack) && site->peak_bytes)
            add_stack(t, report, site);
    }
    mr_intern_free(&seen);
}

/* --- writing it ----------------------------------------------------------------------------------------- */

struct branch {
    uint64_t bytes;
    uint32_t node;
};

static bool is_larger(const void *a, const void *b)
{
    const struct branch *x = a, *y = b;
    return x->bytes > y->bytes || (x->bytes == y->bytes && x->node < y->node);
}

/* The children of a node above the threshold, largest first, in memory of the caller's to free; those below
 * are summed up in *rest. */
static struct branch *sort_children(const struct tree *t, uint32_t node, size_t *large, struct branch *rest)
{
    struct branch *children = NULL;
    size_t cap = 0, n = 0;
    for (uint32_t c = t->nodes[node].child; c; c = t->nodes[c].sibling) {
        if (t->nodes[c].bytes >= t->nodes[0].bytes / THRESHOLD) {
            children = mr_intern_grow(children, &cap, n + 1, sizeof *children);
            children[n++] = (struct branch){ t->nodes[c].bytes, c };
        } else {
            rest->bytes += t->nodes[c].bytes;
            rest->node++;
        }
    }
    mr_sort(children, n, sizeof *children, is_larger);
    *large = n;
    return children;
}

/* In upper case, as Valgrind has it. */
static void put_address(struct mr_fmt *out, uint64_t address)
{
    mr_fmt_print(out, "0x");
    for (unsigned shift = address ? mr_log2_floor(address) / 4 * 4 : 0;; shift -= 4) {
        mr_fmt_char(out, "0123456789ABCDEF"[address >> shift & 15]);
        if (shift == 0)
            break;
    }
}

static void put_place(const struct mr_report_frame *frame, struct mr_fmt *out)
{
    put_address(out, frame->address);
    mr_fmt_print(out, ": ");
    if (frame->function)
        mr_escape_text(out, frame->function, plain);
    else
        mr_fmt_print(out, "???");
    mr_fmt_print(out, " (");
    if (frame->file) {
        mr_escape_text(out, mr_frames_base(frame->file), plain);
        mr_fmt_print(out, ":%u", frame->line);
    } else {
        mr_fmt_print(out, "in ");
        mr_escape_text(out, frame->module ? frame->module : "an unknown object", plain);
    }
    mr_fmt_print(out, ")\n");
}

static void put_node(const struct tree *t, uint32_t node, int depth, struct mr_fmt *out)
{
    size_t large;
    struct branch rest = { 0 };
    struct branch *children = sort_children(t, node, &large, &rest);
    mr_fmt_print(out, "%*sn%lu: %lu ", depth, "", large + (rest.node != 0), t->nodes[node].bytes);
    if (node == 0)
        mr_fmt_print(out, "(heap allocation functions) malloc/new/new[], --alloc-fns, etc.\n");
    else
        put_place(&t->nodes[node].frame, out);
    for (size_t i = 0; i < large; i++)
        put_node(t, children[i].node, depth + 1, out);
    if (rest.node)
        mr_fmt_print(out, "%*sn0: %lu in %u place%s, %sbelow massif's threshold (%u.00%%)\n", depth + 1, "", rest.bytes,
                     rest.node, rest.node == 1 ? "" : "s", rest.node == 1 ? "" : "all ", 100 / THRESHOLD);
    free(children);
}

/* --- snapshots ------------------------------------------------------------------------------------------- */

struct snapshots {
    struct mr_fmt *out;
    unsigned count;
};

static void put_snapshot(struct snapshots *s, uint64_t ms, uint64_t bytes, const char *tree)
{
    mr_fmt_print(s->out, "#-----------\nsnapshot=%u\n#-----------\ntime=%lu\nmem_heap_B=%lu\nmem_heap_extra_B=0\n"
                 "mem_stacks_B=0\nheap_tree=%s\n", s->count++, ms, bytes, tree);
}

static uint64_t peak_ms(const struct mr_report *report)
{
    return mr_min(report->totals.peak_ms, report->elapsed_ms);
}

static void put_peak(struct snapshots *s, const struct tree *t, const struct mr_report *report)
{
    if (t->nodes[0].bytes == 0)
        return;
    put_snapshot(s, peak_ms(report), t->nodes[0].bytes, "peak");
    put_node(t, 0, 0, s->out);
}

/* As requested, like the timeline; without call stacks only the sizes of the blocks are known. */
static uint64_t bytes_at_end(const struct mr_report *report)
{
    uint64_t bytes = report->suppressed.bytes;
    for (size_t i = 0; i < MR_SITE_KIND_COUNT; i++)
        bytes += report->leaks[i].bytes;
    return report->trace == MR_REPORT_TRACE_OFF ? report->totals.in_use_bytes : bytes;
}

/* Times must not go back: the peak stands between the moments before and after it. Of a program that runs, a
 * moment may be later than when it was last heard of. */
static void put_snapshots(const struct mr_report *report, const struct tree *t, struct mr_fmt *out)
{
    struct snapshots s = { out, 0 };
    uint64_t end = report->elapsed_ms;
    bool told = false;
    put_snapshot(&s, 0, 0, "empty");
    for (size_t i = 0; i < report->timeline_count; i++) {
        if (!told && report->timeline[i].ms > peak_ms(report)) {
            put_peak(&s, t, report);
            told = true;
        }
        put_snapshot(&s, report->timeline[i].ms, report->timeline[i].in_use_bytes, "empty");
        end = mr_max(end, report->timeline[i].ms);
    }
    if (!told)
        put_peak(&s, t, report);
    put_snapshot(&s, end, bytes_at_end(report), "empty");
}

void mr_massif_write(const struct mr_report *report, struct mr_fmt *out)
{
    struct tree tree = { 0 };
    grow_tree(&tree, report);
    mr_fmt_print(out, "desc: memoir %s, the bytes that were asked for\ncmd: ", report->version);
    mr_escape_text(out, report->command, plain);
    mr_fmt_print(out, "\ntime_unit: ms\n");
    put_snapshots(report, &tree, out);
    mr_intern_free(&tree.places);
    mr_intern_free(&tree.texts);
    free(tree.nodes);
    mr_fmt_flush(out);
}

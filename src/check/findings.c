/* findings.c: what is said about a finding, where it is noted, and what follows.
 *
 * Equal findings, of one kind and met at one call stack (without stacks: in one call), are told once and counted. The
 * entries are the ledger's, which is opened for the first finding if nobody did before. */
#include <dlfcn.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>

#include "zone.h"

#include "os.h"

enum { FINDINGS_MOST = 1024, TEXT_CAP = 512 };

static struct mr_lock lock = MR_LOCK_INIT(MR_RANK_FINDINGS);
static uint64_t places[FINDINGS_MOST]; /* of entry i: its stack, or what comes nearest */

/* ---- the line -------------------------------------------------------------------------------------------- */

static void put_head(struct mr_fmt *f, const struct mr_finding *finding)
{
    mr_fmt_print(f, "%s", mr_finding_rows[finding->kind].what);
    if (finding->address)
        mr_fmt_print(f, " 0x%lx", finding->address);
    if (finding->size != MR_SIZE_UNKNOWN)
        mr_fmt_print(f, " (%lu %s)", finding->size, finding->size == 1 ? "byte" : "bytes");
}

static void write_line(const struct mr_finding *finding, const char *details)
{
    char line[TEXT_CAP + 64];
    struct mr_fmt f = mr_fmt_to_buffer(line, sizeof line - 1);
    mr_fmt_print(&f, "memoir: ");
    put_head(&f, finding);
    mr_fmt_print(&f, " in process %ld: %s", (long)mr_process_id(), details);
    line[f.len++] = '\n';
    mr_file_write(2, line, f.len);
}

/* ---- the entry ----------------------------------------------------------------------------------------------- */

static uint64_t place_of(const struct mr_finding *finding, uint32_t stack)
{
    return stack           ? stack
           : finding->from ? finding->from->pc
                           : finding->allocation_stack ? finding->allocation_stack : finding->address;
}

static struct mr_ledger_finding *find_equal(enum mr_finding_kind kind, uint64_t place)
{
    struct mr_ledger_finding *all = mr_writer_entries(MR_SECTION_FINDINGS);
    uint64_t n = mr_min(mr_writer_count(MR_SECTION_FINDINGS), (uint64_t)FINDINGS_MOST);
    for (uint64_t i = 0; i < n; i++)
        if (all[i].kind == kind && places[i] == place)
            return &all[i];
    return NULL;
}

static void append(const struct mr_finding *finding, uint32_t stack, const char *details)
{
    char message[TEXT_CAP];
    int64_t i = mr_writer_reserve(MR_SECTION_FINDINGS, 1);
    if (i < 0 || i >= FINDINGS_MOST)
        return;
    struct mr_fmt f = mr_fmt_to_buffer(message, sizeof message);
    put_head(&f, finding);
    mr_fmt_print(&f, ": %s", details);
    places[i] = place_of(finding, stack);
    ((struct mr_ledger_finding *)mr_writer_entries(MR_SECTION_FINDINGS))[i] = (struct mr_ledger_finding){
        .kind = finding->kind,
        .message = mr_writer_string(mr_fmt_end_string(&f)),
        .count = 1,
        .address = finding->address,
        .size = finding->size == MR_SIZE_UNKNOWN ? 0 : finding->size,
        .ms = mr_writer_now_ms(),
        .stack = stack,
        .allocation_stack = finding->allocation_stack,
        .free_stack = finding->free_stack,
        .thread = (uint32_t)mr_world_tid(),
    };
    mr_writer_publish(MR_SECTION_FINDINGS, 1);
}

/* Counts it with its equals, or makes an entry of it. True: it is the first of its kind there. A handler that interrupted
 * this very function only tells. */
static bool note(const struct mr_finding *finding, const char *details)
{
    mr_watch_start();
    if (!mr_writer_header || mr_lock_is_mine(&lock))
        return true;
    uint32_t stack = finding->from ? mr_watch_stack(finding->from) : 0;
    mr_lock_acquire(&lock);
    struct mr_ledger_finding *equal = find_equal(finding->kind, place_of(finding, stack));
    if (equal)
        equal->count++;
    else
        append(finding, stack, details);
    mr_lock_release(&lock);
    return !equal;
}

void mr_findings_forked(void) { mr_lock_after_fork(&lock, mr_lock_is_mine(&lock)); }

/* ---- what follows ------------------------------------------------------------------------------------------------ */

static enum mr_on_error action_for(enum mr_finding_kind kind)
{
    if (mr_conf.on_error != MR_ON_ERROR_DEFAULT)
        return (enum mr_on_error)mr_conf.on_error;
    return mr_finding_rows[kind].action == MR_FINDING_ABORT ? MR_ON_ERROR_ABORT : MR_ON_ERROR_REPORT;
}

void mr_findings_tell(const struct mr_finding *finding, const char *details, ...)
{
    char text[TEXT_CAP];
    struct mr_fmt f = mr_fmt_to_buffer(text, sizeof text);
    va_list args;
    mr_conf_boot();
    enum mr_on_error action = action_for(finding->kind);
    if (action == MR_ON_ERROR_IGNORE)
        return;
    va_start(args, details);
    mr_fmt_vprint(&f, details, args);
    va_end(args);
    mr_fmt_end_string(&f);
    if (note(finding, text))
        write_line(finding, text);
    if (action == MR_ON_ERROR_ABORT)
        abort();
}

/* ---- pointers that are no block's ----------------------------------------------------------------------------------- */

/* What lies around an address of ours. */
struct surroundings {
    uintptr_t start; /* of the block p lies in; 0: in none */
    size_t size;
    bool in_slab;
};

/* The head of the large block that reaches over this slice. A region begins with slices of its table, so the search
 * ends inside it. */
static struct mr_slab *large_before(struct mr_slab *slice)
{
    struct mr_slab *head = slice;
    while (mr_slab_kind(head) == MR_KIND_NONE)
        head--;
    bool covers = mr_slab_kind(head) == MR_KIND_LARGE && (size_t)(slice - head) < mr_slab_slices(head);
    return covers ? head : NULL;
}

static struct surroundings look_around(const void *p)
{
    struct surroundings none = { 0 };
    struct mr_slab *slice = mr_lookup_slice(p), *head = slice ? mr_lookup_head(slice) : NULL;
    if (!head)
        return none;
    if (mr_slab_kind(head) == MR_KIND_SLAB) {
        uintptr_t start = (uintptr_t)mr_lookup_start(head);
        size_t size = mr_sizeclass_bytes[head->cls], index = ((uintptr_t)p - start) / size;
        return index < head->ext ? (struct surroundings){ start + index * size, size, true } : none;
    }
    head = mr_slab_kind(head) == MR_KIND_LARGE ? head : large_before(slice);
    return head ? (struct surroundings){ (uintptr_t)mr_lookup_start(head), head->large_bytes, false } : none;
}

/* The kind that a call of that name makes of a block that is free already. */
enum mr_finding_kind mr_findings_again(const char *call)
{
    return *call == 'm' ? MR_FINDING_BAD_POINTER : *call == 'r' ? MR_FINDING_REALLOC_FREED : MR_FINDING_DOUBLE_FREE;
}

enum mr_finding_kind mr_findings_bad(const char *call)
{
    return *call == 'm' ? MR_FINDING_BAD_POINTER : MR_FINDING_INVALID_FREE;
}

uintptr_t mr_findings_block_around(const void *p)
{
    return mr_heap_where() == MR_ROUTE_SLAB ? look_around(p).start : 0;
}

void mr_findings_bad_pointer(const char *call, const void *p, const struct mr_unwind_start *from)
{
    if (mr_guard_bad_pointer(call, p, from))
        return;
    if (mr_check_has_zones() && mr_checked_bad_pointer(call, p, from))
        return;
    struct surroundings around = mr_heap_where() == MR_ROUTE_SLAB ? look_around(p) : (struct surroundings){ 0 };
    struct mr_finding finding = { .kind = mr_findings_bad(call), .from = from, .address = (uintptr_t)p, .size = MR_SIZE_UNKNOWN };
    size_t inside = (uintptr_t)p - around.start;
    if (around.start && inside > 0) {
        mr_findings_tell(&finding, "%s: the pointer leads %lu %s into the block at 0x%lx", call, inside,
                         inside == 1 ? "byte" : "bytes", around.start);
    } else if (around.in_slab) {
        finding.kind = mr_findings_again(call);
        mr_findings_tell(&finding, "%s: this block of %lu bytes was freed before", call, around.size);
    } else {
        finding.kind = (uintptr_t)p % 16 ? finding.kind : mr_findings_again(call);
        mr_findings_tell(&finding, "%s: no block in use starts there (freed before, or not from malloc)", call);
    }
}

/* ---- pointers of nobody's ---------------------------------------------------------------------------------------------- */

enum { MAPS_CAP = 1 << 20 };

/* A thread's stack ends where its control block begins, the first thread's with its mapping, which has a name. Others may
 * have grown together with what lies above them. */
static bool share_stack(const char *text, size_t len, uintptr_t sp, uintptr_t p)
{
    struct mr_map row;
    for (const char *at = text; mr_maps_next(&at, text + len, &row);)
        if (sp - row.from < row.to - row.from)
            return p < row.to && (p < mr_thread_self() || (row.name_len == 7 && memcmp(row.name, "[stack]", 7) == 0));
    return false;
}

/* The system is asked only about what is as near as stacks usually are large. */
static bool is_on_stack(uintptr_t p)
{
    uintptr_t sp = (uintptr_t)__builtin_frame_address(0);
    if (p - sp > 64 * MR_MIB)
        return false;
    char *text = mr_vm_reserve(MAPS_CAP, mr_os_page);
    bool shared = text && mr_vm_commit(text, MAPS_CAP) && share_stack(text, mr_maps_read(text, MAPS_CAP), sp, p);
    mr_vm_release(text, text ? MAPS_CAP : 0);
    return shared;
}

#pragma weak _dl_find_object

static const char *object_at(const void *p)
{
    struct dl_find_object found;
    if (!_dl_find_object || _dl_find_object((void *)(uintptr_t)p, &found) != 0)
        return NULL;
    const char *name = found.dlfo_link_map->l_name;
    for (const char *c = name; *c; c++)
        name = *c == '/' ? c + 1 : name;
    return *name ? name : "the program";
}

bool mr_findings_foreign(const char *call, const void *p, const struct mr_unwind_start *from)
{
    struct mr_finding finding = { .kind = mr_findings_bad(call), .from = from, .address = (uintptr_t)p, .size = MR_SIZE_UNKNOWN };
    const char *object = object_at(p);
    if (object)
        mr_findings_tell(&finding, "%s: not from malloc, it lies in %s itself", call, object);
    else if (is_on_stack((uintptr_t)p))
        mr_findings_tell(&finding, "%s: not from malloc, it lies on the calling thread's stack", call);
    else if (!mr_vm_readable((const void *)((uintptr_t)p & ~(uintptr_t)7)))
        mr_findings_tell(&finding, "%s: not from malloc, there is no memory there", call);
    else
        return false;
    return true;
}

/* ---- arguments ------------------------------------------------------------------------------------------------------------- */

void mr_findings_size(size_t size, const struct mr_unwind_start *from)
{
    struct mr_finding finding = { .kind = MR_FINDING_BAD_SIZE, .from = from, .size = MR_SIZE_UNKNOWN };
    if (mr_zone_is_checked(MR_CHECK_ARGUMENTS) && size > PTRDIFF_MAX)
        mr_findings_tell(&finding, "%lu bytes were asked for, which is %ld as a signed number", size, (long)size);
}

void mr_findings_alignment(const char *call, size_t align, const struct mr_unwind_start *from)
{
    struct mr_finding finding = { .kind = MR_FINDING_BAD_ALIGNMENT, .from = from, .size = MR_SIZE_UNKNOWN };
    if (mr_zone_is_checked(MR_CHECK_ARGUMENTS))
        mr_findings_tell(&finding, "%s was asked for an alignment of %lu; it must be a power of two%s", call, align,
                         *call == 'p' ? " and a multiple of 8" : "");
}

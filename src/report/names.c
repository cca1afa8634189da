#include "names.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

struct module {
    char *path;             /* ours; one string for all loads of the same file: sources know modules by its address */
    bool is_first;          /* of the loads of that file */
    const struct mr_ledger_module *entry;
    char build_id[2 * 32 + 1];
    bool is_own;            /* libmemoir.so */
    enum mr_symbol_state state;
};

/* What is known of one node of the tree of callers. 0: not yet. */
struct node {
    uint64_t key_by_name, key_by_offset;
    bool wanted; /* then its callers are too */
};

struct mr_names {
    const struct mr_reader *ledger;
    struct mr_symbol_source *symbols;
    struct module *modules;
    size_t module_count;
    struct node *nodes;
    size_t node_count;
    const char **notes;
};

/* --- modules -------------------------------------------------------------------------------------------- */

static int by_file(const void *a, const void *b)
{
    const struct module *x = a, *y = b;
    int order = strcmp(x->path, y->path);
    return order ? order : strcmp(x->build_id, y->build_id);
}

static void describe(struct mr_names *names, size_t i)
{
    struct module *module = &names->modules[i];
    struct mr_fmt f = mr_fmt_to_buffer(module->build_id, sizeof module->build_id);
    module->entry = mr_reader_module(names->ledger, i);
    for (size_t b = 0; module->entry && b < mr_min(module->entry->build_id_bytes, sizeof module->entry->build_id); b++)
        mr_fmt_print(&f, "%02x", module->entry->build_id[b]);
    mr_fmt_end_string(&f);
    module->path = (char *)(module->entry ? mr_reader_string(names->ledger, module->entry->path) : "");
    module->is_own = strncmp(mr_frames_base(module->path), "libmemoir.so", 12) == 0;
}

static char *copy_text(const char *text)
{
    size_t bytes = strlen(text) + 1;
    char *copy = malloc(bytes);
    return copy ? memcpy(copy, text, bytes) : NULL;
}

static void leave(void *node)
{
    (void)node;
}

/* Modules [from, module_count): their paths become ours. False without memory. */
static bool describe_modules(struct mr_names *names, size_t from)
{
    void *files = NULL;
    bool good = true;
    for (size_t i = 0; i < names->module_count && good; i++) {
        struct module *module = &names->modules[i];
        if (i >= from)
            describe(names, i);
        struct module **first = tsearch(module, &files, by_file);
        module->is_first = first && *first == module;
        if (i >= from && first)
            module->path = *first == module ? copy_text(module->path) : (*first)->path;
        good = first && module->path;
    }
    tdestroy(files, leave);
    return good;
}

/* Room for what the ledger has by now; what is new in it is zero. */
static bool make_room(struct mr_names *names, size_t module_count, size_t node_count)
{
    struct module *modules = reallocarray(names->modules, module_count, sizeof *modules);
    names->modules = modules ? modules : names->modules;
    struct node *nodes = modules ? reallocarray(names->nodes, node_count, sizeof *nodes) : NULL;
    names->nodes = nodes ? nodes : names->nodes;
    const char **notes = nodes ? reallocarray(names->notes, module_count, sizeof *notes) : NULL;
    names->notes = notes ? notes : names->notes;
    if (!notes)
        return false;
    memset(modules + names->module_count, 0, (module_count - names->module_count) * sizeof *modules);
    memset(nodes + names->node_count, 0, (node_count - names->node_count) * sizeof *nodes);
    memset(notes + names->module_count, 0, (module_count - names->module_count) * sizeof *notes);
    return true;
}

bool mr_names_follow(struct mr_names *names, const struct mr_reader *ledger)
{
    size_t before = names->module_count;
    size_t module_count = mr_max(mr_reader_count(ledger, MR_SECTION_MODULES), mr_max(before, 1));
    size_t node_count = mr_max(mr_reader_count(ledger, MR_SECTION_FRAMES), mr_max(names->node_count, 1));
    if (!make_room(names, module_count, node_count))
        return false;
    names->ledger = ledger;
    names->module_count = module_count;
    names->node_count = node_count;
    for (size_t i = 0; i < before; i++)
        names->modules[i].entry = mr_reader_module(ledger, i);
    return describe_modules(names, before);
}

struct mr_names *mr_names_new(const struct mr_reader *ledger, struct mr_symbol_source *symbols)
{
    struct mr_names *names = calloc(1, sizeof *names);
    if (!names)
        return NULL;
    names->symbols = symbols;
    if (mr_names_follow(names, ledger))
        return names;
    mr_names_free(names);
    return NULL;
}

void mr_names_free(struct mr_names *names)
{
    if (!names)
        return;
    for (size_t i = 0; names->notes && i < names->module_count && names->notes[i]; i++)
        free((char *)names->notes[i]);
    for (size_t i = 0; i < names->module_count; i++)
        if (names->modules[i].is_first)
            free(names->modules[i].path);
    free(names->notes);
    free(names->modules);
    free(names->nodes);
    free(names);
}

/* --- frames ----------------------------------------------------------------------------------------------- */

static const char *const marks[MR_FRAME_MARK_COUNT] = {
    [MR_FRAME_MARK_NO_RULE] = "the callers of this are unknown: no unwind information",
    [MR_FRAME_MARK_DEEP] = "more callers than are recorded",
    [MR_FRAME_MARK_BROKEN] = "the callers of this are unknown: the stack is damaged, or another was switched to",
};

static size_t ask(struct mr_names *names, struct module *module, const struct mr_report_frame *bare,
                  struct mr_report_frame *frames, size_t cap)
{
    struct mr_symbol_answer answer;
    struct mr_symbol_place place = {
        .module = module->path,
        .build_id = module->entry->build_id,
        .build_id_bytes = module->entry->build_id_bytes,
        .offset = bare->offset,
        .address = bare->address,
    };
    names->symbols->find(names->symbols, &place, &answer);
    module->state = answer.state;
    size_t count = mr_min(answer.count, cap);
    for (size_t i = 0; i < count; i++) {
        frames[i] = *bare;
        frames[i].function = answer.frames[i].function;
        frames[i].linkage = answer.frames[i].linkage;
        frames[i].file = answer.frames[i].file;
        frames[i].directory = answer.frames[i].directory;
        frames[i].line = answer.frames[i].line;
        frames[i].inlined = answer.frames[i].inlined;
    }
    return count;
}

static bool is_mark(const struct mr_ledger_frame *frame)
{
    return frame->module == 0 && frame->pc < MR_FRAME_MARK_COUNT;
}

static struct module *module_of(struct mr_names *names, const struct mr_ledger_frame *frame)
{
    return &names->modules[frame->module < names->module_count ? frame->module : 0];
}

/* The functions of one node; at least one if cap allows. The call is the byte before the return address. */
static size_t fill(struct mr_names *names, const struct mr_ledger_frame *frame, struct mr_report_frame *frames, size_t cap)
{
    if (cap == 0)
        return 0;
    if (is_mark(frame)) {
        frames[0] = (struct mr_report_frame){ .function = marks[frame->pc] };
        return marks[frame->pc] != NULL;
    }
    struct module *module = module_of(names, frame);
    struct mr_report_frame bare = { .address = frame->pc - 1 };
    if (module->entry) {
        bare.module = module->path;
        bare.build_id = *module->build_id ? module->build_id : NULL;
        bare.offset = bare.address - module->entry->bias;
    }
    size_t count = names->symbols && module->entry ? ask(names, module, &bare, frames, cap) : 0;
    if (count)
        return count;
    frames[0] = bare;
    return 1;
}

/* What asked for the memory, memoir's own functions left out. */
static uint32_t first_of_program(const struct mr_names *names, uint32_t stack)
{
    while (stack) {
        struct mr_ledger_frame frame = mr_reader_frame(names->ledger, stack);
        if (frame.module >= names->module_count || !names->modules[frame.module].is_own)
            break;
        stack = frame.caller;
    }
    return stack;
}

size_t mr_names_stack(struct mr_names *names, uint32_t stack, struct mr_report_frame *frames, size_t cap)
{
    size_t count = 0;
    for (stack = first_of_program(names, stack); stack && count < cap;) {
        struct mr_ledger_frame frame = mr_reader_frame(names->ledger, stack);
        count += fill(names, &frame, frames + count, cap - count);
        stack = frame.caller;
    }
    return count;
}

/* --- all at once ---------------------------------------------------------------------------------------------- */

void mr_names_want(struct mr_names *names, uint32_t stack)
{
    stack = first_of_program(names, stack);
    while (stack && stack < names->node_count && !names->nodes[stack].wanted) {
        names->nodes[stack].wanted = true;
        stack = mr_reader_frame(names->ledger, stack).caller;
    }
}

/* One node on its place in its file. */
struct place {
    uintptr_t path;
    uint64_t offset;
    uint32_t node;
};

static bool place_before(const void *a, const void *b)
{
    const struct place *x = a, *y = b;
    return x->path != y->path ? x->path < y->path : x->offset < y->offset;
}

static size_t collect_places(struct mr_names *names, struct place *places)
{
    size_t count = 0;
    for (uint32_t i = 1; i < names->node_count; i++) {
        struct mr_ledger_frame frame = mr_reader_frame(names->ledger, i);
        const struct module *module = module_of(names, &frame);
        if (!names->nodes[i].wanted || is_mark(&frame) || !module->entry)
            continue;
        if (places)
            places[count] = (struct place){ (uintptr_t)module->path, frame.pc - module->entry->bias, i };
        count++;
    }
    return count;
}

/* The answers stay with the source. Without memory for the order they are looked up one by one, later. */
void mr_names_look_up(struct mr_names *names, void (*progress)(void *ctx, size_t done, size_t all), void *ctx)
{
    size_t count = names->symbols ? collect_places(names, NULL) : 0;
    struct place *places = count ? malloc(count * sizeof *places) : NULL;
    if (!places)
        return;
    collect_places(names, places);
    mr_sort(places, count, sizeof *places, place_before);
    for (size_t i = 0; i < count; i++) {
        struct mr_report_frame frames[1];
        struct mr_ledger_frame frame = mr_reader_frame(names->ledger, places[i].node);
        fill(names, &frame, frames, MR_COUNT(frames));
        if (progress)
            progress(ctx, i, count);
    }
    free(places);
}

/* --- keys ---------------------------------------------------------------------------------------------------- */

/* One round of FNV-1a over eight bytes with a final mix (wyhash's 64x64 to 128 bit multiplication). */
static uint64_t mix(uint64_t hash, uint64_t value)
{
    unsigned __int128 product = (unsigned __int128)(hash ^ 0xa0761d6478bd642full) * (value ^ 0xe7037ed1a0b428dbull);
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t mix_text(uint64_t hash, const char *text)
{
    for (; text && *text; text++)
        hash = (hash ^ (unsigned char)*text) * 0x100000001b3ull;
    return mix(hash, text != NULL);
}

static uint64_t key_of_frames(const struct mr_report_frame *frames, size_t count, uint64_t callers)
{
    for (size_t i = count; i-- > 0;) {
        const struct mr_report_frame *frame = &frames[i];
        callers = mix_text(callers, frame->function);
        callers = mix_text(callers, frame->file);
        callers = mix(callers, frame->line);
        if (!frame->file && frame->module)
            callers = mix(mix_text(callers, frame->module), frame->offset);
        else if (!frame->file)
            callers = mix(callers, frame->address);
    }
    return callers;
}

static uint64_t key_of_node(struct mr_names *names, const struct mr_ledger_frame *frame, uint64_t callers, bool by_name)
{
    struct mr_report_frame frames[64];
    if (by_name)
        return key_of_frames(frames, fill(names, frame, frames, MR_COUNT(frames)), callers);
    const struct module *module = module_of(names, frame);
    uint64_t bias = module->entry ? module->entry->bias : 0;
    return mix(mix(callers, (uintptr_t)module->path), frame->pc - bias);
}

static uint64_t *key_in(struct mr_names *names, uint32_t stack, bool by_name)
{
    struct node *node = &names->nodes[stack < names->node_count ? stack : 0];
    return by_name ? &node->key_by_name : &node->key_by_offset;
}

/* Callers are remembered, so all stacks together cost no more than there are nodes. The chain is walked to the
 * first remembered caller, then back. */
uint64_t mr_names_key(struct mr_names *names, uint32_t stack, bool by_name)
{
    uint32_t chain[MR_REPORT_FRAMES_MOST];
    size_t depth = 0;
    stack = first_of_program(names, stack);
    for (; stack && depth < MR_COUNT(chain) && *key_in(names, stack, by_name) == 0; depth++) {
        chain[depth] = stack;
        stack = mr_reader_frame(names->ledger, stack).caller;
    }
    uint64_t key = stack ? *key_in(names, stack, by_name) : 1;
    while (depth-- > 0) {
        struct mr_ledger_frame frame = mr_reader_frame(names->ledger, chain[depth]);
        key = key_of_node(names, &frame, key, by_name) | 1;
        *key_in(names, chain[depth], by_name) = key;
    }
    return key;
}

/* --- notes ----------------------------------------------------------------------------------------------------- */

static char *sentence(const struct module *module)
{
    static const char *const reasons[] = {
        [MR_SYMBOL_GONE] = "is gone from this machine",
        [MR_SYMBOL_CHANGED] = "was replaced since: its build id is another",
        [MR_SYMBOL_UNREADABLE] = "cannot be read",
    };
    size_t cap = strlen(module->path) + 160;
    char *text = malloc(cap);
    if (!text)
        return NULL;
    struct mr_fmt f = mr_fmt_to_buffer(text, cap);
    mr_fmt_print(&f, "%s %s; its functions have no names here", module->path, reasons[module->state]);
    return mr_fmt_end_string(&f);
}

static bool is_noted(const struct mr_names *names, size_t i)
{
    for (size_t j = 0; j < i; j++)
        if (names->modules[j].path == names->modules[i].path && names->modules[j].state != MR_SYMBOL_FOUND)
            return true;
    return false;
}

/* What is no file (the kernel's vdso) cannot be gone. */
size_t mr_names_notes(struct mr_names *names, const char *const **notes)
{
    size_t count = 0;
    for (size_t i = 1; i < names->module_count; i++) {
        const struct module *module = &names->modules[i];
        if (module->path[0] != '/' || module->state == MR_SYMBOL_FOUND || is_noted(names, i))
            continue;
        char *text = names->notes[count] ? NULL : sentence(module);
        if (text)
            names->notes[count++] = text;
    }
    *notes = names->notes;
    return count;
}

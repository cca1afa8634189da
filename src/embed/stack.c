/* stack.c: allocating, freeing and marks: what of them is not inlined. */
#include "stack_inside.h"

#include <errno.h>

#include "complain.h"
#include "os.h"

enum {
    HEADER = 8,
    BELOW = 16, ABOVE = 8, /* bytes of magic round a block */
    STEP = 64 << 10,       /* the least growth */
};

static const uint64_t MAGIC_BELOW = 0xc0dedba5e0f5ac4bu, MAGIC_ABOVE = 0x7a5e0fc0def00d1eu;
#define SOUND MR_STACK_FAULT(0, NULL, NULL)

/* ---- small things ----------------------------------------------------------------------------------- */

static void lock(struct mr_stack *s)
{
    if (mr_stack_has(s, MEMOIR_STACK_THREAD_SAFE))
        pthread_mutex_lock(&s->mutex);
}

static void unlock(struct mr_stack *s)
{
    if (mr_stack_has(s, MEMOIR_STACK_THREAD_SAFE))
        pthread_mutex_unlock(&s->mutex);
}

MR_COLD void mr_stack_tell(const struct memoir_stack_options *options, struct memoir_stack *stack,
                           struct mr_stack_fault f)
{
    struct mr_complaint complaint = { "stack", options->name, f.pointer, f.words };
    if (options->on_error)
        options->on_error(options->ctx, stack, f.kind, f.pointer, f.words);
    else if (stack)
        mr_complain_fatally(&complaint);
    else
        mr_complain(&complaint);
}

/* Ends every operation: nobody is told anything while the lock is held. */
static void finish(struct mr_stack *s, struct mr_stack_fault f)
{
    unlock(s);
    if (MR_UNLIKELY(f.words != NULL))
        mr_stack_tell(&s->options, &s->face, f);
}

static struct memoir_stack_header header_of(const char *p)
{
    struct memoir_stack_header header;
    memcpy(&header, p - HEADER, sizeof header);
    return header;
}

static uint64_t word_at(const char *at)
{
    uint64_t word;
    memcpy(&word, at, sizeof word);
    return word;
}

static void set_word(char *at, uint64_t word) { memcpy(at, &word, sizeof word); }

static char *none(const struct memoir_stack *st) { return st->base + MR_STACK_NONE; }

/* ---- allocating ------------------------------------------------------------------------------------- */

/* Room for `need` bytes above the top: what is committed doubles, so that growing costs O(1) per byte. */
static bool grow(struct mr_stack *s, size_t need)
{
    struct memoir_stack *st = mr_stack_state(s);
    if (need > (size_t)(s->limit - st->top))
        return false;
    size_t missing = mr_align_up((size_t)(st->top + need - st->end), mr_os_page);
    size_t wish = mr_max(missing, mr_max(STEP, (size_t)(st->end - st->base)));
    size_t more = mr_min(wish & ~(mr_os_page - 1), (size_t)(s->limit - st->end));
    if (!mr_vm_commit(st->end, more) && (more = missing, !mr_vm_commit(st->end, more)))
        return false;
    st->end += more;
    return true;
}

static void *fail(struct mr_stack *s)
{
    s->failures++;
    errno = ENOMEM;
    return NULL;
}

static void place(struct mr_stack *s, char *p, size_t size, size_t need)
{
    struct memoir_stack *st = mr_stack_state(s);
    struct memoir_stack_header header = { (uint32_t)((p - st->last) / 8), (uint32_t)((p - HEADER - st->top) / 8) };
    memcpy(p - HEADER, &header, sizeof header);
    if (mr_stack_has(s, MEMOIR_STACK_MAGIC)) {
        set_word(p - HEADER - 8, size);
        set_word(p - HEADER - BELOW, MAGIC_BELOW ^ size);
        set_word(p + size, MAGIC_ABOVE);
    }
    st->last = p;
    st->top += need;
    st->allocs++;
}

static void *take(struct mr_stack *s, size_t align, size_t size)
{
    struct memoir_stack *st = mr_stack_state(s);
    bool magic = mr_stack_has(s, MEMOIR_STACK_MAGIC);
    size_t below = HEADER + (magic ? BELOW : 0), above = magic ? ABOVE : 0;
    if (size > MEMOIR_STACK_LARGEST || align > MEMOIR_STACK_LARGEST)
        return fail(s);
    char *p = (char *)mr_align_up((uintptr_t)st->top + below, align);
    /* The top stays 8 below a multiple of 16. */
    size_t need = (size_t)(p - st->top) + mr_align_up(size + above + 8, 16) - 8;
    if (need > (size_t)(st->end - st->top) && !grow(s, need))
        return fail(s);
    place(s, p, size, need);
    return p;
}

void *memoir_stack_alloc_slow(struct memoir_stack *stack, size_t size)
{
    struct mr_stack *s = mr_stack_whole(stack);
    lock(s);
    void *p = take(s, 16, size);
    unlock(s);
    return p;
}

void *memoir_stack_aligned_alloc(struct memoir_stack *stack, size_t align, size_t size)
{
    struct mr_stack *s = mr_stack_whole(stack);
    if (!mr_is_pow2(align)) {
        mr_stack_tell(&s->options, stack, MR_STACK_FAULT(MEMOIR_STACK_BAD_REQUEST, NULL,
                                                         "an alignment must be a power of two"));
        return NULL;
    }
    lock(s);
    void *p = take(s, mr_max(align, 16), size);
    unlock(s);
    return p;
}

/* ---- freeing ---------------------------------------------------------------------------------------- */

/* What can be said of a block that is the last one, or was reached from it; `top` is where it ends at most. */
static struct mr_stack_fault look_at(const struct mr_stack *s, const struct memoir_stack *st, const char *p,
                                     const char *top)
{
    size_t depth = (size_t)(p - st->base);
    struct memoir_stack_header header = header_of(p);
    size_t back = (size_t)header.back * 8;
    bool is_lowest = back == depth - MR_STACK_NONE, fits = is_lowest || back + MR_STACK_BOTTOM + HEADER <= depth;
    if (!fits || header.pad >= header.back)
        return MR_STACK_FAULT(MEMOIR_STACK_CORRUPTED, p,
                              "the header of this block was overwritten: something was written below its start");
    if (!mr_stack_has(s, MEMOIR_STACK_MAGIC))
        return SOUND;
    size_t size = word_at(p - HEADER - 8);
    if (word_at(p - HEADER - BELOW) != (MAGIC_BELOW ^ size) || size > MEMOIR_STACK_LARGEST ||
        size + ABOVE > (size_t)(top - p))
        return MR_STACK_FAULT(MEMOIR_STACK_CORRUPTED, p, "the magic below this block was overwritten");
    if (word_at(p + size) != MAGIC_ABOVE)
        return MR_STACK_FAULT(MEMOIR_STACK_CORRUPTED, p,
                              "the magic above this block was overwritten: more was written than was asked for");
    return SOUND;
}

static void note_peak(struct memoir_stack *st)
{
    if (st->top > st->peak)
        st->peak = st->top;
}

/* The top before the block and its padding. */
static char *top_below(const char *p) { return (char *)p - HEADER - (size_t)header_of(p).pad * 8; }

static void pop(struct memoir_stack *st)
{
    char *p = st->last;
    note_peak(st);
    st->top = top_below(p);
    st->last = p - (size_t)header_of(p).back * 8;
    st->frees++;
}

static struct mr_stack_fault why_not_top(const struct memoir_stack *st, const char *limit, const char *p)
{
    if (p < st->base + MR_STACK_BOTTOM || p >= limit)
        return MR_STACK_FAULT(MEMOIR_STACK_FOREIGN_POINTER, p,
                              "free of a pointer that does not lead into this stack");
    if (p >= st->top)
        return MR_STACK_FAULT(MEMOIR_STACK_RELEASED, p, "free of what was freed or released before");
    return MR_STACK_FAULT(MEMOIR_STACK_NOT_TOP, p,
                          "free of a block that was not allocated last: free those above first, or release to a mark");
}

static struct mr_stack_fault free_top(struct mr_stack *s, const char *p)
{
    struct memoir_stack *st = mr_stack_state(s);
    if (p != st->last || p == none(st))
        return why_not_top(st, s->limit, p);
    struct mr_stack_fault f = look_at(s, st, p, st->top);
    if (!f.words)
        pop(st);
    return f;
}

void memoir_stack_free_slow(struct memoir_stack *stack, void *p)
{
    struct mr_stack *s = mr_stack_whole(stack);
    if (!p)
        return;
    lock(s);
    finish(s, free_top(s, p));
}

/* ---- marks ------------------------------------------------------------------------------------------ */

struct memoir_stack_mark memoir_stack_mark_slow(struct memoir_stack *stack)
{
    struct mr_stack *s = mr_stack_whole(stack);
    lock(s);
    const struct memoir_stack *st = mr_stack_state(s);
    struct memoir_stack_mark mark = { st->top, st->last, st->allocs - st->frees };
    unlock(s);
    return mark;
}

/* All blocks above `mark`, looked at one by one: what is found wrong ends it there. */
static struct mr_stack_fault pop_to(struct mr_stack *s, const char *mark)
{
    struct memoir_stack *st = mr_stack_state(s);
    while (st->last > mark) {
        struct mr_stack_fault f = look_at(s, st, st->last, st->top);
        if (f.words)
            return f;
        pop(st);
    }
    return SOUND;
}

static struct mr_stack_fault release_to(struct mr_stack *s, const struct memoir_stack_mark *mark)
{
    struct memoir_stack *st = mr_stack_state(s);
    if (mark->top < st->base + MR_STACK_BOTTOM || mark->top > s->limit)
        return MR_STACK_FAULT(MEMOIR_STACK_BAD_MARK, mark->top, "release to a mark of another stack");
    if (mark->top > st->top)
        return MR_STACK_FAULT(MEMOIR_STACK_BAD_MARK, mark->top,
                              "release to a mark above the top: what it marked is gone");
    struct mr_stack_fault f = pop_to(s, mark->top);
    if (!f.words && (st->top != mark->top || st->last != mark->last))
        return MR_STACK_FAULT(MEMOIR_STACK_BAD_MARK, mark->top,
                              "release to a mark that was freed, above which others were allocated since");
    return f;
}

void memoir_stack_release_slow(struct memoir_stack *stack, struct memoir_stack_mark mark)
{
    struct mr_stack *s = mr_stack_whole(stack);
    lock(s);
    finish(s, release_to(s, &mark));
}

/* ---- the rest --------------------------------------------------------------------------------------- */

void memoir_stack_trim(struct memoir_stack *stack)
{
    struct mr_stack *s = mr_stack_whole(stack);
    if (!s->memory)
        return;
    lock(s);
    char *from = (char *)mr_align_up((uintptr_t)mr_stack_state(s)->top, mr_os_page), *end = mr_stack_state(s)->end;
    if (from < end)
        mr_vm_purge(from, (size_t)(end - from));
    unlock(s);
}

void memoir_stack_stats(struct memoir_stack *stack, struct memoir_stack_stats *stats)
{
    struct mr_stack *s = mr_stack_whole(stack);
    lock(s);
    const struct memoir_stack *st = mr_stack_state(s);
    const char *bottom = st->base + MR_STACK_BOTTOM, *peak = st->top > st->peak ? st->top : st->peak;
    *stats = (struct memoir_stack_stats){
        .allocs = st->allocs, .frees = st->frees, .blocks = st->allocs - st->frees,
        .in_use = (uint64_t)(st->top - bottom), .peak = (uint64_t)(peak - bottom),
        .capacity = (uint64_t)(st->end - bottom), .limit = (uint64_t)(s->limit - bottom), .failures = s->failures,
    };
    unlock(s);
}

void memoir_stack_reset_stats(struct memoir_stack *stack)
{
    struct mr_stack *s = mr_stack_whole(stack);
    lock(s);
    mr_stack_state(s)->peak = mr_stack_state(s)->top;
    s->failures = 0;
    unlock(s);
}

static struct mr_stack_fault look_at_all(const struct mr_stack *s, const struct memoir_stack *st)
{
    const char *top = st->top, *p = st->last;
    for (; p != none(st); p -= (size_t)header_of(p).back * 8) {
        if (p < st->base + MR_STACK_BOTTOM + HEADER || p > top)
            return MR_STACK_FAULT(MEMOIR_STACK_CORRUPTED, top,
                                  "the block below this one is not where its header says");
        struct mr_stack_fault f = look_at(s, st, p, top);
        if (f.words)
            return f;
        top = top_below(p);
    }
    return SOUND;
}

const char *memoir_stack_check(struct memoir_stack *stack, const void **where)
{
    struct mr_stack *s = mr_stack_whole(stack);
    lock(s);
    struct mr_stack_fault f = look_at_all(s, mr_stack_state(s));
    unlock(s);
    if (where)
        *where = f.pointer;
    return f.words;
}

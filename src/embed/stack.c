/* stack.c: linear allocators, what of them is not inlined.
 *
 *   base        base+16                                  top                  end            limit
 *   |  nothing  | header | block ... | header | block ... |  free, committed   |  reserved    |
 *                8 bytes  ^ at 16 n
 *
 * Invariants (I1: always; I2, I3: memoir_stack_check):
 *   I1  base + 16 <= top <= end <= limit; base = top = 8 modulo 16
 *   I2  a block lies where its successor's header says: last(k) = block(k + 1) - 8 back(k + 1), and the lowest is
 *       base + 8, which stands for "none"; the header of block k + 1 lies above block k
 *   I3  with magic words: those of each block are what they were
 *
 * A stack whose every call needs more than its inline half does is "careful": its state is `real`, and the pointers that
 * the inline halves see all lead NOWHERE: no room, no last block, no mark below the top. */
#include "memoir/stack.h"

#include <errno.h>
#include <pthread.h>

#include "complain.h"
#include "os.h"

enum {
    NONE = 8, BOTTOM = 16, /* from base on */
    HEADER = 8,
    BELOW = 16, ABOVE = 8, /* bytes of magic round a block */
    STEP = 64 << 10,       /* the least growth */
};

static const uint64_t MAGIC_BELOW = 0xc0dedba5e0f5ac4bu, MAGIC_ABOVE = 0x7a5e0fc0def00d1eu;

#define NOWHERE ((char *)8)

struct stack {
    struct memoir_stack face;
    struct memoir_stack real;
    struct memoir_stack_options options;
    uint64_t failures;
    char *limit;
    void *memory; /* reserved from the system, NULL over a caller's buffer */
    size_t bytes;
    pthread_mutex_t mutex;
};
_Static_assert(sizeof(struct stack) + BOTTOM + 8 <= MEMOIR_STACK_OVERHEAD, "what the header promises of a caller's buffer");

struct fault {
    enum memoir_stack_error kind;
    const void *pointer;
    const char *words; /* NULL: no fault */
};

#define SOUND ((struct fault){ 0 })
#define FAULT(kind, pointer, words) ((struct fault){ (kind), (pointer), (words) })

/* ---- small things --------------------------------------------------------------------------------------- */

static struct stack *whole(struct memoir_stack *stack) { return (struct stack *)stack; }
static bool is_careful(const struct stack *s) { return s->face.base == NOWHERE; }
static struct memoir_stack *state(struct stack *s) { return is_careful(s) ? &s->real : &s->face; }
static bool has_magic(const struct stack *s) { return (s->options.flags & MEMOIR_STACK_MAGIC) != 0; }

static void lock(struct stack *s)
{
    if (s->options.flags & MEMOIR_STACK_THREAD_SAFE)
        pthread_mutex_lock(&s->mutex);
}

static void unlock(struct stack *s)
{
    if (s->options.flags & MEMOIR_STACK_THREAD_SAFE)
        pthread_mutex_unlock(&s->mutex);
}

static MR_COLD void tell(const struct memoir_stack_options *options, struct memoir_stack *stack, struct fault f)
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
static void finish(struct stack *s, struct fault f)
{
    unlock(s);
    if (MR_UNLIKELY(f.words != NULL))
        tell(&s->options, &s->face, f);
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

static char *none(const struct memoir_stack *st) { return st->base + NONE; }

/* ---- creating --------------------------------------------------------------------------------------------- */

static const char *what_is_wrong(const struct memoir_stack_options *o, size_t size, bool own)
{
    const unsigned known = MEMOIR_STACK_THREAD_SAFE | MEMOIR_STACK_MAGIC | MEMOIR_STACK_GUARDS;
    if (o->flags & ~known)
        return "options.flags has bits that mean nothing: use those of enum memoir_stack_flags";
    if (!own && (o->flags & MEMOIR_STACK_GUARDS))
        return "guard pages need memory of the system's: use memoir_stack_create";
    if (size > MEMOIR_STACK_LARGEST)
        return "a stack may have at most MEMOIR_STACK_LARGEST bytes";
    if (!own && size < MEMOIR_STACK_OVERHEAD)
        return "the buffer is too small: give it MEMOIR_STACK_OVERHEAD bytes and what the blocks need";
    return NULL;
}

static bool is_bad(const struct memoir_stack_options *o, size_t size, bool own)
{
    const char *words = what_is_wrong(o, size, own);
    if (!words)
        return false;
    tell(o, NULL, FAULT(MEMOIR_STACK_BAD_REQUEST, NULL, words));
    errno = EINVAL;
    return true;
}

/* The stack in [from, limit), of which what lies below `end` may be used. */
static void set_up(struct stack *s, char *from, char *end, char *limit)
{
    char *base = (char *)mr_align_up((uintptr_t)from + 8, 16) - 8;
    struct memoir_stack st = {
        .top = base + BOTTOM, .end = end, .last = base + NONE, .peak = base + BOTTOM, .base = base,
    };
    bool careful = (s->options.flags & (MEMOIR_STACK_THREAD_SAFE | MEMOIR_STACK_MAGIC)) != 0;
    s->limit = limit;
    if (s->options.flags & MEMOIR_STACK_THREAD_SAFE)
        pthread_mutex_init(&s->mutex, NULL);
    *(careful ? &s->real : &s->face) = st;
    if (careful)
        s->face = (struct memoir_stack){ .top = NOWHERE, .end = NOWHERE, .last = NOWHERE, .base = NOWHERE };
}

struct memoir_stack *memoir_stack_create_in(void *buffer, size_t size, const struct memoir_stack_options *options)
{
    struct memoir_stack_options o = options ? *options : (struct memoir_stack_options){ 0 };
    if (is_bad(&o, buffer ? size : 0, false))
        return NULL;
    char *end = (char *)buffer + size;
    struct stack *s = (struct stack *)mr_align_up((uintptr_t)buffer, _Alignof(struct stack));
    memset(s, 0, sizeof *s);
    s->options = o;
    set_up(s, (char *)(s + 1), end, end);
    return &s->face;
}

/* The control structure has OS pages of its own in front, then perhaps a guard: a program that runs past the lower end
 * does not meet it. */
struct memoir_stack *memoir_stack_create(size_t limit, const struct memoir_stack_options *options)
{
    struct memoir_stack_options o = options ? *options : (struct memoir_stack_options){ 0 };
    if (is_bad(&o, limit, true))
        return NULL;
    mr_os_init();
    size_t page = mr_os_page, guard = o.flags & MEMOIR_STACK_GUARDS ? page : 0;
    size_t front = mr_align_up(sizeof(struct stack), page) + guard;
    size_t room = mr_align_up(limit ? limit : MEMOIR_STACK_LARGEST, page), bytes = front + room + guard;
    char *memory = mr_vm_reserve(bytes, page);
    size_t first = mr_min(room, STEP);
    if (!memory || !mr_vm_commit(memory, front - guard) || !mr_vm_commit(memory + front, first)) {
        mr_vm_release(memory, memory ? bytes : 0);
        errno = ENOMEM;
        return NULL;
    }
    struct stack *s = (struct stack *)memory;
    s->options = o;
    s->memory = memory;
    s->bytes = bytes;
    set_up(s, memory + front, memory + front + first, memory + front + room);
    return &s->face;
}

void memoir_stack_destroy(struct memoir_stack *stack)
{
    if (!stack)
        return;
    struct stack *s = whole(stack);
    if (s->options.flags & MEMOIR_STACK_THREAD_SAFE)
        pthread_mutex_destroy(&s->mutex);
    if (s->memory)
        mr_vm_release(s->memory, s->bytes);
}

/* ---- allocating ------------------------------------------------------------------------------------------- */

/* Room for `need` bytes above the top: what is committed doubles, so that growing costs O(1) per byte. */
static bool grow(struct stack *s, size_t need)
{
    struct memoir_stack *st = state(s);
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

static void *fail(struct stack *s)
{
    s->failures++;
    errno = ENOMEM;
    return NULL;
}

static void place(struct stack *s, char *p, size_t size, size_t need)
{
    struct memoir_stack *st = state(s);
    struct memoir_stack_header header = { (uint32_t)((p - st->last) / 8), (uint32_t)((p - HEADER - st->top) / 8) };
    memcpy(p - HEADER, &header, sizeof header);
    if (has_magic(s)) {
        set_word(p - HEADER - 8, size);
        set_word(p - HEADER - BELOW, MAGIC_BELOW ^ size);
        set_word(p + size, MAGIC_ABOVE);
    }
    st->last = p;
    st->top += need;
    st->allocs++;
}

static void *take(struct stack *s, size_t align, size_t size)
{
    struct memoir_stack *st = state(s);
    size_t below = HEADER + (has_magic(s) ? BELOW : 0), above = has_magic(s) ? ABOVE : 0;
    if (size > MEMOIR_STACK_LARGEST || align > MEMOIR_STACK_LARGEST)
        return fail(s);
    char *p = (char *)mr_align_up((uintptr_t)st->top + below, align);
    size_t need = (size_t)(p - st->top) + mr_align_up(size + above + 8, 16) - 8; /* top stays 8 below a multiple of 16 */
    if (need > (size_t)(st->end - st->top) && !grow(s, need))
        return fail(s);
    place(s, p, size, need);
    return p;
}

void *memoir_stack_alloc_slow(struct memoir_stack *stack, size_t size)
{
    struct stack *s = whole(stack);
    lock(s);
    void *p = take(s, 16, size);
    unlock(s);
    return p;
}

void *memoir_stack_aligned_alloc(struct memoir_stack *stack, size_t align, size_t size)
{
    struct stack *s = whole(stack);
    if (!mr_is_pow2(align)) {
        tell(&s->options, stack, FAULT(MEMOIR_STACK_BAD_REQUEST, NULL, "an alignment must be a power of two"));
        return NULL;
    }
    lock(s);
    void *p = take(s, mr_max(align, 16), size);
    unlock(s);
    return p;
}

/* ---- freeing ---------------------------------------------------------------------------------------------- */

/* What can be said of a block that is the last one, or was reached from it; `top` is where it ends at most. */
static struct fault look_at(const struct stack *s, const struct memoir_stack *st, const char *p, const char *top)
{
    size_t depth = (size_t)(p - st->base);
    struct memoir_stack_header header = header_of(p);
    size_t back = (size_t)header.back * 8;
    if (back > depth - NONE || (back < depth - NONE && back > depth - BOTTOM - HEADER) || header.pad >= header.back)
        return FAULT(MEMOIR_STACK_CORRUPTED, p, "the header of this block was overwritten: something was written below its start");
    if (!has_magic(s))
        return SOUND;
    size_t size = word_at(p - HEADER - 8);
    if (word_at(p - HEADER - BELOW) != (MAGIC_BELOW ^ size) || size > MEMOIR_STACK_LARGEST || size + ABOVE > (size_t)(top - p))
        return FAULT(MEMOIR_STACK_CORRUPTED, p, "the magic below this block was overwritten");
    if (word_at(p + size) != MAGIC_ABOVE)
        return FAULT(MEMOIR_STACK_CORRUPTED, p, "the magic above this block was overwritten: it is longer than was asked for");
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

static struct fault why_not_top(const struct memoir_stack *st, const char *limit, const char *p)
{
    if (p < st->base + BOTTOM || p >= limit)
        return FAULT(MEMOIR_STACK_FOREIGN_POINTER, p, "free of a pointer that does not lead into this stack");
    if (p >= st->top)
        return FAULT(MEMOIR_STACK_RELEASED, p, "free of what was freed or released before");
    return FAULT(MEMOIR_STACK_NOT_TOP, p, "free of a block that was not allocated last: free those above first, or release to a mark");
}

static struct fault free_top(struct stack *s, const char *p)
{
    struct memoir_stack *st = state(s);
    if (p != st->last || p == none(st))
        return why_not_top(st, s->limit, p);
    struct fault f = look_at(s, st, p, st->top);
    if (!f.words)
        pop(st);
    return f;
}

void memoir_stack_free_slow(struct memoir_stack *stack, void *p)
{
    struct stack *s = whole(stack);
    if (!p)
        return;
    lock(s);
    finish(s, free_top(s, p));
}

/* ---- marks ------------------------------------------------------------------------------------------------ */

struct memoir_stack_mark memoir_stack_mark_slow(struct memoir_stack *stack)
{
    struct stack *s = whole(stack);
    lock(s);
    const struct memoir_stack *st = state(s);
    struct memoir_stack_mark mark = { st->top, st->last, st->allocs - st->frees };
    unlock(s);
    return mark;
}

/* All blocks above `mark`, looked at one by one: what is found wrong ends it there. */
static struct fault pop_to(struct stack *s, const char *mark)
{
    struct memoir_stack *st = state(s);
    while (st->last > mark) {
        struct fault f = look_at(s, st, st->last, st->top);
        if (f.words)
            return f;
        pop(st);
    }
    return SOUND;
}

static struct fault release_to(struct stack *s, const struct memoir_stack_mark *mark)
{
    struct memoir_stack *st = state(s);
    if (mark->top < st->base + BOTTOM || mark->top > s->limit)
        return FAULT(MEMOIR_STACK_BAD_MARK, mark->top, "release to a mark of another stack");
    if (mark->top > st->top)
        return FAULT(MEMOIR_STACK_BAD_MARK, mark->top, "release to a mark above the top: what it marked is gone");
    struct fault f = pop_to(s, mark->top);
    if (!f.words && (st->top != mark->top || st->last != mark->last))
        return FAULT(MEMOIR_STACK_BAD_MARK, mark->top, "release to a mark that was freed, above which others were allocated since");
    return f;
}

void memoir_stack_release_slow(struct memoir_stack *stack, struct memoir_stack_mark mark)
{
    struct stack *s = whole(stack);
    lock(s);
    finish(s, release_to(s, &mark));
}

/* ---- the rest --------------------------------------------------------------------------------------------- */

void memoir_stack_trim(struct memoir_stack *stack)
{
    struct stack *s = whole(stack);
    if (!s->memory)
        return;
    lock(s);
    char *from = (char *)mr_align_up((uintptr_t)state(s)->top, mr_os_page), *end = state(s)->end;
    if (from < end)
        mr_vm_purge(from, (size_t)(end - from));
    unlock(s);
}

void memoir_stack_stats(struct memoir_stack *stack, struct memoir_stack_stats *stats)
{
    struct stack *s = whole(stack);
    lock(s);
    const struct memoir_stack *st = state(s);
    const char *bottom = st->base + BOTTOM, *peak = st->top > st->peak ? st->top : st->peak;
    *stats = (struct memoir_stack_stats){
        .allocs = st->allocs, .frees = st->frees, .blocks = st->allocs - st->frees,
        .in_use = (uint64_t)(st->top - bottom), .peak = (uint64_t)(peak - bottom),
        .capacity = (uint64_t)(st->end - bottom), .limit = (uint64_t)(s->limit - bottom), .failures = s->failures,
    };
    unlock(s);
}

void memoir_stack_reset_stats(struct memoir_stack *stack)
{
    struct stack *s = whole(stack);
    lock(s);
    state(s)->peak = state(s)->top;
    s->failures = 0;
    unlock(s);
}

static struct fault look_at_all(const struct stack *s, const struct memoir_stack *st)
{
    const char *top = st->top, *p = st->last;
    for (; p != none(st); p -= (size_t)header_of(p).back * 8) {
        if (p < st->base + BOTTOM + HEADER || p > top)
            return FAULT(MEMOIR_STACK_CORRUPTED, top, "the block below this one is not where its header says");
        struct fault f = look_at(s, st, p, top);
        if (f.words)
            return f;
        top = top_below(p);
    }
    return SOUND;
}

const char *memoir_stack_check(struct memoir_stack *stack, const void **where)
{
    struct stack *s = whole(stack);
    lock(s);
    struct fault f = look_at_all(s, state(s));
    unlock(s);
    if (where)
        *where = f.pointer;
    return f.words;
}

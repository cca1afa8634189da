/* stack_create.c: where the parts of a linear allocator lie. */
#include "stack_inside.h"

#include <errno.h>

#include "os.h"

enum { FIRST = 64 << 10 }; /* bytes usable from the start */

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
    mr_stack_tell(o, NULL, MR_STACK_FAULT(MEMOIR_STACK_BAD_REQUEST, NULL, words));
    errno = EINVAL;
    return true;
}

/* The stack in [from, limit), of which what lies below `end` may be used. */
static void set_up(struct mr_stack *s, char *from, char *end, char *limit)
{
    char *base = (char *)mr_align_up((uintptr_t)from + 8, 16) - 8;
    struct memoir_stack st = {
        .top = base + MR_STACK_BOTTOM, .end = end, .last = base + MR_STACK_NONE, .peak = base + MR_STACK_BOTTOM,
            .base = base,
    };
    bool careful = (s->options.flags & (MEMOIR_STACK_THREAD_SAFE | MEMOIR_STACK_MAGIC)) != 0;
    s->limit = limit;
    if (mr_stack_has(s, MEMOIR_STACK_THREAD_SAFE))
        pthread_mutex_init(&s->mutex, NULL);
    *(careful ? &s->real : &s->face) = st;
    if (careful)
        s->face = (struct memoir_stack){ .top = MR_STACK_NOWHERE, .end = MR_STACK_NOWHERE,
                                         .last = MR_STACK_NOWHERE, .base = MR_STACK_NOWHERE };
}

struct memoir_stack *memoir_stack_create_in(void *buffer, size_t size, const struct memoir_stack_options *options)
{
    struct memoir_stack_options o = options ? *options : (struct memoir_stack_options){ 0 };
    if (is_bad(&o, buffer ? size : 0, false))
        return NULL;
    char *end = (char *)buffer + size;
    struct mr_stack *s = (struct mr_stack *)mr_align_up((uintptr_t)buffer, _Alignof(struct mr_stack));
    memset(s, 0, sizeof *s);
    s->options = o;
    set_up(s, (char *)(s + 1), end, end);
    return &s->face;
}

/* The control structure has OS pages of its own in front, then perhaps a guard: a program that runs past the
 * lower end does not meet it. */
struct memoir_stack *memoir_stack_create(size_t limit, const struct memoir_stack_options *options)
{
    struct memoir_stack_options o = options ? *options : (struct memoir_stack_options){ 0 };
    if (is_bad(&o, limit, true))
        return NULL;
    mr_os_init();
    size_t page = mr_os_page, guard = o.flags & MEMOIR_STACK_GUARDS ? page : 0;
    size_t front = mr_align_up(sizeof(struct mr_stack), page) + guard;
    size_t room = mr_align_up(limit ? limit : MEMOIR_STACK_LARGEST, page), bytes = front + room + guard;
    char *memory = mr_vm_reserve(bytes, page);
    size_t first = mr_min(room, FIRST);
    if (!memory || !mr_vm_commit(memory, front - guard) || !mr_vm_commit(memory + front, first)) {
        mr_vm_release(memory, memory ? bytes : 0);
        errno = ENOMEM;
        return NULL;
    }
    struct mr_stack *s = (struct mr_stack *)memory;
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
    struct mr_stack *s = mr_stack_whole(stack);
    if (mr_stack_has(s, MEMOIR_STACK_THREAD_SAFE))
        pthread_mutex_destroy(&s->mutex);
    if (s->memory)
        mr_vm_release(s->memory, s->bytes);
}


#include "bounds.h"

#include <string.h>

#include "os.h"

/* No frame is larger, and stacks further apart are two. */
static const uintptr_t FAR = (uintptr_t)16 << 20;
static const uintptr_t NEAR = (uintptr_t)256 << 10;

static bool readable(uintptr_t from, uintptr_t to)
{
    for (uintptr_t at = from; at < to; at += mr_os_page)
        if (!mr_vm_readable((void *)at))
            return false;
    return true;
}

static void move_to_front(struct mr_bounds *b, size_t i)
{
    struct mr_bounds_stack s = b->stacks[i];
    memmove(b->stacks + 1, b->stacks, i * sizeof s);
    b->stacks[0] = s;
}

static bool adjoins(struct mr_bounds_stack *s, uintptr_t page)
{
    if (page < s->lo && s->lo - page <= NEAR && readable(page, s->lo))
        s->lo = page;
    else if (page >= s->hi && s->hi && page - s->hi < NEAR && readable(s->hi, page + mr_os_page))
        s->hi = page + mr_os_page;
    return page - s->lo < s->hi - s->lo;
}

bool mr_bounds_enter_rest(struct mr_bounds *b, uintptr_t at)
{
    uintptr_t page = mr_align_down(at, mr_os_page);
    for (size_t i = 0; i < MR_COUNT(b->stacks); i++)
        if (page - b->stacks[i].lo < b->stacks[i].hi - b->stacks[i].lo) {
            move_to_front(b, i);
            return true;
        }
    for (size_t i = 0; i < MR_COUNT(b->stacks); i++)
        if (adjoins(&b->stacks[i], page)) {
            move_to_front(b, i);
            return true;
        }
    if (page == 0 || !readable(page, page + mr_os_page))
        return false;
    b->stacks[MR_COUNT(b->stacks) - 1] = (struct mr_bounds_stack){ page, page + mr_os_page };
    move_to_front(b, MR_COUNT(b->stacks) - 1);
    return true;
}

bool mr_bounds_reach_rest(struct mr_bounds *b, uintptr_t end)
{
    struct mr_bounds_stack *s = &b->stacks[0];
    if (end - s->hi > FAR)
        return false;
    for (; s->hi < end; s->hi += mr_os_page)
        if (!mr_vm_readable((void *)s->hi))
            return false;
    return true;
}

#include "suppress_list.h"

#include <stdlib.h>
#include <string.h>

struct mr_suppress *mr_suppress_new(void)
{
    return calloc(1, sizeof(struct mr_suppress));
}

void mr_suppress_release(struct mr_suppression *s)
{
    for (size_t i = 0; i < s->frame_count; i++)
        free(s->frames[i].pattern);
    free(s->frames);
    free(s->anywhere);
    free(s->name);
    *s = (struct mr_suppression){ 0 };
}

void mr_suppress_free(struct mr_suppress *list)
{
    if (!list)
        return;
    for (size_t i = 0; i < list->count; i++)
        mr_suppress_release(&list->list[i]);
    free(list->list);
    free(list);
}

/* The array with room for one more element behind `count`; it doubles when `count` is a power of two. */
static void *with_room(void *array, size_t count, size_t size)
{
    return count && !mr_is_pow2(count) ? array : realloc(array, (count ? 2 * count : 1) * size);
}

char *mr_suppress_copy(const char *text, size_t len)
{
    char *copy = malloc(len + 1);
    if (copy) {
        memcpy(copy, text, len);
        copy[len] = '\0';
    }
    return copy;
}

bool mr_suppress_keep(struct mr_suppress *list, struct mr_suppression *s)
{
    struct mr_suppression *larger = s->name ? with_room(list->list, list->count, sizeof *s) : NULL;
    if (!larger) {
        mr_suppress_release(s);
        return false;
    }
    list->list = larger;
    list->list[list->count++] = *s;
    return true;
}

bool mr_suppress_add_frame(struct mr_suppression *s, int what, const char *pattern, size_t len)
{
    char *text = mr_suppress_copy(pattern, len);
    struct mr_suppress_frame *larger = text ? with_room(s->frames, s->frame_count, sizeof *s->frames) : NULL;
    if (!larger) {
        free(text);
        return false;
    }
    s->frames = larger;
    s->frames[s->frame_count].what = what;
    s->frames[s->frame_count++].pattern = text;
    return true;
}

void mr_suppress_count(struct mr_suppress *list, const char *name, uint64_t bytes, uint64_t blocks)
{
    for (size_t i = 0; i < list->count; i++)
        if (list->list[i].name == name) {
            list->list[i].booked.bytes += bytes;
            list->list[i].booked.blocks += blocks;
        }
}

void mr_suppress_list(const struct mr_suppress *list,
                      void (*visit)(void *ctx, const char *where, const char *name, struct mr_report_sum booked),
                      void *ctx)
{
    for (size_t i = 0; i < list->count; i++)
        visit(ctx, list->list[i].where, list->list[i].name, list->list[i].booked);
}

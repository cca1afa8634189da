#include "suppress_list.h"
#include "pattern.h"

static bool fits_or_null(const char *pattern, const char *text)
{
    return text && mr_pattern_fits(pattern, text);
}

/* src:FILE or src:FILE:LINE, the file with or without its directories. */
static bool fits_source(const char *pattern, const struct mr_report_frame *frame)
{
    char text[4096];
    if (!frame->file)
        return false;
    for (int i = 0; i < 2; i++) {
        const char *file = i ? mr_frames_base(frame->file) : frame->file;
        struct mr_fmt f = mr_fmt_to_buffer(text, sizeof text);
        mr_fmt_print(&f, "%s:%u", file, frame->line);
        if (mr_pattern_fits(pattern, file) || mr_pattern_fits(pattern, mr_fmt_end_string(&f)))
            return true;
    }
    return false;
}

static bool fits_frame(const struct mr_suppress_frame *wanted, const struct mr_report_frame *frame)
{
    switch (wanted->what) {
    case MR_SUPPRESS_FUNCTION:
        return fits_or_null(wanted->pattern, frame->linkage) || fits_or_null(wanted->pattern, frame->function);
    case MR_SUPPRESS_OBJECT:
        return fits_or_null(wanted->pattern, frame->module);
    case MR_SUPPRESS_SOURCE:
        return fits_source(wanted->pattern, frame);
    default:
        return false;
    }
}

/* The wanted frames against the innermost ones; frames may be left over. As in a pattern, only the last "..."
 * needs to be tried anew. */
static bool fits_stack(const struct mr_suppress_frame *wanted, size_t wanted_count, const struct mr_report_frame *frames,
                       size_t count)
{
    size_t next = 0, at = 0, resume_next = SIZE_MAX, resume = 0;
    while (next < wanted_count) {
        if (wanted[next].what == MR_SUPPRESS_ANY_FRAMES) {
            resume_next = ++next;
            resume = at;
        } else if (at < count && fits_frame(&wanted[next], &frames[at])) {
            next++;
            at++;
        } else if (resume_next != SIZE_MAX && resume < count) {
            next = resume_next;
            at = ++resume;
        } else {
            return false;
        }
    }
    return true;
}

/* In Valgrind's stacks the allocation function is the innermost frame; ours begin with its caller. */
static bool is_allocator(const struct mr_suppress_frame *wanted)
{
    static const char *const names[] = {
        "malloc", "calloc", "realloc", "reallocarray", "memalign", "posix_memalign", "aligned_alloc", "valloc", "pvalloc",
        "_Znwm", "_Znam", "_ZnwmRKSt9nothrow_t", "_ZnamRKSt9nothrow_t", "_ZnwmSt11align_val_t", "_ZnamSt11align_val_t",
    };
    if (wanted->what == MR_SUPPRESS_OBJECT)
        return mr_pattern_fits(wanted->pattern, "/usr/libexec/valgrind/vgpreload_memcheck-amd64-linux.so");
    for (size_t i = 0; wanted->what == MR_SUPPRESS_FUNCTION && i < MR_COUNT(names); i++)
        if (mr_pattern_fits(wanted->pattern, names[i]))
            return true;
    return false;
}

static bool is_anywhere(const char *pattern, const struct mr_report_frame *frames, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const char *texts[] = { frames[i].function, frames[i].linkage, frames[i].file, frames[i].module };
        for (size_t j = 0; j < MR_COUNT(texts); j++)
            if (texts[j] && mr_pattern_found(pattern, texts[j]))
                return true;
    }
    return false;
}

static bool matches(const struct mr_suppression *s, const struct mr_report_frame *frames, size_t count)
{
    if (s->anywhere)
        return is_anywhere(s->anywhere, frames, count);
    return fits_stack(s->frames, s->frame_count, frames, count) ||
           (s->frame_count > 1 && is_allocator(s->frames) && fits_stack(s->frames + 1, s->frame_count - 1, frames, count));
}

const char *mr_suppress_match(const struct mr_suppress *list, enum mr_site_kind kind,
                              const struct mr_report_frame *frames, size_t count)
{
    for (size_t i = 0; i < list->count; i++)
        if ((list->list[i].kinds >> kind & 1) && matches(&list->list[i], frames, count))
            return list->list[i].name;
    return NULL;
}

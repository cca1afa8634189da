#include "text.h"
#include "numbers.h"

#include <string.h>

/* A stack that is deeper is shown by its ends: where memory is asked for, and how the program came to it. */
enum { INNER_SHOWN = 28, OUTER_SHOWN = 4, NAME_COLUMN_MOST = 44, TEXT_MOST = 4096 };

/* "libfoo.so+0x1a2b": all there is to say without names. */
static void put_place(const struct mr_report_frame *frame, struct mr_fmt *out)
{
    if (frame->module && *frame->module) {
        const char *base = mr_frames_base(frame->module);
        mr_numbers_text(out, base, strlen(base), TEXT_MOST);
        mr_fmt_print(out, "+0x%lx", frame->offset);
    } else {
        mr_fmt_print(out, "0x%lx", frame->address);
    }
}

static void put_name(const struct mr_report_frame *frame, struct mr_fmt *out)
{
    if (!frame->function)
        put_place(frame, out);
    else if (frame->address)
        mr_numbers_text(out, frame->function, strlen(frame->function), TEXT_MOST);
    else
        mr_fmt_print(out, "(%s)", frame->function);
}

static void put_location(const struct mr_report_frame *frame, struct mr_fmt *out)
{
    if (frame->file) {
        const char *base = mr_frames_base(frame->file);
        mr_numbers_text(out, base, strlen(base), TEXT_MOST);
        if (frame->line)
            mr_fmt_print(out, ":%u", frame->line);
    } else if (frame->function) {
        put_place(frame, out);
    } else if (frame->build_id && *frame->build_id) {
        mr_fmt_print(out, "(build id %s)", frame->build_id);
    } else {
        mr_fmt_print(out, frame->module && *frame->module ? "(no build id)" : "(in no module)");
    }
}

static size_t name_width(const struct mr_report_frame *frame)
{
    char text[NAME_COLUMN_MOST + 1];
    struct mr_fmt f = mr_fmt_to_buffer(text, sizeof text);
    put_name(frame, &f);
    return f.len;
}

static void put_frame(const struct mr_report_frame *frame, size_t width, struct mr_fmt *out)
{
    size_t mine = name_width(frame);
    mr_fmt_print(out, "       ");
    put_name(frame, out);
    if (frame->address) {
        mr_fmt_print(out, "%*s  ", (int)(width - mr_min(mine, width)), "");
        put_location(frame, out);
    }
    mr_fmt_print(out, frame->inlined ? " (inlined)\n" : "\n");
}

/* What the C library does before main, or before a thread's function, is the same in every stack. */
static bool is_before_main(const struct mr_report_frame *frame)
{
    static const char *const functions[] = { "_start", "__libc_start_main", "__libc_start_main_impl", "__libc_start_call_main",
                                             "start_thread", "clone3", "__clone3", "clone", "__clone" };
    for (size_t i = 0; frame->function && i < MR_COUNT(functions); i++)
        if (strcmp(frame->function, functions[i]) == 0)
            return true;
    return !frame->function && frame->module && strncmp(mr_frames_base(frame->module), "libc.so", 7) == 0;
}

static size_t without_start(const struct mr_report_frame *frames, size_t count)
{
    size_t left = count;
    while (left > 0 && is_before_main(&frames[left - 1]))
        left--;
    return left ? left : count;
}

void mr_text_stack(const struct mr_report *report, uint32_t stack, struct mr_fmt *out)
{
    size_t count, width = 0;
    const struct mr_report_frame *frames = mr_frames_of(report, stack, &count);
    count = without_start(frames, count);
    size_t left_out = count > INNER_SHOWN + OUTER_SHOWN ? count - INNER_SHOWN - OUTER_SHOWN : 0;
    for (size_t i = 0; i < count; i++)
        width = frames[i].address ? mr_max(width, mr_min(name_width(&frames[i]), NAME_COLUMN_MOST)) : width;
    for (size_t i = 0; i < count; i++) {
        if (left_out && i == INNER_SHOWN) {
            mr_fmt_print(out, "       ... %lu more ...\n", left_out);
            i += left_out;
        }
        put_frame(&frames[i], width, out);
    }
    if (count == 0)
        mr_fmt_print(out, "       (no call stack)\n");
}

void mr_text_frame_name(const struct mr_report_frame *frame, struct mr_fmt *out)
{
    put_name(frame, out);
    if (frame->file) {
        mr_fmt_print(out, " at ");
        put_location(frame, out);
    } else if (frame->function && frame->module) {
        mr_fmt_print(out, " in ");
        put_place(frame, out);
    }
}

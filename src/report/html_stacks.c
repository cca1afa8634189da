#include "html_stacks.h"

#include <string.h>

struct node {
    uint32_t caller, frame;
};

struct mr_html_stacks mr_html_stacks_begin(void)
{
    struct mr_html_stacks stacks = { 0 };
    mr_intern_id(&stacks.strings, "", 0);
    mr_intern_id(&stacks.nodes, &(struct node){ 0, UINT32_MAX }, sizeof(struct node));
    return stacks;
}

void mr_html_stacks_free(struct mr_html_stacks *stacks)
{
    mr_intern_free(&stacks->strings);
    mr_intern_free(&stacks->frames);
    mr_intern_free(&stacks->nodes);
}

uint32_t mr_html_stacks_string(struct mr_html_stacks *stacks, const char *text)
{
    return text ? mr_intern_id(&stacks->strings, text, strlen(text)) : 0;
}

static uint32_t place_of(struct mr_html_stacks *stacks, const struct mr_report_frame *frame)
{
    char text[24];
    struct mr_fmt f = mr_fmt_to_buffer(text, sizeof text);
    if (frame->function)
        return 0;
    mr_fmt_print(&f, "0x%lx", frame->module ? frame->offset : frame->address);
    return mr_html_stacks_string(stacks, mr_fmt_end_string(&f));
}

/* As it can be opened, where that is known. */
static uint32_t file_of(struct mr_html_stacks *stacks, const struct mr_report_frame *frame)
{
    char path[4096];
    struct mr_fmt f = mr_fmt_to_buffer(path, sizeof path);
    if (!frame->file || frame->file[0] == '/' || !frame->directory)
        return mr_html_stacks_string(stacks, frame->file);
    mr_fmt_print(&f, "%s/%s", frame->directory, frame->file);
    return mr_html_stacks_string(stacks, mr_fmt_end_string(&f));
}

static uint32_t frame_id(struct mr_html_stacks *stacks, const struct mr_report_frame *frame)
{
    uint32_t flags = (frame->inlined ? MR_HTML_INLINED : 0) | (frame->address ? 0 : MR_HTML_MARK) |
                     (mr_frames_is_library(frame) ? MR_HTML_LIBRARY : 0);
    struct mr_html_frame key = {
        .function = mr_html_stacks_string(stacks, frame->function),
        .file = file_of(stacks, frame),
        .line = frame->line,
        .module = mr_html_stacks_string(stacks, frame->module),
        .place = place_of(stacks, frame),
        .flags = flags,
    };
    return mr_intern_id(&stacks->frames, &key, sizeof key);
}

uint32_t mr_html_stacks_node(struct mr_html_stacks *stacks, const struct mr_report *report, uint32_t stack)
{
    size_t count;
    uint32_t node = 0;
    const struct mr_report_frame *frames = mr_frames_of(report, stack, &count);
    while (count-- > 0) {
        struct node key = { node, frame_id(stacks, &frames[count]) };
        node = mr_intern_id(&stacks->nodes, &key, sizeof key);
    }
    return node;
}

struct mr_html_frame mr_html_stacks_frame(const struct mr_html_stacks *stacks, uint32_t id)
{
    struct mr_html_frame frame;
    memcpy(&frame, mr_intern_key(&stacks->frames, id), sizeof frame);
    return frame;
}

/* "</script" and "<!--" would end or change the element: '<' never stands as itself. */
void mr_html_text(struct mr_fmt *out, const char *text, size_t len)
{
    mr_fmt_char(out, '"');
    for (const char *p = text ? text : "", *end = p + len; p < end;) {
        const char *angle = memchr(p, '<', (size_t)(end - p));
        size_t n = (size_t)((angle ? angle : end) - p);
        mr_fmt_json(out, p, n);
        p += n;
        if (angle) {
            mr_fmt_print(out, "\\u003c");
            p++;
        }
    }
    mr_fmt_char(out, '"');
}

static void put_frames(const struct mr_html_stacks *stacks, struct mr_fmt *out)
{
    mr_fmt_print(out, ",\"frames\":[");
    for (uint32_t i = 0; i < stacks->frames.count; i++) {
        struct mr_html_frame f = mr_html_stacks_frame(stacks, i);
        mr_fmt_print(out, "%s[%u,%u,%u,%u,%u,%u]", i ? "," : "", f.function, f.file, f.line, f.module, f.place, f.flags);
    }
    mr_fmt_char(out, ']');
}

void mr_html_stacks_write(const struct mr_html_stacks *stacks, struct mr_fmt *out)
{
    mr_fmt_print(out, "\"strings\":[");
    for (uint32_t i = 0; i < stacks->strings.count; i++) {
        mr_fmt_bytes(out, ",", i > 0);
        mr_html_text(out, mr_intern_key(&stacks->strings, i), stacks->strings.entries[i].len);
    }
    mr_fmt_char(out, ']');
    put_frames(stacks, out);
    mr_fmt_print(out, ",\"nodes\":[");
    for (uint32_t i = 1; i < stacks->nodes.count; i++) {
        struct node node;
        memcpy(&node, mr_intern_key(&stacks->nodes, i), sizeof node);
        mr_fmt_print(out, "%s%u,%u", i > 1 ? "," : "", node.caller, node.frame);
    }
    mr_fmt_char(out, ']');
}

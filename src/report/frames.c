#include "report.h"

#include <string.h>

static struct mr_report_frame room[MR_REPORT_FRAMES_MOST];

const struct mr_report_frame *mr_frames_of(const struct mr_report *report, uint32_t stack, size_t *count)
{
    *count = report->frames && stack ? report->frames(report, stack, room, MR_COUNT(room)) : 0;
    return room;
}

const char *mr_frames_base(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash && slash[1] ? slash + 1 : path;
}

static bool starts_with(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

/* A frame of the program itself tells more than strdup or std::vector::reserve above it. */
bool mr_frames_is_library(const struct mr_report_frame *frame)
{
    static const char *const modules[] = { "libc.so", "libc-", "libstdc++.so", "libc++.so", "libmemoir.so", "ld-linux" };
    if (frame->file && (strstr(frame->file, "/include/c++/") || strstr(frame->file, "/rustc/")))
        return true;
    for (size_t i = 0; frame->module && i < MR_COUNT(modules); i++)
        if (starts_with(mr_frames_base(frame->module), modules[i]))
            return true;
    return false;
}

const struct mr_report_frame *mr_frames_culprit(const struct mr_report_frame *frames, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (frames[i].address && (frames[i].function || frames[i].module) && !mr_frames_is_library(&frames[i]))
            return &frames[i];
    return count ? frames : NULL;
}

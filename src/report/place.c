#include "place.h"
#include "numbers.h"

const struct mr_report_frame *mr_place_of(const struct mr_report_frame *frames, size_t count)
{
    for (size_t i = 0; i < count;) {
        const struct mr_report_frame *frame = mr_frames_culprit(frames + i, count - i);
        if (frame->file)
            return frame;
        i = (size_t)(frame - frames) + 1;
    }
    return NULL;
}

void mr_place_describe(struct mr_fmt *out, const struct mr_report_site *site)
{
    mr_numbers_size(out, 0, site->bytes);
    mr_fmt_print(out, " in ");
    mr_numbers_noun(out, site->blocks, "block");
    mr_fmt_print(out, " %s", mr_site_kind_words[site->kind]);
    if (site->growing_bytes_per_second) {
        mr_fmt_print(out, ", growing ");
        mr_numbers_size(out, 0, site->growing_bytes_per_second);
        mr_fmt_print(out, "/s");
    }
}

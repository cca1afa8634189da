/* text.h: the parts of the text report. Internal to report/. */
#ifndef MR_REPORT_TEXT_H
#define MR_REPORT_TEXT_H

#include "report.h"

#define MR_TEXT_NO_COUNT UINT64_MAX /* a row without a number of blocks */

/* A row of a sum: "   + label    1,204    410,000,000   410.0 MiB", without its end. */
void mr_text_row(struct mr_fmt *out, char sign, const char *label, uint64_t blocks, uint64_t bytes);
void mr_text_line(struct mr_fmt *out, char sign, const char *label, uint64_t blocks, uint64_t bytes);

/* "at the end" or "now". */
const char *mr_text_when(const struct mr_report *report);

/* Colours, where the report wants them. */
enum mr_text_colour { MR_TEXT_PLAIN, MR_TEXT_BOLD, MR_TEXT_RED, MR_TEXT_GREEN, MR_TEXT_YELLOW };
void mr_text_paint(const struct mr_report *report, struct mr_fmt *out, enum mr_text_colour colour);

/* A stack, one frame a line, indented. */
void mr_text_stack(const struct mr_report *report, uint32_t stack, struct mr_fmt *out);

/* "session_new at server.c:212", of one frame. */
void mr_text_frame_name(const struct mr_report_frame *frame, struct mr_fmt *out);

/* "5.6 MiB/min": by the unit in which it is at least a byte. */
void mr_text_rate(uint64_t bytes_per_second, struct mr_fmt *out);

/* The parts themselves; each begins with an empty line, or prints nothing. */
void mr_text_leak_sums(const struct mr_report *report, struct mr_fmt *out);
void mr_text_sites(const struct mr_report *report, struct mr_fmt *out);
void mr_text_rankings(const struct mr_report *report, struct mr_fmt *out);
void mr_text_map(const struct mr_report *report, struct mr_fmt *out);
void mr_text_findings(const struct mr_report *report, struct mr_fmt *out);
void mr_text_verdict(const struct mr_report *report, struct mr_fmt *out);

/* Its sentence alone, and what it amounts to. */
enum mr_text_tone { MR_TEXT_GOOD, MR_TEXT_DOUBTFUL, MR_TEXT_BAD };
void mr_text_verdict_words(const struct mr_report *report, struct mr_fmt *out);
enum mr_text_tone mr_text_verdict_tone(const struct mr_report *report);

#endif

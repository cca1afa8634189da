#include "pattern.h"

#include <string.h>

/* Pattern against text, both to their ends. On a mismatch the last '*' takes one byte more: earlier ones never
 * need to change, so the work is at most the product of both lengths. */
static bool fits(const char *pattern, const char *end, const char *text, bool question, bool open_end)
{
    const char *star = NULL, *resume = NULL;
    for (;;) {
        if (pattern < end && *pattern == '*') {
            star = ++pattern;
            resume = text;
        } else if (pattern == end && (open_end || *text == '\0')) {
            return true;
        } else if (pattern < end && *text && (*pattern == *text || (question && *pattern == '?'))) {
            pattern++;
            text++;
        } else if (star && *resume) {
            pattern = star;
            text = ++resume;
        } else {
            return false;
        }
    }
}

bool mr_pattern_fits(const char *pattern, const char *text)
{
    return fits(pattern, pattern + strlen(pattern), text, true, false);
}

bool mr_pattern_found(const char *pattern, const char *text)
{
    const char *end = pattern + strlen(pattern);
    bool from_start = *pattern == '^', to_end;
    pattern += from_start;
    to_end = end > pattern && end[-1] == '$';
    end -= to_end;
    for (;; text++) {
        if (fits(pattern, end, text, false, !to_end))
            return true;
        if (from_start || *text == '\0')
            return false;
    }
}

#include "keys.h"
#include "escape.h"

#include <string.h>

enum mr_keys_group mr_keys_group(enum mr_site_kind kind)
{
    if (mr_site_kind_is_lost(kind))
        return MR_KEYS_LOST;
    return kind == MR_SITE_STILL_REACHABLE ? MR_KEYS_REACHABLE : MR_KEYS_IN_USE;
}

static bool ends_with(const char *text, size_t len, const char *end)
{
    size_t n = strlen(end);
    return len >= n && memcmp(text + len - n, end, n) == 0;
}

/* Without digits and dots at its end: "f.isra.0" becomes "f.isra". */
static size_t cut_number(const char *name, size_t len)
{
    size_t n = len;
    while (n > 0 && name[n - 1] >= '0' && name[n - 1] <= '9')
        n--;
    return n < len && n > 1 && name[n - 1] == '.' ? n - 1 : len;
}

/* Clones GCC and Clang make of a function: symbol suffixes, and as demanglers spell them. */
static size_t cut_clone(const char *name, size_t len)
{
    static const char *const suffixes[] = {
        ".isra", ".part", ".constprop", ".cold", ".lto_priv", ".llvm", ".localalias",
    };
    const char *bracket = strstr(name, " [clone ");
    if (bracket && bracket < name + len)
        return (size_t)(bracket - name);
    size_t bare = cut_number(name, len);
    for (size_t i = 0; i < MR_COUNT(suffixes); i++)
        if (ends_with(name, bare, suffixes[i]) && bare > strlen(suffixes[i]))
            return bare - strlen(suffixes[i]);
    return len;
}

/* "::h" and 16 hexadecimal digits, the hash of a crate's build in Rust's legacy mangling. */
static size_t cut_rust_hash(const char *name, size_t len)
{
    const size_t hash = strlen("::h0123456789abcdef");
    if (len <= hash || memcmp(name + len - hash, "::h", 3) != 0)
        return len;
    return strspn(name + len - 16, "0123456789abcdef") >= 16 ? len - hash : len;
}

static void put_name(struct mr_fmt *out, const char *name)
{
    size_t len = strlen(name), before;
    do {
        before = len;
        len = cut_rust_hash(name, cut_clone(name, len));
    } while (len < before);
    mr_fmt_bytes(out, name, len);
}

void mr_keys_write(struct mr_fmt *out, const struct mr_report_frame *frames, size_t count)
{
    size_t written = 0;
    for (size_t i = 0; i < count && written < MR_KEYS_FRAMES; i++) {
        if (!frames[i].address)
            continue;
        mr_fmt_bytes(out, ";", written > 0);
        if (frames[i].function)
            put_name(out, frames[i].function);
        else
            mr_fmt_print(out, "[%s]", frames[i].module ? mr_frames_base(frames[i].module) : "?");
        written++;
    }
}

size_t mr_keys_make(char key[MR_KEYS_MOST], const struct mr_report_frame *frames, size_t count)
{
    struct mr_fmt f = mr_fmt_to_buffer(key, MR_KEYS_MOST);
    mr_keys_write(&f, frames, count);
    mr_fmt_end_string(&f);
    return f.len;
}

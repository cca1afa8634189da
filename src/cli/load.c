#include "load.h"
#include "cli.h"
#include "ledger.h"
#include "progress.h"
#include "symbol.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Either `saved`, or the other three. */
struct mr_load {
    struct mr_saved *saved;
    struct mr_reader *ledger;
    struct mr_symbol_source *symbols;
    struct mr_model *model;
};

/* All of the stream, in memory of the caller's to free; NULL with errno. */
static char *slurp(FILE *f, size_t *len)
{
    char *bytes = NULL, *more;
    size_t cap = 0, got;
    *len = 0;
    do {
        if (*len == cap) {
            more = realloc(bytes, cap = cap ? 2 * cap : 65536);
            if (!more)
                break;
            bytes = more;
        }
        got = fread(bytes + *len, 1, cap - *len, f);
        *len += got;
    } while (got > 0);
    if (!feof(f)) {
        free(bytes);
        return NULL;
    }
    return bytes;
}

static bool read_json(struct mr_load *load, const char *path, FILE *f)
{
    size_t len;
    const char *why;
    char *bytes = slurp(f, &len);
    if (!bytes) {
        mr_cli_say("%s: %s", path, strerror(errno));
        return false;
    }
    load->saved = mr_saved_read(bytes, len, &why);
    free(bytes);
    if (!load->saved)
        mr_cli_say("%s: neither a ledger nor a JSON report of memoir's: %s",
                   path, why);
    return load->saved != NULL;
}

static bool read_ledger(struct mr_load *load, const char *path)
{
    char why[512];
    struct mr_symbol_source *source;
    load->ledger = mr_reader_open(path, why, sizeof why);
    if (!load->ledger) {
        mr_cli_say("%s", why);
        return false;
    }
    source = mr_dw_open(false);
    load->symbols = source ? mr_symbol_remember(source) : NULL;
    struct mr_progress progress;
    struct mr_model_wishes wishes = { .kinds = ~0u, .symbols = load->symbols, .progress = mr_progress_names, .ctx = &progress };
    mr_progress_begin(&progress);
    load->model = mr_model_build(load->ledger, &wishes);
    mr_progress_end(&progress);
    if (!load->model)
        mr_cli_say("%s: out of memory", path);
    return load->model != NULL;
}

/* Its first character that is no blank tells JSON from a ledger. */
static bool is_json(FILE *f)
{
    int c;
    do
        c = getc(f);
    while (c == ' ' || c == '\n' || c == '\t' || c == '\r');
    rewind(f);
    return c == '{' || c == '[';
}

static bool read_file(struct mr_load *load, const char *path)
{
    FILE *f = fopen(path, "re");
    if (!f) {
        mr_cli_say("%s: %s", path, strerror(errno));
        return false;
    }
    bool good = is_json(f) ? read_json(load, path, f) : read_ledger(load, path);
    fclose(f);
    return good;
}

struct mr_load *mr_load_open(const char *path)
{
    struct mr_load *load = calloc(1, sizeof *load);
    if (load && read_file(load, path))
        return load;
    mr_load_close(load);
    return NULL;
}

const struct mr_report *mr_load_report(const struct mr_load *load)
{
    return load->saved ? mr_saved_report(load->saved) : mr_model_report(load->model);
}

void mr_load_close(struct mr_load *load)
{
    if (!load)
        return;
    if (load->saved)
        mr_saved_free(load->saved);
    if (load->model)
        mr_model_free(load->model);
    if (load->symbols && load->symbols->close)
        load->symbols->close(load->symbols);
    if (load->ledger)
        mr_reader_close(load->ledger);
    free(load);
}

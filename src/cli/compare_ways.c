#include "compare.h"
#include "cli.h"
#include "conf.h"

#include <errno.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Settings of memoir that may be worth their while. */
static const struct {
    const char *name, *variable, *value;
    bool is_choice;
} settings[] = {
    { "memoir", NULL, NULL, true },
    { "memoir, huge pages", "MEMOIR_HUGE_PAGES", "16m", true },
    { "memoir, keeps more", "MEMOIR_PURGE_DELAY", "10s", true },
    { "memoir, hardened", "MEMOIR_HARDEN", "1", false },
};

/* Allocators a distribution may have put where the loader finds them. */
static const struct {
    const char *name, *file;
} peers[] = {
    { "jemalloc", "libjemalloc.so.[0-9]" },
    { "tcmalloc", "libtcmalloc_minimal.so.[0-9]" },
    { "mimalloc", "libmimalloc.so.[0-9]" },
};
static const char *const places[] = { "/usr/local/lib/", "/usr/lib/*-linux-gnu/", "/usr/lib64/", "/usr/lib/" };

static struct mr_compare_way *add(struct mr_compare *compare, const char *name, const char *library)
{
    if (compare->way_count == MR_COMPARE_WAYS_MOST)
        return NULL;
    struct mr_compare_way *way = &compare->ways[compare->way_count++];
    *way = (struct mr_compare_way){ .is_choice = true };
    snprintf(way->name, sizeof way->name, "%s", name);
    snprintf(way->library, sizeof way->library, "%s", library);
    return way;
}

static void set(struct mr_compare_way *way, const char *variable, const char *value)
{
    if (way) {
        way->variable = variable;
        way->value = value;
    }
}

/* Every value of the option but the default. The words last as long as the process. */
static void add_strategies(struct mr_compare *compare, const char *library)
{
    const struct mr_option *option = mr_conf_find("STRATEGY");
    char name[64], *words = strdup(option->values), *rest = words;
    for (uint64_t i = 0; rest; i++) {
        const char *word = strsep(&rest, "|");
        if (i == option->def)
            continue;
        snprintf(name, sizeof name, "memoir, %s", word);
        set(add(compare, name, library), "MEMOIR_STRATEGY", word);
    }
}

static bool find_peer(const char *file, char path[PATH_MAX])
{
    bool found = false;
    for (size_t i = 0; i < MR_COUNT(places) && !found; i++) {
        char pattern[256];
        glob_t matches = { .gl_pathc = 0 };
        snprintf(pattern, sizeof pattern, "%s%s", places[i], file);
        found = glob(pattern, 0, NULL, &matches) == 0 && matches.gl_pathc;
        if (found)
            snprintf(path, PATH_MAX, "%s", matches.gl_pathv[matches.gl_pathc - 1]);
        globfree(&matches);
    }
    return found;
}

void mr_compare_ways(struct mr_compare *compare, const char *library, bool all)
{
    char path[PATH_MAX];
    add(compare, "glibc", "");
    for (size_t i = 0; i < MR_COUNT(settings); i++) {
        struct mr_compare_way *way = add(compare, settings[i].name, library);
        set(way, settings[i].variable, settings[i].value);
        if (way)
            way->is_choice = settings[i].is_choice;
    }
    if (all)
        add_strategies(compare, library);
    for (size_t i = 0; i < MR_COUNT(peers); i++)
        if (find_peer(peers[i].file, path))
            add(compare, peers[i].name, path);
}

bool mr_compare_ways_with(struct mr_compare *compare, const char *path)
{
    char real[PATH_MAX];
    if (!realpath(path, real) || access(real, R_OK) != 0) {
        mr_cli_say("--with=%s: %s", path, strerror(errno));
        return false;
    }
    if (strpbrk(real, " :$")) {
        mr_cli_say("--with=%s: the loader cannot preload a path with a blank, a colon or a dollar sign", path);
        return false;
    }
    const char *base = strrchr(real, '/') + 1;
    if (add(compare, base, real))
        return true;
    mr_cli_say("--with=%s: that is one too many; %d ways can be compared", path, (int)MR_COMPARE_WAYS_MOST);
    return false;
}

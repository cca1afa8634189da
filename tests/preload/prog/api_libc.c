/* The C library's own users of malloc: what they give is freed by us, and the other way round. */
#include "expect.h"
#include <argz.h>
#include <dirent.h>
#include <dlfcn.h>
#include <execinfo.h>
#include <glob.h>
#include <iconv.h>
#include <limits.h>
#include <locale.h>
#include <malloc.h>
#include <netdb.h>
#include <obstack.h>
#include <regex.h>
#include <search.h>
#include <wchar.h>
#include <wordexp.h>

static void strings_are_duplicated(void)
{
    char *a = strdup("memory"), *b = strndup("memory", 3);
    wchar_t *w = wcsdup(L"memory");
    EXPECT(strcmp(a, "memory") == 0 && strcmp(b, "mem") == 0 && wcscmp(w, L"memory") == 0);
    EXPECT(malloc_usable_size(a) >= 7 && malloc_usable_size(w) >= 7 * sizeof(wchar_t));
    free(a);
    free(b);
    free(w);
}

static void asprintf_allocates(void)
{
    char *text = NULL;
    EXPECT(asprintf(&text, "%d %s %0*d", 7, "x", 100000, 1) == 100004);
    EXPECT(strlen(text) == 100004);
    text = realloc(text, 200000);
    EXPECT(text[100003] == '1');
    free(text);
}

static void getline_grows_our_buffer(void)
{
    FILE *f = tmpfile();
    EXPECT(f);
    for (int i = 0; i < 30000; i++)
        fputc('a' + i % 26, f);
    fputs("\nshort\n", f);
    rewind(f);
    size_t size = 4;
    char *line = malloc(size);
    EXPECT(getline(&line, &size, f) == 30001 && size >= 30002);
    EXPECT(line[29999] == 'a' + 29999 % 26);
    EXPECT(getdelim(&line, &size, 'r', f) == 4);
    free(line);
    fclose(f);
}

static void open_memstream_gives_its_buffer(void)
{
    char *text = NULL;
    size_t len = 0;
    FILE *f = open_memstream(&text, &len);
    for (int i = 0; i < 20000; i++)
        fprintf(f, "%d ", i);
    fclose(f);
    EXPECT(len == strlen(text) && strncmp(text, "0 1 2 ", 6) == 0);
    free(text);
}

static void files_come_and_go(void)
{
    char buffer[100];
    for (int i = 0; i < 300; i++) {
        FILE *f = fopen("/proc/self/cmdline", "r");
        EXPECT(f && fread(buffer, 1, sizeof buffer, f) > 0);
        fclose(f);
    }
}

static void scanf_allocates(void)
{
    char *word = NULL;
    EXPECT(sscanf("  allocated words", "%ms", &word) == 1);
    EXPECT(strcmp(word, "allocated") == 0);
    free(word);
}

static void paths_are_allocated(void)
{
    char *path = realpath("/proc/../proc/./self/..", NULL), *dir = getcwd(NULL, 0);
    EXPECT(path && strcmp(path, "/proc") == 0);
    EXPECT(dir && dir[0] == '/');
    free(path);
    free(dir);
}

static void directories_are_listed(void)
{
    struct dirent **names;
    int n = scandir("/dev", &names, NULL, alphasort);
    EXPECT(n > 2);
    for (int i = 0; i < n; i++)
        free(names[i]);
    free(names);
    DIR *dir = opendir("/");
    EXPECT(dir && readdir(dir));
    closedir(dir);
}

static void patterns_are_compiled(void)
{
    for (int i = 0; i < 50; i++) {
        regex_t regex;
        EXPECT(regcomp(&regex, "(a|b)*c{1,50}(d[e-z]+)?$", REG_EXTENDED) == 0);
        EXPECT(regexec(&regex, "ababccdefg", 0, NULL, 0) == 0);
        regfree(&regex);
    }
}

static void globs_and_words_are_expanded(void)
{
    glob_t found = { 0 };
    EXPECT(glob("/dev/n*", 0, NULL, &found) == 0 && found.gl_pathc > 0);
    globfree(&found);
    wordexp_t words;
    EXPECT(wordexp("one 'two three' ~", &words, 0) == 0 && words.we_wordc == 3);
    wordfree(&words);
}

static void addresses_are_looked_up(void)
{
    struct addrinfo hints = { .ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_STREAM }, *list = NULL;
    EXPECT(getaddrinfo("127.0.0.1", "80", &hints, &list) == 0 && list);
    freeaddrinfo(list);
}

static void the_environment_grows(void)
{
    char name[32];
    for (int i = 0; i < 500; i++) {
        snprintf(name, sizeof name, "API_LIBC_%d", i);
        EXPECT(setenv(name, "some value", 1) == 0);
    }
    EXPECT(strcmp(getenv("API_LIBC_499"), "some value") == 0);
    for (int i = 0; i < 500; i++) {
        snprintf(name, sizeof name, "API_LIBC_%d", i);
        EXPECT(unsetenv(name) == 0);
    }
}

static int by_value(const void *a, const void *b)
{
    long x = *(const long *)a, y = *(const long *)b;
    return (x > y) - (x < y);
}

/* Above a few KiB glibc sorts in memory from malloc. */
static void qsort_sorts(void)
{
    enum { N = 50000 };
    long *numbers = malloc(N * sizeof *numbers);
    uint64_t seed = 5;
    for (size_t i = 0; i < N; i++)
        numbers[i] = (long)(expect_random(&seed) >> 20);
    qsort(numbers, N, sizeof *numbers, by_value);
    for (size_t i = 1; i < N; i++)
        EXPECT(numbers[i - 1] <= numbers[i]);
    free(numbers);
}

static void trees_and_tables_are_built(void)
{
    static long keys[500];
    void *root = NULL;
    for (size_t i = 0; i < COUNT(keys); i++) {
        keys[i] = (long)(i * 7919 % 1009);
        EXPECT(tsearch(&keys[i], &root, by_value));
    }
    for (size_t i = 0; i < COUNT(keys); i++)
        EXPECT(tdelete(&keys[i], &root, by_value));
    EXPECT(root == NULL);
    EXPECT(hcreate(100));
    EXPECT(hsearch((ENTRY){ .key = strdup("k"), .data = keys }, ENTER));
    hdestroy();
}

#define obstack_chunk_alloc malloc
#define obstack_chunk_free free
static void obstacks_grow(void)
{
    struct obstack stack;
    obstack_init(&stack);
    char *first = obstack_copy0(&stack, "first", 5);
    for (int i = 0; i < 1000; i++)
        memset(obstack_alloc(&stack, i), i, i);
    EXPECT(strcmp(first, "first") == 0);
    obstack_free(&stack, NULL);
}

static void vectors_of_strings_grow(void)
{
    char *argz = NULL;
    size_t len = 0;
    for (int i = 0; i < 1000; i++)
        EXPECT(argz_add(&argz, &len, "argument") == 0);
    EXPECT(argz_count(argz, len) == 1000);
    free(argz);
}

static void locales_and_converters_load(void)
{
    locale_t c = newlocale(LC_ALL_MASK, "C.UTF-8", NULL);
    if (c)
        freelocale(c);
    iconv_t converter = iconv_open("UTF-16", "UTF-8");
    if (converter != (iconv_t)-1)
        iconv_close(converter);
    EXPECT(setlocale(LC_ALL, "C"));
}

static void backtraces_are_named(void)
{
    void *frames[20];
    int n = backtrace(frames, 20);
    char **names = backtrace_symbols(frames, n);
    EXPECT(n > 0 && names && names[0]);
    free(names);
}

static void failed_dlopen_explains_itself(void)
{
    for (int i = 0; i < 100; i++) {
        EXPECT(!dlopen("/nowhere/libnothing.so", RTLD_NOW));
        EXPECT(strstr(dlerror(), "nothing"));
        EXPECT(!dlsym(RTLD_DEFAULT, "no_such_symbol_anywhere"));
        EXPECT(dlerror());
    }
}

EXPECT_MAIN(CASE(strings_are_duplicated), CASE(asprintf_allocates), CASE(getline_grows_our_buffer),
            CASE(open_memstream_gives_its_buffer), CASE(files_come_and_go), CASE(scanf_allocates),
            CASE(paths_are_allocated), CASE(directories_are_listed), CASE(patterns_are_compiled),
            CASE(globs_and_words_are_expanded), CASE(addresses_are_looked_up), CASE(the_environment_grows),
            CASE(qsort_sorts), CASE(trees_and_tables_are_built), CASE(obstacks_grow), CASE(vectors_of_strings_grow),
            CASE(locales_and_converters_load), CASE(backtraces_are_named), CASE(failed_dlopen_explains_itself))

#include "../os/child.h"

#include <stdio.h>
#include <string.h>

#include "check.h"
#include "conf.h"

static int ends[2];
static const char *call;
static const void *pointer;
static bool foreign;

static int find_something(void)
{
    dup2(ends[1], 2);
    if (foreign)
        _exit(mr_findings_foreign(call, pointer, NULL) ? 3 : 4);
    mr_findings_bad_pointer(call, pointer, NULL);
    return 5;
}

/* What the finding says in a child of its own. */
static const char *said(bool (*ends_like)(int (*)(void)))
{
    static char text[1024];
    cr_assert_eq(pipe(ends), 0);
    cr_expect(ends_like(find_something), "the child ended otherwise");
    close(ends[1]);
    ssize_t n = read(ends[0], text, sizeof text - 1);
    text[n > 0 ? n : 0] = '\0';
    close(ends[0]);
    return text;
}

static bool goes_on(int (*body)(void)) { return child_result(body) == 5; }
static bool is_told(int (*body)(void)) { return child_result(body) == 3; }
static bool is_left_alone(int (*body)(void)) { return child_result(body) == 4; }

static void expect_line(const char *text, const char *begin, const char *end)
{
    size_t len = strlen(text);
    cr_expect_eq(strncmp(text, begin, strlen(begin)), 0, "%s", text);
    cr_expect(len > strlen(end) && strcmp(text + len - strlen(end), end) == 0, "%s", text);
    cr_expect(len > 0 && strchr(text, '\n') == text + len - 1, "one line: %s", text);
}

static void finding_of(const char *what, const void *p, bool is_foreign)
{
    call = what;
    pointer = p;
    foreign = is_foreign;
}

Test(findings, a_free_of_a_free_block_aborts)
{
    void *p = mr_heap_malloc(100), *q = mr_heap_malloc(100);
    char begin[100];
    mr_heap_free(p);
    finding_of("free", p, false);
    snprintf(begin, sizeof begin, "memoir: double free of %p in process ", p);
    expect_line(said(child_aborts), begin, ": free: this block of 112 bytes was freed before\n");
    finding_of("realloc", p, false);
    snprintf(begin, sizeof begin, "memoir: realloc of the freed block %p in process ", p);
    expect_line(said(child_aborts), begin, ": realloc: this block of 112 bytes was freed before\n");
    mr_heap_free(q);
}

Test(findings, a_pointer_into_a_block_names_the_block)
{
    char *small = mr_heap_malloc(100), *large = mr_heap_malloc(1 << 20);
    char end[100];
    finding_of("free", small + 8, false);
    snprintf(end, sizeof end, "free: the pointer leads 8 bytes into the block at %p\n", (void *)small);
    expect_line(said(child_aborts), "memoir: invalid free of ", end);
    finding_of("free", large + 200000, false);
    snprintf(end, sizeof end, "free: the pointer leads 200000 bytes into the block at %p\n", (void *)large);
    expect_line(said(child_aborts), "memoir: invalid free of ", end);
    mr_heap_free(small);
    mr_heap_free(large);
}

Test(findings, a_question_about_a_bad_pointer_is_no_reason_to_die)
{
    finding_of("malloc_usable_size", (char *)mr_heap_malloc(10) + 1, false);
    expect_line(said(goes_on), "memoir: bad pointer ", "\n");
}

Test(findings, on_error_decides)
{
    void *p = mr_heap_malloc(100);
    mr_heap_free(p);
    finding_of("free", p, false);
    mr_conf.on_error = MR_ON_ERROR_REPORT;
    expect_line(said(goes_on), "memoir: double free of ", "\n");
    mr_conf.on_error = MR_ON_ERROR_IGNORE;
    cr_expect_str_eq(said(goes_on), "");
    finding_of("malloc_usable_size", p, false);
    mr_conf.on_error = MR_ON_ERROR_ABORT;
    expect_line(said(child_aborts), "memoir: bad pointer ", "\n");
}

Test(findings, what_is_no_heaps_is_told_and_the_rest_left_alone)
{
    static int data;
    int local;
    mr_conf.on_error = MR_ON_ERROR_REPORT;
    finding_of("free", &data, true);
    expect_line(said(is_told), "memoir: invalid free of ", "itself\n");
    finding_of("free", &local, true);
    expect_line(said(is_told), "memoir: invalid free of ", "stack\n");
    finding_of("free", (void *)0x1230, true);
    expect_line(said(is_told), "memoir: invalid free of 0x1230 in process ", "there is no memory there\n");
    finding_of("free", malloc(100), true);
    cr_expect_str_eq(said(is_left_alone), "");
}

static int tell_thrice(void)
{
    struct mr_unwind_start here = { .pc = 100 }, there = { .pc = 200 };
    struct mr_finding finding = { .kind = MR_FINDING_OVERFLOW, .address = 0x1000, .size = 7, .from = &here };
    dup2(ends[1], 2);
    mr_findings_tell(&finding, "one");
    mr_findings_tell(&finding, "two");
    finding.from = &there;
    mr_findings_tell(&finding, "three");
    const struct mr_ledger_finding *all = mr_writer_entries(MR_SECTION_FINDINGS);
    return mr_writer_count(MR_SECTION_FINDINGS) == 2 && all[0].count == 2 && all[1].count == 1 &&
           all[0].kind == MR_FINDING_OVERFLOW && all[0].address == 0x1000 && all[0].size == 7 ? 5 : 6;
}

Test(findings, equal_ones_are_told_once_and_counted)
{
    char text[512];
    cr_assert_eq(pipe(ends), 0);
    cr_expect(goes_on(tell_thrice));
    close(ends[1]);
    ssize_t n = read(ends[0], text, sizeof text - 1);
    text[n > 0 ? n : 0] = '\0';
    cr_expect(strstr(text, "overflow of 0x1000 (7 bytes) in process ") && strstr(text, ": one\n"), "%s", text);
    cr_expect(!strstr(text, "two") && strstr(text, ": three\n"), "%s", text);
}

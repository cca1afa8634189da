/* The picture of a pool. */
#include "pool_help.h"

static char memory[40000];

/* Half of it in use, with a gap in the middle. */
static struct memoir_pool *make_half(void)
{
    struct memoir_pool *pool = make_pool(MEMOIR_FIT_FIRST, 0, 16384);
    void *a = memoir_pool_alloc(pool, 4096 - 16), *b = memoir_pool_alloc(pool, 2048 - 16);
    void *c = memoir_pool_alloc(pool, 4096 - 16);
    cr_assert(a && b && c);
    memoir_pool_free(pool, b);
    return pool;
}

Test(embed_draw, shows_what_is_in_use_and_free)
{
    struct memoir_pool *pool = make_half();
    struct memoir_pool_picture pic = { .width = 34, .rows = 2 };
    char text[2000];
    size_t length = memoir_pool_draw(pool, &pic, text, sizeof text);
    cr_expect_eq(length, strlen(text));
    cr_expect_str_eq(text,
                     "pool test: first-fit, 16.0 KiB\n"
                     "in use 8.0 KiB in 2 blocks, peak 10.0 KiB\n"
                     "free   8.0 KiB in 2 gaps, largest 6.0 KiB, fragmentation 25 %\n"
                     "|################........########|\n"
                     "|########........................|\n"
                     "# in use  + mostly  - mostly free  . free  a mark is 256 B\n"
                     "    gaps from        count        bytes\n"
                     "      2.0 KiB            1      2.0 KiB \n"
                     "      4.0 KiB            1      6.0 KiB \n");
}

Test(embed_draw, cells_that_are_partly_in_use)
{
    struct memoir_pool *pool = make_half();
    struct memoir_pool_picture pic = { .width = 20, .rows = 1 };
    char text[2000];
    memoir_pool_draw(pool, &pic, text, sizeof text); /* 18 columns of 57 units: 912 bytes */
    cr_expect(strstr(text, "\n|####-.-####-......|\n"), "%s", text);
    for (unsigned width = 20; width < 200; width += 7) {
        pic.width = width;
        memoir_pool_draw(pool, &pic, text, sizeof text);
        for (char *line = strchr(text, '|'); *line == '|'; line = strchr(line, '\n') + 1)
            cr_expect_leq(strcspn(line, "\n"), width);
        for (char *line = strstr(text, "gaps from"); line; line = strchr(line + 1, '\n'))
            cr_expect_leq(strcspn(line + 1, "\n"), width < 41 ? 41 : width);
    }
}

Test(embed_draw, is_cut_to_the_buffer_and_tells_its_length)
{
    struct memoir_pool *pool = make_half();
    char text[2000], part[40];
    size_t length = memoir_pool_draw(pool, NULL, text, sizeof text);
    cr_expect_eq(memoir_pool_draw(pool, NULL, NULL, 0), length);
    cr_expect_eq(memoir_pool_draw(pool, NULL, part, sizeof part), length);
    cr_expect_eq(strlen(part), sizeof part - 1);
    cr_expect_eq(strncmp(part, text, sizeof part - 1), 0);
}

static void collect(void *ctx, const char *text, size_t length)
{
    strncat(ctx, text, length);
}

Test(embed_draw, goes_to_a_callback_too)
{
    struct memoir_pool *pool = make_half();
    static char text[4000], collected[4000];
    struct memoir_pool_picture pic = { .width = 200, .rows = 10 };
    memoir_pool_draw(pool, &pic, text, sizeof text);
    memoir_pool_draw_to(pool, &pic, collect, collected);
    cr_expect_gt(strlen(text), 1500);
    cr_expect_str_eq(collected, text);
}

Test(embed_draw, colour_changes_nothing_else)
{
    struct memoir_pool *pool = make_half();
    struct memoir_pool_picture pic = { .colour = true };
    char text[8000], stripped[8000], plain[8000], *to = stripped;
    memoir_pool_draw(pool, &pic, text, sizeof text);
    memoir_pool_draw(pool, NULL, plain, sizeof plain);
    cr_expect(strstr(text, "\x1b[31m#"));
    for (char *from = text; *from;)
        if (*from == '\x1b')
            from = strchr(from, 'm') + 1;
        else
            *to++ = *from++;
    *to = '\0';
    cr_expect_str_eq(stripped, plain);
}

Test(embed_draw, tiny_full_and_broken_pools_have_pictures_too)
{
    struct memoir_pool_options o = options_of(MEMOIR_FIT_SEGREGATED, 0);
    struct memoir_pool *pool = memoir_pool_create_in(memory, memoir_pool_overhead(64, &o) + 64, &o);
    char text[3000], *p;
    memoir_pool_draw(pool, NULL, text, sizeof text);
    cr_expect(strstr(text, "fragmentation 0 %"));
    while ((p = memoir_pool_alloc(pool, 1)))
        ;
    memoir_pool_draw(pool, NULL, text, sizeof text);
    cr_expect(strstr(text, "free   0 B in 0 gaps"));
    struct memoir_pool *broken = make_half();
    p = memoir_pool_alloc(broken, 10);
    p[-16] ^= 4;
    memoir_pool_draw(broken, NULL, text, sizeof text);
    cr_expect(strstr(text, "is corrupted"));
}

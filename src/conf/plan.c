/* plan.c: which requests for memory are to fail (MEMOIR_FAIL), as the user writes it. */
#include "conf.h"
#include "values.h"

#include <string.h>

/* The rest of `text` behind the word, or NULL. */
static const char *behind(const char *text, const char *word)
{
    size_t len = strlen(word);
    return strncmp(text, word, len) == 0 ? text + len : NULL;
}

static bool read_count(const char *text, uint64_t *n)
{
    const struct mr_option any = { .type = MR_OPTION_NUMBER, .min = 1, .max = UINT64_MAX };
    char ignored[128];
    struct mr_fmt why = mr_fmt_to_buffer(ignored, sizeof ignored);
    return mr_values_read(&any, text, n, &why);
}

static bool read_size(const char *text, uint64_t *n)
{
    const struct mr_option any = { .type = MR_OPTION_SIZE, .max = UINT64_MAX };
    char ignored[128];
    struct mr_fmt why = mr_fmt_to_buffer(ignored, sizeof ignored);
    return mr_values_read(&any, text, n, &why);
}

/* "0.015" or "1.5%", in billionths. */
static bool read_share(const char *text, uint64_t *share)
{
    uint64_t n = 0, scale = 1000000000;
    const char *at = text;
    for (; *at >= '0' && *at <= '9' && n <= 100; at++)
        n = n * 10 + (uint64_t)(*at - '0');
    n *= scale;
    if (*at == '.')
        for (at++; *at >= '0' && *at <= '9'; at++)
            n += (uint64_t)(*at - '0') * (scale /= 10);
    bool percent = *at == '%';
    *share = percent ? n / 100 : n;
    return at != text && at[percent] == '\0' && *share > 0 && *share <= 1000000000;
}

static bool read_hash(const char *text, uint64_t *hash)
{
    size_t len = strspn(text, "0123456789abcdef");
    *hash = 0;
    for (size_t i = 0; i < len; i++)
        *hash = *hash << 4 | (uint64_t)(text[i] <= '9' ? text[i] - '0' : text[i] - 'a' + 10);
    return len > 0 && len <= 16 && text[len] == '\0';
}

bool mr_conf_read_plan(const char *text, struct mr_conf_plan *plan)
{
    const char *rest;
    *plan = (struct mr_conf_plan){ .kind = MR_PLAN_NONE };
    if ((rest = behind(text, "nth:")) != NULL)
        plan->kind = read_count(rest, &plan->n) ? MR_PLAN_NTH : MR_PLAN_NONE;
    else if ((rest = behind(text, "every:")) != NULL)
        plan->kind = read_count(rest, &plan->n) ? MR_PLAN_EVERY : MR_PLAN_NONE;
    else if ((rest = behind(text, "rate:")) != NULL)
        plan->kind = read_share(rest, &plan->n) ? MR_PLAN_RATE : MR_PLAN_NONE;
    else if ((rest = behind(text, "size>")) != NULL)
        plan->kind = read_size(rest, &plan->n) ? MR_PLAN_SIZE : MR_PLAN_NONE;
    else if ((rest = behind(text, "stack:")) != NULL)
        plan->kind = read_hash(rest, &plan->n) ? MR_PLAN_STACK : MR_PLAN_NONE;
    else if ((rest = behind(text, "site:")) != NULL && *rest)
        *plan = (struct mr_conf_plan){ MR_PLAN_SITE, 0, rest };
    return plan->kind != MR_PLAN_NONE;
}

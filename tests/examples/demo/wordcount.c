/* wordcount.c: counts the words of a text, and forgets something on every line.
 *
 * The words live in a table that is freed at the end; the copy of each line is not. A program that reads a
 * log for weeks would grow by every line of it. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SLOTS = 4096 };

struct word {
    struct word *next;
    unsigned long count;
    char text[];
};

static struct word *table[SLOTS];

static struct word **slot_of(const char *text)
{
    unsigned long hash = 5381;
    for (; *text; text++)
        hash = hash * 33 + (unsigned char)*text;
    return &table[hash % SLOTS];
}

static void count_word(const char *text)
{
    struct word **slot = slot_of(text);
    for (struct word *w = *slot; w; w = w->next) {
        if (strcmp(w->text, text) == 0) {
            w->count++;
            return;
        }
    }
    struct word *w = malloc(sizeof *w + strlen(text) + 1);
    if (!w)
        exit(EXIT_FAILURE);
    strcpy(w->text, text);
    w->count = 1;
    w->next = *slot;
    *slot = w;
}

/* The leak: strtok needs a copy it may write to, and nobody frees it. */
static void count_line(const char *line)
{
    char *copy = strdup(line);
    for (char *word = copy ? strtok(copy, " \t\n") : NULL; word; word = strtok(NULL, " \t\n"))
        count_word(word);
}

static unsigned long print_and_free(void)
{
    unsigned long distinct = 0, most = 0;
    for (int i = 0; i < SLOTS; i++) {
        for (struct word *w = table[i], *next; w; w = next) {
            next = w->next;
            distinct++;
            most = w->count > most ? w->count : most;
            free(w);
        }
    }
    printf("%lu distinct words, the commonest %lu times\n", distinct, most);
    return distinct;
}

int main(void)
{
    char *line = NULL;
    size_t room = 0;
    while (getline(&line, &room, stdin) > 0)
        count_line(line);
    free(line);
    return print_and_free() > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

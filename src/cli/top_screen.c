/* top_screen.c: memoir top on a terminal; the only file that knows ncurses. */
#include "top.h"
#include "cli.h"
#include "os.h"
#include "report_args.h"
#include "render.h"

#include <locale.h>
#include <ncurses.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { TITLES = MR_TOP_HEAD_LINES + 1, FIRST = TITLES + 1, NAMES_MS = 100, ESCAPE = 27 };

enum view { SITES, SIZES, STACK, HELP };
enum prompt { NONE, FILTER, WRITE };

struct screen {
    struct mr_top *top;
    enum view view;
    bool frozen, quit;
    size_t selected, first;    /* of the rows listed */
    uint32_t site;             /* whose stack is shown */
    enum prompt prompt;
    char answer[256], message[320];
    uint64_t interval_ms, next_ms;
};

/* ---- drawing ------------------------------------------------------------------------------------------- */

/* The rest of the line is made blank. Nothing is written past the edge. */
static void put_line(int y, attr_t attributes, const char *text)
{
    if (y < 0 || y >= LINES)
        return;
    attrset(attributes);
    mvhline(y, 0, ' ', COLS);
    mvaddnstr(y, 0, text, COLS);
    attrset(A_NORMAL);
}

static size_t room(void) { return LINES > FIRST + 1 ? (size_t)(LINES - FIRST - 1) : 0; }

static void draw_head(const struct screen *s)
{
    char line[1024];
    for (unsigned i = 0; i < MR_TOP_HEAD_LINES; i++) {
        mr_top_text_head(s->top, i, line, sizeof line);
        put_line((int)i, i == 0 ? A_BOLD : A_NORMAL, line);
    }
    snprintf(line, sizeof line, "%s%s%s%s", s->frozen ? "frozen  " : "",
             *s->top->filter ? "only names with: " : "", s->top->filter, s->top->unnamed ? "  (some names are still looked up)" : "");
    put_line(MR_TOP_HEAD_LINES, A_BOLD, line);
}

static void draw_sites(struct screen *s)
{
    char line[1024];
    struct mr_top *top = s->top;
    mr_top_text_titles(top, false, line, sizeof line);
    put_line(TITLES, A_REVERSE, line);
    for (size_t i = 0; i < room(); i++) {
        size_t at = s->first + i;
        *line = '\0';
        if (at < top->listed)
            mr_top_text_row(top, &top->rows[top->order[at]], line, sizeof line);
        put_line(FIRST + (int)i, at == s->selected && at < top->listed ? A_STANDOUT : A_NORMAL, line);
    }
}

static void draw_sizes(struct screen *s)
{
    char line[1024];
    int y = FIRST;
    mr_top_text_titles(s->top, true, line, sizeof line);
    put_line(TITLES, A_REVERSE, line);
    for (size_t i = 0; i < MR_TOP_SIZES && y < LINES - 1; i++) {
        if (!s->top->sizes[i].sites)
            continue;
        mr_top_text_size(s->top, i, line, sizeof line);
        put_line(y++, A_NORMAL, line);
    }
    for (; y < LINES - 1; y++)
        put_line(y, A_NORMAL, "");
}

static void draw_stack(struct screen *s)
{
    char line[1024];
    struct mr_top_row *row = &s->top->rows[s->site];
    mr_top_text_titles(s->top, false, line, sizeof line);
    put_line(TITLES, A_REVERSE, line);
    mr_top_text_row(s->top, row, line, sizeof line);
    put_line(FIRST, A_BOLD, line);
    for (int y = FIRST + 1; y < LINES - 1; y++) {
        char frame[900];
        mr_top_frame(s->top, row->stack, (size_t)(y - FIRST - 1), frame, sizeof frame);
        snprintf(line, sizeof line, "    %s", frame);
        put_line(y, A_NORMAL, line);
    }
}

static void draw_help(void)
{
    static const char *const lines[] = {
        "u b r c g    sort by: in use, blocks, bytes/s, calls/s, growth/s",
        "up down PageUp PageDown Home End    move",
        "Enter        the call stack of the line; Escape: back",
        "Tab          sites, or their sizes",
        "space        freeze, go on",
        "/            only names with a text in them; empty: all",
        "w            write the report of this moment to a file",
        "q            leave",
        "",
        "Rates are of the last interval. Growth is what in use gains per second, smoothed over ten seconds.",
    };
    put_line(TITLES, A_REVERSE, "KEYS");
    for (int y = FIRST; y < LINES - 1; y++) {
        size_t i = (size_t)(y - FIRST);
        put_line(y, A_NORMAL, i < MR_COUNT(lines) ? lines[i] : "");
    }
}

static void draw_foot(const struct screen *s)
{
    char line[640];
    if (s->prompt)
        snprintf(line, sizeof line, "%s: %s_", s->prompt == FILTER ? "only names with" : "write the report to", s->answer);
    else if (*s->message)
        snprintf(line, sizeof line, "%s", s->message);
    else
        snprintf(line, sizeof line, "%s",
                 "q quit  u b r c g sort  / filter  space freeze  Enter stack  Tab sizes  w write  h help");
    put_line(LINES - 1, A_REVERSE, line);
}

static void keep_in_sight(struct screen *s)
{
    size_t last = s->top->listed ? s->top->listed - 1 : 0;
    s->selected = mr_min(s->selected, last);
    if (s->first > s->selected)
        s->first = s->selected;
    if (room() && s->selected >= s->first + room())
        s->first = s->selected - room() + 1;
}

static void draw(struct screen *s)
{
    keep_in_sight(s);
    draw_head(s);
    if (s->view == SITES)
        draw_sites(s);
    else if (s->view == SIZES)
        draw_sizes(s);
    else if (s->view == STACK)
        draw_stack(s);
    else
        draw_help();
    draw_foot(s);
    refresh();
}

/* ---- the report ---------------------------------------------------------------------------------------- */

/* What is said on stderr meanwhile would go over the screen: its last line is kept. */
static void write_report(struct screen *s)
{
    struct mr_report_args args;
    int said = memfd_create("said", MFD_CLOEXEC), before = dup(STDERR_FILENO);
    if (said < 0 || before < 0 || !mr_report_args_init(&args))
        return;
    fflush(stderr);
    dup2(said, STDERR_FILENO);
    args.output = s->answer;
    int code = mr_render_ledger(s->top->ledger, &args, NULL, s->top->path, STDOUT_FILENO);
    mr_report_args_free(&args);
    fflush(stderr);
    dup2(before, STDERR_FILENO);
    ssize_t n = pread(said, s->message, sizeof s->message - 1, 0);
    s->message[n > 0 ? n : 0] = '\0';
    s->message[strcspn(s->message, "\n")] = '\0';
    if (code == 0)
        snprintf(s->message, sizeof s->message, "the report is in %s", s->answer);
    close(said);
    close(before);
}

/* ---- keys ---------------------------------------------------------------------------------------------- */

static void answer(struct screen *s)
{
    if (s->prompt == FILTER)
        snprintf(s->top->filter, sizeof s->top->filter, "%.63s", s->answer);
    else if (*s->answer)
        write_report(s);
    s->prompt = NONE;
    s->view = SITES;
}

static void type(struct screen *s, int key)
{
    size_t len = strlen(s->answer);
    if (key == '\n' || key == '\r' || key == KEY_ENTER)
        answer(s);
    else if (key == ESCAPE)
        s->prompt = NONE;
    else if ((key == KEY_BACKSPACE || key == 127 || key == 8) && len)
        s->answer[len - 1] = '\0';
    else if (key >= 0x20 && key < 0x100 && key != 127 && len + 1 < sizeof s->answer)
        s->answer[len] = (char)key, s->answer[len + 1] = '\0';
}

static void ask(struct screen *s, enum prompt prompt)
{
    s->prompt = prompt;
    snprintf(s->answer, sizeof s->answer, "%s", prompt == FILTER ? s->top->filter : "");
}

static void move_by(struct screen *s, long lines)
{
    size_t last = s->top->listed ? s->top->listed - 1 : 0;
    if (lines < 0)
        s->selected -= mr_min(s->selected, (size_t)-lines);
    else
        s->selected = mr_min(s->selected + (size_t)lines, last);
}

static void show_stack(struct screen *s)
{
    if (s->view != SITES || s->selected >= s->top->listed)
        return;
    s->site = s->top->order[s->selected];
    s->view = STACK;
}

static bool sort_by(struct screen *s, int key)
{
    for (int i = 0; i < MR_TOP_KEY_COUNT; i++)
        if (mr_top_columns[i].key == key) {
            s->top->key = (enum mr_top_key)i;
            s->selected = s->first = 0;
            return true;
        }
    return false;
}

static void go(struct screen *s, int key)
{
    long page = (long)mr_max(room(), 1);
    switch (key) {
    case KEY_UP: case 'k': move_by(s, -1); break;
    case KEY_DOWN: case 'j': move_by(s, 1); break;
    case KEY_PPAGE: move_by(s, -page); break;
    case KEY_NPAGE: move_by(s, page); break;
    case KEY_HOME: s->selected = 0; break;
    case KEY_END: move_by(s, LONG_MAX / 2); break;
    default: break;
    }
}

static void press(struct screen *s, int key)
{
    *s->message = '\0';
    switch (key) {
    case 'q': s->quit = true; break;
    case ESCAPE: s->view = SITES; break;
    case '\n': case '\r': case KEY_ENTER: show_stack(s); break;
    case '\t': s->view = s->view == SIZES ? SITES : SIZES; break;
    case ' ': s->frozen = !s->frozen; break;
    case '/': ask(s, FILTER); break;
    case 'w': ask(s, WRITE); break;
    case 'h': case '?': s->view = s->view == HELP ? SITES : HELP; break;
    default:
        if (!sort_by(s, key))
            go(s, key);
    }
}

/* ---- all of it ----------------------------------------------------------------------------------------- */

/* Looks when it is time; what has ended stays as it was. */
static void look(struct screen *s)
{
    uint64_t now = mr_clock_ms();
    if (now < s->next_ms)
        return;
    s->next_ms = now + s->interval_ms;
    if (!s->frozen && s->top->state == MR_TOP_RUNS && !mr_top_look(s->top))
        snprintf(s->message, sizeof s->message, "the ledger cannot be read any more; this is what was last seen");
}

static void wait_for_key(struct screen *s)
{
    uint64_t now = mr_clock_ms();
    timeout(s->next_ms > now ? (int)(s->next_ms - now) : 0);
    int key = getch();
    if (key == ERR || key == KEY_RESIZE)
        return;
    if (s->prompt)
        type(s, key);
    else
        press(s, key);
}

int mr_top_screen(struct mr_top *top, uint64_t interval_ms)
{
    struct screen s = { .top = top, .interval_ms = interval_ms, .next_ms = mr_clock_ms() + interval_ms };
    setlocale(LC_CTYPE, "");
    if (!newterm(NULL, stdout, stdin)) {
        const char *term = getenv("TERM");
        mr_cli_say("TERM=%.40s is no terminal known here; --once prints one table anywhere", term ? term : "");
        return MR_CODE_USAGE;
    }
    set_escdelay(50);
    cbreak();
    noecho();
    nonl();
    curs_set(0);
    keypad(stdscr, TRUE);
    while (!s.quit) {
        look(&s);
        mr_top_arrange(top, NAMES_MS);
        draw(&s);
        wait_for_key(&s);
    }
    endwin();
    return 0;
}

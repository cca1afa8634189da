#include "writer.h"

#include <string.h>

#include "base.h"
#include "name.h"
#include "os.h"

enum { STRING_MOST = 4095 };
static const uint64_t STEP_LEAST = 16 * MR_KIB, STEP_MOST = MR_MIB; /* small: most processes write next to nothing */

static const struct { uint32_t entry_bytes, capacity; } shapes[MR_SECTION_COUNT] = {
    [MR_SECTION_STATS] = { sizeof(struct mr_ledger_stats), 1 },
    [MR_SECTION_STRINGS] = { 1, 4 << 20 },
    [MR_SECTION_MODULES] = { sizeof(struct mr_ledger_module), 8192 },
    [MR_SECTION_FRAMES] = { sizeof(struct mr_ledger_frame), 1 << 20 },
    [MR_SECTION_SITES] = { sizeof(struct mr_ledger_site), 1 << 19 },
    [MR_SECTION_HISTORY] = { sizeof(struct mr_ledger_history), 1 << 19 },
    [MR_SECTION_VERDICTS] = { sizeof(struct mr_ledger_verdict), 1 << 19 },
    [MR_SECTION_LANES] = { sizeof(struct mr_ledger_lane), MR_LANES },
    [MR_SECTION_TIMELINE] = { sizeof(struct mr_ledger_moment), 512 },
    [MR_SECTION_FINDINGS] = { sizeof(struct mr_ledger_finding), 1024 },
    [MR_SECTION_MAP] = { sizeof(struct mr_ledger_map), 1 },
};

struct mr_ledger_header *mr_writer_header;

static bool in_file;
static uint64_t offsets[MR_SECTION_COUNT], rooms[MR_SECTION_COUNT]; /* in bytes; room = what is accessible */
static uint64_t file_bytes;
static _Atomic bool ended;

static char *address(uint64_t offset) { return (char *)mr_writer_header + offset; }
static struct mr_ledger_section *section_of(enum mr_section_kind kind)
{
    return &mr_writer_header->sections[kind];
}

void *mr_writer_entries(enum mr_section_kind kind) { return address(offsets[kind]); }
const char *mr_writer_path(void) { return in_file ? mr_name_path() : ""; }
uint64_t mr_writer_now_ms(void) { return mr_clock_ms() - mr_writer_header->start_ms; }

/* ---- room --------------------------------------------------------------------------------------- */

static bool commit(uint64_t offset, uint64_t bytes)
{
    return in_file ? mr_file_map_commit(address(offset), bytes) : mr_vm_commit(address(offset), bytes);
}

static uint64_t extent(enum mr_section_kind kind)
{
    return mr_align_up((uint64_t)shapes[kind].entry_bytes * shapes[kind].capacity, mr_os_page);
}

static bool grow(enum mr_section_kind kind, uint64_t needed)
{
    uint64_t room = rooms[kind], least = mr_align_up(needed, mr_os_page) - room;
    uint64_t step = mr_align_up(mr_min(mr_max(room / 4, STEP_LEAST), STEP_MOST), mr_os_page);
    step = mr_min(mr_max(step, least), extent(kind) - room);
    if (!commit(offsets[kind] + room, step)) {
        step = least;
        if (!commit(offsets[kind] + room, step))
            return false;
    }
    rooms[kind] = room + step;
    return true;
}

uint64_t mr_writer_count(enum mr_section_kind kind)
{
    return __atomic_load_n(&section_of(kind)->count, __ATOMIC_ACQUIRE);
}

int64_t mr_writer_reserve(enum mr_section_kind kind, uint64_t n)
{
    uint64_t count = mr_writer_count(kind), bytes = shapes[kind].entry_bytes;
    if (n > shapes[kind].capacity - count)
        return -1;
    if ((count + n) * bytes > rooms[kind] && !grow(kind, (count + n) * bytes))
        return -1;
    return (int64_t)count;
}

void mr_writer_publish(enum mr_section_kind kind, uint64_t n)
{
    mr_writer_cut(kind, mr_writer_count(kind) + n);
}

void mr_writer_cut(enum mr_section_kind kind, uint64_t count)
{
    MR_ASSERT(count * shapes[kind].entry_bytes <= rooms[kind], "what counts was reserved");
    __atomic_store_n(&section_of(kind)->count, count, __ATOMIC_RELEASE);
}

/* ---- strings ------------------------------------------------------------------------------------ */

static struct mr_lock strings_lock = MR_LOCK_INIT(MR_RANK_STRINGS);
static uint32_t last_strings[16]; /* a ring of offsets */
static unsigned next_last;

static uint32_t find_string(const char *text, size_t len)
{
    const char *strings = mr_writer_entries(MR_SECTION_STRINGS);
    for (unsigned i = 0; i < MR_COUNT(last_strings); i++) {
        const char *s = strings + last_strings[i];
        if (last_strings[i] && strncmp(s, text, len) == 0 && s[len] == '\0')
            return last_strings[i];
    }
    return 0;
}

static uint32_t append_string(const char *text, size_t len)
{
    int64_t at = mr_writer_reserve(MR_SECTION_STRINGS, len + 1);
    if (at < 0)
        return 0;
    char *s = (char *)mr_writer_entries(MR_SECTION_STRINGS) + at;
    memcpy(s, text, len);
    s[len] = '\0';
    mr_writer_publish(MR_SECTION_STRINGS, len + 1);
    last_strings[next_last++ % MR_COUNT(last_strings)] = (uint32_t)at;
    return (uint32_t)at;
}

bool mr_writer_is_busy(void) { return mr_lock_is_mine(&strings_lock); }

uint32_t mr_writer_string(const char *text)
{
    if (!text || text[0] == '\0' || mr_writer_is_busy())
        return 0;
    size_t len = strnlen(text, STRING_MOST);
    mr_lock_acquire(&strings_lock);
    uint32_t at = find_string(text, len);
    if (at == 0)
        at = append_string(text, len);
    mr_lock_release(&strings_lock);
    return at;
}

/* ---- opening ------------------------------------------------------------------------------------ */

static void lay_out(void)
{
    uint64_t at = mr_align_up(MR_LEDGER_HEADER_BYTES, mr_os_page);
    for (int kind = 0; kind < MR_SECTION_COUNT; kind++) {
        offsets[kind] = at;
        at += extent(kind);
    }
    file_bytes = at;
}

/* The whole extent, inaccessible but for the header. */
static bool map_file(const char **why)
{
    int fd = mr_name_create(file_bytes, false, why);
    if (fd < 0)
        return false;
    mr_writer_header = mr_file_map(fd, NULL, file_bytes);
    mr_file_close(fd);
    in_file = true;
    if (mr_writer_header && commit(0, offsets[0]))
        return true;
    *why = mr_writer_header ? "no room in the file system" : "no address space";
    if (mr_writer_header)
        mr_vm_release(mr_writer_header, file_bytes);
    mr_file_remove(mr_name_path());
    in_file = false;
    return false;
}

static bool map_memory(void)
{
    mr_writer_header = mr_vm_reserve(file_bytes, mr_os_page);
    if (!mr_writer_header)
        return false;
    if (commit(0, offsets[0]))
        return true;
    mr_vm_release(mr_writer_header, file_bytes);
    return false;
}

static void describe_process(struct mr_ledger_header *h)
{
    h->pid = mr_process_id();
    h->start_wall = mr_clock_wall();
    h->start_ms = mr_clock_ms();
    mr_process_command(h->command, sizeof h->command);
    mr_file_link_target("/proc/self/exe", h->executable, sizeof h->executable);
    mr_file_link_target("/proc/self/cwd", h->directory, sizeof h->directory);
    strncpy(h->memoir_version, MR_VERSION, sizeof h->memoir_version - 1);
}

static void describe_sections(struct mr_ledger_header *h)
{
    for (uint32_t kind = 0; kind < MR_SECTION_COUNT; kind++)
        h->sections[kind] = (struct mr_ledger_section){ .offset = offsets[kind], .capacity = shapes[kind].capacity,
                                                        .entry_bytes = shapes[kind].entry_bytes, .kind = kind };
}

/* The magic comes last: a reader that looks in too early finds no ledger instead of half a header. */
static void fill_header(enum mr_ledger_trace trace, uint64_t sample_interval)
{
    struct mr_ledger_header *h = mr_writer_header;
    uint64_t magic;
    h->version = MR_LEDGER_VERSION;
    h->header_bytes = (uint32_t)offsets[0];
    h->file_bytes = file_bytes;
    h->trace = trace;
    h->sample_interval = sample_interval;
    describe_process(h);
    describe_sections(h);
    memcpy(&magic, MR_LEDGER_MAGIC, sizeof magic);
    __atomic_store_n((uint64_t *)h->magic, magic, __ATOMIC_RELEASE);
}

/* Entry 0 of these means "none", and is there from the start. */
static bool make_first_entries(void)
{
    static const enum mr_section_kind firsts[] = { MR_SECTION_STRINGS, MR_SECTION_FRAMES, MR_SECTION_SITES,
                                                   MR_SECTION_MODULES, MR_SECTION_STATS, MR_SECTION_LANES };
    for (size_t i = 0; i < MR_COUNT(firsts); i++) {
        if (mr_writer_reserve(firsts[i], 1) < 0)
            return false;
        mr_writer_publish(firsts[i], 1);
    }
    return true;
}

static bool fill(enum mr_ledger_trace trace, uint64_t sample_interval)
{
    fill_header(trace, sample_interval);
    if (make_first_entries())
        return true;
    mr_vm_release(mr_writer_header, file_bytes);
    memset(rooms, 0, sizeof rooms);
    mr_writer_header = NULL;
    return false;
}

bool mr_writer_open(const char *wanted, enum mr_ledger_trace trace, uint64_t sample_interval, const char **why)
{
    MR_REQUIRE(mr_writer_header == NULL, "the ledger is opened once");
    *why = NULL;
    lay_out();
    if (wanted && wanted[0]) {
        mr_name_keep(wanted);
        if (map_file(why)) {
            if (fill(trace, sample_interval))
                return true;
            *why = "no room in the file system";
            mr_file_remove(mr_name_path());
            in_file = false;
        }
    }
    return map_memory() && fill(trace, sample_interval);
}

/* ---- fork --------------------------------------------------------------------------------------- */

/* Accessible pieces of the mapping, the header first. What was reserved and not published yet belongs to whom the
 * fork interrupted, so all of the room moves, and beyond the count a little is copied. */
struct piece { uint64_t offset, room, used; };

static struct piece piece_of(int i)
{
    if (i == 0)
        return (struct piece){ 0, offsets[0], sizeof(struct mr_ledger_header) };
    enum mr_section_kind kind = (enum mr_section_kind)(i - 1);
    uint64_t used = mr_writer_count(kind) * shapes[kind].entry_bytes + STRING_MOST + 1;
    return (struct piece){ offsets[kind], rooms[kind], mr_min(used, rooms[kind]) };
}

static bool copy_pieces(char *to)
{
    for (int i = 0; i <= MR_SECTION_COUNT; i++) {
        struct piece p = piece_of(i);
        if (p.room > 0 && !mr_file_map_commit(to + p.offset, p.room))
            return false;
        memcpy(to + p.offset, address(p.offset), p.used);
    }
    return true;
}

/* The copy takes the place of the parent's mapping: pages that hold something make the room of the copy, so the
 * second commit only opens it. */
static bool replace_by(int fd)
{
    struct piece pieces[MR_SECTION_COUNT + 1];
    for (int i = 0; i <= MR_SECTION_COUNT; i++)
        pieces[i] = piece_of(i);
    if (!mr_file_map(fd, mr_writer_header, file_bytes))
        return false;
    for (int i = 0; i <= MR_SECTION_COUNT; i++) {
        bool opened = pieces[i].room == 0 || mr_file_map_open(address(pieces[i].offset), pieces[i].room);
        MR_REQUIRE(opened, "as many mappings as there were");
    }
    return true;
}

static bool copy_to_file(void)
{
    const char *why;
    int fd = mr_name_create(file_bytes, true, &why);
    if (fd < 0)
        return false;
    char *copy = mr_file_map(fd, NULL, file_bytes);
    bool done = copy && copy_pieces(copy) && replace_by(fd);
    if (copy)
        mr_vm_release(copy, file_bytes);
    mr_file_close(fd);
    if (!done)
        mr_file_remove(mr_name_path());
    return done;
}

/* Page by page from the shared mapping to private memory in its place. What is not accessible yet is replaced
 * when it is committed. */
static bool copy_to_memory(void)
{
    static char chunk[64 * MR_KIB];
    for (int i = 0; i <= MR_SECTION_COUNT; i++) {
        struct piece p = piece_of(i);
        for (uint64_t at = 0, n; at < p.room; at += n) {
            n = mr_min(sizeof chunk, p.room - at);
            memcpy(chunk, address(p.offset + at), n);
            if (!mr_vm_commit(address(p.offset + at), n))
                return false;
            memcpy(address(p.offset + at), chunk, n);
        }
    }
    return true;
}

/* The parent's threads go on while its pages are copied: what they publish by then may lie where the room was not
 * there yet at the fork. */
static void cut_to_rooms(void)
{
    for (int kind = 0; kind < MR_SECTION_COUNT; kind++)
        mr_writer_cut(kind, mr_min(mr_writer_count(kind), rooms[kind] / shapes[kind].entry_bytes));
}

bool mr_writer_forked(void)
{
    if (!mr_writer_header)
        return false;
    mr_lock_after_fork(&strings_lock, mr_lock_is_mine(&strings_lock));
    if (in_file && !copy_to_file()) {
        in_file = false;
        if (!copy_to_memory())
            return false;
    }
    cut_to_rooms();
    struct mr_ledger_header *h = mr_writer_header;
    h->forked_from = h->pid;
    h->pid = mr_process_id();
    h->end_value = 0;
    h->end_ms = 0;
    __atomic_store_n(&h->end, MR_LEDGER_RUNNING, __ATOMIC_RELEASE);
    atomic_store(&ended, false);
    return true;
}

void mr_writer_end(enum mr_ledger_end end, int64_t value)
{
    struct mr_ledger_header *h = mr_writer_header;
    if (!h || atomic_exchange(&ended, true))
        return;
    h->end_value = value;
    h->end_ms = mr_writer_now_ms();
    __atomic_store_n(&h->end, end, __ATOMIC_RELEASE);
}

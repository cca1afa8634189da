/* Every form of operator new and delete: what it gives, and what it does when there is nothing. */
#include "expect.h"
#include <list>
#include <malloc.h>
#include <map>
#include <memory>
#include <new>
#include <string>
#include <thread>
#include <vector>

static const std::align_val_t align64{ 64 };
static const size_t too_big = (size_t)PTRDIFF_MAX - 4096;

/* --- blocks -------------------------------------------------------------------------------------- */
static void good(void *block, size_t align, size_t size)
{
    EXPECT_SAY(block, "no block of %zu", size);
    EXPECT((uintptr_t)block % align == 0);
    EXPECT(malloc_usable_size(block) >= size);
    memset(block, 1, size);
}

static void plain_forms_give_blocks(void)
{
    for (size_t size = 0; size < 200000; size += 1 + size / 3) {
        void *one = ::operator new(size), *many = ::operator new[](size);
        good(one, 16, size);
        good(many, 16, size);
        EXPECT(one != many);
        ::operator delete(one);
        ::operator delete[](many);
    }
}

static void nothrow_forms_give_blocks(void)
{
    for (size_t size = 0; size < 200000; size += 1 + size / 3) {
        void *one = ::operator new(size, std::nothrow), *many = ::operator new[](size, std::nothrow);
        good(one, 16, size);
        good(many, 16, size);
        ::operator delete(one, std::nothrow);
        ::operator delete[](many, std::nothrow);
    }
}

static void sized_delete_frees(void)
{
    for (size_t size = 0; size < 200000; size += 1 + size / 3) {
        ::operator delete(::operator new(size), size);
        ::operator delete[](::operator new[](size), size);
    }
}

static void aligned_forms_give_blocks(void)
{
    for (size_t align = 1; align <= 1 << 20; align *= 2)
        for (size_t size = 0; size < 100000; size = size * 5 + 1) {
            std::align_val_t a{ align };
            void *one = ::operator new(size, a), *many = ::operator new[](size, a);
            void *quiet = ::operator new(size, a, std::nothrow), *quiets = ::operator new[](size, a, std::nothrow);
            good(one, align, size);
            good(many, align, size);
            good(quiet, align, size);
            good(quiets, align, size);
            ::operator delete(one, a);
            ::operator delete[](many, size, a);
            ::operator delete(quiet, a, std::nothrow);
            ::operator delete[](quiets, a, std::nothrow);
            ::operator delete(::operator new(size, a), size, a);
            ::operator delete[](::operator new[](size, a), a);
        }
}

static void delete_of_null_does_nothing(void)
{
    ::operator delete(nullptr);
    ::operator delete[](nullptr);
    ::operator delete(nullptr, (size_t)8);
    ::operator delete[](nullptr, (size_t)8);
    ::operator delete(nullptr, std::nothrow);
    ::operator delete[](nullptr, std::nothrow);
    ::operator delete(nullptr, align64);
    ::operator delete[](nullptr, align64);
    ::operator delete(nullptr, (size_t)8, align64);
    ::operator delete[](nullptr, (size_t)8, align64);
    ::operator delete(nullptr, align64, std::nothrow);
    ::operator delete[](nullptr, align64, std::nothrow);
}

static void zero_sizes_give_distinct_blocks(void)
{
    void *a = ::operator new(0), *b = ::operator new(0), *c = ::operator new[](0), *d = ::operator new(0, align64);
    EXPECT(a && b && c && d && a != b && b != c && c != d);
    ::operator delete(a);
    ::operator delete(b);
    ::operator delete[](c);
    ::operator delete(d, align64);
}

/* --- failures -------------------------------------------------------------------------------------- */
template <typename Call> static bool throws_bad_alloc(Call call)
{
    try {
        expect_opaque(call());
    } catch (const std::bad_alloc &) {
        return true;
    }
    return false;
}

/* libstdc++ 12 rounds the size up to the alignment without a look at what wraps. */
static bool aligned_can_refuse(size_t size)
{
    return expect_memoir() || size <= (size_t)PTRDIFF_MAX + 1;
}

static void throwing_forms_throw_bad_alloc(void)
{
    std::set_new_handler(nullptr);
    for (size_t size : { too_big, (size_t)PTRDIFF_MAX, (size_t)PTRDIFF_MAX + 1, SIZE_MAX - 8, SIZE_MAX }) {
        EXPECT(throws_bad_alloc([=] { return ::operator new(size); }));
        EXPECT(throws_bad_alloc([=] { return ::operator new[](size); }));
        if (!aligned_can_refuse(size))
            continue;
        EXPECT(throws_bad_alloc([=] { return ::operator new(size, align64); }));
        EXPECT(throws_bad_alloc([=] { return ::operator new[](size, align64); }));
    }
}

static void nothrow_forms_return_null(void)
{
    std::set_new_handler(nullptr);
    for (size_t size : { too_big, (size_t)PTRDIFF_MAX, (size_t)PTRDIFF_MAX + 1, SIZE_MAX - 8, SIZE_MAX }) {
        EXPECT(!::operator new(size, std::nothrow));
        EXPECT(!::operator new[](size, std::nothrow));
        if (!aligned_can_refuse(size))
            continue;
        EXPECT(!::operator new(size, align64, std::nothrow));
        EXPECT(!::operator new[](size, align64, std::nothrow));
    }
}

static volatile size_t element_count = (size_t)1 << 61;

static void array_sizes_that_wrap_throw(void)
{
    EXPECT(throws_bad_alloc([] { return new double[element_count]; }));
    EXPECT(throws_bad_alloc([] { return new std::string[element_count]; }));
    EXPECT(!new (std::nothrow) char[too_big]);
}

/* --- the new-handler ------------------------------------------------------------------------------- */
static unsigned handled;

static void give_up_at_three(void)
{
    if (++handled == 3)
        std::set_new_handler(nullptr);
}

static void throw_at_two(void)
{
    if (++handled == 2)
        throw std::bad_alloc();
}

struct own_exception : std::bad_alloc {
};

static void throw_own(void) { throw own_exception(); }

template <typename Call> static void handled_three_times(Call call)
{
    handled = 0;
    std::set_new_handler(give_up_at_three);
    EXPECT(throws_bad_alloc(call));
    EXPECT_SAY(handled == 3, "called %u times", handled);
}

static void the_handler_is_called_until_it_gives_up(void)
{
    handled_three_times([] { return ::operator new(too_big); });
    handled_three_times([] { return ::operator new[](too_big); });
    handled_three_times([] { return ::operator new(too_big, align64); });
    handled_three_times([] { return ::operator new[](too_big, align64); });
}

template <typename Call> static void handled_three_times_quietly(Call call)
{
    handled = 0;
    std::set_new_handler(give_up_at_three);
    EXPECT(!call());
    EXPECT_SAY(handled == 3, "called %u times", handled);
}

static void nothrow_forms_call_the_handler_too(void)
{
    handled_three_times_quietly([] { return ::operator new(too_big, std::nothrow); });
    handled_three_times_quietly([] { return ::operator new[](too_big, std::nothrow); });
    handled_three_times_quietly([] { return ::operator new(too_big, align64, std::nothrow); });
    handled_three_times_quietly([] { return ::operator new[](too_big, align64, std::nothrow); });
}

static void what_the_handler_throws_comes_through(void)
{
    handled = 0;
    std::set_new_handler(throw_at_two);
    EXPECT(throws_bad_alloc([] { return ::operator new(too_big); }));
    EXPECT(handled == 2);
    std::set_new_handler(throw_own);
    bool own = false;
    try {
        expect_opaque(::operator new[](too_big));
    } catch (const own_exception &) {
        own = true;
    }
    EXPECT(own);
    std::set_new_handler(nullptr);
}

static void nothrow_forms_swallow_what_the_handler_throws(void)
{
    handled = 0;
    std::set_new_handler(throw_at_two);
    EXPECT(!::operator new(too_big, std::nothrow));
    EXPECT(handled == 2);
    std::set_new_handler(throw_own);
    EXPECT(!::operator new[](too_big, std::nothrow));
    EXPECT(!::operator new(too_big, align64, std::nothrow));
    EXPECT(!::operator new[](too_big, align64, std::nothrow));
    std::set_new_handler(nullptr);
}

static void malloc_never_calls_the_handler(void)
{
    handled = 0;
    std::set_new_handler(give_up_at_three);
    EXPECT(!malloc(too_big) && !calloc(too_big, 1) && !aligned_alloc(64, too_big));
    EXPECT(handled == 0);
    std::set_new_handler(nullptr);
}

/* --- exceptions need memory of their own ------------------------------------------------------------ */
static void exceptions_are_thrown_through_frames(int depth)
{
    std::string guard(100, 'g');
    std::vector<int> numbers(depth + 1);
    if (depth == 0)
        throw std::string(1000, 'x');
    exceptions_are_thrown_through_frames(depth - 1);
}

static void exceptions_are_thrown(void)
{
    for (int i = 0; i < 200; i++) {
        bool caught = false;
        try {
            exceptions_are_thrown_through_frames(20);
        } catch (const std::string &text) {
            caught = text.size() == 1000;
        }
        EXPECT(caught);
    }
}

/* --- what programs do with them --------------------------------------------------------------------- */
struct alignas(128) wide {
    char bytes[128];
};

static void containers_live(void)
{
    std::map<int, std::string> map;
    std::list<std::vector<int>> list;
    std::vector<wide> wides;
    for (int i = 0; i < 3000; i++) {
        map[i * 7919 % 3001] = std::string(i % 300, 'a' + i % 26);
        list.emplace_back(i % 100, i);
        wides.push_back(wide());
        EXPECT((uintptr_t)wides.data() % 128 == 0);
    }
    for (int i = 0; i < 3000; i++)
        EXPECT(map[i * 7919 % 3001].size() == (size_t)(i % 300));
    EXPECT(list.back().back() == 2999);
}

static void objects_cross_threads(void)
{
    std::vector<std::unique_ptr<std::string>> made;
    std::thread([&] {
        for (int i = 0; i < 1000; i++)
            made.push_back(std::make_unique<std::string>(i, 's'));
    }).join();
    for (int i = 0; i < 1000; i++)
        EXPECT(made[i]->size() == (size_t)i);
    std::thread([&] { made.clear(); }).join();
}

struct at_exit_of_thread {
    std::vector<int> numbers{ 1, 2, 3 };
    ~at_exit_of_thread()
    {
        std::vector<int> copy(numbers);
        copy.resize(1000);
    }
};
static thread_local at_exit_of_thread object;

static void thread_local_objects_are_destroyed(void)
{
    for (int i = 0; i < 200; i++)
        std::thread([] { object.numbers.push_back(4); }).join();
}

EXPECT_MAIN(CASE(plain_forms_give_blocks), CASE(nothrow_forms_give_blocks), CASE(sized_delete_frees),
            CASE(aligned_forms_give_blocks), CASE(delete_of_null_does_nothing), CASE(zero_sizes_give_distinct_blocks),
            CASE(throwing_forms_throw_bad_alloc), CASE(nothrow_forms_return_null), CASE(array_sizes_that_wrap_throw),
            CASE(the_handler_is_called_until_it_gives_up), CASE(nothrow_forms_call_the_handler_too),
            CASE(what_the_handler_throws_comes_through), CASE(nothrow_forms_swallow_what_the_handler_throws),
            CASE(malloc_never_calls_the_handler), CASE(exceptions_are_thrown), CASE(containers_live),
            CASE(objects_cross_threads), CASE(thread_local_objects_are_destroyed))

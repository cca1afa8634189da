/* A program replaces operator new and delete and nothing else: by the rules of C++ every other
 * form goes through these two, also when an allocator is preloaded. */
#include "expect.h"
#include <new>

#pragma GCC diagnostic ignored "-Wsized-deallocation"

static unsigned news, deletes;

void *operator new(size_t size)
{
    news++;
    void *block = malloc(size ? size : 1);
    if (!block)
        throw std::bad_alloc();
    return block;
}

void operator delete(void *block) noexcept
{
    deletes++;
    free(block);
}

static void counted_once(void *block, const char *form)
{
    EXPECT_SAY(block, "%s: NULL", form);
    EXPECT_SAY(news == 1, "%s: operator new was called %u times", form, news);
}

static void freed_once(const char *form)
{
    EXPECT_SAY(deletes == 1, "%s: operator delete was called %u times", form, deletes);
    news = deletes = 0;
}

static void arrays_use_the_replaced_new(void)
{
    news = deletes = 0;
    void *block = ::operator new[](100);
    counted_once(block, "new[]");
    ::operator delete[](block);
    freed_once("delete[]");
}

static void nothrow_uses_the_replaced_new(void)
{
    news = deletes = 0;
    void *block = ::operator new(100, std::nothrow);
    counted_once(block, "new(nothrow)");
    ::operator delete(block, std::nothrow);
    freed_once("delete(nothrow)");
    block = ::operator new[](100, std::nothrow);
    counted_once(block, "new[](nothrow)");
    ::operator delete[](block, std::nothrow);
    freed_once("delete[](nothrow)");
}

#pragma GCC diagnostic ignored "-Wmismatched-new-delete"
static void sized_delete_uses_the_replaced_delete(void)
{
    news = deletes = 0;
    void *block = ::operator new(100);
    counted_once(block, "new");
    ::operator delete(block, (size_t)100);
    freed_once("delete(sized)");
    block = ::operator new[](100);
    ::operator delete[](block, (size_t)100);
    freed_once("delete[](sized)");
}

/* The replaced new throws: the nothrow form must turn that into NULL. */
static void nothrow_swallows_what_the_replaced_new_throws(void)
{
    news = deletes = 0;
    EXPECT(!::operator new((size_t)PTRDIFF_MAX, std::nothrow));
    EXPECT_SAY(news == 1, "operator new was called %u times", news);
    EXPECT(!::operator new[]((size_t)PTRDIFF_MAX, std::nothrow));
    EXPECT_SAY(news == 2, "operator new was called %u times", news);
}

static void aligned_forms_are_not_concerned(void)
{
    news = deletes = 0;
    std::align_val_t align{ 256 };
    void *block = ::operator new[](100, align);
    EXPECT(block && (uintptr_t)block % 256 == 0 && news == 0);
    ::operator delete[](block, align);
    EXPECT(deletes == 0);
}

EXPECT_MAIN(CASE(arrays_use_the_replaced_new), CASE(nothrow_uses_the_replaced_new),
            CASE(sized_delete_uses_the_replaced_delete), CASE(nothrow_swallows_what_the_replaced_new_throws),
            CASE(aligned_forms_are_not_concerned))

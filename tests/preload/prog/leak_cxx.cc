// leak_cxx: what C++ programs hold by pointers into the middle, and what they lose.
#include "leaks.h"

#include <list>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

struct Left {
    virtual ~Left() {}
    long left = 1;
};
struct Right {
    virtual ~Right() {}
    long right = 2;
};
struct Both : Left, Right {
    long both = 3;
};
struct Shared : virtual Left {
    long more = 4;
};
struct Member {
    std::string text = "a text that is too long to be kept inside of the string";
    ~Member() {}
};

static Right *volatile kept_base;
static Left *volatile kept_virtual;
static Member *volatile kept_array;
static std::vector<std::string> *volatile kept_vector;
static Right *volatile kept_middle;

APART hidden make_base()
{
    Both *object = new Both;
    kept_base = object;
    return hide(object);
}

static void by_a_second_base()
{
    hidden object = make_base();
    EXPECT(hide(const_cast<Right *>(kept_base)) != object);
    leaks_ask();
    EXPECT_KIND(object, REACHABLE);
    kept_base = nullptr;
    leaks_ask();
    EXPECT_KIND(object, DEFINITE);
}

APART hidden make_virtual()
{
    Shared *object = new Shared;
    kept_virtual = object;
    return hide(object);
}

static void by_a_virtual_base()
{
    hidden object = make_virtual();
    leaks_ask();
    EXPECT_KIND(object, REACHABLE);
}

APART hidden make_array(size_t count)
{
    kept_array = new Member[count];
    return hide(reinterpret_cast<char *>(const_cast<Member *>(kept_array)) - 8);
}

static void by_an_array_behind_its_count()
{
    for (size_t count : { 1, 3, 7, 100, 1000, 5000 }) {
        hidden block = make_array(count);
        leaks_ask();
        EXPECT_KIND(block, REACHABLE);
        kept_array = nullptr;
        leaks_ask();
        EXPECT_KIND(block, DEFINITE);
    }
}

// A pointer into the middle that is no base.
APART hidden make_middle()
{
    Both *object = new Both[3]();
    kept_middle = reinterpret_cast<Right *>(&object[1].both);
    return hide(reinterpret_cast<char *>(object) - 8);
}

static void by_the_middle()
{
    hidden block = make_middle();
    leaks_ask();
    EXPECT_KIND(block, POSSIBLE);
    kept_middle = nullptr;
}

APART hidden make_containers(bool keep)
{
    auto *vector = new std::vector<std::string>;
    for (int i = 0; i < 100; i++)
        vector->push_back(std::string(50, 'x'));
    if (keep)
        kept_vector = vector;
    return hide(vector);
}

static size_t count_held(hidden by)
{
    size_t count = 0;
    for (size_t i = 0; i < leaks_count; i++)
        count += leaks_found[i].kind == INDIRECT && leaks_found[i].holder == by;
    return count;
}

static void containers()
{
    hidden lost = make_containers(false), held = make_containers(true);
    leaks_ask();
    EXPECT_KIND(lost, DEFINITE);
    EXPECT_SAY(count_held(lost) == 101, "%zu blocks hang on the vector", count_held(lost)); // its elements, their texts
    EXPECT_KIND(held, REACHABLE);
    delete kept_vector;
    kept_vector = nullptr;
}

static std::set<hidden> lost_blocks()
{
    std::set<hidden> lost;
    leaks_ask();
    for (size_t i = 0; i < leaks_count; i++)
        if (leaks_found[i].kind == DEFINITE || leaks_found[i].kind == INDIRECT)
            lost.insert(leaks_found[i].block);
    return lost;
}

// Everything the library keeps to itself is held. What was lost before may look held: a new block has words that nobody
// wrote.
static void clean()
{
    std::map<int, std::string> map;
    std::list<std::shared_ptr<Member>> list;
    std::set<hidden> before = lost_blocks();
    for (int i = 0; i < 1000; i++) {
        map[i * 7919 % 1000] = std::string(40, 'y');
        list.push_back(std::make_shared<Member>());
    }
    for (hidden block : lost_blocks())
        EXPECT_SAY(before.count(block), "a block of %zu bytes is lost", leaks_find(block)->size);
    EXPECT(leaks_sums.kinds[POSSIBLE].blocks <= 1); // by_the_middle's
}

struct Loop {
    std::shared_ptr<Loop> other;
    char room[100];
};

APART void make_loop()
{
    auto a = std::make_shared<Loop>(), b = std::make_shared<Loop>();
    a->other = b;
    b->other = a;
}

static void a_loop_of_shared_pointers()
{
    leaks_ask();
    struct memoir_leaks before = leaks_sums;
    make_loop();
    leaks_ask();
    EXPECT(leaks_sums.kinds[DEFINITE].blocks == before.kinds[DEFINITE].blocks + 1);
    EXPECT(leaks_sums.kinds[INDIRECT].blocks == before.kinds[INDIRECT].blocks + 1);
}

EXPECT_MAIN(CASE(by_a_second_base), CASE(by_a_virtual_base), CASE(by_an_array_behind_its_count), CASE(by_the_middle),
            CASE(containers), CASE(clean), CASE(a_loop_of_shared_pointers))

// pool_containers.cc: the containers of C++ in a pool.
//
// Teaches: std::pmr containers take any memory resource. memoir::pool_resource puts a whole data structure into one
// pool, which says afterwards whether everything came back.
#include <cstdio>
#include <map>
#include <new>
#include <string>

#include <memoir/pool_resource.hpp>

int main()
{
    memoir_pool *pool = memoir_pool_create(1 << 20, nullptr);
    if (!pool)
        return 1;
    memoir::pool_resource resource(pool), same(pool);
    bool full = false;
    {
        std::pmr::map<int, std::pmr::string> numbers(&resource);
        for (int i = 0; i < 1000; i++)
            numbers.emplace(i, "a string too long to fit into the object itself");
        try {
            numbers.emplace(-1, std::pmr::string(2 << 20, 'x', &resource));
        } catch (const std::bad_alloc &) {
            full = true;
        }
        struct memoir_pool_stats stats;
        memoir_pool_stats(pool, &stats);
        std::printf("%zu blocks, %zu bytes\n", std::size_t(stats.blocks), std::size_t(stats.in_use));
    }
    return memoir_pool_destroy(pool) == 0 && full && resource == same ? 0 : 1;
}

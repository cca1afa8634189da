// memoir/pool_resource.hpp: a memoir_pool as a std::pmr::memory_resource (C++17).
//
//     memoir_pool *pool = memoir_pool_create(1 << 20, nullptr);
//     memoir::pool_resource resource(pool);
//     std::pmr::vector<int> v(&resource);
//
// The resource neither makes nor destroys the pool, which must outlive it; what holds for threads and costs holds
// here. A full pool throws std::bad_alloc. Two resources are equal when they are of the same pool.
#ifndef MEMOIR_POOL_RESOURCE_HPP
#define MEMOIR_POOL_RESOURCE_HPP

#include <cstddef>
#include <memory_resource>
#include <new>

#include "memoir/pool.h"

namespace memoir {

class pool_resource final : public std::pmr::memory_resource {
public:
    explicit pool_resource(memoir_pool *pool) noexcept : pool_(pool) {}

    memoir_pool *pool() const noexcept { return pool_; }

private:
    void *do_allocate(std::size_t bytes, std::size_t alignment) override
    {
        void *p = memoir_pool_aligned_alloc(pool_, alignment, bytes);
        if (!p)
            throw std::bad_alloc();
        return p;
    }

    void do_deallocate(void *p, std::size_t, std::size_t) override { memoir_pool_free(pool_, p); }

    bool do_is_equal(const std::pmr::memory_resource &other) const noexcept override
    {
        auto that = dynamic_cast<const pool_resource *>(&other);
        return that && that->pool_ == pool_;
    }

    memoir_pool *pool_;
};

} // namespace memoir

#endif

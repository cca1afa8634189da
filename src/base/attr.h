/* attr.h: compiler attributes under names of our own. */
#ifndef MR_BASE_ATTR_H
#define MR_BASE_ATTR_H

#define MR_LIKELY(x) __builtin_expect(!!(x), 1)
#define MR_UNLIKELY(x) __builtin_expect(!!(x), 0)

/* The library is built with -fvisibility=hidden: what others may bind to says so. */
#define MR_EXPORT __attribute__((visibility("default")))
#define MR_NOINLINE __attribute__((noinline))
#define MR_INLINE static inline __attribute__((always_inline))
#define MR_COLD __attribute__((cold))
#define MR_UNUSED __attribute__((unused))
#define MR_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define MR_TLS __thread __attribute__((tls_model("initial-exec")))
#define MR_CACHE_LINE 64
#define MR_ALIGNED(n) __attribute__((aligned(n)))

#endif

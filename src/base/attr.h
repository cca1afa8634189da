/* attr.h: compiler attributes under names of our own. */
#ifndef MR_BASE_ATTR_H
#define MR_BASE_ATTR_H

#define MR_LIKELY(x) __builtin_expect(!!(x), 1)
#define MR_UNLIKELY(x) __builtin_expect(!!(x), 0)

/* The library is built with -fvisibility=hidden: what others may bind to says so. */
#define MR_EXPORT __attribute__((visibility("default")))
/* For the words of fast paths: without it the compiler finds even our own through the GOT. */
#define MR_HIDDEN __attribute__((visibility("hidden")))
#define MR_NOINLINE __attribute__((noinline))
#define MR_INLINE static inline __attribute__((always_inline))
#define MR_COLD __attribute__((cold))
#define MR_UNUSED __attribute__((unused))
#define MR_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define MR_TLS __thread __attribute__((tls_model("initial-exec")))
#define MR_CACHE_LINE 64

/* Plain words with one writer that other threads look at without asking (counters for reports): a look,
 * a write, and an addition by the writer, which is one instruction on memory. Under ThreadSanitizer
 * the addition is spelled out, so that it knows what is meant. */
#define MR_PEEK(x) __atomic_load_n(&(x), __ATOMIC_RELAXED)
#define MR_POKE(x, value) __atomic_store_n(&(x), (value), __ATOMIC_RELAXED)
#ifndef MR_TSAN
#define MR_TSAN 0
#endif
#if MR_TSAN
#define MR_GLANCE(x) MR_PEEK(x) /* MR_PEEK where it may become an operand of the instruction that uses it */
#define MR_ADD(x, n) ({ __typeof__(x) sum_ = MR_PEEK(x) + (n); MR_POKE(x, sum_); sum_; })
#else
#define MR_GLANCE(x) (x)
#define MR_ADD(x, n) ((x) += (n))
#endif
#define MR_ALIGNED(n) __attribute__((aligned(n)))

#endif

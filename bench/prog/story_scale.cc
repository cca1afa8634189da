// Trait: a report's largest customer. A million blocks, 500 MiB, are lost at 10,000 call stacks: each is a path through
// five levels of templates, ten functions wide, so every name is long and every line is inlined into others.
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

unsigned blocks_per_site = 100;
volatile char sink;

template <unsigned... path> struct trail {};

template <unsigned... path> [[gnu::noinline]] void lose(trail<path...>)
{
    for (unsigned i = 0; i < blocks_per_site; i++) {
        char *block = static_cast<char *>(malloc(524));
        memset(block, 0, 524);
        sink = block[7];
    }
}

template <unsigned depth, unsigned... path> struct fork {
    [[gnu::noinline]] static void down(unsigned which)
    {
        switch (which % 10) {
        case 0: fork<depth - 1, path..., 0>::down(which / 10); break;
        case 1: fork<depth - 1, path..., 1>::down(which / 10); break;
        case 2: fork<depth - 1, path..., 2>::down(which / 10); break;
        case 3: fork<depth - 1, path..., 3>::down(which / 10); break;
        case 4: fork<depth - 1, path..., 4>::down(which / 10); break;
        case 5: fork<depth - 1, path..., 5>::down(which / 10); break;
        case 6: fork<depth - 1, path..., 6>::down(which / 10); break;
        case 7: fork<depth - 1, path..., 7>::down(which / 10); break;
        case 8: fork<depth - 1, path..., 8>::down(which / 10); break;
        case 9: fork<depth - 1, path..., 9>::down(which / 10); break;
        }
        __asm__ volatile("" : : : "memory"); // no tail call
    }
};
template <unsigned... path> struct fork<0, path...> {
    [[gnu::noinline]] static void down(unsigned)
    {
        lose(trail<path...>());
        __asm__ volatile("" : : : "memory");
    }
};

} // namespace

int main(int argc, char **argv)
{
    if (argc > 1)
        blocks_per_site = static_cast<unsigned>(atoi(argv[1]));
    for (unsigned site = 0; site < 10000; site++)
        fork<4>::down(site);
    puts("done");
    return 0;
}

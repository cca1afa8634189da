// operator new and delete are counted as any other request, each once.
#include "count.h"
#include <new>

int main(int argc, char **argv)
{
    size_t rounds = count_rounds(argc, argv);
    for (size_t round = 0; round < rounds; round++) {
        size_t size = 5 + round % 9 * 90;
        ::operator delete(count_gives(count_took(::operator new(size))));
        ::operator delete[](count_gives(count_took(::operator new[](size))));
        ::operator delete(count_gives(count_took(::operator new(size))), size);
        ::operator delete(count_gives(count_took(::operator new(size, std::nothrow))), std::nothrow);
        ::operator delete(count_gives(count_took(::operator new(size, std::align_val_t(128)))), std::align_val_t(128));
        count_took(::operator new(size));
    }
    count_print();
    return 0;
}

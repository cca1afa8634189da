/* Prints the file whose malloc this process calls: the proof that an allocator was really preloaded. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

int main(void)
{
    Dl_info info;
    if (!dladdr(dlsym(RTLD_DEFAULT, "malloc"), &info))
        return 1;
    puts(info.dli_fname);
    return 0;
}

#include "suppress.h"

/* What the C and C++ libraries allocate once and never free, though they still know where it is. Each block
 * says `reachable`: if such memory is lost, somebody wants to hear of it. The loader's own requests, on
 * behalf of dlopen and pthread_create, are known to it by pointers that a check may miss. */
const char mr_suppress_default[] =
    "{\n glibc: the loader's tables\n Memcheck:Leak\n match-leak-kinds: possible,reachable\n"
    " obj:*/ld-linux*\n}\n"
    "{\n glibc: the loader's tables, as libc asks for them\n Memcheck:Leak\n match-leak-kinds: possible,reachable\n"
    " fun:*_dl_*\n}\n"
    "{\n glibc: thread-local storage of threads\n Memcheck:Leak\n match-leak-kinds: possible,reachable\n"
    " ...\n fun:*_dl_allocate_tls*\n}\n"
    "{\n glibc: buffers of standard streams\n Memcheck:Leak\n match-leak-kinds: reachable\n"
    " fun:*_IO_*file_doallocate\n ...\n}\n"
    "{\n glibc: locales\n Memcheck:Leak\n match-leak-kinds: reachable\n"
    " ...\n fun:*setlocale\n}\n"
    "{\n glibc: time zones\n Memcheck:Leak\n match-leak-kinds: reachable\n"
    " ...\n fun:*tzset*\n}\n"
    "{\n glibc: functions to call at exit\n Memcheck:Leak\n match-leak-kinds: reachable\n"
    " ...\n fun:*__cxa_*atexit*\n}\n"
    "{\n glibc: character set conversion\n Memcheck:Leak\n match-leak-kinds: reachable\n"
    " ...\n fun:*__gconv_*\n}\n"
    "{\n glibc: name service\n Memcheck:Leak\n match-leak-kinds: reachable\n"
    " ...\n fun:*__nss_*\n}\n"
    "{\n libgcc: unwind tables\n Memcheck:Leak\n match-leak-kinds: reachable\n"
    " obj:*/libgcc_s.so*\n}\n"
    "{\n libstdc++: the pool for exceptions when memory is short\n Memcheck:Leak\n match-leak-kinds: reachable\n"
    " obj:*/libstdc++.so*\n obj:*/ld-linux*\n}\n"
    "{\n libstdc++: the pool for exceptions, with debug information\n Memcheck:Leak\n match-leak-kinds: reachable\n"
    " src:eh_alloc.cc*\n}\n";

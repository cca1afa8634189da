/* html_page.c: the page as src/report/html/build.sh made it; empty where there was no npm. */
#include "html_page.h"

__asm__(".section .rodata.mr_html_page,\"a\",@progbits\n"
        ".global mr_html_page, mr_html_page_bytes\n"
        ".hidden mr_html_page, mr_html_page_bytes\n"
        "mr_html_page:\n"
        ".incbin \"" MR_HTML_PAGE_FILE "\"\n"
        "0: .balign 8\n"
        "mr_html_page_bytes: .quad 0b - mr_html_page\n"
        ".previous\n");

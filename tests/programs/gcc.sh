# set: fast
# needs: gcc
# limit: 90
awk 'BEGIN {
    print "#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>"
    for (i = 0; i < 160; i++) {
        printf "struct s%d { int a[%d]; struct s%d *next; double d; };\n", i, i % 13 + 1, i ? i - 1 : 0
        printf "static long f%d(long x, char *p) {\n  switch (x %% 7) {\n", i
        for (k = 0; k < 7; k++) printf "  case %d: x = x * %d + p[%d]; for (int j = 0; j < %d; j++) x ^= (x << j) + p[j & 7];\n", k, i + k, k, i % 9 + 2
        printf "  }\n  return x + %s;\n}\n", i ? "f" (i - 1) "(x / 3, p)" : "0"
    }
    print "int main(void) { char p[8] = \"memoryx\"; printf(\"%ld\\n\", f159(123456, p)); return 9; }"
}' >big.c
gcc -O2 -g -Wall -c big.c -o big.o 2>&1 | md5sum
gcc big.o -o big && ./big; echo "code $?"
gcc -O1 -S big.c -o - | md5sum
gcc -O2 -flto big.c -o lto && ./lto; echo "code $?"
echo 'int f(void) { return undeclared; } int g( { ' >bad.c
gcc -c bad.c; echo "code $?"
objdump -d big.o | wc -l; strip big && nm -D big | wc -l

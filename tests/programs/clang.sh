# needs: clang
# limit: 120
awk 'BEGIN {
    print "#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>"
    for (i = 0; i < 90; i++) {
        printf "struct s%d { int a[%d]; double d; };\nstatic long f%d(long x, char *p) {\n  switch (x %% 5) {\n", i, i % 13 + 1, i
        for (k = 0; k < 5; k++) printf "  case %d: x = x * %d + p[%d]; for (int j = 0; j < %d; j++) x ^= (x << j) + p[j & 7];\n", k, i + k, k, i % 9 + 2
        printf "  }\n  return x + %s;\n}\n", i ? "f" (i - 1) "(x / 3, p)" : "0"
    }
    print "int main(void) { char p[8] = \"memoryx\"; printf(\"%ld\\n\", f89(123456, p)); return 9; }"
}' >big.c
clang -O2 -g -Wall -c big.c -o big.o 2>&1 | md5sum
clang big.o -o big && ./big; echo "code $?"
clang -O1 -S -emit-llvm big.c -o - | md5sum
clang -fsyntax-only -Xclang -ast-dump big.c | wc -l
echo 'int f(void) { return undeclared; } int g( { ' >bad.c
clang -c bad.c; echo "code $?"
printf '#include <map>\n#include <string>\nint main() { std::map<std::string, int> m; for (int i = 0; i < 999; i++) m[std::to_string(i)] = i; return m["77"]; }\n' >a.cc
clang++ -O1 a.cc -o a && ./a; echo "code $?"

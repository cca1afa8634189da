# needs: make gcc ar
# limit: 120
mkdir src
for i in {1..40}; do
    printf '#include "all.h"\nint f%d(int x) { char b[%d]; memset(b, x, sizeof b); return b[x %% %d] + %d; }\n' $i $((i * 10)) $((i * 10)) $i >src/f$i.c
    echo "int f$i(int);"
done >src/all.h
sed -i '1i #include <string.h>\n#include <stdio.h>' src/all.h
{ echo '#include "all.h"'; echo 'int main(void) { int s = 0;'; for i in {1..40}; do echo "s += f$i($i);"; done; echo 'printf("%d\n", s); return 0; }'; } >src/main.c
cat >Makefile <<'END'
OBJ := $(patsubst src/%.c,obj/%.o,$(sort $(wildcard src/*.c)))
define rule
check-$(1): obj/f$(1).o
	@nm obj/f$(1).o | grep -c 'T f$(1)$$$$' >/dev/null
endef
all: prog $(foreach n,$(shell seq 40),check-$(n))
prog: libf.a obj/main.o ; gcc obj/main.o libf.a -o $@
libf.a: $(filter-out obj/main.o,$(OBJ)) ; ar rcsD $@ $^
obj/%.o: src/%.c src/all.h | obj ; gcc -O2 -c $< -o $@
obj: ; mkdir -p obj
$(foreach n,$(shell seq 40),$(eval $(call rule,$(n))))
END
make -j4 --output-sync all | sort
./prog; md5sum <prog
touch -d '+1 hour' src/f7.c; make -j4 2>&1 | grep -v 'Clock skew\|modification time' | sort
make -n -B -p | grep -c obj/
make nothing; echo "code $?"

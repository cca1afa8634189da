# cwe.mk: the weaknesses a malloc library can see (tests/cwe). Included by tests.mk.

CWE_BIN := $(patsubst tests/cwe/%,$(B)/tests/cwe/%,$(basename $(sort $(wildcard tests/cwe/*.c tests/cwe/*.cc))))

$(B)/tests/cwe/%: tests/cwe/%.c tests/cwe/cwe.h tests/cwe/cwe.mk
	@mkdir -p $(@D)
	$(CC) -std=gnu11 -D_GNU_SOURCE -O0 -g -fno-builtin -w $< -o $@

$(B)/tests/cwe/%: tests/cwe/%.cc tests/cwe/cwe.h tests/cwe/cwe.mk
	@mkdir -p $(@D)
	$(CXX) -std=gnu++17 -O0 -g -fno-builtin -w $< -o $@

.PHONY: cwe-programs test-cwe
cwe-programs: $(CWE_BIN)

test-cwe: $(B)/libmemoir.so cwe-programs ## every class of weakness a malloc library can see (CWE_ARGS=--valgrind: and memcheck)
	tests/cwe/run.sh $(B) $(CWE_ARGS)

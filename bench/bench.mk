# bench.mk: how the benchmark programs are built and run. Included by the Makefile; $(B) is build/<variant>.

CXX ?= g++
# The programs are called for their allocations: nothing may be folded away.
BENCH_CFLAGS := -O2 -g -fno-builtin -Wall -Wextra -pthread
BENCH_SRC := $(sort $(wildcard bench/prog/*.c))
BENCH_BIN := $(patsubst bench/prog/%.c,$(B)/bench/%,$(BENCH_SRC))
ifneq ($(shell command -v $(CXX) 2>/dev/null),)
BENCH_BIN += $(B)/bench/containers
endif

$(B)/bench/launch: bench/prog/launch.c bench/bench.mk
	@mkdir -p $(@D)
	$(CC) -std=gnu11 -D_GNU_SOURCE -O2 -Wall -Wextra -static $< -o $@

$(B)/bench/%: bench/prog/%.c bench/prog/bench.h bench/bench.mk
	@mkdir -p $(@D)
	$(CC) -std=gnu11 -D_GNU_SOURCE $(BENCH_CFLAGS) $< -o $@ -ldl

$(B)/bench/%: bench/prog/%.cc bench/bench.mk
	@mkdir -p $(@D)
	$(CXX) -std=gnu++17 $(BENCH_CFLAGS) -fno-allocation-dce $< -o $@

# What programs embed, beside what people use instead: the pieces of bench/embed, each a program that prints its table.
$(B)/bench/embed-%: bench/embed/%.c bench/bench.mk $(B)/libmemoir.a
	@mkdir -p $(@D)
	$(CC) -std=gnu11 -D_GNU_SOURCE -O2 -g -Wall -Wextra -Iinclude $< $(B)/libmemoir.a -pthread -o $@

# Debian's libgc-dev.
$(B)/bench/embed-gc-boehm: bench/embed/gc.c bench/bench.mk
	@mkdir -p $(@D)
	$(CC) -std=gnu11 -D_GNU_SOURCE -DBOEHM -O2 -g -Wall -Wextra $< -lgc -o $@

.PHONY: bench bench-programs bench-quick
bench-programs: need-cc $(BENCH_BIN) ## the workload programs of the benchmark

bench: all bench-programs ## compare with the peers: every benchmark, 5 runs each (BENCH_ARGS=…)
	bench/run --build $(B) $(BENCH_ARGS)

bench-quick: all bench-programs ## the same, once each and small: does it work?
	bench/run --build $(B) --quick $(BENCH_ARGS)

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

.PHONY: bench bench-programs bench-quick
bench-programs: need-cc $(BENCH_BIN) ## the workload programs of the benchmark

bench: all bench-programs ## compare with the peers: every benchmark, 5 runs each (BENCH_ARGS=…)
	bench/run --build $(B) $(BENCH_ARGS)

bench-quick: all bench-programs ## the same, once each and small: does it work?
	bench/run --build $(B) --quick $(BENCH_ARGS)

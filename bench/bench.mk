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
	$(CC) -std=gnu11 -D_GNU_SOURCE -O2 -g -Wall -Wextra -Iinclude $< $(B)/libmemoir.a -pthread -ldl -o $@

# Debian's libgc-dev.
$(B)/bench/embed-gc-boehm: bench/embed/gc.c bench/bench.mk
	@mkdir -p $(@D)
	$(CC) -std=gnu11 -D_GNU_SOURCE -DBOEHM -O2 -g -Wall -Wextra $< -lgc -o $@

# github.com/mattconte/tlsf: TLSF=DIR says where its tlsf.c is.
$(B)/bench/tlsf.so: $(TLSF)/tlsf.c bench/bench.mk
	@mkdir -p $(@D)
	$(CC) -O2 -DNDEBUG -fPIC -shared -I$(TLSF) $< -o $@

EMBED_BIN := $(addprefix $(B)/bench/embed-,pools slab stack gc) $(if $(wildcard /usr/include/gc.h),$(B)/bench/embed-gc-boehm) \
             $(if $(TLSF),$(B)/bench/tlsf.so)

# The same programs for AddressSanitizer, for bench/modes.py.
ASAN_BIN := $(addprefix $(B)/bench/asan/,containers tree shuffle calloc)
$(B)/bench/asan/%: bench/prog/%.c bench/prog/bench.h bench/bench.mk
	@mkdir -p $(@D)
	$(CC) -std=gnu11 -D_GNU_SOURCE $(BENCH_CFLAGS) -fsanitize=address $< -o $@ -ldl

$(B)/bench/asan/%: bench/prog/%.cc bench/bench.mk
	@mkdir -p $(@D)
	$(CXX) -std=gnu++17 $(BENCH_CFLAGS) -fsanitize=address -fno-allocation-dce $< -o $@

.PHONY: bench bench-programs bench-quick bench-embed bench-modes
bench-programs: need-cc $(BENCH_BIN) ## the workload programs of the benchmark

bench: all bench-programs ## compare with the peers: every benchmark, 5 runs each (BENCH_ARGS=…)
	bench/run --build $(B) $(BENCH_ARGS)

bench-quick: all bench-programs ## the same, once each and small: does it work?
	bench/run --build $(B) --quick $(BENCH_ARGS)

bench-embed: $(EMBED_BIN) ## what programs embed, beside what people use instead (TLSF=DIR of its source): bench/results/embed.md
	bench/embed/run --build $(B) $(BENCH_ARGS)

bench-modes: all bench-programs $(ASAN_BIN) ## what looking for misuse costs: bench/results/modes.md, about 10 minutes
	bench/modes.py --build $(B) $(BENCH_ARGS)

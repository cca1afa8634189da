# tests.mk: how the tests are built and run. Included by the Makefile; $(B) is build/<variant>.

UNIT_SRC := $(sort $(wildcard tests/unit/*/*.c))
UNIT_OBJ := $(UNIT_SRC:tests/%.c=$(B)/tests/%.o)
TEST_CFLAGS = $(CFLAGS_ALL) -Itests/support

$(B)/tests/%.o: tests/%.c Makefile tests/tests.mk
	@mkdir -p $(@D)
	$(CC) $(TEST_CFLAGS) -c $< -o $@

# One Criterion binary of all unit tests; its files mirror src/ one to one.
$(B)/tests/unit-tests: $(UNIT_OBJ) $(CLI_ONLY_OBJ) $(B)/libmemoir.a
	$(CC) $(OPT) $(UNIT_OBJ) $(CLI_ONLY_OBJ) $(B)/libmemoir.a -lcriterion $(CLI_LIBS) -o $@

# A program per bug or API: tests/preload/prog/<name>.c or .cc -> $(B)/tests/prog/<name>.
# A shared object that such programs open: tests/preload/plugin/<name>.c -> $(B)/tests/plugin/<name>.so.
CXX ?= g++
PROG_SRC := $(sort $(wildcard tests/preload/prog/*.c tests/preload/prog/*.cc))
PROG_BIN := $(patsubst tests/preload/prog/%,$(B)/tests/prog/%,$(basename $(PROG_SRC)))
PLUGIN_SRC := $(sort $(wildcard tests/preload/plugin/*.c))
PLUGIN_BIN := $(PLUGIN_SRC:tests/preload/plugin/%.c=$(B)/tests/plugin/%.so)
# -fno-builtin: the compiler must not know what malloc is, or it removes the very calls under test.
PROG_FLAGS := -D_GNU_SOURCE -O1 -g -Iinclude -Itests/support -fno-builtin -Wall -Wextra -Wno-unused-result -Wno-alloc-size-larger-than -MMD -MP

$(B)/tests/prog/%: tests/preload/prog/%.c Makefile tests/tests.mk
	@mkdir -p $(@D)
	$(CC) -std=gnu11 $(PROG_FLAGS) $< -o $@ $(PROG_LINK) -pthread -ldl

$(B)/tests/prog/guest_stub: PROG_LINK := -no-pie -fno-pie

$(B)/tests/prog/%: tests/preload/prog/%.cc Makefile tests/tests.mk
	@mkdir -p $(@D)
	$(CXX) -std=gnu++17 $(PROG_FLAGS) $< -o $@ -pthread -ldl

$(B)/tests/plugin/%.so: tests/preload/plugin/%.c Makefile tests/tests.mk
	@mkdir -p $(@D)
	$(CC) -std=gnu11 $(PROG_FLAGS) -fPIC -shared $< -o $@ -pthread -ldl

# The driver that runs them under the library, also Criterion.
PRELOAD_SRC := $(sort $(wildcard tests/preload/*.c) $(wildcard tests/cli/*.c))
PRELOAD_OBJ := $(PRELOAD_SRC:tests/%.c=$(B)/tests/%.o)
$(B)/tests/preload-tests: $(PRELOAD_OBJ)
	$(CC) $(OPT) $(PRELOAD_OBJ) -lcriterion -o $@

include tests/stress/stress.mk
include tests/track/track.mk
include tests/cwe/cwe.mk

.PHONY: test test-unit test-preload test-page test-programs test-no-leaks check
test: ## set up, build and run every test
	@scripts/setup.sh test
	@scripts/test.sh

test-unit: $(B)/tests/unit-tests ## the unit tests of one VARIANT
	ASAN_OPTIONS=detect_leaks=0 $(B)/tests/unit-tests

test-preload: all $(PROG_BIN) $(PLUGIN_BIN) $(B)/tests/preload-tests ## the tests of the preloaded library and the CLI
	MEMOIR_TEST_BUILD=$(B) $(B)/tests/preload-tests $(PRELOAD_TESTS)

test-page: all ## the page of --format=html in a real browser
	@tests/browser/run.sh $(B)

test-programs: all ## every real program that is installed, with and without memoir
	@tests/programs/run.sh $(B)/libmemoir.so

test-no-leaks: all ## programs that are known clean, or known by Valgrind, have no other leak
	@tests/programs/no-leaks.sh $(B)/memoir

check: ## the mechanical checks of layers, names and public headers
	@scripts/check-layers.sh
	@scripts/check-names.sh $(B)
	@scripts/check-headers.sh

# memoir: `make help` lists the targets. Products land in build/<variant>/.

VARIANT ?= release
PREFIX  ?= /usr/local
LIBDIR  ?= $(PREFIX)/lib
ifeq ($(origin CC),default)
CC := gcc
endif
VERSION := 0.1.0

B := build/$(VARIANT)

# --- variants ---------------------------------------------------------------------------------
OPT_release := -O2 -g -DMR_DEBUG=0
# Tail calls are part of the ways of entry/: without them our own frames would stand before the program's.
OPT_debug   := -O1 -g -foptimize-sibling-calls -DMR_DEBUG=1
OPT_full    := -O1 -g -foptimize-sibling-calls -DMR_DEBUG=2
OPT_asan    := -O1 -g -DMR_DEBUG=2 -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
OPT_tsan    := -O1 -g -DMR_DEBUG=1 -DMR_TSAN=1 -fsanitize=thread
OPT := $(OPT_$(VARIANT))
$(if $(OPT),,$(error VARIANT=$(VARIANT) is none of release debug full asan tsan))

WARN := -Wall -Wextra -Wshadow -Wundef -Wmissing-prototypes -Wstrict-prototypes -Wpointer-arith -Wwrite-strings
ifdef CI
WARN += -Werror
endif
INCLUDES := -Iinclude $(addprefix -Isrc/,base pool os conf ledger reach heap track check embed entry symbol report cli)
CFLAGS_ALL := -std=gnu11 -D_GNU_SOURCE -DMR_VERSION='"$(VERSION)"' $(OPT) $(WARN) $(INCLUDES) -fPIC -fvisibility=hidden \
              -fno-builtin-malloc -fno-builtin-calloc -fno-builtin-realloc -fno-builtin-free \
              -fno-plt -MMD -MP $(CFLAGS)

# --- what is made of what ------------------------------------------------------------------------
LIB_LAYERS := base pool os conf ledger reach heap track symbol report check embed entry
CLI_LAYERS := base os conf ledger symbol report cli
# Files of the layers both have that only one of the two needs. What uses a library beside glibc is CLI_ONLY.
LIB_ONLY   := ledger/writer ledger/name symbol/dladdr
CLI_ONLY   := ledger/reader ledger/reader_fix ledger/reader_look symbol/dw symbol/die symbol/cache symbol/demangle \
              report/model report/names report/growth report/rows report/formats_cli \
              report/suppress report/suppress_read report/suppress_match report/suppress_write report/suppress_default report/pattern \
              report/pprof report/folded report/massif report/openmetrics report/sarif report/github report/diff report/baseline \
              report/escape report/gzip report/intern report/json_read report/keys report/place report/protobuf report/saved \
              report/diff_text report/diff_json report/html report/html_page report/html_source report/html_stacks
CLI_LIBS   := -ldw -lelf -liberty -lz -lncursesw -ltinfo -lm
# Files of entry/ that define names the C library owns: they stay out of libmemoir.a.
OVERRIDES  := malloc glibc new other tell exits limits api lsan story sites misuse memcpy unload
OVERRIDES  += signals chart

sources = $(sort $(wildcard $(addprefix src/,$(addsuffix /*.c,$(1)))))
objects = $(patsubst src/%.c,$(B)/obj/%.o,$(1))

# What every program runs lies together, at the front: the kernel maps a file by 64 KiB around each first touch. (And so
# there is no _fini, which would lie at the end and does nothing.)
FRONT   := entry/exits entry/malloc entry/other heap/local heap/bin heap/heaps heap/space heap/cache heap/large heap/purge \
           heap/remote heap/lookup heap/sizeclass os/lock os/misc os/thread os/vm pool/pool pool/fit_bins pool/fit_segregated \
           conf/boot conf/conf
FRONT_OBJ := $(FRONT:%=$(B)/obj/%.o)

LIB_OBJ := $(filter-out $(CLI_ONLY:%=$(B)/obj/%.o),$(call objects,$(call sources,$(LIB_LAYERS))))
CLI_OBJ := $(filter-out $(LIB_ONLY:%=$(B)/obj/%.o),$(call objects,$(call sources,$(CLI_LAYERS))))
CLI_ONLY_OBJ := $(filter $(CLI_ONLY:%=$(B)/obj/%.o),$(CLI_OBJ))
ARC_OBJ := $(filter-out $(OVERRIDES:%=$(B)/obj/entry/%.o),$(LIB_OBJ))

.DEFAULT_GOAL := all
.PHONY: all
all: need-cc $(B)/libmemoir.so $(B)/libmemoir.a $(B)/memoir ## the library, the static library and the CLI

.PHONY: need-cc need-libs
$(CLI_ONLY_OBJ): | need-libs
need-libs:
	@printf '#include <elfutils/libdwfl.h>\n#include <libiberty/demangle.h>\n#include <zlib.h>\n#include <ncurses.h>\n' | $(CC) -E - >/dev/null 2>&1 || \
	  { echo "make: the command memoir needs elfutils, libiberty, zlib and ncurses: apt-get install libdw-dev libelf-dev libiberty-dev zlib1g-dev libncurses-dev"; exit 1; }
need-cc:
	@command -v $(CC) >/dev/null 2>&1 || { echo "make: no C compiler ($(CC)): apt-get install gcc libc6-dev"; exit 1; }

$(B)/obj/%.o: src/%.c Makefile
	@mkdir -p $(@D)
	$(CC) $(CFLAGS_ALL) $(CFLAGS_$(subst /,_,$*)) -c $< -o $@

# The page of --format=html, bundled by npm's packages; empty where there is no npm. An empty one is tried again
# once npm is there. Builds of several variants may share PAGE.
PAGE ?= $(B)/page
PAGE_SRC := $(sort $(wildcard src/report/html/* src/report/html/.npmrc))
$(PAGE)/page.html: $(PAGE_SRC) $(if $(shell test -s $(PAGE)/page.html || command -v npm),$(if $(shell test -s $(PAGE)/page.html && echo made),,FORCE))
	@src/report/html/build.sh $(PAGE)

FORCE:

CFLAGS_report_html_page := -DMR_HTML_PAGE_FILE='"$(PAGE)/page.html"'
$(B)/obj/report/html_page.o: $(PAGE)/page.html

# C++ callers may throw through operator new; the file needs unwind tables that say so.
CFLAGS_entry_new := -fexceptions

# Vectors of two would take pc and sp through registers that are far away.
CFLAGS_track_unwind := -fno-tree-slp-vectorize

$(B)/libmemoir.so: $(LIB_OBJ) src/entry/exports.map
	$(CC) $(OPT) -shared -Wl,-soname,libmemoir.so -Wl,--version-script=src/entry/exports.map \
	  -Wl,-z,defs,-z,now,-z,relro,-z,nodelete,-z,noseparate-code,-init=none,-fini=none $(LDFLAGS) $(FRONT_OBJ) $(filter-out $(FRONT_OBJ),$(LIB_OBJ)) -o $@

$(B)/libmemoir.a: $(ARC_OBJ)
	@rm -f $@
	ar rcs $@ $(ARC_OBJ)

$(B)/memoir: $(CLI_OBJ)
	$(CC) $(OPT) $(LDFLAGS) $(CLI_OBJ) $(CLI_LIBS) -o $@

-include $(shell find $(B) -name '*.d' 2>/dev/null)

include tests/tests.mk
-include bench/bench.mk

# --- installing --------------------------------------------------------------------------------
BASH_COMPLETION := $(PREFIX)/share/bash-completion/completions
ZSH_COMPLETION  := $(PREFIX)/share/zsh/site-functions

.PHONY: install uninstall
install: all ## install under PREFIX (default /usr/local), honouring DESTDIR
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(LIBDIR)/pkgconfig $(DESTDIR)$(PREFIX)/include $(DESTDIR)$(PREFIX)/share/man/man1
	install -m 755 $(B)/memoir $(DESTDIR)$(PREFIX)/bin/memoir
	install -m 755 $(B)/libmemoir.so $(DESTDIR)$(LIBDIR)/libmemoir.so
	install -m 644 $(B)/libmemoir.a $(DESTDIR)$(LIBDIR)/libmemoir.a
	cp -R include/. $(DESTDIR)$(PREFIX)/include/
	install -m 644 src/cli/memoir.1 $(DESTDIR)$(PREFIX)/share/man/man1/memoir.1
	install -d $(DESTDIR)$(BASH_COMPLETION) $(DESTDIR)$(ZSH_COMPLETION)
	$(B)/memoir completion bash > $(DESTDIR)$(BASH_COMPLETION)/memoir
	$(B)/memoir completion zsh > $(DESTDIR)$(ZSH_COMPLETION)/_memoir
	sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@LIBDIR@|$(LIBDIR)|' -e 's|@VERSION@|$(VERSION)|' scripts/memoir.pc.in > $(DESTDIR)$(LIBDIR)/pkgconfig/memoir.pc

uninstall: ## remove what install put there
	rm -f $(DESTDIR)$(PREFIX)/bin/memoir $(DESTDIR)$(LIBDIR)/libmemoir.so $(DESTDIR)$(LIBDIR)/libmemoir.a \
	  $(DESTDIR)$(LIBDIR)/pkgconfig/memoir.pc $(DESTDIR)$(PREFIX)/share/man/man1/memoir.1 $(DESTDIR)$(PREFIX)/include/memoir.h \
	  $(DESTDIR)$(BASH_COMPLETION)/memoir $(DESTDIR)$(ZSH_COMPLETION)/_memoir
	rm -rf $(DESTDIR)$(PREFIX)/include/memoir

# --- the rest ------------------------------------------------------------------------------------
.PHONY: setup demo clean help
setup: ## install the Debian packages that are missing
	@scripts/setup.sh

demo: ## set up, build, run a real program with a leak under memoir, show the report
	@scripts/setup.sh build
	@$(MAKE) --no-print-directory all
	@scripts/demo.sh $(B)

clean: ## remove everything that was built
	rm -rf build

help: ## this list
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-16s %s\n",$$1,$$2}' Makefile tests/tests.mk $(wildcard bench/bench.mk)
	@echo "  VARIANT=release|debug|full|asan|tsan  CC=…  PREFIX=…  DESTDIR=…"

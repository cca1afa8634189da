# stress.mk: the randomised stress, as a program under LD_PRELOAD and on top of libmemoir.a, where the
# sanitizer variants watch the heap itself. Included by tests.mk.

STRESS_SECONDS ?= 5
STRESS_THREADS ?= 4
STRESS_STRATEGIES ?= slab first-fit next-fit best-fit worst-fit segregated-fit buddy
STRESS_TRACES ?= full sample

$(B)/tests/stress: tests/stress/stress.c Makefile tests/stress/stress.mk
	@mkdir -p $(@D)
	$(CC) -std=gnu11 -D_GNU_SOURCE -O1 -g -fno-builtin $(WARN) $< -o $@ -pthread

$(B)/tests/stress-direct: tests/stress/stress.c tests/stress/direct.h $(B)/libmemoir.a tests/stress/stress.mk
	@mkdir -p $(@D)
	$(CC) $(TEST_CFLAGS) -DMR_STRESS_DIRECT $< $(B)/libmemoir.a -o $@ -pthread

# Stopping the world and the live leak check, likewise.
$(B)/tests/stress-leaks: tests/stress/leaks.c tests/stress/direct.h $(B)/libmemoir.a tests/stress/stress.mk
	@mkdir -p $(@D)
	$(CC) $(TEST_CFLAGS) $< $(B)/libmemoir.a -o $@ -pthread

# A lock that is never released would hang the build: a run may take ten times its seconds and a minute.
STRESS_RUN = timeout $(shell echo $$(($(STRESS_SECONDS) * 10 + 60)))

# A sanitized libmemoir.so cannot be preloaded into a program that is not.
STRESS_KINDS := $(if $(filter asan tsan,$(VARIANT)),direct leaks,preload traced direct leaks)

.PHONY: test-stress $(addprefix stress-,preload traced direct leaks)
test-stress: $(addprefix stress-,$(STRESS_KINDS)) ## randomised threads, forks and blocks: STRESS_SECONDS, STRESS_THREADS

stress-preload: $(B)/libmemoir.so $(B)/tests/stress
	for strategy in $(STRESS_STRATEGIES); do \
	  $(STRESS_RUN) env MEMOIR_STRATEGY=$$strategy LD_PRELOAD=$(abspath $(B))/libmemoir.so \
	    $(B)/tests/stress $(STRESS_SECONDS) $(STRESS_THREADS) || exit 1; done

# Call stacks and the ledger, over slabs and over one list. Children have ledgers of their own: a directory of them.
stress-traced: $(B)/libmemoir.so $(B)/tests/stress
	dir=$$(mktemp -d); trap 'rm -rf $$dir' EXIT; for trace in $(STRESS_TRACES); do for strategy in slab best-fit; do \
	  $(STRESS_RUN) env MEMOIR_TRACE=$$trace MEMOIR_SAMPLE_INTERVAL=20000 MEMOIR_LEDGER=$$dir/ledger MEMOIR_STRATEGY=$$strategy \
	    LD_PRELOAD=$(abspath $(B))/libmemoir.so $(B)/tests/stress $(STRESS_SECONDS) $(STRESS_THREADS) || exit 1; \
	  rm -f $$dir/*; done; done

stress-direct: $(B)/tests/stress-direct
	for strategy in $(STRESS_STRATEGIES); do \
	  $(STRESS_RUN) env MEMOIR_STRATEGY=$$strategy $(B)/tests/stress-direct $(STRESS_SECONDS) $(STRESS_THREADS) || exit 1; done

stress-leaks: $(B)/tests/stress-leaks
	for strategy in slab best-fit; do \
	  $(STRESS_RUN) env MEMOIR_STRATEGY=$$strategy $(B)/tests/stress-leaks $(STRESS_SECONDS) $(STRESS_THREADS) || exit 1; done

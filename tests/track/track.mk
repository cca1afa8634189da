# track.mk: stacks compared with those of the C++ runtime's unwinder, in programs of every kind.
COMPARE_SRC := track/unwind track/step track/rules track/exact track/object track/bounds track/cfi track/cfi_program \
               track/cfi_expression os/vm base/assert base/fmt
# -iquote: <unwind.h> must be the compiler's.
COMPARE_CFLAGS := -std=gnu11 -D_GNU_SOURCE $(OPT) $(WARN) -fPIC -fvisibility=hidden -fno-builtin -iquote src \
                  $(addprefix -iquote src/,base os ledger track) -MMD -MP

$(B)/tests/compare.o: tests/track/compare.c Makefile tests/track/track.mk
	@mkdir -p $(@D)
	$(CC) $(COMPARE_CFLAGS) -c $< -o $@

$(B)/tests/compare.so: $(B)/tests/compare.o $(COMPARE_SRC:%=$(B)/obj/%.o)
	$(CC) $(OPT) -shared $^ -o $@ -lgcc_s

$(B)/tests/twists: tests/track/twists.cc Makefile tests/track/track.mk
	@mkdir -p $(@D)
	$(CXX) -std=gnu++17 -O2 -g -fno-builtin $< -o $@ -pthread -ldl

$(B)/tests/twist%.so: tests/track/plugin.c tests/track/track.mk
	@mkdir -p $(@D)
	$(CC) -std=gnu11 -O2 -g -fno-builtin -DROOM=$* -fPIC -shared $< -o $@

.PHONY: test-unwind
test-unwind: $(B)/tests/compare.so $(B)/tests/twists $(B)/tests/twist1.so $(B)/tests/twist5.so ## call stacks against those of the C++ runtime
	@tests/track/run.sh $(B)/tests

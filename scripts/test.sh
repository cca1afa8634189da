#!/bin/bash
# test.sh [WORD...]: every test, in steps; with words, only the steps whose name contains one of them.
#
# Quiet but for one line and the time per step; what a step says is in its log, and shown when it fails.
# The last line is `N passed, N failed`: each Criterion test counts, and every other step as one.
# BUILD_ROOT (default build) is where the variants are built.
set -uo pipefail
cd "$(dirname "$0")/.."
root=${BUILD_ROOT:-build}
logs=$root/test-logs
mkdir -p "$logs"
words=("$@")
passed=0 failed=0

build() { make -s --no-print-directory -j2 VARIANT="$1" B="$root/$1" PAGE="$root/page" "${@:2}"; }

# fuzz NAME SOURCE...: tests/fuzz/NAME.c with its own main, so many random inputs, under ASan and UBSan.
fuzz() {
    local name=$1 binary=$root/fuzz/$1
    mkdir -p "$root/fuzz"
    "${CC:-gcc}" -std=gnu11 -D_GNU_SOURCE -DFUZZ_MAIN -DMR_DEBUG=2 -DMR_VERSION=\"fuzz\" -g -O1 -fsanitize=address,undefined \
        -fno-sanitize-recover=undefined -Iinclude -Isrc/{base,pool,os,conf,ledger,track,symbol,report,embed} \
        "tests/fuzz/$name.c" "${@:3}" -o "$binary" -pthread &&
        timeout 60 "$binary" "$2"
}

now_ms() { echo $((${EPOCHREALTIME/[.,]/} / 1000)); }

chosen() {
    ((${#words[@]})) || return 0
    for word in "${words[@]}"; do
        [[ $1 == *"$word"* ]] && return
    done
    return 1
}

# Adds up Criterion's own counts; prints nothing, sets count and broken. Crashed tests are among the failing.
synthesis() {
    read -r count broken < <(sed 's/\x1b\[[0-9;]*m//g' "$1" |
        sed -nE 's/.*Tested: ([0-9]+) \| Passing: ([0-9]+).*/\1 \2/p' |
        awk '{ tested += $1; passing += $2 } END { print passing + 0, tested - passing }')
}

# step NAME COMMAND...: at most 10 minutes; succeeds iff the command does.
step() {
    local name=$1 log begin status took count broken
    chosen "$name" || return 0
    shift
    log=$logs/${name//[^a-z0-9]/-}.log
    begin=$(now_ms)
    ( "$@" ) >"$log" 2>&1 </dev/null &
    wait_limited $! 600
    status=$?
    took=$(($(now_ms) - begin))
    synthesis "$log"
    ((count + broken == 0 && status == 0)) && count=1
    ((status != 0 && broken == 0)) && broken=1
    passed=$((passed + count)) failed=$((failed + broken))
    printf '%-4s %-34s %3d.%d s\n' "$( ((broken)) && echo FAIL || echo ok)" "$name" $((took / 1000)) $((took % 1000 / 100))
    ((broken)) || return 0
    tail -n 25 "$log" | cut -c1-200 | sed 's/^/     | /'
    echo "     the log is $log"
}

# A step that hangs is ended with all it started: set -m gave it a process group of its own.
wait_limited() {
    local end=$((SECONDS + $2))
    while kill -0 "$1" 2>/dev/null; do
        ((SECONDS < end)) || { kill -KILL -- "-$1"; wait "$1"; echo "test.sh: stopped after $2 s" >>"$log"; return 1; }
        sleep 0.1
    done
    wait "$1"
}
set -m

step 'layers'                 scripts/check-layers.sh
step 'build (release)'        build release all
step 'names'                  scripts/check-names.sh "$root/release"
step 'public headers'         scripts/check-headers.sh
for variant in release asan; do # asan asserts all that full does
    step "unit tests ($variant)" build "$variant" test-unit
done
export MEMOIR_TEST_STRATEGIES=${MEMOIR_TEST_STRATEGIES:-one}
step 'preload tests (release)' build release test-preload
# What asserts watch best, under the default strategy: the tests of memoir's own commands judge no library.
MEMOIR_TEST_STRATEGIES=none \
    step 'preload tests (debug)' build debug test-preload PRELOAD_TESTS="--filter='@(api|guest|misuse|guard|ending|settings|story|oom)/*'"
for variant in release full; do
    step "call stacks ($variant)" build "$variant" test-unwind
done
step 'weaknesses (CWE)'       build release test-cwe
for variant in full tsan asan; do
    step "stress ($variant)"  build "$variant" test-stress STRESS_SECONDS=1
done
step 'fuzz the options'       fuzz fuzz_conf 20000 src/base/*.c src/os/*.c src/conf/*.c
step 'fuzz the pool'          fuzz fuzz_pool 500 src/base/*.c src/pool/*.c
step 'fuzz embedded pools'    fuzz fuzz_embed_pool 150 src/embed/{blocks,create,draw,find,fosters,misuse,protect,quick,survey}.c \
    src/base/*.c src/os/*.c src/pool/*.c
step 'fuzz embedded stacks'   fuzz fuzz_embed_stack 300 src/embed/{stack,complain}*.c src/base/*.c src/os/*.c
step 'fuzz embedded slabs'    fuzz fuzz_embed_slab 60 src/embed/{slab,complain}*.c src/base/*.c src/os/*.c
step 'fuzz the collector'     fuzz fuzz_embed_gc 400 src/embed/{gc,complain}*.c src/base/*.c src/os/*.c src/pool/*.c
step 'fuzz the list of mappings' fuzz fuzz_maps 200000 src/base/*.c src/os/*.c
step 'fuzz unwind information' fuzz fuzz_cfi 50000 src/base/*.c src/track/cfi*.c
step 'fuzz the ledger'        fuzz fuzz_ledger 2000 src/base/*.c src/os/*.c src/conf/*.c src/ledger/{ledger,name,reader,reader_fix,reader_look,sum,writer}.c
step 'fuzz the suppressions'  fuzz fuzz_suppress 20000 src/base/*.c src/report/{suppress*,pattern,frames}.c
step 'fuzz earlier reports'   fuzz fuzz_saved 30000 src/base/*.c src/ledger/ledger.c \
    src/report/{saved,json_read,intern,frames,site_kind}.c
step 'browser tests'          tests/browser/run.sh "$root/release"
step 'examples'               tests/examples/run.sh "$root/release"
step 'the demonstration'      scripts/demo.sh "$root/release"
step 'real programs, fast'    tests/programs/run.sh "$root/release/libmemoir.so" --fast
step 'real programs, modes'   tests/programs/run.sh "$root/release/libmemoir.so" --modes=check,harden,guard-20 lua xsltproc
step 'no false leaks, fast'   tests/programs/no-leaks.sh "$root/release/memoir" --fast

echo "$passed passed, $failed failed"
((failed == 0))

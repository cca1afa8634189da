#!/bin/bash
# run.sh BUILD: is every example compiled as its users would, and does it do what it says?
#
# Installs memoir under BUILD/examples/root, compiles each example with `pkg-config --cflags --libs memoir`, runs it,
# and looks that none brought a malloc of memoir's with it. What it prints is that of expected/NAME.txt; an example whose
# output differs from run to run has none. guide_10_malloc.c is a malloc itself and is run in other programs. Each header
# must also be C++17 by itself. UPDATE=1 writes the expected files instead: read the change before you commit it.
set -uo pipefail
cd "$(dirname "$0")/../.."
build=${1:?"usage: run.sh BUILD"}
out=$build/examples root=$PWD/$build/examples/root
[[ $build == /* ]] && root=$build/examples/root
expected=tests/examples/expected
varying=" pool_fits slab_threads guide_07_threads " # times; who comes first
failed=0
fail() { echo "examples: $*"; failed=1; }

rm -rf "$out" && mkdir -p "$out"
make -s --no-print-directory install PREFIX="$root" DESTDIR= B="$build" || exit 1
flags=$(PKG_CONFIG_PATH=$root/lib/pkgconfig pkg-config --cflags --libs memoir) || exit 1

# The static library must not define what the program's malloc is made of.
no_malloc() {
    nm --defined-only "$1" | grep -wE '(malloc|free|calloc|realloc|posix_memalign|_Znwm|_ZdlPv)$' && fail "$1 defines them"
}

# as_expected NAME: is its output what it was, but for addresses?
as_expected() {
    [[ $varying == *" $1 "* ]] && return
    sed -i -E 's/0x[0-9a-f]{9,}/ADDRESS/g' "$out/$1.out"
    [[ -n ${UPDATE:-} ]] && cp "$out/$1.out" "$expected/$1.txt"
    diff -u "$expected/$1.txt" "$out/$1.out" || fail "$1 printed something else"
}

# The last step of the guide: other programs do with it what they do without.
run_malloc() {
    local object=$1 program
    for program in '/bin/ls -lR include src/base' 'seq 30000 | sort -R --parallel=4 | sort -n | md5sum' \
        'for i in 1 2 3; do (echo $i); done' "awk 'BEGIN { for (i = 0; i < 99999; i++) a[i] = i \"x\"; print length(a) }'"; do
        diff <(LD_PRELOAD=$object bash -c "$program" 2>&1) <(bash -c "$program" 2>&1) >/dev/null ||
            fail "$object makes a difference to: $program"
    done
}

for source in tests/examples/*.c tests/examples/*.cc; do
    name=$(basename "${source%.*}")
    compile=("${CC:-gcc}" -std=gnu11)
    [[ $source == *.cc ]] && compile=("${CXX:-g++}" -std=c++17)
    [[ $name == guide_10_malloc ]] && compile+=(-shared -fPIC)
    # shellcheck disable=SC2086 # the flags are words
    "${compile[@]}" -g -O1 -Wall -Wextra -Werror -Wno-use-after-free "$source" $flags -o "$out/$name" || { fail "$name does not compile"; continue; }
    if [[ $name == guide_10_malloc ]]; then
        run_malloc "$(realpath "$out/$name")"
        continue
    fi
    timeout 60 "$out/$name" >"$out/$name.out" 2>&1 || { fail "$name failed:"; cat "$out/$name.out"; }
    as_expected "$name"
    no_malloc "$out/$name"
done
no_malloc "$root/lib/libmemoir.a"
for header in include/memoir/*.h include/memoir/*.hpp; do
    "${CXX:-g++}" -std=c++17 -Iinclude -Wall -Wextra -Wpedantic -Werror -fsyntax-only -x c++ "$header" -include "$header" ||
        fail "$header is not C++17"
    [[ $header == *.hpp ]] || "${CC:-gcc}" -std=c11 -Iinclude -Wall -Wextra -Wpedantic -Werror -fsyntax-only -x c "$header" ||
        fail "$header is not C11"
done
exit $failed

#!/bin/bash
# run.sh BUILD: is every example compiled as its users would, and does it do what it says?
#
# Installs memoir under BUILD/examples/root, compiles each example with `pkg-config --cflags --libs memoir`, runs it,
# and looks that none brought a malloc of memoir's with it. Each header must also be C++17 by itself.
set -uo pipefail
cd "$(dirname "$0")/../.."
build=${1:?"usage: run.sh BUILD"}
out=$build/examples root=$PWD/$build/examples/root
[[ $build == /* ]] && root=$build/examples/root
failed=0
fail() { echo "examples: $*"; failed=1; }

rm -rf "$out" && mkdir -p "$out"
make -s --no-print-directory install PREFIX="$root" DESTDIR= B="$build" || exit 1
flags=$(PKG_CONFIG_PATH=$root/lib/pkgconfig pkg-config --cflags --libs memoir) || exit 1

# The static library must not define what the program's malloc is made of.
no_malloc() {
    nm --defined-only "$1" | grep -wE '(malloc|free|calloc|realloc|posix_memalign|_Znwm|_ZdlPv)$' && fail "$1 defines them"
}

for source in tests/examples/*.c tests/examples/*.cc; do
    name=$(basename "${source%.*}")
    compile=("${CC:-gcc}" -std=gnu11)
    [[ $source == *.cc ]] && compile=("${CXX:-g++}" -std=c++17)
    # shellcheck disable=SC2086 # the flags are words
    "${compile[@]}" -g -O1 -Wall -Wextra -Werror -Wno-use-after-free "$source" $flags -o "$out/$name" || { fail "$name does not compile"; continue; }
    timeout 60 "$out/$name" >"$out/$name.out" 2>&1 || { fail "$name failed:"; cat "$out/$name.out"; }
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

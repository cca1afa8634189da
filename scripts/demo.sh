#!/bin/bash
# demo.sh BUILD: a word count that leaks each line it reads, compiled here and run under memoir on the
# licence and the sources of memoir itself. Its report says what is still in use.
set -euo pipefail
cd "$(dirname "$0")/.."
build=${1:-build/release}
[[ -x $build/memoir ]] || { echo "demo: there is no $build/memoir; run make first" >&2; exit 1; }

mkdir -p "$build/demo"
"${CC:-gcc}" -O1 -g tests/examples/demo/wordcount.c -o "$build/demo/wordcount"
echo "\$ cat LICENSE src/*/*.c | memoir $build/demo/wordcount"
cat LICENSE src/*/*.c | "$build/memoir" "$build/demo/wordcount"

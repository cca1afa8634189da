#!/bin/bash
# run.sh BUILD: the page of memoir report --format=html in a real browser, over ledgers made by hand (ledgers.c).
# What the page looked like is in BUILD/browser/*.png. Skipped, with a line, where there is no Chromium or no npm.
set -euo pipefail
cd "$(dirname "$0")/../.."
build=$(realpath "$1") out=$(realpath -m "$1/browser")
page=src/report/html

skip() { echo "browser tests skipped: $*"; exit 0; }
chromium=$(command -v chromium || command -v chromium-browser) || skip "there is no chromium (apt-get install chromium)"
command -v npm >/dev/null || skip "there is no npm (apt-get install nodejs npm)"

rm -rf "$out/ledgers"
mkdir -p "$out/ledgers"
"${CC:-gcc}" -std=gnu11 -D_GNU_SOURCE -g -O1 -Wall -Wextra -Wl,--build-id -Iinclude -Itests/support -Isrc/{base,ledger} \
    tests/browser/ledgers.c src/ledger/ledger.c -o "$out/make-ledgers"
"$out/make-ledgers" "$out/ledgers"

# The packages of the tests beside those of the page: its lock file has both.
cmp -s $page/package-lock.json "$out/package-lock.json" || {
    cp $page/{package.json,package-lock.json,.npmrc} "$out"
    (cd "$out" && npm ci --ignore-scripts --no-audit --no-fund --prefer-offline >npm.log 2>&1 </dev/null) || {
        rm -f "$out/package-lock.json"
        tail -n 5 "$out/npm.log"
        skip "npm could not install its packages"
    }
}
rm -rf "$out/types"
mkdir "$out/types"
cp $page/*.ts $page/tsconfig.json "$out/types"
"$out/node_modules/.bin/tsc" -p "$out/types/tsconfig.json"

for name in rich plain many; do
    "$build/memoir" report "$out/ledgers/$name" --format=html -o "$out/$name.html"
done
"$build/memoir" diff "$out/ledgers/earlier" "$out/ledgers/rich" --format=html -o "$out/diff.html"
CHROMIUM=$chromium node tests/browser/page.mjs "$out"

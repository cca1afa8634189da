#!/bin/bash
# build.sh DIR: makes DIR/page.html, the page of memoir report --format=html, from the sources beside this script.
#
# The packages are those of package-lock.json, installed into DIR. Without npm, or when it cannot install them, the
# page is empty, memoir is built nevertheless, and --format=html says so.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1" && cd "$1" || exit 1

# A page that did not change keeps its time, so that nothing is linked anew.
finish() {
    cmp -s page.new page.html && rm -f page.new || mv -f page.new page.html
    exit 0
}

without() {
    echo "make: memoir is built without the page of --format=html: $*"
    : >page.new
    finish
}

packages() {
    cmp -s package-lock.json "$here/package-lock.json" && [[ -d node_modules/esbuild ]] && return
    cp "$here"/{package.json,package-lock.json,.npmrc} . &&
        npm ci --omit=dev --ignore-scripts --no-audit --no-fund --prefer-offline \
            --fetch-retries=1 --fetch-retry-maxtimeout=2000 --fetch-timeout=20000 >npm.log 2>&1 </dev/null && return
    rm -rf node_modules package-lock.json
    return 1
}

command -v npm >/dev/null && command -v node >/dev/null || without "there is no npm (apt-get install nodejs npm)"
packages || without "npm could not install its packages ($1/npm.log says why)"
node "$here/build.mjs" "$PWD" >page.new || { rm -f page.new; exit 1; }
finish

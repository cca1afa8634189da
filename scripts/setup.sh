#!/bin/bash
# setup.sh [build|test|programs|bench]: installs the Debian packages that are missing for that purpose
# (default: test), and nothing else. Needs root or sudo only when something is missing.
set -euo pipefail

build=(gcc make libc6-dev libdw-dev libelf-dev libiberty-dev zlib1g-dev libncurses-dev)
# The page of memoir report --format=html is bundled by npm and tested in a browser. An npm that came with another
# package of Node.js is as good as Debian's, and does not go with it.
page=(chromium)
command -v npm >/dev/null && command -v node >/dev/null || page+=(nodejs npm)
# The tests themselves, then the programs that `make test` runs on memoir.
test=("${build[@]}" libcriterion-dev pkg-config jq python3 g++ binutils git redis-server redis-tools sqlite3 perl
      valgrind prometheus tmux "${page[@]}")
programs=("${test[@]}" golang-go clang nginx-light curl postgresql nodejs openjdk-17-jdk-headless gdb imagemagick tar xz-utils cmake
          chromium libpython3.11-testsuite lua5.4 ghostscript xsltproc z3 ruby vim-tiny ffmpeg bc gawk util-linux)
bench=("${build[@]}" g++ hyperfine jq python3 libjemalloc2 libtcmalloc-minimal4 libmimalloc2.0 valgrind
       sqlite3 redis-server redis-tools git perl lua5.4 ghostscript z3 xsltproc clang nodejs)

die() { echo "setup: $*" >&2; exit 1; }

case ${1:-test} in
    build)    wanted=("${build[@]}") ;;
    test)     wanted=("${test[@]}") ;;
    programs) wanted=("${programs[@]}") ;;
    bench)    wanted=("${bench[@]}") ;;
    *)        die "unknown purpose \`$1': build, test, programs or bench" ;;
esac

command -v dpkg-query >/dev/null && command -v apt-get >/dev/null ||
    die "this is no Debian: please install what Debian calls ${wanted[*]}"

installed() { [[ $(dpkg-query -W -f='${db:Status-Abbrev}' "$1" 2>/dev/null) == ?i* ]]; }

missing=()
for package in "${wanted[@]}"; do
    installed "$package" || missing+=("$package")
done
((${#missing[@]})) || exit 0

as_root=()
if ((EUID != 0)); then
    command -v sudo >/dev/null && { sudo -n true 2>/dev/null || [[ -t 0 ]]; } ||
        die "no right to install; as root: apt-get install --no-install-recommends ${missing[*]}"
    as_root=(sudo)
fi
apt() {
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 apt-get -qq -o DPkg::Lock::Timeout=300 "$@"
}

# Servers are wanted for their programs: none may start because it was installed. policy-rc.d is Debian's way
# to say so; one that is there already is left alone.
policy=/usr/sbin/policy-rc.d
forbid_services() {
    [[ -e $policy ]] && return
    trap '"${as_root[@]}" rm -f "$policy"' EXIT
    printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
    "${as_root[@]}" chmod 755 "$policy"
}

log=$(mktemp)
forbid_services
echo "setup: installing ${missing[*]}"
if ! { apt update && apt install -y --no-install-recommends "${missing[@]}"; } >"$log" 2>&1 </dev/null; then
    tail -n 15 "$log" >&2
    die "apt-get failed (log: $log); wanted: ${missing[*]}"
fi
rm -f "$log"

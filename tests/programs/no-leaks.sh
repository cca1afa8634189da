#!/bin/bash
# no-leaks.sh MEMOIR [--fast] [name...]: real programs under `memoir run`, which must find no leak that is none.
#
# A program loses nothing, or what it loses is found by Valgrind as well: memoir may call no more blocks definitely lost
# than Valgrind does in a run of the same command, all its processes together. Where that is needed and there is no
# Valgrind, the program is skipped. Exit code 0 when none failed.
set -uo pipefail

PATH=/usr/bin:/bin:/usr/sbin:/sbin
passed=0 failed=0 skipped=0 fast='' names=()

usage() { echo "no-leaks.sh: $*; usage: no-leaks.sh MEMOIR [--fast] [name...]" >&2; exit 2; }

(($#)) || usage "which memoir?"
memoir=$(realpath "$1") && [[ -x $memoir ]] || usage "there is no command $1"
shift
for argument; do
    case $argument in
        --fast) fast=1 ;;
        -*) usage "unknown option \`$argument'" ;;
        *) names+=("$argument") ;;
    esac
done

work=$(mktemp -d "${TMPDIR:-/tmp}/no-leaks.XXXXXX") || exit 2
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 2
export HOME=$work XDG_STATE_HOME=$work/state LC_ALL=C.UTF-8 PYTHONHASHSEED=0 PERL_HASH_SEED=0

seq 20000 >numbers
echo 'int main(void) { return 0; }' >one.c
printf '#include <map>\n#include <string>\nint main() { std::map<std::string, int> m; m["a"] = 1; return (int)m.size() - 1; }\n' >one.cc
printf 'all: a b\na b:\n\techo $@ >$@\n' >Makefile
{ echo '<shop>'; for i in {1..500}; do echo "<item id='$i'><name>n$i</name></item>"; done; echo '</shop>'; } >shop.xml
git init -q g 2>/dev/null && (
    cd g && git config user.name n && git config user.email e
    for i in {1..9}; do echo "$i" >>f; git add f; git commit -qm "$i"; done
)
echo '<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform"><xsl:template match="/"><o><xsl:for-each
  select="shop/item"><xsl:sort select="name"/><i><xsl:value-of select="name"/></i></xsl:for-each></o></xsl:template></xsl:stylesheet>' >shop.xsl

# Sums of all processes: blocks that memoir calls definitely lost, and how many processes had a report.
lost_to_memoir() { cat report.* | jq -s -r '"\(map(.leaks.definitely_lost.blocks) | add) \(length)"'; }
sites_of_memoir() {
    cat report.* | jq -r '.sites[] | select(.kind == "definitely_lost") | "     \(.blocks) blocks: " +
        ([.stack[:6][] | .function // "\(.module)+\(.offset)"] | join(" < "))' | head -n 12
}
lost_to_valgrind() {
    rm -f valgrind.*
    timeout 300 valgrind --leak-check=full --trace-children=yes --log-file="$work/valgrind.%p" "$@" >/dev/null 2>&1 </dev/null
    sed -n 's/.*definitely lost: [0-9,]* bytes in \([0-9,]*\) blocks.*/\1/p' valgrind.* | tr -d , | awk '{ n += $1 } END { print n + 0 }'
}

judge() {
    local name=$1 lost reports theirs
    shift
    read -r lost reports <<<"$(lost_to_memoir 2>/dev/null)"
    if [[ ! ${reports:-} || $reports == 0 ]]; then
        echo "FAIL $name: no report; $(tail -n 1 stderr | cut -c1-160)"
        return 1
    elif ((lost == 0)); then
        echo "ok $name: nothing lost in $reports processes"
    elif ! command -v valgrind >/dev/null; then
        echo "skip $name: $lost blocks are lost, and there is no valgrind to confirm it"
        return 2
    else
        theirs=$(lost_to_valgrind "$@")
        ((lost <= theirs)) && { echo "ok $name: $lost blocks lost in $reports processes; Valgrind finds $theirs"; return; }
        echo "FAIL $name: $lost blocks lost, Valgrind finds $theirs"
        sites_of_memoir
        return 1
    fi
}

# try NAME COMMAND [ARGUMENT...]
try() {
    local name=$1 IFS=' '
    shift
    [[ ${#names[@]} == 0 || " ${names[*]} " == *" $name "* ]] || return
    if ! command -v "$1" >/dev/null; then
        echo "skip $name: $1 is not installed"
        skipped=$((skipped + 1))
        return
    fi
    rm -rf report.* state
    timeout 120 "$memoir" run --output=report.%p --format=json "$@" >stdout 2>stderr </dev/null
    judge "$name" "$@"
    case $? in
        0) passed=$((passed + 1)) ;;
        1) failed=$((failed + 1)) ;;
        2) skipped=$((skipped + 1)) ;;
    esac
}

try bash bash -c 'declare -A m; for i in {1..2000}; do m[$i]="v $i"; done; x=$(echo ${m[5]} | cat); echo ${#m[@]} $x'
try git bash -c 'cd g; git log -p --stat; git status; git diff HEAD~3; git blame f'
try sqlite3 sqlite3 :memory: 'create table t(a, b); with recursive c(x) as (select 1 union all select x + 1 from c where x < 3000)
    insert into t select x, hex(x) from c; create index i on t(b); select count(*), sum(a) from t where b like "3%";'
try python3 python3 -c 'import json; print(len(json.dumps({str(i): [i] * 3 for i in range(2000)})))'
try lua lua5.4 -e 'local t = {} for i = 1, 5000 do t[i] = { i, tostring(i) } end print(#t)'
try xsltproc xsltproc shop.xsl shop.xml
[[ $fast ]] || {
    try python3-malloc env PYTHONMALLOC=malloc python3 -c 'import json; print(len(json.dumps({str(i): [i] for i in range(2000)})))'
    try perl perl -e 'my %h; $h{$_} = [$_, "x" x $_] for 1 .. 1000; print scalar(keys %h), "\n"'
    try ruby ruby -e 'h = {}; 2000.times { |i| h[i.to_s] = [i] * 3 }; puts h.size'
    try tclsh bash -c 'echo "for {set i 0} {\$i < 2000} {incr i} {set a(\$i) [list \$i x]}; puts [array size a]" >t.tcl; tclsh t.tcl'
    try gcc gcc -O2 -g -o one one.c
    try g++ g++ -O2 -g -o two one.cc
    try make make -j2
    try cmake cmake --version
    try redis bash -c 'redis-server --port 0 --unixsocket r.sock --save "" --daemonize no >/dev/null & for i in {1..50}; do
        [[ -S r.sock ]] && break; sleep 0.2; done; { for i in {1..500}; do echo "set k$i $i"; done; echo info; } | redis-cli -s r.sock
        redis-cli -s r.sock shutdown nosave; wait'
    try jq jq -n '[range(2000) | { a: ., b: "x\(.)" }] | length'
    try xmllint xmllint --format shop.xml
    try curl curl -s "file://$work/shop.xml"
    try openssl openssl dgst -sha256 numbers
    try sed sed -n 's/1/2/p' numbers
    try grep grep -c '[0-9]*5' numbers
    try gawk gawk '{ a[$1 % 97] += $1 } END { for (k in a) print k, a[k] }' numbers
    try mawk mawk '{ a[$1 % 97] += $1 } END { for (k in a) print k, a[k] }' numbers
    try sort sort -R numbers
    try tar bash -c 'tar czf n.tgz numbers shop.xml && tar tzf n.tgz && tar xzf n.tgz -O'
    try xz xz -k -f numbers
    try bzip2 bzip2 -k -f numbers
    try zstd zstd -q -f numbers
    try find find /usr/share/doc -name 'c*'
    try diff diff numbers shop.xml
    try file file "$memoir" shop.xml
    try objdump objdump -d -j .plt "$memoir"
    try readelf readelf -a "$memoir"
    try vim vim -es -u NONE -c 'call setline(1, range(1, 500))' -c '%s/1/2/g' -c 'w! v.txt' -c q
}
echo "$passed passed, $failed failed, $skipped skipped"
((failed == 0))

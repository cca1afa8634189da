#!/bin/bash
# run.sh BUILD [--valgrind]: the programs of tests/cwe under memoir, and beside it under Valgrind memcheck.
#
# BUILD/tests/cwe holds the programs. Each shape must be caught by what its row of modes.def says, and its twin must
# pass in silence; a shape that `missed` names must not be (else the list is out of date). One line per class; exit
# code 1 when anything is otherwise.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
[[ $# -ge 1 && -d $1/tests/cwe ]] || { echo "run.sh: usage: run.sh BUILD [--valgrind]; make cwe-programs first" >&2; exit 2; }
build=$(cd "$1" && pwd)
valgrind=''
[[ ${2-} == --valgrind ]] && { valgrind=$(command -v valgrind) || { echo "run.sh: valgrind is not installed" >&2; exit 2; }; }
said=$(mktemp)
trap 'rm -f "$said"' EXIT
wrong=0

complain() { echo "  $*"; wrong=1; }

# under_memoir "VARIABLES" PROGRAM SHAPE good|bad: true when memoir has something to say.
under_memoir() {
    # The shell of its own hides bash's words about programs that are killed.
    (env $1 LD_PRELOAD="$build/libmemoir.so" timeout 20 "$2" "$3" "$4") >"$said" 2>&1
    grep -qE "$words" "$said"
} 2>/dev/null

under_valgrind() {
    ("$valgrind" -q --error-exitcode=99 --leak-check=full --show-mismatched-frees=yes "$1" "$2" "$3") >"$said" 2>&1
    grep -q '^==[0-9]*== ' "$said"
} 2>/dev/null

is_missed() { grep -q "^$1 $2 " "$here/missed"; }

shape() { # CLASS PROGRAM SHAPE: adds to the sums of the class
    ((count++))
    if under_memoir "$variables" "$2" "$3" bad; then
        ((caught++))
        is_missed "$1" "$3" && complain "$1 $3 is caught now: take it out of tests/cwe/missed"
    elif ! is_missed "$1" "$3"; then
        complain "$1 $3 is not caught: $(head -c 200 "$said" | tr '\n' ' ')"
    fi
    if under_memoir "$variables" "$2" "$3" good; then
        ((false_ones++))
        complain "$1 $3: its good twin is accused: $(grep -E "$words" "$said" | head -1)"
    fi
    [[ $valgrind ]] || return
    under_valgrind "$2" "$3" bad && ((valgrind_caught++))
    under_valgrind "$2" "$3" good && ((valgrind_false++))
}

printf '%-7s %-38s %7s %7s %7s' class weakness shapes memoir false
[[ $valgrind ]] && printf ' %9s %7s' memcheck false
printf '\n'
while IFS='|' read -r class weakness variables words <&3; do
    [[ $class == \#* || -z $class ]] && continue
    count=0 caught=0 false_ones=0 valgrind_caught=0 valgrind_false=0
    program=$build/tests/cwe/cwe$class
    for name in $("$program"); do
        shape "$class" "$program" "$name"
    done
    printf '%-7s %-38s %7d %7d %7d' "$class" "$weakness" "$count" "$caught" "$false_ones"
    [[ $valgrind ]] && printf ' %9d %7d' "$valgrind_caught" "$valgrind_false"
    printf '\n'
done 3<"$here/modes.def"
exit $wrong

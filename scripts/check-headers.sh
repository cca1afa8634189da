#!/bin/bash
# check-headers.sh: is every public function documented and tested? One line per breach.
#
# For each function that include/ declares:
#   - a comment stands right above it, or above the declarations it stands among;
#   - it says what the function costs, itself or in the comment of its section or, about such calls, in the header's first:
#     O(...), a price in system calls, or the word cost;
#   - itself or the header's first comment says what holds for threads;
#   - where it returns a pointer or can fail, itself, its section or the header's first comment says by what it is told;
#   - where a size goes in or out, it says of what: bytes, unless the name of the parameter or function does (count);
#   - it stands in some test: itself, its macro (MEMOIR_POOL_ALLOC for memoir_pool_alloc_at), or for a
#     part that inline functions call (..._slow), of which nothing else is asked, those.
set -uo pipefail
cd "$(dirname "$0")/.."

# Per function: header, name, and which of the demands it does not meet.
read_header() {
    awk -v header="${1#include/}" '
    function says(pattern) { return own ~ pattern || section ~ pattern }
    function demand(holds, what) { if (!holds) printf "include/%s: %s: %s\n", header, name, what }
    /^\/\*/ { text = ""; inside = 1 }
    inside {
        text = text " " $0
        if (/\*\//) {
            inside = 0
            if (head == "")
                head = text
            if (text ~ /-----/)
                section = text
            own = text
        }
        next
    }
    /^[ \t]*$/ { own = ""; next }
    /^typedef|^#|^[ \t}]/ || !/^[a-zA-Z].*memoir_[a-z0-9_]+\(/ { next }
    {
        name = $0
        sub(/\(.*/, "", name)
        result = name
        sub(/memoir_[a-z0-9_]+$/, "", result)
        sub(/.*[^a-z0-9_]/, "", name)
        print "name " name
        if (name ~ /_slow$/)
            next
        demand(own != "", "no comment above it")
        demand(says("O\\(|[Cc]osts?[^a-z]|system call|instruction") || head ~ /O\(1\)|instructions/, "what does it cost?")
        demand(own ~ /[Tt]hread/ || head ~ /[Tt]hread/, "may threads call it at once?")
        demand(result !~ /\*|bool/ || says("NULL|[Nn]ever|[Ww]hether|[Ff]alse|[Tt]rue|misuse|constant") || head ~ /NULL/, "how does it fail?")
        demand(!/size_t/ || says("[Bb]ytes|[Ss]ize|blocks|objects|length|number|how many|count") || head ~ /bytes/, "sizes of what?")
    }' "$1"
}

# It finds what it is there to find.
missed=$(read_header /dev/stdin <<'END' | grep -c '?$\|above it$'
/* A header that says nothing. */

int *memoir_nothing(size_t much);
END
)
((missed == 5)) || { echo "check-headers: of five demands that a bad header does not meet it sees $missed"; exit 1; }

# Whether a test names it.
is_tested() {
    local macro=${1^^}
    grep -rqwE "$1|${1%_slow}|${macro%_AT}" tests/unit tests/preload
}

breaches=0
functions=0
while read -r line; do
    if [[ $line != "name "* ]]; then
        echo "$line"
        breaches=$((breaches + 1))
        continue
    fi
    functions=$((functions + 1))
    is_tested "${line#name }" && continue
    echo "${line#name }: no test in tests/unit or tests/preload names it"
    breaches=$((breaches + 1))
done < <(for header in include/memoir.h include/memoir/*.h; do read_header "$header"; done)
((functions > 50)) || { echo "check-headers: only $functions functions seen: the headers are read wrongly"; exit 1; }
((breaches == 0)) || { echo "check-headers: $breaches breaches in $functions functions"; exit 1; }

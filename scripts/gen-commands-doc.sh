#!/bin/bash
# gen-commands-doc.sh [--check] MEMOIR: writes the commands and their options, as the program MEMOIR tells them, into the
# manual page.
#
# The page has a place for them between two marker lines, which stay. With --check nothing is written: exit code
# 1 and one line if the page is not up to date.
set -euo pipefail
cd "$(dirname "$0")/.."
page=src/cli/memoir.1

check=0
[[ ${1-} == --check ]] && { check=1; shift; }
memoir=${1:?"usage: gen-commands-doc.sh [--check] MEMOIR"}
[[ -x $memoir ]] || { echo "gen-commands-doc: there is no program $memoir; run make first" >&2; exit 2; }

# The help of one command as a section: flags become tagged paragraphs, what is indented behind them belongs to them.
section() {
    echo ".SS memoir $1"
    "$memoir" help "$1" | awk '
        function roff(text) { gsub(/\\/, "\\e", text); gsub(/-/, "\\-", text); return text }
        function flag(text) { gsub(/=/, "\\fR=\\fI", text); gsub(/, /, "\\fR, \\fB", text); return "\\fB" text "\\fR" }
        function end_paragraph() { if (open) print (kind == "flag" ? "" : ".PP"); open = 0 }
        NR == 1 { sub(/^usage: /, ""); print ".B " roff($0); print ".PP"; next }
        NR == 3 { print toupper(substr($0, 1, 1)) roff(substr($0, 2)); next }
        /^$/ { gap = 1; next }
        /^  -/ {
            text = substr($0, 3)
            split(text, part, /  +/)
            print ".TP"
            print flag(roff(part[1]))
            if (part[2] != "") print roff(substr(text, index(text, part[2])))
            inside = 1; gap = 0
            next
        }
        /^   +/ && inside { sub(/^ +/, ""); print roff($0); next }
        { if (gap || inside) print ".PP"; gap = inside = 0; sub(/^\./, "\\\\\\&."); print roff($0) }'
}

text=$(for name in $("$memoir" help | sed -n '/^commands:/,/^$/s/^  \([a-z-]*\) .*/\1/p'); do section "$name"; done)
open='.\" commands' close='.\" /commands'
[[ $(grep -cxF -e "$open" "$page") == 1 && $(grep -cxF -e "$close" "$page") == 1 ]] ||
    { echo "gen-commands-doc: $page has no line '$open' followed by '$close'" >&2; exit 2; }
filled=$(text=$text open=$open close=$close awk '
    $0 == ENVIRON["close"] { inside = 0 }
    !inside { print }
    $0 == ENVIRON["open"] { inside = 1; print ENVIRON["text"] }' "$page")
[[ $filled == "$(cat "$page")" ]] && exit 0
((check)) && { echo "$page is not up to date with the help of the commands: run scripts/gen-commands-doc.sh MEMOIR"; exit 1; }
printf '%s\n' "$filled" >"$page"

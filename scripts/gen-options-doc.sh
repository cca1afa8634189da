#!/bin/bash
# gen-options-doc.sh [--check]: writes the options of src/conf/options.def into README.md and the manual page.
#
# Each file has a place for them between two marker lines, which stay. With --check nothing is
# written: exit code 1 and one line for each file that is not up to date.
set -euo pipefail
cd "$(dirname "$0")/.."

check=0
case ${1:-} in
    --check) check=1 ;;
    "") ;;
    *) echo "usage: gen-options-doc.sh [--check]" >&2; exit 2 ;;
esac

# TYPE@NAME@default@values@sentence, one line per row: the preprocessor reads the table as the compiler does.
rows() {
    {
        echo '#define MR_OPTION(TYPE, field, NAME, def, min, max, values, sentence) ROW @ #TYPE @ #NAME @ #def @ values @ sentence'
        echo '#include "src/conf/options.def"'
    } | "${CC:-cc}" -E -P -I. -x c - |
        awk '{ gsub(/ROW @/, "\nROW @"); print }' |
        awk '/^ROW @/ { if (row) print row; row = $0; next } row { row = row " " $0 } END { if (row) print row }' |
        sed -e 's/^ROW @ //' -e 's/\\"//g' -e 's/" *"\([^"]\)/\1/g' -e 's/ *@ */@/g' -e 's/"//g' -e 's/ *$//'
}

# What the formats share: the flag's name, its value's name, the default as a user writes it.
common='
function flag(name) { gsub(/_/, "-", name); return tolower(name) }
function placeholder(type, values) {
    if (type == "CHOICE") return values
    return type == "BOOL" ? "0|1" : type == "MILLIS" ? "TIME" : type
}
function shown(type, def, values,   word) {
    if (type == "CHOICE") { split(values, word, "|"); return word[def + 1] }
    return type == "MILLIS" ? def "ms" : def
}
BEGIN { FS = "@" }'

markdown() {
    echo '| `--` option and variable | default | what it does |'
    echo '|---|---|---|'
    rows | awk "$common"'
    {
        def = shown($1, $3, $4)
        choice = $4
        gsub(/\|/, "`, `", choice)
        printf "| `--%s` `MEMOIR_%s` | %s | %s%s |\n", flag($2), $2, def == "" ? "" : "`" def "`", $5, choice == "" ? "" : ": `" choice "`"
    }'
}

manual() {
    rows | awk "$common"'
    function roff(text) { gsub(/-/, "\\-", text); return text }
    {
        def = shown($1, $3, $4)
        printf ".TP\n\\fB\\-\\-%s=\\fI%s\\fR, \\fBMEMOIR_%s\\fR\n%s", roff(flag($2)), roff(placeholder($1, $4)), $2, roff($5)
        printf def == "" ? "\n" : "\n(default: %s)\n", roff(def)
    }'
}

# Prints the file with what lies between the markers replaced by the output of the generator.
filled() {
    local file=$1 open=$2 close=$3 generator=$4
    [[ $(grep -cxF -e "$open" "$file") == 1 && $(grep -cxF -e "$close" "$file") == 1 ]] ||
        { echo "gen-options-doc: $file has no line '$open' followed by '$close'" >&2; return 1; }
    text=$("$generator") open=$open close=$close awk '
        $0 == ENVIRON["close"] { inside = 0 }
        !inside { print }
        $0 == ENVIRON["open"] { inside = 1; print ENVIRON["text"] }' "$file"
}

stale=0
document() {
    local file=$1 text
    [[ -e $file ]] || { echo "gen-options-doc: there is no $file" >&2; stale=1; return; }
    text=$(filled "$@") || { stale=1; return; }
    [[ $text == "$(cat "$file")" ]] && return
    if [[ $check == 1 ]]; then
        echo "$file is not up to date with src/conf/options.def: run scripts/gen-options-doc.sh"
        stale=1
    else
        printf "%s\n" "$text" >"$file"
    fi
}

document README.md '<!-- options -->' '<!-- /options -->' markdown
document src/cli/memoir.1 '.\" options' '.\" /options' manual
exit $stale

#!/bin/bash
# check-names.sh BUILD: does every symbol name the file it lives in? One line per breach.
#
# What src/<layer>/<file>.c gives to other files begins with mr_<file>_ or mr_<layer>_; a family of files
# (fit_tree.c, fit_buddy.c) may share its first word (mr_fit_). entry/ also defines what libmemoir.so
# exports, and that is exactly the list in src/entry/exports.map.
set -euo pipefail
cd "$(dirname "$0")/.."
build=${1:?"usage: check-names.sh BUILD"}
[[ -e $build/libmemoir.so ]] || { echo "check-names: there is no $build/libmemoir.so; run make first"; exit 1; }

# Tables carry the noun of their rows; the macro struct members and the face beside them do the same.
allowed=$(sed 's/ *#.*//' <<'END'
conf/conf mr_options          # the rows of options.def
conf/conf mr_option_count
ledger/ledger mr_stats        # the rows of stats.def
ledger/ledger mr_stat_count
ledger/ledger mr_counters     # the counters beside them
cli/main main
END
)

breaches=0
breach() { echo "$*"; breaches=$((breaches + 1)); }

# The names (or patterns) between `global:` and `local:`.
exports() {
    sed -e 's,/\*.*\*/,,' -e 's/#.*//' src/entry/exports.map |
        awk '/global:/ { on = 1; sub(/.*global:/, "") } /local:/ { on = 0 } on' |
        tr ';' '\n' | tr -d ' \t}' | grep -v '^$' | LC_ALL=C sort -u
}

# names_file SYMBOL LAYER FILE: mr_ and then the layer, the file or the first words of its name.
names_file() {
    local word=$3
    [[ $1 == mr_$2 || $1 == mr_$2_* ]] && return
    while [[ $1 != mr_$word && $1 != mr_${word}_* ]]; do
        [[ $word == *_* ]] || return 1
        word=${word%_*}
    done
}

check_object() {
    local object=$1 where layer file symbol
    where=${object#"$build"/obj/} where=${where%.o}
    layer=${where%%/*} file=${where#*/}
    [[ -e src/$where.c ]] || return 0 # left over from a source that is gone
    while read -r symbol; do
        names_file "$symbol" "$layer" "$file" && continue
        grep -qxF "$where $symbol" <<<"$allowed" && continue
        [[ $layer == entry ]] && grep -qxF "$symbol" <<<"$public" && continue
        breach "src/$where.c: $symbol begins with neither mr_${file}_ nor mr_${layer}_"
    done < <(nm -g --defined-only --format=posix "$object" | awk '{ print $1 }' | grep -v '^__odr_asan')
}

check_exports() {
    local exported
    exported=$(nm -D --defined-only --format=posix "$build/libmemoir.so" | awk '$2 != "A" { sub(/@.*/, "", $1); print $1 }' | LC_ALL=C sort -u)
    for symbol in $(LC_ALL=C comm -13 <(echo "$public") <(echo "$exported")); do
        breach "libmemoir.so exports $symbol, which src/entry/exports.map does not list"
    done
    for symbol in $(LC_ALL=C comm -23 <(echo "$public") <(echo "$exported")); do
        breach "src/entry/exports.map: libmemoir.so has no $symbol"
    done
}

public=$(exports)
while IFS= read -r object; do
    check_object "$object"
done < <(find "$build/obj" -name '*.o' | LC_ALL=C sort)
check_exports
((breaches == 0)) || { echo "check-names: $breaches breaches"; exit 1; }

#!/bin/bash
# check-names.sh BUILD: does every symbol name the file it lives in? One line per breach.
#
# What src/<layer>/<file>.c gives to other files begins with mr_<file>_, mr_<layer>_, or with the name of a
# header of its layer (peak.h: mr_peak_), so that the name leads to the declaration; a family of
# files (fit_tree.c, fit_buddy.c) may share its first word (mr_fit_). entry/ also defines what
# libmemoir.so exports, and that is exactly the list in src/entry/exports.map.
set -euo pipefail
cd "$(dirname "$0")/.."
build=${1:?"usage: check-names.sh BUILD"}
[[ -e $build/libmemoir.so ]] || { echo "check-names: there is no $build/libmemoir.so; run make first"; exit 1; }

# Patterns of names that are right as they are, with the reason behind #.
allowed=$(sed 's/ *#.*//' <<'END'
conf/conf mr_option*          # the table of options.def carries the noun of its rows
ledger/ledger mr_stat*        # so does that of stats.def
ledger/ledger mr_finding_rows # and findings.def
ledger/ledger mr_counters     # the counters beside them
heap/lookup mr_main_range     # the one global of the fast path
heap/space mr_region*         # what space.c holds
os/misc mr_clock_*            # os.h is one contract; its nouns are the headings of it
os/misc mr_file_*
os/misc mr_process_*
os/thread mr_fork_*
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

# names_file SYMBOL LAYER FILE: mr_ and then the layer, a header of it, the file or the first words of its name.
names_file() {
    local word=$3 header
    for header in src/"$2"/*.h; do
        header=${header##*/}
        [[ $1 == mr_${header%.h}_* ]] && return
    done
    [[ $1 == mr_$2 || $1 == mr_$2_* ]] && return
    while [[ $1 != mr_$word && $1 != mr_${word}_* ]]; do
        [[ $word == *_* ]] || return 1
        word=${word%_*}
    done
}

# matches WORD PATTERN...: is it one of them?
matches() {
    local pattern
    for pattern in "${@:2}"; do
        # shellcheck disable=SC2053 # a pattern is meant
        [[ $1 == $pattern ]] && return
    done
    return 1
}

check_object() {
    local object=$1 where layer file symbol
    where=${object#"$build"/obj/} where=${where%.o}
    layer=${where%%/*} file=${where#*/}
    [[ -e src/$where.c ]] || return 0 # left over from a source that is gone
    while read -r symbol; do
        names_file "$symbol" "$layer" "$file" && continue
        matches "$where $symbol" "${allow[@]}" && continue
        [[ $layer == entry || $layer == embed ]] && matches "$symbol" "${public[@]}" && continue
        breach "src/$where.c: $symbol begins with neither mr_${file}_ nor mr_${layer}_"
    done < <(nm -g --defined-only --format=posix "$object" | awk '{ print $1 }' | grep -v '^__odr_asan')
}

check_exports() {
    local symbol name exported
    mapfile -t exported < <(nm -D --defined-only --format=posix "$build/libmemoir.so" | awk '$2 != "A" { sub(/@.*/, "", $1); print $1 }')
    for symbol in "${exported[@]}"; do
        matches "$symbol" "${public[@]}" || breach "libmemoir.so exports $symbol, which src/entry/exports.map does not list"
    done
    for name in "${public[@]}"; do
        compgen -W "${exported[*]}" -X "!$name" >/dev/null || breach "src/entry/exports.map: libmemoir.so has no $name"
    done
}

mapfile -t public < <(exports)
mapfile -t allow <<<"$allowed"
while IFS= read -r object; do
    check_object "$object"
done < <(find "$build/obj" -name '*.o' | LC_ALL=C sort)
check_exports
((breaches == 0)) || { echo "check-names: $breaches breaches"; exit 1; }

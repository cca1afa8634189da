#!/bin/bash
# run.sh LIB [--fast|--all] [--strategy=S] [--trace=T] [name...]: real programs, each with and without LD_PRELOAD=LIB.
#
# A program is a script <name>.sh beside this one. It is run by bash in an empty directory, which is also its
# HOME and TMPDIR; without a library and then with it, so that the shell and every child run on memoir. What it
# writes to stdout and stderr and its exit code must be the same both times: a script hides what varies
# by nature (times, process ids, addresses) itself. Its head holds:
#
#   # needs: commands without which it is skipped
#   # limit: seconds it may take at most
#   # set: fast            when it belongs to the fast handful of `make test`
#
# A script that exits 77 misses something no command tells, says what on stderr, and is skipped.
# LIB=none runs everything twice without a library, which shows that the scripts hide enough.
set -uo pipefail

here=$(cd "$(dirname "$0")" && pwd)
# Debian's programs, whatever else the caller has; PostgreSQL keeps its own outside the usual directories.
PATH=/usr/bin:/bin:/usr/sbin:/sbin$(printf ':%s' /usr/lib/postgresql/*/bin)
lib='' set=all strategy='' trace='' names=()
passed=0 failed=0 skipped=0

usage() { echo "run.sh: $*; usage: run.sh LIB|none [--fast|--all] [--strategy=S] [--trace=T] [name...]" >&2; exit 2; }

head_value() { sed -n "s/^# $2: *//p;/^[^#]/q" "$here/$1.sh"; }

parse() {
    for argument; do
        case $argument in
            --fast | --all) set=${argument#--} ;;
            --strategy=*) strategy=${argument#*=} ;;
            --trace=*) trace=${argument#*=} ;;
            --*) usage "unknown option \`$argument'" ;;
            *) if [[ -z $lib ]]; then lib=$argument; else names+=("$argument"); fi ;;
        esac
    done
    [[ $lib ]] || usage "no library given"
    [[ $lib == none || -f $lib ]] || usage "there is no library $lib"
    [[ $lib == none ]] || lib=$(realpath "$lib")
    for name in "${names[@]}"; do
        [[ $(head_value "$name" limit 2>/dev/null) ]] || usage "no program \`$name'"
    done
}

choose() {
    ((${#names[@]})) && return
    for script in "$here"/*.sh; do
        local name
        name=$(basename "$script" .sh)
        [[ $(head_value "$name" limit) ]] || continue # this script and tools.sh are no programs
        [[ $set == all || $(head_value "$name" set) == "$set" ]] && names+=("$name")
    done
}

# The loader says on stderr when it cannot load a library, and goes on without it.
loads() {
    local said
    [[ $lib == none ]] && return
    said=$(LD_PRELOAD=$lib /bin/true 2>&1) && [[ -z $said ]] || usage "$lib cannot be preloaded: ${said:-/bin/true fails}"
}

missing_command() {
    for need in $(head_value "$1" needs); do
        command -v "$need" >/dev/null || { echo "$need"; return; }
    done
}

# run_once NAME OUT [VAR=value...]: leaves OUT/stdout, OUT/stderr, OUT/code. The working directory has
# the same path both times, so that it may occur in what is compared.
run_once() {
    local name=$1 out=$2 home=$work/home
    shift 2
    rm -rf "$home"
    mkdir -m 755 -p "$home" "$out"
    (
        cd "$home" || exit 99
        exec timeout -k 5 "$(head_value "$name" limit)" \
            env -i PATH="$PATH" HOME="$home" TMPDIR="$home" LC_ALL=C.UTF-8 TZ=UTC TOOLS="$here/tools.sh" \
            "$@" bash "$here/$name.sh"
    ) >"$out/stdout" 2>"$out/stderr" </dev/null
    echo $? >"$out/code"
}

# The first line in which two files differ, in one sentence.
first_difference() {
    local line expected got
    line=$(cmp "$1" "$2" 2>&1 | sed -n 's/.*line \([0-9]*\).*/\1/p')
    line=${line:-$(($(wc -l <"$1") + 1))}
    expected=$(sed -n "${line}p" "$1" | tr -dc '[:print:]' | cut -c1-160)
    got=$(sed -n "${line}p" "$2" | tr -dc '[:print:]' | cut -c1-160)
    echo "$(basename "$2") line $line is \"$got\", without the library \"$expected\""
}

difference() {
    local plain=$1 under=$2 want got
    want=$(cat "$plain/code") got=$(cat "$under/code")
    if ((got != want && got >= 124)); then
        ((got == 124 || got == 137)) && { echo "time limit of $(head_value "$3" limit) s reached"; return; }
    fi
    ((got == want)) || echo "exit code $got, without the library $want; $(tail -n 1 "$under/stderr" | cut -c1-200)"
    for stream in stdout stderr; do
        cmp -s "$plain/$stream" "$under/$stream" || first_difference "$plain/$stream" "$under/$stream"
    done
}

seconds() { printf '%d.%d s' $(($1 / 1000)) $(($1 % 1000 / 100)); }
now_ms() { echo $((${EPOCHREALTIME/[.,]/} / 1000)); }

one() {
    local name=$1 need begin middle end differs preload=()
    need=$(missing_command "$name")
    if [[ $need ]]; then
        echo "skip $name: $need is not installed"
        skipped=$((skipped + 1))
        return
    fi
    [[ $lib == none ]] || preload=("LD_PRELOAD=$lib")
    [[ $lib != none && $strategy ]] && preload+=("MEMOIR_STRATEGY=$strategy")
    [[ $lib != none && $trace ]] && preload+=("MEMOIR_TRACE=$trace")
    begin=$(now_ms)
    run_once "$name" "$work/$name.plain"
    middle=$(now_ms)
    if [[ $(cat "$work/$name.plain/code") == 77 ]]; then # the script's own way to say what it misses
        echo "skip $name: $(tail -n 1 "$work/$name.plain/stderr")"
        skipped=$((skipped + 1))
        rm -rf "$work/$name.plain"
        return
    fi
    run_once "$name" "$work/$name.under" "${preload[@]}"
    end=$(now_ms)
    differs=$(difference "$work/$name.plain" "$work/$name.under" "$name" | head -n 1)
    # A workload that fails or says nothing without the library would compare equal and prove nothing.
    if [[ $(cat "$work/$name.plain/code") != 0 || ! -s $work/$name.plain/stdout ]]; then
        differs="does not work without the library: exit code $(cat "$work/$name.plain/code"),"
        differs+=" $(tail -n 1 "$work/$name.plain/stderr" | cut -c1-200)"
    fi
    if [[ $differs ]]; then
        echo "FAIL $name: $differs"
        failed=$((failed + 1))
    else
        echo "ok $name $(seconds $((end - middle))) (without: $(seconds $((middle - begin))))"
        passed=$((passed + 1))
        rm -rf "$work/$name.plain" "$work/$name.under"
    fi
}

parse "$@"
loads
choose
work=$(mktemp -d "${TMPDIR:-/tmp}/programs.XXXXXX")
chmod 755 "$work"
for name in "${names[@]}"; do
    one "$name"
done
rm -rf "$work/home"
rmdir "$work" 2>/dev/null || echo "run.sh: the outputs that differ are in $work"
((skipped)) && echo "run.sh: scripts/setup.sh programs installs what is missing"
echo "$passed passed, $failed failed, $skipped skipped"
((failed == 0))

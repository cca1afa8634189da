#!/bin/bash
# run.sh LIB [--fast|--all] [--strategy=S] [--trace=T] [--modes[=MODE,...]] [name...]: real programs, each with and without
# LD_PRELOAD=LIB.
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
# With --modes each is run again and again, in each mode of modes.def or those that are named; then a finding counts as a
# difference as well. All modes of ten programs take half an hour of a busy machine with two cores; the tests run three modes
# of two.
# LIB=none runs everything twice without a library, which shows that the scripts hide enough.
set -uo pipefail

here=$(cd "$(dirname "$0")" && pwd)
# Debian's programs, whatever else the caller has; PostgreSQL keeps its own outside the usual directories.
PATH=/usr/bin:/bin:/usr/sbin:/sbin$(printf ':%s' /usr/lib/postgresql/*/bin)
lib='' set=all strategy='' trace='' names=() modes=()
passed=0 failed=0 skipped=0

usage() { echo "run.sh: $*; usage: run.sh LIB|none [--fast|--all] [--strategy=S] [--trace=T] [--modes[=MODE,...]] [name...]" >&2; exit 2; }

# Modes that look at everything take their time.
limit_of() { echo $(($(head_value "$1" limit) * (${#modes[@]} ? 6 : 1))); }

head_value() { sed -n "s/^# $2: *//p;/^[^#]/q" "$here/$1.sh"; }

mode_names() { sed -n 's/^\([^#|]*\)|.*/\1/p' "$here/modes.def"; }
mode_variables() { sed -n "s/^$1|//p" "$here/modes.def"; }

parse() {
    for argument; do
        case $argument in
            --fast | --all) set=${argument#--} ;;
            --strategy=*) strategy=${argument#*=} ;;
            --trace=*) trace=${argument#*=} ;;
            --modes) mapfile -t modes < <(mode_names) ;;
            --modes=*) IFS=, read -ra modes <<<"${argument#*=}" ;;
            --*) usage "unknown option \`$argument'" ;;
            *) if [[ -z $lib ]]; then lib=$argument; else names+=("$argument"); fi ;;
        esac
    done
    [[ $lib ]] || usage "no library given"
    [[ $lib == none || -f $lib ]] || usage "there is no library $lib"
    [[ $lib == none ]] || lib=$(realpath "$lib")
    for mode in "${modes[@]}"; do
        [[ $(mode_variables "$mode") ]] || usage "no mode \`$mode'; there are: $(mode_names | paste -sd' ')"
    done
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
        exec timeout -k 5 "$(limit_of "$name")" \
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
        ((got == 124 || got == 137)) && { echo "time limit of $(limit_of "$3") s reached"; return; }
    fi
    ((got == want)) || echo "exit code $got, without the library $want; $(tail -n 1 "$under/stderr" | cut -c1-200)"
    for stream in stdout stderr; do
        cmp -s "$plain/$stream" "$under/$stream" || first_difference "$plain/$stream" "$under/$stream"
    done
}

seconds() { printf '%d.%d s' $(($1 / 1000)) $(($1 % 1000 / 100)); }
now_ms() { echo $((${EPOCHREALTIME/[.,]/} / 1000)); }

# under NAME LABEL [VAR=value...]: once more with the library, and what is different then.
under() {
    local name=$1 label=$2 begin took differs out=$work/$2.under
    shift 2
    begin=$(now_ms)
    run_once "$name" "$out" "$@"
    took=$(seconds $(($(now_ms) - begin)))
    differs=$(difference "$work/$name.plain" "$out" "$name" | head -n 1)
    if [[ $differs ]]; then
        echo "FAIL $label: $differs"
        failed=$((failed + 1)) kept=yes
    else
        echo "ok $label $took (without: $plain_took)"
        passed=$((passed + 1))
        rm -rf "$out"
    fi
}

skip() { echo "skip $1: $2"; skipped=$((skipped + 1)); rm -rf "$work/$1.plain"; }

one() {
    local name=$1 begin plain_took code kept='' preload=()
    code=$(missing_command "$name")
    [[ $code ]] && { skip "$name" "$code is not installed"; return; }
    begin=$(now_ms)
    run_once "$name" "$work/$name.plain"
    plain_took=$(seconds $(($(now_ms) - begin)))
    code=$(cat "$work/$name.plain/code")
    # The script's own way to say what it misses.
    [[ $code == 77 ]] && { skip "$name" "$(tail -n 1 "$work/$name.plain/stderr")"; return; }
    # A workload that fails or says nothing without the library would compare equal and prove nothing.
    if [[ $code != 0 || ! -s $work/$name.plain/stdout ]]; then
        echo "FAIL $name: does not work without the library: exit code $code, $(tail -n 1 "$work/$name.plain/stderr" | cut -c1-200)"
        failed=$((failed + 1))
        return
    fi
    [[ $lib == none ]] || preload=("LD_PRELOAD=$lib")
    [[ $lib != none && $strategy ]] && preload+=("MEMOIR_STRATEGY=$strategy")
    [[ $lib != none && $trace ]] && preload+=("MEMOIR_TRACE=$trace")
    if ((${#modes[@]})); then
        for mode in "${modes[@]}"; do
            # shellcheck disable=SC2046 # words
            under "$name" "$name.$mode" "${preload[@]}" $(mode_variables "$mode")
        done
    else
        under "$name" "$name" "${preload[@]}"
    fi
    [[ $kept ]] || rm -rf "$work/$name.plain"
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

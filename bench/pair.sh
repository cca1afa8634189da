#!/bin/sh
# Instructions per malloc/free pair, loop and PLT included, as callgrind counts them: pair.sh PAIR LIBRARY|""
# Each is the difference of two runs of different length, so that start and end of the process cancel out.
# One JSON line; null where the library does not run under valgrind.
set -u
pair=$1 library=${2-}
command -v valgrind >/dev/null || { echo "pair.sh: valgrind is not installed" >&2; exit 2; }

instructions() { # mode count
    { LD_PRELOAD=$library valgrind --tool=callgrind --callgrind-out-file=/dev/null "$pair" "$1" "$2" 2>&1; } \
        2>/dev/null | sed -n 's/.*Collected *: *\([0-9]*\).*/\1/p'
}

per_pair() { # mode
    short=$(instructions "$1" 10000)
    long=$(instructions "$1" 30000)
    # No difference: the process died in its start-up both times.
    if [ "${long:-0}" -gt "${short:-0}" ]; then
        echo "$short $long" | awk '{ printf "%.1f", ($2 - $1) / 20000 }'
    else
        printf null
    fi
}

printf '{'
first=
for mode in small batch replace page big; do
    printf '%s"%s": ' "$first" "$mode"
    per_pair "$mode"
    first=', '
done
printf '}\n'

#!/bin/sh
# What many threads lose to locks: locks.sh PROGRAM SCALE THREADS LIBRARY|"" runs it under perf and prints one JSON
# line: percent of the samples in functions of the process that have a lock in their name (all of them, and the largest
# one), and in the kernel's futex calls. What is inlined or stripped has no name: the futex share covers it as far as
# anybody slept.
set -u
program=$1 scale=$2 threads=$3 library=${4-}
command -v perf >/dev/null || { echo "locks.sh: perf is not installed" >&2; exit 2; }
data=$(mktemp "${TMPDIR:-/tmp}/bench-locks.XXXXXX")
trap 'rm -f "$data"' EXIT

LD_PRELOAD=$library perf record -q -e cpu-clock -F 2000 -o "$data" "$program" "$scale" "$threads" >/dev/null 2>&1 ||
    { echo "locks.sh: perf record failed (kernel.perf_event_paranoid?)" >&2; exit 1; }
perf report -i "$data" --stdio --sort sample,symbol -t '|' 2>/dev/null | awk -F'|' '
    /^#/ || NF < 3 { next }
    { share = $1 + 0; samples += $2 }
    $3 ~ /futex/ { futex += share; next }
    $3 ~ /\[\.\]/ && tolower($3) ~ /lock|mutex|spin|yield/ { locks += share; if (share > most) most = share }
    END { if (samples < 1) exit 1
          printf "{\"locks\": %.2f, \"largest\": %.2f, \"futex\": %.2f, \"samples\": %d}\n", locks, most, futex, samples }'

#!/bin/bash
# top.sh [SECONDS]: what `memoir top` costs the program it watches, and itself.
#
# One program allocates and frees as fast as it can, with every call stack recorded, and prints the CPU time of each 100,000
# pairs. memoir top comes and goes every few seconds on another core, so both kinds of pairs meet the same machine:
# the medians are compared. Needs tmux, and two processors.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-64}
build=${B:-build/release}
[[ -x $build/memoir ]] || { echo "top.sh: there is no $build/memoir; run make first" >&2; exit 1; }
command -v tmux >/dev/null || { echo "top.sh: needs tmux: apt-get install tmux" >&2; exit 1; }
dir=$(mktemp -d)
server=memoir-bench-$$
trap 'tmux -L "$server" kill-server 2>/dev/null; rm -rf "$dir"' EXIT

"${CC:-gcc}" -O1 -g -fno-builtin bench/prog/watched.c -o "$dir/watched"
MEMOIR_TRACE=full MEMOIR_LEDGER=$dir/ledger LD_PRELOAD=$(realpath "$build")/libmemoir.so \
    taskset -c 0 "$dir/watched" "$seconds" >"$dir/chunks" &
pid=$!
sleep 1

ticks() { awk '{ print $14 + $15 }' "/proc/$1/stat"; }
now() { awk '{ print $1 }' /proc/uptime; }
for ((i = 0; i < seconds / 8; i++)); do
    tmux -L "$server" -f /dev/null new-session -d -x 100 -y 30 "taskset -c 1 $build/memoir top $pid"
    sleep 0.5
    top=$(tmux -L "$server" list-panes -F '#{pane_pid}') begin=$(now) before=$(ticks "$top")
    sleep 3
    echo "$begin $(now) $(($(ticks "$top") - before))" >>"$dir/watches"
    tmux -L "$server" kill-server
    sleep 3.5
done
wait "$pid"

# A pair counts as alone from half a second after top has gone.
sort -k2n "$dir/chunks" | awk -v hz="$(getconf CLK_TCK)" '
    FNR == NR { begin[++n] = $1; end[n] = $2; ticks += $3; watched += $2 - $1; next }
    { for (i = 1; i <= n; i++) {
          if ($1 >= begin[i] && $1 <= end[i]) with[++w] = $2
          if ($1 >= end[i] + 0.5 && $1 <= end[i] + 3.4) alone[++a] = $2
      } }
    END { printf "with top %.1f us for 100,000 pairs (median of %d), alone %.1f us (%d): %+.2f %%; top used %.2f %% of a core\n",
              with[int((w + 1) / 2)], w, alone[int((a + 1) / 2)], a,
              100 * (with[int((w + 1) / 2)] / alone[int((a + 1) / 2)] - 1), 100 * ticks / hz / watched }' "$dir/watches" -

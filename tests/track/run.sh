#!/bin/bash
# run.sh BUILD: programs under BUILD/compare.so. Fails when a stack was wrong, or more than one in a thousand ended
# with a mark where the C++ runtime's unwinder went on (those cut for their depth are listed apart).
set -uo pipefail
build=${1:?"usage: run.sh BUILD (of make test-unwind)"}
export MR_COMPARE_LOG=$build/compare.log
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
failed=0

# check NAME EVERY COMMAND...: one line; what is wrong, frame by frame.
check() {
    local name=$1 every=$2 status compared=0 equal=0 marked=0 deep=0 wrong=0
    shift 2
    rm -f "$MR_COMPARE_LOG"
    MR_COMPARE_EVERY=$every LD_PRELOAD=$build/compare.so timeout 100 "$@" >"$scratch/out" 2>&1 </dev/null
    status=$?
    read -r compared equal deep marked wrong < <(awk '/ walks, / { c += $3; e += $5; d += $7; m += $9; w += $11 }
        END { print c + 0, e + 0, d + 0, m + 0, w + 0 }' "$MR_COMPARE_LOG")
    printf '%-12s %8d compared: %8d equal, %5d deep, %4d marked, %4d wrong\n' "$name" "$compared" "$equal" "$deep" "$marked" "$wrong"
    ((status == 0 && wrong == 0 && compared > 0 && marked * 1000 <= compared)) && return
    failed=1
    echo "$name: exit status $status"
    tail -n 5 "$scratch/out"
    grep -v ' walks, ' "$MR_COMPARE_LOG" | head -n 100
}

cat >"$scratch/query.sql" <<'END'
create table t(a integer primary key, b text, c real);
with recursive n(i) as (select 1 union all select i+1 from n where i<20000) insert into t select i, 'row '||i||hex(randomblob(20)), i*1.5 from n;
create index ti on t(b);
select b, group_concat(a) from t group by substr(b,1,6) order by 2 limit 5;
END
cat >"$scratch/script.py" <<'END'
import json, re
d = [{"a": i, "b": str(i) * 3, "c": [i] * 5} for i in range(5000)]
s = json.dumps(d)
def f(n): return [n] if n == 0 else f(n - 1) + [n]
print(len(re.findall(r"\d+", s)), len(json.loads(s)), len(f(400)))
END
printf '#include <map>\n#include <string>\nstd::map<std::string, int> m;\nint f() { return m["a"]; }\n' >"$scratch/unit.cc"

check twists 1 "$build/twists" "$(realpath "$build/twist1.so")" "$(realpath "$build/twist5.so")"
have() { command -v "$1" >/dev/null; }
if have sqlite3; then check sqlite3 7 sqlite3 -init "$scratch/query.sql" :memory: 'select 1'; fi
if have python3; then PYTHONMALLOC=malloc check python3 47 python3 "$scratch/script.py"; fi
if have git && git rev-parse HEAD >/dev/null 2>&1; then check git 7 git log -p -n 20; fi
if have g++; then check g++ 97 g++ -O2 -c "$scratch/unit.cc" -o "$scratch/unit.o"; fi
exit $failed

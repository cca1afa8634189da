#!/usr/bin/env python3
"""What looking for misuse costs: real programs in memoir's modes, beside Valgrind memcheck and AddressSanitizer.

    make bench-modes                            # about 10 minutes on a quiet machine; writes bench/results/modes.md
    bench/modes.py --build build/release [--scale 30] [--runs 5] [--seconds S] [--report FILE] [ROW...]

Everything is compared with memoir's default mode on the same work, in user + system time. Within a round all modes run
a program one after the other, each round beginning with another; memcheck and AddressSanitizer run once. The latter wants
programs to be compiled for it: it, and memcheck beside it, run programs of bench/prog.
"""

import argparse
import dataclasses
import os
import statistics
import sys
import time

import measure
import suite
from figures import median_ratio
from measure import Allocator

HERE = os.path.dirname(os.path.abspath(__file__))
OWN = ("containers", "tree", "shuffle", "calloc")  # what can be compiled with AddressSanitizer
BARS = {"exact": 1.02, "check": 1.60, "harden": 1.10, "guard": 1.01}
ROUND_ONCE = ("memcheck", "asan")
VALGRIND = ["valgrind", "-q", "--leak-check=full", "--trace-children=yes", "--log-file=/dev/null"]
NOTES = """
- `exact`: MEMOIR_CHECK=arguments, the cheapest mode that tells every double and invalid free (the default tells those
  that cost nothing to see); `full`: MEMOIR_TRACE=full, which tells them too, with call stacks.
- `check`: MEMOIR_CHECK=1 MEMOIR_TRACE=full; `harden`: MEMOIR_HARDEN=1; `guard`: MEMOIR_GUARD=on, one block in 5,000.
- memcheck: valgrind --leak-check=full. AddressSanitizer: gcc -fsanitize=address, leaks not looked for.
"""


def modes(build):
    ours = os.path.join(build, "libmemoir.so")
    rows = {"default": {}, "exact": {"MEMOIR_CHECK": "arguments"}, "full": {"MEMOIR_TRACE": "full"},
            "check": {"MEMOIR_CHECK": "1", "MEMOIR_TRACE": "full"}, "harden": {"MEMOIR_HARDEN": "1"},
            "guard": {"MEMOIR_GUARD": "on"}}
    return [Allocator(name, ours, env) for name, env in rows.items()] + [Allocator("memcheck"), Allocator("asan")]


def adapted(row, mode, build):
    """The same work, as that tool wants to be started; None where it cannot be."""
    if mode.name == "memcheck":
        return None if row.server else dataclasses.replace(row, argv=VALGRIND + row.argv, timeout=600)
    if mode.name != "asan":
        return row
    program = os.path.join(build, "bench", "asan", os.path.basename(row.argv[0]))
    return dataclasses.replace(row, argv=[program] + row.argv[1:]) if os.path.exists(program) else None


class Figures:
    def __init__(self):
        self.times, self.failed = {}, {}

    def add(self, row, mode, cell):
        good = cell["status"] == 0
        self.times.setdefault((row, mode), []).append(cell["cpu"] if good else None)
        if not good:
            self.failed[row, mode] = cell["status"]

    def median(self, row, mode):
        times = [t for t in self.times.get((row, mode), []) if t]
        return statistics.median(times) if times else None

    def ratio(self, row, mode):
        """Within each round, the median of that; what runs once is held against the default's median."""
        ones, others = self.times.get((row, mode), []), self.times.get((row, "default"), [])
        if mode in ROUND_ONCE:
            others = [self.median(row, "default")]
        return median_ratio(ones, others)

    def mean(self, rows, mode):
        values = [v for v in (self.ratio(r, mode) for r in rows) if v]
        return statistics.geometric_mean(values) if values else None


def measure_all(cells, rows, columns, runs, until, figures, build):
    for n in range(runs):
        for row in rows:
            for i in range(len(columns)):
                mode = columns[(i + n) % len(columns)]
                there = adapted(row, mode, build)
                if not there or (n and mode.name in ROUND_ONCE) or time.monotonic() > until:
                    continue
                mode = dataclasses.replace(mode, env={**mode.env, "ASAN_OPTIONS": "detect_leaks=0"})
                cell = cells.run(there, mode)
                figures.add(row.name, mode.name, cell)
                print(f"{n} {row.name} {mode.name}: {cell['cpu']:.3f} s, status {cell['status']}", file=sys.stderr)


def number(value):
    return "" if value is None else f"{value:.2f}"


def cell_text(figures, row, mode):
    status = figures.failed.get((row, mode))
    return number(figures.ratio(row, mode)) or (f"status {status}" if status else "")


def table(figures, rows, columns):
    names = [c.name for c in columns if any(figures.ratio(r, c.name) for r in rows)]
    out = ["| | default, s | " + " | ".join(names[1:]) + " |", "|---" * (len(names) + 1) + "|"]
    for row in rows:
        out.append(f"| {row} | {number(figures.median(row, 'default'))} | "
                   + " | ".join(cell_text(figures, row, m) for m in names[1:]) + " |")
    return out + ["| **geometric mean** | | " + " | ".join(number(figures.mean(rows, m)) for m in names[1:]) + " |"]


def verdicts(figures, rows):
    means = {mode: figures.mean(rows, mode) for mode in BARS}
    return [f"- {mode}: **{number(means[mode])}**, at most {bar:.2f}: " + ("held" if means[mode] <= bar else "missed")
            for mode, bar in BARS.items() if means[mode]]


def report(figures, real, own, columns, path, runs):
    machine = measure.machine()
    text = ["# What looking for misuse costs", "",
            f"{machine['cpu']}, {machine['cores']} cores, Linux {machine['kernel']}, {machine['libc']}, load {machine['load']:.1f}. "
            f"CPU time as a ratio to memoir's default mode, the median of the ratios within each of at most {runs} rounds. Made by bench/modes.py.", "",
            "## The bars, over the real programs", "", *verdicts(figures, real), "",
            "## Real programs", "", *table(figures, real, columns), "",
            "## Programs that do little but allocate", "", *table(figures, own, columns), NOTES]
    with open(path, "w", encoding="utf-8") as f:
        f.write("\n".join(text))


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("rows", nargs="*", metavar="ROW")
    p.add_argument("--build", default="build/release")
    p.add_argument("--scale", type=int, default=30)
    p.add_argument("--runs", type=int, default=5)
    p.add_argument("--seconds", type=float, default=1800)
    p.add_argument("--report", default=os.path.join(HERE, "results", "modes.md"))
    a = p.parse_args()
    build = os.path.abspath(a.build)
    everything = suite.real_programs(build, a.scale, HERE) + [r for r in suite.own_programs(build, a.scale) if r.name in OWN]
    unknown = set(a.rows) - {r.name for r in everything}
    if unknown:
        sys.exit(f"modes: no row {unknown.pop()}; they are {' '.join(r.name for r in everything)}")
    rows = [r for r in everything if (not a.rows or r.name in a.rows) and not suite.why_not(r)]
    suite.prepare(rows, build, a.scale)
    figures, columns = Figures(), modes(build)
    measure_all(measure.Cells(build, a.scale, False, 120), rows, columns, a.runs, time.monotonic() + a.seconds, figures, build)
    report(figures, [r.name for r in rows if r.group == "real"], [r.name for r in rows if r.group != "real"], columns,
           a.report, a.runs)


if __name__ == "__main__":
    main()

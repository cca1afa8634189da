#!/usr/bin/env python3
"""What call stacks cost: real programs and a loop of mallocs under memoir's tracing and under its rivals.

    bench/story.py --build build/release --out DIR [--runs N] [--scale PERCENT] [--seconds S] [--rivals] [--report FILE] [ROW...]

Ratios are medians of the ratios within a round. CPU time varies by half from run to run on a virtual machine, and less
between neighbours: many short rounds (--runs 41 --scale 10) say more than a few long ones. What was measured into DIR is not measured again: a run that is broken off, or ends because its S seconds are over (600,
without an end for rivals), is taken up again by the same words. Then FILE gets the tables, from all there is in DIR;
--runs 0 writes them only. Within a round all tools run a program one after the other, each round beginning with another.
"""

import argparse
import atexit
import glob
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import inputs
import measure

HERE = os.path.dirname(os.path.abspath(__file__))
PYTHON = "/usr/bin/python3"
REAL = ("sqlite3", "python3", "git", "gcc", "redis", "containers")
LOOPS = {"loop-1": ["1"], "loop-2": ["2"], "loop-8": ["8"], "callers-1": ["1", "callers"], "move-1": ["1", "move"],
         "pass-2": ["2", "pass"], "pass-8": ["8", "pass"]}
OWN = ("glibc", "default", "sample", "full")
RIVALS = ("glibc", "full", "heaptrack", "memcheck", "lsan", "jemalloc")
RIVAL_SCALE = {"real": 20, "loop": 4}  # percent: they take up to a hundred times as long
BARS = {"real": 1.20, "loop-1": 2.0, "loop-2": 1.5, "loop-8": 1.5}


def scale_of(kind, row, percent):
    """Of a cell. The loops are short as they are."""
    if kind == "rivals":
        return RIVAL_SCALE["loop" if row in LOOPS else "real"]
    return 100 if row in LOOPS else percent


def stop(why):
    sys.exit(f"story: {why}")


def library(pattern):
    found = sorted(glob.glob(f"/usr/lib/*-linux-gnu*/{pattern}"), key=len)
    return found[0] if found else None


class Bench:
    def __init__(self, build, out):
        self.build, self.out = os.path.abspath(build), os.path.abspath(out)
        self.launch = os.path.join(self.build, "bench", "launch")
        self.work = os.path.join(self.out, "work")
        # Where memoir run has its ledgers: on a disk the kernel's bookkeeping of dirty pages is measured too.
        self.ledgers = tempfile.mkdtemp(prefix="story-", dir="/dev/shm" if os.path.isdir("/dev/shm") else None)
        atexit.register(shutil.rmtree, self.ledgers)
        if not os.path.exists(self.launch):
            stop(f"{self.launch} was not built: make bench-programs")
        os.makedirs(self.work, exist_ok=True)
        self.libc = measure.loaded_file("", {}, self.build)

    def file(self, name):
        return os.path.join(self.work, name)

    def data(self, row, scale):
        directory = os.path.join(self.build, "bench", "data", str(scale))
        os.makedirs(directory, exist_ok=True)
        inputs.write(row, directory, scale)
        return lambda name: os.path.join(directory, name)

    def argv(self, row, scale):
        if row in LOOPS:
            return [os.path.join(self.build, "bench", "story_deep"), str(scale)] + LOOPS[row]
        data = self.data(row, scale)
        return {
            "sqlite3": lambda: ["sqlite3", "-batch", ":memory:", ".read " + data("sqlite.sql")],
            "python3": lambda: [PYTHON, "-S", data("python.py")],
            "git": lambda: ["git", "-C", data("git.repo"), "--no-pager", "log", "-p", "--format=%H"],
            "gcc": lambda: ["gcc", "-O1", "-S", "-o", "/dev/null", data("gcc.c")],
            "containers": lambda: [os.path.join(self.build, "bench", "containers"), str(scale)],
        }[row]()

    def tool(self, name):
        """(preload, environment, words in front of the program, signs that it has begun)"""
        ours = os.path.join(self.build, "libmemoir.so")
        ledger = {"MEMOIR_LEDGER": os.path.join(self.ledgers, "%p")}
        return {
            "glibc": lambda: ("", {}, []),
            "default": lambda: (ours, {}, []),
            "sample": lambda: (ours, {"MEMOIR_TRACE": "sample", **ledger}, []),
            "full": lambda: (ours, {"MEMOIR_TRACE": "full", **ledger}, []),
            "heaptrack": lambda: ("", {}, ["heaptrack", "-o", self.file("heaptrack")]),
            "memcheck": lambda: ("", {}, ["valgrind", "-q", "--leak-check=full", "--trace-children=yes",
                                          "--log-file=" + self.file("valgrind.%p")]),
            "lsan": lambda: (library("liblsan.so.0"), {"LSAN_OPTIONS": "fast_unwind_on_malloc=0:exitcode=0:log_path="
                                                       + self.file("lsan")}, []),
            "jemalloc": lambda: (library("libjemalloc.so.2"), {"MALLOC_CONF": "prof:true,lg_prof_sample:0,prof_final:true,"
                                                               "prof_prefix:" + self.file("jeprof")}, []),
        }[name]()

    def run(self, row, tool, scale):
        for old in self.files():
            os.unlink(old)
        preload, more, words = self.tool(tool)
        env = {**os.environ, "PYTHONMALLOC": "malloc", "GIT_CONFIG_NOSYSTEM": "1", **more}
        if row == "redis":
            command = [os.path.join(HERE, "redis.sh"), self.launch, self.file("record"), preload or self.libc, str(scale)]
        else:
            command = [self.launch, "-r", self.file("record"), "-o", self.file("out"), "-e", self.file("err"), "-t", "100"]
            command += (["-p", preload] if preload else []) + words + self.argv(row, scale)
        subprocess.run(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
        cell = self.cell(row, tool, scale)
        if tool == "full":
            cell["report"] = self.time_report()
        return cell

    def cell(self, row, tool, scale):
        record = json.loads(measure.read(self.file("record")) or measure.NO_RECORD)
        return {"row": row, "tool": tool, "scale": scale, "cpu": record["user"] + record["sys"], "wall": record["wall"],
                "rss": record["maxrss"], "status": record["status"], "disk": self.disk()}

    def time_report(self):
        """Seconds to the report of 50 sites, of the largest ledger there is."""
        found = sorted(glob.glob(os.path.join(self.ledgers, "*")), key=lambda f: os.stat(f).st_blocks)
        if not found:
            return None
        start = time.monotonic()
        done = subprocess.run([os.path.join(self.build, "memoir"), "report", "--top=50", found[-1]],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
        return time.monotonic() - start if done.returncode == 0 else None

    def files(self):
        return glob.glob(self.file("*")) + glob.glob(os.path.join(self.ledgers, "*"))

    def disk(self):
        """What the tool wrote, as far as it takes room; of several processes, the one that wrote most."""
        kept = [f for f in self.files() if os.path.basename(f) not in ("record", "out", "err")]
        return max((os.stat(f).st_blocks * 512 for f in kept), default=0)


def why_not(row, tool, bench):
    if row == "redis" and tool in ("heaptrack", "memcheck"):
        return "redis is run with its allocator replaced, which only a preload does"
    if tool in ("lsan", "jemalloc") and not bench.tool(tool)[0]:
        return "not installed"
    words = bench.tool(tool)[2]
    return f"{words[0]} is not installed" if words and not shutil.which(words[0]) else None


def rounds(rows, tools, runs):
    for n in range(runs):
        for row in rows:
            for i in range(len(tools)):
                yield n, row, tools[(i + n) % len(tools)]


def measure_all(bench, rows, tools, kind, runs, percent, until):
    path = os.path.join(bench.out, "cells.jsonl")
    done = {(c["kind"], c["round"], c["row"], c["tool"], c["scale"]) for c in load(bench.out)}
    with open(path, "a", encoding="utf-8") as f:
        for n, row, tool in rounds(rows, tools, runs):
            scale = scale_of(kind, row, percent)
            if (kind, n, row, tool, scale) in done or why_not(row, tool, bench):
                continue
            if time.monotonic() > until:
                return False
            cell = {"kind": kind, "round": n, **bench.run(row, tool, scale)}
            f.write(json.dumps(cell) + "\n")
            f.flush()
            print(f"{row} {tool}: {cell['cpu']:.3f} s, {cell['rss']} KiB, status {cell['status']}", file=sys.stderr)
    return True


def load(out):
    text = measure.read(os.path.join(out, "cells.jsonl"))
    return [json.loads(line) for line in text.splitlines()]


# ---- the report ----------------------------------------------------------------------------------------------


class Figures:
    """Medians of the runs that ended well, and of their ratios within a round."""

    def __init__(self, cells, kind, percent):
        self.values = {}
        for c in cells:
            if c["kind"] == kind and c["scale"] == scale_of(kind, c["row"], percent):
                self.values.setdefault((c["row"], c["tool"]), []).append(c)

    def good(self, row, tool):
        return [c for c in self.values.get((row, tool), []) if c["status"] == 0]

    def median(self, row, tool, what):
        good = self.good(row, tool)
        known = [c[what] for c in good if c.get(what) is not None]
        return statistics.median(known) if known else None

    def ratios(self, row, tool, what, base="glibc"):
        of_base = {c["round"]: c[what] for c in self.good(row, base)}
        return sorted(c[what] / of_base[c["round"]] for c in self.good(row, tool) if of_base.get(c["round"]))

    def ratio(self, row, tool, what, base="glibc"):
        found = self.ratios(row, tool, what, base)
        return statistics.median(found) if found else None

    def spread(self, row):
        """The widest range that the middle half of the ratios of a tool's times lie in."""
        found = [self.ratios(row, "sample", "cpu", "default"), *(self.ratios(row, t, "cpu") for t in OWN[1:])]
        return max((r[len(r) * 3 // 4] - r[len(r) // 4] for r in found if r), default=None)

    def rows(self):
        return [r for r in (*REAL, *LOOPS) if any(key[0] == r for key in self.values)]

    def failed(self, row, tool):
        bad = [c["status"] for c in self.values.get((row, tool), []) if c["status"]]
        return bad[0] if bad and not self.good(row, tool) else None


def number(value, form="{:.2f}"):
    return "" if value is None else form.format(value)


def mean(values):
    values = [v for v in values if v]
    return statistics.geometric_mean(values) if values else None


def table(head, lines):
    out = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return out + ["| " + " | ".join(line) + " |" for line in lines]


def own_table(f):
    lines = []
    for row in f.rows():
        lines.append([row, number(f.median(row, "glibc", "cpu")), *(number(f.ratio(row, t, "cpu")) for t in OWN[1:]),
                      number(f.ratio(row, "sample", "cpu", "default"), "{:.3f}"),
                      *(number(f.ratio(row, t, "rss")) for t in OWN[1:]),
                      number((f.median(row, "full", "disk") or 0) / 2**20, "{:.2f}"), number(f.median(row, "full", "report")),
                      number(f.spread(row))])
    real = [r for r in f.rows() if r in REAL]
    means = [number(mean([f.ratio(r, t, w) for r in real])) for w in ("cpu", "rss") for t in OWN[1:]]
    both = number(mean([f.ratio(r, "sample", "cpu", "default") for r in real]), "{:.3f}")
    lines.append(["**real, geometric mean**", "", *means[:3], both, *means[3:], "", "", ""])
    return table(["", "glibc, CPU s", "default", "sample", "full", "sample / default", "RSS: default", "sample", "full",
                  "ledger, MiB", "report, s", "middle half within"], lines)


def rival_cell(f, row, tool):
    if f.failed(row, tool) is not None:
        return f"status {f.failed(row, tool)}"
    cpu, rss = f.ratio(row, tool, "cpu"), f.ratio(row, tool, "rss")
    return f"{cpu:.2f} / {rss:.1f}" if cpu and rss else ""


def rival_table(f):
    return table(["", *RIVALS[1:]], [[row, *(rival_cell(f, row, t) for t in RIVALS[1:])] for row in f.rows()])


def verdicts(f):
    def line(what, value, bar):
        return f"- {what}: **{number(value, '{:.3f}')}**, at most {bar}: " + ("held" if value and value <= bar else "missed")

    real = [r for r in f.rows() if r in REAL]
    full = {r: f.ratio(r, "full", "cpu") for r in f.rows()}
    worst = max(real, key=lambda r: full[r] or 0, default=None)
    out = [line("full, geometric mean of the real programs", mean(full[r] for r in real), 1.05)]
    out += [line(f"full, the dearest of them ({worst})", full[worst], BARS["real"])] if worst else []
    out += [line(f"full, {r}", full[r], BARS[r]) for r in f.rows() if r in BARS]
    out += [line("peak RSS, full, geometric mean", mean(f.ratio(r, "full", "rss") for r in real), 1.15)]
    out += [line("sample beside default, geometric mean", mean(f.ratio(r, "sample", "cpu", "default") for r in real), 1.02)]
    out += [line("longest time to a report of 50 sites, s", max((f.median(r, "full", "report") or 0) for r in f.rows()), 0.15)]
    out += [line("largest ledger, MiB", max((f.median(r, "full", "disk") or 0) for r in f.rows()) / 2**20, 64)]
    return out


def report(out, path, percent):
    cells, machine = load(out), measure.machine()
    own, rivals = Figures(cells, "own", percent), Figures(cells, "rivals", percent)
    runs = max((len(v) for v in own.values.values()), default=0)
    if not cells:
        stop(f"nothing was measured into {out} yet: leave out --runs 0")
    text = ["# What call stacks cost", "", f"{machine['cpu']}, {machine['cores']} cores, Linux {machine['kernel']}, "
            f"{machine['libc']}. Made by bench/story.py; what is measured and how: bench/README.md.", "",
            "## The bars", "", *verdicts(own), "", "## memoir by itself, ratios to plain glibc", "",
            f"Medians of {runs} rounds, the real programs with {percent} % of their work.", "", *own_table(own), "", "## Beside it: CPU time / peak RSS as ratios to plain glibc, on a part of the work", "",
            *rival_table(rivals), ""]
    with open(path, "w", encoding="utf-8") as f:
        f.write("\n".join(text))


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("rows", nargs="*", metavar="ROW")
    p.add_argument("--build", default="build/release")
    p.add_argument("--out", default="build/release/bench/story")
    p.add_argument("--runs", type=int, default=5)
    p.add_argument("--scale", type=int, default=100, help="percent of the real programs' work (not of rivals')")
    p.add_argument("--seconds", type=float)
    p.add_argument("--rivals", action="store_true")
    p.add_argument("--tools", help="some of " + " ".join(OWN + RIVALS[2:]))
    p.add_argument("--report")
    a = p.parse_args()
    unknown = [r for r in a.rows if r not in REAL and r not in LOOPS]
    if unknown:
        stop(f"no row {unknown[0]}; they are {' '.join((*REAL, *LOOPS))}")
    if not 1 <= a.scale <= 1000:
        stop(f"--scale is a percentage from 1 to 1000, not {a.scale}")
    tools = tuple(a.tools.split()) if a.tools else RIVALS if a.rivals else OWN
    seconds = a.seconds or (1e9 if a.rivals else 600)
    whole = measure_all(Bench(a.build, a.out), a.rows or [*REAL, *LOOPS], tools, "rivals" if a.rivals else "own",
                        a.runs, a.scale, time.monotonic() + seconds)
    if a.report:
        report(a.out, a.report, a.scale)
    sys.exit(0 if whole else 75)


if __name__ == "__main__":
    main()

"""What is measured: one row per benchmark. `clock` names the time that decides: cpu (user + system) for what runs
in one thread, since it does not see other processes; wall where threads may wait for each other."""

import os
import shutil
import sys
from dataclasses import dataclass, field

import inputs

THREAD_COUNTS = (2, 8)


@dataclass
class Benchmark:
    name: str
    group: str
    argv: list
    clock: str = "cpu"
    env: dict = field(default_factory=dict)
    times: int = 1  # starts of the program in one measurement
    kind: str = "timed"  # timed: its costs are the result; probe: it prints its results as JSON
    most_runs: int = 1000
    needs: str = ""  # a program that must be installed
    timeout: int = 0  # seconds, where it takes longer than the others
    server: bool = False  # argv measures by itself and is told where to write the record
    alone: bool = False  # argv measures by itself, is told the library and prints JSON
    own_malloc: bool = False  # linked against an allocator of its own: libc is preloaded to measure glibc


MICRO = ("lifo fifo shuffle steady batches tree mid20k mid100k large regrow calloc aligned containers").split()
REALLOC = ("fresh", "used", "step", "turns", "string")
STRATEGY_ROWS = "steady regrow sqlite3 lua xsltproc".split()  # what --strategies runs unless told otherwise
THREADED = ("independent larson exchange prodcons shortlived handover sleepers sharing").split()


def own_programs(build, scale):
    prog = lambda name: os.path.join(build, "bench", name)
    rows = [Benchmark(n, "micro", [prog(n), str(scale)]) for n in MICRO]
    rows += [Benchmark("realloc-" + m, "micro", [prog("realloc"), str(scale), "1", m]) for m in REALLOC]
    for t in THREAD_COUNTS:
        rows += [Benchmark(f"{n}-{t}", f"threads-{t}", [prog(n), str(scale), str(t)], "wall") for n in THREADED]
    rows += [Benchmark(f"independent-{t}", "scaling", [prog("independent"), str(scale), str(t)]) for t in (1, 64)]
    return rows


def probes(build, scale, here, churn_seconds):
    prog = lambda name: os.path.join(build, "bench", name)
    starts = max(20, 5 * scale)
    rows = [
        Benchmark("start-true", "startup", ["/bin/true"], times=starts),
        Benchmark("start-empty", "startup", [prog("empty")], times=starts),
    ]
    rows += [Benchmark(f"latency-{t}", "latency", [prog("latency"), str(scale), str(t)], kind="probe")
             for t in (1, 2, 8)]
    burst = str(max(64, 1024 * min(scale, 100) // 100))
    rows += [Benchmark(f"idle-{t}", "idle", [prog("idle"), burst, str(t)], kind="probe", most_runs=1) for t in (1, 4)]
    rows.append(Benchmark("pair", "pair", [os.path.join(here, "pair.sh"), prog("pair")], kind="probe", most_runs=1,
                          needs="valgrind", alone=True))
    rows.append(Benchmark("locks-64", "locks", [os.path.join(here, "locks.sh"), prog("independent"), str(scale), "64"],
                          kind="probe", needs="perf", alone=True))
    if churn_seconds:
        rows.append(Benchmark("churn", "churn", [prog("churn"), str(churn_seconds)], kind="probe", most_runs=1,
                              timeout=2 * churn_seconds + 60))
    return rows


def python3():
    # A version manager's python3 is a shell script: measure the program itself.
    return "/usr/bin/python3" if os.path.exists("/usr/bin/python3") else os.path.realpath(sys.executable)


def real_programs(build, scale, here):
    data = lambda name: os.path.join(build, "bench", "data", str(scale), name)
    rows = [
        Benchmark("sqlite3", "real", ["sqlite3", "-batch", ":memory:", ".read " + data("sqlite.sql")]),
        Benchmark("redis", "real", [os.path.join(here, "redis.sh")], server=True, own_malloc=True,
                  needs="redis-server"),
        Benchmark("gcc", "real", ["gcc", "-O1", "-S", "-o", "/dev/null", data("gcc.c")]),
        Benchmark("python3", "real", [python3(), "-s", "-S", data("python.py")], env={"PYTHONMALLOC": "malloc"}),
        Benchmark("lua", "real", ["lua5.4", data("lua.lua")]),
        Benchmark("gs", "real", ["gs", "-q", "-dNOPAUSE", "-dBATCH", "-dSAFER", "-sDEVICE=pdfwrite",
                                 "-sOutputFile=/dev/null", data("gs.ps")]),
        Benchmark("z3", "real", ["z3", data("z3.smt2")]),
        Benchmark("git", "real", ["git", "-C", data("git.repo"), "log", "--numstat", "-M", "--format=%H"]),
        Benchmark("xsltproc", "real", ["xsltproc", data("xslt.xsl"), data("xslt.xml")]),
        Benchmark("perl", "real", ["perl", data("perl.pl")]),
        Benchmark("node", "real", ["node", data("node.js")]),
    ]
    for row in rows:
        row.needs = row.needs or row.argv[0]
    return rows


def everything(build, scale, here, churn_seconds):
    rows = own_programs(build, scale) + real_programs(build, scale, here) + probes(build, scale, here, churn_seconds)
    return {row.name: row for row in rows}


def why_not(row):
    """None when the benchmark can run here, else one sentence."""
    if row.needs and not shutil.which(row.needs):
        return f"{row.needs} is not installed"
    program = row.argv[0]
    if "/" in program and not os.path.exists(program):
        return f"{program} was not built"
    return None


def prepare(rows, build, scale):
    """Writes the input files of the real programs that are about to run, once per scale."""
    directory = os.path.join(build, "bench", "data", str(scale))
    os.makedirs(directory, exist_ok=True)
    for row in rows:
        if row.group == "real":
            inputs.write(row.name, directory, scale)

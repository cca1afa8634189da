"""One cell: one benchmark run once under one allocator. hyperfine holds the clock around bench/prog/launch.c, which
has the kernel's own account of the program."""

import glob
import hashlib
import json
import os
import platform
import re
import shlex
import shutil
import subprocess
from dataclasses import dataclass, field

KILLED = 128 + 9  # the status of what ran out of time

NO_RECORD = '{"status": 125, "wall": 0, "user": 0, "sys": 0, "maxrss": 0, "minor": 0, "major": 0}'

DEBIAN = {"jemalloc": "libjemalloc.so.2", "tcmalloc": "libtcmalloc_minimal.so.4", "mimalloc": "libmimalloc.so.2*"}


@dataclass
class Allocator:
    name: str
    path: str = ""  # "" is the C library's own
    env: dict = field(default_factory=dict)


def parse_allocators(text):
    """name=path[@VARIABLE=value...], comma separated."""
    found = []
    for part in filter(None, text.split(",")):
        name, sep, rest = part.partition("=")
        path, *variables = rest.split("@")
        if not sep or not name or not os.path.isfile(path):
            raise ValueError(f"BENCH_ALLOCATORS: not name=path of a library: {part}")
        if any("=" not in v for v in variables):
            raise ValueError(f"BENCH_ALLOCATORS: not VARIABLE=value: {part}")
        found.append(Allocator(name, os.path.abspath(path), dict(v.split("=", 1) for v in variables)))
    return found


def debian_peers():
    found = []
    for name, pattern in DEBIAN.items():
        paths = sorted(glob.glob(f"/usr/lib/*-linux-gnu*/{pattern}"), key=len)
        if paths:
            found.append(Allocator(name, paths[0]))
    return found


def loaded_file(path, env, build):
    """The file whose malloc a program calls that was started with this library."""
    whose = os.path.join(build, "bench", "whose")
    run = subprocess.run([whose], env={**os.environ, **env, "LD_PRELOAD": path}, capture_output=True, text=True)
    return run.stdout.strip()


def is_loaded(allocator, build):
    if not allocator.path:
        return True
    loaded = loaded_file(allocator.path, allocator.env, build)
    return bool(loaded) and os.path.realpath(loaded) == os.path.realpath(allocator.path)


class Cells:
    def __init__(self, build, scale, use_hyperfine, timeout):
        self.build, self.scale, self.timeout = build, scale, timeout
        self.launch = os.path.join(build, "bench", "launch")
        self.dir = os.path.join(build, "bench", "cell")
        self.hyperfine = use_hyperfine and shutil.which("hyperfine")
        os.makedirs(self.dir, exist_ok=True)
        self.libc = loaded_file("", {}, build)

    def file(self, name):
        return os.path.join(self.dir, name)

    def command(self, row, allocator):
        preload = allocator.path or (self.libc if row.own_malloc else "")
        if row.alone:
            return row.argv + [allocator.path]
        if row.server:
            return row.argv + [self.launch, self.file("record"), preload, str(self.scale)]
        own = [self.launch, "-r", self.file("record"), "-o", self.file("out"), "-e", self.file("err"),
               "-t", str(max(self.timeout, row.timeout)), "-n", str(row.times)]
        return own + (["-p", preload] if preload else []) + row.argv

    def clocked(self, command, env):
        """Runs the command; its wall time by hyperfine, or None where there is no hyperfine."""
        if not self.hyperfine:
            subprocess.run(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            return None
        result = self.file("hyperfine")
        subprocess.run([self.hyperfine, "--shell=none", "--runs", "1", "--style", "none", "--ignore-failure",
                        "--export-json", result, shlex.join(command)],
                       env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return json.loads(read(result) or '{"results": [{"times": [null]}]}')["results"][0]["times"][0]

    def run(self, row, allocator):
        for name in ("record", "out", "err", "hyperfine"):
            remove(self.file(name))
        env = {**os.environ, **row.env, **allocator.env}
        if row.alone:
            return self.probe_alone(row, allocator, env)
        outer = self.clocked(self.command(row, allocator), env)
        record = json.loads(read(self.file("record")) or NO_RECORD)
        return self.cell(row, record, outer)

    def probe_alone(self, row, allocator, env):
        run = subprocess.run(self.command(row, allocator), env=env, capture_output=True, text=True)
        return {"status": run.returncode, "values": parse_json(run.stdout)}

    def heap_at_peak(self, row, allocator):
        """One more run, not timed, with memoir's own report at its end: bytes in use when they were most, and bytes
        committed. Of several processes, the one that used most; None where there is no report."""
        for old in glob.glob(self.file("heap.*.json")):
            remove(old)
        env = {**os.environ, **row.env, **allocator.env, "MEMOIR_OUTPUT": self.file("heap.%p.json"),
               "MEMOIR_FORMAT": "json"}
        subprocess.run(self.command(row, allocator), env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        reports = [parse_json(read(path)) for path in glob.glob(self.file("heap.*.json"))]
        totals = [r["totals"] for r in reports if r]
        most = max(totals, key=lambda t: t["peak_bytes"], default=None)
        return {"in_use": most["peak_bytes"], "committed": most["committed_bytes"]} if most else None

    def cell(self, row, record, outer):
        """Times per start. hyperfine's wall time also holds the launcher's half millisecond, which matters where one
        run is many starts: there the launcher's own clock is taken."""
        inner = row.times > 1 or outer is None
        cell = {"wall": (record["wall"] if inner else outer) / row.times,
                "cpu": (record["user"] + record["sys"]) / row.times, "user": record["user"] / row.times,
                "sys": record["sys"] / row.times, "rss": record["maxrss"],
                "faults": (record["minor"] + record["major"]) / row.times, "major": record["major"],
                "status": record["status"]}
        if outer is not None and not row.server:
            cell["clock_gap"] = outer - record["wall"]
        out = read(self.file("out"))
        if row.kind == "probe":
            cell["values"] = parse_json(out)
        else:
            cell["sum"] = hashlib.sha256(out.encode()).hexdigest()[:16]
        mappings = re.search(r"^mappings=(\d+)$", read(self.file("err")), re.M)
        if mappings:
            cell["mappings"] = int(mappings.group(1))
        return cell


def read(path):
    try:
        with open(path, encoding="utf-8", errors="replace") as f:
            return f.read()
    except FileNotFoundError:
        return ""


def remove(path):
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass


def parse_json(text):
    try:
        return json.loads(text)
    except ValueError:
        return None


def steal_ticks():
    return int(read("/proc/stat").split("\n")[0].split()[8])


def machine():
    cpu = re.search(r"^model name\s*: (.*)$", read("/proc/cpuinfo"), re.M)
    memory = re.search(r"^MemTotal:\s*(\d+)", read("/proc/meminfo"), re.M)
    return {"cpu": cpu.group(1) if cpu else platform.machine(), "cores": os.cpu_count(),
            "memory_kib": int(memory.group(1)) if memory else 0, "kernel": platform.release(),
            "libc": " ".join(platform.libc_ver()), "load": os.getloadavg()[0],
            "huge_pages": read("/sys/kernel/mm/transparent_hugepage/enabled").strip()}

#!/usr/bin/env python3
"""large_report.py --build DIR [--units N]: what a report costs of a program with much debug information.

Makes a program of N units (50), each with 200 call sites that lose 100 blocks of 500 bytes, types and lines for 5.5 MiB
of DIEs and 1.1 MiB of line programs: 10,000 sites, a million blocks, 500 MiB of heap, 320 MiB of debug information.
Compiles one unit and copies it under other names of the same length. Prints time and peak memory of each format;
anonymous memory apart, since what is mapped of files costs nobody anything.
"""
import argparse
import os
import re
import subprocess
import tempfile
import time

SITES, ROUNDS, STRUCTS, MEMBERS, FILLERS, LINES = 200, 100, 7000, 50, 1000, 100
TYPES = ("long", "int", "char *", "double")


def unit_source():
    yield "#include <stdlib.h>\n"
    for i in range(STRUCTS):
        members = "".join(f"    {TYPES[m % 4]} member_{m:02};\n" for m in range(MEMBERS))
        yield f"struct record_uuu_{i:05} {{\n{members}}};\n"
    yield "static inline void *fresh(size_t n)\n{\n    return malloc(n);\n}\n"
    for i in range(SITES):
        yield (f"__attribute__((noinline)) void site_uuu_{i:03}(int n)\n{{\n    for (int i = 0; i < n; i++)\n"
               f"        *(void *volatile *)fresh(500 + {i % 48}) = 0;\n}}\n")
    for i in range(FILLERS):
        body = "".join(f"    p[{k % 9}] += {k};\n" for k in range(LINES))
        yield f"static __attribute__((used)) int filler_{i:03}(volatile int *p)\n{{\n{body}    return *p;\n}}\n"
    yield "void unit_uuu(int n)\n{\n" + "".join(f"    site_uuu_{i:03}(n);\n" for i in range(SITES)) + "}\n"


def make_program(units):
    with open("unit_uuu.c", "w") as f:
        f.writelines(unit_source())
    flags = ["-O1", "-g", "-fno-builtin", "-fno-eliminate-unused-debug-types"]
    subprocess.run(["gcc", "-c", *flags, "unit_uuu.c", "-o", "unit_uuu.o"], check=True)
    with open("unit_uuu.o", "rb") as f:
        unit = f.read()
    names = [f"{i:03}" for i in range(units)]
    for name in names:
        with open(f"u{name}.o", "wb") as f:
            f.write(unit.replace(b"_uuu", b"_" + name.encode()))
    with open("main.c", "w") as f:
        f.writelines(f"void unit_{name}(int);\n" for name in names)
        f.write("int main(void)\n{\n" + "".join(f"    unit_{name}({ROUNDS});\n" for name in names) + "    return 0;\n}\n")
    objects = [f"u{name}.o" for name in names]
    subprocess.run(["gcc", "-g", "main.c", *objects, "-o", "large"], check=True)
    for o in objects:
        os.unlink(o)


def measure(argv):
    """Seconds, and the peaks of the lines of /proc/PID/status that tell of memory, in MiB."""
    peaks, began = {"VmHWM": 0, "RssAnon": 0}, time.time()
    process = subprocess.Popen(argv, stdout=subprocess.DEVNULL)
    while process.poll() is None:
        try:
            with open(f"/proc/{process.pid}/status") as f:
                for key, kib in re.findall(r"(VmHWM|RssAnon):\s+(\d+)", f.read()):
                    peaks[key] = max(peaks[key], int(kib) / 1024)
        except OSError:
            break
        time.sleep(0.003)
    if process.wait() != 0:
        raise SystemExit(f"{' '.join(argv)}: exit code {process.returncode}")
    return time.time() - began, peaks


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--build", default="build/release")
    arguments.add_argument("--units", type=int, default=50)
    args = arguments.parse_args()
    memoir = os.path.abspath(os.path.join(args.build, "memoir"))
    library = os.path.abspath(os.path.join(args.build, "libmemoir.so"))
    with tempfile.TemporaryDirectory() as work:
        os.chdir(work)
        make_program(args.units)
        print(f"a program of {os.path.getsize('large') >> 20} MiB with {args.units * SITES} sites", flush=True)
        tracing = {"LD_PRELOAD": library, "MEMOIR_LEDGER": "ledger", "MEMOIR_TRACE": "full", "PATH": os.environ["PATH"]}
        subprocess.run(["./large"], check=True, env=tracing)
        print(f"{'format':12} {'seconds':>8} {'peak MiB':>9} {'anonymous':>10}")
        for name in ("text", "json", "pprof", "folded"):
            seconds, peaks = measure([memoir, "report", f"--format={name}", "--output=report", "ledger"])
            print(f"{name:12} {seconds:8.2f} {peaks['VmHWM']:9.0f} {peaks['RssAnon']:10.0f}", flush=True)


main()

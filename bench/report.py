"""results.json as Markdown: first what was to be shown, then every figure it rests on."""

import os
import statistics

import picture
from figures import Figures, geomean

TARGETS = {"micro": (0.97, 1.10), "threads-2": (0.85, 1.10), "threads-8": (0.85, 1.10), "real": (0.92, 1.10)}
GROUPS = ("micro", "threads-2", "threads-8", "real")
METRICS = (("time", "Time, s"), ("rss", "Peak RSS, MiB"), ("faults", "Page faults"), ("other", "The other clock, s"))


def number(x, metric="ratio"):
    if x is None:
        return "–"
    if metric == "rss":
        return f"{x / 1024:.1f}"
    if metric == "faults":
        return f"{x:.0f}"
    return f"{x:.2f}" if metric == "ratio" else f"{x:.3f}"


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" + "--:|" * (len(head) - 1)]
    return lines + ["| " + " | ".join(r) + " |" for r in rows] + [""]


def summary(f):
    """Ratios of the subject: below 1.00 it takes less."""
    rows = []
    for group in GROUPS + ("all",):
        names = f.timed(group)
        if not names or not f.peers:
            continue
        best, time = f.hardest_peer(names, "time")
        lean, rss = f.hardest_peer(names, "rss", without=("glibc",))
        target = f"≤ {TARGETS[group][0]:.2f}" if group in TARGETS else "–"
        rows.append([group, number(time), best, target, number(f.envelope(names, "time")), number(rss), lean,
                     number(f.ratio(names, "glibc", "rss"))])
    head = [f"{f.subject} against", "best peer: time", "which", "aim", "envelope: time", "leanest peer: RSS", "which",
            "glibc: RSS"]
    legend = (f"Below 1.00 {f.subject} takes less. Best and leanest peer: the one whose geometric mean is hardest to "
              "beat; envelope: on each benchmark the peer that is fastest there.")
    return [legend, ""] + table(head, rows) if rows else []


def pairwise(f):
    groups = [g for g in GROUPS if f.timed(g)]
    head = [f"{f.subject} against"] + [f"{g} {m}" for g in groups for m in ("time", "RSS")]
    rows = [[p] + [number(f.ratio(f.timed(g), p, m)) for g in groups for m in ("time", "rss")] for p in f.peers]
    return ["### Each peer", ""] + table(head, rows) if rows and groups else []


def bold_best(values, texts):
    known = [v for v in values if v is not None]
    return [f"**{t}**" if v is not None and v == min(known) else t for v, t in zip(values, texts)]


def figures_table(f, group, metric, title):
    rows = []
    for name in f.timed(group):
        values = [f.median(name, one, metric) for one in f.allocators]
        rows.append([name] + bold_best(values, [number(v, metric) for v in values]))
    means = [f.ratio_of(one, "glibc", f.timed(group), metric) for one in f.allocators]
    if metric != "other" and "glibc" in f.allocators:
        rows.append(["*geometric mean, glibc = 1*"] + bold_best(means, [number(m) for m in means]))
    return [f"{title}", ""] + table([group] + f.allocators, rows)


def group_section(f, group):
    if not f.timed(group):
        return []
    clock = f.benchmarks[f.timed(group)[0]]["clock"]
    lines = [f"## {group}", ""]
    for metric, title in METRICS:
        if metric == "time":
            title += f" ({'user + system' if clock == 'cpu' else 'wall'})"
        elif metric == "other":
            title = f"The other clock ({'wall' if clock == 'cpu' else 'user + system'}), s"
        lines += figures_table(f, group, metric, title)
    return lines


def outliers(f):
    lines = []
    for name in f.timed("all"):
        for metric, limit, what in (("time", 1.10, "slower than"), ("rss", 1.15, "larger than")):
            best, value = f.best_peer_on(name, metric, without=("glibc",) if metric == "rss" else ())
            ratio = f.paired(name, f.subject, best, metric) if value else None
            if ratio and ratio > limit:
                lines.append(f"- {name}: {ratio:.2f}, {what} {best}")
    if f.subject not in f.allocators:
        return []
    title = "## Outliers: time above 1.10 of the fastest, RSS above 1.15 of the leanest peer"
    return [title, ""] + (lines or ["None."]) + [""]


def mappings(f):
    names = [n for n in f.benchmarks if any("mappings" in c for cs in f.benchmarks[n]["cells"].values() for c in cs)]
    rows = []
    for name in names:
        most = lambda one: max((c.get("mappings", 0) for c in f.benchmarks[name]["cells"].get(one, [])), default=None)
        rows.append([name] + [str(most(one)) for one in f.allocators])
    return ["## Most mappings", ""] + table(["benchmark"] + f.allocators, rows) if rows else []


def startup(f):
    names = [n for n, b in f.benchmarks.items() if b["group"] == "startup"]
    rows = []
    for name in names:
        for key, what, scale in (("wall", "wall, µs", 1e6), ("cpu", "user + system, µs", 1e6),
                                 ("rss", "peak RSS, KiB", 1), ("faults", "page faults", 1)):
            values = [f.median(name, one, key) for one in f.allocators]
            rows.append([f"{name[6:]}: {what}"] + [f"{v * scale:.0f}" if v is not None else "–" for v in values])
    return ["## Start-up, per start", ""] + table(["program"] + f.allocators, rows) if rows else []


def scaling(f):
    """CPU time of the same total work: an allocator that scales shows the same figure in every row."""
    names = [n for n in ("independent-1", "independent-2", "independent-8", "independent-64") if n in f.benchmarks]
    if not any(f.benchmarks[n]["group"] == "scaling" for n in names):
        return []
    rows = [[n] + [number(f.median(n, one, "cpu"), "s") for one in f.allocators] for n in names]
    title = "## Scaling: user + system seconds of the same work in N threads"
    return [title, ""] + table(["threads"] + f.allocators, rows)


def latency(f):
    lines = []
    for name in [n for n, b in f.benchmarks.items() if b["group"] == "latency"]:
        rows = []
        for call in ("malloc", "free"):
            for p in ("p50", "p99", "p99.9", "max"):
                rows.append([f"{call} {p}"] + [number(f.probe(name, one, call, p), "faults") for one in f.allocators])
        lines += table([f"{name}, ns"] + f.allocators, rows)
    head = ["## Latency of a single call while N threads allocate", "",
            "Medians over the runs; the clock's own cost, about 20 ns, is in every figure.", ""]
    return head + lines if lines else []


def idle(f):
    lines = []
    for name in [n for n, b in f.benchmarks.items() if b["group"] == "idle"]:
        moments = ("before", "peak", "after_0", "after_1", "after_3", "after_10")
        rows = [[one] + [number(f.probe(name, one, m), "rss") for m in moments] for one in f.allocators]
        lines += table([f"{name}: RSS, MiB", "before", "peak", "freed", "1 s", "3 s", "10 s"], rows)
    return ["## Memory after a burst was freed", ""] + lines if lines else []


def churn(f):
    """The sizes of a tenth come again five tenths later: a heap that does not grow has the same RSS then."""
    if "churn" not in f.benchmarks:
        return []
    rows = []
    for one in f.allocators:
        values = f.probe("churn", one, "rss") or []
        growth = [later / earlier for earlier, later in zip(values, values[5:])]
        tenths = [number(v, "rss") for v in values] + ["–"] * (10 - len(values))
        rows.append([one] + tenths + [number(geomean(growth))])
    head = ["allocator"] + [str(i + 1) for i in range(10)] + ["second half / first"]
    return ["## A long life: RSS in MiB at each tenth", ""] + table(head, rows)


def fragmentation(f, name, one):
    heap = f.benchmarks[name].get("heaps", {}).get(one)
    return 1 - heap["in_use"] / heap["committed"] if heap else None


def strategies(f):
    names = [n for n in f.timed("all") if any(f.benchmarks[n].get("heaps", {}).values())]
    if not names:
        return []
    ours = [one for one in f.allocators if one in f.benchmarks[names[0]]["heaps"]]
    parts = [("time, s", lambda n, one: number(f.median(n, one, "time"), "time")),
             ("peak RSS, MiB", lambda n, one: number(f.median(n, one, "rss"), "rss")),
             ("fragmentation", lambda n, one: number(fragmentation(f, n, one)))]
    lines = ["## Strategies", "", "Fragmentation: 1 - most bytes in use / bytes committed, by memoir's own report.", ""]
    for what, figure in parts:
        lines += table([what] + names, [[one] + [figure(n, one) for n in names] for one in ours])
    return lines


def locks(f):
    if "locks-64" not in f.benchmarks:
        return []
    what = {"locks": "functions with a lock in their name", "largest": "the largest of them",
            "futex": "futex calls in the kernel"}
    rows = [[text] + [number(f.probe("locks-64", one, key)) for one in f.allocators] for key, text in what.items()]
    title = "## Locks: percent of the samples of independent work in 64 threads"
    return [title, ""] + table(["in"] + f.allocators, rows)


def pairs(f):
    if "pair" not in f.benchmarks:
        return []
    modes = {"small": "64 B, one live", "batch": "1000 of 48 B", "replace": "16–516 B, 4096 live",
             "page": "3000 B, one live", "big": "200 KB, one live"}
    rows = [[text] + [number(f.probe("pair", one, m), "faults") for one in f.allocators] for m, text in modes.items()]
    title = "## Instructions per malloc/free pair, loop and PLT included (callgrind)"
    return [title, ""] + table(["pair"] + f.allocators, rows)


def about_the_machine(f):
    m, settings = f.result["machine"], f.result["settings"]
    return (f"{m['cpu']}, {m['cores']} cores, {m['memory_kib'] // 1048576} GiB, Linux {m['kernel']}, {m['libc']}; "
            f"huge pages {m['huge_pages']}; load at the start {m['load']:.2f}. Revision {f.result['revision']}, "
            f"{f.result['date']}; {settings['runs']} runs each, scale {settings['scale']} %, medians.")


def noise(f):
    c, gaps = [c["cpu"] for c in f.result["calibration"]], f.clock_gaps()
    waited = [c["wall"] / c["cpu"] for c in f.result["calibration"] if c["cpu"]]
    spreads = [s for s in (f.spread(n, one) for n in f.timed("all") for one in f.allocators) if s is not None]
    lines = ["## The machine and its noise", "", about_the_machine(f), ""]
    if len(c) > 1:
        lines.append(f"- The same work without an allocator, {len(c)} times between the benchmarks: slowest / fastest "
                     f"{max(c) / min(c):.3f}, median / fastest {statistics.median(c) / min(c):.3f}.")
        lines.append(f"- It had to wait for other processes: wall / CPU time {statistics.median(waited):.2f} (median), "
                     f"{max(waited):.2f} at worst. Above 1.05 the wall times are not to be trusted.")
    if spreads:
        lines.append(f"- (slowest - fastest) / median of a benchmark's runs under one allocator: median "
                     f"{statistics.median(spreads):.3f}, worst {max(spreads):.3f}.")
    lines.append(f"- Time stolen by the host: {f.result['machine'].get('steal_ticks', 0) / 100:.1f} s.")
    if gaps:
        lines.append(f"- hyperfine's clock against the launcher's: {1e3 * statistics.median(gaps):.1f} ms more "
                     f"(median), {1e3 * max(gaps):.1f} ms at most.")
    for revision in sorted({b["revision"] for b in f.benchmarks.values() if "revision" in b}):
        names = [n for n, b in f.benchmarks.items() if b.get("revision") == revision]
        lines.append(f"- Measured at revision {revision}: {' '.join(names)}.")
    lines += [f"- Not run: {name}: {why}." for name, why in f.result["skipped"].items()]
    return lines + [f"- {text}" for text in f.faults()] + [""]


def markdown(f):
    lines = ["# Benchmarks", ""] + summary(f) + pairwise(f) + outliers(f)
    for group in GROUPS:
        lines += group_section(f, group)
    for section in (strategies, scaling, locks, mappings, startup, pairs, latency, idle, churn, noise):
        lines += section(f)
    return "\n".join(lines)


def write(result, out):
    f = Figures(result)
    os.makedirs(out or ".", exist_ok=True)
    text = markdown(f)
    with open(os.path.join(out, "results.md"), "w", encoding="utf-8") as file:
        file.write(text)
    with open(os.path.join(out, "results.svg"), "w", encoding="utf-8") as file:
        file.write(picture.draw(f, [g for g in GROUPS if f.timed(g)]))
    print("\n".join(summary(f) + noise(f)))
    print(f"results in {out}: results.json results.md results.svg")

"""Figures out of the raw cells: medians, ratios, geometric means. A run that failed counts nowhere but in faults()."""

import math
import statistics


def geomean(values):
    values = [v for v in values if v]
    return math.exp(sum(map(math.log, values)) / len(values)) if values else None


def median_ratio(ones, others):
    """Median over the rounds of one/other within a round: a stretch the machine does slowly is in both."""
    ratios = [a / b for a, b in zip(ones, others) if a and b]
    return statistics.median(ratios) if ratios else None


class Figures:
    def __init__(self, result):
        self.result = result
        self.benchmarks = result["benchmarks"]
        self.subject = result["settings"]["subject"]
        self.allocators = list(result["allocators"])
        # Variants of the subject, memoir-something, are not its peers.
        self.peers = [a for a in self.allocators if a.split("-")[0] != self.subject]
        if self.subject not in self.allocators:
            self.peers = []
        self.groups = ("micro", "threads-2", "threads-8", "real")

    def timed(self, group):
        groups = self.groups if group == "all" else (group,)
        return [n for n, b in self.benchmarks.items() if b["kind"] == "timed" and b["group"] in groups]

    def by_round(self, name, allocator, metric):
        """One figure per round, None where the run failed."""
        row = self.benchmarks[name]
        if metric == "time":
            metric = row["clock"]
        elif metric == "other":
            metric = "wall" if row["clock"] == "cpu" else "cpu"
        return [c[metric] if c["status"] == 0 else None for c in row["cells"].get(allocator, [])]

    def values(self, name, allocator, metric):
        return [v for v in self.by_round(name, allocator, metric) if v is not None]

    def median(self, name, allocator, metric):
        values = self.values(name, allocator, metric)
        return statistics.median(values) if values else None

    def probe(self, name, allocator, *keys):
        found = []
        for cell in self.benchmarks[name]["cells"].get(allocator, []):
            value = cell["values"]
            for key in keys:
                value = value.get(key) if value else None
            if cell["status"] == 0 and value is not None:
                found.append(value)
        return (statistics.median(found) if not isinstance(found[0], list) else found[0]) if found else None

    def paired(self, name, one, other, metric):
        return median_ratio(self.by_round(name, one, metric), self.by_round(name, other, metric))

    def ratio_of(self, one, other, names, metric):
        """Geometric mean of one/other over the benchmarks that both got through."""
        return geomean([self.paired(n, one, other, metric) for n in names])

    def ratio(self, names, peer, metric):
        return self.ratio_of(self.subject, peer, names, metric)

    def hardest_peer(self, names, metric, without=()):
        """The peer with the best geometric mean is the one against which the subject's ratio is largest."""
        ratios = [(p, self.ratio(names, p, metric)) for p in self.peers if p not in without]
        ratios = [(p, r) for p, r in ratios if r]
        return max(ratios, key=lambda pr: pr[1]) if ratios else ("–", None)

    def best_peer_on(self, name, metric, without=()):
        values = [(p, self.median(name, p, metric)) for p in self.peers if p not in without]
        values = [(p, v) for p, v in values if v]
        return min(values, key=lambda pv: pv[1]) if values else ("–", None)

    def envelope(self, names, metric):
        return geomean([self.paired(n, self.subject, self.best_peer_on(n, metric)[0], metric) for n in names])

    def spread(self, name, allocator):
        values = self.values(name, allocator, "time")
        middle = statistics.median(values) if len(values) > 1 else 0
        return (max(values) - min(values)) / middle if middle else None

    def clock_gaps(self):
        return [c["clock_gap"] for b in self.benchmarks.values() for cells in b["cells"].values() for c in cells
                if c["status"] == 0 and "clock_gap" in c]

    def faults(self):
        """One sentence per program that failed, and per output that was not the same under every allocator."""
        lines = []
        for name, row in self.benchmarks.items():
            for one, cells in row["cells"].items():
                bad = [c["status"] for c in cells if c["status"] != 0]
                if bad:
                    lines.append(f"{name} failed under {one}: {len(bad)} of {len(cells)} runs, status {bad[0]}.")
            sums = {one: {c["sum"] for c in cells if c["status"] == 0 and "sum" in c}
                    for one, cells in row["cells"].items()}
            expected = sums.get("glibc", set())
            for one, found in sums.items():
                if expected and found - expected:
                    lines.append(f"{name} printed something else under {one} than under glibc.")
        return lines

"""The picture: for each group one bar per allocator, time on the left and peak RSS on the right, glibc = 1."""

from xml.sax.saxutils import escape

BAR, GAP, LABEL, WIDTH, VALUE = 15, 26, 96, 250, 44
PANEL = LABEL + WIDTH + VALUE
SUBJECT, OTHER, INK, FAINT = "#2f6fb0", "#b8bec6", "#1f2328", "#d8dde3"


def text(x, y, what, size=12, anchor="start", weight="normal"):
    style = f'font-size="{size}" text-anchor="{anchor}" font-weight="{weight}" fill="{INK}"'
    return f'<text x="{x:.0f}" y="{y:.0f}" {style}>{escape(what)}</text>'


def rectangle(x, y, width, height, fill):
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" fill="{fill}"/>'


def bars(values, subject, x, y, longest):
    """One bar per (name, value); a bar beyond the longest is cut, its figure says how long it would be."""
    out = []
    for i, (name, value) in enumerate(values):
        top = y + i * (BAR + 4)
        weight = "bold" if name == subject else "normal"
        out.append(text(x + LABEL - 6, top + BAR - 3, name, anchor="end", weight=weight))
        if value is None:
            out.append(text(x + LABEL, top + BAR - 3, "did not run"))
            continue
        length = WIDTH * min(value, longest) / longest
        out.append(rectangle(x + LABEL, top, length, BAR, SUBJECT if name == subject else OTHER))
        out.append(text(x + LABEL + length + 5, top + BAR - 3, f"{value:.2f}"))
    return out


def glibc_line(x, y, height, longest):
    at = x + LABEL + WIDTH / longest
    return (f'<line x1="{at:.1f}" y1="{y - 3:.1f}" x2="{at:.1f}" y2="{y + height:.1f}" stroke="{INK}" '
            'stroke-dasharray="2 3"/>')


def draw(f, groups):
    height_of_group = len(f.allocators) * (BAR + 4)
    height = 50 + len(groups) * (height_of_group + GAP + 18)
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{2 * PANEL + 40}" height="{height}" '
           f'viewBox="0 0 {2 * PANEL + 40} {height}" font-family="system-ui, sans-serif">',
           rectangle(0, 0, 2 * PANEL + 40, height, "#ffffff"),
           text(14, 24, "Geometric means, glibc = 1: shorter is better", 15, weight="bold")]
    y = 50
    for group in groups:
        for x, metric, title in ((10, "time", "time"), (PANEL + 20, "rss", "peak RSS")):
            values = [(one, f.ratio_of(one, "glibc", f.timed(group), metric)) for one in f.allocators]
            longest = min(3.0, max([1.0] + [v for _, v in values if v])) * 1.02
            out.append(text(x + LABEL, y + 12, f"{group}: {title}", 13, weight="bold"))
            out.append(glibc_line(x, y + 20, height_of_group, longest))
            out += bars(values, f.subject, x, y + 20, longest)
        y += height_of_group + GAP + 18
    return "\n".join(out + ["</svg>", ""])

#!/usr/bin/env python3
"""Charts as SVG, of rows that `prytany bench --json` or `prytany-bench-scaling --json` printed.

    prytany bench --local --clients 1,4,16,64 --json >rows.json
    bench/plot.py curve rows.json --out curve.svg     # throughput against latency
    bench/plot.py cost rows.json --out cost.svg       # CPU per operation: each replica, the client
    prytany-bench-scaling --json | bench/plot.py scaling --out scaling.svg   # messages and bytes
    bench/plot.py --test                              # of its own arithmetic
"""
import argparse
import json
import math
import sys
from xml.sax.saxutils import escape

COLOURS = ["#1f5fa8", "#d9822b", "#3a8f4d", "#8a4fa3", "#b03a3a", "#5b6770", "#c2a500", "#2aa1a1"]
WIDTH, HEIGHT = 820, 460
LEFT, RIGHT, TOP, BOTTOM = 76, 24, 64, 110


def ticks(top):
    """Round numbers from 0 to the first at or above `top`."""
    if top <= 0:
        return [0, 1]
    power = 10 ** math.floor(math.log10(top))
    step = next(s * power / 5 for s in (1, 2, 5, 10) if s * power >= top)
    return [i * step for i in range(6)]


def decades(low, high):
    """Powers of ten around [low, high]."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    return [10.0 ** e for e in range(first, max(last, first + 1) + 1)]


def short(value):
    return f"{value:,.0f}" if value == int(value) else f"{value:g}"


class Canvas:
    """One chart's page: y from 0 at the bottom, in pixels of the plane between the margins."""

    def __init__(self, title):
        self.width, self.height = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM
        self.parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
            'font-family="sans-serif" font-size="12">',
            f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>']
        self.text(0, self.height + 40, title, "start", size=15)

    def line(self, x1, y1, x2, y2, colour="#cccccc", width=1):
        self.parts.append(f'<line x1="{LEFT + x1:.1f}" y1="{TOP + self.height - y1:.1f}" '
                          f'x2="{LEFT + x2:.1f}" y2="{TOP + self.height - y2:.1f}" '
                          f'stroke="{colour}" stroke-width="{width}"/>')

    def text(self, x, y, words, anchor="middle", size=12, turn=0):
        x, y = LEFT + x, TOP + self.height - y
        turned = f' transform="rotate({turn} {x:.1f} {y:.1f})"' if turn else ""
        self.parts.append(f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" '
                          f'font-size="{size}"{turned}>{escape(words)}</text>')

    def box(self, x, y, width, height, colour, words=""):
        self.parts.append(f'<rect x="{LEFT + x:.1f}" y="{TOP + self.height - y - height:.1f}" '
                          f'width="{width:.1f}" height="{height:.1f}" fill="{colour}">'
                          f'<title>{escape(words)}</title></rect>')

    def dot(self, x, y, colour, words=""):
        self.parts.append(f'<circle cx="{LEFT + x:.1f}" cy="{TOP + self.height - y:.1f}" r="3.5" '
                          f'fill="{colour}"><title>{escape(words)}</title></circle>')

    def legend(self, names):
        x = 0
        for i, name in enumerate(names):
            self.box(x, self.height + 12, 10, 10, COLOURS[i % len(COLOURS)])
            self.text(x + 15, self.height + 12, name, "start")
            x += 30 + 7 * len(name)

    def done(self):
        return "\n".join(self.parts + ["</svg>", ""])


def bars(title, unit, labels, series, stacked=False):
    """`series`: (name, a value for each label, or None where there is none)."""
    canvas = Canvas(title)
    columns = [[values[i] or 0 for _, values in series] for i in range(len(labels))]
    marks = ticks(max((sum(c) if stacked else max(c)) for c in columns))
    scale = canvas.height / marks[-1]
    for mark in marks:
        canvas.line(0, mark * scale, canvas.width, mark * scale)
        canvas.text(-8, mark * scale - 4, short(mark), "end")
    canvas.text(-56, canvas.height / 2, unit, turn=-90)
    slot = canvas.width / max(1, len(labels))
    for i, label in enumerate(labels):
        width = slot * 0.8 / (1 if stacked else len(series))
        below = 0
        for j, (name, values) in enumerate(series):
            if values[i] is None:
                continue
            x = i * slot + slot * 0.1 + (0 if stacked else j * width)
            height = values[i] * scale
            canvas.box(x, below, width, height, COLOURS[j % len(COLOURS)],
                       f"{label}, {name}: {values[i]:g} {unit}")
            if stacked:
                below += height
            else:
                canvas.text(x + width / 2, height + 3, short(round(values[i])), size=8)
        canvas.text((i + 0.5) * slot, -12, label, "end", size=10, turn=-28)
    canvas.legend([name for name, _ in series])
    return canvas.done()


def curves(title, x_unit, y_unit, series):
    """`series`: (name, points); y is logarithmic."""
    canvas = Canvas(title)
    points = [p for _, some in series for p in some]
    x_marks = ticks(max(x for x, _ in points))
    y_marks = decades(min(y for _, y in points), max(y for _, y in points))

    def at(x, y):
        span = math.log10(y_marks[-1] / y_marks[0])
        return (x / x_marks[-1] * canvas.width, math.log10(y / y_marks[0]) / span * canvas.height)

    for mark in x_marks:
        canvas.line(at(mark, y_marks[0])[0], 0, at(mark, y_marks[0])[0], canvas.height)
        canvas.text(at(mark, y_marks[0])[0], -16, short(mark))
    for mark in y_marks:
        canvas.line(0, at(0, mark)[1], canvas.width, at(0, mark)[1])
        canvas.text(-8, at(0, mark)[1] - 4, short(mark), "end")
    canvas.text(canvas.width / 2, -40, x_unit)
    canvas.text(-60, canvas.height / 2, y_unit, turn=-90)
    for i, (name, some) in enumerate(series):
        colour = COLOURS[i % len(COLOURS)]
        placed = [at(x, y) for x, y in some]
        for (x1, y1), (x2, y2) in zip(placed, placed[1:]):
            canvas.line(x1, y1, x2, y2, colour, 2)
        for (x, y), (px, py) in zip(some, placed):
            canvas.dot(px, py, colour, f"{name}: {x:g} {x_unit}, {y:g} {y_unit}")
    canvas.legend([name for name, _ in series])
    return canvas.done()


def measured(rows):
    return [r for r in rows if not r["workload"].startswith("floor:") and r["operations"] > 0]


def one_connection(row):
    """Rows of clients with one connection are not those of clients with all."""
    return ", one connection" if row.get("connections") == "one" else ""


def curve_of(rows):
    """A line for each workload, durability and kind of load; a point for each row."""
    series = {}
    for row in measured(rows):
        name = f"{row['workload']}, {row['durability']}{one_connection(row)}"
        for share in ("p50", "p99"):
            series.setdefault(f"{name}, {share}", []).append(
                (row["throughput_per_s"], max(1, row["latency_us"][share])))
    return curves("Throughput and latency", "operations per second", "us",
                  list(series.items()))


def replicas_of(row):
    """What each replica took, or, of rows that do not say, all of them together."""
    return row.get("replica_cpu_us_per_op") or [row["server_cpu_us_per_op"]]


def cost_of(rows):
    """A column for each row; its parts are the replicas, and the client with its load generator."""
    rows = [r for r in measured(rows) if r["server_cpu_us_per_op"] is not None]
    if not rows:
        sys.exit("no row whose processor time was measured: rows with a fault have none")
    labels = [f"{r['workload']} {r['clients']}x{r['depth']} {r['durability']}{one_connection(r)}"
              for r in rows]
    replicas = max(len(replicas_of(r)) for r in rows)
    series = [(f"replica {i}" if replicas > 1 else "replicas",
               [(replicas_of(r) + [0] * replicas)[i] for r in rows])
              for i in range(replicas)]
    series.append(("client", [r["client_cpu_us_per_op"] for r in rows]))
    return bars("Processor time of one operation", "us", labels, series, stacked=True)


def scaling_of(rows):
    """Against the number of replicas, of each network: messages and kilobytes of a request."""
    series = {}
    for row in rows:
        each = row["per_request"]
        for name, value in (("messages", each["messages"]),
                            ("KB between replicas", each["replica_bytes"] / 1000),
                            ("KB of the busiest replica", each["busiest_replica_bytes"] / 1000)):
            series.setdefault(f"{row['network']}, {name}", []).append((row["replicas"], value))
    return curves("What a request takes in groups of n", "replicas", "of a request",
                  list(series.items()))


def own_test():
    assert ticks(17014) == [0, 4000, 8000, 12000, 16000, 20000], ticks(17014)
    assert ticks(988)[-1] == 1000 and ticks(1.5)[-1] == 2 and ticks(0) == [0, 1]
    assert decades(150, 9000) == [100, 1000, 10000] and decades(10, 10) == [10, 100]
    row = {"server_cpu_us_per_op": 15, "workload": "a<b", "durability": "log", "operations": 5, "throughput_per_s": 100,
           "clients": 1, "depth": 1, "latency_us": {"p50": 200, "p99": 900},
           "replica_cpu_us_per_op": [10, 5], "client_cpu_us_per_op": 3}
    floor = {**row, "workload": "floor: x"}
    faster = {**row, "throughput_per_s": 200}
    drawn = curve_of([row, faster, floor])
    assert drawn.count("<circle") == 4 and "a&lt;b" in drawn and "floor" not in drawn
    unknown = {**row, "server_cpu_us_per_op": None, "replica_cpu_us_per_op": None}
    drawn = cost_of([row, unknown, floor])
    # Two replicas and a client, each with its square in the legend, on a white ground.
    assert drawn.count("<rect") == 1 + 3 + 3, drawn.count("<rect")
    grown = {"network": "lan", "per_request": {"messages": 2.5, "replica_bytes": 900,
                                               "busiest_replica_bytes": 700}}
    drawn = scaling_of([{**grown, "replicas": 4}, {**grown, "replicas": 31}])
    assert drawn.count("<circle") == 2 * 3 and "lan, messages: 31 replicas, 2.5" in drawn
    assert bars("t", "u", ["x", "y"], [("one", [1, None])]).count("<rect") == 1 + 1 + 1
    print("6 passed, 0 failed")
    return 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("kind", nargs="?", choices=["curve", "cost", "scaling"])
    parser.add_argument("rows", nargs="?", type=argparse.FileType(), default=sys.stdin,
                        help="one JSON object in each line (default: standard input)")
    parser.add_argument("--out", help="the SVG file (default: standard output)")
    parser.add_argument("--test", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.test:
        return own_test()
    if options.kind is None:
        parser.error("which chart: curve, cost or scaling")
    rows = [json.loads(line) for line in options.rows if line.strip()]
    if not (rows if options.kind == "scaling" else measured(rows)):
        parser.error("no rows that were measured")
    drawn = {"curve": curve_of, "cost": cost_of, "scaling": scaling_of}[options.kind](rows)
    if options.out:
        with open(options.out, "w", encoding="utf-8") as f:
            f.write(drawn)
    else:
        sys.stdout.write(drawn)
    return 0


if __name__ == "__main__":
    sys.exit(main())

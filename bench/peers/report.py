"""Rows of several rounds become one; rows of peers stand beside ours, with ratios."""
import statistics


def merged(rounds):
    """One row for each system, durability and number of clients: medians, with least and most."""
    groups = {}
    for row in rounds:
        key = (row["system"], row["durability"], row["clients"], row["depth"])
        groups.setdefault(key, []).append(row)
    rows = []
    for same in groups.values():
        row = dict(same[0])
        for name in ("throughput_per_s", "server_cpu_us_per_op", "client_cpu_us_per_op"):
            values = [r[name] for r in same if r[name] is not None]  # nobody measured it
            row[name] = round(statistics.median(values), 2) if values else None
            row[name + "_range"] = [min(values), max(values)] if values else None
        # Percentiles are never averaged: those of the round whose throughput is the median.
        same.sort(key=lambda r: r["throughput_per_s"])
        row["latency_us"] = same[(len(same) - 1) // 2]["latency_us"]
        row["errors"] = sum(r["errors"] for r in same)
        row["rounds"] = len(same)
        rows.append(row)
    return rows


def with_ratios(rows):
    """Ours divided by theirs, where durability, clients and depth are the same."""
    ours = {(r["durability"], r["clients"], r["depth"]): r for r in rows
            if r["system"].startswith("Prytany")}
    for row in rows:
        mine = ours.get((row["durability"], row["clients"], row["depth"]))
        if mine is None or mine is row:
            continue
        row["prytany_throughput_ratio"] = round(
            mine["throughput_per_s"] / max(0.1, row["throughput_per_s"]), 2)
        if None not in (mine["server_cpu_us_per_op"], row["server_cpu_us_per_op"]):
            row["prytany_server_cpu_ratio"] = round(
                mine["server_cpu_us_per_op"] / max(0.01, row["server_cpu_us_per_op"]), 2)
    return rows


def beside_sqlite(rows, name="sqlite wal full"):
    """How many rows a second ours commits for each that plain SQLite does, each on disk by itself:
    it has no clients to have many of."""
    alone = next((row for row in rows if row["system"] == name), None)
    if alone is None:
        return []
    return [f"{row['system']}, {row['clients']}x{row['depth']}, {row['durability']}: "
            f"{row['throughput_per_s'] / max(0.1, alone['throughput_per_s']):.2f} times {name}"
            for row in rows
            if row["system"].startswith("Prytany") and row["durability"] == alone["durability"]]


HEADING = ["system", "durability", "clients", "per s", "p50 us", "p99 us", "server us/op",
           "client us/op", "ours per s", "ours CPU", "errors", "guarantee"]


def cells(row):
    def ratio(name):
        return f"{row[name]:.2f}x" if name in row else ""

    def cpu(name):
        return "" if row[name] is None else f"{row[name]:.1f}"
    return [row["system"], row["durability"], f"{row['clients']}x{row['depth']}",
            f"{row['throughput_per_s']:.0f}", str(row["latency_us"]["p50"]),
            str(row["latency_us"]["p99"]), cpu("server_cpu_us_per_op"),
            cpu("client_cpu_us_per_op"), ratio("prytany_throughput_ratio"),
            ratio("prytany_server_cpu_ratio"), str(row["errors"]), row["guarantee"]]


def table(rows):
    """Markdown, which people read as it is."""
    lines = [HEADING] + [cells(row) for row in rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(HEADING))]

    def text(line):
        return "| " + " | ".join(c.ljust(w) for c, w in zip(line, widths)) + " |"

    rule = "|" + "|".join("-" * (w + 2) for w in widths) + "|"
    return "\n".join([text(HEADING), rule] + [text(line) for line in lines[1:]])

# SPDX-License-Identifier: MIT
"""One Markdown page and a few plots of the figures."""

import datetime
import os
import platform
import re
import statistics
import subprocess

from soak import drift

COLOURS = ["#1f6f8b", "#c8553d", "#588b3a", "#7a4e9c"]


def machine():
    with open("/proc/cpuinfo") as info:
        model = next((line.split(":", 1)[1].strip() for line in info if line.startswith("model name")), "?")
    with open("/proc/meminfo") as info:
        memory = int(info.readline().split()[1]) / 2**20
    return (f"{os.cpu_count()} cores of {model}, {memory:.0f} GiB, Linux {platform.release().split('-')[0]}, "
            f"{datetime.date.today().isoformat()}; sender, gateway and receiver on this one machine")


def versions():
    """Of what was measured besides repostal, as far as it is there."""
    commands = {"openssl": ["openssl", "version"], "redis": ["redis-server", "--version"],
                "node": ["node", "--version"], "libcurl": ["pkg-config", "--modversion", "libcurl"],
                "SQLite": ["pkg-config", "--modversion", "sqlite3"],
                "h2o": ["pkg-config", "--modversion", "libh2o-evloop"], "libpq": ["pkg-config", "--modversion", "libpq"]}
    found = {}
    for name, command in commands.items():
        try:
            text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        except (OSError, subprocess.CalledProcessError):
            continue
        number = re.search(r"\d+\.\d+(\.\d+)?", text)
        if number:
            found[name] = number[0]
    return ", ".join(f"{name} {number}" for name, number in found.items())


def about(quick):
    """Stays with a part's figures: parts may be measured on different days and machines."""
    return {"machine": machine(), "versions": versions(), "quick": quick}


def cell(value):
    if isinstance(value, float):
        return f"{value:,.0f}" if value >= 100 else f"{value:.2f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def table(rows):
    heads = list(rows[0])
    lines = ["| " + " | ".join(head.replace("_", " ") for head in heads) + " |",
             "|" + " --- |" * len(heads)]
    lines += ["| " + " | ".join(cell(row[head]) for head in heads) + " |" for row in rows]
    return "\n".join(lines)


def pick(rows, **wanted):
    return [row for row in rows if all(row[name] == value for name, value in wanted.items())]


def goals(figures):
    """What was wanted, what came out, whether it holds; only of the parts that ran."""
    found = []

    def goal(text, value, limit, at_least=True):
        found.append({"goal": text, "wanted": f"{'>=' if at_least else '<='} {limit:g}", "measured": value,
                      "holds": "yes" if (value >= limit) == at_least or value == limit else "NO"})

    for row in figures.get("ratios", []):
        if row["who"] == "repostal, SQLite":
            goal("rate, as a ratio to the bare libraries", row["ratio_to_bare"], 0.85)
            goal("rate, as a ratio to Express + BullMQ", row["ratio_to_bullmq"], 6)
        if row["who"] == "repostal, PostgreSQL":
            goal("rate on PostgreSQL, as a ratio to the bare libraries", row["ratio_to_bare"], 0.3)
        if row["who"] == "two repostals, PostgreSQL":
            goal("two processes on one PostgreSQL, as a ratio to one", row["ratio_to_one_on_postgresql"], 1)
    for row in pick(figures.get("backlog", []), backlog="a million waiting"):
        goal("rate with a million events waiting, as a ratio to none", row["ratio"], 0.9)
    for row in pick(figures.get("latency", []), store="SQLite", rate_per_second=1000):
        goal("99th percentile of event latency at 1,000/s, ms", row["event_p99_ms"], 10, at_least=False)
    for row in pick(figures.get("memory-huge", []), waiting=10_000_000):
        goal("resident with ten million events waiting, MiB", row["resident_mib"], 64, at_least=False)
        goal("ready again with ten million events waiting, s", row["ready_again_s"], 2, at_least=False)
        if "ready_after_kill_s" in row:
            goal("the same after kill -9, s", row["ready_after_kill_s"], 2, at_least=False)
    for row in figures.get("libh2o", [])[1:]:
        goal("rate with upstream's libh2o, as a ratio to Debian's", row["ratio"], 0.95)
    for row in figures.get("hostile", [])[1:]:
        goal(f"{row['attack']}: 99th percentile of event latency, as a ratio to none", row["ratio_of_event_p99"], 2,
             at_least=False)
        goal(f"{row['attack']}: memory held above idle, MiB", row["held_mib"], 64, at_least=False)
    if figures.get("soak"):
        for name in ("resident_mib", "descriptors", "store_mib"):
            goal(f"soak: {name}, last third as a ratio to the middle one", drift(figures["soak"], name), 1.1,
                 at_least=False)
        goal("soak: acknowledged events that did not arrive", sum(row["missing"] for row in figures["soak"]), 0,
             at_least=False)
    if figures.get("signing"):
        for name, text in (("ratio", "what RSA alone leaves room for"),
                           ("ratio_to_both", "what RSA and the rest of the work leave room for")):
            middle = statistics.median(row[name] for row in figures["signing"])
            goal(f"rate with signing, as a ratio to {text}", middle, 0.85)
    return found


def plot(path, title, unit, groups):
    """Bars; groups: label -> value."""
    width, bar, left = 760, 26, 300
    highest = max(groups.values()) or 1
    height = 50 + len(groups) * (bar + 8)
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
             f'font-family="sans-serif" font-size="13">',
             f'<rect width="{width}" height="{height}" fill="white"/>',
             f'<text x="10" y="22" font-size="15">{title} ({unit})</text>']
    for i, (label, value) in enumerate(groups.items()):
        y = 40 + i * (bar + 8)
        length = (width - left - 110) * value / highest
        parts.append(f'<text x="{left - 8}" y="{y + 18}" text-anchor="end">{label}</text>'
                     f'<rect x="{left}" y="{y}" width="{max(length, 1):.1f}" height="{bar}" '
                     f'fill="{COLOURS[i % len(COLOURS)]}"/>'
                     f'<text x="{left + length + 6:.1f}" y="{y + 18}">{cell(float(value))}</text>')
    with open(path, "w") as out:
        out.write("\n".join(parts + ["</svg>\n"]))


def curve(path, title, unit, points):
    """A line over the minutes."""
    width, height, left, bottom = 760, 260, 70, 30
    highest = max(value for _, value in points) or 1
    last = max(points[-1][0], 1)

    def place(minute, value):
        return (left + (width - left - 20) * minute / last,
                height - bottom - (height - bottom - 40) * value / highest)

    path_text = " ".join(f"{x:.1f},{y:.1f}" for x, y in (place(*point) for point in points))
    with open(path, "w") as out:
        out.write(f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
                  f'font-family="sans-serif" font-size="13">'
                  f'<rect width="{width}" height="{height}" fill="white"/>'
                  f'<text x="10" y="22" font-size="15">{title} ({unit}) over minutes</text>'
                  f'<text x="{left - 8}" y="{place(0, highest)[1] + 5:.0f}" text-anchor="end">'
                  f'{cell(float(highest))}</text>'
                  f'<text x="{left - 8}" y="{height - bottom + 5}" text-anchor="end">0</text>'
                  f'<text x="{width - 20}" y="{height - 8}" text-anchor="end">{last}</text>'
                  f'<line x1="{left}" y1="{height - bottom}" x2="{width - 20}" y2="{height - bottom}" '
                  f'stroke="#888"/><polyline points="{path_text}" fill="none" stroke="{COLOURS[0]}" '
                  f'stroke-width="2"/></svg>\n')


def plots(figures, folder):
    """The names of the files that were written."""
    drawn = []

    def draw(name, title, unit, groups):
        if groups:
            plot(os.path.join(folder, name), title, unit, groups)
            drawn.append((name, title))

    draw("ratios.svg", "Events taken, kept and delivered, 64 connections", "events a second",
         {row["who"]: row["events_per_second"] for row in figures.get("ratios", [])})
    draw("rates.svg", "Rate over connections", "events a second",
         {f"{row['store']}, {row['connections']} connections, signing {row['signing']}":
          row["events_per_second"] for row in figures.get("rates", [])})
    draw("latency.svg", "Event latency, 99th percentile", "ms",
         {f"{row['store']}, {row['rate_per_second']:,} a second": row["event_p99_ms"]
          for row in figures.get("latency", [])})
    draw("memory.svg", "Resident memory over events waiting", "MiB",
         {f"{row['waiting']:,} waiting": row["resident_mib"]
          for row in figures.get("memory", []) + figures.get("memory-huge", [])})
    draw("neighbours.svg", "A healthy target beside another one", "events a second",
         {row["neighbour"]: row["events_per_second"] for row in figures.get("neighbours", [])})
    for name, title, unit in (("resident_mib", "Soak: resident memory", "MiB"),
                              ("descriptors", "Soak: descriptors", "open"),
                              ("store_mib", "Soak: the store", "MiB"),
                              ("event_p99_ms", "Soak: event latency, 99th percentile", "ms")):
        if figures.get("soak"):
            curve(os.path.join(folder, f"soak-{name}.svg"), title, unit,
                  [(row["minute"], row[name]) for row in figures["soak"]])
            drawn.append((f"soak-{name}.svg", title))
    return drawn


def page(figures, parts, drawn):
    lines = ["# Figures", "", "Made by `tests/bench/run.sh`."]
    notes = figures.get("about", {})
    if any(note["quick"] for note in notes.values()):
        lines += ["", "**Of a quick run: it shows that the benchmarks work, not how fast anything is.**"]
    found = goals(figures)
    if found:
        lines += ["", "## Goals", "", table(found)]
    for name, part in parts.items():
        if figures.get(name):
            lines += ["", f"## {name}", "", part.__doc__.strip(), ""]
            if name in notes:
                lines += [f"{notes[name]['machine']}; {notes[name]['versions']}.", ""]
            lines += [table(figures[name])]
    lines += [""] + [f"![{title}]({name})" for name, title in drawn]
    return "\n".join(lines) + "\n"

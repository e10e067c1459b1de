# SPDX-License-Identifier: MIT
"""What README quotes of the figures: each of its rows is made here from figures.json, goals that were missed
included. tests/bench/run.sh writes the table, tests/checks.py compares it."""

import re
import statistics

BEGIN = "<!-- figures: tests/bench/run.sh writes this table -->"
END = "<!-- end of the figures -->"


def one(figures, part, **wanted):
    for row in figures[part]:
        if all(row[name] == value for name, value in wanted.items()):
            return row
    raise LookupError(f"{part} has no row with {wanted}")


def whole(value):
    return f"{value:,.0f}"


def against(value, limit, at_least=True):
    """A goal, and whether it was reached: 0.9996 is not 1, also where it is printed as 1.00."""
    reached = value >= limit if at_least else value <= limit
    return f"{'≥' if at_least else '≤'} {limit:g}{'' if reached else ': **missed**'}"


def rate_rows(figures):
    sqlite, postgres, two, bare = (one(figures, "ratios", who=who) for who in (
        "repostal, SQLite", "repostal, PostgreSQL", "two repostals, PostgreSQL", "bare libraries"))
    waiting = one(figures, "backlog", backlog="a million waiting")
    yield ("events taken, committed and delivered a second, signing off",
           f"{whole(sqlite['events_per_second'])} (rounds: {whole(sqlite['lowest'])} to {whole(sqlite['highest'])})", "")
    yield ("as a ratio to the bare libraries: libh2o, SQLite, jansson and libcurl that check nothing, find nothing again "
           f"and repeat nothing ({whole(bare['events_per_second'])} a second)",
           f"{sqlite['ratio_to_bare']:.2f}", against(sqlite["ratio_to_bare"], 0.85))
    yield ("as a ratio to Express + BullMQ + Redis", f"{sqlite['ratio_to_bullmq']:.1f}",
           against(sqlite["ratio_to_bullmq"], 6))
    yield ("on PostgreSQL, one gateway",
           f"{whole(postgres['events_per_second'])} (rounds: {whole(postgres['lowest'])} to "
           f"{whole(postgres['highest'])}); {postgres['ratio_to_bare']:.2f} of the bare libraries",
           against(postgres["ratio_to_bare"], 0.3))
    yield ("on PostgreSQL, two gateways on these two cores, as a ratio to one",
           f"{two['ratio_to_one_on_postgresql']:.3f}", against(two["ratio_to_one_on_postgresql"], 1))
    yield ("with a million events waiting for a dead target beside it, as a ratio to none", f"{waiting['ratio']:.2f}",
           against(waiting["ratio"], 0.9))


def latency_rows(figures):
    for store in ("SQLite", "PostgreSQL"):
        for rate in (1000, 5000):
            row = one(figures, "latency", store=store, rate_per_second=rate)
            goal = against(row["event_p99_ms"], 10, at_least=False) if (store, rate) == ("SQLite", 1000) else ""
            yield (f"{store}, {rate:,} a second: from when an event is due to its arrival at the receiver, median; 99th "
                   "percentile", f"{row['event_p50_ms']:.1f} ms; {row['event_p99_ms']:.1f} ms", goal)


def signing_rows(figures):
    middle = {name: statistics.median(row[name] for row in figures["signing"])
              for name in ("events_per_second", "ratio", "ratio_to_both")}
    yield ("with two RSA-2048 signatures for each envelope, a second", whole(middle["events_per_second"]), "")
    yield ("the same as a ratio to what RSA alone leaves room for on both cores", f"{middle['ratio']:.2f}",
           against(middle["ratio"], 0.85))
    yield ("the same as a ratio to what RSA and the rest of the work leave room for", f"{middle['ratio_to_both']:.2f}",
           against(middle["ratio_to_both"], 0.85))


def memory_rows(figures):
    load = figures["load-memory"][0]
    huge = one(figures, "memory-huge", waiting=10_000_000)
    yield ("resident memory, idle; at full load", f"{load['idle_mib']:.0f} MiB; {load['at_load_mib']:.0f} MiB", "")
    yield ("resident memory with ten million events waiting", f"{huge['resident_mib']:.0f} MiB",
           against(huge["resident_mib"], 64, at_least=False))
    yield ("ready again with ten million events waiting, after a stop; after `kill -9`",
           f"{huge['ready_again_s']:.2f} s; {huge['ready_after_kill_s']:.2f} s",
           against(max(huge["ready_again_s"], huge["ready_after_kill_s"]), 2, at_least=False))


def soak_rows(figures):
    rows = figures["soak"]
    missing = sum(row["missing"] for row in rows)
    yield (f"{len(rows)} minutes beside dead, slow and refusing targets, with reloads, stops and `kill -9`",
           f"{whole(sum(row['accepted'] for row in rows))} acknowledged, {missing} missing, "
           f"{sum(row['twice'] for row in rows)} twice; {min(row['resident_mib'] for row in rows):.0f} to "
           f"{max(row['resident_mib'] for row in rows):.0f} MiB", against(missing, 0, at_least=False).replace("≤ 0", "0 missing"))


def table(figures):
    lines = ["| what | figure | goal |", "| --- | --- | --- |"]
    for rows in (rate_rows, latency_rows, signing_rows, memory_rows, soak_rows):
        lines += [f"| {what} | {figure} | {goal} |" for what, figure, goal in rows(figures)]
    return "\n".join(lines)


def split(text):
    """What stands before the table, the table, and what stands after it."""
    match = re.fullmatch(rf"(.*{re.escape(BEGIN)}\n)(.*)(\n{re.escape(END)}.*)", text, re.S)
    if match is None:
        raise LookupError(f"README.md has no lines '{BEGIN}' and '{END}'")
    return match.groups()


def update(path, figures):
    with open(path, encoding="utf-8") as file:
        before, _, after = split(file.read())
    with open(path, "w", encoding="utf-8") as file:
        file.write(before + table(figures) + after)

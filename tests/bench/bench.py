# SPDX-License-Identifier: MIT
"""Runs the parts that are named, all without names, and writes results/: see README.md."""

import argparse
import json
import os
import shutil
import signal
import sys
import time

from programs import HERE  # first: it makes the tests' support modules known
import parts
import quoted
import report

RESULTS = os.path.join(HERE, "results")
README = os.path.join(HERE, "..", "..", "README.md")


def main():
    arguments = argparse.ArgumentParser(prog="tests/bench/run.sh")
    arguments.add_argument("--build", required=True, help=argparse.SUPPRESS)
    arguments.add_argument("--quick", action="store_true", help="seconds instead of minutes, and no figures")
    arguments.add_argument("--results", help="folder to write to; without it results/, and with --quick a "
                                             "folder beside the build: its figures are none")
    arguments.add_argument("part", nargs="*", help=", ".join(parts.PARTS))
    given = arguments.parse_args()
    unknown = [name for name in given.part if name not in parts.PARTS]
    if unknown:
        sys.exit(f"no such part: {unknown[0]} (there are {', '.join(parts.PARTS)})")
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))  # what was started ends
    if given.results is None:
        given.results = os.path.join(given.build, "quick") if given.quick else RESULTS
    os.makedirs(given.results, exist_ok=True)
    kept = os.path.join(given.results, "figures.json")
    figures = json.load(open(kept)) if os.path.exists(kept) else {}
    run = parts.Run(os.path.abspath(given.build), given.quick)
    try:
        for name in given.part or parts.BY_DEFAULT:
            began = time.monotonic()
            print(f"== {name}", flush=True)
            figures[name] = parts.PARTS[name](run)
            figures.setdefault("about", {})[name] = report.about(given.quick)
            print(report.table(figures[name]))
            print(f"   {time.monotonic() - began:.0f} s", flush=True)
            with open(kept, "w") as out:
                json.dump(figures, out, indent=1)
                out.write("\n")
    finally:
        run.close()
        shutil.rmtree(run.folder, ignore_errors=True)
    drawn = report.plots(figures, given.results)
    with open(os.path.join(given.results, "RESULTS.md"), "w") as out:
        out.write(report.page(figures, parts.PARTS, drawn))
    if os.path.samefile(given.results, RESULTS):
        quoted.update(README, figures)
    print(f"written: {os.path.relpath(given.results)}/RESULTS.md")


if __name__ == "__main__":
    main()

#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""coverage.py FILE: gcovr's JSON summary as a table, one line for each folder and one for all of them."""

import json
import sys
from collections import Counter
from pathlib import Path

KINDS = ("line", "branch", "function")


def percent(counts, kind):
    total = counts[f"{kind}_total"]
    return f"{100 * counts[f'{kind}_covered'] / total:9.1f} %" if total else f"{'-':>11}"


def main(path):
    folders = {}
    for file in json.loads(Path(path).read_text())["files"]:
        counts = {f"{kind}_{what}": file[f"{kind}_{what}"] for kind in KINDS for what in ("total", "covered")}
        folders.setdefault(str(Path(file["filename"]).parent), Counter()).update(counts)
    print(f"{'':26}{'lines':>8}{'covered':>11}{'branches':>11}{'functions':>11}")
    for name, counts in [*sorted(folders.items()), ("all", sum(folders.values(), Counter()))]:
        print(f"{name:26}{counts['line_total']:8}", *(percent(counts, kind) for kind in KINDS), sep="")


if __name__ == "__main__":
    main(sys.argv[1])

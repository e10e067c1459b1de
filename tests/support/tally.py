# SPDX-License-Identifier: MIT
"""Sums up JUnit files in pytest's words: tally.py SECONDS FILE..."""

import sys
from pathlib import Path
from xml.etree import ElementTree


def main(seconds, *paths):
    passed = failed = skipped = 0
    for path in map(Path, paths):
        if not path.is_file():
            continue
        for case in ElementTree.parse(path).iter("testcase"):
            if case.find("failure") is not None or case.find("error") is not None:
                failed += 1
            elif case.find("skipped") is not None:
                skipped += 1
            else:
                passed += 1
    print(f"=== {failed} failed, {passed} passed, {skipped} skipped in {seconds}s ===")


if __name__ == "__main__":
    main(*sys.argv[1:])

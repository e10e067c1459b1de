#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The long form: scenario after scenario, each with a seed of its own, until the time is up.

The program is that of the release build, or the one that REPOSTAL_BIN names.
"""

import argparse
import contextlib
import io
import os
import random
import shutil
import signal
import sys
import tempfile
import time
import traceback
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "support")]
os.environ.setdefault("REPOSTAL_BIN", str(HERE.parents[1] / "build" / "release" / "repostal"))

import preload  # noqa: E402
import scenarios  # noqa: E402, F401
from keys import SigningKey  # noqa: E402
from repostal import BINARY  # noqa: E402
from torture import SCENARIOS, Torture  # noqa: E402

SECONDS_MAX = 300
SEED_MAX = 1_000_000


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, help="of the first round; the next ones follow from it")
    parser.add_argument("--minutes", type=float, default=0, help="0: every scenario once")
    parser.add_argument("--only", action="append", metavar="NAME", help="these scenarios, or all that begin so")
    parser.add_argument("--short", action="store_true", help="as short as in the short form")
    parser.add_argument("--list", action="store_true", help="what there is")
    return parser.parse_args()


def chosen(names):
    return [found for name, found in SCENARIOS.items() if not names or name.startswith(tuple(names))]


def expire(*_):
    raise TimeoutError(f"more than {SECONDS_MAX} s")


def shortened(told):
    """Without the lines that are a part of every failure."""
    dull = '"event":"delivery.retry"', '"event":"config.warning"', '"event":"gateway.'
    return "\n".join(line for line in told.splitlines() if not any(word in line for word in dull))


def run_one(found, seed, directory, library, key, long):
    """The story of what went wrong, or None."""
    surroundings = Path(tempfile.mkdtemp(dir=directory))
    told = io.StringIO()
    signal.signal(signal.SIGALRM, expire)
    signal.alarm(SECONDS_MAX)
    try:
        with contextlib.redirect_stdout(told):
            with Torture(seed, surroundings, library, key, long) as torture:
                found.run(torture)
        shutil.rmtree(surroundings)
        return None
    except Exception:
        return f"{shortened(told.getvalue())}\n{traceback.format_exc()}\nits files: {surroundings}"
    finally:
        signal.alarm(0)


def main():
    options = arguments()
    if options.list:
        for found in SCENARIOS.values():
            print(f"{found.name:24} {' '.join(found.run.__doc__.split())}")
        return 0
    todo = chosen(options.only)
    if not todo:
        sys.exit(f"no such scenario: {', '.join(options.only)}; --list shows them")
    if not BINARY.exists():
        sys.exit(f"{BINARY} is not there: tests/run.sh build, or set REPOSTAL_BIN")
    seed = options.seed if options.seed is not None else random.randrange(SEED_MAX)
    directory = Path(tempfile.mkdtemp(prefix="repostal-torture-"))
    library = preload.build(directory)
    key = SigningKey(directory / "signing.key")
    print(f"{BINARY}: {len(todo)} scenarios from seed {seed}", flush=True)
    deadline = time.monotonic() + 60 * options.minutes
    failed = passed = 0
    while True:
        for found in todo:
            begin = time.monotonic()
            story = run_one(found, seed, directory, library, key, not options.short)
            failed += story is not None
            passed += story is None
            print(f"{'FAIL' if story else 'ok':4}  {found.name:24} seed {seed:7} {time.monotonic() - begin:6.1f} s",
                  flush=True)
            if story:
                print(f"{story}\nrepeat with: tests/torture/run.py --only {found.name} --seed {seed}"
                      f"{' --short' if options.short else ''}\n", flush=True)
            if options.minutes and time.monotonic() > deadline:
                break
        if time.monotonic() > deadline:
            break
        seed = (seed + 1) % SEED_MAX
    print(f"torture: {passed} passed, {failed} failed")
    if not failed:
        shutil.rmtree(directory)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

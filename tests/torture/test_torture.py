# SPDX-License-Identifier: MIT
"""The short form: every scenario that is quick enough, once, always with the same seed."""

import signal

import preload
import pytest
import scenarios  # noqa: F401
from keys import SigningKey
from repostal import BINARY
from torture import SCENARIOS, Torture

SEED = 1
SECONDS_MAX = 600


@pytest.fixture(scope="session")
def library(tmp_path_factory):
    if not BINARY.exists():
        pytest.exit(f"{BINARY} is not there: tests/run.sh build, or set REPOSTAL_BIN", returncode=2)
    return preload.build(tmp_path_factory.mktemp("preload"))


@pytest.fixture(scope="session")
def signing_key(tmp_path_factory):
    return SigningKey(tmp_path_factory.mktemp("key") / "signing.key")


@pytest.mark.parametrize("name", [name for name, found in SCENARIOS.items() if found.short])
def test_scenario(name, library, signing_key, tmp_path):
    def expire(*_):
        raise TimeoutError(f"{name} took more than {SECONDS_MAX} s")

    print(f"repeat with: tests/torture/run.py --only {name} --seed {SEED} --short")
    signal.signal(signal.SIGALRM, expire)
    signal.alarm(SECONDS_MAX)
    try:
        with Torture(SEED, tmp_path, library, signing_key, long=False) as torture:
            SCENARIOS[name].run(torture)
    finally:
        signal.alarm(0)

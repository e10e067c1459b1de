# SPDX-License-Identifier: MIT
"""Fixtures of the system tests: a receiver, and gateways that are checked when the test ends."""

import itertools
import signal
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

import settings  # noqa: E402
from keys import SigningKey  # noqa: E402
from postgres_fixtures import cable, database, new_pair, new_postgres, own_database, postgres  # noqa: E402, F401
from repostal import BINARY, Gateway  # noqa: E402
from receiver import Receiver  # noqa: E402

TEST_SECONDS_MAX = 600


def pytest_configure(config):
    config.addinivalue_line("markers", "heavy: takes long or much of the machine; left out of the thread "
                            "sanitizer's run")
    config.addinivalue_line("markers", "release_only: so much that only the release build is up to it")
    config.addinivalue_line("markers", "threads: exercises what threads share; the thread sanitizer's run "
                            "has these")
    config.addinivalue_line("markers", "smoke: enough to see that a build works at all")


def pytest_collection_modifyitems(items):
    """Spreads the heavy tests over the others: workers are given neighbours, and one would get them all."""
    is_heavy = [item.get_closest_marker("heavy") is not None for item in items]
    distance = is_heavy.count(False) / max(is_heavy.count(True), 1)
    heavy, light = itertools.count(), itertools.count()
    places = {item: next(heavy) * distance if hard else next(light) for item, hard in zip(items, is_heavy)}
    items.sort(key=places.get)


def pytest_sessionstart(session):
    if not BINARY.exists():
        pytest.exit(f"{BINARY} is not there: tests/run.sh build, or set REPOSTAL_BIN", returncode=2)


@pytest.fixture(autouse=True)
def time_limit():
    """A test that hangs fails, with the place where it hung."""

    def expire(*_):
        raise TimeoutError(f"the test took more than {TEST_SECONDS_MAX} s")

    signal.signal(signal.SIGALRM, expire)
    signal.alarm(TEST_SECONDS_MAX)
    yield
    signal.alarm(0)


@pytest.fixture
def receiver():
    receiver = Receiver()
    yield receiver
    receiver.close()


@pytest.fixture(scope="session")
def signing_key(tmp_path_factory):
    return SigningKey(tmp_path_factory.mktemp("key") / "signing.key")


@pytest.fixture
def new_gateway(tmp_path, receiver, signing_key):
    """A function that makes a gateway, not started: changes are those of settings.complete()."""
    gateways = []

    def make(env=None, popen=None, url=None, **changes):
        directory = tmp_path / f"gateway{len(gateways)}"
        complete = settings.complete(directory, url or receiver.url(), signing_key.path, **changes)
        gateways.append(Gateway(directory, complete, env=env, popen=popen))
        return gateways[-1]

    yield make
    problems = []
    for gateway in gateways:
        try:
            gateway.close()
        except AssertionError as problem:
            problems.append(str(problem))
    assert not problems, "\n".join(problems)


@pytest.fixture
def start_gateway(new_gateway):
    """The same, started."""
    return lambda **changes: new_gateway(**changes).start()


@pytest.fixture
def gateway(start_gateway):
    """The gateway with one source and one target that needs no further words."""
    return start_gateway()

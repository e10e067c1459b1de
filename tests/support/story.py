# SPDX-License-Identifier: MIT
"""For conftest.py: the tests of a bare machine are one story; after a failure the rest of it is not told."""

import pytest

ended = []


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    outcome = yield
    if outcome.get_result().failed and "machine" in item.fixturenames:
        ended.append(item.name)


def pytest_runtest_setup(item):
    if ended and "machine" in item.fixturenames:
        pytest.skip(f"begins where {ended[0]} ended, which failed")

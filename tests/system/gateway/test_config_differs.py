# SPDX-License-Identifier: MIT
"""Gateways on one database that are configured differently say so, without telling their secrets."""

import pytest
from keys import SigningKey
from reloads import reload
from settings import source, target
from waiting import wait_until

MISMATCH = "store_config_mismatch"


def lines(gateway):
    return [line["event"] for line in gateway.log() if line["event"].startswith("store.config_")]


def marks(database):
    return set(database.execute("SELECT config FROM repostal.instance").split())


@pytest.fixture
def pair(new_pair, database):
    """Ports, log and secrets differ, and that is no difference."""
    first, second = new_pair(database)
    reload(second, log={"format": "json", "level": "debug"}, sources=[source(auth={"token": "another"})])
    for gateway in (first, second):
        gateway.wait_metric(MISMATCH, 0)
    wait_until(lambda: len(marks(database)) == 1, "both say the same")
    assert lines(first) == lines(second) == []
    return first, second


@pytest.mark.parametrize("difference", ["target", "translation", "egress", "key"])
def test_a_difference_is_said_once_and_so_is_its_end(pair, receiver, tmp_path, difference):
    first, second = pair
    changes = {
        "target": {"targets": [target("app", receiver.url(), rate="1/s")]},
        "translation": {"translate": {"dropped": "MessageHeld"}},
        "egress": {"egress": {"deny": []}},
        "key": {"signing": {"keys": [str(SigningKey(tmp_path / "other.key").path)]}},
    }[difference]
    before = second.settings
    reload(second, **changes)
    for gateway in pair:
        gateway.wait_metric(MISMATCH, 1)
        wait_until(lambda: lines(gateway) == ["store.config_differs"], "a warning")
    assert first.log("store.config_differs")[0]["level"] == "warn"
    second.configure(before)
    reload(second)
    for gateway in pair:
        gateway.wait_metric(MISMATCH, 0)
        wait_until(lambda: lines(gateway) == ["store.config_differs", "store.config_agrees"], "its end")


def test_who_has_gone_differs_no_more(pair, receiver):
    first, second = pair
    reload(second, targets=[target("app", receiver.url()), target("other", receiver.url())])
    first.wait_metric(MISMATCH, 1)
    second.stop()
    first.wait_metric(MISMATCH, 0)


def test_another_release_is_not_compared(new_gateway, database):
    """It knows other settings; one before this does not say anything."""
    gateway = new_gateway(store=database.store()).start()
    wait_until(lambda: len(marks(database)) == 1, "it says its mark")
    database.execute("INSERT INTO repostal.instance (number, alive_until, config)"
                     " SELECT 1000000 + n, now() + '1 hour', CASE n WHEN 1 THEN 0 WHEN 2 THEN"
                     " (SELECT config # (1::bigint << 50) FROM repostal.instance) ELSE"
                     " (SELECT config # (1::bigint << 40) FROM repostal.instance) END FROM generate_series(1, 3) AS n")
    gateway.wait_metric(MISMATCH, 1)
    database.execute("DELETE FROM repostal.instance WHERE number = 1000003")
    gateway.wait_metric(MISMATCH, 0)

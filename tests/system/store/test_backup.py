# SPDX-License-Identifier: MIT
"""repostal store backup: a copy of the store while it is in use, and a gateway that starts with it."""

import os
import shutil
import signal
import sqlite3
import stat
import subprocess
import threading

import events
import pytest
from receiver import Reply
from repostal import BINARY, run
from settings import target
from waiting import PATIENCE_S, wait_until

ROWS = 20_000  # of a store that takes a moment to copy


def store_path(gateway):
    return gateway.directory / "repostal.db"


def files_of(copy):
    """What a backup has left there, under whatever name."""
    return [name for name in os.listdir(copy.parent) if name.startswith(copy.name)]


def backup(gateway, path):
    """The summary, as {label: number}."""
    result = run("store", "backup", "-c", gateway.config_path, path)
    assert (result.returncode, result.stderr) == (0, ""), result
    return {line.split()[0]: int(line.split()[1]) for line in result.stdout.splitlines()}


def refused(gateway, path, code=1):
    result = run("store", "backup", "-c", gateway.config_path, path)
    assert (result.returncode, result.stdout) == (code, ""), result
    return result.stderr


class Load:
    """Posts events until it is stopped, and knows which were acknowledged."""

    def __init__(self, gateway):
        self.acknowledged = []
        self._gateway = gateway
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        with self._gateway.client() as client:
            while not self._is_over.is_set():
                event = events.delivered(id=f"load{len(self.acknowledged)}@x")
                assert client.post(event).result == "accepted"
                self.acknowledged.append(event["id"])

    def wait(self, count):
        wait_until(lambda: len(self.acknowledged) >= count, f"{count} are acknowledged")

    def stop(self):
        self._is_over.set()
        self._thread.join(PATIENCE_S)
        assert not self._thread.is_alive()


def delivered_ids(receiver, since=0):
    return {envelope["payload"]["message"]["message_id"] for envelope in receiver.envelopes()[since:]}


@pytest.fixture
def waiting(new_gateway, receiver):
    """A gateway whose receiver takes nothing for now."""
    receiver.answer("/postal", Reply(503))
    return new_gateway(targets=[target("app", receiver.url(), retry=["1s"] * 60)]).start()


@pytest.mark.parametrize("is_log_left", [True, False], ids=["beside-the-old-log", "alone"])
def test_restored_after_a_crash(waiting, receiver, tmp_path, is_log_left):
    load = Load(waiting)
    load.wait(200)
    before = set(load.acknowledged)
    assert backup(waiting, tmp_path / "copy.db")["open"] >= len(before)
    load.wait(len(before) + 100)
    load.stop()
    waiting.kill9()
    path = store_path(waiting)
    assert os.path.getsize(f"{path}-wal") > 0, "a crash leaves it"
    for suffix in () if is_log_left else ("-wal", "-shm"):
        os.unlink(f"{path}{suffix}")
    shutil.copyfile(tmp_path / "copy.db", path)
    seen = len(receiver.requests())
    receiver.answer("/postal", Reply(200))
    waiting.start()
    waiting.wait_idle()
    assert before <= delivered_ids(receiver, seen)
    # From then on it is a store like any other: what it acknowledges survives the next crash.
    assert waiting.post(events.delivered(id="after@x")).result == "accepted"
    waiting.kill9()
    waiting.start()
    assert waiting.post(events.delivered(id="after@x")).result == "duplicate"
    backup(waiting, tmp_path / "again.db")


def test_without_a_gateway(waiting, tmp_path):
    for number in range(3):
        waiting.post(events.delivered(id=f"m{number}@x"))
    waiting.post({"event": "frobnicated", "id": "x"})
    waiting.kill9()  # a part of the store is in its log only
    copy = tmp_path / "copy.db"
    summary = backup(waiting, copy)
    assert summary == {"bytes": copy.stat().st_size, "open": 3, "dead": 0, "quarantined": 1}
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    assert files_of(copy) == ["copy.db"]
    with sqlite3.connect(f"file:{copy}?immutable=1", uri=True) as db:
        assert db.execute("SELECT count(*) FROM event").fetchone() == (3,)
    db.close()
    waiting.configure(waiting.settings | {"store": {"path": str(copy)}})
    listed = run("queue", "list", "-c", waiting.config_path)
    assert listed.returncode == 0 and len(listed.stdout.splitlines()) == 4, "it can be looked at where it lies"


def test_it_appears_whole_or_not_at_all(waiting, tmp_path):
    """Interrupted and killed at many moments: under the wanted name there is nothing, or a store that is whole."""
    waiting.stop()
    with sqlite3.connect(store_path(waiting)) as db:
        db.execute("CREATE TABLE filler (data)")
        db.executemany("INSERT INTO filler VALUES (zeroblob(2000))", [()] * ROWS)
    db.close()
    folder = tmp_path / "copies"
    folder.mkdir()
    ends = set()
    for number, milliseconds in enumerate(range(0, 400, 20)):
        copy = folder / f"copy{number}.db"
        is_killed = number % 2 == 0
        process = subprocess.Popen([BINARY, "store", "backup", "-c", waiting.config_path, copy],
                                   stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        try:
            process.wait(milliseconds / 1000)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL if is_killed else signal.SIGINT)
        error = process.communicate()[1].decode()
        ends.add(process.returncode)
        assert copy.exists() == (process.returncode == 0) or is_killed
        if copy.exists():
            with sqlite3.connect(f"file:{copy}?immutable=1", uri=True) as db:
                assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
                assert db.execute("SELECT count(*) FROM filler").fetchone() == (ROWS,)
            db.close()
            copy.unlink()
        elif process.returncode == 1:
            assert error == f"repostal store: interrupted: '{copy}' was not written\n"
        if not is_killed:
            assert files_of(copy) == []
    assert ends & {1, -signal.SIGKILL, -signal.SIGINT}, "at least one was cut short"


def test_a_damaged_store_gives_no_copy(waiting, tmp_path):
    for number in range(50):
        waiting.post(events.delivered(id=f"m{number}@x"))
    waiting.stop()
    with sqlite3.connect(store_path(waiting)) as db:
        db.execute("PRAGMA writable_schema = ON")
        db.execute("UPDATE sqlite_schema SET sql = replace(sql, 'retrying', 'retryinx') WHERE name = 'target'")
        page, = db.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'delivery'").fetchone()
    db.close()
    with open(store_path(waiting), "r+b") as file:
        file.seek((page - 1) * 4096 + 100)
        file.write(b"\xff" * 3000)
    copy = tmp_path / "copy.db"
    assert "is damaged" in refused(waiting, copy)
    assert files_of(copy) == []


def test_nothing_is_overwritten(gateway, tmp_path):
    present = tmp_path / "present.db"
    present.write_text("mine")
    dangling = tmp_path / "dangling.db"
    dangling.symlink_to("nowhere.db")
    for path in (present, dangling, tmp_path, store_path(gateway)):
        assert f"'{path}' exists already" in refused(gateway, path)
    assert present.read_text() == "mine" and not (tmp_path / "nowhere.db").exists()


def test_what_cannot_be_written(gateway, tmp_path):
    assert "No such file or directory" in refused(gateway, tmp_path / "missing" / "copy.db")


def test_a_full_disk(gateway, tmp_path):
    command = f"ulimit -f 1; trap '' XFSZ; exec {BINARY} store backup -c {gateway.config_path} {tmp_path}/copy.db"
    result = subprocess.run(["bash", "-c", command], capture_output=True, text=True)
    assert (result.returncode, result.stdout) == (1, ""), result
    assert result.stderr.startswith("repostal store: cannot copy store ") and "copy.db" in result.stderr
    assert files_of(tmp_path / "copy.db") == []


def test_no_store(new_gateway, tmp_path):
    gateway = new_gateway()
    assert "No such file or directory" in refused(gateway, tmp_path / "copy.db")
    store_path(gateway).write_bytes(b"")
    assert "is empty: repostal has not run with it yet" in refused(gateway, tmp_path / "copy.db")
    store_path(gateway).write_text("not a store" * 100)
    assert "is not a repostal store" in refused(gateway, tmp_path / "copy.db")
    assert not (tmp_path / "copy.db").exists()


def test_postgresql_has_pg_dump(new_gateway, tmp_path):
    gateway = new_gateway(store={"backend": "postgresql", "dsn": "host=/nonexistent", "path": None})
    assert "pg_dump" in refused(gateway, tmp_path / "copy.db")
    assert not (tmp_path / "copy.db").exists()


def test_a_reader_beside_an_old_log_says_what_to_do(waiting, tmp_path):
    waiting.post(events.delivered())
    backup(waiting, tmp_path / "copy.db")
    waiting.post(events.delivered())
    waiting.kill9()
    shutil.copyfile(tmp_path / "copy.db", store_path(waiting))
    result = run("queue", "list", "-c", waiting.config_path)
    assert result.returncode == 1 and "start repostal once" in result.stderr, result


@pytest.mark.parametrize("arguments, text", [
    (["backup"], "PATH is missing"), (["backup", ""], "PATH is missing"),
    (["backup", "a", "b"], "unexpected argument 'b'"), (["backup", "a", "--from", "b"], "--from is for copy only"),
])
def test_usage(arguments, text):
    result = run("store", *arguments)
    assert (result.returncode, result.stdout) == (2, "")
    assert text in result.stderr

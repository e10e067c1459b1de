# SPDX-License-Identifier: MIT
"""repostal status: one screen about the gateway, and an exit code that scripts can use."""

import json
import os
import pty
import re
import signal
import subprocess
import termios

import events
import pytest
import settings
from offline import without_note
from receiver import Reply
from repostal import BINARY, run
from settings import target
from waiting import wait_until


class Status:
    """The command, told the port that the system chose."""

    def __init__(self, gateway):
        self.path = gateway.directory / "status.conf"
        complete = gateway.settings | {"admin": gateway.settings["admin"] | {"port": gateway.admin_port}}
        self.path.write_text(settings.render(complete))

    def run(self, *arguments):
        return run("status", "-c", self.path, *arguments)

    def text(self, code=0):
        result = self.run()
        assert (result.returncode, without_note(result.stderr)) == (code, ""), result
        return result.stdout

    def json(self, code=0):
        result = self.run("--json")
        assert (result.returncode, without_note(result.stderr)) == (code, ""), result
        assert result.stdout.count("\n") == 1
        return json.loads(result.stdout)


def row(text, name="app"):
    """{title: cell} of a target's line."""
    head, line = (re.search(rf"^{word} .*$", text, re.M)[0] for word in ("TARGET", name))
    return dict(zip(head.split(), re.split(r" {2,}", line)))


def test_a_gateway_that_is_well(gateway):
    status = Status(gateway)
    text = status.text()
    assert re.search(r"^repostal    \d+\.\d+\.\d+, runs since \S+.* \(\d+s\)$", text, re.M)
    assert re.search(r"^Reload      none since the start$", text, re.M)
    assert re.search(r"^Ready       yes$", text, re.M)
    assert str(gateway.directory / "repostal.db") in text
    assert row(text) == {"TARGET": "app", "STATE": "active", "RATE": "0/min", "BACKLOG": "0", "DEAD": "0",
                         "OLDEST": "0s", "NEXT": "-"}
    stats = status.json()
    assert (stats["ready"], stats["reasons"], stats["reload"]) == (True, [], None)
    assert stats["store"] == {"backend": "sqlite", "path": str(gateway.directory / "repostal.db"), "changed": None,
                              "gateways": None}


def test_the_rate_is_of_the_last_minute(gateway):
    for _ in range(5):
        gateway.post(events.delivered())
    gateway.wait_idle()
    status = Status(gateway)
    wait_until(lambda: status.json()["targets"][0]["last_minute"] == {"attempts": 5, "delivered": 5},
               "the second in which they went is over")
    assert row(status.text())["RATE"] == "5/min"


def test_a_target_that_fails_says_why(start_gateway, receiver):
    receiver.answer("/postal", Reply(503))
    gateway = start_gateway(targets=[target("app", receiver.url(), retry=["1h"])])
    gateway.post(events.delivered())
    gateway.wait_metric("queue_depth", 1, target="app", state="waiting")
    text = Status(gateway).text()
    shown = row(text)
    assert (shown["BACKLOG"], shown["RATE"]) == ("1", "0/min")
    assert re.search(r"^app: last failure \d+s ago: .*503", text, re.M), text


def test_reloads(gateway):
    status = Status(gateway)
    gateway.signal(signal.SIGHUP)
    wait_until(lambda: gateway.log("gateway.reloaded"), "it has reloaded")
    reload = status.json()["reload"]
    assert (reload["result"], reload["error"]) == ("ok", None)
    assert re.search(r"^Reload      .* \(\d+s ago\): ok$", status.text(), re.M)
    gateway.config_path.write_text("listen: { prot = 1; };\n")
    gateway.signal(signal.SIGHUP)
    wait_until(lambda: gateway.log("gateway.reload_failed"), "it has refused")
    reload = status.json()["reload"]
    assert reload["result"] == "failed" and "prot" in reload["error"]
    assert re.search(r"^Reload      .* ago\): failed, the configuration of before is at work: ", status.text(), re.M)


def test_not_ready_is_1(start_gateway, receiver):
    receiver.answer("/postal", Reply(503))
    gateway = start_gateway(store={"max_backlog": 1}, targets=[target("app", receiver.url(), retry=["1h"])])
    gateway.post(events.delivered())
    wait_until(lambda: gateway.admin("/readyz").status == 503, "the backlog is full")
    status = Status(gateway)
    assert re.search(r"^Ready       no: .*backlog", status.text(code=1), re.M)
    assert status.json(code=1)["reasons"]


def test_no_gateway_is_1(gateway):
    status = Status(gateway)
    gateway.stop()
    text = status.text(code=1)
    assert re.search(rf"^repostal    does not run \(nobody answers at 127\.0\.0\.1, port {gateway.admin_port}\)$",
                     text, re.M)
    assert row(text) == {"TARGET": "app", "STATE": "-", "RATE": "-", "BACKLOG": "0", "DEAD": "0", "OLDEST": "0s",
                         "NEXT": "-"}
    stats = status.json(code=1)
    assert stats["ready"] is stats["started"] is stats["uptime_seconds"] is None
    assert stats["store"]["changed"]


def test_without_a_gateway_the_numbers_are_of_the_database(new_gateway, database, receiver):
    """A SQLite file that lies where the default path is has nothing to do with it."""
    gateway = new_gateway(store=database.store()).start()
    gateway.post({"event": "frobnicated", "id": "x"})
    status = Status(gateway)
    live = status.json()
    gateway.stop()
    stats = status.json(code=1)
    assert stats["quarantined"] == live["quarantined"] == 1
    assert stats["store_bytes"] > 0
    assert stats["store"] == {"backend": "postgresql", "path": None, "changed": None, "gateways": 0}
    assert "PostgreSQL" in status.run().stderr


def test_a_terminal_of_80_columns(start_gateway, receiver):
    receiver.answer("/postal", Reply(503, body=b"word " * 60))
    gateway = start_gateway(targets=[target("a-target-with-quite-a-long-name-indeed", receiver.url(), retry=["1h"])])
    gateway.post(events.delivered())
    name = "a-target-with-quite-a-long-name-indeed"
    gateway.wait_metric("queue_depth", 1, target=name, state="waiting")
    status = Status(gateway)
    for command in (["status"], ["target", "list"], ["queue", "stats"]):
        controller, terminal = pty.openpty()
        termios.tcsetwinsize(terminal, (24, 80))
        process = subprocess.Popen([BINARY, *command, "-c", status.path], stdout=terminal, stderr=terminal)
        os.close(terminal)
        text = b""
        try:
            while data := os.read(controller, 65536):
                text += data
        except OSError:  # the other side was closed
            pass
        os.close(controller)
        assert process.wait() == 0
        for line in text.decode().splitlines():
            # A path is not broken.
            assert len(line) <= 80 or str(gateway.directory) in line, (command, line)


@pytest.mark.parametrize("arguments, code, text", [
    (["surplus"], 2, "unexpected argument 'surplus'"), (["--frobnicate"], 2, "--frobnicate"),
    (["-c", "/nonexistent"], 78, "/nonexistent"),
])
def test_usage(arguments, code, text):
    result = run("status", *arguments)
    assert (result.returncode, result.stdout) == (code, "")
    assert text in result.stderr

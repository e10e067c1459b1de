# SPDX-License-Identifier: MIT
"""A hundred thousand dead events, replayed while new ones arrive. Against the release build only."""

import re
import signal
import subprocess

import pytest

import events
from control import Control
from repostal import BINARY, run
from settings import PATH, TOKEN, target
from waiting import wait_until

pytestmark = pytest.mark.release_only

COUNT = 100_000


class Listener:
    """repostal listen, faster than a receiver in Python. It can be started again with other answers."""

    def __init__(self, port=0, answer=200):
        self.process = subprocess.Popen([BINARY, "listen", "-p", str(port), "--quiet", "--answer", str(answer)],
                                        stdout=subprocess.PIPE, text=True)
        first = self.process.stdout.readline()
        self.url = first.removeprefix("listening on ").strip()
        self.port = int(self.url.rstrip("/").rpartition(":")[2])

    def stop(self):
        """What it counted, by name."""
        self.process.send_signal(signal.SIGTERM)
        output, _ = self.process.communicate(timeout=30)
        return {name: int(number) for name, number in re.findall(r"(\w+)=(\d+)\b", output.splitlines()[-1])}


def test_a_hundred_thousand_dead_events_are_replayed(start_gateway, receiver):
    refusing = Listener(answer=500)
    gateway = start_gateway(targets=[
        target("app", refusing.url, retry=[], concurrency=64, events=["MessageSent", "MessageDelayed",
                                                                      "MessageDeliveryFailed"]),
        target("other", receiver.url("/other"), sources=["bizmail"], events=["MessageHeld"])],
        translate={"dropped": "MessageHeld"}, signing=None)  # two signatures each would be most of the test
    sent = run("trigger", "-n", COUNT, "--concurrency", 64, "--kind", "delivered", "--token", TOKEN,
               f"http://127.0.0.1:{gateway.port}{PATH}", timeout=120)
    assert sent.returncode == 0, sent.stderr
    gateway.wait_metric("queue_depth", COUNT, timeout=120, target="app", state="dead")
    assert refusing.stop()["requests"] == COUNT

    healed = Listener(port=refusing.port)
    control = Control(gateway)
    terminal = control.start("queue", "retry", "--target", "app", "--state", "dead", "--rate", "20000/s", "--yes")
    posted = 0
    while terminal.process.poll() is None:  # the other target and the senders notice nothing of it
        assert gateway.post(events.drop()).result == "accepted"
        posted += 1
    assert terminal.end() == 0
    assert f"{COUNT} changed" in terminal.text
    steps = [int(step) for step in re.findall(rf"(\d+) of {COUNT}", terminal.text)]
    assert len(set(steps)) > 5 and steps == sorted(steps)
    assert posted > 5, "they did not wait for the end of the job"
    wait_until(lambda: gateway.metric("deliveries_total", target="app", outcome="delivered") == COUNT,
               "all are delivered", timeout=120)
    counted = healed.stop()
    assert (counted["requests"], counted["distinct"], counted["duplicates"]) == (COUNT, COUNT, 0)

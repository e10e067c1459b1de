# SPDX-License-Identifier: MIT
"""The log: nobody who reads it, or causes lines of it, holds the gateway; nothing is left out silently."""

import json
import os
import re
import select
import threading

import events
import pytest
from receiver import Reply
from settings import target
from waiting import wait_until

LINES_PER_S = 10  # of one kind and subject


def suppressed(gateway, of, **labels):
    """How many lines of a kind the summaries tell of."""
    lines = gateway.log("log.suppressed", of=of, reason="limit", **labels)
    return sum(line["lines"] for line in lines)


def wait_told(gateway, of, count, **labels):
    """Written lines and those that the summaries tell of are all that there were, while it runs."""
    def is_complete():
        return len(gateway.log(of, **labels)) + suppressed(gateway, of, **labels) == count

    wait_until(is_complete, f"{count} lines of {of} are written or told")
    assert gateway.log(of, **labels), "some are written"


# -- limits -----------------------------------------------------------------------------------------


def test_every_dead_letter_is_logged_or_told(start_gateway, receiver):
    receiver.answer("/postal", Reply(500))
    targets = [target("app", receiver.url(), retry=["10ms"]),
               target("other", receiver.url("/other"), retry=["10ms"])]
    gateway = start_gateway(targets=targets)
    gateway.post_all([events.delivered() for _ in range(300)])
    wait_told(gateway, "delivery.dead", 300, target="app")
    wait_told(gateway, "delivery.retry", 300, target="app")
    assert not gateway.log(target="other"), "each target has its own"
    assert gateway.metric("log_lines_suppressed_total") == \
        suppressed(gateway, "delivery.dead") + suppressed(gateway, "delivery.retry")


def test_a_flood_of_bad_events(start_gateway):
    gateway = start_gateway()
    gateway.post_all([{"event": "opened", "id": str(n)} for n in range(200)])
    wait_told(gateway, "event.quarantined", 200, source="bizmail")


def test_a_flood_of_admin_requests(start_gateway):
    gateway = start_gateway()
    for n in range(100):
        gateway.admin(f"/api/v1/targets/nope{n}/pause", method="POST")
    wait_told(gateway, "admin.request", 100)


# -- whoever reads it -------------------------------------------------------------------------------


class LogPipe:
    """Standard error of a gateway as a pipe, which is copied to its log file while somebody reads."""

    def __init__(self):
        self.reader, self.writer = os.pipe()
        self.thread = None

    def follow(self, path):
        self.is_held = threading.Event()
        self.thread = threading.Thread(target=self._copy, args=(path,))
        self.thread.start()

    def _copy(self, path):
        while not self.is_held.is_set():
            if select.select([self.reader], [], [], 0.05)[0]:
                with open(path, "ab") as log:
                    log.write(os.read(self.reader, 65536))

    def hold(self):
        """Nobody reads any more, and there is room for nothing."""
        self.is_held.set()
        self.thread.join()
        os.set_blocking(self.writer, False)  # for the gateway too: it is one open file
        try:
            while True:
                os.write(self.writer, b"\n" * 4096)
        except BlockingIOError:
            pass
        try:
            while True:
                os.write(self.writer, b"\n")
        except BlockingIOError:
            pass
        os.set_blocking(self.writer, True)

    def close(self):
        self.is_held.set()
        self.thread.join()
        os.close(self.reader)
        os.close(self.writer)


@pytest.fixture
def piped_gateway(new_gateway):
    """A function that starts a gateway whose log goes through a pipe: (gateway, pipe)."""
    pipes = []

    def start(**changes):
        pipe = LogPipe()
        pipes.append(pipe)
        gateway = new_gateway(popen={"stderr": pipe.writer}, **changes)
        pipe.follow(gateway.log_path)
        return gateway.start(), pipe

    yield start
    for pipe in pipes:
        pipe.close()


def test_a_log_that_nobody_reads_holds_nothing(piped_gateway, receiver):
    receiver.answer("/bad", Reply(500))
    gateway, pipe = piped_gateway(targets=[target("app", receiver.url("/postal")),
                                           target("bad", receiver.url("/bad"), retry=["10ms"])])
    pipe.hold()
    good = [events.delivered() for _ in range(300)]
    answers = gateway.post_all([event for one in good for event in (one, {"event": "opened"})])
    assert [answer.result for answer in answers] == ["accepted", "quarantined"] * 300
    for n in range(50):
        assert gateway.admin(f"/api/v1/targets/nope{n}/pause", method="POST").status == 404
    gateway.wait_metric("deliveries_total", 300, target="app", outcome="delivered")
    gateway.wait_metric("deliveries_total", 300, target="bad", outcome="dead")
    gateway.wait_metric("events_quarantined_total", 300)
    assert gateway.stop() == 0


def test_what_a_late_reader_missed_is_told(piped_gateway, receiver):
    receiver.answer("/postal", Reply(500))
    gateway, pipe = piped_gateway(
        targets=[target(f"app{n}", receiver.url("/postal"), retry=["10ms"]) for n in range(100)])
    pipe.hold()
    gateway.post_all([events.delivered() for _ in range(10)])
    gateway.wait_metric("deliveries_total", 1000, outcome="dead")
    assert gateway.metric("log_lines_suppressed_total") > 0
    pipe.follow(gateway.log_path)
    (told,) = wait_until(lambda: gateway.log("log.suppressed", reason="queue_full"), "the gap is told")
    assert told["lines"] > 0
    assert gateway.stop() == 0
    wait_until(lambda: gateway.log("gateway.stopped"), "the log goes on after the gap, to the last line")


# -- the journal ------------------------------------------------------------------------------------


PRIORITY = re.compile(r"<[0-7]>")


@pytest.mark.parametrize("form", ["text", "json"])
def test_the_journal_is_told_priorities(tmp_path, new_gateway, form):
    """JOURNAL_STREAM names the very file that standard error is."""
    path = tmp_path / "journal"
    with open(path, "ab") as journal:
        is_ = os.fstat(journal.fileno())
        gateway = new_gateway(popen={"stderr": journal}, log={"format": form},
                              env={"JOURNAL_STREAM": f"{is_.st_dev}:{is_.st_ino}"})
        gateway.launch()
    wait_until(lambda: "gateway.ready" in path.read_text(), "it is ready")
    assert gateway.stop() == 0
    lines = path.read_text().splitlines()
    assert lines and all(PRIORITY.match(line) for line in lines)
    (ready,) = [line for line in lines if "gateway.ready" in line]
    if form == "text":
        assert ready.startswith("<6>info gateway.ready version=")
    else:
        assert json.loads(PRIORITY.sub("", ready))["time"]


def test_the_journal_of_another_process_is_not_ours(new_gateway):
    """A variable that was inherited, while standard error goes elsewhere."""
    gateway = new_gateway(env={"JOURNAL_STREAM": "8:1"}).start()
    assert not any(line.startswith("<") for line in gateway.log_text().splitlines())


def test_what_is_wrong_with_a_configuration_has_a_priority_too(tmp_path, new_gateway):
    path = tmp_path / "journal"
    with open(path, "ab") as journal:
        is_ = os.fstat(journal.fileno())
        gateway = new_gateway(popen={"stderr": journal},
                              env={"JOURNAL_STREAM": f"{is_.st_dev}:{is_.st_ino}"})
        gateway.config_path.write_text("listen: { prot = 1; };\n")
        gateway.launch()
    assert gateway.wait_exit() == 78
    lines = path.read_text().splitlines()
    assert any("prot" in line for line in lines)
    assert all(line.startswith("<3>") for line in lines)

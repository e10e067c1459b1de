# SPDX-License-Identifier: MIT
"""The log: nobody who reads it, or causes lines of it, holds the gateway; nothing is left out silently."""

import configparser
import json
import os
import re
import select
import socket
import threading

import events
import pytest
from receiver import Reply
from repostal import ROOT
from settings import PATH, TOKEN, source, target
from waiting import wait_until

LINES_PER_S = 10  # of one kind and subject


def suppressed(gateway, of, **labels):
    """How many lines of a kind the summaries tell of."""
    lines = gateway.log("log.suppressed", of=of, by="limit", **labels)
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


def test_a_flood_of_wrong_credentials(start_gateway):
    sources = [source(), source("other", "/other")]
    gateway = start_gateway(sources=sources)
    with gateway.client() as client:
        for _ in range(150):
            assert client.post(events.delivered(), headers={"Authorization": "Bearer wrong"}).status == 401
    assert gateway.post(events.delivered(), "/other", {"Authorization": "Bearer wrong"}).status == 401
    wait_told(gateway, "request.rejected", 150, source="bizmail", reason="unauthorized")
    wait_told(gateway, "request.rejected", 1, source="other", reason="unauthorized")


def test_a_flood_of_wrong_admin_tokens(start_gateway):
    gateway = start_gateway(admin={"port": 0, "token": "admin-token-of-the-test"})
    for _ in range(60):
        assert gateway.admin("/api/v1/stats").status == 401
    wait_told(gateway, "admin.rejected", 60, reason="unauthorized")


# -- who was refused, and why -----------------------------------------------------------------------


PROXIES = {"port": 0, "trusted_proxies": ["127.0.0.1/32"]}


def rejections(gateway):
    return [(line["reason"], line["source"], line["address"]) for line in gateway.log("request.rejected")]


def test_a_refusal_names_the_client_the_source_and_the_reason(start_gateway, receiver):
    receiver.answer("/postal", Reply(manner="hang"))
    gateway = start_gateway(
        listen=PROXIES, store={"max_backlog": 1}, targets=[target("app", receiver.url(), max_backlog=2)],
        sources=[source(), source("near", "/near", auth={"token": TOKEN, "allow": ["192.0.2.0/24"]})])

    def ask(path, forwarded, **headers):
        sent = {"X-Forwarded-For": forwarded} | {name.replace("_", "-"): text for name, text in headers.items()}
        return gateway.post(events.delivered(), path, sent).status

    assert ask(PATH, "203.0.113.1", Authorization="Bearer wrong-secret") == 401
    assert ask(f"{PATH}?token=wrong-secret", "2001:db8::1", Authorization=None) == 401
    assert ask("/near", "203.0.113.2") == 403
    assert ask(PATH, "203.0.113.3", Content_Type="image/png") == 415
    assert ask("/nowhere", "203.0.113.4") == 404
    wait_until(lambda: ask(PATH, "203.0.113.5") == 503, "the backlog is full")
    wait_until(lambda: len(rejections(gateway)) == 5, "all are logged")
    assert rejections(gateway) == [
        ("unauthorized", "bizmail", "203.0.113.1"),
        ("unauthorized", "bizmail", "2001:db8::1"),
        ("forbidden", "near", "203.0.113.2"),
        ("media_type", "bizmail", "203.0.113.3"),
        ("backlog_full", "bizmail", "203.0.113.5"),
    ]
    assert "secret" not in gateway.log_text()


def test_a_store_that_is_away_is_a_reason_too(new_gateway):
    gateway = new_gateway(
        store={"backend": "postgresql", "dsn": "host=127.0.0.1 port=1 dbname=nowhere", "path": None},
        sources=[source(), source("other", "/other")]).start("gateway.waiting")
    for path in ("/other", PATH):
        assert gateway.post(events.delivered(), path).status == 503
    wait_until(lambda: len(gateway.log("request.rejected")) == 2, "both are logged")
    assert rejections(gateway) == [("unavailable", "other", "127.0.0.1"), ("unavailable", "bizmail", "127.0.0.1")]


# -- fail2ban ---------------------------------------------------------------------------------------


class Fail2ban:
    """What fail2ban makes of examples/fail2ban: it finds the date, cuts it out, and tries each expression."""

    # Its own tags and date words, as far as the filter uses them.
    ADDRESS = r"(?P<host>[0-9a-fA-F.:]+)"
    DATE_WORDS = {"%Y": r"\d{4}", "%m": r"\d\d", "%d": r"\d\d", "%H": r"\d\d", "%M": r"\d\d", "%S": r"\d\d",
                  "%f": r"\d+", "%z": r"Z"}

    def __init__(self):
        parser = configparser.ConfigParser()
        assert parser.read(ROOT / "examples" / "fail2ban" / "filter.d" / "repostal.conf")
        definition = parser["Definition"]
        expressions = definition["failregex"].splitlines()
        self.expressions = [re.compile(text.replace("<ADDR>", self.ADDRESS)) for text in expressions]
        date = definition["datepattern"]
        for word, pattern in self.DATE_WORDS.items():
            date = date.replace(word, pattern)
        self.date = re.compile(date)

    def in_file(self, line):
        """The address that a line of a file is about, or None."""
        found = self.date.search(line)
        return self._match(line[:found.start()] + line[found.end():]) if found else None

    def in_journal(self, line):
        """The same of a line that was written to the journal, which takes the priority away."""
        return self._match("host repostal[4711]: " + re.sub(r"^<[0-7]>", "", line))

    def _match(self, text):
        for expression in self.expressions:
            if match := expression.search(text):
                return match["host"]
        return None


REFUSED = ["203.0.113.1", "2001:db8::2", "203.0.113.3", "127.0.0.1"]


def refuse_some(gateway):
    """Refusals of REFUSED, among others that nobody is to be banned for, and one that pretends."""
    wrong = {"Authorization": "Bearer wrong"}
    for address, path in zip(REFUSED, [PATH, f"{PATH}/bounced", "/near"]):
        gateway.post(events.delivered(), path, wrong | {"X-Forwarded-For": address})
    assert gateway.admin("/api/v1/stats").status == 401
    gateway.post(events.delivered(), PATH, {"X-Forwarded-For": "198.51.100.1", "Content-Type": "image/png"})
    gateway.post({"event": "opened"}, PATH, {"X-Forwarded-For": "198.51.100.2"})
    pretence = ('x","level":"warn","event":"admin.rejected","reason":"forbidden","address":"198.51.100.3"}',
                "x=request.rejected%20reason=forbidden\tsource=a\taddress=198.51.100.3")
    for path in pretence:
        with socket.create_connection(("127.0.0.1", gateway.admin_port), timeout=30) as connection:
            connection.sendall(f"POST /api/v1/{path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
                               f"Authorization: Bearer {ADMIN_TOKEN}\r\n\r\n".encode())
            while connection.recv(65536):
                pass


ADMIN_TOKEN = "admin-token-of-the-test"


@pytest.mark.parametrize("form", ["text", "json"])
@pytest.mark.parametrize("is_journal", [False, True], ids=["file", "journal"])
def test_fail2ban_reads_it(tmp_path, new_gateway, form, is_journal):
    path = tmp_path / "log"
    with open(path, "ab") as log:
        is_ = os.fstat(log.fileno())
        gateway = new_gateway(
            popen={"stderr": log}, env={"JOURNAL_STREAM": f"{is_.st_dev}:{is_.st_ino}"} if is_journal else None,
            log={"format": form}, listen=PROXIES, admin={"port": 0, "token": ADMIN_TOKEN},
            sources=[source(), source("near", "/near", auth={"token": TOKEN, "allow": ["192.0.2.0/24"]})])
        gateway.launch()
    ready = wait_until(lambda: re.search(r'\bport\W+(\d+).*admin_port\W+(\d+)', path.read_text()), "it is ready")
    gateway.port, gateway.admin_port = int(ready[1]), int(ready[2])
    refuse_some(gateway)
    assert gateway.stop() == 0
    fail2ban = Fail2ban()
    lines = path.read_text().splitlines()
    found = [fail2ban.in_journal(line) if is_journal else fail2ban.in_file(line) for line in lines]
    assert [address for address in found if address] == REFUSED


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
    (told,) = wait_until(lambda: gateway.log("log.suppressed", by="queue"), "the gap is told")
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

# SPDX-License-Identifier: MIT
"""keygen, translate, trigger and listen in detail; test_commands.py has what all commands share."""

import base64
import email.parser
import email.policy
import http.client
import http.server
import json
import os
import re
import signal
import socket
import ssl
import subprocess
import threading
import time
import urllib.parse
import uuid

import events
import pytest
from keys import Authority, SigningKey, openssl
from pauses import assert_rate
from repostal import BINARY, run
from receiver import Receiver, Reply
from settings import render, source, target
from waiting import PATIENCE_S, wait_until


class Tool:
    """A command that runs until it is told to stop."""

    def __init__(self, *arguments):
        self.process = subprocess.Popen([BINARY, *map(str, arguments)], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.output = ""
        self.errors = ""
        self._threads = [threading.Thread(target=self._read, args=(self.process.stdout, "output")),
                         threading.Thread(target=self._read, args=(self.process.stderr, "errors"))]
        for thread in self._threads:
            thread.start()

    def _read(self, stream, name):
        for line in stream:
            setattr(self, name, getattr(self, name) + line.decode())

    def wait_text(self, text):
        wait_until(lambda: text in self.output, f"'{text}' in the output")

    def stop(self, number=signal.SIGTERM):
        """Returns the exit code."""
        self.process.send_signal(number)
        code = self.process.wait(PATIENCE_S)
        for thread in self._threads:
            thread.join()
        assert "Sanitizer" not in self.errors and "runtime error" not in self.errors, self.errors
        return code


class Listener(Tool):
    def __init__(self, *arguments):
        super().__init__("listen", "-p", "0", *arguments)
        wait_until(lambda: "\n" in self.output or self.process.poll() is not None, "the first line")
        found = re.fullmatch(r"listening on http://127\.0\.0\.1:(\d+)/", self.output.split("\n")[0])
        assert found, self.output + self.errors
        self.port = int(found[1])
        self.url = f"http://127.0.0.1:{self.port}/"

    def post(self, body, headers=None, path="/", method="POST"):
        """The status of the answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        connection.request(method, path, body=body, headers=headers or {})
        response = connection.getresponse()
        response.read()
        connection.close()
        return response.status

    def totals(self):
        """The last line, after stop()."""
        line = self.output.splitlines()[-1]
        assert line.startswith("total "), self.output
        return dict(word.split("=", 1) for word in line.split()[1:])


@pytest.fixture
def listen():
    """A function that starts listeners; those that still run at the end are stopped."""
    listeners = []

    def start(*arguments):
        listeners.append(Listener(*arguments))
        return listeners[-1]

    yield start
    for listener in listeners:
        if listener.process.poll() is None:
            listener.stop()


def envelope(**changes):
    message = {"id": 1, "token": "abc", "direction": "outgoing", "message_id": "m@example.com",
               "to": "user@example.com", "from": "", "subject": "", "timestamp": 1713100000.25, "tag": None}
    return {"event": "MessageSent", "timestamp": 1713100000.5,
            "payload": {"message": message, "status": "Sent", "details": "Message accepted", "output": "250",
                        "sent_with_ssl": False, "timestamp": 1713100000, "time": 0.3},
            "uuid": str(uuid.uuid4())} | changes


def encode(value):
    return json.dumps(value, separators=(",", ":")).encode()


def sign(key, body):
    def signature(digest):
        return base64.b64encode(openssl("dgst", f"-{digest}", "-sign", key.path, data=body)).decode()

    return {"X-Postal-Signature-Kid": key.key_id, "X-Postal-Signature": signature("sha1"),
            "X-Postal-Signature-256": signature("sha256")}


def jwk(key):
    size = (key.modulus.bit_length() + 7) // 8
    n = base64.urlsafe_b64encode(key.modulus.to_bytes(size, "big")).decode().rstrip("=")
    return {"kty": "RSA", "n": n, "e": "AQAB", "use": "sig", "alg": "RS256", "kid": key.key_id}


@pytest.fixture(scope="session")
def other_key(tmp_path_factory):
    return SigningKey(tmp_path_factory.mktemp("other") / "signing.key")


# -- keygen -----------------------------------------------------------------------------------------


def test_keygen_prints_for_scripts_as_its_help_says(tmp_path):
    path = tmp_path / "signing.key"
    result = run("keygen", path)
    assert (result.returncode, result.stderr) == (0, "")
    lines = result.stdout.splitlines()
    key = SigningKey(path)
    begin, end = lines.index("-----BEGIN PUBLIC KEY-----"), lines.index("-----END PUBLIC KEY-----")
    assert "\n".join(lines[begin:end + 1]) == key.public.read_text().strip()
    assert [line[3:] for line in lines if line.startswith("p: ")] == [key.base64]
    assert [line[5:] for line in lines if line.startswith("kid: ")] == [key.key_id]
    rest = lines[:begin] + lines[end + 1:]
    assert all(re.match("#|p: |kid: ", line) for line in rest)


# -- translate --------------------------------------------------------------------------------------


def translated(text, *arguments):
    result = run("translate", *arguments, data=text)
    return result, [json.loads(line) for line in result.stdout.splitlines()]


@pytest.fixture
def minimal(tmp_path):
    """A configuration of nothing but defaults."""
    path = tmp_path / "minimal.conf"
    path.write_text(render({"sources": [source()], "targets": [target("app", "http://127.0.0.1:9/")]}))
    return path


@pytest.mark.parametrize("text", [
    lambda one, two: encode(one) + encode(two),
    lambda one, two: encode(one) + b"\n" + encode(two) + b"\n",
    lambda one, two: encode(one) + b"\r\n\r\n" + encode(two),
    lambda one, two: json.dumps(one, indent=2).encode() + b"\n" + json.dumps(two, indent="\t").encode(),
    lambda one, two: b"\xef\xbb\xbf" + encode(one) + b" " + encode(two),
], ids=["concatenated", "one a line", "CRLF and empty lines", "pretty-printed", "byte order mark"])
def test_translate_takes_values_one_after_another(minimal, text):
    one, two = events.delivered(response='{"250"}'), events.soft_bounce()
    result, envelopes = translated(text(one, two), "-c", minimal)
    assert (result.returncode, result.stderr) == (0, "")
    assert [e["event"] for e in envelopes] == ["MessageSent", "MessageDelayed"]
    assert [e["payload"]["message"]["message_id"] for e in envelopes] == [one["id"], two["id"]]


def test_translate_repairs_bytes_that_json_does_not_allow(minimal):
    body = encode(events.bounce(response="550 AB")).replace(b"AB", b"\xe9\x01\n}")
    result, envelopes = translated(body, "-c", minimal)
    assert (result.returncode, result.stderr) == (0, "")
    assert envelopes[0]["payload"]["output"] == "550 \ufffd\x01\n}"


def test_translate_takes_now_as_the_time_of_arrival(minimal):
    before = time.time()
    _, envelopes = translated(encode(events.drop()), "-c", minimal)
    assert before <= envelopes[0]["timestamp"] <= time.time()
    assert before <= envelopes[0]["payload"]["timestamp"] <= time.time()


@pytest.mark.parametrize("bad, line, reason", [
    (b'{"event":"opened","id":"a@b","recipient":"c@d.example"}', 2, "kind"),
    (b'{"event":"delivered","recipient":"c@d.example"}', 2, " id"),
    (b'{"event":"delivered","id":"a@b"}', 2, "recipient"),
    (b'{"event":"delivered",}', 2, "JSON"),
    (b'\n\n{"event":\n"delivered"', 4, "end"),
    (b'{"event":"delivered', 2, "end"),
    (b'["event"]', 2, "object"),
    (b"hello", 2, "object"),
    (b"\xff\xfe", 2, "object"),
])
def test_translate_says_where_and_why_and_goes_on(minimal, tmp_path, bad, line, reason):
    path = tmp_path / "events.json"
    path.write_bytes(encode(events.delivered()) + b"\n" + bad + b"\n" + encode(events.delivered()) + b"\n")
    result, envelopes = translated(b"", "-c", minimal, path)
    assert result.returncode == 1
    assert len(envelopes) == 2
    assert len(result.stderr.splitlines()) == 1
    place, _, text = result.stderr.partition(": ")
    assert place == f"{path}:{line}"
    assert reason in text


def test_translate_goes_on_with_the_next_file(minimal, tmp_path):
    path = tmp_path / "events.json"
    path.write_bytes(encode(events.delivered()))
    result, envelopes = translated(encode(events.drop()), "-c", minimal, tmp_path / "missing", path, "-",
                                   tmp_path)
    assert result.returncode == 1
    assert [e["payload"]["status"] for e in envelopes] == ["Sent", "HardFail"]
    assert f"{tmp_path / 'missing'}: " in result.stderr
    assert f"{tmp_path}: " in result.stderr


def test_translate_refuses_a_file_that_is_too_large(minimal, tmp_path):
    path = tmp_path / "large.json"
    with open(path, "wb") as large:
        large.truncate(64 * 1024 * 1024 + 1)
    result = run("translate", "-c", minimal, path)
    assert (result.returncode, result.stdout) == (1, "")
    assert str(path) in result.stderr


@pytest.mark.skipif(os.path.exists("/etc/repostal/repostal.conf"), reason="this machine has a configuration")
def test_translate_without_a_configuration_uses_the_defaults(minimal):
    text = b"".join(map(encode, [events.delivered(), events.bounce(), events.soft_bounce(),
                                 events.drop(time=events.TIME_S)]))
    _, with_defaults = translated(text)
    _, with_file = translated(text, "-c", minimal)
    assert len(with_defaults) == 4
    for a, b in zip(with_defaults, with_file):
        assert a["uuid"] == b["uuid"]
        assert a["payload"]["message"]["token"] == b["payload"]["message"]["token"]
        for key in ("status", "details", "output", "sent_with_ssl", "time"):
            assert a["payload"][key] == b["payload"][key]


def test_translate_ends_quietly_when_its_reader_had_enough(minimal, tmp_path):
    path = tmp_path / "events.json"
    path.write_bytes((encode(events.delivered()) + b"\n") * 20_000)
    process = subprocess.Popen([BINARY, "translate", "-c", minimal, path], stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE)
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr.read() == b""
    assert process.wait(PATIENCE_S) == 0
    process.stderr.close()


# -- trigger -------------------------------------------------------------------------------------------


def decode(request):
    """The event in a request of any encoding, every value as text."""
    content_type = request.header("Content-Type")
    if content_type == "application/json":
        return {name: str(value) for name, value in request.envelope.items()}
    if content_type == "application/x-www-form-urlencoded":
        return dict(urllib.parse.parse_qsl(request.body.decode(), keep_blank_values=True, strict_parsing=True))
    head = f"Content-Type: {content_type}\r\n\r\n".encode()
    parts = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + request.body)
    return {part.get_param("name", header="content-disposition"): part.get_content().rstrip("\r\n")
            for part in parts.iter_parts()}


def trigger_json(*arguments):
    result = run("trigger", "--json", *arguments)
    assert result.stderr == ""
    return result.returncode, json.loads(result.stdout)


@pytest.mark.parametrize("encoding", ["json", "form", "multipart"])
def test_trigger_posts_what_bizmail_documents(receiver, encoding):
    before = time.time()
    code, summary = trigger_json("-n", "20", "--encoding", encoding, receiver.url())
    assert (code, summary["sent"], summary["acknowledged"], summary["accepted"]) == (0, 20, 20, 20)
    assert receiver.connections() <= 4
    sent = sorted(map(decode, receiver.requests()), key=lambda e: int(re.search(r"-(\d+)@", e["id"])[1]))
    assert len({event["id"] for event in sent}) == 20
    kinds = [event.get("category") or event.get("event") or event.get("action") for event in sent]
    assert {kind: kinds.count(kind) for kind in kinds} == {
        "delivered": 15, "hard_bounce": 2, "soft_bounce": 2, "drop": 1}
    times = [int(event["time"]) / 1000 for event in sent if "time" in event]
    assert times == sorted(times)
    assert before - 1 <= times[0] and times[-1] <= time.time()
    for event in sent:
        sample = {"delivered": events.delivered, "bounce": events.bounce, None: events.drop}[event.get("event")]()
        assert set(event) == set(sample)


def test_trigger_runs_do_not_repeat_each_other(receiver):
    for _ in range(2):
        assert trigger_json("-n", "5", "--kind", "drop", receiver.url())[0] == 0
    assert len({e["id"] for e in receiver.envelopes()}) == 10


@pytest.mark.parametrize("kind, name", [
    ("delivered", "delivered"), ("bounce", "hard_bounce"), ("soft-bounce", "soft_bounce"), ("drop", "drop")])
def test_trigger_posts_one_kind(receiver, kind, name):
    assert trigger_json("-n", "3", "--kind", kind, receiver.url())[0] == 0
    assert [e.get("category") or e.get("event") or e["action"] for e in receiver.envelopes()] == [name] * 3


def test_trigger_adds_token_and_headers(receiver):
    code, _ = trigger_json("-n", "1", "--token", "a b&c=ä", "-H", "X-One: 1", "--header", "X-Two: 2",
                        "-H", "Content-Type: text/json", receiver.url("/in?x=1", userinfo="me:secret"))
    assert code == 0
    request = receiver.wait_one()
    path, _, query = request.path.partition("?")
    assert (path, urllib.parse.parse_qs(query)) == ("/in", {"x": ["1"], "token": ["a b&c=ä"]})
    assert "+" not in query
    assert (request.header("X-One"), request.header("X-Two")) == ("1", "2")
    assert request.header("Content-Type") == "text/json"
    assert request.header("Authorization") == "Basic " + base64.b64encode(b"me:secret").decode()
    assert request.header("Expect") is None


def test_trigger_ignores_proxies_of_the_environment(receiver):
    result = run("trigger", "-n", "1", receiver.url(), env=os.environ | {"http_proxy": "http://127.0.0.1:9/"})
    assert result.returncode == 0, result.stdout


def test_trigger_counts_what_the_answers_say(receiver):
    receiver.answer("/postal", *[Reply(body=encode({"code": 200, "status": status})) for status in
                                 ("accepted", "duplicate", "duplicate", "quarantined")],
                    Reply(status=503), Reply(status=401), Reply(status=302, headers={"Location": "/x"}),
                    Reply(status=503), Reply(status=204), Reply(body=b"not JSON"))
    code, summary = trigger_json("-n", "10", "--concurrency", "1", receiver.url())
    assert code == 1
    assert {name: summary[name] for name in ("sent", "acknowledged", "accepted", "duplicates", "quarantined",
                                             "refused", "errors", "unanswered")} == {
        "sent": 10, "acknowledged": 6, "accepted": 3, "duplicates": 2, "quarantined": 1, "refused": 4,
        "errors": 0, "unanswered": 0}
    assert summary["refused_by_status"] == {"302": 1, "401": 1, "503": 2}
    latency = summary["latency_ms"]
    assert 0 < latency["p50"] <= latency["p90"] <= latency["p99"] <= latency["max"]


def test_trigger_summary_is_readable(receiver):
    receiver.answer("/postal", Reply(), Reply(status=429), Reply())
    result = run("trigger", "-n", "3", "--concurrency", "1", receiver.url())
    assert result.returncode == 1
    figures = dict(line.split(maxsplit=1) for line in result.stdout.splitlines())
    assert list(figures) == ["sent", "accepted", "duplicates", "quarantined", "refused", "errors", "seconds",
                             "rate", "latency"]
    assert (figures["sent"], figures["accepted"], figures["refused"]) == ("3", "2", "1  (429: 1)")
    assert re.fullmatch(r"ms\s+p50 [\d.]+ p90 [\d.]+ p99 [\d.]+ max [\d.]+", figures["latency"])


def test_trigger_counts_transport_errors():
    gone = Receiver()
    gone.close()
    code, summary = trigger_json("-n", "5", gone.url())
    assert (code, summary["sent"], summary["errors"], summary["acknowledged"]) == (1, 5, 5, 0)
    assert sum(summary["errors_by_reason"].values()) == 5


def test_trigger_gives_up_after_its_timeout(receiver):
    receiver.answer("/postal", Reply(manner="hang"))
    code, summary = trigger_json("-n", "1", "--timeout", "100ms", receiver.url())
    assert (code, summary["errors"]) == (1, 1)


def test_trigger_uses_no_more_connections_than_it_may(receiver):
    gate = threading.Event()
    receiver.answer("/postal", Reply(gate=gate))
    tool = Tool("trigger", "-n", "50", "--concurrency", "7", receiver.url())
    wait_until(lambda: receiver.in_flight("/postal") == 7, "seven requests at a time")
    gate.set()
    tool.wait_text("latency")
    assert receiver.in_flight_max("/postal") == 7
    assert receiver.connections() == 7
    assert tool.process.wait(PATIENCE_S) == 0


def test_trigger_keeps_its_rate(receiver):
    started = time.monotonic()
    code, summary = trigger_json("-n", "20", "-r", "50", receiver.url())
    assert code == 0
    assert time.monotonic() - started >= 19 / 50
    assert summary["seconds"] >= 19 / 50
    assert_rate(receiver.requests(), started, 1, 50)


def test_trigger_charges_a_stall_to_all_that_waited(receiver):
    """No coordinated omission: one answer stalls, and the events that were due meanwhile waited too."""
    receiver.answer("/postal", Reply(delay=1.0), Reply())
    code, summary = trigger_json("-n", "20", "-r", "20/s", "--concurrency", "1", receiver.url())
    assert code == 0
    assert summary["latency_ms"]["max"] >= 1000
    assert summary["latency_ms"]["p50"] >= 300


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_trigger_sums_up_when_interrupted(receiver, number):
    receiver.answer("/postal", *[Reply()] * 3, Reply(manner="hang"))
    tool = Tool("trigger", "-n", "100", "--concurrency", "1", receiver.url())
    receiver.wait_count(4)
    assert tool.stop(number) == 1
    figures = dict(line.split(maxsplit=1) for line in tool.output.splitlines())
    assert (figures["sent"], figures["accepted"], figures["unanswered"]) == ("4", "3", "1")


def test_trigger_does_not_trust_every_certificate(tmp_path):
    certificate, key = Authority(tmp_path).issue("localhost")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    receiver = Receiver(tls=context)
    try:
        code, summary = trigger_json("-n", "1", receiver.url())
        assert (code, summary["errors"]) == (1, 1)
        assert trigger_json("-n", "1", "--insecure", receiver.url())[0] == 0
    finally:
        receiver.close()


@pytest.mark.parametrize("arguments, named", [
    (["http://a/", "http://b/"], "http://b/"),
    (["ftp://a/"], "ftp://a/"), (["127.0.0.1:8025/in"], "127.0.0.1"), (["http://"], "http://"), ([""], "URL"),
    (["-n", "0", "http://a/"], "-n"), (["-n", "1.5", "http://a/"], "1.5"), (["-n", "", "http://a/"], "-n"),
    (["-r", "0", "http://a/"], "rate"), (["-r", "fast", "http://a/"], "fast"), (["-r", "-1", "http://a/"], "-1"),
    (["-r", "10/d", "http://a/"], "10/d"), (["-r", "1e300", "http://a/"], "1e300"),
    (["--concurrency", "0", "http://a/"], "concurrency"),
    (["--concurrency", "10001", "http://a/"], "concurrency"),
    (["--kind", "opened", "http://a/"], "opened"), (["--encoding", "xml", "http://a/"], "xml"),
    (["-H", "no colon", "http://a/"], "no colon"), (["-H", ": x", "http://a/"], "-H"),
    (["-H", "A: b\r\nC: d", "http://a/"], "-H"), (["--timeout", "5", "http://a/"], "timeout"),
    (["--timeout", "0s", "http://a/"], "timeout"), (["--json=yes", "http://a/"], "--json"),
    (["-x", "http://a/"], "-x"), (["--frob", "http://a/"], "--frob"), (["--token"], "--token"),
])
def test_trigger_names_what_is_wrong(arguments, named):
    result = run("trigger", *arguments)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith("repostal trigger: ")
    assert named in result.stderr


# -- listen -----------------------------------------------------------------------------------------


def test_listen_prints_an_envelope(listen):
    listener = listen()
    sent = envelope()
    assert listener.post(encode(sent), path="/any/path?at=all") == 200
    listener.wait_text(sent["uuid"])
    assert listener.stop() == 0
    first, *rest = listener.output.splitlines()[1:]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z MessageSent Sent user@example\.com", first)
    text = "\n".join(rest)
    assert "details    Message accepted" in text and "signature  none" in text and "answered   200" in text
    shown = text[text.index("{"):text.rindex("}") + 1]
    assert json.loads(shown) == sent["payload"]
    assert list(json.loads(shown)) == list(sent["payload"]), "the order is kept"
    assert '"time": 0.3' in shown and '"timestamp": 1713100000.25' in shown


def test_listen_prints_the_original_of_a_bounce(listen):
    listener = listen()
    message = envelope()["payload"]["message"]
    listener.post(encode(envelope(event="MessageBounced",
                                  payload={"original_message": message, "bounce": message | {"to": "x@y.example"}})))
    listener.stop()
    assert "MessageBounced - user@example.com\n" in listener.output


@pytest.mark.parametrize("body", [
    b"", b"hello\x1b[2J\xc2\x9bm\r\nlisten: forged", b"[1]", b"\xff\xfe", b'{"event":5,"uuid":"x","payload":7}',
    b'{"uuid":"' + b"a" * 100_000, b"[" * 5000,
    json.dumps({"event": "\x1b]0;title\x07", "payload": {"status": "\u009b2J", "k\x7f": ["\x1b", 1e300, {}, []]},
                "uuid": "a\nforged"}, ensure_ascii=False).encode(),
], ids=["nothing", "control characters", "array", "no UTF-8", "wrong types", "cut off", "deep",
        "control characters in JSON"])
def test_listen_takes_any_body_and_keeps_the_terminal_clean(listen, body):
    listener = listen()
    assert listener.post(body) == 200
    assert listener.stop() == 0
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f]", listener.output)
    assert not any(line.startswith(("listen:", "forged")) for line in listener.output.splitlines())
    assert listener.totals()["requests"] == listener.totals()["not_envelopes"] == "1"


def test_listen_wants_post(listen):
    listener = listen()
    assert listener.post(None, method="GET") == 405
    listener.stop()
    assert listener.totals()["requests"] == "0"


def key_forms(key, directory):
    bare = directory / "key.b64"
    bare.write_text(key.base64 + "\n")
    return {"PEM file": key.public, "base64 file": bare, "base64": key.base64}


@pytest.mark.parametrize("form", ["PEM file", "base64 file", "base64"])
def test_listen_verifies_with_a_key_in_any_form(listen, signing_key, tmp_path, form):
    listener = listen("--key", key_forms(signing_key, tmp_path)[form])
    body = encode(envelope())
    listener.post(body, sign(signing_key, body))
    assert listener.stop() == 0
    assert "signature  verified (SHA-1 ok, SHA-256 ok)\n" in listener.output
    assert listener.totals()["bad_signatures"] == "0"


@pytest.mark.parametrize("change, shown, code", [
    (lambda headers, other: {}, "none (SHA-1 none, SHA-256 none)", 0),
    (lambda headers, other: {"X-Postal-Signature": headers["X-Postal-Signature"]},
     "verified (SHA-1 ok, SHA-256 none)", 0),
    (lambda headers, other: {"X-Postal-Signature-256": headers["X-Postal-Signature-256"]},
     "verified (SHA-1 none, SHA-256 ok)", 0),
    (lambda headers, other: headers | {"X-Postal-Signature": other["X-Postal-Signature"]},
     "BAD (SHA-1 BAD, SHA-256 ok)", 1),
    (lambda headers, other: headers | {"X-Postal-Signature-256": "AAAA"}, "BAD (SHA-1 ok, SHA-256 BAD)", 1),
    (lambda headers, other: headers | {"X-Postal-Signature-256": "%%%"}, "BAD (SHA-1 ok, SHA-256 BAD)", 1),
    (lambda headers, other: other, "BAD (SHA-1 BAD, SHA-256 BAD)", 1),
], ids=["unsigned", "only SHA-1", "only SHA-256", "wrong SHA-1", "short SHA-256", "no base64", "another key"])
def test_listen_checks_each_signature(listen, signing_key, other_key, change, shown, code):
    listener = listen("--key", signing_key.public)
    body = encode(envelope())
    listener.post(body, change(sign(signing_key, body), sign(other_key, body)))
    assert listener.stop() == code
    assert f"signature  {shown}\n" in listener.output
    assert listener.totals()["bad_signatures"] == str(code)


def test_listen_checks_the_raw_body(listen, signing_key):
    listener = listen("--key", signing_key.public)
    body = encode(envelope())
    listener.post(body + b" ", sign(signing_key, body))
    assert listener.stop() == 1


def test_listen_without_a_key_does_not_judge(listen, signing_key):
    listener = listen()
    listener.post(encode(envelope()), sign(signing_key, b"something else"))
    assert listener.stop() == 0
    assert "signature  not checked" in listener.output


@pytest.fixture
def jwks_server():
    """A server whose document is a list of JWKs to be changed; None: 503."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.server.fetched += 1
            self.send_response(200 if self.server.keys is not None else 503)
            self.end_headers()
            self.wfile.write(encode({"keys": self.server.keys}))

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.keys, server.fetched = None, 0
    server.url = f"http://127.0.0.1:{server.server_port}/.well-known/jwks.json"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_listen_verifies_with_a_jwks(listen, jwks_server, signing_key, other_key):
    jwks_server.keys = [{"kty": "EC", "kid": other_key.key_id}, jwk(other_key), jwk(signing_key), {}, 5]
    listener = listen("--jwks", jwks_server.url)
    body = encode(envelope())
    for key in (signing_key, other_key):
        listener.post(body, sign(key, body))
    without_kid = sign(other_key, body)
    del without_kid["X-Postal-Signature-Kid"]
    listener.post(body, without_kid)
    wrong_kid = sign(other_key, body) | {"X-Postal-Signature-Kid": signing_key.key_id}
    listener.post(body, wrong_kid)
    assert listener.stop() == 1
    assert listener.output.count("signature  verified (SHA-1 ok, SHA-256 ok)") == 3
    assert listener.output.count("signature  BAD (SHA-1 BAD, SHA-256 BAD)") == 1
    assert jwks_server.fetched == 1


def test_listen_waits_for_a_jwks_that_comes_later(listen, jwks_server, signing_key):
    listener = listen("--jwks", jwks_server.url)
    wait_until(lambda: "no keys yet" in listener.errors, "a warning")
    jwks_server.keys = [jwk(signing_key)]
    body = encode(envelope())

    def verified():
        listener.post(body, sign(signing_key, body))
        return "signature  verified" in listener.output

    wait_until(verified, "the keys have been fetched")
    listener.stop()


@pytest.mark.heavy
def test_listen_fetches_again_for_an_unknown_key_but_not_too_often(listen, jwks_server, signing_key, other_key):
    jwks_server.keys = [jwk(signing_key)]
    started = time.monotonic()
    listener = listen("--jwks", jwks_server.url)
    jwks_server.keys = [jwk(other_key)]
    body = encode(envelope())
    headers = sign(other_key, body)

    def verified():
        listener.post(body, headers)
        return "signature  verified" in listener.output

    listener.post(body, headers)
    listener.wait_text("signature  BAD (SHA-1 BAD, the key is not known, SHA-256 BAD, the key is not known)")
    wait_until(verified, "the keys have been fetched again")
    assert time.monotonic() - started >= 9.5
    assert jwks_server.fetched == 2
    listener.stop()


@pytest.mark.parametrize("answers, expected", [
    ([], {200: 40}),
    (["503"], {503: 40}),
    (["500:0.25"], {500: 10, 200: 30}),
    (["500:0.25", "404:0.5", "204"], {500: 10, 404: 20, 204: 10}),
    (["304"], {304: 40}),
])
def test_listen_answers_in_shares(listen, answers, expected):
    listener = listen("-q", *[word for answer in answers for word in ("--answer", answer)])
    got = [listener.post(encode(envelope())) for _ in range(40)]
    for status, count in expected.items():
        assert abs(got.count(status) - count) <= 2
    assert set(got) == set(expected)
    listener.stop()
    counted = dict(pair.split(":") for pair in listener.totals()["answers"].split(","))
    assert counted == {str(status): str(got.count(status)) for status in set(got)}


@pytest.mark.threads
@pytest.mark.parametrize("delay", ["300", "300ms"])
def test_listen_delays_its_answers(listen, delay):
    listener = listen("--delay", delay)
    started = time.monotonic()
    assert listener.post(encode(envelope())) == 200
    assert time.monotonic() - started >= 0.3
    assert listener.stop() == 0


@pytest.mark.threads
def test_listen_answers_what_waits_when_it_is_stopped(listen):
    listener = listen("--delay", "1h")
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(listener.post(encode(envelope())))) for _ in range(8)]
    for thread in threads:
        thread.start()
    wait_until(lambda: listener.output.count("answered   200") == 8, "all wait side by side")
    assert answers == []
    assert listener.stop() == 0
    for thread in threads:
        thread.join()
    assert answers == [200] * 8


def test_listen_survives_senders_that_do_not_wait(listen):
    listener = listen("--delay", "200")
    for _ in range(20):
        body = encode(envelope())
        with socket.create_connection(("127.0.0.1", listener.port)) as connection:
            connection.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
    assert listener.post(encode(envelope())) == 200
    assert listener.stop() == 0


def test_listen_counts_quietly(listen):
    listener = listen("--quiet")
    first, second = encode(envelope()), encode(envelope())
    for body in (first, second, first, first, b"{}"):
        listener.post(body)
    wait_until(lambda: listener.output.count("\n") >= 2, "a line of totals")
    assert listener.stop() == 0
    lines = listener.output.splitlines()
    assert all(line.startswith("requests=") for line in lines[1:-1])
    totals = listener.totals()
    assert {name: totals[name] for name in ("requests", "distinct", "duplicates", "bad_signatures", "unsigned",
                                            "not_envelopes")} == {
        "requests": "5", "distinct": "2", "duplicates": "2", "bad_signatures": "0", "unsigned": "5",
        "not_envelopes": "1"}
    assert re.fullmatch(r"[\d.]+/s", totals["rate"])


def test_listen_marks_repeats(listen):
    listener = listen()
    body = encode(envelope())
    for _ in range(2):
        listener.post(body)
    listener.stop()
    assert listener.output.count("(seen before)") == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_listen_stops_with_an_idle_connection(listen, number):
    listener = listen()
    with socket.create_connection(("127.0.0.1", listener.port)):
        assert listener.stop(number) == 0
    assert listener.totals()["requests"] == "0"


def test_listen_fails_when_the_port_is_taken(listen):
    listener = listen()
    result = run("listen", "-p", listener.port)
    assert (result.returncode, result.stdout) == (1, "")
    assert str(listener.port) in result.stderr


def test_listen_fails_for_an_address_that_is_none():
    result = run("listen", "-p", "0", "--address", "nowhere")
    assert (result.returncode, result.stdout) == (1, "")
    assert "nowhere" in result.stderr


def test_listen_on_ipv6():
    if not socket.has_ipv6 or not os.path.exists("/proc/net/if_inet6"):
        pytest.skip("no IPv6")
    tool = Tool("listen", "-p", "0", "--address", "::1")
    wait_until(lambda: "\n" in tool.output or tool.process.poll() is not None, "the first line")
    if tool.process.poll() is not None:
        tool.stop()
        pytest.skip("no IPv6 loopback")
    assert re.fullmatch(r"listening on http://\[::1\]:\d+/\n", tool.output)
    assert tool.stop() == 0


def test_listen_ends_when_its_reader_has_gone():
    process = subprocess.Popen([BINARY, "listen", "-p", "0"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    port = int(process.stdout.readline().rsplit(b":", 1)[1].strip(b"/\n"))
    process.stdout.close()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
    connection.request("POST", "/", body=encode(envelope()))
    assert connection.getresponse().status == 200
    connection.close()
    assert process.stderr.read() == b""
    assert process.wait(PATIENCE_S) == 0
    process.stderr.close()


@pytest.mark.parametrize("key", ["nonsense", "QUJD", "/nowhere/key.pem", "private", "empty"])
def test_listen_refuses_what_is_no_public_key(tmp_path, signing_key, key):
    if key == "private":
        key = str(signing_key.path)
    elif key == "empty":
        key = str(tmp_path / "empty")
        (tmp_path / "empty").touch()
    result = run("listen", "-p", "0", "--key", key)
    assert (result.returncode, result.stdout) == (1, "")
    assert key in result.stderr


@pytest.mark.parametrize("arguments, named", [
    (["surplus"], "surplus"), (["-p", "65536"], "65536"), (["-p", ""], "-p"), (["-p"], "-p"),
    (["--answer", "99"], "99"), (["--answer", "600"], "600"), (["--answer", "500:1.5"], "500:1.5"),
    (["--answer", "500:0.6", "--answer", "503:0.6"], "503:0.6"), (["--answer", "500", "--answer", "503"], "503"),
    (["--delay", "-1"], "-1"), (["--delay", "soon"], "soon"), (["--delay", "2h"], "2h"),
    (["--key", "a", "--jwks", "http://a/"], "--jwks"), (["--quiet=1"], "--quiet"), (["--frob"], "--frob"),
])
def test_listen_names_what_is_wrong(arguments, named):
    result = run("listen", *arguments)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith("repostal listen: ")
    assert named in result.stderr


# -- together ---------------------------------------------------------------------------------------


def test_trigger_and_listen(listen):
    """What trigger reports is what listen counted."""
    listener = listen("-q", "--answer", "503:0.2")
    code, summary = trigger_json("-n", "500", "--concurrency", "16", listener.url)
    assert code == 1
    listener.stop()
    totals = listener.totals()
    answers = dict(pair.split(":") for pair in totals["answers"].split(","))
    assert totals["requests"] == "500"
    assert (summary["acknowledged"], summary["refused"]) == (int(answers["200"]), int(answers["503"]))
    assert summary["refused_by_status"] == {"503": summary["refused"]}
    assert abs(summary["refused"] - 100) <= 2

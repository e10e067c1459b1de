# SPDX-License-Identifier: MIT
"""Receivers that do everything wrong that HTTP allows, and more, beside one that does it right."""

import contextlib
import time

import events
from scripted import CLOSE, HANG, RESET, Scripted
from torture import assert_all_arrive, assert_memory, cpu_seconds, scenario
from waiting import wait_until

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
RESIDENT_MAX_BYTES = 192 << 20  # with some ninety answers that are all as large as we let them be
SPOILED = {"timeout": "400ms", "connect_timeout": "200ms", "concurrency": 2, "retry": ["100ms"] * 64,
           "retry_after_max": "1s"}


def bytes_then(data, end=CLOSE):
    def say(connection, _):
        connection.sendall(data)
        return end

    return say


def repeated(piece, begin=b"HTTP/1.1 200 OK\r\n", seconds=0.0):
    """Without an end."""

    def say(connection, pause):
        connection.sendall(begin)
        while pause(seconds):
            connection.sendall(piece)
        return CLOSE

    return say


def with_headers(*headers, body=b"ok", status=b"200 OK", end=CLOSE):
    head = b"".join(header + b"\r\n" for header in headers)
    return bytes_then(b"HTTP/1.1 " + status + b"\r\n" + head + b"\r\n" + body, end)


CHUNKED = b"Transfer-Encoding: chunked"

WRONGS = {
    "closes": bytes_then(b""),
    "resets": bytes_then(b"", RESET),
    "hangs": bytes_then(b"", HANG),
    "half-a-status": bytes_then(b"HTTP/1.1 2", HANG),
    "half-a-head": bytes_then(b"HTTP/1.1 200 OK\r\nContent-Le", RESET),
    "drips-its-head": repeated(b"a", seconds=0.02),
    "head-without-end": repeated(b"X-Filler: " + b"a" * 8000 + b"\r\n"),
    "line-without-end": repeated(b"a" * 65536, begin=b"HTTP/1.1 200 OK\r\nX: "),
    "status-without-end": repeated(b"a" * 65536, begin=b"HTTP/1.1 200 "),
    "ten-thousand-headers": with_headers(*[b"X-%d: y" % n for n in range(10_000)]),
    "many-100s": repeated(b"HTTP/1.1 100 Continue\r\n\r\n" * 500, begin=b""),
    "many-103s": repeated(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n", begin=b"", seconds=0.001),
    "101": with_headers(b"Upgrade: h2c", b"Connection: Upgrade", status=b"101 Switching Protocols"),
    "drips-its-body": repeated(b".", begin=b"HTTP/1.1 500 No\r\nContent-Length: 100000\r\n\r\n", seconds=0.02),
    "body-without-end": repeated(b"." * 65536, begin=b"HTTP/1.1 500 No\r\n\r\n"),
    "chunks-without-end": repeated(b"1\r\n.\r\n" * 1000, begin=b"HTTP/1.1 500 No\r\n" + CHUNKED + b"\r\n\r\n"),
    "too-short": with_headers(b"Content-Length: 1000", status=b"500 No"),
    "too-long": with_headers(b"Content-Length: 1", body=b"o" * 1000, status=b"500 No"),
    "reset-in-its-body": with_headers(b"Content-Length: 1000", end=RESET),
    "negative-length": with_headers(b"Content-Length: -1", status=b"500 No"),
    "huge-length": with_headers(b"Content-Length: 99999999999999999999999", status=b"500 No"),
    "two-lengths": with_headers(b"Content-Length: 2", b"Content-Length: 3", status=b"500 No"),
    "length-and-chunks": with_headers(b"Content-Length: 1", CHUNKED, body=b"2\r\nok\r\n0\r\n\r\n",
                                      status=b"500 No"),
    "bad-chunk": with_headers(CHUNKED, body=b"zz\r\nok\r\n0\r\n\r\n", status=b"500 No"),
    "huge-chunk": with_headers(CHUNKED, body=b"ffffffffffffffff\r\nok", status=b"500 No"),
    "endless-trailers": repeated(b"X: y\r\n" * 1000, begin=b"HTTP/1.1 500 No\r\n" + CHUNKED + b"\r\n\r\n0\r\n"),
    "bad-gzip": with_headers(b"Content-Encoding: gzip", b"Content-Length: 4", body=b"\x1f\x8b\0\0",
                             status=b"500 No"),
    "no-version": bytes_then(b"ok\n"),
    "old-version": bytes_then(b"HTTP/0.9 500 No\r\n\r\n"),
    "new-version": bytes_then(b"HTTP/7.3 200 OK\r\n\r\n"),
    "status-0": bytes_then(b"HTTP/1.1 000 Zero\r\n\r\n"),
    "status-99999": bytes_then(b"HTTP/1.1 99999 Much\r\n\r\n"),
    "status-text": bytes_then(b"HTTP/1.1 abc Text\r\n\r\n"),
    "binary": bytes_then(bytes(range(256)) * 64),
    "zeros-in-head": bytes_then(b"HTTP/1.1 500 No\0pe\r\nX\0: \0\r\n\r\n"),
    "folded": with_headers(b"X: a\r\n b\r\n\tc", b"Content-Length: 2", status=b"500 No"),
    "bare-line-feeds": bytes_then(b"HTTP/1.1 500 No\nContent-Length: 2\n\nok"),
    "redirect-to-itself": with_headers(b"Location: /", b"Content-Length: 0", body=b"", status=b"302 Found"),
    "wild-retry-after": with_headers(b"Retry-After: 99999999999999999999", b"Content-Length: 0", body=b"",
                                     status=b"500 No"),
    "cookies": with_headers(*[b"Set-Cookie: a%d=b" % n for n in range(1000)], b"Content-Length: 0", body=b"",
                            status=b"500 No"),
    "two-answers": with_headers(b"Content-Length: 2", body=b"ok" + OK, status=b"500 No"),
    "http2": bytes_then(b"\0\0\x12\x04\0\0\0\0\0" + bytes(18)),
}
# Spoken to in TLS, and answered before or after the greeting with nonsense.
TLS_WRONGS = {
    "tls-silence": bytes_then(b"", HANG),
    "tls-garbage": bytes_then(b"\x16\x03\x03\x40\x00" + b"\xff" * 16384, HANG),
    "tls-alert": bytes_then(b"\x15\x03\x03\x00\x02\x02\x28"),
    "tls-plain": bytes_then(OK),
    "tls-endless": repeated(b"\x16\x03\x03\x00\x04\x02\x00\x00\x00", begin=b""),
    "tls-reset": bytes_then(b"\x16\x03\x03", RESET),
}


def healthy_delay(torture, client):
    """Seconds from the post of one event to its receipt by the healthy target."""
    event = events.delivered()
    begin = time.monotonic()
    assert client.post(event).result == "accepted"
    wait_until(lambda: event["id"] in torture.app.taken(), "the healthy one gets it")
    return time.monotonic() - begin


def beside(torture, servers, targets, count):
    """All of them get every event, and one more that never answers and may take its time; the healthy one
    gets each event while that one has its first ones. What it costs in time is printed, not judged."""
    stuck = torture.keep(contextlib.closing(Scripted(bytes_then(b"", HANG))))
    gateway = torture.start_gateway(listen={"threads": 1}, targets=[
        torture.often(), *targets, torture.often("stuck", stuck.url(), timeout="10m", concurrency=2)])
    with gateway.client() as client:
        delays = sorted(healthy_delay(torture, client) for _ in range(count))
    print(f"the healthy target waited {delays[count // 2]:.4f} s, at most {delays[-1]:.3f} s")
    assert gateway.metric("attempts_total", target="stuck") == 0, "nobody waited for its end"
    for name, server in servers.items():
        wait_until(lambda: server.requests > 1, f"{name} is tried again")
    assert_memory(gateway, RESIDENT_MAX_BYTES)
    return gateway


def assert_all_end(torture, gateway, servers, count):
    """Once they answer as they should, everything that was not delivered before arrives."""
    for server in servers.values():
        server.say = bytes_then(OK, None)
    for name in servers:
        gateway.wait_idle(name)
        done = gateway.metric("deliveries_total", target=name, outcome="delivered")
        dead = gateway.metric("deliveries_total", target=name, outcome="dead")
        assert done + dead == count, f"{name}: {done} + {dead} of {count}"
    assert gateway.metric("deliveries_total", target="app", outcome="delivered") == count


@scenario("receivers-http")
def http(torture):
    """Each kind of wrong is a target of its own."""
    chosen = WRONGS if torture.long else dict(torture.dice.sample(sorted(WRONGS.items(), key=str), 20))
    servers = {name: torture.keep(contextlib.closing(Scripted(say))) for name, say in chosen.items()}
    targets = [torture.often(name, server.url(), **SPOILED) for name, server in servers.items()]
    gateway = beside(torture, servers, targets, 30)
    assert_all_end(torture, gateway, servers, 30)


@scenario("receivers-tls")
def tls(torture):
    """Nonsense where a TLS handshake should be."""
    servers = {name: torture.keep(contextlib.closing(Scripted(say, first=True)))
               for name, say in TLS_WRONGS.items()}
    targets = [torture.often(name, server.url("https"), **SPOILED) for name, server in servers.items()]
    gateway = beside(torture, servers, targets, 30)
    for name in servers:
        assert gateway.queued(name) == 30, name
        assert gateway.metric("deliveries_total", target=name, outcome="delivered") == 0, name


def mutated(dice):
    """An answer with a few accidents."""
    head = dice.choice([b"HTTP/1.1 200 OK", b"HTTP/1.1 500 No", b"HTTP/1.1 503 Later\r\nRetry-After: 1"])
    body = dice.choice([b"Content-Length: 5\r\n\r\nhello", CHUNKED + b"\r\n\r\n5\r\nhello\r\n0\r\n\r\n"])
    data = bytearray(head + b"\r\nServer: x\r\n" + body)
    for _ in range(dice.randint(1, 6)):
        at = dice.randrange(len(data) + 1)
        match dice.randrange(5):
            case 0:
                data[at:at + 1] = dice.randbytes(1)
            case 1:
                data[at:at] = dice.choice([b"\r", b"\n", b"\0", b":", b" ", b"-", b"9", b"\r\n\r\n", b"\xff"])
            case 2:
                del data[at:at + dice.randint(1, 8)]
            case 3:
                data[at:at] = data[:dice.randint(0, len(data))]
            case 4:
                data[at:at] = bytes([dice.randrange(256)]) * dice.randint(1, 20_000)
    return bytes(data)


@scenario("receivers-mutated")
def mutants(torture):
    """Answers with accidents, whole or in pieces, and any end of the connection."""
    dice = torture.dice

    def say(connection, pause):
        data = mutated(dice)
        cut = dice.randrange(len(data) + 1)
        connection.sendall(data[:cut])
        pause(dice.choice((0, 0, 0.01)))
        connection.sendall(data[cut:])
        return dice.choice((None, CLOSE, RESET, HANG))

    servers = {f"mutant{n}": torture.keep(contextlib.closing(Scripted(say))) for n in range(4)}
    targets = [torture.often(name, server.url(), **(SPOILED | {"concurrency": 8, "timeout": "150ms"}))
               for name, server in servers.items()]
    count = 300 if torture.long else 60
    gateway = beside(torture, servers, targets, count)
    used, begin = cpu_seconds(gateway), time.monotonic()
    assert_all_end(torture, gateway, servers, count)
    assert cpu_seconds(gateway) - used < 0.8 * (time.monotonic() - begin) + 1, "it does not spin"
    assert_all_arrive(gateway, torture.app, [])

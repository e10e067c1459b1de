# SPDX-License-Identifier: MIT
"""Senders that drip, pipeline, smuggle, and go away in the middle, beside one that does it right."""

import contextlib
import json
import random
import socket
import threading

import events
from settings import PATH, TOKEN
from torture import Senders, assert_all_arrive, assert_alive, scenario
from waiting import wait_until

DRIP_S = 0.05
TIMEOUT_S = 2


def request(event, *headers, length=True, body=None):
    body = json.dumps(event).encode() if body is None else body
    lines = [f"POST {PATH} HTTP/1.1", "Host: t", "Content-Type: application/json",
             f"Authorization: Bearer {TOKEN}", *headers]
    if length:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def chunked(body):
    return b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)


def talk(gateway, data, close=False):
    """All that is answered until the gateway ends the connection or says nothing more."""
    said = b""
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=0.3) as connection:
        try:
            connection.sendall(data)
            if close:
                connection.shutdown(socket.SHUT_WR)
            while piece := connection.recv(65536):
                said += piece
        except OSError:
            pass  # cut off, or nothing more to say
    return said


def smuggled():
    """(name, bytes, the event that hides in them). Two parties that disagree about where the first
    request ends disagree about whether the hidden one is a request at all."""

    def case(name, *headers, chunks=None):
        """In a header, {long} is a length that takes the hidden request in."""
        hidden, outer = events.delivered(), json.dumps(events.delivered()).encode()
        inner = request(hidden)
        body = chunks + b"\r\n" if chunks is not None else chunked(outer) if "{chunks}" in name else outer
        sizes = {"size": len(body), "long": len(body) + len(inner)}
        headers = [header.format(**sizes) for header in headers]
        return name.format(chunks="chunks"), request(None, *headers, length=False, body=body + inner), hidden

    chunked_coding = "Transfer-Encoding: chunked"
    return [
        case("length and {chunks}", "Content-Length: {long}", chunked_coding),
        case("{chunks} and length", chunked_coding, "Content-Length: {long}"),
        case("two lengths", "Content-Length: {size}", "Content-Length: {long}"),
        case("two lengths, the other way", "Content-Length: {long}", "Content-Length: {size}"),
        case("list of lengths", "Content-Length: {size}, {long}"),
        case("signed length", "Content-Length: +{size}"),
        case("coding that is none", "Transfer-Encoding: xchunked", "Content-Length: {size}"),
        case("{chunks} with a blank", "Transfer-Encoding : chunked"),
        case("{chunks} twice", chunked_coding, chunked_coding),
        case("{chunks} and none", chunked_coding, "Transfer-Encoding: identity"),
        case("folded length", "Content-Length: {size}", "X: y\r\n Content-Length: {long}"),
        case("length behind a bare line feed", "Content-Length: {size}\nContent-Length: {long}"),
        case("chunk of negative size", chunked_coding, chunks=b"-1"),
        case("chunk of huge size", chunked_coding, chunks=b"fffffffffffffffff"),
    ]


@scenario("senders-smuggle")
def smuggle(torture):
    """What is not one clear request is refused, or ends the connection; nothing behind it is taken."""
    gateway = torture.start_gateway()
    problems = []
    for name, data, hidden in smuggled():
        said = talk(gateway, data)
        accepted = said.count(b'"status":"accepted"')
        repeat = gateway.post(hidden).result
        print(f"{name}: {said[:60]!r}, {accepted} accepted, the hidden one {repeat}")
        if repeat == "duplicate":
            problems.append(name)
    assert not problems, problems
    assert_alive(gateway)


@scenario("senders-odd")
def odd(torture):
    """Requests at the edge: each is answered or cut off, and the gateway stays as it is."""
    gateway = torture.start_gateway()
    event = events.delivered
    cases = {
        "ten thousand headers": request(event(), *[f"X-{n}: y" for n in range(10_000)]),
        "bare line feeds": request(event()).replace(b"\r\n", b"\n"),
        "folded header": request(event(), "X: a\r\n b\r\n\tc"),
        "zero in a header": request(event(), "X: a\0b"),
        "header without a name": request(event(), ": y"),
        "header without a colon": request(event(), "nothing"),
        "long chunk extension": request(event(), "Transfer-Encoding: chunked", length=False,
                                        body=b"1;" + b"a" * 200_000 + b"\r\n{\r\n0\r\n\r\n"),
        "many trailers": request(event(), "Transfer-Encoding: chunked", length=False,
                                 body=b"2\r\n{}\r\n0\r\n" + b"X: y\r\n" * 10_000 + b"\r\n"),
        "many small chunks": request(event(), "Transfer-Encoding: chunked", length=False,
                                     body=b"1\r\n \r\n" * 100_000 + b"0\r\n\r\n"),
        "expect something": request(event(), "Expect: miracles"),
        "upgrade": request(event(), "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c",
                           "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA"),
        "http2 preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(64),
        "absolute target": request(event()).replace(b"POST /", b"POST http://elsewhere/", 1),
        "connect": b"CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n",
        "huge length": request(event(), "Content-Length: 99999999999999999999999999", length=False),
        "length over the limit": request(event(), "Content-Length: 9999999999", length=False),
    }
    for name, data in cases.items():
        said = talk(gateway, data, close=torture.dice.random() < 0.5)
        print(f"{name}: {said[:60]!r}")
        assert gateway.process.poll() is None, name
        assert gateway.post(event()).result == "accepted", name
    assert_alive(gateway)


@scenario("senders-mutated")
def mutated(torture):
    """Requests with accidents. Whatever was answered with accepted arrives."""
    dice = torture.dice
    gateway = torture.start_gateway()
    acknowledged = []
    for _ in range(2000 if torture.long else 100):
        event = events.delivered()
        data = bytearray(b"".join(request(event) for _ in range(dice.randint(1, 3))))
        for _ in range(dice.randint(1, 4)):
            at = dice.randrange(len(data))
            match dice.randrange(4):
                case 0:
                    data[at] = dice.randrange(256)
                case 1:
                    data[at:at] = dice.choice([b"\r\n", b"\n", b"\r\n\r\n", b"\0", b" ", b":", b"0"])
                case 2:
                    del data[at:at + dice.randint(1, 30)]
                case 3:
                    data[at:at] = data[:dice.randint(0, len(data))]
        said = talk(gateway, bytes(data), close=True)
        if b'"status":"accepted","message_id":"%s"' % event["id"].encode() in said:
            acknowledged.append(event["id"])
    assert acknowledged, "some accidents do no harm"
    assert_all_arrive(gateway, torture.app, acknowledged)
    assert_alive(gateway)


@scenario("senders-many-bad")
def many_bad(torture):
    """A crowd that drips, hangs up half-way and pipelines without reading, around an ordinary sender."""
    gateway = torture.start_gateway(listen={"request_timeout": f"{TIMEOUT_S}s"})
    done = threading.Event()
    pause = threading.Event()

    def drip(dice):
        while not done.is_set():
            with contextlib.suppress(OSError), torture_connection(gateway) as connection:
                for byte in request(events.delivered()):
                    connection.sendall(bytes([byte]))
                    if done.is_set():
                        return
                    pause.wait(DRIP_S)

    def leave(dice):
        while not done.is_set():
            data = request(events.delivered())
            with contextlib.suppress(OSError), torture_connection(gateway) as connection:
                connection.sendall(data[:dice.randrange(len(data))])
            pause.wait(DRIP_S / 10)

    def pipeline(dice):
        while not done.is_set():
            with contextlib.suppress(OSError), torture_connection(gateway) as connection:
                connection.settimeout(0.2)
                for _ in range(dice.randint(2, 30)):
                    connection.sendall(request(events.delivered()))
            pause.wait(DRIP_S)

    threads = [threading.Thread(target=kind, args=(random.Random(torture.dice.random()),))
               for kind in (drip, drip, drip, leave, pipeline)]
    for thread in threads:
        thread.start()
    try:
        with Senders(gateway) as senders:
            senders.wait_more(3000 if torture.long else 200)
        assert not senders.unexpected, senders.unexpected
    finally:
        done.set()
        for thread in threads:
            thread.join()
    assert_all_arrive(gateway, torture.app, senders.acknowledged, timeout=60)
    wait_until(lambda: gateway.metric("process_open_fds") < 60, "the connections are gone")
    assert_alive(gateway)


def torture_connection(gateway):
    return socket.create_connection(("127.0.0.1", gateway.port), timeout=5)

# SPDX-License-Identifier: MIT
"""Receivers and proxies whose answers do not end: what they cost is bounded, and theirs alone."""

import signal
from contextlib import ExitStack, closing
from pathlib import Path

import events
import pytest
from settings import target
from torrent import Torrent
from waiting import wait_until

pytestmark = pytest.mark.threads

HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
REFUSED = b"HTTP/1.1 407 Who Are You\r\nProxy-Authenticate: Basic realm=\"x\"\r\n"

# name: (what comes first, what comes without end, whether the status is an answer all the same)
ANSWERS = {
    "trailers": (CHUNKED + b"2\r\nok\r\n0\r\n", b"X-A: b\r\n", True),
    "empty trailers": (CHUNKED + b"0\r\n", b"a:\r\n", True),
    "one trailer": (CHUNKED + b"0\r\nX-A: ", b"x", None),  # libcurl itself takes 4 KiB
    "extensions": (CHUNKED + b"1;", b"x", True),
    "small chunks": (CHUNKED, b"1\r\nx\r\n", True),
    "body": (HEAD + b"\r\n", b"x", True),
    "announced body": (HEAD + b"Content-Length: 99999999999\r\n\r\n", b"x", True),
    "headers": (HEAD, b"X-A: b\r\n", False),
    "one header": (HEAD + b"X-A: ", b"x", False),
    "interim": (b"", b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n", False),
}
TUNNELS = {
    "refused, announced": (REFUSED + b"Content-Length: 99999999999\r\n\r\n", b"x"),
    "refused, chunked": (REFUSED + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
    "refused, one chunk": (REFUSED + b"Transfer-Encoding: chunked\r\n\r\nffffffffff\r\n", b"x"),
    "refused, trailers": (REFUSED + b"Transfer-Encoding: chunked\r\n\r\n0\r\n", b"X-A: b\r\n"),
    "refused, headers": (REFUSED, b"X-A: b\r\n"),
    "accepted, headers": (HEAD, b"X-A: b\r\n"),
    "interim": (b"", b"HTTP/1.1 103 Early Hints\r\n\r\n"),
}
TAKEN_MAX = 1024 * 1024  # of a connection: the budget of 256 KiB, and what lies in buffers of the kernel
ROUNDS = 3
HEALTHY = 200
GROWTH_MAX = 32 * 1024 * 1024


def threads(gateway):
    return [path.read_text().strip() for path in Path(f"/proc/{gateway.process.pid}/task").glob("*/comm")]


def attack(start_gateway, receiver, peers, targets_of):
    """Posts to a healthy target beside those that are attacked, and stops while the attack continues."""
    gateway = start_gateway(targets=[target("healthy", receiver.url("/healthy")), *targets_of(peers)])
    gateway.post(events.delivered())
    receiver.wait_one("/healthy")
    before = gateway.metric("process_heap_bytes")
    gateway.post_all([events.delivered() for _ in range(HEALTHY)])
    receiver.wait_count(HEALTHY + 1, "/healthy")
    for name, peer in peers.items():
        wait_until(lambda: len(peer.sent) >= ROUNDS, f"{name}: it is hung up on, again and again")
        assert max(peer.sent) <= TAKEN_MAX, name
    assert gateway.metric("process_heap_bytes") - before < GROWTH_MAX
    return gateway


def test_an_endless_answer_costs_its_budget(start_gateway, receiver):
    with ExitStack() as stack:
        peers = {name: stack.enter_context(closing(Torrent(begin, piece)))
                 for name, (begin, piece, _) in ANSWERS.items()}
        names = {name: f"t{index}" for index, name in enumerate(peers)}
        gateway = attack(start_gateway, receiver, peers, lambda peers: [
            target(names[name], peer.url(), concurrency=4, retry=["50ms"] * 60) for name, peer in peers.items()])
        for name, (_, _, is_answer) in ANSWERS.items():
            answered = gateway.metric("attempts_total", target=names[name], result="2xx")
            assert is_answer is None or (answered > 0) == is_answer, name
        gateway.stop()


@pytest.mark.parametrize("proxied", ["http://app.invalid/", "https://app.invalid/"])
def test_an_endless_answer_of_a_proxy_holds_nobody(start_gateway, receiver, proxied):
    """libcurl reads the answer to CONNECT byte by byte, as long as bytes come, before it returns: on a
    thread of its own, and not for long, so that neither events nor a reload nor a stop waits for it."""
    answers = TUNNELS if proxied.startswith("https") else {
        name: (begin, piece) for name, (begin, piece, _) in ANSWERS.items()}
    with ExitStack() as stack:
        peers = {name: stack.enter_context(closing(Torrent(*answer))) for name, answer in answers.items()}
        gateway = attack(start_gateway, receiver, peers, lambda peers: [
            target(f"t{index}", proxied, proxy=peer.url(), concurrency=4, retry=["50ms"] * 60)
            for index, peer in enumerate(peers.values())])
        assert "proxies" in threads(gateway)
        gateway.signal(signal.SIGHUP)
        wait_until(lambda: gateway.log("gateway.reloaded"), "a reload takes place")
        gateway.stop()


# name: (what comes, and then nothing)
HALF_ANSWERS = {
    "announced": REFUSED + b"Content-Length: 10\r\n\r\n",
    "chunked": REFUSED + b"Transfer-Encoding: chunked\r\n\r\n",
    "forbidden": b"HTTP/1.1 403 No\r\nContent-Length: 10\r\n\r\n",
    "elsewhere": b"HTTP/1.1 302 Found\r\nLocation: http://other.invalid/\r\nContent-Length: 10\r\n\r\n",
}


@pytest.mark.parametrize("name", HALF_ANSWERS)
def test_what_a_proxy_says_after_the_head_of_its_refusal_is_not_waited_for(start_gateway, name):
    with closing(Torrent(HALF_ANSWERS[name], b"")) as proxy:
        gateway = start_gateway(targets=[
            target("app", "https://app.invalid/", proxy=proxy.url(), timeout="10m", connect_timeout="10m", retry=[])])
        gateway.post(events.delivered())
        dead = wait_until(lambda: gateway.log("delivery.dead", target="app"), "it is judged")[0]
        status = HALF_ANSWERS[name].split()[1].decode()
        assert f"HTTP {status} by the proxy" in str(dead)


def test_trailers_have_a_budget_of_their_own(start_gateway):
    """They follow an answer that is known already: its receiver need not end them."""
    with closing(Torrent(CHUNKED + b"2\r\nok\r\n0\r\n" + b"X-A: b\r\n" * 200, b"")) as receiver:
        gateway = start_gateway(targets=[target("app", receiver.url(), timeout="10m")])
        gateway.post(events.delivered())
        gateway.wait_metric("deliveries_total", 1, target="app", outcome="delivered")


def test_without_a_proxy_there_is_no_thread_for_them(gateway):
    assert "delivery" in threads(gateway) and "proxies" not in threads(gateway)

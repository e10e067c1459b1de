# SPDX-License-Identifier: MIT
"""What every scenario has: dice, gateways under a preloaded library, receivers, and the one question at
the end: is everything that was acknowledged delivered, dead or still waiting?"""

import contextlib
import http.client
import os
import random
import socket
import threading
from dataclasses import dataclass

import events
import settings
from repostal import Gateway
from preload import IS_SANITIZED, Faults
from receiver import Receiver, Reply
from waiting import PATIENCE_S, wait_until

RESIDENT_MAX_BYTES = 96 << 20  # a gateway with little to do takes a fifth of this
OFTEN = ["200ms"] * 10 + ["500ms"] * 54  # a schedule that outlives every scenario

SCENARIOS = {}


@dataclass
class Scenario:
    name: str
    run: object  # a function of a Torture
    short: bool  # part of the short form


def scenario(name, short=True):
    def add(function):
        assert name not in SCENARIOS, name
        SCENARIOS[name] = Scenario(name, function, short)
        return function

    return add


class Torture:
    """The surroundings of one run of one scenario."""

    def __init__(self, seed, directory, library, key, long):
        self.seed = seed
        self.dice = random.Random(seed)
        self.directory = directory.resolve()
        self.long = long
        self._library = library
        self._key = key
        self._gateways = []
        self._stack = contextlib.ExitStack()
        self.receiver = self.new_receiver()
        self.app = Endpoint(self.receiver)

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        try:
            problems = [problem for gateway in self._gateways if (problem := self._end(gateway))]
            if kind is None:
                assert not problems, "\n".join(problems)
        finally:
            self._stack.close()

    @staticmethod
    def _end(gateway):
        gateway.faults.calm()
        try:
            gateway.close()
        except (AssertionError, OSError) as problem:
            return str(problem)
        return None

    def new_receiver(self, *arguments, **words):
        return self.keep(contextlib.closing(Receiver(*arguments, **words)))

    def keep(self, context):
        """Until the end of the scenario."""
        return self._stack.enter_context(context)

    def on_exit(self, function, *arguments):
        self._stack.callback(function, *arguments)

    def connect(self, gateway):
        """A bare connection to the public listener."""
        return self.keep(socket.create_connection(("127.0.0.1", gateway.port), timeout=PATIENCE_S))

    def new_gateway(self, **changes):
        """Not started. Its faults are steered through .faults."""
        directory = self.directory / f"gateway{len(self._gateways)}"
        complete = settings.complete(directory, self.receiver.url(), self._key.path, **changes)
        gateway = Gateway(directory, complete)
        gateway.faults = Faults(self._library, directory, complete["store"]["path"])
        gateway.env = gateway.faults.env
        self._gateways.append(gateway)
        return gateway

    def start_gateway(self, **changes):
        return self.new_gateway(**changes).start()

    def often(self, name="app", url=None, **changes):
        """A target that is tried again until it works."""
        return settings.target(name, url or self.app.url, **({"retry": OFTEN} | changes))


class Senders:
    """Threads that post like BizMail: what got no answer, or a 503, is sent again until it is taken."""

    def __init__(self, gateway, count=4, **fields):
        self.gateway = gateway
        self.fields = fields
        self.acknowledged = []
        self.refused = 0
        self.unexpected = []
        self._done = threading.Event()
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(count)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._done.set()
        for thread in self._threads:
            thread.join()

    def _run(self):
        event = events.delivered(**self.fields)
        while not self._done.is_set():
            try:
                with self.gateway.client() as client:
                    while not self._done.is_set() and self._take(event, client.post(event)):
                        event = events.delivered(**self.fields)
            except (OSError, http.client.HTTPException):
                pass
            self._done.wait(0.01)  # the gateway is down, or has nowhere to put it

    def _take(self, event, answer):
        """Whether the event is done with."""
        if answer.result in ("accepted", "duplicate"):
            self.acknowledged.append(event["id"])
            return True
        if answer.status == 503:
            self.refused += 1
        else:
            self.unexpected.append(answer)
        return False

    def wait_more(self, count, timeout=PATIENCE_S):
        goal = len(self.acknowledged) + count
        wait_until(lambda: len(self.acknowledged) >= goal or self.unexpected, "the load flows", timeout)
        assert not self.unexpected, self.unexpected


class Endpoint:
    """A healthy receiver's path. It keeps the ids of the messages that it has taken; what it was shown
    while it refused does not count."""

    def __init__(self, receiver, path="/postal", name="app"):
        self.receiver = receiver
        self.path = path
        self.name = name  # of the target
        self._taken = set()
        self._lock = threading.Lock()
        self._refuses = False
        receiver.answer(path, self._reply)

    @property
    def url(self):
        return self.receiver.url(self.path)

    def refuse(self):
        self._refuses = True

    def heal(self):
        self._refuses = False

    def taken(self):
        with self._lock:
            return set(self._taken)

    def _reply(self, request):
        if self._refuses:
            return Reply(503)
        with self._lock:
            self._taken.add(request.envelope["payload"]["message"]["message_id"])
        return Reply(200)


def listed_ids(gateway, states, target="app"):
    """Of the deliveries that an operator sees in these states."""
    found, cursor = set(), None
    while True:
        query = f"limit=200&state={states}&target={target}" + (f"&cursor={cursor}" if cursor else "")
        page = gateway.admin(f"/api/v1/deliveries?{query}").json
        found |= {row["message_id"] for row in page["deliveries"]}
        cursor = page["next"]
        if cursor is None:
            return found


def lost(gateway, endpoint, acknowledged):
    """What was acknowledged and is nowhere. Looked for where it waits first, then where it went."""
    there = listed_ids(gateway, "ready,waiting,inflight,held,dead", endpoint.name)
    return set(acknowledged) - there - endpoint.taken()


def assert_nothing_lost(gateway, endpoint, acknowledged):
    missing = lost(gateway, endpoint, acknowledged)
    assert not missing, f"{len(missing)} of {len(set(acknowledged))} events were acknowledged and are gone"


def assert_all_arrive(gateway, endpoint, acknowledged, timeout=PATIENCE_S):
    """By itself, and in the end."""
    wait_until(lambda: set(acknowledged) <= endpoint.taken(), "all that was acknowledged arrives", timeout)
    gateway.wait_idle(endpoint.name)


def assert_alive(gateway):
    """It takes an event at once, and is not larger than it may be."""
    with gateway.client() as client:
        assert client.post(events.delivered()).result == "accepted"
    assert_memory(gateway)


def assert_memory(gateway, ceiling=RESIDENT_MAX_BYTES):
    if IS_SANITIZED:
        return
    peak = 1024 * int(process_fields(gateway)["VmHWM"].split()[0])
    assert peak <= ceiling, f"{peak >> 20} MiB resident"


def process_fields(gateway):
    with open(f"/proc/{gateway.process.pid}/status") as file:
        return {name: value.strip() for name, _, value in (line.partition(":") for line in file)}


def cpu_seconds(gateway):
    with open(f"/proc/{gateway.process.pid}/stat") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def wait_death(gateway):
    """Of a gateway that was told to die at a point."""
    code = gateway.wait_exit()
    assert code == -9, f"it ended with {code} instead:\n{gateway.log_text()[-2000:]}"

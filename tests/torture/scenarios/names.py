# SPDX-License-Identifier: MIT
"""Receivers whose names do not resolve: the name server fails, or says nothing for a long time."""

import time

import events
from torture import Endpoint, assert_all_arrive, assert_alive, scenario
from waiting import wait_until


def beside(torture, fault):
    name = f"www.{fault}.test"
    torture.receiver.answer("/named")
    named = Endpoint(torture.receiver, "/named", "named")
    gateway = torture.new_gateway(targets=[
        torture.often(),
        torture.often("named", torture.receiver.url("/named", host=name), timeout="300ms",
                      connect_timeout="300ms", concurrency=4),
        torture.often("patient", torture.receiver.url("/patient", host=f"patient.{fault}.test"), timeout="10m",
                      connect_timeout="10m", concurrency=2)])
    page = gateway.faults.page
    page.names_hang = page.names_fail = 1
    gateway.start()
    return gateway, named


def run(torture, fault, result):
    gateway, named = beside(torture, fault)
    sent, worst = [], 0.0
    ended = 0
    with gateway.client() as client:
        while len(sent) < (300 if torture.long else 60) or ended < 8:
            event = events.delivered()
            begin = time.monotonic()
            assert client.post(event).result == "accepted"
            sent.append(event["id"])
            wait_until(lambda: event["id"] in torture.app.taken(), "the healthy one gets it")
            worst = max(worst, time.monotonic() - begin)
            ended = gateway.metric("attempts_total", target="named", result=result)
    print(f"the healthy target waited {worst:.3f} s at most")
    if fault == "hang":
        assert gateway.metric("attempts_total", target="patient") == 0, "nobody waited for its end"
    assert_alive(gateway)
    gateway.faults.calm()
    assert_all_arrive(gateway, named, sent)
    assert gateway.metric("attempts_total", target="app", result="2xx") == len(sent) + 1


@scenario("names-fail")
def fail(torture):
    """The name server says that it does not know, until it does."""
    run(torture, "fail", "dns")


@scenario("names-hang")
def hang(torture):
    """The name server says nothing: attempts time out, others do not wait for them, retries come."""
    run(torture, "hang", "timeout")


@scenario("names-hang-stop")
def hang_stop(torture):
    """A stop while a name hangs is a stop all the same, and the event is sent after the next start."""
    gateway, named = beside(torture, "hang")
    event = events.delivered()
    gateway.post(event)
    wait_until(lambda: gateway.faults.page.names_asked > 0, "the name is asked for")
    assert gateway.stop() == 0
    gateway.faults.calm()
    gateway.start()
    assert_all_arrive(gateway, named, [event["id"]])

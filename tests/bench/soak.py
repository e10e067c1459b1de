# SPDX-License-Identifier: MIT
"""Half an hour at a steady rate, with bad receivers beside a good one, reloads, stops and kills.

Every minute events flow at the rate; in its middle the configuration is reloaded, and at its end the
gateway is stopped (every fifth minute) or killed (every seventh) and started again. What was acknowledged
has to arrive; memory, descriptors and the store's size are noted, and may not grow once old events go."""

import os
import signal
import statistics
import threading
import time

from programs import PATH_OF_FEW, post

MINUTE_S = 60
FEW_RATE = 20  # events a second for the bad receivers: each of them fails, is tried again, and dies
BAD = 'sources = [ "few" ]; retry = [ "1s" ]; breaker: { failures = 1000000; };'
DEAD = "http://127.0.0.1:9/dead"


def descriptors(gateway):
    return len(os.listdir(f"/proc/{gateway.process.pid}/fd"))


def store_mib(folder):
    return sum(os.path.getsize(os.path.join(folder, name)) for name in os.listdir(folder)
               if name.startswith("repostal.db")) / 2**20


def start(run, folder):
    url = run.receiver.url
    return run.gateway([("app", url(), 'sources = [ "bizmail" ];'), ("dead", DEAD, BAD),
                        ("slow", url("/slow-300"), BAD), ("refusing", url("/refuse"), BAD)],
                       folder=folder, store=f'path = "{folder}/repostal.db"; keep_delivered = "60s"; '
                                            'keep_dead = "60s"; dedup_window = "30s";')


def end_gateway(gateway, minute):
    """Every fifth minute stopped, every seventh killed."""
    if minute % 7 == 0:
        gateway.stop(signal.SIGKILL)
    elif minute % 5 == 0:
        gateway.stop()
    return gateway.process.poll() is not None


def one_minute(run, gateway, folder, minute, rate, seconds):
    run.receiver.reset()
    reload = threading.Timer(seconds / 2, lambda: gateway.process.send_signal(signal.SIGHUP))
    reload.start()
    few = threading.Thread(target=post, args=(run.build, gateway.port, FEW_RATE * seconds, 4, FEW_RATE,
                                              f"f{minute:x}", PATH_OF_FEW))
    few.start()
    sent = post(run.build, gateway.port, rate * seconds, 32, rate, f"s{minute:x}")
    reload.join()
    few.join()
    return {"minute": minute, "accepted": sent["accepted"], "ack_p99_ms": sent["p99_us"] / 1000,
            "resident_mib": gateway.resident_mib(), "descriptors": descriptors(gateway),
            "store_mib": store_mib(folder)}


def soak(run):
    """Half an hour at a steady rate with bad receivers, reloads, stops and kills: what may not grow, and does not."""
    rate, minutes, seconds = int(os.environ.get("SOAK_RATE", "10000")), run.count(30, 3), run.count(MINUTE_S, 4)
    folder, rows = run.new_folder(), []
    gateway = start(run, folder)
    try:
        for minute in range(1, minutes + 1):
            row = one_minute(run, gateway, folder, minute, rate, seconds)
            if end_gateway(gateway, minute):
                gateway = start(run, folder)
            deadline = time.monotonic() + 60
            while run.receiver.stats()["distinct"] < row["accepted"] and time.monotonic() < deadline:
                threading.Event().wait(0.1)
            stats = run.receiver.stats()
            row |= {"missing": row["accepted"] - stats["distinct"],
                    "twice": stats["requests"] - stats["distinct"], "event_p99_ms": stats["p99_us"] / 1000}
            rows.append(row)
            print(row, flush=True)
    finally:
        gateway.stop()
    return rows


def drift(rows, name):
    """How much more the last third has than the middle one, as a ratio."""
    third = len(rows) // 3
    middle = statistics.median(row[name] for row in rows[third:2 * third])
    return statistics.median(row[name] for row in rows[2 * third:]) / middle

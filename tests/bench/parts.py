# SPDX-License-Identifier: MIT
"""What is measured. Each part returns rows of figures; programs that are compared take turns in one run."""

import os
import re
import signal
import statistics
import subprocess
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor

from programs import (PATH, PATH_OF_FEW, Bare, BullMq, Gateway, Plain, Program, Receiver, install_modules, post,
                      run_through)
from hostile import hostile
from postgres import PostgresServer  # the tests' own; programs has made it known
from soak import soak
from waiting import wait_until

DEAD = "http://127.0.0.1:9/dead"  # the discard port: nobody listens there


class Run:
    """What the parts share: where things are built, how long to go on, what runs beside them."""

    def __init__(self, build, quick):
        self.build, self.quick = build, quick
        self.folder = tempfile.mkdtemp(prefix="repostal-bench-")
        self.receiver = Receiver(build)
        self.server = None
        self.databases = 0
        self.key = os.path.join(self.folder, "signing.key")
        subprocess.run([f"{build}/repostal/repostal", "keygen", self.key], check=True,
                       stdout=subprocess.DEVNULL)

    def count(self, full, quick):
        return quick if self.quick else full

    def new_folder(self):
        return tempfile.mkdtemp(dir=self.folder)

    def new_database(self):
        if self.server is None:
            self.server = PostgresServer(durable=True)
            self.server.start()
        self.databases += 1
        name = f"bench{self.databases}"
        self.server.create_database(name)
        return f'backend = "postgresql"; dsn = "{self.server.dsn(name)}";'

    def gateway(self, targets=None, store=None, key=None, folder=None, program="repostal"):
        targets = targets or [("app", self.receiver.url(), "")]
        return Gateway(self.build, folder or self.new_folder(), targets, store, key, program)

    def through(self, program, count, connections=64, rate=0):
        return run_through(self.build, program, self.receiver, count, connections, rate)

    def close(self):
        for program in reversed(list(Program.living)):
            program.stop()
        if self.server is not None:
            self.server.close()


def milliseconds(report, name):
    return report[f"{name}_us"] / 1000


def rates(run):
    """End to end, and how long senders wait, over numbers of connections."""
    rows = []
    for store in ("SQLite", "PostgreSQL"):
        for signing in (False, True):
            for connections in (1, 16, 64, 256):
                gateway = run.gateway(store=run.new_database() if store == "PostgreSQL" else None,
                                      key=run.key if signing else None)
                count = run.count(min(60000, 3000 + 1000 * connections), 1000)
                if signing:
                    count = min(count, 20000)
                try:
                    result = run.through(gateway, count, connections)
                finally:
                    gateway.stop()
                sent = result["sent"]
                rows.append({"store": store, "signing": "on" if signing else "off",
                             "connections": connections, "events_per_second": result["per_second"],
                             "ack_p50_ms": milliseconds(sent, "p50"), "ack_p90_ms": milliseconds(sent, "p90"),
                             "ack_p99_ms": milliseconds(sent, "p99"), "ack_max_ms": milliseconds(sent, "max")})
    return rows


class Pair:
    """Two gateways on one database, the load shared out between them."""

    def __init__(self, run):
        store = run.new_database()
        self.gateways = [run.gateway(store=store) for _ in range(2)]

    def stop(self):
        for gateway in self.gateways:
            gateway.stop()


def through_pair(run, pair, count):
    run.receiver.reset()
    began = time.monotonic()
    prefix = f"{int(began * 1000):x}"
    with ThreadPoolExecutor(2) as pool:
        # The second one's numbers follow the first one's: the receiver tells all events apart.
        halves = [pool.submit(post, run.build, gateway.port, count // 2, 32, 0, f"{prefix}{i}",
                              first=i * (count // 2)) for i, gateway in enumerate(pair.gateways)]
        for half in halves:
            half.result()
    wait_until(lambda: run.receiver.stats()["distinct"] >= count, "every event arrives", 120)
    return {"per_second": count / (time.monotonic() - began)}


def contenders(run):
    modules = install_modules(run.folder)
    url = run.receiver.url()
    return {
        "bare libraries": lambda: Bare(run.build, run.new_folder(), url),
        "repostal, SQLite": run.gateway,
        "repostal, PostgreSQL": lambda: run.gateway(store=run.new_database()),
        "two repostals, PostgreSQL": lambda: Pair(run),
        "Express + BullMQ + Redis": lambda: BullMq(modules, run.new_folder(), url),
        "Express + fetch (not durable)": lambda: Plain(modules, run.new_folder(), url),
    }


def ratio_by_rounds(values, others):
    """The median of each round's ratio: a machine that changes its speed changes it for a whole round."""
    return statistics.median(value / other for value, other in zip(values, others))


def ratios(run):
    """Everybody in turn, several rounds, 64 connections: medians, of rates and of each round's ratios."""
    figures = {}
    for _ in range(run.count(7, 1)):
        for name, start in contenders(run).items():
            program = start()
            count = run.count(60000 if "Express" not in name else 8000, 1000)
            try:
                send = through_pair if isinstance(program, Pair) else Run.through
                send(run, program, run.count(4000, 1000))  # Node compiles what runs often
                result = send(run, program, count)
            finally:
                program.stop()
            figures.setdefault(name, []).append(result["per_second"])
    return [{"who": name, "events_per_second": statistics.median(values), "lowest": min(values),
             "highest": max(values),
             "ratio_to_bare": ratio_by_rounds(values, figures["bare libraries"]),
             "ratio_to_bullmq": ratio_by_rounds(values, figures["Express + BullMQ + Redis"]),
             "ratio_to_one_on_postgresql": ratio_by_rounds(values, figures["repostal, PostgreSQL"])}
            for name, values in figures.items()]


def rsa_per_second():
    """RSA-2048 signatures that OpenSSL makes with all cores and nothing else to do."""
    text = subprocess.run(["openssl", "speed", "-seconds", "2", "-multi", str(os.cpu_count()), "rsa2048"],
                          capture_output=True, text=True, check=True).stdout
    return float(re.search(r"rsa\s+2048 bits\s+\S+\s+\S+\s+([\d.]+)", text).group(1))


def rate_with(run, key, count):
    gateway = run.gateway(key=key)
    try:
        run.through(gateway, run.count(4000, 200))
        return run.through(gateway, run.count(count, 500))["per_second"]
    finally:
        gateway.stop()


def signing(run):
    """Two RSA-2048 signatures for each envelope, against what OpenSSL alone can do in the same run."""
    rows = []
    for _ in range(run.count(5, 1)):
        before = rsa_per_second()
        signed = rate_with(run, run.key, 20000)
        rsa_limit = (before + rsa_per_second()) / 2 / 2  # it is measured on both sides, and two make an event
        unsigned = rate_with(run, None, 60000)
        both_limit = 1 / (1 / rsa_limit + 1 / unsigned)
        rows.append({"events_per_second": signed, "rsa_limit_per_second": rsa_limit, "ratio": signed / rsa_limit,
                     "unsigned_per_second": unsigned, "limit_of_both_per_second": both_limit,
                     "ratio_to_both": signed / both_limit})
    return rows


def latency(run):
    """From when an event was due to be sent to its arrival at the receiver, at fixed rates."""
    rows = []
    for store in ("SQLite", "PostgreSQL"):
        for rate in (100, 1000, 5000):
            gateway = run.gateway(store=run.new_database() if store == "PostgreSQL" else None)
            try:
                run.through(gateway, 200, 4)  # connections are open, caches warm
                result = run.through(gateway, rate * run.count(20, 2), 64, rate)
            finally:
                gateway.stop()
            row = {"store": store, "rate_per_second": rate}
            row.update({f"event_{name}_ms": milliseconds(result["received"], name)
                        for name in ("p50", "p90", "p99", "max")})
            rows.append(row)
    return rows


def fill(run, gateway, count, path=PATH):
    """Leaves so many events waiting: their target is dead."""
    post(run.build, gateway.port, count, 64, 0, f"w{os.urandom(4).hex()}", path)


def memory(run):
    """Resident, as the backlog of a dead target grows; and how long until /readyz says 200 again."""
    return fill_in_steps(run, [0, 10_000, 100_000, 1_000_000] if not run.quick else [0, 1000, 10_000])


def memory_huge(run):
    """The same with ten million events waiting."""
    return fill_in_steps(run, [10_000_000] if not run.quick else [20_000])


def fill_in_steps(run, steps):
    folder, rows, waiting = run.new_folder(), [], 0
    targets = [("dead", DEAD, "")]
    gateway = run.gateway(targets, folder=folder)
    try:
        for step in steps:
            while waiting < step:
                portion = min(1_000_000, step - waiting)
                fill(run, gateway, portion)
                waiting += portion
            resident = gateway.resident_mib()
            gateway.stop()
            size = sum(os.path.getsize(os.path.join(folder, name)) for name in os.listdir(folder)
                       if name.startswith("repostal.db"))
            gateway = run.gateway(targets, folder=folder)
            ready_s = gateway.ready_s
            gateway.stop(signal.SIGKILL)
            gateway = run.gateway(targets, folder=folder)
            rows.append({"waiting": waiting, "resident_mib": resident, "ready_again_s": ready_s,
                         "ready_after_kill_s": gateway.ready_s,
                         "resident_after_restart_mib": gateway.resident_mib(),
                         "file_mib": size / 2**20})
    finally:
        gateway.stop()
    return rows


def load_memory(run):
    """At full load, everything delivered."""
    gateway = run.gateway()
    try:
        idle = gateway.resident_mib()
        result = run.through(gateway, run.count(200_000, 2000), 256)
        return [{"idle_mib": idle, "at_load_mib": gateway.resident_mib(),
                 "events_per_second": result["per_second"]}]
    finally:
        gateway.stop()


def backlog(run):
    """The rate to a healthy target with a million events waiting for a dead one, and without."""
    figures = {"no backlog": [], "a million waiting": []}
    full, empty = run.new_folder(), run.new_folder()
    # The dead target takes part in both, tried now and then; but only the backlog was sent to it.
    targets = [("app", run.receiver.url(), 'sources = [ "bizmail" ];'), ("dead", DEAD, 'sources = [ "few" ];')]
    gateway = run.gateway(targets, folder=full)
    fill(run, gateway, run.count(1_000_000, 5000), PATH_OF_FEW)
    gateway.stop()
    for _ in range(run.count(5, 1)):
        for name, folder in (("no backlog", empty), ("a million waiting", full)):
            gateway = run.gateway(targets, folder=folder)
            try:
                result = run.through(gateway, run.count(60000, 1000))
            finally:
                gateway.stop()
            figures[name].append(result["per_second"])
    medians = {name: statistics.median(values) for name, values in figures.items()}
    return [{"backlog": name, "events_per_second": median, "ratio": median / medians["no backlog"]}
            for name, median in medians.items()]


def beside(run, other):
    """One gateway, every event to the healthy target and to the other one: as fast as it goes, then paced."""
    gateway = run.gateway([("app", run.receiver.url(), ""), ("other", other, "")])
    try:
        flat = run.through(gateway, run.count(60000, 1000))
        paced = run.through(gateway, run.count(10000, 500), 64, 1000)
    finally:
        gateway.stop()
    return (flat["per_second"], milliseconds(paced["received"], "p50"), milliseconds(paced["received"], "p99"))


def neighbours(run):
    """A healthy target's rate and latency beside another one; every event goes to both. Medians of rounds."""
    paths = {"healthy": "/slow-0", "dead": None, "refusing": "/refuse", "slow (500 ms)": "/slow-500",
             "hanging": "/hang"}
    rounds = {name: [] for name in paths}
    for _ in range(run.count(3, 1)):
        for name, path in paths.items():
            rounds[name].append(beside(run, DEAD if path is None else run.receiver.url(path)))
    rows = [dict(zip(("neighbour", "events_per_second", "event_p50_ms", "event_p99_ms"),
                     (name, *map(statistics.median, zip(*figures))))) for name, figures in rounds.items()]
    for row in rows:
        row["ratio_to_healthy_neighbour"] = row["events_per_second"] / rows[0]["events_per_second"]
    return rows


def many_targets(run):
    """Deliveries to more and more targets of one receiver that answers at once; attempts that were not needed."""
    rows = []
    for targets in (1, 10, 100, 1000):
        deliveries = run.count(50_000, 2000)
        gateway = run.gateway([(f"t{index}", run.receiver.url(), "") for index in range(targets)])
        try:
            began = time.monotonic()
            post(run.build, gateway.port, deliveries // targets, min(16, deliveries // targets))
            wait_until(lambda: gateway.metric('repostal_deliveries_total') >= deliveries, "all is delivered", 600)
            rows.append({"targets": targets, "deliveries_per_second": deliveries / (time.monotonic() - began),
                         "attempts_not_needed": int(gateway.metric('repostal_attempts_total')) - deliveries,
                         "resident_mib": gateway.resident_mib()})
        finally:
            gateway.stop()
    return rows


LIBRARIES = {"Debian's libh2o": "repostal", "upstream's libh2o": "repostal-upstream"}


def libh2o(run):
    """The same program with either libh2o, in turn, several rounds, 64 connections: medians, of rates and of each
    round's ratios."""
    rates = {name: [] for name in LIBRARIES}
    for _ in range(run.count(7, 1)):
        for name, program in LIBRARIES.items():
            gateway = run.gateway(program=program)
            try:
                run.through(gateway, run.count(4000, 200))
                rates[name].append(run.through(gateway, run.count(60000, 1000))["per_second"])
            finally:
                gateway.stop()
    first = next(iter(rates.values()))
    return [{"library": name, "events_per_second": statistics.median(values), "lowest": min(values),
             "highest": max(values), "ratio": ratio_by_rounds(values, first)} for name, values in rates.items()]


PARTS = {"ratios": ratios, "rates": rates, "latency": latency, "signing": signing, "backlog": backlog,
         "neighbours": neighbours, "many-targets": many_targets, "hostile": hostile, "libh2o": libh2o,
         "load-memory": load_memory, "memory": memory,
         "memory-huge": memory_huge, "soak": soak}
BY_DEFAULT = [name for name in PARTS if name != "libh2o"]  # which needs sources that no package has

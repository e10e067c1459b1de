# SPDX-License-Identifier: MIT
"""The programs that are measured, started and stopped: each in a folder of its own below the run's."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "support"))
from waiting import wait_until

PATH = "/webhooks/bizmail"
PATH_OF_FEW = "/webhooks/few"  # for targets with sources = [ "few" ]


def fetch(url, data=None, timeout=10):
    with urllib.request.urlopen(urllib.request.Request(url, data=data), timeout=timeout) as answer:
        return answer.read()


class Program:
    """A child process whose first line of output is its port, unless it has none."""

    living = []  # what a part that failed has left behind is stopped at the end

    def __init__(self, command, folder=None, has_port=True, log=None):
        self.log = open(log, "ab") if log else subprocess.DEVNULL
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self.log, cwd=folder)
        Program.living.append(self)
        self.port = int(self.process.stdout.readline()) if has_port else None

    def resident_mib(self):
        with open(f"/proc/{self.process.pid}/status") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmRSS")) / 1024

    def stop(self, number=signal.SIGTERM):
        if self in Program.living:
            Program.living.remove(self)
        if self.process.poll() is None:
            self.process.send_signal(number)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process.stdout.close()


class Receiver(Program):
    def __init__(self, build):
        super().__init__([f"{build}/receive", "0"])

    def url(self, path="/ok"):
        return f"http://127.0.0.1:{self.port}{path}"

    def reset(self):
        fetch(self.url("/reset"), b"")

    def stats(self):
        return json.loads(fetch(self.url("/stats")))


class Bare(Program):
    def __init__(self, build, folder, url):
        database = os.path.join(folder, "bare.db")
        for name in os.listdir(folder):
            if name.startswith("bare.db"):
                os.unlink(os.path.join(folder, name))
        super().__init__([f"{build}/bare", url, database, "64"])


class Gateway(Program):
    """repostal with these targets: (name, url, further settings)."""

    def __init__(self, build, folder, targets, store=None, key=None, program="repostal"):
        config = os.path.join(folder, "repostal.conf")
        store = store or f'path = "{folder}/repostal.db";'
        signing = f'signing: {{ keys = [ "{key}" ]; }};' if key else ""
        groups = ", ".join(
            f'{{ name = "{name}"; url = "{url}"; concurrency = 64; {more} }}'
            for name, url, more in targets)
        with open(config, "w") as out:
            out.write(f"""listen: {{ port = 0; }}; admin: {{ port = 0; }};
store: {{ {store} max_backlog = 100000000; }}; log: {{ level = "info"; format = "json"; }};
sources: ( {{ name = "bizmail"; path = "{PATH}"; auth = "none"; }},
           {{ name = "few"; path = "{PATH_OF_FEW}"; auth = "none"; }} ); {signing}
targets: ( {groups} );
""")
        os.chmod(config, 0o600)
        self.log_path = os.path.join(folder, "repostal.log")
        with open(self.log_path, "w"):
            pass
        self.began = time.monotonic()
        super().__init__([f"{build}/{program}/repostal", "serve", "-c", config], has_port=False,
                         log=self.log_path)
        wait_until(self._is_ready, "repostal is ready", 120)
        self.ready_s = time.monotonic() - self.began

    def _is_ready(self):
        if self.process.poll() is not None:
            raise RuntimeError(open(self.log_path).read())
        for line in open(self.log_path):
            if '"gateway.ready"' in line:
                fields = json.loads(line)
                self.port, self.admin_port = fields["port"], fields["admin_port"]
                return self._says_ready()
        return False

    def _says_ready(self):
        """What a load balancer asks; 503 is an HTTPError, and both are an OSError."""
        try:
            fetch(f"http://127.0.0.1:{self.admin_port}/readyz")
        except OSError:
            return False
        return True

    def metric(self, name):
        """The sum of a metric's lines that begin with this."""
        text = fetch(f"http://127.0.0.1:{self.admin_port}/metrics").decode()
        return sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line.startswith(name))


class Redis(Program):
    def __init__(self, folder):
        self.socket = os.path.join(folder, "redis.sock")
        super().__init__(
            ["redis-server", "--port", "0", "--unixsocket", self.socket, "--dir", folder, "--save", "",
             "--appendonly", "yes", "--appendfsync", "always", "--loglevel", "warning"], has_port=False)
        wait_until(lambda: os.path.exists(self.socket), "redis listens", 10)


class BullMq:
    """Redis, the process that accepts and the one that delivers."""

    def __init__(self, modules, folder, url):
        self.redis = Redis(folder)
        script = os.path.join(modules, "bullmq.mjs")
        self.worker = Program(["node", script, "deliver", self.redis.socket, url], modules, has_port=False)
        self.worker.process.stdout.readline()
        self.accept = Program(["node", script, "accept", self.redis.socket], modules)
        self.port = self.accept.port

    def stop(self):
        for program in (self.accept, self.worker, self.redis):
            program.stop(signal.SIGKILL)


class Plain(Program):
    def __init__(self, modules, _folder, url):
        super().__init__(["node", os.path.join(modules, "plain.mjs"), url], modules)


def install_modules(folder):
    """Node's packages, outside of the repository; the folder with the scripts beside them."""
    modules = os.path.join(folder, "compare")
    if not os.path.exists(os.path.join(modules, "node_modules", "express")):
        shutil.copytree(os.path.join(HERE, "compare"), modules, dirs_exist_ok=True)
        subprocess.run(["npm", "install", "--silent", "--no-audit", "--no-fund"], cwd=modules, check=True)
    return modules


def post(build, port, count, connections, rate=0, prefix="e", path=PATH, first=0):
    """Runs load; every event has to be accepted."""
    result = subprocess.run(
        [f"{build}/load", str(port), path, str(count), str(connections), str(rate), prefix, str(first)],
        stdout=subprocess.PIPE, check=False)
    report = json.loads(result.stdout)
    if report["accepted"] != count:
        raise RuntimeError(f"not every event was accepted: {report}")
    return report


def run_through(build, program, receiver, count, connections, rate=0):
    """From the first event sent to the last one received, and both sides' reports."""
    receiver.reset()
    began = time.monotonic()
    prefix = f"{int(began * 1000):x}"
    sent = post(build, program.port, count, connections, rate, prefix)
    wait_until(lambda: receiver.stats()["distinct"] >= count, "every event arrives", 120)
    seconds = time.monotonic() - began
    received = receiver.stats()
    return {"per_second": count / seconds, "sent": sent, "received": received,
            "duplicates": received["requests"] - received["distinct"]}

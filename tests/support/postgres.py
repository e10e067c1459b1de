# SPDX-License-Identifier: MIT
"""A PostgreSQL server of our own: private folder, unix socket only, gone with the process that started it.

PostgreSQL refuses to run as root: a server that root starts runs as the user of Debian's package. Run
as a program with a folder as its argument, this file is the watcher that a PostgresServer starts: when
its standard input ends, because whoever holds the other end has ended, it stops what runs in that folder
and removes it.
"""

import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from functools import cache
from pathlib import Path

from waiting import PATIENCE_S, wait_until

VERSIONS = Path("/usr/lib/postgresql")  # a folder for each that is installed, as Debian's packages make them
PORT = 5432  # of no network: it is part of the socket's name
SUPERUSER = "postgres"
PASSWORD_USER = "keyholder"  # the only one that has to say its password
SETTINGS = {
    "listen_addresses": "''",
    "max_connections": "50",
    "shared_buffers": "'64MB'",
    "log_line_prefix": "'%m [%p] '",
    "wal_sender_timeout": "'5s'",  # a standby that stands still is noticed
}
FAST_SETTINGS = {"fsync": "off", "full_page_writes": "off"}  # for tests that never cut the power
ACCESS = f"""\
local all {PASSWORD_USER} scram-sha-256
local all all trust
local replication all trust
"""


class PostgresError(Exception):
    """What a program of PostgreSQL said."""


class PostgresServer:
    """Not started yet, but with a folder that is ready for it. durable: as people run it; otherwise an
    acknowledged commit may not survive the machine, which is no matter to a test that does not end it."""

    port = PORT
    user = SUPERUSER

    def __init__(self, durable=True):
        self._make_folder()
        try:
            run_program("initdb", "-D", self.data, "-U", SUPERUSER, "--auth=trust", "--no-sync",
                        "--encoding=UTF8", "--locale=C.UTF-8")
            settings = SETTINGS | ({} if durable else FAST_SETTINGS)
            self._append("postgresql.conf", "".join(f"{name} = {text}\n" for name, text in settings.items()))
            (self.data / "pg_hba.conf").write_text(ACCESS)
        except Exception:
            self.close()
            raise

    @classmethod
    def standby_of(cls, primary, name="standby"):
        """A started copy that follows the primary; from now on the primary waits for it with each commit."""
        standby = cls.__new__(cls)
        standby._make_folder()
        try:
            run_program("pg_basebackup", "-D", standby.data, "-R", "--checkpoint=fast", "--no-sync",
                        "-d", f"host={primary.folder} user={SUPERUSER} application_name={name}")
            standby.start()
            primary.configure("synchronous_standby_names", name)
            wait_until(lambda: primary.execute("SELECT sync_state FROM pg_stat_replication") == "sync",
                       "the standby confirms commits")
        except Exception:
            standby.close()
            raise
        return standby

    def _make_folder(self):
        self.folder = Path(tempfile.mkdtemp(prefix="repostal-pg-"))  # short: it holds the socket
        self.data = self.folder / "data"
        self.log_path = self.folder / "server.log"
        self.log_path.touch()
        self._process = None
        if identity():
            shutil.chown(self.folder, SUPERUSER, SUPERUSER)
        self._watcher = subprocess.Popen([sys.executable, __file__, self.folder], stdin=subprocess.PIPE,
                                         start_new_session=True)

    def _append(self, name, text):
        with open(self.data / name, "a", encoding="utf-8") as file:
            file.write(text)

    # -- life ---------------------------------------------------------------------------------------

    def start(self):
        assert self._process is None
        with open(self.log_path, "ab") as log:
            self._process = subprocess.Popen([program("postgres"), "-D", self.data, "-k", self.folder],
                                             stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/",
                                             start_new_session=True, **identity())
        try:
            wait_until(self._answers, "PostgreSQL takes connections")
        except BaseException:
            self.kill9()
            raise
        return self

    def _answers(self):
        if self._process.poll() is not None:
            raise PostgresError(f"the server ended: {self.log_text()[-2000:]}")
        return subprocess.run([program("pg_isready"), "-q", "-h", self.folder]).returncode == 0

    def stop(self, mode="fast"):
        """mode: "smart", "fast" or "immediate", as pg_ctl has them. Stopped already: nothing."""
        if self._process is None:
            return
        signals = {"smart": signal.SIGTERM, "fast": signal.SIGINT, "immediate": signal.SIGQUIT}
        self.resume()
        self._process.send_signal(signals[mode])
        try:
            self._process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.kill9()
        self._process = None

    def kill9(self):
        """All of its processes at once, as when the machine goes down."""
        processes = process_and_children(self._process.pid)
        signal_all(processes, signal.SIGKILL)
        self._process.wait()
        self._process = None
        wait_until(lambda: not any(map(is_alive, processes)), "the server's processes have ended")

    def pause(self):
        """They all stand still, with their connections open."""
        signal_all(process_and_children(self._process.pid), signal.SIGSTOP)

    def resume(self):
        signal_all(process_and_children(self._process.pid), signal.SIGCONT)

    def restart(self, mode="fast"):
        self.stop(mode)
        return self.start()

    def promote(self):
        """From a standby to a primary."""
        self.execute("SELECT pg_promote(true, 30)")

    def close(self):
        """The end, of the folder too."""
        if self._process is not None:
            self.stop("immediate")
        self._watcher.stdin.close()
        self._watcher.wait()

    # -- use ----------------------------------------------------------------------------------------

    def dsn(self, database="postgres", user=SUPERUSER):
        return f"host={self.folder} dbname={database} user={user}"

    def create_database(self, name):
        """Returns its dsn."""
        self.execute(f'CREATE DATABASE "{name}"')
        return self.dsn(name)

    def create_user(self, password, superuser=True):
        """PASSWORD_USER, whom the server asks for this password from now on."""
        known = self.execute(f"SELECT 1 FROM pg_roles WHERE rolname = '{PASSWORD_USER}'")
        self.execute(f"{'ALTER' if known else 'CREATE'} ROLE {PASSWORD_USER} LOGIN {'SUPERUSER' if superuser else ''} "
                     f"PASSWORD '{password}'")

    def execute(self, sql, database="postgres"):
        """What psql prints: rows as lines, columns with | between them."""
        result = subprocess.run(
            [program("psql"), "-XAtq", "-v", "ON_ERROR_STOP=1", "-d", self.dsn(database), "-c", sql],
            capture_output=True, text=True, timeout=PATIENCE_S)
        if result.returncode != 0:
            raise PostgresError(result.stderr.strip())
        return result.stdout.rstrip("\n")

    def configure(self, name, value):
        """One setting, in effect at once."""
        self.execute(f"ALTER SYSTEM SET {name} = '{value}'")
        self.execute("SELECT pg_reload_conf()")

    def disconnect(self, database):
        """Ends the connections to a database; returns how many there were."""
        return int(self.execute("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
                                f"WHERE datname = '{database}' AND pid <> pg_backend_pid()"))

    def log_text(self):
        return self.log_path.read_text(errors="replace")


def identity():
    """Arguments of subprocess for whoever may run PostgreSQL."""
    if os.geteuid() != 0:
        return {}
    try:
        pwd.getpwnam(SUPERUSER)
    except KeyError:
        raise PostgresError(f"PostgreSQL refuses to run as root, and there is no user {SUPERUSER}") from None
    return {"user": SUPERUSER, "group": SUPERUSER, "extra_groups": []}


@cache
def program(name):
    """Of the newest version that is installed."""
    versions = [folder for folder in VERSIONS.glob("*") if (folder / "bin" / name).exists()]
    if not versions:
        raise PostgresError(f"no {name} below {VERSIONS}: is postgresql installed?")
    return max(versions, key=lambda folder: int(folder.name)) / "bin" / name


def run_program(name, *arguments):
    result = subprocess.run([program(name), *map(str, arguments)], capture_output=True, text=True, cwd="/",
                            stdin=subprocess.DEVNULL, **identity())
    if result.returncode != 0:
        raise PostgresError(f"{name}: {result.stderr.strip()}")


# -- processes --------------------------------------------------------------------------------------


def process_and_children(process):
    """The server's processes are all children of the first one, each in a session of its own."""
    children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    return [process, *map(int, children)]


def signal_all(processes, number):
    for process in processes:
        with suppress(ProcessLookupError):
            os.kill(process, number)


def is_alive(process):
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def watch(folder):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sys.stdin.read()
    with suppress(OSError, ValueError):  # no such file: it does not run
        first = int((folder / "data" / "postmaster.pid").read_text().split()[0])
        signal_all(process_and_children(first), signal.SIGKILL)
        wait_until(lambda: not is_alive(first), "the server has ended")
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    watch(Path(sys.argv[1]))

# SPDX-License-Identifier: MIT
"""A bare machine: a minimal Debian in a folder, with processes, mounts and a loopback of its own.

Nothing of it is left afterwards, and its ports are nobody else's. It has no network: what a package needs is
downloaded when the base system is made, which is kept as a tar file below build/.
"""

import hashlib
import itertools
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from waiting import wait_until

HERE = Path(__file__).resolve().parent
BASES = HERE.parents[1] / "build" / "bare"
NAMESPACES = ["--mount", "--propagation", "unchanged", "--pid", "--net"]
ENVIRONMENT = {"HOME": "/root", "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
               "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive", "TERM": "dumb"}


def why_not():
    """Why there can be no bare machine here; None when there can."""
    if os.geteuid() != 0:
        return "needs root"
    for program in ("debootstrap", "unshare", "nsenter"):
        if shutil.which(program) is None:
            return f"needs {program}"
    if subprocess.run(["unshare", *NAMESPACES, "--fork", "true"], capture_output=True).returncode != 0:
        return "needs namespaces"
    return None if mirror() else "needs a Debian mirror in the sources of apt"


def suite():
    return re.search(r"^VERSION_CODENAME=(\w+)", Path("/etc/os-release").read_text(), re.M)[1]


def mirror():
    """The one that this machine uses itself."""
    for path in [Path("/etc/apt/sources.list"), *sorted(Path("/etc/apt/sources.list.d").glob("*"))]:
        if path.is_file():
            for url in re.findall(r"^(?:deb|URIs:) (?:\[[^]]*\] )?(\S+)", path.read_text(), re.M):
                if re.search(r"/debian/?$", url):
                    return url
    return None


def run(*command, **options):
    result = subprocess.run(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **options)
    assert result.returncode == 0, f"{command}: {result.returncode}\n{result.stdout}"
    return result.stdout


def base(wanted, add, suite):
    """The tar file of a minimal system to which add(folder) has added what `wanted` names, of anything that it depends
    on; it may use the network."""
    key = hashlib.sha256(f"{suite} {mirror()} {wanted}".encode()).hexdigest()[:12]
    tar = BASES / f"{suite}-{key}.tar"
    if not tar.exists():
        BASES.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=BASES) as folder:
            make_base(Path(folder) / "root", suite)
            add(Path(folder) / "root")
            run("tar", "-C", f"{folder}/root", "-cf", f"{folder}/tar", ".")
            os.rename(f"{folder}/tar", tar)
    return tar


def make_base(folder, suite):
    run("debootstrap", "--foreign", "--variant=minbase", suite, str(folder), mirror())
    # Nothing has to survive a power cut here.
    (folder / "etc/dpkg/dpkg.cfg.d").mkdir(parents=True, exist_ok=True)
    (folder / "etc/dpkg/dpkg.cfg.d/bare").write_text("force-unsafe-io\n")
    in_base(folder, "/debootstrap/debootstrap --second-stage")
    for path in Path("/etc/apt/apt.conf.d").glob("*"):
        if re.search(r"^Acquire::", path.read_text(), re.M):
            shutil.copy(path, folder / "etc/apt/apt.conf.d")
    for name in ("resolv.conf", "hosts"):
        shutil.copy(f"/etc/{name}", folder / "etc")
    (folder / "etc/apt/sources.list").write_text(
        f"deb {mirror()} {suite} main\ndeb {mirror()} {suite}-updates main\n")
    (folder / "etc/apt/apt.conf.d/90bare").write_text(
        'APT::Get::Assume-Yes "true";\nAPT::Install-Recommends "false";\nAPT::Keep-Downloaded-Packages "true";\n'
        'Binary::apt-get::APT::Sandbox::User "root";\nAPT::Sandbox::User "root";\n')
    (folder / "etc/apt/apt.conf.d/docker-clean").unlink(missing_ok=True)


def in_base(folder, text):
    """Runs commands in a base that is being made."""
    run("chroot", str(folder), "sh", "-e", "-c", text, env=ENVIRONMENT)


class Machine:
    """Runs until close(). Processes that a command leaves behind live as long."""

    def __init__(self, tar, folder):
        self.root = Path(folder)
        self.output = None  # of the last text, to which processes that stayed still write
        self._numbers = itertools.count()
        run("tar", "-C", str(folder), "-xf", str(tar))
        self._first = subprocess.Popen(
            ["unshare", *NAMESPACES, "--fork", "--kill-child", sys.executable, str(HERE / "first_process.py"),
             str(folder)], stdout=subprocess.PIPE, text=True)
        self._pid = self._first.stdout.readline().strip()
        assert self._pid.isdigit(), "the machine did not start"

    def type(self, text, folder="/srv", typed=""):
        """Runs a text as bash does when it is typed: every command, in order; the first that fails ends it.
        Returns (status, output). `typed` is what the commands themselves read."""
        self.output = self.root / f"var/log/typed-{next(self._numbers)}.log"
        with open(self.output, "w") as out:  # a file, as processes may stay that would keep a pipe open
            status = subprocess.run(
                ["nsenter", "--target", self._pid, "--mount", "--pid", "--net", "--root", "--",
                 "chroot", self.root, "bash", "-e", "-c", f"cd {folder}\n{text}"],
                env=ENVIRONMENT, input=typed, text=True, stdout=out, stderr=subprocess.STDOUT).returncode
        return status, self.output.read_text(errors="replace")

    def do(self, text, **options):
        """The output of a text that must succeed."""
        status, output = self.type(text, **options)
        assert status == 0, f"status {status} of:\n{text}\n{output}"
        return output

    def await_text(self, path, pattern):
        """Until the file inside the machine has it."""
        return wait_until(lambda: re.search(pattern, Path(path).read_text(errors="replace")),
                          f"{pattern} in {path}")

    def close(self):
        self._first.kill()  # and all the others with it
        self._first.wait()
        proc = self.root / "proc"  # still a mount where those of the namespace are not private
        if proc.is_mount():
            run("umount", "--lazy", str(proc))

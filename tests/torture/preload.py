# SPDX-License-Identifier: MIT
"""Builds the library of preload/ and steers it, through the page that it shares with us."""

import ctypes
import mmap
import re
import shutil
import subprocess
from pathlib import Path

from repostal import BINARY

SOURCES = Path(__file__).resolve().parent / "preload"
FLAGS = ["-std=c11", "-D_GNU_SOURCE", "-O1", "-g", "-Wall", "-Wextra", "-Werror", "-fPIC", "-shared"]


def listed(macro):
    """The names X(name) of a list in preload.h."""
    text = (SOURCES / "preload.h").read_text()
    body = re.search(rf"#define {macro}\(X\)((?:.*\\\n)*.*)", text)[1]
    return re.findall(r"\bX\((\w+)\)", body)


KILL_POINTS = {name: number for number, name in enumerate(listed("KILL_POINTS"))}


class Page(ctypes.Structure):
    _fields_ = [(name, ctypes.c_int64) for name in listed("CONTROL_FIELDS")]


def build(directory):
    """Returns the path of the library."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    assert compiler, "no C compiler"
    path = directory / "faults.so"
    subprocess.run([compiler, *FLAGS, "-o", path, *sorted(SOURCES.glob("*.c"))], check=True)
    return path


def sanitizer_runtime():
    """What must come before any other library in a sanitizer build of the program; None in the others."""
    listing = subprocess.run(["ldd", BINARY], capture_output=True, text=True).stdout
    found = re.search(r"=> (\S*lib[at]san\S*)", listing)
    return found[1] if found else None


IS_SANITIZED = sanitizer_runtime() is not None


class Faults:
    """One process's share of trouble. Its fields are those of struct control."""

    def __init__(self, library, directory, store):
        directory.mkdir(parents=True, exist_ok=True)
        self.journal = directory / "journal"
        control = directory / "control"
        control.write_bytes(bytes(mmap.PAGESIZE))
        with open(control, "r+b") as file:
            self._map = mmap.mmap(file.fileno(), mmap.PAGESIZE)
        self.page = Page.from_buffer(self._map)
        libraries = [str(path) for path in (sanitizer_runtime(), library) if path]
        self.env = {"LD_PRELOAD": ":".join(libraries), "TORTURE_CONTROL": str(control),
                    "TORTURE_STORE": str(store)}

    def record(self):
        """From the next start on, changes of the store's files are written down."""
        self.journal.unlink(missing_ok=True)
        self.env["TORTURE_JOURNAL"] = str(self.journal)

    def kill_at(self, point, count=1):
        self.page.kill_countdown = count
        self.page.kill_point = KILL_POINTS[point]

    def calm(self):
        """Everything works again."""
        for name, _ in Page._fields_:
            setattr(self.page, name, 0)

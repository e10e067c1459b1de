# SPDX-License-Identifier: MIT
"""examples/build-h2o.sh, which brings libh2o's sources where there is no package of them.

A small repository takes the place of upstream's: git's own configuration leads there, and the copy of the script that
runs here names a commit of it. Commands that tell whether there is a package are replaced by such as say no.
"""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "examples/build-h2o.sh"
URL = re.search(r"URL=(\S+)", SCRIPT.read_text())[1]

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="needs git")


class Place:
    """A folder with the script in it, as the repository has it; what it makes is in build/h2o."""

    def __init__(self, folder):
        self.folder = folder
        self.tree = folder / "build/h2o"
        self.environment = {"PATH": f"{folder}/bin:{os.environ['PATH']}", "HOME": str(folder),
                            "GIT_CONFIG_GLOBAL": str(folder / "gitconfig"), "GIT_CONFIG_NOSYSTEM": "1"}
        self.upstream = folder / "upstream"
        (self.upstream / "include").mkdir(parents=True)
        (self.upstream / "include/h2o.h").write_text("/* the library */\n")
        self.lead_to(self.upstream)
        self.git("init", "-q")
        self.git("add", ".")
        self.git("commit", "-q", "-m", "one")
        self.commit = self.git("rev-parse", "HEAD").strip()
        self.pin(self.commit)
        (folder / "bin").mkdir()
        for name in ("pkg-config", "apt-cache"):
            self.program(name, "exit 1")

    def git(self, *arguments):
        return subprocess.run(["git", "-C", self.upstream, *arguments], env=self.environment, text=True, check=True,
                              stdout=subprocess.PIPE).stdout

    def lead_to(self, upstream):
        (self.folder / "gitconfig").write_text(
            f'[user]\nname = test\nemail = test@example.com\n[url "file://{upstream}"]\ninsteadOf = {URL}\n')

    def pin(self, commit):
        script = self.folder / "examples/build-h2o.sh"
        script.parent.mkdir(exist_ok=True)
        script.write_text(re.sub(r"COMMIT=\w+", f"COMMIT={commit}", SCRIPT.read_text()))
        script.chmod(0o755)

    def program(self, name, text):
        (self.folder / "bin" / name).write_text(f"#!/bin/sh\n{text}\n")
        (self.folder / "bin" / name).chmod(0o755)

    def run(self, *arguments, **environment):
        """(status, what cmake is told, what the user is told)"""
        done = subprocess.run([self.folder / "examples/build-h2o.sh", *arguments], text=True, capture_output=True,
                              env=self.environment | environment)
        return done.returncode, done.stdout.strip(), done.stderr

    def is_complete(self):
        return (self.tree / "include/h2o.h").read_text() == "/* the library */\n"


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path)


def test_the_sources_come_once(place):
    status, option, said = place.run()
    assert (status, option) == (0, f"-DH2O_SOURCE_DIR={place.tree}")
    assert "fetching" in said and place.is_complete()
    place.lead_to("/nonexistent")
    status, option, said = place.run()
    assert (status, option) == (0, f"-DH2O_SOURCE_DIR={place.tree}")
    assert "fetching" not in said


def cut_short(place):
    shutil.rmtree(place.tree / ".git")


def lose_a_file(place):
    (place.tree / "include/h2o.h").unlink()


def change_a_file(place):
    (place.tree / "include/h2o.h").write_text("/* half a li")


def leave_a_part(place):
    place.tree.rename(place.tree.with_name("h2o.part"))
    (place.tree.with_name("h2o.part") / ".git/index.lock").touch()


def move_the_pin(place):
    (place.upstream / "include/new.h").touch()
    place.git("add", ".")
    place.git("commit", "-q", "-m", "two")
    place.pin(place.git("rev-parse", "HEAD").strip())


@pytest.mark.parametrize("damage", [cut_short, lose_a_file, change_a_file, leave_a_part, move_the_pin])
def test_what_is_not_complete_is_fetched_again(place, damage):
    place.run()
    damage(place)
    status, _, said = place.run()
    assert status == 0 and "fetching" in said and place.is_complete()
    assert (place.tree / "include/new.h").exists() == (damage is move_the_pin)
    assert [path.name for path in place.tree.parent.iterdir()] == ["h2o"]


def test_without_a_network_it_says_what_to_do(place):
    place.lead_to("/nonexistent")
    status, option, said = place.run()
    assert (status != 0, option) == (True, "")
    assert "H2O_SOURCE_DIR=" in said and place.commit in said


def test_sources_that_are_there_are_named(place):
    place.lead_to("/nonexistent")
    place.program("pkg-config", "exit 0")  # also where there is a package
    status, option, _ = place.run(H2O_SOURCE_DIR=str(place.upstream))
    assert (status, option) == (0, f"-DH2O_SOURCE_DIR={place.upstream}")
    status, option, said = place.run(H2O_SOURCE_DIR="/nonexistent")
    assert (status != 0, option) == (True, "") and "no sources of libh2o in /nonexistent" in said


def test_where_there_is_a_package_nothing_is_brought(place):
    place.program("pkg-config", "exit 0")
    assert place.run() == (0, "", "")
    assert not place.tree.exists()


def test_the_repository_around_it_is_left_alone(place):
    """A hook's variables, and a repository in the folder above, are nothing to it."""
    subprocess.run(["git", "init", "-q", place.folder], env=place.environment, check=True)
    before = (place.folder / ".git/HEAD").read_bytes()
    status, _, _ = place.run(GIT_DIR=str(place.folder / ".git"), GIT_INDEX_FILE=str(place.folder / ".git/index"))
    assert status == 0 and place.is_complete()
    assert (place.folder / ".git/HEAD").read_bytes() == before
    assert not (place.folder / ".git/index").exists()


@pytest.mark.parametrize("pkg_config, apt_cache, sources, wanted", [
    (0, 1, None, "libh2o-evloop-dev"),
    (1, 0, None, "libh2o-evloop-dev"),
    (1, 1, None, "git zlib1g-dev"),
    (0, 0, "/somewhere", "zlib1g-dev"),
], ids=["installed", "can be installed", "no package", "sources are named"])
def test_the_packages_that_it_takes(place, pkg_config, apt_cache, sources, wanted):
    place.program("pkg-config", f"exit {pkg_config}")
    place.program("apt-cache", f"exit {apt_cache}")
    environment = {} if sources is None else {"H2O_SOURCE_DIR": sources}
    assert place.run("--packages", **environment) == (0, wanted, "")

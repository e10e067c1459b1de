# SPDX-License-Identifier: MIT
"""What bash and zsh complete, in real ones."""

import os
import pty
import re
import shutil
import subprocess
import threading

import pytest
from repostal import BINARY, ROOT, run
from waiting import wait_until

GENERATOR = BINARY.with_name("repostal-pages")

pytestmark = pytest.mark.skipif(not GENERATOR.exists(), reason="only a build has what makes the completion")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("pages")
    subprocess.run([GENERATOR, ROOT / "src/pages", ROOT / "examples/openapi.json", made], check=True)
    return made


# -- bash -------------------------------------------------------------------------------------------

BASH = r"""
source "$1"
shift
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
COMPREPLY=()
_repostal
printf '%s\n' "${COMPREPLY[@]}"
"""


def bash(folder, *words, cwd=None):
    """What bash would offer for the last word, which may be empty."""
    result = subprocess.run(["bash", "--norc", "-c", BASH, "bash", folder / "bash/repostal", "repostal", *words],
                            capture_output=True, text=True, cwd=cwd)
    assert (result.returncode, result.stderr) == (0, ""), result
    return result.stdout.split()


@pytest.mark.smoke
def test_bash_knows_whom_to_ask(folder):
    text = f"source {folder / 'bash/repostal'}; complete -p repostal"
    result = subprocess.run(["bash", "--norc", "-c", text], capture_output=True, text=True)
    assert (result.stdout, result.stderr) == ("complete -F _repostal repostal\n", "")


def test_bash_completes_commands_and_actions(folder):
    commands = re.findall(r"^  ([a-z]+) ", run("--help").stdout, re.M)
    assert bash(folder, "") == [*commands, "--help", "--version"]
    assert bash(folder, "qua") == ["quarantine"]
    assert bash(folder, "queue", "") == ["list", "show", "retry", "discard", "stats", "jobs", "cancel"]
    assert bash(folder, "queue", "-c", "x", "l") == ["list"]
    assert bash(folder, "help", "s") == ["serve", "status", "store"]
    assert bash(folder, "frobnicate", "") == []


@pytest.mark.parametrize("command", ["queue", "trigger", "listen", "check", "quarantine"])
def test_bash_completes_every_option_of_help(folder, command):
    options = set(re.findall(r"^ +(?:-\w, )?(--[a-z-]+)(?= |$)", run(command, "--help").stdout, re.M))
    assert options <= set(bash(folder, command, "-"))


@pytest.mark.parametrize("words, wanted", [
    (["queue", "list", "--l"], ["--limit"]),
    (["queue", "show", "--l"], []),
    (["queue", "list", "--state", "d"], ["delivered", "dead", "discarded"]),
    (["queue", "list", "--state", "=", "d"], ["delivered", "dead", "discarded"]),
    (["queue", "list", "--state", "="], ["ready", "waiting", "inflight", "held", "delivered", "dead", "discarded"]),
    (["queue", "--event", "MessageH"], ["MessageHeld"]),
    (["trigger", "--kind", "b"], ["bounce"]),
    (["queue", "list", "--target", ""], []),
    (["queue", "show", ""], []),
])
def test_bash_completes_values(folder, words, wanted):
    assert bash(folder, *words) == wanted


@pytest.mark.parametrize("words", [["serve", "-c"], ["serve", "--config"], ["translate"], ["keygen"],
                                   ["store", "backup"], ["store", "copy", "--from"]])
def test_bash_completes_files(folder, tmp_path, words):
    (tmp_path / "mine.conf").touch()
    assert bash(folder, *words, "mi", cwd=tmp_path) == ["mine.conf"]


# -- zsh --------------------------------------------------------------------------------------------


class Zsh:
    """An interactive one, which is typed to."""

    def __init__(self, folder, cwd):
        controller, terminal = pty.openpty()
        environment = {"PATH": os.environ["PATH"], "HOME": str(cwd), "TERM": "dumb", "LC_ALL": "C.UTF-8"}
        self.process = subprocess.Popen(["zsh", "-f", "-i"], stdin=terminal, stdout=terminal, stderr=terminal,
                                        start_new_session=True, env=environment, cwd=cwd)
        os.close(terminal)
        self.text = ""
        self._controller = controller
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.type(f"PS1='%%'; fpath=({folder}/zsh $fpath); autoload -Uz compinit; compinit -D -u; "
                  "LISTMAX=1000; unsetopt beep; echo rea''dy\n")
        self.expect("ready")

    def _read(self):
        while True:
            try:
                data = os.read(self._controller, 65536)
            except OSError:
                return
            self.text += data.decode(errors="replace")

    def type(self, text):
        os.write(self._controller, text.encode())

    def expect(self, pattern):
        wait_until(lambda: re.search(pattern, self.text), f"zsh shows {pattern!r}: {self.text[-2000:]!r}")

    def complete(self, line, pattern):
        """Types the line and a tab; awaits what it becomes, or what is listed, and empties the line."""
        self.text = ""
        self.type(line + "\t")
        self.expect(pattern)
        shown, self.text = self.text, ""
        self.type("\x15 echo em''pty\n")
        self.expect("empty")
        return shown

    def close(self):
        self.process.kill()
        self.process.wait()
        os.close(self._controller)


@pytest.fixture(scope="module")
def zsh(folder, tmp_path_factory):
    cwd = tmp_path_factory.mktemp("zsh")
    (cwd / "mine.conf").touch()
    found = Zsh(folder, cwd)
    yield found
    found.close()


@pytest.mark.skipif(shutil.which("zsh") is None, reason="needs zsh")
@pytest.mark.parametrize("line, wanted", [
    ("repostal qua", r"repostal quarantine "),
    ("repostal queue li", r"queue list "),
    ("repostal queue list --lim", r"--limit"),
    ("repostal queue list --state dea", r"--state dead"),
    ("repostal queue --event MessageH", r"--event MessageHeld"),
    ("repostal queue ", r"cancel +-- ends such a job"),
    ("repostal queue retry --a", r"--as-new +-- retry under a new uuid"),
    ("repostal target ", r"pause +-- nothing more is attempted"),
    ("repostal serve -c mi", r"-c mine\.conf"),
    ("repostal trigger --kind so", r"--kind soft-bounce"),
    ("repostal keygen mi", r"keygen mine\.conf"),
    ("repostal help tran", r"help translate"),
    ("repostal ", r"quarantine +-- see, replay and discard"),
])
def test_zsh_completes(zsh, line, wanted):
    zsh.complete(line, wanted)


@pytest.mark.skipif(shutil.which("zsh") is None, reason="needs zsh")
def test_zsh_offers_what_belongs_to_the_action(zsh):
    shown = zsh.complete("repostal queue show -", r"--json")
    assert "--help" in shown and "--limit" not in shown and "--rate" not in shown

# SPDX-License-Identifier: MIT
"""What the documentation tells people to write is taken by the program."""

import re
from pathlib import Path

import pytest
from repostal import run

ROOT = Path(__file__).resolve().parents[3]
KNOWN = (ROOT / "examples/receivers/known.md").read_text()
TARGETS = re.findall(r"^```\n(\{ name.*?)^```$", KNOWN, re.M | re.S)


def test_there_are_lines_for_known_receivers():
    assert len(TARGETS) >= 4


@pytest.mark.parametrize("lines", TARGETS, ids=lambda lines: re.search(r'name = "(\w+)"', lines)[1])
def test_the_lines_for_a_known_receiver_are_a_target(tmp_path, lines):
    file = tmp_path / "repostal.conf"
    file.write_text('sources: ( { name = "bizmail"; path = "/webhooks/bizmail"; auth = "none"; } );\n'
                    f"targets: ( {lines} );\n")
    done = run("translate", "-c", str(file), data=b"")
    assert done.returncode == 0, done.stderr

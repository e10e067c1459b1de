# SPDX-License-Identifier: MIT
"""What README says to type."""

import re
from pathlib import Path

README = (Path(__file__).resolve().parents[2] / "README.md").read_text()


def block(name):
    """The commands, by the marker above them."""
    (text,) = re.findall(rf"<!-- typed: {name} -->\n```sh\n(.*?)```", README, re.S)
    return text


LIBH2O = "build-h2o.sh --packages)"  # the packages that libh2o takes


def packages_of(text):
    """What an apt-get line installs, but for those of libh2o where it asks for them."""
    (line,) = re.findall(r"apt-get install ((?:[^\n]|\\\n)*)", text.replace("\\\n", " "))
    line = re.sub(r"\$\(\S*" + re.escape(LIBH2O), "", line)
    return {word for word in line.split() if not word.startswith(("-", "&"))}

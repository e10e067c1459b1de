# SPDX-License-Identifier: MIT
"""The manual: complete, without warnings of man, without misspelt words, and the same as --help."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from repostal import BINARY, ROOT, run

GENERATOR = BINARY.with_name("repostal-pages")
OPENAPI = ROOT / "examples/openapi.json"
WORDS = Path(__file__).with_name("words.txt")
COMMANDS = re.findall(r"^  ([a-z]+) ", run("--help").stdout, re.M)
PAGES = ["man1/repostal.1", *(f"man1/repostal-{command}.1" for command in COMMANDS), "man5/repostal.conf.5",
         "man7/repostal-api.7"]

pytestmark = pytest.mark.skipif(not GENERATOR.exists(), reason="only a build has what makes the manual")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("pages")
    subprocess.run([GENERATOR, ROOT / "src/pages", OPENAPI, made], check=True)
    return made


def man(page, *options, width=200):
    """What a reader sees, without bold and italics; and what man has to say about the page."""
    result = subprocess.run(["man", "--warnings", *options, "-l", page], capture_output=True, text=True,
                            env=os.environ | {"MANWIDTH": str(width), "LC_ALL": "C.UTF-8", "PAGER": "cat"})
    assert result.returncode == 0, result.stderr
    return re.sub(".\b", "", result.stdout), result.stderr


def section(text, title):
    (found,) = re.findall(rf"^{title}\n(.*?)(?=^[A-Z]|\Z)", text, re.M | re.S)
    return found


def options_of(text):
    """{"--config": "-c"} of lines that begin with an option."""
    found = re.findall(r"^ +(?:(-\w), )?(--[a-z-]+)(?= |$)", text, re.M)
    return {name: letter for letter, name in found}


@pytest.mark.smoke
def test_every_command_has_a_page(folder):
    made = {str(path.relative_to(folder)) for path in folder.glob("man*/*")}
    assert made == set(PAGES)


@pytest.mark.parametrize("page", PAGES)
def test_man_has_no_warnings(folder, page):
    for width in (80, 200):
        text, warnings = man(folder / page, width=width)
        assert warnings == ""
        assert max(map(len, text.splitlines())) <= width + 40, "lines of examples are as long as they are"
    _, warnings = man(folder / page, "--troff-device=ps", "--ditroff")
    assert warnings == ""


@pytest.mark.parametrize("command", COMMANDS)
def test_a_page_says_what_help_says(folder, command):
    help_text = run(command, "--help").stdout
    page, _ = man(folder / f"man1/repostal-{command}.1")
    usage = re.findall(r"^(?:Usage: |       )(repostal .*)$", help_text, re.M)
    assert [line.strip() for line in section(page, "SYNOPSIS").splitlines() if line.strip()] == usage
    assert options_of(section(page, "OPTIONS")) == options_of(help_text) != {}
    exits = re.findall(r"(?:^|; )(\d+) ", " ".join(help_text.split("\nExit: ")[1].split()))
    assert re.findall(r"^ +(\d+) ", section(page, "EXIT STATUS"), re.M) == exits
    words = set(re.findall(r"[a-z]{4,}", help_text.split("\nExit: ")[0].replace("Usage", "")))
    assert words <= set(re.findall(r"[a-z]{4,}", page)), "nothing is left out"


def test_the_page_of_the_configuration_has_every_setting(folder, tmp_path):
    page, _ = man(folder / "man5/repostal.conf.5")
    documented = set(re.findall(r"^       ([a-z_0-9.]+)$", section(page, "SETTINGS"), re.M))
    conf = (ROOT / "conf/repostal.conf").read_text()
    names = set(re.findall(r"^\t*#?([a-z_0-9]+) = ", conf, re.M))
    assert names == {name.split(".")[-1] for name in documented} and len(documented) > 60
    for name in documented:
        block = re.search(rf"^       {re.escape(name)}\n((?:              .*\n)+)", page, re.M)[1]
        assert re.search("Value: .*\n", block) and "Default: " in block and "Example: " in block, name


def test_the_page_of_the_api_has_every_request(folder):
    page, _ = man(folder / "man7/repostal-api.7")
    paths = json.loads(OPENAPI.read_text())["paths"]
    requests = [f"{method.upper()} {path}" for path, methods in paths.items() for method in methods]
    assert re.findall(r"^   ([A-Z]+ /\S+)$", page, re.M) == requests


def test_pages_that_are_named_are_there(folder):
    for page in PAGES:
        for name, number in re.findall(r"(repostal[a-z.-]*)\((\d)\)", man(folder / page)[0]):
            assert f"man{number}/{name}.{number}" in PAGES, (page, name)


def misspelt(texts):
    words = {word.strip(".,;:()\"'[]{}<>|=") for text in texts for word in text.split()}
    words = {word for word in words if re.fullmatch(r"[A-Za-z]?[a-z]+(?:'[a-z]+)?", word)}
    found = subprocess.run(["aspell", "list", "--lang=en_US", "--encoding=utf-8"], input="\n".join(sorted(words)),
                           capture_output=True, text=True, check=True)
    return {word.lower().removesuffix("'s") for word in found.stdout.split()}


@pytest.mark.skipif(shutil.which("aspell") is None, reason="needs aspell")
def test_no_word_is_misspelt(folder):
    known = set(WORDS.read_text().split())
    found = misspelt(man(folder / page)[0] for page in PAGES)
    assert found - known == set(), "correct it, or add it to words.txt"
    assert misspelt(["A webhok"]) == {"webhok"}


def test_the_generator_says_what_is_wrong(tmp_path):
    for arguments, code in (([], 2), (["a"], 2), (["/nowhere", OPENAPI, tmp_path], 1),
                            ([ROOT / "src/pages", "/nowhere", tmp_path], 1),
                            ([ROOT / "src/pages", OPENAPI, tmp_path / "a" / "b"], 1)):
        result = subprocess.run([GENERATOR, *arguments], capture_output=True, text=True)
        assert (result.returncode, result.stdout) == (code, "") and result.stderr

# SPDX-License-Identifier: MIT
"""repostal for arm64, built in a bare machine by README's commands and run there below qemu's user emulation.

The machine is Debian 12, whatever this one is: it has a package of libh2o. What qemu cannot show is the speed, and
how a processor orders memory: that is the thread sanitizer's.
"""

import re
import shutil
import tempfile
from pathlib import Path

import pytest

import machine as bare
from readme import block, packages_of

ROOT = Path(__file__).resolve().parents[2]
SUITE = "bookworm"
SOURCE = "/srv/repostal"
BUILD = f"{SOURCE}/build/arm64"
# Besides README's: unit and contract tests, and those of the whole program, which drive it from this machine's side.
FOR_TESTS = ("libcmocka-dev:arm64 qemu-user-static python3 python3-pytest python3-pytest-xdist openssl tinyproxy "
             "nghttp2-proxy postgresql ca-certificates")
TIDY = ("apt-get clean; rm -r /var/lib/apt/lists; "
        "find /usr/bin -name 'qemu-*' ! -name qemu-aarch64-static -delete")  # of a gigabyte a half
PAGE_SIZE_MAX = 64 * 1024  # of kernels for arm64
EMULATED = f"""#!/bin/sh
exec qemu-aarch64-static -cpu max,pauth-impdef=on {BUILD}/repostal "$@"
"""


def split(commands):
    """What installs, and what builds."""
    install, build = commands.split("cmake -B", 1)
    return install, "cmake -B" + build


def base():
    """A system with all packages."""
    install, _ = split(block("arm64"))

    def add(folder):
        # Nothing is started by its installation.
        (folder / "usr/sbin/policy-rc.d").write_text("#!/bin/sh\nexit 101\n")
        (folder / "usr/sbin/policy-rc.d").chmod(0o755)
        bare.in_base(folder, f"{install}\napt-get install {FOR_TESTS}\n{TIDY}")

    return bare.base(install + FOR_TESTS + TIDY, add, SUITE)


@pytest.fixture(scope="module")
def machine():
    reason = bare.why_not()
    if reason is not None:
        pytest.skip(f"no bare machine: {reason}")
    tar = base()
    with tempfile.TemporaryDirectory(dir=bare.BASES, ignore_cleanup_errors=True) as folder:
        found = bare.Machine(tar, folder)
        shutil.copytree(ROOT, f"{folder}{SOURCE}", ignore=shutil.ignore_patterns(".git", "build", "__pycache__"))
        program = Path(folder, "srv/emulated")
        program.write_text(EMULATED)
        program.chmod(0o755)
        try:
            yield found
        finally:
            found.close()


def test_every_library_is_there_for_arm64():
    libraries = {name for name in packages_of(block("build")) | {"libh2o-evloop-dev"} if name.startswith("lib")}
    wanted = packages_of(block("arm64"))
    assert {f"{name}:arm64" for name in libraries} <= wanted
    assert not libraries & wanted


def test_readme_leads_to_a_package(machine):
    _, build = split(block("arm64"))
    said = machine.do(build, folder=SOURCE)
    assert "warning:" not in said, said
    (package,) = (machine.root / BUILD.lstrip("/")).glob("repostal_*_arm64.deb")
    fields = machine.do(f"dpkg-deb --field {BUILD}/{package.name}")
    assert "Architecture: arm64\n" in fields
    assert re.search(r"^Depends: .*\blibh2o-evloop\S+ \(", fields, re.M), fields


def test_the_program_starts_with_any_size_of_pages(machine):
    headers = machine.do(f"readelf --wide --segments {BUILD}/repostal")
    aligned = [int(size, 16) for size in re.findall(r"^ +LOAD .*0x(\w+)$", headers, re.M)]
    assert aligned and all(size % PAGE_SIZE_MAX == 0 for size in aligned), headers


def test_the_program_is_hardened(machine):
    tests = ["the_binary_is_hardened", "no_memory_is_both_writable_and_executable", "jumps_have_marked_ends"]
    machine.do(f"REPOSTAL_BIN={BUILD}/repostal python3 -m pytest -q -p no:cacheprovider "
               + " ".join(f"tests/system/security/test_security.py::test_{test}" for test in tests), folder=SOURCE)


def test_everything_is_built_without_a_warning(machine):
    machine.do(f"cmake -B {BUILD} -DREPOSTAL_TESTS=ON -DREPOSTAL_WERROR=ON\ncmake --build {BUILD}", folder=SOURCE)


def test_the_program_starts(machine):
    assert re.match(r"repostal \d+\.\d+\.\d+", machine.do("./emulated --version"))
    machine.do(f"mkdir -p /etc/repostal /var/lib/repostal && ./emulated keygen /etc/repostal/signing.key\n"
               f"BIZMAIL_TOKEN=0123456789abcdef ./emulated check -c {SOURCE}/conf/repostal-minimal.conf")


def test_unit_and_contract_tests(machine):
    said = machine.do(f"python3 tests/support/with_postgres.py ctest --test-dir {BUILD} --output-on-failure --no-tests=error "
                      "--parallel $(nproc)", folder=SOURCE)
    assert "without PostgreSQL" not in said, said


def test_events_go_through(machine):
    machine.do("REPOSTAL_BIN=/srv/emulated python3 -m pytest tests/system -q -m smoke -n $(nproc) -p no:cacheprovider",
               folder=SOURCE)

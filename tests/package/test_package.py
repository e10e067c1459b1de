# SPDX-License-Identifier: MIT
"""The chapter "Install" of README, typed as it is in a bare machine, from the package to its removal.

The tests are one story in README's order: each begins where the one before it ended. `systemctl` is a stand-in
(see there); everything else is the real program.
"""

import json
import re
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest

import machine as bare
from readme import LIBH2O, block, packages_of

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build" / "release"
CONF = "/etc/repostal/repostal.conf"
INSTALLED = ["bizmail.token", "repostal.conf", "signing.key"]
STORE = "/var/lib/repostal/repostal.db"
# What the container file installs beside the package: these two take systemd's place.
WITHOUT_SYSTEMD = "systemd-standalone-sysusers systemd-standalone-tmpfiles"


@pytest.fixture(scope="module")
def package():
    """Built by the commands of README, but for the packages they install."""
    if shutil.which("dpkg-shlibdeps") is None or shutil.which("file") is None:
        pytest.skip("needs dpkg-dev and file")
    for old in BUILD.glob("repostal_*.deb"):
        old.unlink()
    _, commands = block("build").split("cmake -B", 1)
    bare.run("bash", "-e", "-c", "cmake -B" + commands, cwd=ROOT)
    (built,) = BUILD.glob("repostal_*.deb")
    return built


def base(package):
    """A system that has everything that this package depends on in apt's cache."""

    def download(folder):
        shutil.copy(package, folder / "package.deb")
        bare.in_base(folder, f"apt-get update && apt-get install --download-only {WITHOUT_SYSTEMD} && "
                     "apt-get install --download-only /package.deb && rm /package.deb")

    depends = bare.run("dpkg-deb", "--field", str(package), "Depends")
    return bare.base(f"{depends} {WITHOUT_SYSTEMD}", download, bare.suite())


def write_stand_ins(folder):
    shutil.copy(Path(__file__).with_name("systemctl"), folder / "usr/local/bin/systemctl")
    (folder / "etc/apt/apt.conf.d/91stand-ins").write_text(f'DPkg::Path "{bare.ENVIRONMENT["PATH"]}";\n')
    (folder / "run/systemd/system").mkdir(parents=True)


@contextmanager
def new_machine(package):
    reason = bare.why_not()
    if reason is not None:
        pytest.skip(f"no bare machine: {reason}")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        found = bare.Machine(base(package), folder)
        write_stand_ins(found.root)
        shutil.copy(package, found.root / "srv")
        try:
            yield found
        finally:
            found.close()


@pytest.fixture(scope="module")
def machine(package):
    with new_machine(package) as found:
        yield found


def repacked(package, folder, version):
    """The same program as another version, which ships a configuration file with another text."""
    with tempfile.TemporaryDirectory() as work:
        bare.run("dpkg-deb", "-R", str(package), work)
        control = Path(work, "DEBIAN/control")
        control.write_text(re.sub(r"^Version: .*$", f"Version: {version}", control.read_text(), flags=re.M))
        conf = Path(work + CONF)
        conf.write_text("# The next version.\n" + conf.read_text())
        folder.mkdir(exist_ok=True)
        for old in folder.glob("*.deb"):
            old.unlink()
        bare.run("dpkg-deb", "--root-owner-group", "-b", work, str(folder / f"repostal_{version}_test.deb"))


def version(machine):
    return machine.do("dpkg-query -W -f '${Version}' repostal")


def main_pid(machine):
    """None when the service does not run."""
    status, _ = machine.type("systemctl is-active repostal")
    return machine.do("cat /run/repostal.pid").strip() if status == 0 else None


def secrets(machine):
    return {name: (machine.root / "etc/repostal" / name).read_bytes() for name in ("signing.key", "bizmail.token")}


def uuids(machine):
    listed = json.loads(machine.do("repostal queue list --json 2>/dev/null"))
    found = re.findall(r'"uuid": *"([0-9a-f-]{36})"', json.dumps(listed))
    return sorted(set(found))


def test_the_package_is_as_debian_wants_it(package):
    if shutil.which("lintian") is None:
        pytest.skip("lintian is not installed")
    result = subprocess.run(["lintian", "--allow-root", str(package)], capture_output=True, text=True)
    findings = [line for line in result.stdout.splitlines() if re.match(r"[EW]:", line)]
    assert findings == []


def test_manual_and_completion_are_where_debian_looks_for_them(package):
    names = re.findall(r" \./usr/share/(\S*[^/\s])$", bare.run("dpkg-deb", "--contents", str(package)), re.M)
    assert {"bash-completion/completions/repostal", "zsh/vendor-completions/_repostal", "man/man1/repostal.1.gz",
            "man/man1/repostal-queue.1.gz", "man/man5/repostal.conf.5.gz", "man/man7/repostal-api.7.gz"} <= set(names)


def test_the_copyright_file_names_what_is_inside(package, tmp_path):
    """The debug information tells what the program was compiled from."""
    bare.run("dpkg-deb", "-x", str(package), str(tmp_path))
    text = (tmp_path / "usr/share/doc/repostal/copyright").read_text()
    lines = bare.run("readelf", "--debug-dump=rawline", str(BUILD / "repostal"))
    bundled = set(re.findall(r"/deps/([\w-]+)", lines))
    assert bundled == set(re.findall(r"\blibh2o/deps/([\w-]+)/\*", text))
    assert bool(bundled) == ("Files: libh2o/*" in text)
    with_text = re.findall(r"^License: (\S+)\n ", text, re.M)
    assert set(re.findall(r"^License: (\S+)$", text, re.M)) == set(with_text), "each licence has its text"
    with_library = "static" in bare.run(str(BUILD / "repostal"), "version")
    assert with_library == bool(bundled)


def test_everybody_installs_the_same_packages():
    """What README, the scripts and the container file install before they build."""
    wanted = packages_of(block("build"))
    for script in ("examples/quickstart.sh", "examples/scale-out/run.sh", "tests/run.sh"):
        text = (ROOT / script).read_text()
        listed = re.search(r"PACKAGES=\((.*?)\)", text, re.S)[1]
        assert wanted - {"file"} <= set(re.findall(r"[\w-]+", listed)), script
        assert LIBH2O in text, script
    dockerfile = (ROOT / "examples/compose/Dockerfile").read_text()
    assert wanted <= packages_of(stages(dockerfile)[0])


def settings_of(unit):
    """[(section, name, value)] of a unit file."""
    found, section = [], None
    for line in unit.read_text().splitlines():
        if line.startswith("["):
            section = line.strip("[]")
        elif line and not line.startswith("#"):
            found.append((section, *line.split("=", 1)))
    return found


def test_the_unit_never_gives_up_and_checks_before_it_reloads():
    settings = settings_of(ROOT / "conf/repostal.service")
    for wanted in [("Unit", "StartLimitIntervalSec", "0"), ("Service", "Restart", "on-failure"),
                   ("Service", "RestartPreventExitStatus", "78"), ("Service", "Type", "notify")]:
        assert wanted in settings
    names = [name for _, name, _ in settings]
    assert {"RestartSec", "RestartSteps", "RestartMaxDelaySec", "WatchdogSec"} <= set(names)
    (reload,) = [value for _, name, value in settings if name == "ExecReload"]
    assert reload.startswith("sh -c '") and reload.endswith("'")


@pytest.mark.parametrize("code, wanted", [(0, "asked"), (1, "asked"), (2, "refused"), (78, "refused")])
def test_only_a_wrong_file_refuses_a_reload(tmp_path, code, wanted):
    """With the unit's own line, and a check that ends so."""
    (reload,) = [value for _, name, value in settings_of(ROOT / "conf/repostal.service") if name == "ExecReload"]
    script = reload.removeprefix("sh -c '").removesuffix("'").replace("kill -HUP $MAINPID", "echo asked")
    program = tmp_path / "repostal"
    program.write_text(f"#!/bin/sh\nexit {code}\n")
    program.chmod(0o755)
    done = subprocess.run(["sh", "-c", script], env={"PATH": f"{tmp_path}:/usr/bin:/bin"}, capture_output=True, text=True)
    assert (done.stdout.strip() or "refused") == wanted
    assert (done.returncode == 0) == (wanted == "asked")


@pytest.mark.parametrize("unit", [ROOT / "conf/repostal.service",
                                  *sorted((ROOT / "examples").rglob("*.service*.conf"))], ids=lambda unit: unit.name)
def test_repostal_stops_with_nothing_else(unit):
    stopping = {"PartOf", "BindsTo", "Requires", "Requisite", "StopPropagatedFrom", "Conflicts", "StopWhenUnneeded"}
    assert stopping & {name for _, name, _ in settings_of(unit)} == set()


def stages(dockerfile):
    return re.split(r"^FROM .*\n", dockerfile, flags=re.M)[1:]


def instructions(stage):
    return re.findall(r"^(?!#)(\w+) (.*)$", re.sub(r"\\\n", "", stage), re.M)


def test_the_container_file_builds(package):
    """The second stage, in a machine of its own. The first is what the package is built with here."""
    first, second = stages((ROOT / "examples/compose/Dockerfile").read_text())
    assert "--target package" in first
    with new_machine(package) as image:
        shutil.copy(package, image.root / "tmp")
        shutil.rmtree(image.root / "run/systemd")
        image.do("\n".join(text for name, text in instructions(second) if name == "RUN"))
        assert image.do("id -u repostal") == "8025\n"
        assert image.do("setpriv --reuid repostal --regid repostal --init-groups repostal --version")
        assert image.do("ls /etc/repostal") == "repostal.conf\n", "keys and tokens are no part of an image"
        assert "systemctl" not in image.do("ls /usr/bin")


def test_the_unit_is_good(machine):
    """Where systemd is older than two settings of the unit it says so, and nothing else."""
    machine.do(block("install"))
    status, said = machine.type("systemd-analyze verify repostal.service")
    assert status == 0, said
    for line in said.splitlines():
        assert re.search(r"Unknown key.*(RestartSteps|RestartMaxDelaySec).*ignoring", line), said


def test_installing_makes_what_the_service_needs(machine):
    folder = "/etc/repostal /var/lib/repostal " + " ".join(f"/etc/repostal/{name}" for name in INSTALLED)
    modes = machine.do(f"stat -c '%n %a %U:%G' {folder}").splitlines()
    assert modes == ["/etc/repostal 750 root:repostal", "/var/lib/repostal 750 repostal:repostal",
                     *(f"/etc/repostal/{name} 640 root:repostal" for name in INSTALLED)]
    for program in ("", "runuser -u repostal -- "):
        said = machine.do(f"{program}repostal check")
        assert said == f"{CONF}: ok\n", "neither a problem nor a warning"
    assert main_pid(machine), "the service was started"
    assert machine.do("stat -c %U /proc/$(cat /run/repostal.pid)") == "repostal\n"
    assert machine.do(f"stat -c '%a %U' {STORE}") == "600 repostal\n"


def envelope_arrives(machine, start):
    """Types these commands, whose last one posts an event; its envelope comes to the first, and is verified."""
    *first, post = start.strip().splitlines()
    machine.do("\n".join(first) + "\necho $! >listen.pid")
    received = machine.output
    machine.await_text(received, "listening on")
    machine.do(post)
    machine.await_text(received, r"signature +verified")
    machine.do("kill $(cat listen.pid)")


def test_readme_leads_to_a_signed_envelope(machine):
    envelope_arrives(machine, block("try"))
    assert len(uuids(machine)) == 1


def test_the_key_of_the_installation_signs(machine):
    machine.do("openssl rsa -in /etc/repostal/signing.key -pubout -out public.pem")
    published = "--jwks http://127.0.0.1:8025/.well-known/jwks.json"
    assert published in block("try")
    envelope_arrives(machine, block("try").replace(published, "--key public.pem"))
    assert len(uuids(machine)) == 2


def test_a_broken_file_is_not_reloaded(machine):
    log = machine.root / "var/log/repostal.log"
    machine.do(f"cp -p {CONF} good.conf && echo 'colour = 1;' >>{CONF}")
    status, said = machine.type("systemctl reload repostal")
    assert status != 0 and "colour" in said, said
    assert "reload" not in log.read_text(), "the process was not asked"
    machine.do(f"cat good.conf >{CONF} && echo 'shutdown_timeout = \"9s\";' >>{CONF}")
    machine.do(block("reload"))
    machine.await_text(log, r"gateway\.reload")
    assert "gateway.reload_failed" not in log.read_text()


def test_an_upgrade_keeps_what_was_changed(machine, package):
    """The running service is the new version's; a changed file stays, and the service's user can read it."""
    before = main_pid(machine), secrets(machine), uuids(machine)
    repacked(package, machine.root / "srv/new", "99.0-1")
    said = machine.do(block("upgrade"), typed="\n")  # Enter: keeps the file, as dpkg proposes
    assert version(machine) == "99.0-1", said
    assert "shutdown_timeout" in machine.do(f"cat {CONF}")
    assert machine.do(f"stat -c '%a %U:%G' {CONF}") == "640 root:repostal\n"
    assert main_pid(machine) not in (None, before[0])
    assert (secrets(machine), uuids(machine)) == before[1:]


def test_an_upgrade_starts_nothing_that_was_stopped(machine, package):
    machine.do("systemctl stop repostal")
    repacked(package, machine.root / "srv/new", "99.0-2")
    machine.do(block("upgrade"))
    assert version(machine) == "99.0-2"
    assert main_pid(machine) is None
    machine.do("systemctl start repostal")


def test_an_upgrade_that_refuses_the_configuration_restarts_nothing(machine, package):
    pid = main_pid(machine)
    machine.do(f"cp -p {CONF} good.conf && echo 'colour = 1;' >>{CONF}")
    repacked(package, machine.root / "srv/new", "99.0-3")
    said = machine.do(block("upgrade"))
    assert "NOT restarted" in said and "colour" in said, said
    assert version(machine) == "99.0-3" and main_pid(machine) == pid
    machine.do(f"cat good.conf >{CONF}")


def test_the_way_back(machine, package):
    before = main_pid(machine), secrets(machine), uuids(machine)
    (machine.root / "srv/old").mkdir()
    shutil.copy(package, machine.root / "srv/old")
    machine.do(block("back"), typed="\n")
    assert version(machine) == bare.run("dpkg-deb", "--field", str(package), "Version").strip()
    assert main_pid(machine) not in (None, before[0])
    assert (secrets(machine), uuids(machine)) == before[1:]


def test_removing_keeps_what_is_the_operators(machine):
    before = secrets(machine), uuids(machine)
    pid = main_pid(machine)
    machine.do(block("remove"))
    machine.do(f"! test -e /proc/{pid} && ! command -v repostal")
    assert "shutdown_timeout" in machine.do(f"cat {CONF}")
    machine.do(block("install"))
    assert (secrets(machine), uuids(machine)) == before
    assert main_pid(machine)


def test_a_backup_is_restored_to_a_new_installation(machine):
    before = secrets(machine), uuids(machine)
    machine.do(block("backup"))
    machine.do("apt-get purge repostal && " + block("install"))
    assert secrets(machine)["signing.key"] != before[0]["signing.key"]
    assert uuids(machine) == []
    machine.do(block("restore"))
    assert (secrets(machine), uuids(machine)) == before
    assert "shutdown_timeout" in machine.do(f"cat {CONF}")
    assert machine.do("runuser -u repostal -- repostal check") == f"{CONF}: ok\n"


def test_purging_leaves_nothing_and_asks_nothing(machine):
    machine.do("apt-get purge repostal </dev/null")
    left = machine.do("find / -xdev -name '*repostal*' -not -path '/srv/*' -not -path '/var/log/*' "
                      "-not -path '/var/backups/*' -not -path '/usr/local/*'").split()
    assert left == ["/run/repostal.pid"], "the stand-in's"


def test_installing_where_systemd_does_not_run(machine):
    """As in a container: nothing is started, nothing fails."""
    machine.do("mv /run/systemd /run/systemd.away")
    machine.do(block("install"))
    assert machine.do("runuser -u repostal -- repostal check") == f"{CONF}: ok\n"
    assert main_pid(machine) is None
    machine.do("apt-get purge repostal; mv /run/systemd.away /run/systemd")


def test_readme_without_the_package(machine):
    """What 'cmake --install' does is done from outside: the machine has no compiler."""
    _, install, rest = re.split(r"^(cmake --install .*)\n", block("source"), flags=re.M)
    bare.run("bash", "-e", "-c", f"DESTDIR={machine.root} {install} --prefix /usr/local", cwd=ROOT)
    shutil.copytree(ROOT / "conf", machine.root / "srv/source/conf")
    machine.do(rest, folder="/srv/source")
    assert machine.do("runuser -u repostal -- repostal check") == f"{CONF}: ok\n"
    envelope_arrives(machine, block("try"))

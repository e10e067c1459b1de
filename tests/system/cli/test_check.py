# SPDX-License-Identifier: MIT
"""What of the configuration each command needs: all of it for serve and check, less for the others."""

import json
import os
import pwd
import re
import signal
import socket
import subprocess
import tempfile
from pathlib import Path

import events
import pytest
import settings
from keys import Authority, SigningKey, openssl, self_signed
from repostal import BINARY, Gateway, run
from settings import source, target
from waiting import wait_until

# -- without the service's environment and permissions ------------------------------------------------


@pytest.fixture
def operators_file(new_gateway, receiver):
    """A gateway that runs with secrets in its environment, and its file as an operator finds it: with
    none of them, and with keys that only the service may read."""
    gateway = new_gateway(
        env={"SENDER_TOKEN": settings.TOKEN, "APP_KEY": "key-of-the-application"},
        sources=[source(auth={"token": "env:SENDER_TOKEN"})],
        targets=[target("app", receiver.url(), headers={"X-Api-Key": "env:APP_KEY"})])
    gateway.start()
    path = gateway.directory / "operator.conf"
    changes = {"admin": {"port": gateway.admin_port}, "signing": {"keys": ["/nonexistent/signing.key"]},
               "listen": gateway.settings["listen"] | {"tls": {"certificate": "/nonexistent/tls.crt",
                                                               "key": "/nonexistent/tls.key"}}}
    path.write_text(settings.render(gateway.settings | changes))
    return gateway, path


@pytest.mark.parametrize("arguments", [
    ("queue", "list"), ("queue", "stats"), ("target", "list"), ("target", "pause", "app"), ("quarantine", "list"),
])
@pytest.mark.parametrize("running", [True, False])
def test_commands_need_admin_and_store_only(operators_file, arguments, running):
    gateway, path = operators_file
    if not running:
        assert gateway.stop() == 0
    assert "SENDER_TOKEN" not in os.environ
    result = run(*arguments, "-c", path)
    assert result.returncode == 0, result.stderr


def test_a_secret_that_is_needed_is_named(operators_file):
    _, path = operators_file
    path.write_text(path.read_text().replace("admin: { ", 'admin: { token = "env:ADMIN_TOKEN"; '))
    result = run("queue", "list", "-c", path)
    assert result.returncode == 78
    assert "'admin.token' needs the environment variable ADMIN_TOKEN" in result.stderr
    assert "SENDER_TOKEN" not in result.stderr


def test_translate_needs_no_secret(operators_file):
    _, path = operators_file
    path.write_text(path.read_text().replace("admin: { ", 'admin: { token = "env:ADMIN_TOKEN"; '))
    result = run("translate", "-c", path, data=json.dumps(events.delivered()).encode())
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout)["event"] == "MessageSent"


def test_store_copy_needs_admin_and_store_only(operators_file):
    gateway, path = operators_file
    assert gateway.stop() == 0
    path.write_text(path.read_text().replace("repostal.db", "copy.db"))
    result = run("store", "copy", "-c", path, "--from", gateway.directory / "repostal.db")
    assert result.returncode == 0, result.stderr


def test_serve_and_check_need_all(operators_file):
    _, path = operators_file
    for command in ("serve", "check"):
        result = run(command, "-c", path)
        assert result.returncode == 78
        for needed in ("SENDER_TOKEN", "APP_KEY", "/nonexistent/signing.key", "/nonexistent/tls.key"):
            assert needed in result.stderr, result.stderr


# -- one fault, three judges --------------------------------------------------------------------------


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Certificates and keys, good and bad."""
    return Files(tmp_path_factory.mktemp("files"))


class Files:
    def __init__(self, directory):
        self.directory = directory
        authority = Authority(directory)
        self.ca = str(authority.certificate)
        self.certificate, self.key = map(str, authority.issue("good", days=90))
        self.expired, self.expired_key = map(str, authority.issue("expired", days=-1))
        self.soon, self.soon_key = map(str, authority.issue("soon", days=10))
        self.other_key = str(authority.issue("other", days=90)[1])
        self.encrypted = str(directory / "encrypted.key")
        openssl("pkey", "-in", self.key, "-aes256", "-passout", "pass:test", "-out", self.encrypted)
        self.small, self.small_key = str(directory / "small.crt"), str(directory / "small.key")
        openssl("req", "-x509", "-newkey", "rsa:1024", "-nodes", "-days", "90", "-subj", "/CN=small",
                "-keyout", self.small_key, "-out", self.small)
        good = Path(self.certificate).read_bytes()
        self.junk = self.write("junk.pem", b"this is not a certificate\n")
        self.damaged = self.write("damaged.crt", good.replace(b"MII", b"AAA", 1))
        self.damaged_chain = self.write("chain.crt", good + good.replace(b"MII", b"AAA", 1))
        self.torn = self.write("torn.crt", good.replace(b"MII", b"@@@", 1))
        self.empty = self.write("empty.pem", b"")

    def write(self, name, data):
        path = self.directory / name
        path.write_bytes(data)
        return str(path)


def listening(certificate, key):
    return {"listen": {"port": 0, "tls": {"certificate": certificate, "key": key}}}


def aiming(url="http://127.0.0.1:9/", **changes):
    return {"targets": [target("app", url, **changes)]}


def client(certificate, key):
    return aiming("https://127.0.0.1:9/", tls={"certificate": certificate, "key": key, "verify": False})


# What is wrong; what is said about it, with the setting in front.
FAULTS = {
    "a key that is not the certificate's": (
        lambda f: listening(f.certificate, f.other_key), "'listen.tls.key': '{other_key}' is the key of another"),
    "certificate and key swapped": (
        lambda f: listening(f.key, f.certificate), "'listen.tls.certificate': '{key}' holds a private key and no"),
    "a certificate as key": (
        lambda f: listening(f.certificate, f.certificate), "'listen.tls.key': '{certificate}' holds a certificate and no"),
    "an encrypted key": (
        lambda f: listening(f.certificate, f.encrypted), "'listen.tls.key': '{encrypted}' is encrypted"),
    "junk as certificate": (
        lambda f: listening(f.junk, f.key), "'listen.tls.certificate': '{junk}' holds no PEM certificate"),
    "junk as key": (
        lambda f: listening(f.certificate, f.junk), "'listen.tls.key': '{junk}' holds no PEM private key"),
    "a damaged certificate": (
        lambda f: listening(f.damaged, f.key), "'listen.tls.certificate': '{damaged}' holds a certificate that is"),
    "a torn certificate": (
        lambda f: listening(f.torn, f.key), "'listen.tls.certificate': '{torn}' holds a PEM block that is damaged"),
    "a damaged chain": (
        lambda f: listening(f.damaged_chain, f.key), "'listen.tls.certificate': '{damaged_chain}' holds something"),
    "a key too short for TLS": (
        lambda f: listening(f.small, f.small_key), "'listen.tls.certificate': TLS certificate '{small}'"),
    "a folder as certificate": (
        lambda f: listening(str(f.directory), f.key), "'listen.tls.certificate': '{directory}' is not a file"),
    "a client's key that is another's": (
        lambda f: client(f.certificate, f.other_key), "'targets.tls.key': '{other_key}' is the key of another"),
    "a client's certificate and key swapped": (
        lambda f: client(f.key, f.certificate), "'targets.tls.certificate': '{key}' holds a private key"),
    "a client's encrypted key": (
        lambda f: client(f.certificate, f.encrypted), "'targets.tls.key': '{encrypted}' is encrypted"),
    "junk as authority": (
        lambda f: aiming("https://127.0.0.1:9/", tls={"ca": f.junk}), "'targets.tls.ca': '{junk}' holds no"),
    "a key as authority": (
        lambda f: aiming("https://127.0.0.1:9/", tls={"ca": f.key}), "'targets.tls.ca': '{key}' holds no"),
    "a damaged authority": (
        lambda f: aiming("https://127.0.0.1:9/", tls={"ca": f.damaged_chain}), "'targets.tls.ca': '{damaged_chain}'"),
    "junk as signing key": (
        lambda f: {"signing": {"keys": [f.junk]}}, "'signing.keys': key file '{junk}'"),
    "an encrypted signing key": (
        lambda f: {"signing": {"keys": [f.encrypted]}}, "'signing.keys': key file '{encrypted}'"),
    "an empty signing key": (
        lambda f: {"signing": {"keys": [f.empty]}}, "'signing.keys': key file '{empty}'"),
}


def judged(path, result, fault, files):
    """Every finding is FILE:LINE: text; the fault is one of them."""
    wanted = FAULTS[fault][1].format_map(vars(files))
    lines = [line for line in result.splitlines() if line.startswith(f"{path}:")]
    assert any(re.match(rf"{re.escape(str(path))}:\d+: {re.escape(wanted)}", line) for line in lines), result


@pytest.mark.parametrize("fault", FAULTS)
def test_check_serve_and_reload_refuse_the_same(new_gateway, files, fault):
    gateway = new_gateway(**FAULTS[fault][0](files))
    for command in ("check", "serve"):
        result = run(command, "-c", gateway.config_path)
        assert (result.returncode, result.stdout) == (78, ""), result.stderr
        judged(gateway.config_path, result.stderr, fault, files)


@pytest.fixture(scope="module")
def running(tmp_path_factory, signing_key):
    """A gateway that lives through all reloads that are refused."""
    directory = tmp_path_factory.mktemp("running")
    certificate, key = self_signed(directory, "listener")
    tls = {"tls": {"certificate": str(certificate), "key": str(key)}}
    gateway = Gateway(directory, settings.complete(directory, "http://127.0.0.1:9/", signing_key.path, listen=tls))
    yield gateway.start()
    gateway.close()


@pytest.mark.parametrize("fault", FAULTS)
def test_a_reload_refuses_it_too(running, files, fault):
    good = running.settings
    changes = FAULTS[fault][0](files)
    if "listen" in changes:
        changes = {"listen": good["listen"] | changes["listen"]}
    seen = len(running.log("gateway.reload_failed"))
    problems_seen = len(running.log("config.problem"))
    running.configure(good | changes)
    running.signal(signal.SIGHUP)
    wait_until(lambda: len(running.log("gateway.reload_failed")) > seen, "the reload is refused")
    problems = [line["text"] for line in running.log("config.problem")[problems_seen:]]
    judged(running.config_path, "\n".join(problems), fault, files)
    assert running.log("gateway.reload_failed")[-1]["error"].startswith(problems[0])
    running.configure(good)


# What is old, or soon will be, works as long as others say so: a warning.
WARNINGS = {
    "an expired certificate": (
        lambda f: listening(f.expired, f.expired_key), "'listen.tls.certificate': '{expired}' expired 1 days ago"),
    "a certificate that expires soon": (
        lambda f: listening(f.soon, f.soon_key), "'listen.tls.certificate': '{soon}' expires in 9 days"),
    "an expired client's certificate": (
        lambda f: client(f.expired, f.expired_key), "'targets.tls.certificate': '{expired}' expired"),
    "authorities that expire soon": (
        lambda f: aiming("https://127.0.0.1:9/", tls={"ca": f.soon}), "'targets.tls.ca': '{soon}' expires in"),
    "HTTP/2 without TLS": (lambda f: {"listen": {"http2": True}}, "'listen.http2': "),
}


@pytest.mark.parametrize("fault", WARNINGS)
def test_check_warns_and_serve_starts(start_gateway, files, fault):
    changes, wanted = WARNINGS[fault]
    wanted = wanted.format_map(vars(files))
    gateway = start_gateway(**changes(files))
    result = run("check", "-c", gateway.config_path)
    assert result.returncode == 0, result.stderr
    assert f": warning: {wanted}" in result.stderr
    assert any(wanted in line["text"] for line in gateway.log("config.warning"))


def test_http2_that_cannot_be_had_is_a_warning(new_gateway, files):
    libh2o = re.search(r"^libh2o +(.*)$", run("version").stdout, re.M)[1]
    asked = listening(files.certificate, files.key)["listen"] | {"http2": True}
    result = run("check", "-c", new_gateway(listen=asked).config_path)
    assert result.returncode == 0, result.stderr
    warned = f"'listen.http2': libh2o {libh2o} cannot speak HTTP/2: clients get HTTP/1.1" in result.stderr
    assert warned == libh2o.startswith("2.2."), result.stderr


def test_all_faults_of_a_file_come_out_in_one_run(new_gateway, files):
    gateway = new_gateway(**listening(files.certificate, files.other_key), log={"level": "loud"},
                          targets=[target("app", "https://127.0.0.1:9/", tls={"ca": files.junk})],
                          store={"path": "/nonexistent/repostal.db"})
    result = run("check", "-c", gateway.config_path)
    assert result.returncode == 78
    for setting in ("listen.tls.key", "log.level", "targets.tls.ca", "store.path"):
        assert f"'{setting}'" in result.stderr, result.stderr
    numbers = [int(line.split(":")[1]) for line in result.stderr.splitlines()]
    assert numbers == sorted(numbers)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs a mount of its own")
def test_https_without_the_systems_authorities(new_gateway):
    gateway = new_gateway(**aiming("https://127.0.0.1:9/"))
    hidden = ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs none /etc/ssl/certs && exec "$@"', "sh"]
    for command in ("check", "serve"):
        result = subprocess.run([*hidden, BINARY, command, "-c", gateway.config_path], capture_output=True, text=True)
        if "unshare" in result.stderr or "mount:" in result.stderr:
            pytest.skip("no mounts here")
        assert result.returncode == 78, result.stderr
        assert "ca-certificates" in result.stderr


# -- addresses that are never dialled -----------------------------------------------------------------


@pytest.mark.parametrize("url, changes", [
    ("https://169.254.169.254/", {}),
    ("http://2852039166/", {}),
    ("http://0xa9.0xfe.0xa9.0xfe/", {}),
    ("http://[::ffff:169.254.169.254]/", {}),
    ("http://[fe80::1]/", {}),
    ("http://127.0.0.1:9/", {"egress": {"deny": ["127.0.0.0/8"]}}),
    ("http://0.0.0.0:9/", {"egress": {"deny": ["127.0.0.0/8"]}}),
    ("http://localhost:9/", {"egress": {"deny": ["127.0.0.0/8", "::1"]}}),
])
def test_check_refuses_what_is_never_dialled(new_gateway, url, changes):
    gateway = new_gateway(**aiming(url), **changes)
    result = run("check", "-c", gateway.config_path)
    assert result.returncode == 78, result.stderr
    assert re.search(r":\d+: 'targets.url': .* forbidden by 'egress.deny'", result.stderr)


def test_check_refuses_a_proxy_that_is_never_dialled(new_gateway):
    gateway = new_gateway(**aiming("http://app.invalid/", proxy="http://169.254.1.1:3128"))
    result = run("check", "-c", gateway.config_path)
    assert result.returncode == 78
    assert re.search(r":\d+: 'targets.proxy': 169.254.1.1 is forbidden", result.stderr)
    assert "app.invalid" not in result.stderr, "the proxy asks for that name"


def test_a_name_that_is_unknown_is_a_warning(new_gateway):
    gateway = new_gateway(**aiming("http://app.invalid/"))
    result = run("check", "-c", gateway.config_path)
    assert result.returncode == 0, result.stderr
    assert re.search(r":\d+: warning: 'targets.url': .*app\.invalid", result.stderr)


# -- what is there at another time --------------------------------------------------------------------


def test_a_port_that_another_program_holds(new_gateway):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        for group in ("listen", "admin"):
            gateway = new_gateway(**{group: {"port": port}})
            result = run("check", "-c", gateway.config_path)
            assert result.returncode == 1, result.stderr
            assert re.search(rf":\d+: '{group}.port': another program listens on 127.0.0.1 port {port}", result.stderr)
            assert run("serve", "-c", gateway.config_path).returncode == 1


def test_ports_that_a_repostal_holds_are_good(start_gateway):
    gateway = start_gateway()
    path = gateway.directory / "same.conf"
    path.write_text(settings.render(gateway.settings | {
        "listen": gateway.settings["listen"] | {"port": gateway.port}, "admin": {"port": gateway.admin_port}}))
    result = run("check", "-c", path)
    assert result.returncode == 0, result.stderr


def test_an_address_of_another_machine(new_gateway):
    gateway = new_gateway(listen={"address": "192.0.2.1"})
    result = run("check", "-c", gateway.config_path)
    assert result.returncode == 1
    assert re.search(r":\d+: 'listen.address': .*192\.0\.2\.1", result.stderr)


@pytest.mark.parametrize("prepare, wanted", [
    (lambda path: None, "No such file or directory"),
    (lambda path: path.parent.write_text("a file"), "is not a folder"),
    (lambda path: (path.parent.mkdir(), path.write_text("not a database" * 100)), "file is not a database|damaged|cannot"),
])
def test_a_store_that_cannot_be_opened(new_gateway, tmp_path, prepare, wanted):
    path = tmp_path / "folder" / "repostal.db"
    prepare(path)
    gateway = new_gateway(store={"path": str(path)})
    result = run("check", "-c", gateway.config_path)
    assert result.returncode == 1, result.stderr
    assert re.search(rf":\d+: 'store.path': .*{wanted}", result.stderr)
    assert run("serve", "-c", gateway.config_path).returncode == 1


def test_a_database_that_is_away(new_gateway):
    gateway = new_gateway(store={"path": None, "backend": "postgresql", "dsn": "host=127.0.0.1 port=1"})
    result = run("check", "-c", gateway.config_path)
    assert result.returncode == 1, result.stderr
    assert re.search(r":\d+: 'store.dsn': ", result.stderr)


def test_fewer_descriptors_than_connections(new_gateway):
    gateway = new_gateway(listen={"max_connections": 1000})
    few = ["sh", "-c", 'ulimit -n 512 && exec "$@"', "sh"]
    result = subprocess.run([*few, BINARY, "check", "-c", gateway.config_path], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert re.search(r":\d+: warning: 'listen.max_connections' .* need 1144 file descriptors, 512 are", result.stderr)
    assert "file descriptors" not in run("check", "-c", gateway.config_path).stderr


# -- another user -------------------------------------------------------------------------------------


@pytest.mark.skipif(os.geteuid() != 0, reason="only root sees what others may not")
@pytest.mark.parametrize("closed, setting", [
    ("signing.key", "signing.keys"), ("repostal.conf", None), ("admin.token", "admin.token"), ("store", "store.path"),
])
def test_files_that_the_gateways_user_cannot_use(closed, setting):
    user = pwd.getpwnam("nobody")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "store").mkdir()
        (folder / "admin.token").write_text("a token of sixteen")
        key = SigningKey(folder / "signing.key")
        complete = settings.complete(folder / "store", "http://127.0.0.1:9/", key.path,
                                     admin={"port": 0, "token": f"file:{folder / 'admin.token'}"})
        (folder / "repostal.conf").write_text(settings.render(complete))
        for file in folder.iterdir():
            os.chown(file, user.pw_uid, user.pw_gid)
        good = run("check", "-c", folder / "repostal.conf")
        assert good.returncode == 0, good.stderr
        if closed == "store":
            (folder / closed).chmod(0o500)
        else:
            os.chown(folder / closed, 0, 0)
            (folder / closed).chmod(0o600)
        result = run("check", "-c", folder / "repostal.conf")
        assert result.returncode == 78, result.stderr
        assert re.search(rf":\d+: {f'.{setting}.: ' if setting else ''}user 'nobody'.* cannot", result.stderr)
        assert str(folder / closed) in result.stderr

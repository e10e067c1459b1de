# SPDX-License-Identifier: MIT
"""What an attacker would try, and what src/SECURITY.md says of it: requests with two ends, pages that make a
browser ask, the environment, files, and the binary itself."""

import json
import os
import re
import shutil
import socket
import ssl
import stat
import subprocess
from pathlib import Path

import events
import pytest
from keys import Authority
from repostal import BINARY, ROOT, run
from receiver import Receiver, server_tls
from settings import PATH, TOKEN, target
from waiting import wait_until

CHUNKED = "Transfer-Encoding: chunked\r\n"
ADMIN_TOKEN = "admin-token"
API = "/api/v1"
EXPOSURE_MAX = 1.1  # of the unit file, as systemd 252 counts; src/SECURITY.md names it
MARKERS = {  # by processor: where an indirect jump may land
    "X86-64": ("-fcf-protection", b"\xf3\x0f\x1e\xfa"),  # endbr64
    "AArch64": ("-mbranch-protection", b"\x3f\x23\x03\xd5"),  # paciasp, which also signs the return address
}


# -- the public listener ----------------------------------------------------------------------------


def everything(port, data, wait_s=30):
    """Sends bytes as they are, and reads until the other side closes the connection."""
    with socket.create_connection(("127.0.0.1", port), timeout=wait_s) as connection:
        connection.sendall(data)
        received = b""
        while piece := connection.recv(65536):
            received += piece
    return received


def statuses(received):
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", received)]


SMUGGLED = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.mark.parametrize("headers", [
    f"Content-Length: {5 + len(SMUGGLED)}\r\n{CHUNKED}",
    f"{CHUNKED}Content-Length: {5 + len(SMUGGLED)}\r\n",
    f"{CHUNKED}transfer-encoding: chunked\r\n",
    f"Content-Length: 5\r\nContent-Length: {5 + len(SMUGGLED)}\r\n",
    "Content-Length: 5\r\nContent-Length: 5\r\n",
    f"{CHUNKED}Transfer-Encoding: identity\r\n",
    "Transfer-Encoding: gzip, chunked\r\n",
    "Transfer-Encoding: xchunked\r\n",
    "Transfer-Encoding:\r\n chunked\r\n",
    f"X: y\r\n{CHUNKED[:17]} : chunked\r\n",
    "Content-Length: +5\r\n",
    "Content-Length: 5, 5\r\n",
    "Content-Length: 0x5\r\n",
    "Content-Length: -1\r\n",
    "Content-Length: 18446744073709551621\r\n",
    "Content-Length: 5\r\nHost: y\r\n",
])
def test_a_request_with_two_ends_is_refused_and_is_the_last(gateway, headers):
    """A proxy in front may see the end elsewhere: what follows must not become a request."""
    head = f"POST {PATH}?token={TOKEN} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n{headers}\r\n"
    received = everything(gateway.port, head.encode() + b"0\r\n\r\n" + SMUGGLED)
    assert statuses(received) == [400]
    assert gateway.metric("quarantined_total") == 0


@pytest.mark.parametrize("length", [0, 120_000])
def test_it_is_seen_behind_other_requests_too(gateway, length):
    event = json.dumps(events.delivered()).encode()
    head = f"POST {PATH}?token={TOKEN} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    good = f"{head}Content-Length: {length + len(event)}\r\n\r\n".encode() + b" " * length + event
    bad = f"{head}Content-Length: 5\r\n{CHUNKED}\r\n0\r\n\r\n".encode()
    assert statuses(everything(gateway.port, SMUGGLED + good + bad + SMUGGLED)) == [200, 200, 400]


def test_what_looks_like_a_header_in_a_body_is_none(gateway):
    body = b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"
    head = f"POST {PATH}?token={TOKEN} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
    last = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    assert statuses(everything(gateway.port, head.encode() + body + last)) == [415, 200]


def test_chunks_are_not_for_http_1_0(gateway):
    head = f"POST {PATH}?token={TOKEN} HTTP/1.0\r\nContent-Type: application/json\r\n{CHUNKED}\r\n"
    assert statuses(everything(gateway.port, head.encode() + b"0\r\n\r\n" + SMUGGLED)) == [400]


@pytest.mark.parametrize("data", [
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00",
    b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close, Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
    b"HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n\r\n",
])
def test_http2_is_not_spoken(gateway, data):
    """Not in cleartext, whichever libh2o it is."""
    received = everything(gateway.port, data)
    assert statuses(received) in ([400], [200])
    assert b"101 Switching" not in received and not received.startswith(b"\x00\x00")


@pytest.mark.parametrize("name, value", [("Cr", "a\rb"), ("Nul", "a\0b"), ("Escape", "a\x1b[2Jb")])
def test_control_characters_end_a_request(gateway, name, value):
    data = f"GET /healthz HTTP/1.1\r\nHost: x\r\n{name}: {value}\r\n\r\n".encode()
    assert statuses(everything(gateway.port, data)) == [400]


def test_tls_of_the_listener_leaves_no_keys(start_gateway, receiver, tmp_path):
    certificate, key = Authority(tmp_path).issue("server")
    gateway = start_gateway(listen={"tls": {"certificate": str(certificate), "key": str(key)}},
                            env={"SSLKEYLOGFILE": str(tmp_path / "keys.log")})
    gateway.tls = ssl._create_unverified_context()
    gateway.post(events.delivered())
    receiver.wait_one()
    assert not (tmp_path / "keys.log").exists()


# -- the admin listener -----------------------------------------------------------------------------


STRANGE = [{"Host": "evil.example"}, {"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}]


@pytest.mark.parametrize("headers", STRANGE)
def test_strange_pages_do_not_see_the_metrics(start_gateway, headers):
    gateway = start_gateway(admin={"token": ADMIN_TOKEN})
    assert gateway.admin("/metrics", headers).status == 403
    assert gateway.admin("/metrics", headers | {"Authorization": f"Bearer {ADMIN_TOKEN}"}).status == 200
    assert gateway.admin("/healthz", headers).json == {"status": "ok"}


def test_the_fingerprint_is_for_those_who_may_know_the_configuration(start_gateway):
    """A guess at the configuration can be checked against it."""
    gateway = start_gateway(admin={"token": ADMIN_TOKEN})
    assert gateway.admin("/healthz").json == {"status": "ok"}
    assert gateway.admin("/healthz", {"Authorization": "Bearer wrong"}).json == {"status": "ok"}
    known = gateway.admin("/healthz", {"Authorization": f"Bearer {ADMIN_TOKEN}"}).json
    assert set(known) == {"status", "generation", "fingerprint"}


def test_a_form_without_fields_changes_nothing(gateway):
    """Browsers before 2020 send no Origin with a form."""
    for content_type in ("application/x-www-form-urlencoded", "text/plain", "multipart/form-data; boundary=x"):
        answer = gateway.admin(f"{API}/targets/app/pause", {"Content-Type": content_type}, method="POST")
        assert answer.status == 415
    assert gateway.admin(f"{API}/targets/app").json["paused"] is False
    assert gateway.admin(f"{API}/targets/app/pause", method="POST").json["paused"] is True


@pytest.mark.parametrize("path", ["/metrics", "/healthz", "/readyz", f"{API}/stats"])
def test_browsers_are_told_not_to_guess(gateway, path):
    answer = gateway.admin(path)
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Access-Control-Allow-Origin"] is None


def most_resident_kib(gateway):
    status = Path(f"/proc/{gateway.process.pid}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1])


@pytest.mark.release_only  # sanitizers have memory of their own
def test_a_body_of_many_values_costs_no_more_than_its_bytes(start_gateway):
    """Made into a tree, each of these took 84 MB, and 0.2 s of a thread that serves other senders."""
    gateway = start_gateway(listen={"max_body": "1MiB"})
    body = b'{"a":[' + b",".join([b"{}"] * 330_000) + b'],"event":"delivered"}'
    assert gateway.post(body).result == "quarantined"
    before = most_resident_kib(gateway)
    gateway.post_all([body] * 12, connections=2)
    assert most_resident_kib(gateway) - before < 16 * 1024


def test_a_path_cannot_write_a_line_of_the_log(gateway):
    connection = gateway.admin_connection("POST")
    connection.connect()
    with connection.sock as connection:
        # DEL, a C1 control as UTF-8, a bad byte, and what would be a line's end if it were decoded
        connection.sendall(b"POST /api/v1/targets/\xc2\x9b\xff%0a%1b/pause HTTP/1.1\r\nHost: localhost\r\n"
                           b"Connection: close\r\n\r\n")
        assert statuses(http_answer(connection)) == [404]
    gateway.stop()
    (line,) = [line for line in gateway.log_text().splitlines() if "admin.request" in line]
    assert r"\u009b" in line and "%0a%1b" in line
    assert not re.search(r"[\x00-\x1f\x7f-\x9f]", line)


def http_answer(connection):
    received = b""
    while piece := connection.recv(65536):
        received += piece
    return received


# -- the environment --------------------------------------------------------------------------------


def secure_receiver(tmp_path, version=None):
    """A receiver with TLS, and what its target needs to trust it."""
    authority = Authority(tmp_path)
    context = server_tls(*authority.issue("server"))
    if version:
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = context.maximum_version = version
    return Receiver(context), {"ca": str(authority.certificate)}


def test_the_environment_cannot_ask_for_session_keys(start_gateway, tmp_path):
    receiver, trust = secure_receiver(tmp_path)
    log = tmp_path / "keys.log"
    gateway = start_gateway(url=receiver.url(), env={"SSLKEYLOGFILE": str(log)},
                            targets=[target("app", receiver.url(), tls=trust)])
    gateway.post(events.delivered())
    receiver.wait_one()
    gateway.stop()
    assert not log.exists()
    receiver.close()


def test_files_of_the_environments_user_mean_nothing(start_gateway, receiver, tmp_path):
    """Neither .netrc nor .curlrc of whoever starts it."""
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login someone password secret\n")
    (tmp_path / ".curlrc").write_text("header = \"X-Curlrc: yes\"\n")
    home = {"HOME": str(tmp_path), "CURL_HOME": str(tmp_path), "NETRC": str(tmp_path / ".netrc")}
    gateway = start_gateway(env=home)
    gateway.post(events.delivered())
    request = receiver.wait_one()
    assert request.header("Authorization") is None and request.header("X-Curlrc") is None


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # old versions of TLS are the point here
def test_old_tls_is_not_spoken_to_a_target(start_gateway, tmp_path):
    receiver, trust = secure_receiver(tmp_path, ssl.TLSVersion.TLSv1_1)
    # A system whose OpenSSL would still do it.
    config = tmp_path / "openssl.cnf"
    config.write_text("openssl_conf = a\n[a]\nssl_conf = b\n[b]\nsystem_default = c\n"
                      "[c]\nMinProtocol = TLSv1\nCipherString = ALL:@SECLEVEL=0\n")
    gateway = start_gateway(env={"OPENSSL_CONF": str(config)},
                            targets=[target("app", receiver.url(), tls=trust, retry=["100ms"])])
    gateway.post(events.delivered())
    gateway.wait_metric("attempts_total", 2, target="app", result="tls")
    assert receiver.requests() == []
    receiver.close()


# -- files ------------------------------------------------------------------------------------------


def mode(path):
    return stat.S_IMODE(os.stat(path).st_mode)


def test_events_are_for_their_owner_only(new_gateway, receiver):
    """Also when nobody has thought of the mask."""
    gateway = new_gateway(popen={"umask": 0}).start()
    gateway.post(events.delivered())
    receiver.wait_one()
    files = [path for path in gateway.directory.iterdir() if path.name.startswith("repostal.db")]
    assert {mode(path) for path in files} == {0o600}
    assert len(files) >= 2, "the database and its log"


def test_a_new_key_is_for_its_owner_only(tmp_path):
    result = subprocess.run([BINARY, "keygen", tmp_path / "signing.key"], umask=0, capture_output=True)
    assert result.returncode == 0, result.stderr
    assert mode(tmp_path / "signing.key") == 0o600


def test_a_key_that_everybody_can_read_is_a_warning(gateway, signing_key, tmp_path):
    text = gateway.config_path.read_text()
    key = tmp_path / "open.key"
    shutil.copy(signing_key.path, key)
    key.chmod(0o644)
    token = tmp_path / "token"
    token.write_text("secret\n")
    token.chmod(0o644)
    config = tmp_path / "open.conf"
    config.write_text(text.replace(str(signing_key.path), str(key))
                      .replace("admin: {", f'admin: {{ token = "file:{token}";'))
    report = run("check", "-c", config).stderr
    assert f"'signing.keys': everybody can read {key}" in report
    assert "'admin.token' stands in a file that everybody can read" in report


@pytest.mark.parametrize("dsn", [
    "postgresql//user:SECRET@127.0.0.1/db", "host=127.0.0.1 password=SECRET nonsense=SECRET",
    "postgresql://user:SECRET@127.0.0.1:1/db?nonsense=SECRET", "password='SECRET",
    "postgresql://user:SECRET@127.0.0.1:1/db",
])
def test_a_bad_connection_string_is_not_shown(new_gateway, dsn):
    """libpq would quote it."""
    gateway = new_gateway(store={"backend": "postgresql", "dsn": dsn, "path": None})
    gateway.launch()
    seen = wait_until(lambda: gateway.process.poll() or gateway.log("gateway.waiting"), "it says what is wrong")
    if isinstance(seen, int):
        assert gateway.wait_exit() != 0
    else:  # nothing wrong with the text: nobody is there
        assert gateway.stop() == 0
    assert "SECRET" not in gateway.log_text()


# -- the binary and its unit ------------------------------------------------------------------------


def readelf(option):
    return subprocess.run(["readelf", "-W", option, BINARY], check=True, capture_output=True, text=True,
                          env=os.environ | {"LC_ALL": "C"}).stdout


@pytest.mark.release_only
def test_the_binary_is_hardened():
    assert "DYN (Position-Independent Executable file)" in readelf("--file-header")
    dynamic = readelf("--dynamic")
    assert re.search(r"\(FLAGS_1\).*\bNOW\b.*\bPIE\b", dynamic), "no symbol is bound later"
    assert not re.search(r"\((RPATH|RUNPATH|TEXTREL)\)", dynamic)
    symbols = readelf("--dyn-syms")
    assert "__stack_chk_fail" in symbols, "-fstack-protector-strong"
    assert re.search(r"__\w+_chk\b(?<!__stack_chk)", symbols), "-D_FORTIFY_SOURCE"


@pytest.mark.release_only
def test_no_memory_is_both_writable_and_executable():
    segments = re.findall(r"^\s+(LOAD|GNU_STACK|GNU_RELRO)\s+(?:0x\w+\s+){5}([RWE ]{3})\s", readelf("--segments"),
                          re.MULTILINE)
    flags = {name: [flag for other, flag in segments if other == name] for name, _ in segments}
    assert flags["GNU_STACK"] == ["RW "]
    assert flags["GNU_RELRO"] == ["R  "]
    assert sorted(flags["LOAD"]) == ["R  ", "R  ", "R E", "RW "], "code is in pages of its own"


@pytest.mark.release_only
def test_jumps_have_marked_ends():
    processor = re.search(r"Machine: .*?(\S+)$", readelf("--file-header"), re.MULTILINE)[1]
    if processor not in MARKERS:
        pytest.skip(f"{processor} has no marks")
    option, mark = MARKERS[processor]
    assert BINARY.read_bytes().count(mark) > 100, option


def test_the_unit_gives_little_away():
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    unit = ROOT / "conf" / "repostal.service"
    result = subprocess.run(["systemd-analyze", "security", "--offline=true", "--no-pager", unit],
                            capture_output=True, text=True)
    exposure = re.search(r"exposure level for repostal\.service: (\d+\.\d+)", result.stdout)
    assert exposure, result.stdout + result.stderr
    assert float(exposure[1]) <= EXPOSURE_MAX, result.stdout


def test_this_page_names_tests_that_exist():
    page = (ROOT / "src" / "SECURITY.md").read_text()
    named = re.findall(r"`(\w+\.(?:py|c))::(\w+)`", page)
    assert len(named) > 50
    for file, test in named:
        (path,) = [path for folder in ("system", "unit", "package") for path in (ROOT / "tests" / folder).rglob(file)]
        assert re.search(rf"\b{test}\(", path.read_text()), f"{file}::{test}"
    for fuzzer in re.findall(r"`(fuzz_\w+\.c)`", page):
        assert (ROOT / "tests" / "fuzz" / fuzzer).exists(), fuzzer

# SPDX-License-Identifier: MIT
"""The commands beside serve: what they print, and what they exit with."""

import json
import re
import signal
import socket
import sqlite3
import stat
import subprocess
import threading

import events
import pytest
import settings
from keys import openssl
from repostal import BINARY, run
from secrets_everywhere import SECRETS, assert_no_secret, secretive
from settings import PATH, TOKEN, source, target
from waiting import wait_until

COMMANDS = ["serve", "check", "translate", "trigger", "listen", "keygen"]


# -- the command line -------------------------------------------------------------------------------


@pytest.mark.smoke
def test_help_and_version_are_results():
    usage = run("--help")
    assert (usage.returncode, usage.stderr) == (0, "")
    for command in COMMANDS:
        assert command in usage.stdout
        of_command = run(command, "--help")
        assert (of_command.returncode, of_command.stderr) == (0, "")
        assert command in of_command.stdout
    version = run("--version")
    assert (version.returncode, version.stderr) == (0, "")
    assert re.fullmatch(r"repostal \d+\.\d+\.\d+\n", version.stdout)


def test_help_is_a_command_too():
    """help NAME is NAME --help, for every command that the usage lists."""
    usage = run("--help").stdout
    assert run("help").stdout == usage
    for command in re.findall(r"^  ([a-z]+) ", usage, re.M):
        asked, of_command = run("help", command), run(command, "--help")
        assert (asked.returncode, asked.stderr) == (0, "")
        assert asked.stdout == of_command.stdout and asked.stdout.startswith("Usage: repostal "), command
    for wrong in (["help", "frobnicate"], ["help", "check", "serve"], ["version", "surplus"]):
        result = run(*wrong)
        assert (result.returncode, result.stdout) == (2, "") and wrong[-1] in result.stderr
    assert "did you mean 'check'?" in run("help", "chek").stderr


def test_version_names_the_commit_and_the_libraries():
    result = run("version")
    assert (result.returncode, result.stderr) == (0, "")
    versions = dict(line.split(maxsplit=1) for line in result.stdout.splitlines())
    assert list(versions) == ["repostal", "commit", "libh2o", "libcurl", "SQLite", "OpenSSL", "libpq"]
    assert f"repostal {versions['repostal']}\n" == run("--version").stdout
    assert re.fullmatch(r"[0-9a-f]{12}(-dirty)?|unknown", versions["commit"])
    assert versions["SQLite"] == sqlite3.sqlite_version
    assert re.fullmatch(r"2\.2\.\d+|\d+\.\d+\.\d+, static(, [0-9a-f]{12})?", versions["libh2o"])
    for library in ("libcurl", "OpenSSL", "libpq"):
        assert re.match(r"\d+\.\d+", versions[library]), library


@pytest.mark.parametrize("arguments", [
    [], ["frobnicate"], ["--frobnicate"], ["serve", "--frobnicate"], ["serve", "-c"], ["serve", "surplus"],
    ["check", "surplus"], ["keygen"], ["keygen", "a", "b"], ["trigger"], ["trigger", "-n", "many", "http://x/"],
    ["trigger", "-n", "-1", "http://x/"], ["listen", "-p", "http"], ["listen", "-p", "70000"],
    ["listen", "--answer", "x"], ["translate", "--frobnicate"],
])
def test_wrong_usage_is_2_and_an_error(arguments):
    result = run(*arguments)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr


@pytest.mark.parametrize("arguments", [["send"], ["send", "-n", "1", "http://127.0.0.1:9/"], ["help", "send"]])
def test_send_says_that_it_is_called_trigger(arguments):
    result = run(*arguments)
    assert (result.returncode, result.stdout) == (2, "")
    assert "unknown command 'send'" in result.stderr and "'repostal trigger'" in result.stderr


@pytest.mark.parametrize("command", ["serve", "check", "translate"])
def test_bad_configuration_is_78(tmp_path, command):
    path = tmp_path / "repostal.conf"
    path.write_text('listen: { prot = 1; };\n')
    result = run(command, "-c", path, data=b"")
    assert result.returncode == 78
    assert f"{path}:1:" in result.stderr + result.stdout


def test_a_missing_configuration_is_named(tmp_path):
    path = tmp_path / "nowhere.conf"
    for command in ("serve", "check"):
        result = run(command, "-c", path)
        assert result.returncode in (1, 78)
        assert str(path) in result.stderr


def test_results_that_cannot_be_written_are_a_failure():
    with open("/dev/full", "w") as full:
        result = subprocess.run([BINARY, "--help"], stdout=full, stderr=subprocess.PIPE)
    assert result.returncode == 1


# -- check ------------------------------------------------------------------------------------------


def write_config(tmp_path, signing_key, text="", **changes):
    path = tmp_path / "repostal.conf"
    complete = settings.complete(tmp_path, "http://127.0.0.1:9/postal", signing_key.path, **changes)
    path.write_text(settings.render(complete) + text)
    return path


@pytest.mark.smoke
def test_check_of_a_good_file(tmp_path, signing_key):
    result = run("check", "-c", write_config(tmp_path, signing_key))
    assert result.returncode == 0, result.stderr
    assert not (tmp_path / "repostal.db").exists(), "checking changes nothing"


def test_a_minimal_file_is_enough(tmp_path):
    path = tmp_path / "repostal.conf"
    path.write_text('sources: ( { name = "bizmail"; path = "/in"; auth: { token = "t"; }; } );\n'
                    'targets: ( { name = "app"; url = "http://127.0.0.1:3000/"; } );\n')
    result = run("check", "-c", path)
    assert result.returncode == 0, result.stderr
    assert "sign" in result.stdout + result.stderr, "signing is off, with a warning"


def test_check_reports_every_problem_with_its_line(tmp_path):
    path = tmp_path / "repostal.conf"
    path.write_text('\n'.join([
        'listen: { prot = 8025;',
        '          max_body = "much"; };',
        'store: { keep_dead = "30x"; };',
        'sources: ( { name = "a"; path = "no-slash"; auth = "none"; },',
        '           { name = "b"; path = "/b"; } );',
        'targets: ( { name = "app"; url = "ftp://example.com/";',
        '             jitter = 2.0; retry = "never"; } );',
        'colour = "red";',
    ]) + '\n')
    result = run("check", "-c", path)
    assert result.returncode == 78
    output = result.stdout + result.stderr
    for line in range(1, 9):
        assert f"{path}:{line}:" in output, output
    assert re.search(r"\bport\b", output), "the nearest known key is named"


@pytest.mark.parametrize("changes", [
    {"sources": []},
    {"targets": [target("same", "http://127.0.0.1:9/"), target("same", "http://127.0.0.1:9/")]},
    {"sources": [source(), source()]},
    {"sources": [source(auth={})]},
    {"targets": [target("app", "http://127.0.0.1:9/", sources=["unheard-of"])]},
    {"targets": [target("app", "http://127.0.0.1:9/", events=["MessageTeleported"])]},
    {"targets": [target("app", "http://127.0.0.1:9/", headers={"X-Bad": "a\r\nb"})]},
    {"targets": [target("app", "http://127.0.0.1:9/", timeout=5)]},
    {"targets": [target("app", "http://127.0.0.1:9/", timeout="0s")]},
    {"targets": [target("app", "")]},
    {"signing": {"keys": ["/nowhere/signing.key"]}},
    {"admin": {"address": "0.0.0.0", "port": 8026}},
    {"listen": {"address": "localhost:80"}},
    {"listen": {"port": 65536}},
    {"listen": {"tls": {"certificate": "/nowhere.crt", "key": "/nowhere.key"}}},
    {"listen": {"trusted_proxies": ["10.0.0.1/8"]}},
    {"sources": [source(auth={"token": "env:REPOSTAL_TEST_UNSET"})]},
    {"sources": [source(auth={"token": "file:/nowhere"})]},
    {"log": {"level": "loud"}},
    {"translate": {"hard_bounce": "MessageSent"}},
    {"shutdown_timeout": "soon"},
], ids=str)
def test_check_refuses(tmp_path, signing_key, changes):
    path = write_config(tmp_path, signing_key, **changes)
    result = run("check", "-c", path)
    assert result.returncode == 78
    assert f"{path}:" in result.stdout + result.stderr


def test_a_syntax_error_has_a_line(tmp_path):
    path = tmp_path / "repostal.conf"
    path.write_text("listen: {\n  port = ;\n};\n")
    result = run("check", "-c", path)
    assert result.returncode == 78
    assert f"{path}:2:" in result.stdout + result.stderr


def test_print_shows_every_setting_and_no_secret(tmp_path, signing_key):
    path = write_config(tmp_path, signing_key, **secretive(tmp_path, "http://127.0.0.1:9/postal"))
    result = run("check", "--print", "-c", path, env={"REPOSTAL_TEST": SECRETS["env"]})
    assert result.returncode == 0, result.stderr
    assert_no_secret(result.stdout + result.stderr)
    for default in ("max_connections", "keep_quarantine", "dedup_window", "max_backlog", "retry_after_max",
                    "shutdown_timeout", "trusted_proxies", "sent_with_ssl"):
        assert default in result.stdout
    for elsewhere in ('"env:REPOSTAL_TEST"', f'"file:{tmp_path / "admin.token"}"'):
        assert elsewhere in result.stdout, "a secret that stands elsewhere stays there"
    printed = tmp_path / "printed.conf"
    printed.write_text(result.stdout)
    refused = run("check", "-c", printed, env={"REPOSTAL_TEST": SECRETS["env"]})
    assert refused.returncode == 78, "a mask is no secret"
    assert "'admin.token' is the" in refused.stderr and "put the secret back" in refused.stderr
    printed.write_text(result.stdout.replace("***", "secret-again"))
    again = run("check", "-c", printed, env={"REPOSTAL_TEST": SECRETS["env"]})
    assert again.returncode == 0, again.stderr


# -- translate --------------------------------------------------------------------------------------


def test_translate_writes_an_envelope_a_line(tmp_path, signing_key):
    path = write_config(tmp_path, signing_key)
    batch = [events.delivered(), events.bounce(), events.drop()]
    first, second = tmp_path / "first.json", tmp_path / "second.json"
    first.write_text(json.dumps(batch[0]) + json.dumps(batch[1], indent=4))
    second.write_text(json.dumps(batch[2]))
    result = run("translate", "-c", path, first, second)
    assert result.returncode == 0, result.stderr
    envelopes = [json.loads(line) for line in result.stdout.splitlines()]
    names = [envelope["event"] for envelope in envelopes]
    assert names == ["MessageSent", "MessageDeliveryFailed", "MessageDeliveryFailed"]
    assert [e["payload"]["message"]["message_id"] for e in envelopes] == [event["id"] for event in batch]
    assert not (tmp_path / "repostal.db").exists()


def test_translate_reads_standard_input_and_agrees_with_the_gateway(gateway, receiver):
    event = events.bounce(response="550 <é>")
    result = run("translate", "-c", gateway.config_path, data=json.dumps(event).encode())
    assert result.returncode == 0, result.stderr
    offline = json.loads(result.stdout)
    gateway.post(event)
    online = receiver.wait_one().envelope
    assert offline["payload"] == online["payload"]
    assert offline["uuid"] == online["uuid"]


@pytest.mark.parametrize("text", [b"{", b"[1]", b'{"event":"opened","id":"a@b","recipient":"c@d.example"}'])
def test_translate_fails_for_what_it_cannot_translate(tmp_path, signing_key, text):
    path = write_config(tmp_path, signing_key)
    good = json.dumps(events.delivered()).encode()
    result = run("translate", "-c", path, data=good + b"\n" + text)
    assert result.returncode == 1
    assert len(result.stdout.splitlines()) == 1, "the good one is there"
    assert result.stderr


def test_translate_names_a_missing_file(tmp_path, signing_key):
    result = run("translate", "-c", write_config(tmp_path, signing_key), tmp_path / "nowhere.json")
    assert result.returncode == 1
    assert "nowhere.json" in result.stderr


# -- keygen -----------------------------------------------------------------------------------------


def test_keygen(tmp_path):
    path = tmp_path / "signing.key"
    result = run("keygen", path)
    assert result.returncode == 0, result.stderr
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert b"2048 bit" in openssl("rsa", "-in", path, "-noout", "-text")
    public = openssl("rsa", "-in", path, "-pubout").decode()
    assert public.strip() in result.stdout
    bare = "".join(public.split("\n")[1:-2])
    assert bare in result.stdout.split() or any(word.endswith(bare) for word in result.stdout.split())
    der = openssl("rsa", "-in", path, "-RSAPublicKey_out", "-outform", "DER")
    assert openssl("dgst", "-sha256", "-r", data=der).decode().split()[0] in result.stdout
    assert "PRIVATE" not in result.stdout


def test_keygen_does_not_overwrite(tmp_path):
    path = tmp_path / "signing.key"
    path.write_text("precious")
    result = run("keygen", path)
    assert (result.returncode, result.stdout) == (1, "")
    assert str(path) in result.stderr
    assert path.read_text() == "precious"


def test_keygen_names_a_directory_that_is_not_there(tmp_path):
    result = run("keygen", tmp_path / "missing" / "signing.key")
    assert result.returncode == 1
    assert "missing" in result.stderr


# -- trigger and listen --------------------------------------------------------------------------------


def test_trigger_posts_events_and_sums_up(gateway, receiver):
    url = f"http://127.0.0.1:{gateway.port}{PATH}?token={TOKEN}"
    result = run("trigger", "-n", "25", "--concurrency", "3", url)
    assert result.returncode == 0, result.stderr
    assert re.search(r"accepted\s+25\b", result.stdout) and "latency" in result.stdout
    receiver.wait_count(25)
    gateway.wait_idle()
    assert len({envelope["uuid"] for envelope in receiver.envelopes()}) == 25
    assert gateway.metric("events_received_total") == 25


def test_trigger_takes_its_secrets_from_elsewhere(gateway, tmp_path, monkeypatch):
    url = f"http://127.0.0.1:{gateway.port}{PATH}"
    monkeypatch.setenv("REPOSTAL_TEST_TOKEN", TOKEN)
    monkeypatch.setenv("REPOSTAL_TEST_HEADER", f"Bearer {TOKEN}")
    (tmp_path / "token").write_text(TOKEN + "\n")
    for option, value in (("--token", "env:REPOSTAL_TEST_TOKEN"), ("--token", f"file:{tmp_path}/token"),
                          ("-H", "Authorization: env:REPOSTAL_TEST_HEADER"), ("--token", TOKEN),
                          ("-H", f"Authorization: Bearer {TOKEN}")):
        assert run("trigger", "-n", "1", option, value, url).returncode == 0, (option, value)
    for option, value, message in (("--token", "env:REPOSTAL_TEST_UNSET", "REPOSTAL_TEST_UNSET, which is not set"),
                                   ("--token", f"file:{tmp_path}/none", f"{tmp_path}/none: No such file"),
                                   ("-H", "Authorization: env:REPOSTAL_TEST_UNSET", "-H, --header needs")):
        result = run("trigger", "-n", "1", option, value, url)
        assert (result.returncode, result.stdout) == (2, "") and message in result.stderr


@pytest.mark.parametrize("kind", ["delivered", "bounce", "drop"])
def test_trigger_of_one_kind(gateway, kind):
    url = f"http://127.0.0.1:{gateway.port}{PATH}?token={TOKEN}"
    assert run("trigger", "-n", "5", "--kind", kind, url).returncode == 0
    assert gateway.metric("events_received_total", kind=kind) == 5


def test_trigger_fails_when_events_are_refused(gateway):
    result = run("trigger", "-n", "3", f"http://127.0.0.1:{gateway.port}{PATH}?token=wrong")
    assert result.returncode == 1
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        assert run("trigger", "-n", "3", f"http://127.0.0.1:{reserved.getsockname()[1]}/").returncode == 1


class Listener:
    """repostal listen as a child process."""

    def __init__(self, *arguments):
        self.process = subprocess.Popen([BINARY, "listen", "-p", "0", *map(str, arguments)],
                                        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.lines = []
        self._thread = threading.Thread(target=self._read)
        self._thread.start()
        first = wait_until(lambda: self.lines and self.lines[0], "the listener says where it listens")
        assert first.startswith("listening on http://127.0.0.1:")
        self.url = first.removeprefix("listening on ")

    def _read(self):
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))

    def wait_text(self, *texts):
        wait_until(lambda: all(text in "\n".join(self.lines) for text in texts), f"{texts} in the output")

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(30)
        self._thread.join()
        return code


def test_listen_prints_and_verifies(new_gateway, signing_key):
    listener = Listener("--key", signing_key.public)
    gateway = new_gateway(url=listener.url).start()
    event = events.delivered()
    gateway.post(event)
    listener.wait_text(event["id"], "MessageSent")
    gateway.wait_idle()
    assert gateway.metric("attempts_total", result="2xx") == 1
    assert listener.stop() == 0
    shown = "\n".join(listener.lines).lower()
    assert "verif" in shown or "valid" in shown or "good" in shown


def test_listen_answers_what_it_is_told(new_gateway):
    listener = Listener("--answer", "503")
    gateway = new_gateway(url=listener.url).start()
    gateway.post(events.delivered())
    gateway.wait_metric("attempts_total", 4, target="app", result="5xx")
    listener.stop()

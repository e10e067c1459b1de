# SPDX-License-Identifier: MIT
"""Secrets that people write into command lines and URLs, and who may see them."""

import subprocess
import threading
from pathlib import Path

import pytest
import settings
from api import api
from repostal import BINARY, run
from receiver import Reply
from settings import target
from waiting import PATIENCE_S

SECRET = "s3cr3t-on-a-command-line"
ADMIN_TOKEN = "admin-token-of-this-test"
READ_TOKEN = "read-token-of-this-test"


@pytest.mark.parametrize("arguments", [
    ["--token", SECRET, "{url}"],
    [f"--token={SECRET}", "{url}"],
    ["-H", f"X-Api-Key: {SECRET}", "{url}"],
    [f"--header=X-Api-Key:{SECRET}", "{url}"],
    ["{url}/" + SECRET],
    ["{url}?token=" + SECRET],
], ids=["token", "token with =", "header", "header with =", "path", "query"])
def test_the_list_of_processes_has_no_secret(receiver, arguments):
    gate = threading.Event()
    for path in ("/postal", f"/postal/{SECRET}", f"/postal?token={SECRET}"):
        receiver.answer(path, Reply(gate=gate))
    command = [BINARY, "trigger", "-n", "1", *(text.format(url=receiver.url("/postal")) for text in arguments)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        receiver.wait_one()
        shown = Path(f"/proc/{process.pid}/cmdline").read_bytes()
        gate.set()
        process.communicate(timeout=PATIENCE_S)
    assert SECRET.encode() not in shown and b"trigger" in shown and b"127.0.0.1" in shown, shown


URL = "https://user:" + SECRET + "@receiver.example:8443/hooks/" + SECRET + "?key=" + SECRET


def test_urls_are_shown_to_those_who_have_the_token(start_gateway):
    gateway = start_gateway(admin={"token": ADMIN_TOKEN, "read_token": READ_TOKEN},
                            targets=[target("app", URL), target("plain", "http://192.0.2.1/")])

    def urls(token):
        rows = api(gateway, "GET", "/targets", headers={"Authorization": f"Bearer {token}"})["targets"]
        return [row["url"] for row in rows]

    whole = URL.replace(f"user:{SECRET}", "***")
    assert urls(READ_TOKEN) == ["https://***@receiver.example:8443/***", "http://192.0.2.1/"]
    assert urls(ADMIN_TOKEN) == [whole, "http://192.0.2.1/"]
    result = run("target", "list", "--json", "-c", gateway.config_path)
    assert whole in result.stdout and f":{SECRET}@" not in result.stdout


def test_without_a_token_nobody_sees_what_follows_the_host(start_gateway):
    gateway = start_gateway(targets=[target("app", URL)])
    for path in ("/targets/app", "/targets", "/stats"):
        assert SECRET not in str(api(gateway, "GET", path))
    assert SECRET not in gateway.log_text()


def test_what_check_prints_can_be_used_again(new_gateway):
    gateway = new_gateway(targets=[target("app", URL.replace(f"user:{SECRET}@", ""))])
    printed = run("check", "--print", "-c", gateway.config_path).stdout
    assert f"/hooks/{SECRET}?key={SECRET}" in printed
    with_password = new_gateway(targets=[target("app", URL)])
    printed = run("check", "--print", "-c", with_password.config_path).stdout
    assert f":{SECRET}@" not in printed and "***@receiver.example" in printed
    assert settings.TOKEN not in printed

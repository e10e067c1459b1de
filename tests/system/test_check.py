# SPDX-License-Identifier: MIT
"""What of the configuration each command needs: all of it for serve and check, less for the others."""

import json
import os

import events
import pytest
import settings
from repostal import run
from settings import source, target

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

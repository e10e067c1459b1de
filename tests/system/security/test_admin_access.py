# SPDX-License-Identifier: MIT
"""Who may look and who may change things: the Unix socket, the tokens, and whom the command line believes."""

import http.server
import json
import socket
import stat
import threading
from pathlib import Path

import events
import pytest
import settings
from api import API, api
from offline import without_note
from repostal import LocalConnection, run
from waiting import wait_until

TOKEN = "admin-token-of-this-test"
READ_TOKEN = "read-token-of-this-test"


def bearer(token):
    return {"Authorization": f"Bearer {token}"}


def over(connection, method, path, headers=None, body=None):
    try:
        connection.request(method, path, body, headers or {})
        response = connection.getresponse()
        return response.status, response.read().decode()
    finally:
        connection.close()


def tcp(gateway, method, path, headers=None, body=None):
    connection = gateway.admin_connection()
    return over(connection, method, path, headers, body)


def command_line(gateway, *arguments, **admin):
    path = gateway.directory / "control.conf"
    changed = gateway.settings | {"admin": gateway.settings["admin"] | {"port": gateway.admin_port} | admin}
    path.write_text(settings.render(changed))
    return run(*arguments, "-c", path)


CHANGES = [("POST", "/targets/app/pause"), ("POST", "/quarantine/1/discard"), ("POST", "/jobs"),
           ("DELETE", "/jobs/1"), ("PUT", "/targets/app"), ("POST", "/nothing/here")]
LOOKS = ["/metrics", "/healthz", "/readyz", f"{API}/stats", f"{API}/targets", f"{API}/deliveries"]


def test_without_a_token_tcp_only_looks(new_gateway):
    gateway = new_gateway().start()
    for path in LOOKS:
        assert tcp(gateway, "GET", path)[0] == 200, path
    for method, path in CHANGES:
        status, text = tcp(gateway, method, API + path)
        assert status == 403 and "Unix socket" in text and "admin.token" in text, (method, path, status, text)
    api(gateway, "POST", "/targets/app/pause")  # over the socket
    assert api(gateway, "GET", "/targets/app")["paused"] is True
    assert len(gateway.log("admin.rejected", reason="forbidden")) <= len(CHANGES)


def test_the_token_changes_and_the_read_token_looks(new_gateway):
    gateway = new_gateway(admin={"port": 0, "token": TOKEN, "read_token": READ_TOKEN}).start()
    for path in LOOKS[3:]:
        assert tcp(gateway, "GET", path)[0] == 401, path
        assert tcp(gateway, "GET", path, bearer("another"))[0] == 401, path
        assert tcp(gateway, "GET", path, bearer(READ_TOKEN))[0] == 200, path
    for method, path in CHANGES:
        assert tcp(gateway, method, API + path)[0] == 401, path
        status, text = tcp(gateway, method, API + path, bearer(READ_TOKEN))
        assert status == 403 and "admin.token" in text, (path, text)
    assert tcp(gateway, "POST", f"{API}/targets/app/pause", bearer(TOKEN))[0] == 200
    assert over(LocalConnection(gateway.admin_socket), "POST", f"{API}/targets/app/resume")[0] == 200
    for secret in (TOKEN, READ_TOKEN):
        assert secret not in gateway.log_text()


def test_the_socket_is_for_the_service_alone(new_gateway):
    gateway = new_gateway().start()
    path = Path(gateway.admin_socket)
    assert path == gateway.directory / "admin.sock"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    for page in LOOKS:
        assert over(LocalConnection(path), "GET", page)[0] == 200, page
    assert gateway.stop() == 0
    assert not path.exists()


def test_the_socket_lies_where_systemd_says(new_gateway, tmp_path):
    folder = tmp_path / ("runtime-" + 100 * "x")  # too long for the address of a socket
    folder.mkdir()
    gateway = new_gateway(env={"RUNTIME_DIRECTORY": f"{folder}:/nonexistent"}).start()
    assert gateway.admin_socket == str(folder / "admin.sock")
    assert over(LocalConnection(gateway.admin_socket), "GET", "/healthz")[0] == 200
    result = run("target", "pause", "app", "-c", gateway.config_path, env={"RUNTIME_DIRECTORY": str(folder)})
    assert (result.returncode, result.stderr) == (0, ""), result


def test_none_is_none(new_gateway):
    gateway = new_gateway(admin={"port": 0, "socket": "none"}).start()
    assert gateway.admin_socket == "none"
    assert not (gateway.directory / "admin.sock").exists()
    result = command_line(gateway, "target", "pause", "app")
    assert result.returncode == 1 and "set admin.token" in result.stderr
    assert command_line(gateway, "target", "list").returncode == 0


def test_a_socket_that_was_left_behind_is_replaced(new_gateway):
    gateway = new_gateway().start()
    gateway.kill9()
    assert (gateway.directory / "admin.sock").exists()
    gateway.start()
    assert over(LocalConnection(gateway.admin_socket), "GET", "/healthz")[0] == 200


def test_what_somebody_listens_on_is_not_replaced(new_gateway, tmp_path):
    path = tmp_path / "taken.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        gateway = new_gateway(admin={"port": 0, "socket": str(path)})
        gateway.launch()
        assert gateway.wait_exit() == 1
        assert f"another process listens on '{path}'" in gateway.log_text()
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(path))
    path.unlink()
    path.write_text("not a socket")
    gateway.launch()
    assert gateway.wait_exit() != 0
    assert "is in the way: it is not a socket" in gateway.log_text()
    assert path.read_text() == "not a socket"


def test_two_gateways_in_one_folder(new_gateway):
    """The second one does without a socket that nobody asked for; the commands still find the right one."""
    first = new_gateway().start()
    second = new_gateway(store={"path": str(first.directory / "second.db")}).start()
    assert second.admin_socket == "none"
    assert second.log("admin.no_socket")
    for gateway, paused in ((first, True), (second, False)):
        assert command_line(gateway, "target", "list", "--json").returncode == 0
        if paused:
            assert command_line(gateway, "target", "pause", "app").returncode == 0
        assert api(gateway, "GET", "/targets/app")["paused"] is paused
    result = command_line(second, "target", "pause", "app")
    assert result.returncode == 1 and "admin.token" in result.stderr
    assert api(second, "GET", "/targets/app")["paused"] is False


def test_check_looks_for_the_folder_of_the_socket(new_gateway, tmp_path):
    gateway = new_gateway(admin={"port": 0, "socket": str(tmp_path / "nowhere" / "admin.sock")})
    result = run("check", "-c", gateway.config_path)
    assert result.returncode != 0 and "'admin.socket': " in result.stderr + result.stdout
    assert "nowhere" in result.stderr + result.stdout


# -- whom the command line believes -----------------------------------------------------------------


class Impostor:
    """Another account that took the port: it answers everything with what a gateway would like to say."""

    def __init__(self, answer):
        self.seen = []
        impostor = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                impostor.seen.append((self.command, self.path, self.headers.get("Authorization")))
                status, body = answer(self.path)
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_POST = do_DELETE = do_GET

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_port
        self.thread = threading.Thread(target=self.server.serve_forever)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


def says_yes(_):
    return 200, json.dumps({"proof": 64 * "0", "deliveries": [], "targets": [], "next": None}).encode()


@pytest.mark.parametrize("answer", [says_yes, lambda _: (404, b"{}"), lambda _: (503, b"{}"), lambda _: (200, b"x")],
                         ids=["yes", "not found", "unavailable", "no json"])
def test_a_token_is_sent_to_this_stores_gateway_only(new_gateway, answer):
    gateway = new_gateway(admin={"port": 0, "token": TOKEN, "socket": "none"}).start()
    gateway.stop()  # there is a store now, and nobody who serves it
    with Impostor(answer) as impostor:
        gateway.admin_port = impostor.port
        for arguments in (("queue", "list"), ("target", "pause", "app"), ("status",)):
            result = command_line(gateway, *arguments)
            assert result.returncode == 1, (arguments, result)
            assert str(impostor.port) in result.stderr, result
        assert impostor.seen
        assert all(path.startswith("/identity?") and token is None for _, path, token in impostor.seen), impostor.seen


def test_an_answer_for_one_port_is_none_for_another(new_gateway):
    """Passed on to a gateway of the same store that listens elsewhere, the question gets another answer."""
    gateway = new_gateway(admin={"port": 0, "token": TOKEN, "socket": "none"}).start()

    def pass_on(path):
        status, text = tcp(gateway, "GET", path)
        return status, text.encode()

    with Impostor(pass_on) as impostor:
        result = command_line(gateway, "target", "list", port=impostor.port)
        assert result.returncode == 1 and "is not the gateway of this store" in result.stderr
        assert all(token is None for *_, token in impostor.seen)
    assert command_line(gateway, "target", "list").returncode == 0


def test_the_gateway_of_another_store_is_another(new_gateway):
    here, other = new_gateway().start(), new_gateway(admin={"port": 0, "socket": "none"}).start()
    result = command_line(here, "target", "list", port=other.admin_port, socket="none")
    assert result.returncode == 1 and "is not the gateway of this store" in result.stderr


def test_a_store_that_cannot_be_read_is_no_proof(new_gateway):
    gateway = new_gateway(admin={"port": 0, "token": TOKEN, "socket": "none"}).start()
    elsewhere = {"store": gateway.settings["store"] | {"path": str(gateway.directory / "none" / "x.db")}}
    path = gateway.directory / "elsewhere.conf"
    path.write_text(settings.render(gateway.settings | elsewhere | {
        "admin": gateway.settings["admin"] | {"port": gateway.admin_port}}))
    result = run("target", "list", "-c", path)
    assert result.returncode == 1 and "no token was sent" in result.stderr, result


def test_a_read_token_is_enough_to_look(new_gateway):
    gateway = new_gateway(admin={"port": 0, "read_token": READ_TOKEN, "socket": "none"}).start()
    assert command_line(gateway, "target", "list").returncode == 0
    result = command_line(gateway, "target", "pause", "app")
    assert result.returncode == 1 and "admin.read_token may look" in result.stderr


def test_the_command_line_goes_over_the_socket_first(new_gateway):
    """Also with a port that the system chose, which only the gateway knows, and without a token of its own."""
    gateway = new_gateway(admin={"port": 0, "token": TOKEN}).start()
    gateway.post(events.delivered())
    result = run("queue", "list", "--json", "-c", gateway.config_path)
    assert (result.returncode, without_note(result.stderr), len(json.loads(result.stdout)["deliveries"])) == (0, "", 1)
    assert result.stderr == ""
    result = run("target", "pause", "app", "-c", gateway.config_path)
    assert result.returncode == 0
    wait_until(lambda: gateway.log("admin.request", peer="socket"), "the change is in the log")


@pytest.mark.parametrize("query", ["", "?challenge=", "?challenge=abc", "?challenge=" + 31 * "a",
                                   "?challenge=" + 129 * "a", "?challenge=" + 40 * "G", "?x=" + 40 * "a"])
def test_a_challenge_has_a_form(gateway, query):
    assert tcp(gateway, "GET", "/identity" + query)[0] == 400

# SPDX-License-Identifier: MIT
"""The commands that speak to a gateway, or open its store: run to their end, or on a terminal."""

import json
import os
import pty
import subprocess
import termios
import threading

import settings
from offline import without_note
from repostal import BINARY, run
from waiting import PATIENCE_S, wait_until


class Control:
    """The commands, with the gateway's configuration. They are told the port that the system chose."""

    def __init__(self, gateway, **admin):
        self.config_path = gateway.directory / "control.conf"
        complete = gateway.settings | {"admin": gateway.settings["admin"] | {"port": gateway.admin_port} | admin}
        self.config_path.write_text(settings.render(complete))

    def run(self, *arguments):
        return run(*arguments, "-c", self.config_path)

    def ok(self, *arguments):
        """Standard output of a command that does what it was asked for."""
        result = self.run(*arguments)
        assert (result.returncode, without_note(result.stderr)) == (0, ""), (arguments, result)
        return result.stdout

    def json(self, *arguments):
        output = self.ok(*arguments, "--json")
        assert output.count("\n") == 1
        return json.loads(output)

    def refused(self, code, *arguments):
        """Standard error of a command that exits with code, and prints no result."""
        result = self.run(*arguments)
        assert (result.returncode, result.stdout) == (code, ""), (arguments, result)
        assert result.stderr.startswith(f"repostal {arguments[0]}: ")
        return without_note(result.stderr)

    def deliveries(self, *filters):
        return self.json("queue", "list", "--limit", "0", *filters)["deliveries"]

    def target(self, name="app"):
        return next(t for t in self.json("target", "list")["targets"] if t["name"] == name)

    def start(self, *arguments, columns=100, environment=None):
        """On a terminal of its own."""
        return Terminal([BINARY, *arguments, "-c", self.config_path], columns, environment)


class Terminal:
    def __init__(self, command, columns, environment=None):
        controller, terminal = pty.openpty()
        termios.tcsetwinsize(terminal, (24, columns))
        self.process = subprocess.Popen(command, stdin=terminal, stdout=terminal, stderr=terminal,
                                        start_new_session=True, env=os.environ | (environment or {}))
        os.close(terminal)
        self.text = ""
        self._controller = controller
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        while True:
            try:
                data = os.read(self._controller, 65536)
            except OSError:  # the other side was closed
                return
            self.text += data.decode()

    def expect(self, text):
        wait_until(lambda: text in self.text or self.process.poll() is not None, f"it prints {text!r}")
        assert text in self.text

    def type(self, text):
        os.write(self._controller, text.encode())

    def end(self):
        """The exit code, when all is read."""
        code = self.process.wait(PATIENCE_S)
        self._reader.join(PATIENCE_S)
        os.close(self._controller)
        assert "Sanitizer" not in self.text and "runtime error" not in self.text, self.text
        return code

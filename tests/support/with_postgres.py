#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""with_postgres.py COMMAND...: runs the command beside a PostgreSQL server of its own.

The command finds a connection string in REPOSTAL_TEST_DSN. Where PostgreSQL cannot be started, this says
why and runs the command without that variable. The exit status is the command's.
"""

import os
import signal
import subprocess
import sys

from postgres import PostgresError, PostgresServer


def run(command, environment):
    process = subprocess.Popen(command, env=environment)
    signal.signal(signal.SIGTERM, lambda *_: process.terminate())
    while True:
        try:
            code = process.wait()
            return code if code >= 0 else 128 - code
        except KeyboardInterrupt:
            pass  # the command got it too, and may have something to tidy up


def main(command):
    environment = {name: value for name, value in os.environ.items() if name != "REPOSTAL_TEST_DSN"}
    server = None
    try:
        try:
            server = PostgresServer(durable=False)
            environment["REPOSTAL_TEST_DSN"] = server.start().dsn()
        except (AssertionError, OSError, PostgresError) as problem:
            print(f"without PostgreSQL: {problem}", file=sys.stderr)
        return run(command, environment)
    finally:
        if server is not None:
            server.close()


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit("usage: with_postgres.py COMMAND...")
    sys.exit(main(sys.argv[1:]))

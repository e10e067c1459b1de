# SPDX-License-Identifier: MIT
"""What this machine's network is like, seen from a test."""

import socket


def own_address():
    """Of this machine, as others see it; None when it has none but loopback. Connecting a datagram socket
    sends nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return None
        address = probe.getsockname()[0]
        return None if address.startswith("127.") else address


def refuses_connections(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return True
    return False

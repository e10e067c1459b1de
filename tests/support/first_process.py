# SPDX-License-Identifier: MIT
"""The first process of a bare machine: mounts, raises the loopback, says its process id as the others see it
from outside, then adopts orphans until it is killed. `first_process.py FOLDER`, in namespaces of its own."""

import fcntl
import os
import signal
import socket
import struct
import subprocess
import sys

SIOCSIFFLAGS = 0x8914
IFF_UP = 1


def raise_loopback():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        fcntl.ioctl(control, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", IFF_UP))


def main(folder):
    pid_outside = os.readlink("/proc/self")  # /proc is still the one of outside
    # In a chroot the root is no mount of its own, and there is nothing to make private.
    subprocess.run(["mount", "--make-rprivate", "/"], stderr=subprocess.DEVNULL)
    subprocess.run(["mount", "-t", "proc", "proc", f"{folder}/proc"], check=True)
    raise_loopback()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # orphans leave no zombies
    print(pid_outside, flush=True)
    while True:
        signal.pause()


main(sys.argv[1])

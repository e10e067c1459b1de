# SPDX-License-Identifier: MIT
"""A disk that is full, read-only or broken, for a while."""

import errno
import subprocess

import events
from torture import Senders, assert_all_arrive, assert_alive, assert_nothing_lost, scenario
from waiting import wait_until

LARGE = {"response": "250 " + "x" * 2000}

# What the system says, and to what. A read error is seen only when something must be read.
TROUBLES = {
    "full": {"errno_write": errno.ENOSPC},
    "read-only": {"errno_write": errno.EROFS, "errno_sync": errno.EROFS, "errno_open": errno.EROFS},
    "broken-write": {"errno_write": errno.EIO},
    "broken-sync": {"errno_sync": errno.EIO},
    "quota": {"errno_write": errno.EDQUOT},
    "broken-all": {"errno_write": errno.EIO, "errno_sync": errno.EIO, "errno_read": errno.EIO},
}


def survive(torture, begin, end, rounds, **changes):
    """begin(gateway) and end(gateway) frame the trouble: refused meanwhile, taken again by itself."""
    gateway = torture.start_gateway(targets=[torture.often()], **changes)
    with Senders(gateway, **LARGE) as senders:
        for _ in range(rounds):
            torture.dice.choice((torture.app.heal, torture.app.refuse))()
            senders.wait_more(torture.dice.randint(1, 200))
            begin(gateway)
            seen = senders.refused
            wait_until(lambda: senders.refused > seen + 4, "events are refused")
            wait_until(lambda: gateway.admin("/readyz").status == 503, "it is not ready")
            assert gateway.request("GET", "/healthz").status == 200
            if torture.dice.random() < 0.3:
                gateway.kill9()
                end(gateway)
                gateway.start()
            else:
                end(gateway)
            senders.wait_more(20)
            wait_until(lambda: gateway.admin("/readyz").status == 200, "it is ready again")
            assert_nothing_lost(gateway, torture.app, list(senders.acknowledged))
    assert not senders.unexpected, senders.unexpected
    torture.app.heal()
    assert_all_arrive(gateway, torture.app, senders.acknowledged)
    assert_alive(gateway)
    gateway.kill9()
    gateway.start()
    assert_nothing_lost(gateway, torture.app, senders.acknowledged)
    assert_alive(gateway)


def trouble(name):
    def run(torture):
        def begin(gateway):
            gateway.faults.page.errors_after = torture.dice.randint(0, 50)
            for field, value in TROUBLES[name].items():
                setattr(gateway.faults.page, field, value)

        survive(torture, begin, lambda gateway: gateway.faults.calm(), 6 if torture.long else 1)

    run.__doc__ = f"""The system says {', '.join(f"{errno.errorcode[number]} ({field.removeprefix('errno_')})"
                                                 for field, number in TROUBLES[name].items())}."""
    return run


for each in TROUBLES:
    scenario(f"disk-{each}")(trouble(each))


def mount(*arguments):
    return subprocess.run(["mount", *map(str, arguments)], capture_output=True, text=True).returncode == 0


@scenario("disk-real")
def real(torture):
    """A real file system that is full. Needs root; says so when it is not."""
    path = torture.directory / "disk"
    path.mkdir()
    if not mount("-t", "tmpfs", "-o", "size=64m", "tmpfs", path):
        print("a tmpfs cannot be mounted here: left out")
        return
    torture.on_exit(subprocess.run, ["umount", "--lazy", path])
    ballast = path / "ballast"

    def begin(_):
        with open(ballast, "wb", buffering=0) as file:
            for size in (65536, 4096):
                try:
                    while True:
                        file.write(bytes(size))
                except OSError as problem:
                    assert problem.errno == errno.ENOSPC

    survive(torture, begin, lambda _: ballast.unlink(), 4 if torture.long else 1,
            store={"path": str(path / "repostal.db")})


@scenario("disk-start")
def start_on_a_bad_disk(torture):
    """A start on a disk that does not work ends with a message that names the file, and harms nothing."""
    gateway = torture.start_gateway(targets=[torture.often()])
    torture.app.refuse()
    batch = [events.delivered() for _ in range(50)]
    assert {answer.result for answer in gateway.post_all(batch)} == {"accepted"}
    gateway.kill9()
    for name, fields in TROUBLES.items():
        for after in range(0, 20, 1 if torture.long else 7):
            before = len(gateway.log_text())
            for field, value in fields.items():
                setattr(gateway.faults.page, field, value)
            gateway.faults.page.errors_after = after
            gateway.launch()
            ready = len(gateway.log("gateway.ready"))
            wait_until(lambda: gateway.process.poll() is not None or len(gateway.log("gateway.ready")) > ready,
                       f"it ends or is ready: {name} after {after}")
            if gateway.process.poll() is None:
                gateway.kill9()  # it was ready before the trouble began
            else:
                assert gateway.wait_exit() == 1, (name, after)
                said = gateway.log_text()[before:]
                assert gateway.settings["store"]["path"] in said, said
            gateway.faults.calm()
    torture.app.heal()
    gateway.start()
    assert_all_arrive(gateway, torture.app, [event["id"] for event in batch])

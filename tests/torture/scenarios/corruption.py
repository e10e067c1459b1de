# SPDX-License-Identifier: MIT
"""Something has damaged the database file. Either the start is refused, with words that help, or
everything is there; never does a gateway begin anew in silence."""

import sqlite3
from pathlib import Path

import events
from torture import assert_nothing_lost, lost, scenario
from waiting import wait_until

PAGE_SIZE = 4096
LARGE = {"response": "250 " + "x" * 2000}
EVENTS = 1000  # enough that a part of them is in the file and the rest in the log


class Store:
    """A copy of a store with waiting events, damaged and put in its place again and again."""

    def __init__(self, torture):
        self.dice = torture.dice
        torture.app.refuse()
        self.gateway = torture.start_gateway(targets=[torture.often(retry=["1h"])])
        batch = [events.delivered(**LARGE) for _ in range(EVENTS)]
        assert {answer.result for answer in self.gateway.post_all(batch)} == {"accepted"}
        wait_until(lambda: self.gateway.metric("queue_depth", state="waiting") == EVENTS, "all wait")
        self.gateway.kill9()
        self.ids = [event["id"] for event in batch]
        self.path = Path(self.gateway.settings["store"]["path"])
        self.log_path = self.path.with_name(self.path.name + "-wal")
        self.file, self.log = self.path.read_bytes(), self.log_path.read_bytes()
        assert len(self.file) > 100 * PAGE_SIZE and len(self.log) > 10 * PAGE_SIZE

    def put_back(self):
        for path in self.path.parent.glob(self.path.name + "*"):
            if path.is_dir():
                path.rmdir()
            elif not path.name.endswith("-lock"):
                path.unlink()
        self.path.write_bytes(self.file)
        self.log_path.write_bytes(self.log)
        return bytearray(self.file), bytearray(self.log)


def page_of(store, content):
    return store.dice.randrange(1, len(content) // PAGE_SIZE) * PAGE_SIZE


def empty_file(store, file, log):
    store.path.write_bytes(b"")


def empty_both(store, file, log):
    store.path.write_bytes(b"")
    store.log_path.unlink()


def file_gone(store, file, log):
    store.path.unlink()
    store.log_path.unlink()


def file_gone_log_there(store, file, log):
    store.path.unlink()


def zero_header(store, file, log):
    store.path.write_bytes(bytes(100) + file[100:])


def garbage_header(store, file, log):
    store.path.write_bytes(store.dice.randbytes(100) + file[100:])


def zero_first_page(store, file, log):
    store.path.write_bytes(bytes(PAGE_SIZE) + file[PAGE_SIZE:])


def all_zeros(store, file, log):
    store.path.write_bytes(bytes(len(file)))
    store.log_path.unlink()


def all_garbage(store, file, log):
    store.path.write_bytes(store.dice.randbytes(len(file)))


def half_file(store, file, log):
    store.path.write_bytes(file[:len(file) // 2])


def one_page(store, file, log):
    store.path.write_bytes(file[:PAGE_SIZE])
    store.log_path.unlink()


def other_program(store, file, log):
    store.path.unlink()
    store.log_path.unlink()
    with sqlite3.connect(store.path) as database:
        database.execute("CREATE TABLE notes (text)")
        database.execute("INSERT INTO notes VALUES ('precious')")
    database.close()


def text_file(store, file, log):
    store.path.write_text("precious notes\n" * 1000)


def folder(store, file, log):
    store.path.unlink()
    store.log_path.unlink()
    store.path.mkdir()


REFUSED = [empty_file, empty_both, file_gone, file_gone_log_there, zero_header, garbage_header, zero_first_page,
           all_zeros, all_garbage, half_file, one_page, other_program, text_file, folder]
MUST_NOT_CHANGE = {other_program, text_file}


def outcome(store):
    """Starts it: "refused" with what it said, or "ready"."""
    gateway = store.gateway
    gateway.log_path.unlink(missing_ok=True)
    gateway.launch()
    wait_until(lambda: gateway.process.poll() is not None or gateway.log("gateway.ready"),
               "it is ready or refuses")
    if gateway.process.poll() is None:
        ready = gateway.log("gateway.ready")[-1]
        gateway.know(ready)
        return "ready", gateway.log_text()
    assert gateway.wait_exit() == 1
    return "refused", gateway.log_text()


def assert_helpful(store, said, name):
    (line,) = [line for line in said.splitlines() if '"level":"error"' in line]
    assert str(store.path) in line, f"{name}: {line}"
    assert any(word in line for word in ("restore", "set another path", "remove", "newer", "directory")), \
        f"{name}: not a word of how to go on: {line}"
    print(f"{name}: {line}")


def assert_all_there_or_loud(store, endpoint, name):
    """What is not read at the start shows itself when it is: in the log and in readiness when it is needed
    for work, as an error when somebody asks for it. It is never taken for "there is nothing"."""
    gateway = store.gateway

    def seen():
        if any(store_trouble(line) for line in gateway.log()):
            wait_until(lambda: gateway.admin("/readyz").status == 503, "it is not ready")
            return "the log says so, and it is not ready"
        answer = gateway.admin("/api/v1/deliveries?limit=200")
        if answer.status >= 500:
            return f"{answer.status}: {answer.json['errors'][0]['msg']}"
        return "all is there" if not lost(gateway, endpoint, store.ids) else None

    print(f"{name}: {wait_until(seen, 'all is there, or somebody says what is wrong', timeout=5)}")


def store_trouble(line):
    return line["event"] == "store.failing" and "restore" in line.get("error", "")


@scenario("corrupt-file")
def corrupt_file(torture):
    """The file is empty, gone, cut, overwritten or somebody else's: refused, and left as it is."""
    store = Store(torture)
    problems = []
    for damage in REFUSED:
        file, log = store.put_back()
        damage(store, file, log)
        before = store.path.read_bytes() if store.path.is_file() else None
        result, said = outcome(store)
        try:
            if result == "ready":
                assert_all_there_or_loud(store, torture.app, damage.__name__)
            else:
                assert_helpful(store, said, damage.__name__)
            if damage in MUST_NOT_CHANGE:
                assert store.path.read_bytes() == before, "it was changed"
        except (AssertionError, ValueError, KeyError) as problem:
            problems.append(f"{damage.__name__}: {problem}")
        if result == "ready":
            store.gateway.kill9()
    store.put_back()
    store.gateway.start()
    assert_nothing_lost(store.gateway, torture.app, store.ids)
    assert not problems, "\n".join(problems)


@scenario("corrupt-page")
def corrupt_page(torture):
    """A page inside is damaged. It is not read at the start, so it shows later; then it must show."""
    store = Store(torture)
    for _ in range(30 if torture.long else 4):
        file, _ = store.put_back()
        at = page_of(store, file)
        manner = torture.dice.choice(("zeros", "garbage", "bits"))
        match manner:
            case "zeros":
                file[at:at + PAGE_SIZE] = bytes(PAGE_SIZE)
            case "garbage":
                file[at:at + PAGE_SIZE] = torture.dice.randbytes(PAGE_SIZE)
            case "bits":
                for _ in range(20):
                    file[at + torture.dice.randrange(PAGE_SIZE)] ^= 1 << torture.dice.randrange(8)
        store.path.write_bytes(file)
        result, said = outcome(store)
        print(f"page {at // PAGE_SIZE}, {manner}: {result}")
        if result == "refused":
            assert_helpful(store, said, f"page {at // PAGE_SIZE}")
            continue
        store.gateway.request("GET", "/healthz")
        store.gateway.kill9()


@scenario("corrupt-log")
def corrupt_log(torture):
    """The log is damaged. From a crash in mid-write that cannot always be told; nothing may be made up."""
    store = Store(torture)
    for manner in ("empty", "cut", "zero-header", "garbage"):
        _, log = store.put_back()
        match manner:
            case "empty":
                log = b""
            case "cut":
                log = log[:torture.dice.randrange(len(log))]
            case "zero-header":
                log[:32] = bytes(32)
            case "garbage":
                log[len(log) // 2:] = torture.dice.randbytes(len(log) - len(log) // 2)
        store.log_path.write_bytes(log)
        result, said = outcome(store)
        print(f"{manner}: {result}")
        if result == "refused":
            assert_helpful(store, said, manner)
            continue
        with store.gateway.client() as client:
            assert client.post(events.delivered()).result == "accepted"
        store.gateway.kill9()

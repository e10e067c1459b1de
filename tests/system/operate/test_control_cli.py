# SPDX-License-Identifier: MIT
"""queue, target and quarantine: what they print and do, while the gateway runs and while it does not."""

import http.server
import json
import os
import re
import signal
import subprocess
import threading
import urllib.request
from urllib.parse import quote

import events
import pytest
from control import Control, Terminal
from offline import NOTE
from repostal import BINARY, run
from receiver import Reply
from settings import target
from waiting import wait_until

UNKNOWN_UUID = "00000000-0000-5000-8000-000000000000"
QUICK_RETRY = ["20ms"]
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


def refusing(receiver):
    return [target("app", receiver.url(), retry=QUICK_RETRY, concurrency=64)]


@pytest.fixture
def dead(start_gateway, receiver):
    """A function: a gateway whose receiver has refused so many events until they were dead."""

    def make(count, **changes):
        receiver.answer("/postal", Reply(status=500, body=b"out of \x1b[31morder\nfor now"))
        gateway = start_gateway(targets=refusing(receiver), **changes)
        posted = [events.delivered(recipient=f"user{i}@example.com") for i in range(count)]
        assert {answer.result for answer in gateway.post_all(posted)} <= {"accepted"}
        gateway.wait_metric("queue_depth", count, timeout=90, target="app", state="dead")
        return gateway, Control(gateway)

    return make


def heal(receiver):
    """Returns how many requests there were until now."""
    receiver.answer("/postal", Reply())
    return len(receiver.requests("/postal"))


# -- the command line -------------------------------------------------------------------------------


@pytest.mark.smoke
@pytest.mark.parametrize("command", ["queue", "target", "quarantine"])
def test_help_is_a_result(command):
    result = run(command, "--help")
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.startswith(f"Usage: repostal {command} ")
    assert max(map(len, result.stdout.splitlines())) <= 84


@pytest.mark.parametrize("arguments", [
    ["queue"], ["queue", "frobnicate"], ["queue", "list", "surplus"], ["queue", "list", "--limit", "x"],
    ["queue", "show"], ["queue", "show", "no-uuid"], ["queue", "retry"], ["queue", "discard", "--yes"],
    ["queue", "discard", UNKNOWN_UUID, "--all"], ["queue", "retry", "--all", "--rate", "soon"],
    ["queue", "discard", "--state", "delivered"], ["queue", "cancel"], ["queue", "cancel", "x"], ["queue", "jobs", "1"],
    ["queue", "list", "--frobnicate"], ["queue", "list", "-c"],
    ["target"], ["target", "frobnicate"], ["target", "test"], ["target", "test", "app", "--reason", "x"], ["target", "pause"], ["target", "list", "app"],
    ["target", "resume", "app", "--reason", "x"], ["target", "pause", "app", "surplus"],
    ["quarantine"], ["quarantine", "frobnicate"], ["quarantine", "show"], ["quarantine", "replay"],
    ["quarantine", "replay", "1", "--all"], ["quarantine", "discard"], ["quarantine", "list", "--all"],
    ["quarantine", "replay", "1", "--yes"], ["quarantine", "show", "1", "--limit", "3"],
    ["quarantine", "discard", "1", "--dry-run"],
])
def test_wrong_usage_is_2(arguments):
    result = run(*arguments)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith(f"repostal {arguments[0]}: ")


@pytest.mark.parametrize("arguments, message", [
    (["queue", "list", "--sinze", "2h"], "unknown option '--sinze', did you mean '--since'?"),
    (["queue", "list", "--s", "2h"], "option '--s' may be one of --state, --since"),
    (["queue", "lisst"], "'lisst' is not one of list, show, retry, discard, stats, jobs, cancel, did you mean 'list'?"),
    (["queue", "list", "--since", "yesterday"], "--since 'yesterday': neither a duration such as"),
    (["queue", "list", "--limit", "many"], "--limit 'many': not a whole number"),
    (["queue", "list", "--dry-run"], "--dry-run is not for list"),
    (["queue", "show", "--state", "dead", UNKNOWN_UUID], "--state is not for show"),
    (["queue", "show", "xyz"], "not a uuid: 'xyz'"),
    (["queue", "discard", "--state", "delivered"], "--state 'delivered' is not one of ready, waiting, held, dead"),
    (["queue", "cancel", "xyz"], "not a job: 'xyz'"),
    (["quarantine", "show", "xyz"], "not an id: 'xyz'"),
    (["quarantine", "replay", "--al"], None),
    (["target", "list", "--josn"], "unknown option '--josn', did you mean '--json'?"),
    (["serve", "--confg", "x"], "unknown option '--confg', did you mean '--config'?"),
    (["check", "--pirnt"], "unknown option '--pirnt', did you mean '--print'?"),
    (["translate", "--cofnig", "x"], "unknown option '--cofnig', did you mean '--config'?"),
    (["trigger", "--cont", "3", "http://x/"], "unknown option '--cont', did you mean '--count'?"),
    (["trigger", "--count", "many", "http://x/"], "--count 'many': not a whole number"),
    (["trigger", "--token", "env:REPOSTAL_TEST_UNSET", "http://x/"], "--token needs the environment variable"),
    (["listen", "--prot", "1"], "unknown option '--prot', did you mean '--port'?"),
    (["listen", "--port", "x"], "--port 'x': not a whole number"),
    (["store", "copy", "--frm", "x"], "unknown option '--frm', did you mean '--from'?"),
    (["keygen", "--frobnicate"], "unknown option '--frobnicate'"),
])
def test_messages_name_the_value_and_the_option(arguments, message):
    result = run(*arguments)
    if message is None:  # an abbreviation is not a mistake
        assert "unknown" not in result.stderr
        return
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith(f"repostal {arguments[0]}: ") and message in result.stderr
    assert result.stderr.endswith(f"\nTry 'repostal {arguments[0]} --help'.\n")


@pytest.mark.parametrize("arguments", [
    ["queue", "list"], ["queue", "retry", "--all"], ["target", "list"], ["quarantine", "list"]])
def test_bad_configuration_is_78(tmp_path, arguments):
    path = tmp_path / "repostal.conf"
    path.write_text("listen: { prot = 1; };\n")
    result = run(*arguments, "-c", path)
    assert (result.returncode, result.stdout) == (78, "")
    assert f"{path}:1:" in result.stderr


# -- looking ----------------------------------------------------------------------------------------


@pytest.mark.smoke
def test_an_empty_gateway(gateway):
    control = Control(gateway)
    assert control.ok("queue", "list").split() == [
        "RECEIVED", "EVENT", "TARGET", "STATE", "ATTEMPTS", "ANSWER", "DUE", "UUID", "RECIPIENT"]
    assert control.json("queue", "list") == {"deliveries": [], "next": None}
    assert control.json("quarantine", "list") == {"quarantine": [], "next": None}
    stats = control.json("queue", "stats")
    assert (stats["backlog"], stats["quarantined"]) == (0, 0)
    assert [t["name"] for t in stats["targets"]] == ["app"]


def test_list_and_its_filters(dead, receiver):
    gateway, control = dead(3)
    heal(receiver)
    gateway.post(events.bounce(id="wanted@x", to="a+b&c@example.com"))
    gateway.wait_idle()
    everything = control.deliveries()
    assert [d["state"] for d in everything] == ["delivered", "dead", "dead", "dead"], "newest first"
    assert {d["uuid"] for d in everything} == {e["uuid"] for e in receiver.envelopes()}
    newest = everything[0]
    assert (newest["event"], newest["target"], newest["attempts"], newest["status"]) == (
        "MessageDeliveryFailed", "app", 1, 200)
    for filters, count in [
            (["--state", "dead"], 3), (["--state", "dead,delivered"], 4), (["--state", "waiting"], 0),
            (["--event", "MessageSent"], 3), (["--event", "MessageDeliveryFailed"], 1),
            (["--target", "app"], 4), (["--since", "1h"], 4), (["--until", "1h"], 0),
            (["--since", newest["received"]], 1), (["--until", newest["received"]], 3),
            (["--message-id", "wanted@x"], 1), (["--recipient", "a+b&c@example.com"], 1),
            (["--recipient", "nobody@example.com"], 0), (["--state", "dead", "--since", "1h"], 3),
            (["--recipient", "<A+B&C@Example.com>"], 1), (["--message-id", "<Wanted@X>"], 1),
            (["--since", "2026-01-01"], 4), (["--since", "2026-01-01 08:00"], 4),
            (["--until", "2026-01-01T08:00:00+05:30"], 0), (["--since", "2026-01-01T08:00Z"], 4)]:
        assert len(control.deliveries(*filters)) == count, filters
    for filters, message in (
            (["--state", "frobnicating"], "--state: 'frobnicating' is not one of ready, waiting"),
            (["--event", "Foo"], "--event: 'Foo' is not one of MessageSent, MessageDelayed, MessageDeliveryFailed"),
            (["--target", "nope"], "--target: 'nope' is no target here, which are app"),
            (["--since", "yesterday"], "--since 'yesterday'")):
        assert message in control.refused(2, "queue", "list", *filters)


def test_list_for_people(dead):
    _, control = dead(2)
    head, *rows = control.ok("queue", "list").splitlines()
    assert len(rows) == 2
    columns = [match.start() for match in re.finditer(r"\S+", head)]
    for row in rows:
        for name, begin in zip(head.split(), columns):
            if name != "ATTEMPTS":  # numbers are to the right
                assert row[begin - 1:begin] in ("", " ") and row[begin] != " ", (name, row)
        assert TIME.match(row)
        assert " dead " in row and " 500 " in row and row.endswith("@example.com")


def test_list_follows_the_pages(gateway, receiver):
    control = Control(gateway)
    gateway.post_all([events.delivered() for _ in range(450)])
    gateway.wait_idle()
    assert len({d["uuid"] for d in control.deliveries()}) == 450
    assert control.json("queue", "list", "--limit", "0")["next"] is None
    some = control.json("queue", "list", "--limit", "210")
    assert len(some["deliveries"]) == 210 and some["next"]
    cut = control.run("queue", "list")
    assert cut.returncode == 0 and len(cut.stdout.splitlines()) == 51
    assert cut.stderr == ("repostal queue: these are the newest 50, there are more: "
                          "--limit 500 or --limit all shows them\n")
    for limit in ("0", "all", "450", "1000"):
        assert len(control.ok("queue", "list", "--limit", limit).splitlines()) == 451
    assert len(control.ok("queue", "list", "--since", "1h", "--until", "1h").splitlines()) == 1


def test_a_reader_that_has_seen_enough(gateway):
    control = Control(gateway)
    gateway.post_all([events.delivered() for _ in range(500)])
    command = f"{BINARY} queue list --limit 0 --json -c {control.config_path} | head -c 100; exit ${{PIPESTATUS[0]}}"
    assert subprocess.run(["bash", "-c", command], capture_output=True).returncode == 0


def test_a_terminal_gets_short_lines(gateway):
    control = Control(gateway)
    recipient = "a" * 60 + "@" + "b" * 60 + ".example.com"
    gateway.post(events.delivered(recipient=recipient))
    gateway.wait_idle()
    assert recipient in control.ok("queue", "list")
    terminal = control.start("queue", "list", columns=170)
    assert terminal.end() == 0
    lines = terminal.text.splitlines()
    assert len(lines) == 2 and max(map(len, lines)) <= 170
    assert "aaa" in lines[1] and lines[1].endswith("\u2026")
    terminal = control.start("queue", "list", columns=80)
    assert terminal.end() == 0
    lines = terminal.text.splitlines()
    assert max(map(len, lines)) <= 80 and len(lines) % 2 == 0
    assert control.deliveries()[0]["uuid"] in terminal.text, "what is needed to act is not cut"
    assert all(line.startswith("  ") for line in lines[1:len(lines) // 2])
    terminal = control.start("queue", "list", columns=0, environment={"COLUMNS": "120"})
    assert terminal.end() == 0
    assert 80 < max(map(len, terminal.text.splitlines())) <= 120


def test_times_are_local_on_a_terminal(gateway):
    control = Control(gateway)
    gateway.post(events.delivered())
    gateway.wait_idle()
    zone = {"TZ": "CET-1CEST,M3.5.0,M10.5.0/3"}
    shown = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\+0[12]:00"
    terminal = control.start("queue", "list", columns=200, environment=zone)
    assert terminal.end() == 0
    received = re.search(shown, terminal.text)[0]
    assert "Z " not in terminal.text
    assert len(control.deliveries("--since", received)) == 1, "what is shown can be typed"
    assert control.deliveries("--until", received) == []
    terminal = control.start("queue", "show", control.deliveries()[0]["uuid"], environment=zone)
    assert terminal.end() == 0
    assert re.search(rf"Received +{shown}", terminal.text)
    local = received[:16]  # without its offset
    result = subprocess.run([BINARY, "queue", "list", "--json", "--since", local, "-c", control.config_path],
                            env=os.environ | zone, capture_output=True, text=True)
    assert len(json.loads(result.stdout)["deliveries"]) == 1
    result = subprocess.run([BINARY, "queue", "list", "--json", "--since", local, "-c", control.config_path],
                            env=os.environ | {"TZ": "EST5"}, capture_output=True, text=True)
    assert json.loads(result.stdout)["deliveries"] == [], "there it has not come yet"


def test_show(dead, receiver):
    gateway, control = dead(1)
    envelope = receiver.envelopes()[0]
    event = control.json("queue", "show", envelope["uuid"])
    assert event["envelope"] == envelope
    assert event["deliveries"][0]["state"] == "dead"
    assert [attempt["number"] for attempt in event["deliveries"][0]["history"]] == [1, 2]
    text = control.ok("queue", "show", envelope["uuid"].upper())
    assert "\x1b" not in text, "a receiver cannot steer the terminal"
    assert "out of \\u001b[31morder\n" in text and "for now\n" in text
    assert '\n    "event": "MessageSent",' in text
    assert "Delivery to app: dead, 2 attempts, last answered 500" in text
    assert "no" in control.refused(1, "queue", "show", UNKNOWN_UUID)


HIDDEN = "\u202e\u2066\u200b\u200f\u2028\u2029\ufeff\u00ad"  # changes how others look, or is not seen itself


def test_characters_that_are_not_seen_are_shown_as_escapes(start_gateway, receiver):
    """In an id, an address, a reply, a quarantined body and the log."""
    receiver.answer("/postal", Reply(500, body=f"no{HIDDEN}thanks".encode()))
    gateway = start_gateway(targets=[target("app", receiver.url(), retry=[])])
    control = Control(gateway)
    gateway.post(events.bounce(id=f"i{HIDDEN}d@x", to=f"u{HIDDEN}ser@example.com", response=f"550 a{HIDDEN}b"))
    assert gateway.post({"event": f"un{HIDDEN}known", "id": "i@x"}).result == "quarantined"
    (delivery,) = wait_until(lambda: control.deliveries("--state", "dead"), "a dead delivery")
    shown = [control.ok("queue", "list"), control.ok("queue", "show", delivery["uuid"]), control.ok("target", "list"),
             control.ok("quarantine", "list"), control.ok("quarantine", "show", "1")]
    wait_until(lambda: gateway.log("delivery.dead"), "a line about it")
    for text in [*shown, gateway.log_text()]:
        assert not set(text) & set(HIDDEN), text
    assert "u\\u202e" in shown[0] and "no\\u202e" in shown[1]


def test_stats(dead):
    gateway, control = dead(3)
    gateway.post({"event": "frobnicated", "id": "x"})
    stats = control.json("queue", "stats")
    assert (stats["quarantined"], stats["targets"][0]["dead"]) == (1, 3)
    assert control.json("queue", "stats", "--target", "app") .keys() == stats.keys()
    text = control.ok("queue", "stats")
    assert re.search(r"^Quarantined +1$", text, re.M)
    assert re.search(r"^app +active +0 +0 +0 +3 ", text, re.M)
    assert "nowhere" in control.refused(1, "queue", "stats", "--target", "nowhere")


def test_listen_shows_local_time_on_a_terminal():
    terminal = Terminal([BINARY, "listen", "-p", "0"], 80, {"TZ": "CET-1CEST,M3.5.0,M10.5.0/3"})
    terminal.expect("listening on http://")
    wait_until(lambda: "\n" in terminal.text, "the whole line")
    url = re.search(r"http://\S+", terminal.text)[0]
    urllib.request.urlopen(urllib.request.Request(url, b'{"event":"MessageSent"}')).close()
    wait_until(lambda: "answered" in terminal.text, "it is printed")
    assert re.search(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\+0[12]:00 ", terminal.text, re.M)
    terminal.process.terminate()
    assert terminal.end() == 0


# -- one event --------------------------------------------------------------------------------------


def test_retry_of_one(dead, receiver):
    gateway, control = dead(2)
    uuid = receiver.envelopes()[0]["uuid"]
    before = heal(receiver)
    assert control.ok("queue", "retry", uuid) == "1 changed\n"
    receiver.wait_count(before + 1)
    gateway.wait_idle()
    states = {d["uuid"]: d["state"] for d in control.deliveries()}
    assert states.pop(uuid) == "delivered" and set(states.values()) == {"dead"}
    for arguments in ([], ["--target", "app"]):
        again = control.run("queue", "retry", uuid, *arguments)
        assert (again.returncode, again.stdout) == (0, "0 changed\n") and "--all" in again.stderr
    assert control.ok("queue", "retry", uuid, "--all", "--dry-run") == f"1 delivery of event {uuid} would be retried\n"
    assert control.json("queue", "retry", uuid, "--target", "app", "--all") == {"changed": 1}
    receiver.wait_count(before + 2)
    assert "'nope' is no target here" in control.refused(2, "queue", "retry", uuid, "--target", "nope")
    assert control.refused(1, "queue", "retry", UNKNOWN_UUID)


def test_discard_of_one(dead, receiver):
    _, control = dead(2)
    uuid = receiver.envelopes()[0]["uuid"]
    assert control.ok("queue", "discard", uuid) == "1 changed\n"
    assert control.ok("queue", "discard", uuid) == "0 changed\n"
    assert [d["uuid"] for d in control.deliveries("--state", "discarded")] == [uuid]
    assert len(control.deliveries("--state", "dead")) == 1


def test_one_event_of_several_targets(start_gateway, receiver):
    receiver.answer("/bad", Reply(status=500))
    gateway = start_gateway(targets=[target("good", receiver.url("/good")),
                                     target("bad", receiver.url("/bad"), retry=QUICK_RETRY),
                                     target("worse", receiver.url("/bad"), retry=QUICK_RETRY)])
    control = Control(gateway)
    gateway.post(events.delivered())
    for name in ("bad", "worse"):
        gateway.wait_metric("queue_depth", 1, target=name, state="dead")
    uuid = receiver.envelopes("/good")[0]["uuid"]
    receiver.answer("/bad", Reply())
    terminal = control.start("queue", "discard", uuid)
    terminal.expect(f"Discard 2 deliveries of event {uuid}? [y/N]")
    terminal.type("n\n")
    assert terminal.end() == 1
    assert "2 deliveries" in control.refused(2, "queue", "discard", uuid)
    assert control.json("queue", "retry", uuid, "--dry-run") == {"action": "retry", "dry_run": True, "matched": 2}
    assert control.ok("queue", "discard", uuid, "--target", "worse") == "1 changed\n", "one was named"
    assert control.ok("queue", "retry", uuid) == "2 changed\n", "what was discarded too, and not what was delivered"
    gateway.wait_idle()
    assert len(receiver.requests("/good")) == 1


# -- many -------------------------------------------------------------------------------------------


@pytest.mark.heavy
def test_bulk_retry_with_progress(dead, receiver):
    count = 3000
    gateway, control = dead(count)
    before = heal(receiver)
    terminal = control.start("queue", "retry", "--state", "dead", "--rate", "2000/s", "--yes")
    assert terminal.end() == 0
    assert f"{count} changed" in terminal.text
    assert f"retrying {count} deliveries with state dead" in terminal.text
    steps = [int(step) for step in re.findall(rf"(\d+) of {count}", terminal.text)]
    assert len(set(steps)) > 3 and steps == sorted(steps), "it moves, and forwards only"
    assert "\r\x1b[K[##" in terminal.text and f"100 %  {count} of {count}" in terminal.text
    receiver.wait_count(before + count, timeout=90)
    gateway.wait_idle()
    assert gateway.metric("queue_depth", target="app", state="dead") == 0
    assert len({e["uuid"] for e in receiver.envelopes()[before:]}) == count


def test_bulk_without_a_terminal(dead, receiver):
    gateway, control = dead(20)
    before = heal(receiver)
    assert control.ok("queue", "retry", "--state", "dead", "--recipient", "nobody@x.y") == "0 changed\n"
    assert control.ok("queue", "retry", "--recipient", "user3@example.com") == "1 changed\n"
    job = control.json("queue", "retry", "--state", "dead", "--target", "app")
    assert (job["action"], job["state"], job["changed"]) == ("retry", "done", 19)
    receiver.wait_count(before + 20)
    assert control.refused(2, "queue", "retry", "--state", "frobnicating")


def test_bulk_discard_asks(dead):
    _, control = dead(5)
    refusal = control.refused(2, "queue", "discard", "--state", "dead")
    assert "--yes" in refusal and "discarding 5 deliveries with state dead" in refusal
    for answer, code in (("n\n", 1), ("\n", 1), ("\x04", 1)):
        terminal = control.start("queue", "discard", "--state", "dead")
        terminal.expect("Discard 5 deliveries with state dead? [y/N]")
        terminal.type(answer)
        assert terminal.end() == code
        assert len(control.deliveries("--state", "dead")) == 5
    terminal = control.start("queue", "discard", "--all")
    terminal.expect("Discard 5 deliveries that are waiting or dead? [y/N]")
    terminal.type("n\n")
    assert terminal.end() == 1
    terminal = control.start("queue", "discard", "--recipient", "user1@example.com")
    terminal.expect("Discard 1 delivery with recipient user1@example.com? [y/N]")
    terminal.type("y\n")
    assert terminal.end() == 0
    assert "1 changed" in terminal.text
    assert control.ok("queue", "discard", "--all", "--yes") == "4 changed\n"
    assert len(control.deliveries("--state", "discarded")) == 5


def test_bulk_retry_asks_on_a_terminal(dead, receiver):
    _, control = dead(4)
    before = heal(receiver)
    terminal = control.start("queue", "retry", "--target", "app", "--state", "dead")
    terminal.expect("Retry 4 deliveries with target app and state dead? [y/N]")
    terminal.type("n\n")
    assert terminal.end() == 1 and "nothing was retried" in terminal.text
    assert len(receiver.requests("/postal")) == before
    terminal = control.start("queue", "retry", "--state", "delivered")
    assert terminal.end() == 0 and "0 changed" in terminal.text, "of none there is nothing to ask"
    terminal = control.start("queue", "retry", "--all")
    terminal.expect("Retry 4 deliveries that are waiting or dead? [y/N]")
    terminal.type("yes\n")
    assert terminal.end() == 0
    receiver.wait_count(before + 4)


@pytest.mark.parametrize("action, done", [("retry", "retried"), ("discard", "discarded")])
def test_a_dry_run_only_says(dead, action, done):
    _, control = dead(3)
    for filters, count in ((["--all"], "3 deliveries that are waiting or dead"),
                           (["--recipient", "<USER1@example.com>"], "1 delivery with recipient <USER1@example.com>"),
                           (["--state", "dead", "--event", "MessageHeld"], "0 deliveries with state dead and event MessageHeld")):
        assert control.ok("queue", action, *filters, "--dry-run") == f"{count} would be {done}\n"
    assert control.json("queue", action, "--all", "--dry-run") == {"action": action, "dry_run": True, "matched": 3}
    assert len(control.deliveries("--state", "dead")) == 3


def test_jobs_are_listed_and_cancelled(dead, receiver):
    _, control = dead(5)
    before = heal(receiver)
    assert control.json("queue", "jobs") == {"jobs": []}
    terminal = control.start("queue", "retry", "--target", "app", "--since", "2026-01-01", "--rate", "1/h", "--yes")
    receiver.wait_count(before + 1)
    terminal.process.send_signal(signal.SIGINT)
    assert terminal.end() == 1
    command = re.search(r"^ *repostal (queue cancel (\d+) -c (\S+))\r?$", terminal.text, re.M)
    assert command and command[3] == str(control.config_path)
    (job,) = control.json("queue", "jobs")["jobs"]
    assert (job["state"], job["changed"], job["filter"]["target"]) == ("running", 1, "app")
    head, row = control.ok("queue", "jobs").splitlines()
    assert head.split() == ["ID", "ACTION", "STATE", "PROGRESS", "STARTED", "FINISHED", "FILTER"]
    assert re.match(rf" *{job['id']}  retry +running  1 changed +{TIME.pattern} ", row)
    assert row.endswith("--target app --since 2026-01-01T00:00:00.000Z")
    cancelled = run(*command[1].split())
    assert (cancelled.returncode, cancelled.stderr) == (0, "")
    assert cancelled.stdout == f"job {job['id']}: cancelled after 1 changed\n"
    wait_until(lambda: control.json("queue", "jobs")["jobs"][0]["state"] == "cancelled", "the job ends")
    assert control.ok("queue", "cancel", str(job["id"]))
    assert "no job 99" in control.refused(1, "queue", "cancel", "99")
    assert control.ok("queue", "retry", "--state", "discarded") == "0 changed\n"
    assert "has ended already: done, 0 changed" in control.refused(1, "queue", "cancel", "2")


def test_an_interrupted_job_continues(dead, receiver):
    gateway, control = dead(40)
    before = heal(receiver)
    terminal = control.start("queue", "retry", "--all", "--rate", "40/s", "--yes")
    receiver.wait_count(before + 1)
    terminal.process.send_signal(signal.SIGINT)
    assert terminal.end() == 1
    job = re.search(r"job (\S+) continues in the gateway", terminal.text)[1]
    assert gateway.admin(f"/api/v1/jobs/{quote(job)}").json["state"] == "running"
    receiver.wait_count(before + 40)
    wait_until(lambda: gateway.admin(f"/api/v1/jobs/{quote(job)}").json["state"] == "done", "the job ends")


def test_a_gateway_that_goes_away(dead, receiver):
    gateway, control = dead(40)
    before = heal(receiver)
    terminal = control.start("queue", "retry", "--all", "--rate", "5/s", "--yes")
    receiver.wait_count(before + 1)
    assert gateway.stop() == 0
    assert terminal.end() == 1
    assert re.search(r"\r\x1b\[Krepostal queue: (nobody listens at .*admin.sock|the gateway is stopping)", terminal.text), terminal.text


# -- targets ----------------------------------------------------------------------------------------


def test_pause_and_resume(gateway, receiver):
    control = Control(gateway)
    assert control.ok("target", "pause", "app", "--reason", "moving house") == "app: paused\n"
    gateway.post(events.delivered())
    shown = control.target()
    assert (shown["state"], shown["paused"], shown["reason"], shown["ready"]) == (
        "paused", True, "moving house", 1)
    listed = control.ok("target", "list")
    assert re.search(r"^app +paused +1 +0 +0 +0 +\d+s +-$", listed, re.M)
    assert re.search(r"^    paused for \d+s: moving house$", listed, re.M)
    assert receiver.requests() == []
    gateway.restart()
    control = Control(gateway)
    assert control.target()["paused"], "a restart changes nothing"
    assert control.ok("target", "resume", "app") == "app: active\n"
    receiver.wait_one()
    assert control.json("target", "pause", "app")["paused"] is True
    assert "'nowhere' is no target here, which are app" in control.refused(1, "target", "pause", "nowhere")
    assert control.refused(1, "target", "resume", "../targets/app")


# -- quarantine -------------------------------------------------------------------------------------


def test_quarantine(gateway, receiver):
    control = Control(gateway)
    for i in range(3):
        assert gateway.post({"event": "frobnicated", "id": f"m{i}@x", "recipient": "a@b.c"}).result == "quarantined"
    entries = control.json("quarantine", "list")["quarantine"]
    assert len(entries) == 3
    assert len(control.json("quarantine", "list", "--limit", "2")["quarantine"]) == 2
    assert "--limit all" in control.run("quarantine", "list", "--limit", "2").stderr
    first = str(entries[0]["id"])
    assert len(control.ok("quarantine", "list").splitlines()) == 4
    assert json.loads(control.json("quarantine", "show", first)["raw"])["event"] == "frobnicated"
    assert '"frobnicated"' in control.ok("quarantine", "show", first)
    replayed = control.run("quarantine", "replay", first)
    assert (replayed.returncode, replayed.stdout) == (1, f"{first}: quarantined\n")
    assert control.ok("quarantine", "replay", "--all") == "0 replayed, 3 still in quarantine\n"
    assert control.ok("quarantine", "discard", first) == "1 discarded\n"
    assert control.refused(1, "quarantine", "show", first)
    assert control.refused(1, "quarantine", "discard", first)
    assert "discarding 2 quarantined events" in control.refused(2, "quarantine", "discard", "--all")
    for action, question in (("replay", "Replay 2 quarantined events? [y/N]"), ("discard", "Discard 2 quarantined events? [y/N]")):
        terminal = control.start("quarantine", action, "--all")
        terminal.expect(question)
        terminal.type("n\n")
        assert terminal.end() == 1
        assert control.ok("quarantine", action, "--all", "--dry-run").startswith("2 quarantined events would be ")
    assert control.ok("quarantine", "discard", "--all", "--yes") == "2 discarded\n"
    assert control.json("quarantine", "list")["quarantine"] == []
    assert receiver.requests() == []


# -- access -----------------------------------------------------------------------------------------


def test_the_token(start_gateway):
    gateway = start_gateway(admin={"token": "right-token", "socket": "none"})
    assert Control(gateway).json("queue", "stats")
    message = Control(gateway, token="wrong-token").refused(1, "queue", "list")
    assert "token" in message and "wrong-token" not in message


def test_something_else_listens_there(gateway):
    class Other(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"<html>hello</html>")

        def log_message(self, *_):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Other) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        control = Control(gateway, port=server.server_address[1], socket="none")
        assert "is not the gateway of this store" in control.refused(1, "queue", "list")
        server.shutdown()


# -- without a gateway ------------------------------------------------------------------------------


def test_offline(dead, receiver):
    gateway, control = dead(5)
    uuids = [envelope["uuid"] for envelope in receiver.envelopes()][:2]
    gateway.post({"event": "frobnicated", "id": "m@x", "recipient": "a@b.c"})
    assert gateway.stop() == 0
    before = heal(receiver)
    assert [d["state"] for d in control.deliveries()] == ["dead"] * 5
    assert control.json("queue", "show", uuids[0])["envelope"]["uuid"] == uuids[0]
    assert control.json("queue", "stats")["targets"][0]["dead"] == 5
    assert re.search(r"^app +- +0 +0 +- +5 +0s +-$", control.ok("queue", "stats"), re.M), "what nobody knows"
    assert control.target()["state"] is control.target()["inflight"] is None
    for arguments in (["queue", "list"], ["target", "list"], ["quarantine", "list", "--json"],
                      ["queue", "stats", "--json"], ["queue", "discard", uuids[0]]):
        note = NOTE.match(control.run(*arguments).stderr)
        assert note and str(gateway.directory / "repostal.db") in note[0], arguments
    assert control.ok("queue", "discard", uuids[0]) == "0 changed\n"
    assert control.ok("queue", "discard", "--recipient", "user4@example.com", "--yes") in (
        "1 changed\n", "0 changed\n")
    assert control.ok("queue", "retry", uuids[0]) == "1 changed\n"
    assert re.fullmatch(r"[34] changed\n", control.ok("queue", "retry", "--all")), "all that is not discarded"
    control.ok("queue", "retry", "--state", "discarded")
    assert control.target()["ready"] == 5
    assert control.ok("target", "pause", "app", "--reason", "x") == "app: paused\n"
    assert control.target()["state"] == "paused"
    assert control.ok("target", "resume", "app").startswith("app: ")
    assert len(control.json("quarantine", "list")["quarantine"]) == 1
    assert control.ok("quarantine", "replay", "--all") == "0 replayed, 1 still in quarantine\n"
    assert control.ok("quarantine", "discard", "--all", "--yes") == "1 discarded\n"
    assert control.refused(1, "queue", "show", UNKNOWN_UUID)
    assert control.refused(2, "queue", "list", "--state", "frobnicating")
    gateway.start()
    receiver.wait_count(before + 5)
    gateway.wait_idle()


def test_an_interrupted_job_ends_with_the_command_offline(dead, receiver):
    gateway, control = dead(10)
    assert gateway.stop() == 0
    terminal = control.start("queue", "retry", "--all", "--rate", "2/s", "--yes")
    wait_until(lambda: control.deliveries("--state", "ready"), "the first is changed")
    terminal.process.send_signal(signal.SIGINT)
    assert terminal.end() == 1
    changed = int(re.search(r"interrupted after (\d+) changed", terminal.text)[1])
    assert 0 < changed < 10
    assert len(control.deliveries("--state", "ready")) == changed
    before = heal(receiver)
    gateway.start()
    receiver.wait_count(before + changed)
    gateway.wait_idle()


def test_offline_without_a_store(new_gateway):
    gateway = new_gateway()
    gateway.admin_port = 9  # nobody listens there
    control = Control(gateway)
    assert str(gateway.directory / "repostal.db") in control.refused(1, "queue", "list")
    assert not (gateway.directory / "repostal.db").exists(), "looking changes nothing"


def test_a_gateway_that_cannot_be_reached(gateway):
    gateway.post(events.delivered())
    gateway.wait_idle()
    for port in (0, 9):
        control = Control(gateway, port=port, socket="none")
        assert len(control.deliveries()) == 1, "reading needs no gateway"
        message = control.refused(1, "queue", "retry", "--all")
        assert "admin" in message
        assert control.refused(1, "target", "pause", "app")

# SPDX-License-Identifier: MIT
"""A SQLite file has one owner, whatever it is called."""

import os

import pytest

import events


def linked(file, folder):
    os.symlink(file, folder / "link.db")
    return folder / "link.db"


def linked_folder(file, folder):
    os.symlink(file.parent, folder / "folder")
    return folder / "folder" / file.name


def hard(file, folder):
    os.link(file, folder / "hard.db")
    return folder / "hard.db"


def relative(file, folder):
    return os.path.relpath(file, folder)


@pytest.mark.parametrize("other_name", [linked, linked_folder, hard, relative])
def test_a_second_gateway_on_the_same_file_does_not_start(new_gateway, receiver, tmp_path, other_name):
    file = tmp_path / "first.db"
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    first = new_gateway(store={"path": str(file)}).start()
    assert first.post(events.delivered()).result == "accepted"
    second = new_gateway(store={"path": str(other_name(file, folder))})
    second.popen["cwd"] = folder
    second.launch()
    assert second.wait_exit() == 1
    assert "is in use by" in second.log_text()
    assert first.post(events.delivered()).result == "accepted"
    first.restart()
    assert first.post(events.delivered()).result == "accepted"
    receiver.wait_count(3)


def test_a_link_to_a_file_that_was_moved_is_the_same_store(new_gateway, receiver, tmp_path):
    file = tmp_path / "first.db"
    gateway = new_gateway(store={"path": str(file)}).start()
    event = events.delivered()
    assert gateway.post(event).result == "accepted"
    gateway.wait_idle()
    gateway.stop()
    moved = tmp_path / "disk"
    moved.mkdir()
    for suffix in ("", "-lock"):
        os.rename(f"{file}{suffix}", moved / f"first.db{suffix}")
    os.symlink(moved / "first.db", file)
    gateway.start()
    assert gateway.post(event).result == "duplicate"

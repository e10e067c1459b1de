# SPDX-License-Identifier: MIT
"""What a disk holds after the power went, told from the journal that the preloaded library writes.

A file is what it was at its last sync, plus whatever the disk chose to do of the changes since. A name
is in its folder, or gone from it, for certain only after a sync of the folder. See README.md.
"""

import struct
from dataclasses import dataclass, field

RECORD = struct.Struct("<IIQQ")
SECTOR_SIZE = 512

DATABASE, LOG, ROLLBACK, FOLDER = 1, 2, 3, 4
SUFFIXES = {DATABASE: "", LOG: "-wal", ROLLBACK: "-journal"}

WRITE, SYNC, SYNC_FAILED, TRUNCATE, CREATE, UNLINK = range(6)

# What the disk does of the changes since the last sync.
MANNERS = ("drop", "keep", "subset", "torn")


@dataclass
class File:
    durable: bytearray = field(default_factory=bytearray)
    pending: list = field(default_factory=list)  # (change, offset, data)

    def sync(self):
        for change in self.pending:
            apply(self.durable, change)
        self.pending.clear()

    def after_power_loss(self, dice, manner):
        content = bytearray(self.durable)
        for change in self.pending:
            if manner == "torn" and change[0] == WRITE:
                tear(content, change, dice)
            elif manner == "keep" or (manner != "drop" and dice.random() < 0.5):
                apply(content, change)
        return content


def apply(content, change):
    kind, offset, data = change
    if kind == TRUNCATE:
        del content[offset:]
        content.extend(bytes(offset - len(content)))
        return
    content.extend(bytes(max(0, offset + len(data) - len(content))))
    content[offset:offset + len(data)] = data


def tear(content, change, dice):
    """Sectors are written whole or not at all, each as it likes."""
    _, offset, data = change
    at = 0
    while at < len(data):
        end = min(len(data), (offset + at) // SECTOR_SIZE * SECTOR_SIZE + SECTOR_SIZE - offset)
        if dice.random() < 0.5:
            apply(content, (WRITE, offset + at, data[at:end]))
        at = end


class Disk:
    """Of one store, from the moment it is made: what is there then counts as safe."""

    def __init__(self, store):
        self.store = store
        self.now = {}  # file kind -> File, as programs see it
        self.safe = {}  # the same, as the folder on the disk has it
        for kind in SUFFIXES:
            path = self._path(kind)
            if path.exists():
                self.now[kind] = self.safe[kind] = File(bytearray(path.read_bytes()))

    def _path(self, kind):
        return self.store.with_name(self.store.name + SUFFIXES[kind])

    def replay(self, journal, dice, honest=True):
        """honest: otherwise the disk says that it has synced, and has not."""
        data = journal.read_bytes() if journal.exists() else b""
        at = 0
        while at + RECORD.size <= len(data):
            change, kind, offset, size = RECORD.unpack_from(data, at)
            at += RECORD.size
            self._replay(change, kind, (change, offset, data[at:at + size]), dice, honest)
            at += size

    def _replay(self, change, kind, detail, dice, honest):
        if change == CREATE:
            self.now[kind] = File()
        elif change == UNLINK:
            self.now.pop(kind, None)
        elif kind == FOLDER:
            if change == SYNC and honest:
                self.safe = dict(self.now)
        elif kind not in self.now:
            pass  # a file without a name, which nobody will find again
        elif change == SYNC:
            if honest:
                self.now[kind].sync()
        elif change == SYNC_FAILED:
            # Linux marks what it could not write as clean: later syncs will not write it either.
            file = self.now[kind]
            file.durable = file.after_power_loss(dice, "torn")
            file.pending.clear()
        else:
            self.now[kind].pending.append(detail)

    def lose_power(self, dice, manner):
        """The process is dead; its files become what the disk has of them."""
        for kind in SUFFIXES:
            names = self.now if manner == "keep" else self.safe
            if manner in ("subset", "torn") and dice.random() < 0.5:
                names = self.now
            path = self._path(kind)
            path.unlink(missing_ok=True)
            if kind in names:
                path.write_bytes(names[kind].after_power_loss(dice, manner))
        self._spoil_index(dice)

    def _spoil_index(self, dice):
        """The index of the log is never synced: anything may be in it."""
        path = self.store.with_name(self.store.name + "-shm")
        match dice.randrange(3):
            case 0:
                path.unlink(missing_ok=True)
            case 1:
                path.write_bytes(dice.randbytes(32768))
            case 2:
                pass  # by chance, all of it was written

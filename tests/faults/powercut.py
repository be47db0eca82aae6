"""Power cuts, replayed: records what a process writes and syncs, and rebuilds what a disk may hold at any instant.

    trace = powercut.record([sys.executable, "child.py", str(folder)], folder, scratch)
    for cut in trace.cuts():
        acknowledged = trace.rebuild(cut, elsewhere, rng)
        ...                                  # open what lies elsewhere, and look for everything acknowledged

A child acknowledges by `acknowledge(folder, text)`, at the moment at which it would tell an officer that something is
done. What the replayed disk keeps:

* what was written to a file before its last fsync: always;
* what was written or cut since then: any part of it, single sectors too, in any combination;
* a name that appeared or went before the last fsync of its folder: as it was then; later ones: either way.

That is what POSIX promises and no more. Files that SQLite maps (-shm) are filled with rubbish. kill -9 is a different
test: there the kernel lives on and everything written survives.
"""

from __future__ import annotations

import os
import random
import shutil
import struct
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

ACKNOWLEDGED = "acknowledged"
"""Name of the file in the watched folder that stands for telling somebody."""
SECTOR = 512
_HEAD = struct.Struct("<cQqQ")
_SHIM = Path(__file__).with_name("powercut.c")


def missing() -> str:
    """Return why nothing can be recorded here, or ""."""
    return "" if shutil.which("gcc") else "no gcc to build the recorder with"


def acknowledge(folder: Path, text: str) -> None:
    """Say, in the child, that something is done; one line."""
    with (folder / ACKNOWLEDGED).open("ab", buffering=0) as file:
        file.write(f"{text}\n".encode())


class Event(NamedTuple):
    """One call that changed the folder."""

    kind: str
    inode: int
    offset: int
    data: bytes


@dataclass
class _File:
    """A file's content as it is on disk for sure, and what was done to it since."""

    content: bytearray = field(default_factory=bytearray)
    pending: list[Event] = field(default_factory=list)

    def sync(self) -> None:
        for event in self.pending:
            _apply(self.content, event)
        self.pending.clear()

    def after_cut(self, rng: random.Random) -> bytes:
        content, share = bytearray(self.content), rng.choice((0.0, 0.2, 0.5, 0.8, 1.0))
        for event in self.pending:
            if event.kind == "t":
                if rng.random() < share:
                    _apply(content, event)
                continue
            for start in range(0, len(event.data), SECTOR):
                if rng.random() < share:
                    part = event.data[start : start + SECTOR]
                    _apply(content, event._replace(offset=event.offset + start, data=part))
        return bytes(content)


def _apply(content: bytearray, event: Event) -> None:
    if event.kind == "t":
        del content[event.offset :]
        content.extend(bytes(event.offset - len(content)))
    else:
        end = event.offset + len(event.data)
        content.extend(bytes(max(0, end - len(content))))
        content[event.offset : end] = event.data


class Trace:
    """What a process did to a folder, in order."""

    def __init__(self, folder: Path, events: Sequence[Event]) -> None:
        self.folder = folder
        self.events = events

    def cuts(self) -> Iterator[int]:
        """Yield the instants right before and right after each sync, and the end."""
        for place, event in enumerate(self.events):
            if event.kind == "s":
                yield place
                yield place + 1
        yield len(self.events)

    def rebuild(self, cut: int, folder: Path, rng: random.Random) -> list[str]:
        """Lay out in `folder`, emptied first, what the disk may hold after the first `cut` events.

        Returns:
            What had been acknowledged by then, in order.
        """
        files: dict[int, _File] = {}  # by inode number, which is used again after a file is gone
        names: dict[str, _File] = {}  # as the process saw them
        durable: dict[str, _File] = {}  # as of the last sync of their folder
        acknowledged, told = b"", f"{self.folder}/{ACKNOWLEDGED}"
        for event in self.events[:cut]:
            path = event.data.decode() if event.kind in "osurl" else ""
            file = files.get(event.inode)
            if event.kind == "o" and (file is None or names.get(path) is not file):
                names[path] = files[event.inode] = _File()
            elif event.kind in "wt" and file is not None:
                if file is names.get(told):
                    acknowledged += event.data
                else:
                    file.pending.append(event)
            elif event.kind == "s" and any(str(Path(name).parent) == path for name in names.keys() | durable.keys()):
                # A folder; its inode number may have been a file's that is gone.
                durable = {name: kept for name, kept in durable.items() if str(Path(name).parent) != path}
                durable |= {name: kept for name, kept in names.items() if str(Path(name).parent) == path}
            elif event.kind == "s" and file is not None:
                file.sync()
            elif event.kind == "u":
                names.pop(path, None)
            elif event.kind in "rl":
                old, new = path.split("\n")
                names[new] = names[old] if event.kind == "l" else names.pop(old)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for name in sorted((names.keys() | durable.keys()) - {told}):
            kept = rng.choice((names.get(name), durable.get(name)))
            if kept is not None:
                target = folder / Path(name).relative_to(self.folder)
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(rng.randbytes(32768) if name.endswith("-shm") else kept.after_cut(rng))
                target.chmod(0o600)
        return acknowledged.decode().splitlines()


def record(command: Sequence[str], folder: Path, scratch: Path, *, timeout: float = 120) -> Trace:
    """Run a command to its end and return what it did to `folder`, which must be empty.

    Args:
        command: Program and arguments.
        folder: What to watch.
        scratch: Where the recorder is built and its trace is written; outside of `folder`.
        timeout: Seconds that the command may take.
    """
    folder = folder.resolve()
    if any(folder.iterdir()):
        raise ValueError(f"{folder} is not empty: files that were there before are not in the trace")
    library, trace = scratch / "powercut.so", scratch / "trace"
    build = ["gcc", "-O1", "-shared", "-fPIC", "-o", str(library), str(_SHIM), "-ldl", "-pthread"]
    subprocess.run(build, check=True, capture_output=True, timeout=60)
    trace.unlink(missing_ok=True)
    environment = os.environ | {
        "LD_PRELOAD": str(library),
        "POWERCUT_DIR": str(folder),
        "POWERCUT_TRACE": str(trace),
    }
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=timeout, env=environment)
    if done.returncode:
        raise RuntimeError(f"the recorded process failed with {done.returncode}: {done.stderr}")
    return Trace(folder, list(_parse(trace.read_bytes())))


def _parse(data: bytes) -> Iterator[Event]:
    place = 0
    while place < len(data):
        kind, inode, offset, length = _HEAD.unpack_from(data, place)
        place += _HEAD.size
        yield Event(kind.decode(), inode, offset, data[place : place + length])
        place += length

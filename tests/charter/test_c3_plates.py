"""C3: a plate read that hits nothing is gone when its track ends, and never reaches disk, log, metric or screen.

The other half, over the look-up and the whole unit, is in the tests of the look-ups and of the hub.
"""

from __future__ import annotations

import gc
import os
import re
import sys
import weakref
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

import numpy as np
import pytest
import trio
import trio.lowlevel

from hub.actors.capture import mailbox_for, run_capture
from hub.actors.plates import run_plates
from hub.capture import parse_source
from hub.channels import Mailbox
from hub.clocks import ManualClock
from hub.inference import Worker
from hub.ledger import Ledger, Stage
from hub.messages import PlateEvidence, PlateRead, Reason
from hub.plates.grammar import GrammarBook, load_grammars
from hub.plates.settings import PlateSettings
from hub.testing.frames import Painted, drive_past, paint, street, write_clip, write_photo
from hub.testing.readers import PaintedReader

BOOK = GrammarBook([row for row in load_grammars().rows if row.code in ("ES", "FR")])
"""Few grammars: decoding with all of them is tested elsewhere and takes its time."""
MARK = "Z" + "WX"
"""Every stranger's plate ends with it, and nothing else does; written so that no constant holds a whole plate."""
STRANGER = re.compile(r"\d{4}" + MARK)


def stranger(number: int) -> str:
    return f"{number:04d}{MARK}"


class WatchingReader(PaintedReader):
    """Notes which pictures were read, without keeping them."""

    def __init__(self) -> None:
        self.images: list[weakref.ref] = []
        self.found = 0

    def read(self, image):
        self.images.append(weakref.ref(image))
        found = super().read(image)
        self.found += len(found)
        return found


def task_frames(task: trio.lowlevel.Task):
    """Yield what a task's coroutines hold, and those of all tasks below it."""
    coroutine = task.coro
    while coroutine is not None:
        yield coroutine
        coroutine = getattr(coroutine, "cr_await", None) or getattr(coroutine, "gi_yieldfrom", None)
    for nursery in task.child_nurseries:
        for child in nursery.child_tasks:
            yield from task_frames(child)


def everything_reachable():
    """Yield all that modules, running frames and tasks lead to: `gc.get_objects` alone misses strings and arrays."""
    here = sys._getframe()
    queue: list[object] = [*sys.modules.values(), *gc.get_objects()]
    for frame in sys._current_frames().values():
        each: FrameType | None = frame
        while each is not None:
            queue.append(each.f_locals if each is not here else None)
            each = each.f_back
    root = trio.lowlevel.current_root_task()
    queue += task_frames(root) if root is not None else []
    seen = {id(queue), id(here)}
    while queue:
        thing = queue.pop()
        if id(thing) in seen:
            continue
        seen.add(id(thing))
        yield thing
        queue.extend(gc.get_referents(thing))


def traces_of_strangers() -> list[str]:
    """Return what is left of strangers' plates, by type."""
    gc.collect()
    left = []
    for thing in everything_reachable():
        if isinstance(thing, str) and STRANGER.search(thing):
            left.append(f"str of {len(thing)}")
        elif isinstance(thing, (bytes, bytearray)) and STRANGER.search(bytes(thing).decode("latin-1")):
            left.append(f"bytes of {len(thing)}")
    return left


async def run_over(path: Path, reader: WatchingReader, ledger: Ledger) -> int:
    """Run the two actors over a source and drop each read as a look-up without a hit does. Returns their number."""
    spec = parse_source(str(path))
    frames, out = mailbox_for(spec, ledger, "front", until_end=True), Mailbox(4)
    dropped = 0

    async def drop() -> None:
        nonlocal dropped
        async for _ in out:
            ledger.leave("front", Stage.READ, Reason.NOT_LISTED)
            dropped += 1

    async def plates() -> None:
        with out:
            await run_plates(
                "front",
                frames,
                out,
                reader=reader,
                worker=Worker("reader"),
                book=BOOK,
                plates=PlateSettings(),
                ledger=ledger,
                key=os.urandom(32),
            )

    async with trio.open_nursery() as nursery:
        nursery.start_soon(drop)
        nursery.start_soon(plates)
        clock = ManualClock(datetime(2026, 1, 1, tzinfo=UTC))
        await run_capture(spec, "front", frames, ledger=ledger, clock=clock, rng=None, until_end=True)
    return dropped


def make_folder(folder: Path) -> int:
    for number in range(12):
        write_photo(folder / f"{number:03d}.png", paint(street(), [Painted(stranger(1000 + number), 20, 40)]))
    return 12


def make_clip(folder: Path) -> int:
    clip = [
        image for number in range(3) for image in [*drive_past(stranger(2000 + 1357 * number), 8), *[street()] * 40]
    ]
    clip += drive_past(stranger(9876), 2)  # never gets enough votes
    write_clip(folder / "clip.mp4", clip)
    return 3


@pytest.mark.slow
@pytest.mark.parametrize(("make", "name"), [(make_folder, ""), (make_clip, "clip.mp4")], ids=["photos", "video"])
async def test_c3_nothing_of_a_stranger_is_left_in_memory_files_or_output(tmp_path, capfd, make, name):
    expected = make(tmp_path)
    files = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    reader, ledger = WatchingReader(), Ledger()
    assert await run_over(tmp_path / name, reader, ledger) == expected
    assert reader.found >= expected  # they were read
    await trio.lowlevel.checkpoint()
    assert traces_of_strangers() == []
    evidence = [type(each).__name__ for each in gc.get_objects() if isinstance(each, (PlateRead, PlateEvidence))]
    assert evidence == []
    assert [image for image in reader.images if image() is not None] == []
    assert not STRANGER.search(repr((ledger.snapshot(), ledger.totals())))
    assert ledger.check() == ()
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == files
    assert not STRANGER.search("".join(capfd.readouterr()))


@pytest.mark.slow
async def test_c3_the_walk_finds_what_is_kept():
    """The test above proves nothing unless a string or an array that is kept somewhere is found."""
    kept = {"deep": [(stranger(7),)], "bytes": np.frombuffer(stranger(8).encode(), np.uint8).tobytes()}
    assert len(traces_of_strangers()) >= len(kept)

"""Plates in files, without a look-up: what `patrol-hub read` prints comes from here.

The same capture and plates actors as in `patrol-hub run`, with a list in place of the look-up actor: what one reads,
the other reads. Only photos, folders and videos; cameras and streams are refused.
"""

from __future__ import annotations

import random
import secrets
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Final

import trio
from msgspec import Struct

from hub.actors.capture import mailbox_for, run_capture
from hub.actors.plates import FrameSeen, run_plates
from hub.backends import PlateReader
from hub.capture import SourceSpec
from hub.channels import Mailbox
from hub.clocks import Clock
from hub.errors import CaptureError, InputError, UsageError
from hub.inference import Worker
from hub.ledger import Ledger, Stage
from hub.messages import FrameGap, PlateRead, Reason, SourceKind
from hub.plates.grammar import GrammarBook
from hub.plates.settings import PlateSettings
from hub.plates.vehicles import VehicleSettings

MOST_READS: Final = 1024
"""Reads that wait for their row: those of one picture, or of the tracks that end with a video."""


class FileRead(Struct, frozen=True, eq=False):
    """One picture, or one track of a video."""

    source: str
    """The path as given; for a picture of a folder, folder and name."""
    kind: SourceKind
    """Still or lossless."""
    reads: tuple[PlateRead, ...]
    """Best first. A video has one read a row; none in its last row, which is there if nothing was read or not all of
    it could be decoded."""
    reason: Reason
    """`Reason.READ`, else why there is no read; for a video what most of its frames left with."""
    milliseconds: float
    """From handing the picture to the reader to its answer; for a video the sum over its frames so far."""
    detail: str
    """One line where something could not be decoded or the reader failed, else ""."""


async def read_file(
    spec: SourceSpec,
    emit: Callable[[FileRead], Awaitable[None]],
    *,
    reader: PlateReader,
    worker: Worker,
    book: GrammarBook,
    plates: PlateSettings,
    clock: Clock,
    ledger: Ledger,
    camera: str = "file",
    vehicles: VehicleSettings = VehicleSettings(),  # noqa: B008  # frozen
    deadline: float = 30.0,
    say: Callable[[str], None] = lambda _: None,
) -> None:
    """Read a photo, a folder or a video to its end.

    Args:
        spec: From `hub.capture.parse_source`.
        emit: Gets each row, one at a time: pictures in their order, a video's tracks as they end.
        reader: The plate reader.
        worker: Runs the reader.
        book: The grammars.
        plates: Settings of decoding and gates.
        clock: Gives the time of reads.
        ledger: Takes one reason for each frame, region and track; a read leaves as READ, because it is not looked up.
        camera: Name under which the ledger counts.
        vehicles: When a track gives a read.
        deadline: Seconds that the reader has for one picture.
        say: Gets one-line remarks.

    Raises:
        UsageError: A camera or stream.
        InputError: No frame at all could be decoded; raised after the last row.
        CaptureError: The child process that decodes a video cannot be started.
    """
    if spec.live:
        raise UsageError(f"{spec.origin} is a camera or stream; read takes files")
    frames = mailbox_for(spec, ledger, camera, until_end=True)
    reads: Mailbox[PlateRead] = Mailbox(MOST_READS)
    still = spec.kind(until_end=True) is SourceKind.STILL
    rows: _Pictures | _Video = (_Pictures if still else _Video)(spec.origin, emit)
    problems: list[InputError | CaptureError] = []

    def take() -> tuple[PlateRead, ...]:
        found = reads.drain()
        ledger.leave(camera, Stage.READ, Reason.READ, len(found))
        return tuple(sorted(found, key=lambda read: -read.readings[0].confidence))

    async def capture() -> None:
        try:
            await run_capture(
                spec,
                camera,
                frames,
                ledger=ledger,
                clock=clock,
                rng=random.Random(0),  # noqa: S311  # spreads the waits of live sources; there are none here
                until_end=True,
                on_gap=rows.miss,
                say=say,
            )
        except (InputError, CaptureError) as error:
            problems.append(error)

    async def see(frame: FrameSeen) -> None:
        await rows.see(frame, take())

    async with trio.open_nursery() as nursery:
        nursery.start_soon(capture)
        await run_plates(
            camera,
            frames,
            reads,
            reader=reader,
            worker=worker,
            book=book,
            plates=plates,
            ledger=ledger,
            key=secrets.token_bytes(32),
            vehicles=vehicles,
            deadline=deadline,
            on_frame=see,
        )
    await rows.end(take())
    if problems:
        raise problems[0]


class _Pictures:
    """Rows of pictures, in the order of their numbers though gaps and frames come from two tasks."""

    def __init__(self, origin: str, emit: Callable[[FileRead], Awaitable[None]]) -> None:
        del origin
        self._emit = emit
        self._next = 0
        self._rows: dict[int, FileRead] = {}

    async def see(self, frame: FrameSeen, reads: tuple[PlateRead, ...]) -> None:
        self._rows[frame.number] = FileRead(
            frame.origin, SourceKind.STILL, reads, frame.reason, frame.milliseconds, frame.detail
        )
        await self._tell()

    def miss(self, gap: FrameGap) -> None:
        self._rows[gap.number] = FileRead(gap.origin, SourceKind.STILL, (), Reason.UNREADABLE, 0.0, gap.detail)

    async def end(self, reads: tuple[PlateRead, ...]) -> None:
        del reads  # every picture has had its own
        await self._tell()

    async def _tell(self) -> None:
        while self._next in self._rows:
            await self._emit(self._rows.pop(self._next))
            self._next += 1


class _Video:
    """Rows of a video: one a read, and one at the end where something is to be said."""

    def __init__(self, origin: str, emit: Callable[[FileRead], Awaitable[None]]) -> None:
        self._origin = origin
        self._emit = emit
        self._reasons: Counter[Reason] = Counter()
        self._milliseconds = 0.0
        self._rows = 0
        self._detail = ""
        self._trouble = Reason.UNREADABLE

    async def see(self, frame: FrameSeen, reads: tuple[PlateRead, ...]) -> None:
        self._reasons[frame.reason] += 1
        self._milliseconds += frame.milliseconds
        if frame.detail and not self._detail:
            self._detail, self._trouble = frame.detail, frame.reason
        await self._tell(reads)

    def miss(self, gap: FrameGap) -> None:
        self._reasons[Reason.UNREADABLE] += 1
        self._detail, self._trouble = gap.detail, Reason.UNREADABLE

    async def end(self, reads: tuple[PlateRead, ...]) -> None:
        await self._tell(reads)
        if self._rows and self._detail:
            await self._row((), self._trouble, self._detail)
        elif not self._rows:
            # Frames in which something passed, but never often enough on one vehicle: too few votes.
            reasons = {Reason.READ: Reason.TOO_FEW_VOTES}
            reason = self._reasons.most_common(1)[0][0] if self._reasons else Reason.UNREADABLE
            await self._row((), reasons.get(reason, reason), self._detail)

    async def _tell(self, reads: tuple[PlateRead, ...]) -> None:
        for read in reads:
            await self._row((read,), Reason.READ, "")

    async def _row(self, reads: tuple[PlateRead, ...], reason: Reason, detail: str) -> None:
        self._rows += 1
        await self._emit(FileRead(self._origin, SourceKind.LOSSLESS, reads, reason, self._milliseconds, detail))

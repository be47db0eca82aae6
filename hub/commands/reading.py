"""`patrol-hub read`: what stands on plates in files. No camera, no stream, no look-up; one entry in the log a call."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Final

import trio
from msgspec import Struct

from hub.audit.records import FilesReadPayload
from hub.authority.policy import may_read_files
from hub.capture import Medium, SourceSpec, folder_pictures, parse_source
from hub.clocks import SystemClock
from hub.commands.acting import open_configured, whoever
from hub.commands.console import Form, emit, note, say
from hub.config import load_config
from hub.errors import HubError, UsageError
from hub.inference import Worker
from hub.ledger import Ledger
from hub.messages import Act, CharacterRead, Entry, PlateRead, Reading, RegionFit, SourceKind
from hub.parts import installed_plugins, open_grammars, open_plate_reader
from hub.plates.vehicles import VehicleSettings
from hub.read_files import FileRead, read_file

DIGITS: Final = 6
"""Digits of a printed probability: more would pretend to a precision that no reader has."""


class Alternative(Struct, frozen=True):
    """Another way to read the same plate."""

    plate: str
    confidence: float


class ReadLine(Struct, frozen=True):
    """One plate as ``read --format jsonl`` prints it."""

    plate: str
    confidence: float
    box: tuple[int, int, int, int]
    """x, y, w, h in pixels of the picture, or of the track's best frame."""
    regions: tuple[RegionFit, ...]
    characters: tuple[CharacterRead, ...]
    alternatives: tuple[Alternative, ...]


class PictureLine(Struct, frozen=True):
    """One picture."""

    source: str
    reads: tuple[ReadLine, ...]
    reason: str
    """Why there is no read, "" where there is one."""
    milliseconds: float
    detail: str


class TrackLine(Struct, frozen=True):
    """One track of a video: a vehicle that was read, or at the end why there is none."""

    source: str
    reads: tuple[ReadLine, ...]
    reason: str
    milliseconds: float
    detail: str
    first_seen: float | None = None
    """Seconds from the start of the video."""
    last_seen: float | None = None
    frames: int = 0
    votes: int = 0


def read(paths: tuple[Path, ...], *, reason: str, officer: str | None, config: Path | None, form: Form) -> int:
    """Read files."""
    if not paths:
        raise UsageError("name at least one photo, folder or video")
    specs = tuple(_file(path) for path in paths)
    return trio.run(partial(_read, specs, reason, officer, config, form))


def _file(path: Path) -> SourceSpec:
    spec = parse_source(str(path))
    if spec.live:
        raise UsageError(f"{spec.origin} is a camera or stream; read takes files, run takes cameras")
    return spec


async def _read(
    specs: tuple[SourceSpec, ...], reason: str, officer: str | None, config: Path | None, form: Form
) -> int:
    settings = load_config(config)
    plugins = installed_plugins(settings)
    plugins.load_all()
    async with open_configured(config) as unit:
        requester = await whoever(unit, officer)
        may_read_files(requester, reason).demand()
        reader = await trio.to_thread.run_sync(open_plate_reader, plugins, settings, unit.state)
        payload = FilesReadPayload(reason=reason, files=sum(_count(spec) for spec in specs))
        await unit.log.append(Entry(Act.FILES_READ, unit.clock.now(), requester, "begun", payload))
    worker, status = Worker("plate reader"), 0
    ledger, book, clock = Ledger(), open_grammars(settings), SystemClock()
    try:
        for spec in specs:
            try:
                await read_file(
                    spec,
                    partial(_show, form=form),
                    reader=reader,
                    worker=worker,
                    book=book,
                    plates=settings.plates.reading,
                    clock=clock,
                    ledger=ledger,
                    vehicles=VehicleSettings(votes=settings.plates.votes, memory=settings.plates.memory),
                    say=note,
                )
            except HubError as error:  # the other files are still read
                note(str(error))
                status = 2
    finally:
        reader.close()
    return status


def _count(spec: SourceSpec) -> int:
    return len(folder_pictures(Path(spec.address))) if spec.medium is Medium.FOLDER else 1


async def _show(row: FileRead, *, form: Form) -> None:
    if form == "jsonl":
        emit(_picture(row) if row.kind is SourceKind.STILL else _track(row))
        return
    for each in row.reads:
        best = each.readings[0]
        where = ", ".join(fit.code for fit in best.regions[:3])
        seen = "" if row.kind is SourceKind.STILL else f" from {each.first_seen:.1f} s to {each.last_seen:.1f} s"
        say(f"{row.source}: {best.plate} ({best.confidence:.2f}, fits {where}){seen}")
    if not row.reads:
        say(f"{row.source}: nothing read: {row.reason.value}" + (f" ({row.detail})" if row.detail else ""))


def _picture(row: FileRead) -> PictureLine:
    lines = tuple(_line(each) for each in row.reads)
    return PictureLine(row.source, lines, "" if lines else row.reason.value, round(row.milliseconds, 1), row.detail)


def _track(row: FileRead) -> TrackLine:
    if not row.reads:
        return TrackLine(row.source, (), row.reason.value, round(row.milliseconds, 1), row.detail)
    seen = row.reads[0]
    return TrackLine(
        source=row.source,
        reads=tuple(_line(each) for each in row.reads),
        reason="",
        milliseconds=round(row.milliseconds, 1),
        detail=row.detail,
        first_seen=seen.first_seen,
        last_seen=seen.last_seen,
        frames=seen.frames,
        votes=seen.votes,
    )


def _line(read: PlateRead) -> ReadLine:
    best: Reading = read.readings[0]
    return ReadLine(
        plate=best.plate,
        confidence=round(best.confidence, DIGITS),
        box=(read.box.x, read.box.y, read.box.w, read.box.h),
        regions=tuple(RegionFit(each.code, round(each.probability, DIGITS)) for each in best.regions),
        characters=tuple(CharacterRead(each.text, round(each.probability, DIGITS)) for each in best.characters),
        alternatives=tuple(Alternative(each.plate, round(each.confidence, DIGITS)) for each in read.readings[1:]),
    )

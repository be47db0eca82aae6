"""`patrol-hub check`: a document by its lines, its number and its photo; a face against one document's photo.

Answers stand side by side and are never added up. There is no form for several documents or faces.
"""

from __future__ import annotations

import sys
from datetime import date
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, overload

import trio
from msgspec import Struct

from hub.app import open_hub
from hub.capture import load_picture
from hub.clocks import SystemClock
from hub.commands.acting import acting, open_configured
from hub.commands.console import Form, emit, note, read_input, say
from hub.commands.explain import answered
from hub.commands.lookups import AnswerLine, line
from hub.config import load_config, state_folder
from hub.document_checks import DocumentChecks, Listed, Report
from hub.errors import HubError, InputError, UsageError
from hub.face_checks import FaceChecks, Side, Thresholds, Verdict
from hub.messages import Requester, TakingPart
from hub.mrz import LONGEST, Check, Day, Suggestion, Zone, parse
from hub.mrz import Form as ZoneForm
from hub.mrz_photo import zone_in
from hub.parts import calibration_of, installed_plugins, open_face_engine, open_plate_reader
from hub.plugins import PluginHost
from hub.unit import Unit

if TYPE_CHECKING:
    from hub.messages import Pixels

NOT_ASKED: Final = "No live picture was given: compare photo and person by eye."

LEAST_PIXELS: Final = 64
"""Pixels of the shorter side of a photograph; fewer hold no line that can be read."""

PARTS: Final = {
    "handed-over": TakingPart.HANDED_OVER,
    "asked-for": TakingPart.ASKED_FOR,
    "unable": TakingPart.UNABLE,
}
"""Words of the command line for how the person takes part."""

_FIELDS: Final = {"birth_date": "day of birth", "expires": "last day", "optional": "optional data"}


class DigitsAnswer(Struct, frozen=True):
    """What the lines say, and whether they agree with themselves."""

    agrees: bool
    expired: bool | None
    format: ZoneForm
    kind: str
    country: str
    number: str
    family_name: str
    given_names: str
    names_cut: bool
    birth_date: date | None
    expires: date | None
    problems: tuple[str, ...]
    checks: tuple[Check, ...]
    suggestion: Suggestion | None


class ListedAnswer(Struct, frozen=True):
    """Whether the number is reported lost or stolen."""

    verdict: Report
    reason: str
    lookup: str
    answers: tuple[AnswerLine, ...]


class CalibrationLine(Struct, frozen=True):
    """What a similarity was set against."""

    set: str
    people: int
    comparisons: int
    """Pairs of different people."""
    not_measured: tuple[str, ...]


class FaceAnswer(Struct, frozen=True):
    """What came of a face check."""

    verdict: Verdict
    similarity: float | None
    """-1 to 1; None where nothing was compared."""
    false_match_rate: float | None
    """Share of pairs of different people that were at least so alike."""
    at_most: bool
    """True where that share is an upper bound: the calibration cannot tell anything finer."""
    quality: Sides | None
    reason: str
    thresholds: Thresholds | None
    calibration: CalibrationLine | None


class Sides(Struct, frozen=True):
    """Both pictures."""

    live: Side
    document: Side


class DocumentAnswer(Struct, frozen=True):
    """Three answers, never one score."""

    digits: DigitsAnswer
    listed: ListedAnswer
    photo: FaceAnswer


class Photo(Struct, frozen=True):
    """A face check that was asked for: the two files, and how the person takes part."""

    live: Path
    document: Path
    part: TakingPart | None
    why: str


@overload
def photo_of(live: Path, document: Path, part: str | None, why: str) -> Photo: ...
@overload
def photo_of(live: Path | None, document: Path | None, part: str | None, why: str) -> Photo | None: ...
def photo_of(live: Path | None, document: Path | None, part: str | None, why: str) -> Photo | None:
    """Return the face check that a command asks for; None where it asks for none.

    Raises:
        UsageError: Only one of the two pictures is named.
    """
    if live is None and document is None:
        return None
    if live is None or document is None:
        raise UsageError("a face check takes two pictures: the live one (--live) and the document's photo (--photo)")
    return Photo(live, document, PARTS[part] if part else None, why)


def document(
    *,
    file: Path | None = None,
    mrz: str | None,
    reason: str,
    sources: tuple[str, ...],
    photo: Photo | None,
    officer: str | None,
    config: Path | None,
    development: bool,
    form: Form,
) -> int:
    """Check a document by its lines: typed, or made out in a photograph."""
    if (file is None) == (mrz is None):
        raise UsageError("a document is checked by a photograph of its lines (FILE) or by the lines as typed (--mrz)")
    text = read_input(partial(sys.stdin.read, LONGEST + 1)) if mrz == "-" else mrz
    if text is not None:  # a mistake in typed lines is told before anything is opened; the hub's own clock reads again
        parse(text, SystemClock().now().date())
    return trio.run(
        partial(_document, file, text, reason, sources, photo, officer, config, development=development, form=form)
    )


def _photographed(file: Path, plugins: PluginHost, unit: Unit) -> str:
    """Return the machine readable lines in a photograph; nothing of it is kept. Blocking.

    Raises:
        InputError: It is no picture, or too small for a zone.
        NotReadableError: Its lines are not readable beyond doubt.
        HubError: The reader does not open or run.
    """
    picture = _picture(file)
    if min(picture.shape[:2]) < LEAST_PIXELS:
        raise InputError(f"{file}: the picture is too small for the lines of a document")
    reader = open_plate_reader(plugins, unit.settings, unit.state)
    try:
        return zone_in(picture, reader.lines, unit.clock.now().date())
    finally:
        reader.close()


async def _document(
    file: Path | None,
    text: str | None,
    reason: str,
    sources: tuple[str, ...],
    photo: Photo | None,
    officer: str | None,
    config: Path | None,
    *,
    development: bool,
    form: Form,
) -> int:
    settings = load_config(config)
    plugins = installed_plugins(settings)
    async with (
        open_hub(
            settings, state_folder(), clock=SystemClock(), development=development, plugins=plugins, say=note
        ) as hub,
        acting(hub.unit, officer) as requester,
    ):
        unit = hub.unit
        checks = DocumentChecks(hub.lookups, hub.sources, unit.log, unit.clock)
        if file is not None:
            text = await checks.photographed(partial(_photographed, file, plugins, unit), requester, reason)
        zone = parse(text or "", unit.clock.now().date())
        listed = await checks.check(zone, requester, reason, sources)
        compared = _not_asked(NOT_ASKED)
        if photo is not None:
            try:
                compared = await _compare(unit, plugins, photo, requester, reason)
            except HubError as error:  # the other two answers stand
                compared = _not_asked(str(error))
    answer = DocumentAnswer(
        _digits(zone),
        ListedAnswer(listed.verdict, listed.reason, listed.lookup, tuple(map(line, listed.answers))),
        compared,
    )
    if form == "json":
        emit(answer)
    else:
        for each in describe(answer.digits, listed, compared):
            say(each)
    is_no = not answer.digits.agrees or answer.digits.expired is True or listed.verdict is Report.REPORTED
    return 1 if is_no or compared.verdict is Verdict.DIFFERENT else 0


def face(photo: Photo, *, reason: str, officer: str | None, config: Path | None, form: Form) -> int:
    """Check a face against one document's photo."""
    return trio.run(_face, photo, reason, officer, config, form)


async def _face(photo: Photo, reason: str, officer: str | None, config: Path | None, form: Form) -> int:
    settings = load_config(config)
    plugins = installed_plugins(settings)
    plugins.load_all()
    async with open_configured(config) as unit, acting(unit, officer) as requester:
        answer = await _compare(unit, plugins, photo, requester, reason)
    if form == "json":
        emit(answer)
    else:
        for each in face_lines(answer):
            say(each)
    return 1 if answer.verdict in (Verdict.DIFFERENT, Verdict.NOT_COMPARED) else 0


async def _compare(unit: Unit, plugins: PluginHost, photo: Photo, requester: Requester, reason: str) -> FaceAnswer:
    live = await trio.to_thread.run_sync(_picture, photo.live)
    reference = await trio.to_thread.run_sync(_picture, photo.document)
    engine = await trio.to_thread.run_sync(open_face_engine, plugins, unit.settings, unit.state)
    try:
        calibration = calibration_of(unit.settings, engine.model)
        checks = FaceChecks(engine, calibration, unit.meter, log=unit.log, clock=unit.clock)
        found = await checks.check(live, reference, requester, reason, photo.part, photo.why)
    finally:
        engine.close()
    return FaceAnswer(
        verdict=found.verdict,
        similarity=None if found.similarity is None else round(found.similarity, 4),
        false_match_rate=None if found.rate is None else float(f"{found.rate.value:.2g}"),
        at_most=found.rate is not None and found.rate.at_most,
        quality=Sides(found.live, found.document),
        reason=found.reason,
        thresholds=found.thresholds,
        calibration=CalibrationLine(
            calibration.set, calibration.people, calibration.comparisons, calibration.not_measured
        ),
    )


def _picture(path: Path) -> Pixels:
    if path.is_dir():
        raise InputError(f"{path} is a folder: a face is checked against one document, one picture each")
    try:
        return load_picture(path)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def _not_asked(reason: str) -> FaceAnswer:
    return FaceAnswer(Verdict.NOT_COMPARED, None, None, False, None, reason, None, None)


def _digits(zone: Zone) -> DigitsAnswer:
    return DigitsAnswer(
        agrees=zone.agrees,
        expired=zone.expired,
        format=zone.form,
        kind=zone.kind,
        country=zone.country,
        number=zone.number,
        family_name=zone.family_name,
        given_names=zone.given_names,
        names_cut=zone.names_cut,
        birth_date=zone.birth.day,
        expires=zone.expires.day,
        problems=tuple(_problems(zone)),
        checks=zone.checks,
        suggestion=zone.suggestion,
    )


def _problems(zone: Zone) -> list[str]:
    found = [
        f"{_FIELDS.get(check.field, check.field)}: the check digit is {check.printed} and should be {check.computed}"
        for check in zone.checks
        if not check.agrees
    ]
    days: tuple[tuple[str, Day], ...] = (("day of birth", zone.birth), ("last day", zone.expires))
    found += [f"{name}: {day.problem}" for name, day in days if day.problem]
    if zone.suggestion is not None:
        at = zone.suggestion
        found.append(
            f"line {at.line}, column {at.column}: {at.instead} instead of {at.printed} settles it; look at the document"
        )
    return found


def face_lines(answer: FaceAnswer) -> list[str]:
    """Return what came of a face check as lines of text."""
    if answer.similarity is None or answer.thresholds is None or answer.false_match_rate is None:
        return [f"{answer.verdict.value}. {answer.reason}"]
    where = f"from {answer.thresholds.candidate} on a candidate, below {answer.thresholds.different} different"
    rate = ("at most " if answer.at_most else "") + f"1 in {1 / answer.false_match_rate:,.0f}"
    return [
        f"{answer.verdict.value}: similarity {answer.similarity} ({where})",
        f"different people are so alike in {rate} comparisons. {answer.reason}",
    ]


def describe(digits: DigitsAnswer, listed: Listed, photo: FaceAnswer) -> list[str]:
    """Return the three answers as lines of text."""
    verdict = "agree" if digits.agrees else "DISAGREE"
    expired = {True: "EXPIRED", False: "not expired", None: "no last day known"}[digits.expired]
    name = f"{digits.family_name}, {digits.given_names}" + ("..." if digits.names_cut else "")
    born = digits.birth_date.isoformat() if digits.birth_date else "unknown"
    until = digits.expires.isoformat() if digits.expires else "unknown"
    return [
        f"1. digits and dates: {verdict}, {expired}",
        f"   {digits.format} {digits.kind} {digits.country} {digits.number}: {name}, born {born}, until {until}",
        *(f"   {problem}" for problem in digits.problems),
        f"2. lost or stolen: {listed.verdict.value.replace('_', ' ')}. {listed.reason}",
        *(f"   {text}" for answer in listed.answers for text in answered(answer)),
        *(f"{'3. photo: ' if not number else '   '}{text}" for number, text in enumerate(face_lines(photo))),
    ]

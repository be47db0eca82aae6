"""`patrol-hub check document`: do the lines of a document agree, and was it reported lost or stolen.

Answers stand side by side and are never added up.
"""

from __future__ import annotations

import sys
from datetime import date
from functools import partial
from pathlib import Path
from typing import Final

import trio
from msgspec import Struct

from hub.app import open_hub
from hub.clocks import SystemClock
from hub.commands.acting import acting
from hub.commands.console import Form, emit, note, say
from hub.commands.explain import answered
from hub.commands.lookups import AnswerLine, line
from hub.config import load_config, state_folder
from hub.document_checks import DocumentChecks, Listed, Report
from hub.mrz import LONGEST, Check, Day, Suggestion, Zone, parse
from hub.mrz import Form as ZoneForm

NOT_COMPARED: Final = "not compared: this version compares no photos, look at photo and person yourself"

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


class PhotoAnswer(Struct, frozen=True):
    """Whether the photo is of the same person."""

    verdict: str
    reason: str


class DocumentAnswer(Struct, frozen=True):
    """Three answers, never one score."""

    digits: DigitsAnswer
    listed: ListedAnswer
    photo: PhotoAnswer


def document(
    *,
    mrz: str,
    reason: str,
    sources: tuple[str, ...],
    officer: str | None,
    config: Path | None,
    development: bool,
    form: Form,
) -> int:
    """Check a document."""
    text = sys.stdin.read(LONGEST + 1) if mrz == "-" else mrz
    # A mistake in the lines is told before anything is opened; the hub's own clock reads them again.
    parse(text, SystemClock().now().date())
    return trio.run(partial(_document, text, reason, sources, officer, config, development=development, form=form))


async def _document(
    text: str,
    reason: str,
    sources: tuple[str, ...],
    officer: str | None,
    config: Path | None,
    *,
    development: bool,
    form: Form,
) -> int:
    settings = load_config(config)
    async with (
        open_hub(settings, state_folder(), clock=SystemClock(), development=development, say=note) as hub,
        acting(hub.unit, officer) as requester,
    ):
        unit = hub.unit
        zone = parse(text, unit.clock.now().date())
        checks = DocumentChecks(hub.lookups, hub.sources, unit.log, unit.clock, unit.retention)
        listed = await checks.check(zone, requester, reason, sources)
    digits = _digits(zone)
    if form == "json":
        emit(
            DocumentAnswer(
                digits,
                ListedAnswer(listed.verdict, listed.reason, listed.lookup, tuple(map(line, listed.answers))),
                PhotoAnswer("not_compared", NOT_COMPARED.partition(": ")[2]),
            )
        )
    else:
        for each in describe(digits, listed):
            say(each)
    is_no = not digits.agrees or digits.expired is True or listed.verdict is Report.REPORTED
    return 1 if is_no else 0


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


def describe(digits: DigitsAnswer, listed: Listed) -> list[str]:
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
        f"3. photo: {NOT_COMPARED}",
    ]

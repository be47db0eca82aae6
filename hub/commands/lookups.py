"""`patrol-hub lookup` and `patrol-hub import`: an officer asks sources, or brings them records."""

from __future__ import annotations

import hashlib
import re
from datetime import date
from functools import partial
from pathlib import Path
from typing import Final

import trio
from msgspec import Struct

from hub.app import open_hub
from hub.audit.records import ImportPayload
from hub.authority.policy import may_import
from hub.backends import ImportReport
from hub.clocks import SystemClock
from hub.commands.acting import acting, open_configured
from hub.commands.console import Form, emit, note, say
from hub.commands.explain import answered, numbered
from hub.config import load_config, state_folder
from hub.errors import HubError, InputError, NotAllowedError, PluginError, UsageError
from hub.lookups import typed_plate
from hub.messages import Act, Answer, AnswerStatus, DocumentQuery, Entry, Hit, PersonQuery, Subject
from hub.parts import plugin_context
from hub.plates.alphabet import ANY, UNKNOWN
from hub.plates.partial import check_partial
from hub.plugins import PluginHost

IMPORT_SECONDS: Final = 600.0
"""Longest time for an import."""


class AnswerLine(Struct, frozen=True):
    """An answer as ``lookup --format json`` prints it."""

    source: str
    status: AnswerStatus
    records: tuple[Hit, ...]
    milliseconds: float
    explanation: str
    development: bool


class _Lookup(Struct, frozen=True):
    lookup: str
    answers: tuple[AnswerLine, ...]


class _Import(Struct, frozen=True):
    source: str
    report: ImportReport


def lookup(
    kind: str,
    value: str,
    *,
    reason: str,
    sources: tuple[str, ...],
    born: str | None,
    country: str,
    grant: Path | None,
    officer: str | None,
    config: Path | None,
    development: bool,
    form: Form,
) -> int:
    """Ask the sources."""
    if grant is not None:
        raise NotAllowedError("this unit has no restricted source that a grant could open")
    subject = subject_of(kind, value, born, country)
    return trio.run(partial(_lookup, subject, reason, sources, officer, config, development=development, form=form))


def subject_of(kind: str, value: str, born: str | None = None, country: str = "") -> Subject:
    """Return what is asked from what somebody typed.

    Args:
        kind: ``plate``, ``person`` or ``document``.
        value: Plate, name (a day of birth may follow it), or number.
        born: Day of birth, ISO 8601.
        country: Issuing state of a document.

    Raises:
        UsageError: It cannot be looked up; the message says how to mend it.
    """
    if not value.strip():
        raise UsageError(f"there is no {kind} to look for")
    if kind == "plate":
        query = typed_plate(value)
        if not query.readings:
            raise UsageError("a plate has letters and digits; write ? for one you do not know and * for several")
        plate = query.readings[0].plate
        if UNKNOWN in plate or ANY in plate:
            check_partial(plate)
        return query
    if kind == "document":
        return DocumentQuery("".join(value.upper().split()).replace("<", ""), country.upper())
    found = re.search(r"[\s,]+(\d{4}-\d{2}-\d{2})$", value)
    if found and born is None:
        value, born = value[: found.start()], found.group(1)
    try:
        return PersonQuery(value.strip(), date.fromisoformat(born) if born else None)
    except ValueError as error:
        raise UsageError(f"{born!r} is no day of birth: write it as YYYY-MM-DD") from error


async def _lookup(
    subject: Subject,
    reason: str,
    names: tuple[str, ...],
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
        request = hub.lookups.request(subject, requester, reason, names)

        async def deliver(answer: Answer) -> None:
            if form == "text":
                for text in answered(answer):
                    say(text)

        answers = await hub.lookups.on_request(request, deliver)
    if form == "json":
        emit(_Lookup(request.lookup, tuple(_line(answer) for answer in answers)))
    return 0 if any(answer.status is not AnswerStatus.REFUSED for answer in answers) else 1


def _line(answer: Answer) -> AnswerLine:
    return AnswerLine(
        answer.source, answer.status, answer.hits, answer.milliseconds, answer.explanation, answer.development
    )


def import_records(source: str, file: Path, *, officer: str | None, config: Path | None, development: bool) -> int:
    """Take records into a source's own store."""
    return trio.run(partial(_import, source, file, officer, config, development=development))


async def _import(source: str, file: Path, officer: str | None, config: Path | None, *, development: bool) -> int:
    settings = load_config(config)
    plugins = PluginHost()
    plugins.load_all(leave_out=settings.plugins_off)
    part = plugins.importers.get(source)
    if part is None:
        there = ", ".join(plugins.importers) or "none"
        raise PluginError(f"no source called {source} takes files; those that do: {there}")
    digest = await trio.to_thread.run_sync(_digest, file)
    async with open_configured(config) as unit, acting(unit, officer) as requester:
        may_import(requester).demand()
        context = plugin_context(part.plugin, settings, unit.state, development=development)

        async def account(outcome: str, imported: int, refused: int, why: str) -> None:
            payload = ImportPayload(source=source, digest=digest, imported=imported, refused=refused, reason=why)
            entry = Entry(Act.RECORDS_IMPORTED, unit.clock.now(), requester, outcome, payload, None, source=source)
            await unit.log.append(entry)

        await account("begun", 0, 0, "")
        try:
            report = await trio.to_thread.run_sync(part.make().import_file, context, file)
        except HubError as error:
            await account("not_done", 0, 0, str(error))
            raise
        await account("imported", report.imported, len(report.bad), "")
    for bad in report.bad:
        note(f"{file.name}, line {bad.line}: {bad.problem}")
    say(f"{source}: {numbered(report.imported, 'record')} imported, {numbered(len(report.bad), 'row')} refused")
    return 1 if report.bad else 0


def _digest(file: Path) -> str:
    try:
        with file.open("rb") as content:
            return hashlib.file_digest(content, "sha256").hexdigest()
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror}") from error

"""`patrol-hub lookup` and `patrol-hub import`: an officer asks sources, or brings them records."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import trio
from msgspec import Struct

from hub.app import open_hub
from hub.clocks import SystemClock
from hub.commands.acting import acting, open_configured
from hub.commands.console import Form, emit, note, say
from hub.commands.explain import answered, numbered
from hub.config import load_config, state_folder
from hub.granted import read_grant
from hub.importing import import_file
from hub.lookups import subject_of
from hub.messages import Answer, AnswerStatus, Hit, Subject
from hub.parts import installed_plugins
from hub.tables import is_column


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
    subject = subject_of(kind, value, born, country)
    envelope = read_grant(grant) if grant is not None else b""
    return trio.run(
        partial(_lookup, subject, reason, sources, envelope, officer, config, development=development, form=form)
    )


async def _lookup(
    subject: Subject,
    reason: str,
    names: tuple[str, ...],
    grant: bytes,
    officer: str | None,
    config: Path | None,
    *,
    development: bool,
    form: Form,
) -> int:
    settings = load_config(config)
    unwritten: OSError | None = None
    async with (
        open_hub(settings, state_folder(), clock=SystemClock(), development=development, say=note) as hub,
        acting(hub.unit, officer) as requester,
    ):
        request = hub.lookups.request(subject, requester, reason, names, grant)

        async def deliver(answer: Answer) -> None:
            nonlocal unwritten
            if form == "text" and unwritten is None:
                try:
                    for text in answered(answer):
                        say(text)
                except OSError as error:  # the sources are asked all the same, and the log has what they answered
                    unwritten = error

        answers = await hub.lookups.on_request(request, deliver)
    if unwritten is not None:
        raise unwritten
    if form == "json":
        emit(_Lookup(request.lookup, tuple(line(answer) for answer in answers)))
    return 0 if any(answer.status is not AnswerStatus.REFUSED for answer in answers) else 1


def line(answer: Answer) -> AnswerLine:
    """Return an answer as commands print it."""
    return AnswerLine(
        answer.source, answer.status, answer.hits, round(answer.milliseconds, 1), answer.explanation, answer.development
    )


def import_records(source: str, file: Path, *, officer: str | None, config: Path | None, development: bool) -> int:
    """Take records into a source's own store."""
    return trio.run(partial(_import, source, file, officer, config, development=development))


async def _import(source: str, file: Path, officer: str | None, config: Path | None, *, development: bool) -> int:
    settings = load_config(config)
    plugins = installed_plugins(settings)
    plugins.load_all()
    async with open_configured(config) as unit, acting(unit, officer) as requester:
        report = await import_file(unit, plugins, source, file, requester, development=development)
    for bad in report.bad:
        note(f"{file.name}, line {bad.line}: {bad.problem}")
    columns = sum(is_column(bad) for bad in report.bad)
    left_out = f", {numbered(columns, 'column')} not imported" if columns else ""
    rows = numbered(len(report.bad) - columns, "row")
    say(f"{source}: {numbered(report.imported, 'record')} imported, {rows} refused{left_out}")
    return 1 if report.bad else 0

"""`patrol-hub alerts`: list, show, adjudicate. The same `hub.alerts.AlertBook` serves the running hub."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Final

import trio
from msgspec import Struct

from hub.alerts import AlertBook
from hub.authority.files import make_folder, write_file
from hub.commands.acting import acting, open_configured
from hub.commands.console import Form, ask_yes, at_terminal, emit, note, say, table
from hub.commands.explain import aligned, numbered
from hub.errors import InputError, UsageError
from hub.messages import Alert, AlertState, Answer, Field, Hit, HitKind, Reading, Step, is_missing

DECISIONS: Final = {
    "true": AlertState.ADJUDICATED_TRUE,
    "false": AlertState.ADJUDICATED_FALSE,
    "engaged": AlertState.ENGAGED,
    "confirmed-true": AlertState.CONFIRMED_TRUE,
    "confirmed-false": AlertState.CONFIRMED_FALSE,
}
"""Words of the command line for the steps of an alert."""


class AlertLine(Struct, frozen=True):
    """An alert without its pictures."""

    alert: str
    state: AlertState
    category: str
    plate: str
    entry: str
    source: str
    camera: str
    at: datetime
    decide_by: datetime
    ambiguous: bool
    development: bool


class AlertPage(Struct, frozen=True):
    """All of an alert but the pixels."""

    alert: str
    state: AlertState
    unit: str
    camera: str
    raised_by: str
    at: datetime
    decide_by: datetime
    keep_until: datetime
    category: str
    source: str
    list_digest: str
    development: bool
    readings: tuple[Reading, ...]
    hit: Hit
    steps: tuple[Step, ...]
    answers: tuple[Answer, ...]
    pictures: tuple[str, ...]


class _Alerts(Struct, frozen=True):
    alerts: tuple[AlertLine, ...]


def line(alert: Alert) -> AlertLine:
    """Return the alert as one line of a list."""
    return AlertLine(
        alert=alert.alert,
        state=alert.state,
        category=alert.category,
        plate=alert.readings[0].plate if alert.readings else "",
        entry=alert.hit.record.entry,
        source=alert.source,
        camera=alert.camera,
        at=alert.at,
        decide_by=alert.decide_by,
        ambiguous=alert.hit.ambiguous,
        development=alert.development,
    )


def missing_first(alerts: tuple[Alert, ...]) -> tuple[Alert, ...]:
    """Return alerts in the order in which they should be looked at: missing persons, then the oldest."""
    return tuple(sorted(alerts, key=lambda alert: (not is_missing(alert.category), alert.at)))


def list_alerts(*, everything: bool, officer: str | None, config: Path | None, form: Form) -> int:
    """List alerts."""
    return trio.run(_list, everything, officer, config, form)


async def _list(everything: bool, officer: str | None, config: Path | None, form: Form) -> int:
    async with open_configured(config) as unit, acting(unit, officer) as requester:
        found = missing_first(await unit.alerts.list(requester, everything=everything))
        now = unit.clock.now()
    if form == "json":
        emit(_Alerts(tuple(line(alert) for alert in found)))
        return 0
    if not found:
        say("no alert waits for a decision")
        return 0
    rows = [("ALERT", "STATE", "LEFT", "CATEGORY", "READ", "ENTRY", "SOURCE", "CAMERA")]
    for alert in found:
        each = line(alert)
        left = f"{max(0, round((each.decide_by - now).total_seconds()))} s" if each.state == AlertState.ALERT else ""
        marks = each.source + (" (development)" if each.development else "")
        rows.append((each.alert, each.state.value, left, each.category, each.plate, each.entry, marks, each.camera))
    table(rows)
    return 0


def show(alert: str, *, pictures: Path | None, officer: str | None, config: Path | None, form: Form) -> int:
    """Show one alert."""
    return trio.run(_show, alert, pictures, officer, config, form)


async def _show(name: str, pictures: Path | None, officer: str | None, config: Path | None, form: Form) -> int:
    async with open_configured(config) as unit, acting(unit, officer) as requester:
        alert = await unit.alerts.show(requester, name)
        repeats = await unit.alerts.repeats(name)
    written = _write_pictures(alert, pictures) if pictures else ()
    if form == "json":
        emit(_page(alert, written))
        return 0
    for text in describe(alert):
        say(text)
    if repeats:
        say(f"seen {numbered(repeats, 'more time')} since")
    for path in written:
        say(f"picture: {path}")
    return 0


def describe(alert: Alert) -> list[str]:
    """Return what an officer needs to decide on an alert, as lines of text."""
    record = alert.hit.record
    texts = [
        f"alert {alert.alert}: {alert.state.value}" + (", UNSIGNED DEVELOPMENT LIST" if alert.development else ""),
        f"camera {alert.camera or '-'}, {alert.at:%Y-%m-%d %H:%M:%S} UTC; decide by {alert.decide_by:%H:%M:%S}",
        f"{_seen(alert)}, entry {record.entry} of {alert.source}",
        alert.hit.why,
    ]
    texts += aligned(alert.hit.aligned)
    if alert.hit.ambiguous:
        texts.append("ambiguous: another entry is as near; neither is put first")
    texts += [f"{_label(each)}: {each.value}" for each in record.fields]
    for number, step in enumerate(alert.steps):
        what = f"{number}. {step.state.value} {step.at:%H:%M:%S} {step.officer or 'unit'} {step.reason}".rstrip()
        texts.append(what + (f" (corrects {step.corrects})" if step.corrects is not None else ""))
    return texts


def _seen(alert: Alert) -> str:
    if alert.hit.kind is HitKind.FACE:
        return "a face"
    return f"read {alert.readings[0].plate if alert.readings else '-'}"


def _label(field: Field) -> str:
    return field.name.replace("_", " ")


def _page(alert: Alert, pictures: tuple[str, ...]) -> AlertPage:
    return AlertPage(
        alert=alert.alert,
        state=alert.state,
        unit=alert.unit,
        camera=alert.camera,
        raised_by=alert.raised_by,
        at=alert.at,
        decide_by=alert.decide_by,
        keep_until=alert.keep_until,
        category=alert.category,
        source=alert.source,
        list_digest=alert.list_digest,
        development=alert.development,
        readings=alert.readings,
        hit=alert.hit,
        steps=alert.steps,
        answers=alert.answers,
        pictures=pictures,
    )


def _write_pictures(alert: Alert, folder: Path) -> tuple[str, ...]:
    written = []
    try:
        make_folder(folder)
        for name, picture in (("crop", alert.crop), ("reference", alert.reference), ("scene", alert.scene)):
            if picture is not None:
                path = folder / f"{alert.alert}-{name}.jpg"
                write_file(path, picture.jpeg)  # never readable by others, not even for an instant
                written.append(str(path))
    except OSError as error:
        raise InputError(f"pictures cannot be written to {folder}: {error.strerror}") from error
    if not written:
        note("this alert has no picture any more")
    return tuple(written)


def adjudicate(
    alert: str,
    decision: str,
    *,
    reason: str,
    correct: bool,
    officer: str | None,
    config: Path | None,
    form: Form,
) -> int:
    """Decide on an alert, report what came of it, or correct a decision."""
    return trio.run(_adjudicate, alert, DECISIONS[decision], reason, correct, officer, config, form)


async def _adjudicate(
    name: str, state: AlertState, reason: str, correct: bool, officer: str | None, config: Path | None, form: Form
) -> int:
    async with open_configured(config, dispatching=True) as unit, acting(unit, officer) as requester:
        book: AlertBook = unit.alerts
        seen = await book.show(requester, name)  # nobody decides on what was not put before them (C6)
        if at_terminal():
            for text in describe(seen):
                say(text)
            if not ask_yes(f"{state.value.replace('_', ' ')}?"):
                raise UsageError(f"nothing was decided about alert {name}")
        alert = await book.decide(requester, name, state, reason, correction=correct)
        waiting = await unit.outbox.flush()
    if form == "json":
        emit(_page(alert, ()))
    else:
        for text in describe(alert):
            say(text)
        if waiting:
            say(f"{numbered(waiting, 'dispatch', 'dispatches')} still to be delivered")
    return 0

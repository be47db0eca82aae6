"""`patrol-hub audit`: verify, show, export a checkpoint, report. Verification opens nothing for writing."""

from __future__ import annotations

from pathlib import Path

import trio
from msgspec import Struct

from hub.audit.leaf import Metadata
from hub.audit.reading import LoggedEntry, PayloadState, read_entries
from hub.audit.records import Payload
from hub.audit.report import report_log
from hub.audit.verify import verify_log
from hub.audit.witness import export_checkpoint
from hub.authority.policy import may_read_log
from hub.commands.acting import acting, open_configured, whoever
from hub.commands.console import Form, emit, say, table
from hub.commands.explain import numbered
from hub.config import load_config, state_folder
from hub.errors import InputError
from hub.unit import AUDIT_FILE, origin_of


class _Line(Struct, frozen=True):
    entry: Metadata
    payload_state: PayloadState
    payload: Payload | None


def verify(*, checkpoint: Path | None, config: Path | None, form: Form) -> int:
    """Verify the log; the exit status is the answer."""
    settings = load_config(config)
    result = verify_log(state_folder() / AUDIT_FILE, _read(checkpoint), origin=origin_of(settings.unit))
    if form == "json":
        emit(result)
    else:
        say(f"{'verified' if result.ok else 'NOT VERIFIED'}: {numbered(result.entries, 'entry', 'entries')}")
        if result.reason:
            say(result.reason)
        if result.first_bad is not None:
            say(f"first bad entry: {result.first_bad}")
    return 0 if result.ok else 1


def _read(checkpoint: Path | None) -> str | None:
    if checkpoint is None:
        return None
    try:
        return checkpoint.read_bytes().decode("utf-8")
    except OSError as error:
        raise InputError(f"the checkpoint {checkpoint} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{checkpoint} is no checkpoint: it is not text") from error


def show(*, last: int, officer: str | None, config: Path | None, form: Form) -> int:
    """Show the newest entries."""
    return trio.run(_show, last, officer, config, form)


async def _show(last: int, officer: str | None, config: Path | None, form: Form) -> int:
    async with open_configured(config) as unit, acting(unit, officer) as requester:
        may_read_log(requester).demand()
        path = unit.state / AUDIT_FILE
        entries = await trio.to_thread.run_sync(lambda: tuple(read_entries(path, start=-max(1, last))))
    if form == "jsonl":
        for entry in entries:
            emit(_Line(entry.metadata, entry.state, entry.payload))
        return 0
    rows: list[tuple[str, ...]] = [
        ("ENTRY", "AT", "ACT", "OFFICER", "ROLE", "OUTCOME", "CAMERA", "SOURCE", "PARTICULARS")
    ]
    rows += [_row(entry) for entry in entries]
    table(rows)
    return 0


def _row(entry: LoggedEntry) -> tuple[str, ...]:
    data = entry.metadata
    at = f"{data.at:%Y-%m-%d %H:%M:%S}"
    return (
        *(str(data.index), at, data.act.value, data.officer or "-", data.role, data.outcome),
        *(data.camera or "-", data.source or "-", entry.state.value),
    )


def checkpoint(*, output: Path | None, config: Path | None) -> int:
    """Export a signed checkpoint that can name the first changed entry."""
    return trio.run(_checkpoint, output, config)


async def _checkpoint(output: Path | None, config: Path | None) -> int:
    async with open_configured(config) as unit:
        note = await export_checkpoint(unit.log, await whoever(unit, None), unit.clock.now())
    if output is None:
        print(note, end="")
        return 0
    try:
        await trio.Path(output).write_text(note, encoding="utf-8")
    except OSError as error:
        raise InputError(f"the checkpoint cannot be written to {output}: {error.strerror}") from error
    say(f"checkpoint written to {output}: keep it outside this unit")
    return 0


def report(*, config: Path | None, form: Form) -> int:
    """Print yearly statistics."""
    load_config(config)
    result = report_log(state_folder() / AUDIT_FILE)
    if form == "json":
        emit(result)
        return 0
    say(numbered(result.entries, "entry", "entries"))
    for year in result.years:
        rows = [(str(year.year), "TOTAL", *(share.name for share in year.units))]
        for field in year.total.__struct_fields__:
            values = [getattr(year.total, field), *(getattr(share.counts, field) for share in year.units)]
            rows.append((field.replace("_", " "), *(str(value) for value in values)))
        table(rows)
    if result.unread:
        say(f"{numbered(result.unread, 'count')} of automatic look-ups could not be read")
    return 0

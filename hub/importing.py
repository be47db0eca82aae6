"""Takes a file into a source's own store, for an officer, with its entries in the log before and after.

The command and the demonstration call the same function. What a good row is, the source's importer decides; whether
the officer may, `hub.authority.policy`.
"""

from __future__ import annotations

import hashlib
from contextlib import suppress
from pathlib import Path
from typing import Final

import trio
from msgspec.structs import replace

from hub.audit.records import ImportPayload
from hub.authority.policy import may_import
from hub.backends import Importer, ImportReport, PluginContext
from hub.errors import HubError, InputError, PluginError
from hub.isolation.importer import IsolatedImporter
from hub.messages import Act, Entry, Requester
from hub.parts import open_importer, plugin_context
from hub.plugins import PluginHost
from hub.unit import Unit

LAST_SECONDS: Final = 2.0
"""Longest wait for the log to take that an import was broken off."""


async def import_file(
    unit: Unit, plugins: PluginHost, source: str, file: Path, requester: Requester, *, development: bool = False
) -> ImportReport:
    """Import every good row of a file and report every bad one.

    Args:
        unit: The unit whose source it is.
        plugins: The loaded plugins.
        source: Name of the source.
        file: A signed list or a table, as the source takes it.
        requester: The officer of a checked session.
        development: Allow an unsigned list.

    Raises:
        NotAllowedError: The requester may not, and that stands in the log; NotSignedInError where nobody is signed in.
        PluginError: No such source takes files.
        InputError: The file cannot be read or holds no good row.
        TrustError: It is a signed list that does not verify, or an unsigned one without `development`.
        AuditError: The log cannot be written; nothing was imported.
        StoreError: The source's store cannot be written; nothing was imported.
    """
    digest = ""

    async def account(act: Act, outcome: str, imported: int = 0, refused: int = 0, reason: str = "") -> None:
        now = unit.clock.now()
        payload = ImportPayload(source=source, digest=digest, imported=imported, refused=refused, reason=reason)
        entry = Entry(act, now, requester, outcome, payload, source=source)
        await unit.log.append(entry)

    decision = may_import(requester)
    if not decision.allowed:
        await account(Act.RECORDS_IMPORTED, "refused", reason=decision.reason)
    decision.demand()
    part = plugins.importers.get(source)
    if part is None:
        there = ", ".join(plugins.importers) or "none"
        raise PluginError(f"no source called {source} takes files; those that do: {there}")
    digest = await trio.to_thread.run_sync(_digest, file)
    await account(Act.RECORDS_IMPORTED, "begun")
    context = plugin_context(part.plugin, unit.settings, unit.state, development=development)
    context = replace(context, now=unit.log.now())
    try:
        importer = open_importer(part.make, unit.settings, unit.state)
        report = await _in_thread(importer, context, file)
    except trio.Cancelled:
        with trio.CancelScope(shield=True, deadline=trio.current_time() + LAST_SECONDS), suppress(HubError):
            await account(Act.RECORDS_IMPORTED, "not_done", reason="it was broken off")
        raise
    except HubError as error:
        await account(Act.RECORDS_IMPORTED, "not_done", reason=str(error))
        raise
    # A closed list that takes effect is a list load; what goes into a register is not.
    act = Act.LIST_LOADED if report.list_digest else Act.RECORDS_IMPORTED
    await account(act, "imported", report.imported, len(report.bad))
    return report


async def _in_thread(importer: Importer, context: PluginContext, file: Path) -> ImportReport:
    """Import in a thread. A child process is killed on cancel; the end of our own importers is awaited."""
    apart = isinstance(importer, IsolatedImporter)
    try:
        return await trio.to_thread.run_sync(importer.import_file, context, file, abandon_on_cancel=apart)
    except trio.Cancelled:
        if isinstance(importer, IsolatedImporter):
            importer.stop()
        raise


def _digest(file: Path) -> str:
    try:
        if file.exists() and not file.is_file():  # a device or a pipe need never end
            raise InputError(f"{file} cannot be read: it is no regular file")
        with file.open("rb") as content:
            return hashlib.file_digest(content, "sha256").hexdigest()
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror}") from error

"""An importer that works in a process of its own: the hub's side, used like any other `Importer`.

Its child may read the one file and write the plugin's folder. Where the store is then found, and what was imported, is
the plugin's; that somebody may import, and that it is in the log, the hub's (`hub.importing`).
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from hub.backends import BadRow, Importer, ImportReport, PluginContext
from hub.errors import DeadlineError, InputError, PluginParkedError, SourceError, SourceUnavailableError, TrustError
from hub.isolation.calls import (
    LONGEST_PROBLEM,
    LONGEST_REPLY,
    MOST_BAD,
    Begin,
    Begun,
    Failed,
    Failure,
    Imported,
    ImportFile,
    Reply,
    Request,
    send_context,
)
from hub.isolation.confining import LARGEST_STORE, confine_source
from hub.isolation.manifest import IsolatedPart
from hub.isolation.process import ChildGoneError, ChildProcess
from hub.isolation.settings import Isolation
from hub.isolation.source import START_SECONDS
from hub.text import plain

IMPORT_SECONDS: Final = 600.0
"""Longest time for one file."""
LONGEST_REPORT: Final = 5 * MOST_BAD * LONGEST_PROBLEM
"""Bytes of what an import did."""


class IsolatedImporter(Importer):
    """An importer in a child process.

    Args:
        part: What the manifest says of its source.
        private: The hub's state folder.
        isolation: What the configuration says.
    """

    def __init__(self, part: IsolatedPart, private: Path, isolation: Isolation) -> None:
        vars(self).update(name=part.manifest.name)
        self._part, self._private, self._isolation = part, private, isolation
        self._child: ChildProcess | None = None
        self._stopped = False

    def import_file(self, context: PluginContext, file: Path) -> ImportReport:
        """Have a child import a file; once.

        Raises:
            PluginParkedError: The plugin cannot be confined or loaded, or reached for what is the hub's.
            InputError: The file cannot be read, is of no use, or lies in the hub's own folder.
            TrustError: The file is a signed list that does not verify.
            SourceError: Nothing was imported, for another reason; SourceUnavailableError where its process died.
        """
        path = os.path.realpath(file)
        if Path(path).is_relative_to(os.path.realpath(self._private)):
            raise InputError(f"{plain(str(file))} lies in the hub's own folder: a plugin gets nothing of it")
        context, allowed = confine_source(self._part, context, self._private, self._isolation)
        own = (str(context.state), str(context.models), path, *((str(context.trust),) if context.trust else ()))
        begin = Begin(
            confinement=replace(allowed, read=(*allowed.read, path), file_size=LARGEST_STORE),
            plugin=self._part.plugin,
            entry_point=self._part.entry_point,
            source=self._part.manifest.name,
            private=str(self._private),
            own=own,
            importer=True,
        )
        child = self._child = ChildProcess(str(context.state))
        try:
            if self._stopped:  # before there was a child
                raise SourceUnavailableError("the import was stopped")
            begun = _ask(child, begin, START_SECONDS)
            done = _ask(child, ImportFile(send_context(context), path), IMPORT_SECONDS, LONGEST_REPORT)
        finally:
            child.kill()
        if not isinstance(begun, Begun) or not isinstance(done, Imported):
            raise SourceUnavailableError("its process sent a reply to something else")
        return ImportReport(
            imported=done.imported,
            bad=tuple(BadRow(bad.line, plain(bad.problem)) for bad in done.bad),
            list_digest=plain(done.list_digest, 64),
        )

    def stop(self) -> None:
        """End an import that is under way in another thread, which then raises `SourceUnavailableError`."""
        self._stopped = True
        if self._child is not None:
            self._child.stop()


def _ask(child: ChildProcess, request: Request, seconds: float, most: int = LONGEST_REPLY) -> Reply:
    try:
        reply = next(iter(child.ask(request, until=time.monotonic() + seconds, most=most)))
    except (DeadlineError, ChildGoneError) as error:
        raise SourceUnavailableError(f"the import broke off: {error}") from None
    if not isinstance(reply, Failed):
        return reply
    what = plain(reply.what) or "no reason given"
    if reply.failure in (Failure.TRESPASS, Failure.PLUGIN):
        raise PluginParkedError(f"it is parked: {what}")
    if reply.failure is Failure.INPUT:
        raise InputError(what)
    if reply.failure is Failure.TRUST:
        raise TrustError(what)
    raise SourceError(what if reply.failure is Failure.SOURCE else f"the importer failed with {what}")

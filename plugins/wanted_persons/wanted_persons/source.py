"""The automatic source: answers from the closed list, as long as it verifies and has not expired."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import ClassVar

from hub.backends import PluginContext, RecordSource, SourceInfo, SourceRecord
from hub.clocks import SystemClock
from hub.errors import SourceChangedError, SourceError, StoreError, TrustError
from hub.messages import Query, Reach, SubjectKind
from hub.store import erasing
from hub.store.records import all_plates, all_records, count_records, encode_fields, find_records
from hub.store.sqlite import snapshot, transaction
from hub.watchlists.trusted import TrustedReader, TrustedSet
from wanted_persons.store import StoredList, delete_list, digest_of, open_store, path_of, stored_envelope, stored_list
from wanted_persons.verify import fields_of, now_of, verified


class WantedPersons(RecordSource):
    """Persons, vehicles and documents that are wanted, missing or stolen."""

    name: ClassVar[str] = "wanted_persons"
    reach: ClassVar[Reach] = Reach.AUTOMATIC
    answers: ClassVar[frozenset[SubjectKind]] = frozenset(SubjectKind)

    def __init__(self) -> None:
        self._connection: sqlite3.Connection | None = None
        self._context: PluginContext | None = None
        self._list: StoredList | None = None
        self._reader = TrustedReader(None)
        self._authority: TrustedSet | None = None
        self._authority_ends = math.inf

    def open(self, context: PluginContext) -> SourceInfo:
        """Open the list and verify it again, against the envelope that was signed.

        Raises:
            SourceError: No list is loaded.
            TrustError: It does not verify, has expired, was withdrawn or superseded, or needs ``--development``.
            StoreError: The store cannot be opened.
        """
        self.close()
        reader = TrustedReader(context.authority)
        authority = reader.current()
        connection = open_store(context, any_thread=True)
        try:
            with snapshot(connection, path_of(context)):
                stored = _check(connection, context, authority)
                entries = count_records(connection)
        except BaseException:
            connection.close()
            raise
        self._connection, self._context, self._list = connection, context, stored
        self._reader, self._authority, self._authority_ends = reader, authority, _running_end(authority, context)
        return SourceInfo(
            entries=entries,
            list_digest=stored.digest,
            expires=stored.expires.isoformat(),
            development=stored.development,
            detail=f"{stored.name}, version {stored.version}, of {stored.issuer}",
        )

    def find(self, query: Query) -> Iterable[SourceRecord]:
        """Return candidates among the entries that have not expired.

        Raises:
            SourceError: The source is not open.
            SourceChangedError: Another list was loaded, this one was deleted, or the authority says something new.
            TrustError: The list has expired, or is not valid yet at the time of the query; or the unit has not heard of
                its authority for too long.
            StoreError: The store cannot be read.
        """
        connection, context, opened = self._opened()
        # One state for all of it: a list that is loaded meanwhile would else be asked with the row numbers of this one.
        with snapshot(connection, path_of(context)):
            if stored_list(connection) != opened:
                raise SourceChangedError("the list was replaced")
            self._ask_authority(opened, query.now)
            if query.now >= opened.expires:
                raise TrustError(f"the list expired at {opened.expires:%Y-%m-%d %H:%M} UTC")
            if query.now < opened.created:
                raise TrustError(f"the list is valid from {opened.created:%Y-%m-%d %H:%M} UTC on: check the clock")
            return find_records(connection, query)

    def plates(self) -> Iterable[str]:
        """Return the plates of all entries."""
        connection, context, _ = self._opened()
        with snapshot(connection, path_of(context)):
            return all_plates(connection)

    def erase_due(self, context: PluginContext, keep: timedelta) -> int:
        """Delete a list so long after its expiry, and overwrite what it, or one that was replaced, lay in.

        Where another process reads the file the bytes are overwritten the next time.

        Raises:
            StoreError: It could not be deleted.
        """
        path = path_of(context)
        if not path.exists():
            return 0
        connection = open_store(context)
        try:
            with snapshot(connection, path):
                due = _is_due(connection, context, keep)
            count = 0
            if due:
                with transaction(connection, path):
                    # Asked again: another list may have been loaded in its place meanwhile.
                    count = delete_list(connection) if _is_due(connection, context, keep) else 0
            with suppress(StoreError):  # the deletion is done and has to be told; the mark stays for the next time
                erasing.overwrite_blocking(connection, path)
        finally:
            connection.close()
        return count

    def close(self) -> None:
        """Close the store."""
        if self._connection is not None:
            self._connection.close()
        self._connection = self._context = self._list = None

    def _ask_authority(self, opened: StoredList, now: datetime) -> None:
        authority = self._reader.current()
        if authority is not self._authority:
            raise SourceChangedError("the authority says something new")
        if authority is None or opened.development:
            return
        if reason := authority.admits(opened.digest, now, issuer=opened.issuer):
            raise TrustError(reason)
        if SystemClock().boottime() >= self._authority_ends:
            raise TrustError("what the authority says has expired since the list was opened: the clock was set back")

    def _opened(self) -> tuple[sqlite3.Connection, PluginContext, StoredList]:
        if self._connection is None or self._context is None or self._list is None:
            raise SourceError("the list is not open")
        return self._connection, self._context, self._list


def _running_end(authority: TrustedSet | None, context: PluginContext) -> float:
    """Return the running time at which what an authority says has expired, whatever the wall clock says by then."""
    if authority is None:
        return math.inf
    return SystemClock().boottime() + (authority.expires - now_of(context)).total_seconds()


def _is_due(connection: sqlite3.Connection, context: PluginContext, keep: timedelta) -> bool:
    """Say whether there is a list that is to be deleted now."""
    stored = stored_list(connection)
    return stored is not None and now_of(context) >= stored.expires + keep


def _check(connection: sqlite3.Connection, context: PluginContext, authority: TrustedSet | None) -> StoredList:
    """Return the list where it may be used now; what lies in the tables must be what was signed."""
    stored = stored_list(connection)
    if stored is None:
        raise SourceError("no list is loaded: import a signed list with `patrol-hub import wanted_persons FILE`")
    kept = list(all_records(connection))
    if stored.development:
        if not context.development:
            raise TrustError("the list is unsigned, which needs --development")
        if digest_of(kept) != stored.digest:
            raise TrustError("the list was altered since it was imported: import it again")
        if now_of(context) >= stored.expires:
            raise TrustError(f"the list expired at {stored.expires:%Y-%m-%d %H:%M} UTC: import a new one")
        return stored
    signed = verified(connection, context, stored_envelope(connection), authority)
    if signed.digest != stored.digest or kept != [
        (entry.entry, encode_fields(fields_of(entry))) for entry in signed.list.entries
    ]:
        raise TrustError("the list was altered since it was imported: import it again")
    if (signed.list.created, signed.list.expires) != (stored.created, stored.expires):
        raise TrustError("the list's dates were altered since it was imported: import it again")
    return stored

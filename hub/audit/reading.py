"""Reads entries of a log from its file, payloads opened where they still exist. For ``audit show`` and the report.

Takes the log at its word: whether it was changed is `hub.audit.verify`'s question.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path

from msgspec import Struct

from hub.audit.leaf import Metadata, decode_metadata
from hub.audit.records import Payload, decode_payload
from hub.audit.vault import keys_path, read_keys, stamp, unseal
from hub.errors import AuditError
from hub.store.sqlite import open_snapshot


class PayloadState(StrEnum):
    """Why an entry shows a payload or not."""

    NONE = "none"
    """It never had one."""
    OPEN = "open"
    DESTROYED = "destroyed"
    """On its date."""
    SEALED = "sealed"
    """The file of keys is not there, or its key is gone."""


class LoggedEntry(Struct, frozen=True):
    """One entry as it can be read today."""

    metadata: Metadata
    state: PayloadState
    payload: Payload | None


def read_entries(path: Path, *, start: int = 0, count: int | None = None) -> Iterator[LoggedEntry]:
    """Yield entries in order.

    Args:
        path: The log's file.
        start: Index of the first entry; negative counts from the end.
        count: How many at most; None for all.

    Raises:
        StoreError: The file cannot be read.
        AuditError: An entry or a payload was changed; the message names it.
    """
    keys = read_keys(keys_path(path))
    with open_snapshot(path) as connection:
        if start < 0:
            start += connection.execute("SELECT count(*) FROM entry").fetchone()[0]
        rows = connection.execute(
            "SELECT entry.number, metadata, sealed FROM entry LEFT JOIN payload USING (number) "
            "WHERE entry.number >= ? ORDER BY entry.number LIMIT ?",
            (max(start, 0), -1 if count is None else count),
        )
        for number, data, sealed in rows:
            try:
                metadata = decode_metadata(data)
                key = None if keys is None else keys.get(stamp(metadata.payload_until))
                if not metadata.payload:
                    yield LoggedEntry(metadata=metadata, state=PayloadState.NONE, payload=None)
                elif sealed is None:
                    yield LoggedEntry(metadata=metadata, state=PayloadState.DESTROYED, payload=None)
                elif key is None:
                    yield LoggedEntry(metadata=metadata, state=PayloadState.SEALED, payload=None)
                else:
                    payload = decode_payload(unseal(key, number, sealed)[1])
                    yield LoggedEntry(metadata=metadata, state=PayloadState.OPEN, payload=payload)
            except (AuditError, TypeError) as error:
                raise AuditError(f"entry {number} cannot be read ({error}): run `patrol-hub audit verify`") from error

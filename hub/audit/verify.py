"""Checks a log offline, from its files alone: against itself, and against a checkpoint kept outside the unit.

Against itself means: every leaf is recomputed from its metadata, every payload that should still be there is opened
and compared with its commitment, places have no gap, time never runs backwards, every hash of the tree is recomputed,
and every checkpoint in the file agrees. That finds what was changed by somebody without the unit's key. Somebody with
it can rewrite the whole log and sign it again; only a copy outside the unit speaks against that, so without one the
answer is no.

Read only, one pass over one snapshot, beside a running hub as well. Nothing here repairs anything.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from msgspec import Struct

from hub.audit.checkpoint import (
    PREFIX_BYTES,
    Checkpoint,
    Note,
    VerifierKey,
    check_note,
    parse_note,
    read_checkpoint,
)
from hub.audit.leaf import Metadata, commit, decode_metadata, hash_metadata
from hub.audit.merkle import completed, root_hash
from hub.audit.tables import ERASED_WHAT, MIGRATIONS
from hub.audit.vault import keys_path, read_keys, stamp, unseal
from hub.errors import AuditError, HubError, StoreError, TrustError
from hub.messages import Act
from hub.store.sqlite import open_snapshot

UNWITNESSED: Final = "nothing outside this unit vouches for the log"
_MOST_REASONS: Final = 3


class Verification(Struct, frozen=True):
    """The answer of `verify_log`."""

    ok: bool
    """True where the log is whole and a checkpoint from outside the unit vouches for it."""
    entries: int
    """Entries in the file."""
    first_bad: int | None
    """Index of the first entry that was changed, moved, added or is missing; where only a range is known, its
    beginning, and `reason` says so; None where no entry is bad."""
    witnessed: bool
    """True where an authentic checkpoint from outside the unit was compared."""
    reason: str
    """What the auditor has to know, in one line."""
    vouched: int = 0
    """Entries that the outside checkpoint covers; later ones only agree among themselves."""
    payloads: int = 0
    """Payloads that were opened and agree with their commitment."""
    destroyed: int = 0
    """Payloads that were destroyed on their date."""
    unopened: int = 0
    """Payloads that were not compared, because the file of keys is not there."""
    behind: int = 0
    """Entries written while the unit's clock was set back."""


def verify_log(
    path: Path, checkpoint_text: str | None = None, keys: Sequence[VerifierKey] = (), *, origin: str | None = None
) -> Verification:
    """Check a log.

    Args:
        path: The log's file; the file of its payloads' keys is expected beside it.
        checkpoint_text: A checkpoint kept outside the unit, best the witness copy; None: the answer cannot be yes.
        keys: The unit's keys as known from elsewhere. Empty: the key that the outside checkpoint names; for a plain
            checkpoint, which names none, the one that signed the newest checkpoint in the file.
        origin: Identity that the log must have; None takes the file's own.

    Raises:
        StoreError: The file is missing, cannot be read, or is no log.
    """
    # Before and after: a running hub makes keys for new payloads, and destroys those of payloads seen below.
    before = read_keys(keys_path(path))
    with open_snapshot(path) as connection:
        _check_is_log(connection, path)
        after = read_keys(keys_path(path))
        payload_keys = None if before is None and after is None else {**(after or {}), **(before or {})}
        return _Check(connection, payload_keys).run(checkpoint_text, keys, origin)


def _check_is_log(connection: sqlite3.Connection, path: Path) -> None:
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    if not {"log", "entry", "node", "payload", "checkpoint"} <= tables:
        raise StoreError(f"{path} is a database, but no log of a unit")
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > len(MIGRATIONS):
        raise StoreError(f"{path} was written by a newer version: verify it with that version")


class _Finding(Exception):  # noqa: N818  # caught in this module, always
    """Something is not as it should be.

    Args:
        index: First entry concerned; None where no entry is.
        reason: One line.
        exact: False where `index` only begins the range in which the change lies.
    """

    def __init__(self, index: int | None, reason: str, *, exact: bool = True) -> None:
        super().__init__(reason)
        self.index = index
        self.reason = reason
        self.exact = exact

    def rank(self) -> tuple[bool, bool, int]:
        """Order findings: those that name an entry first, then ranges, then the rest; earlier entries first."""
        return (self.index is None, not self.exact, self.index or 0)


def _prefix(witness: Checkpoint, index: int, leaf: bytes) -> bytes:
    """Return the beginning that leaf `index` must have; any will do where the checkpoint does not say."""
    return witness.prefixes[index] if index < len(witness.prefixes) else leaf[:PREFIX_BYTES]


class _Own(Struct, frozen=True):
    """A checkpoint that lies in the file."""

    head: Checkpoint
    key: VerifierKey


class _Check:
    """One pass over a snapshot."""

    def __init__(self, connection: sqlite3.Connection, payload_keys: Mapping[int, bytes] | None) -> None:
        self._connection = connection
        self._payload_keys = payload_keys
        self._findings: list[_Finding] = []
        self._size = 0  # entries that were found good so far
        self._frontier: dict[int, bytes] = {}  # newest complete subtree of each level
        self._agreed = 0  # size of the last checkpoint in the file that agreed
        self._payloads = self._destroyed = self._unopened = self._behind = 0

    def run(self, checkpoint_text: str | None, keys: Sequence[VerifierKey], origin: str | None) -> Verification:
        entries = int(self._connection.execute("SELECT count(*) FROM entry").fetchone()[0])
        origin = self._read_origin(origin)
        own = self._read_own(origin)
        witness = self._read_witness(checkpoint_text, keys, own, origin)
        self._compare_keys(own, keys, witness)
        try:
            self._walk({item.head.size: item.head for item in own}, witness)
            self._check_tail(own, witness)
        except _Finding as finding:
            self._findings.append(finding)
        except sqlite3.DatabaseError as error:
            self._findings.append(_Finding(self._size, f"the file is damaged from entry {self._size} on: {error}"))
        findings = sorted(self._findings, key=_Finding.rank)
        return Verification(
            ok=not findings and witness is not None,
            entries=entries,
            first_bad=findings[0].index if findings else None,
            witnessed=witness is not None,
            reason=self._reason(findings, witness, entries),
            vouched=0 if findings or witness is None else witness.size,
            payloads=self._payloads,
            destroyed=self._destroyed,
            unopened=self._unopened,
            behind=self._behind,
        )

    def _reason(self, findings: Sequence[_Finding], witness: Checkpoint | None, entries: int) -> str:
        notes = [finding.reason for finding in findings[:_MOST_REASONS]]
        if len(findings) > _MOST_REASONS:
            notes.append(f"{len(findings) - _MOST_REASONS} more findings")
        if not findings and witness is not None:
            notes.append(f"the log is whole and the outside checkpoint vouches for {witness.size} of {entries} entries")
        elif witness is None:
            notes.extend([UNWITNESSED] if findings else ["the log agrees with itself", UNWITNESSED])
        if self._unopened:
            notes.append(f"{self._unopened} payloads were not compared, because their keys are not beside the log")
        if self._behind:
            notes.append(f"{self._behind} entries were written while the clock was set back")
        return "; ".join(notes)

    # ------------------------------------------------------------------------------------------ checkpoints

    def _read_origin(self, expected: str | None) -> str:
        rows = [name for (name,) in self._connection.execute("SELECT origin FROM log")]
        origin = str(rows[0]) if len(rows) == 1 else ""
        if origin != (expected or origin) or not origin:
            says = f"that of {origin!r}" if origin else "nobody's"
            self._findings.append(
                _Finding(None, f"the log says that it is {says}, not that of {expected or 'a unit'!r}")
            )
        return expected or origin

    def _read_own(self, origin: str) -> list[_Own]:
        """Read the checkpoints in the file, smallest first; each must be signed with the key that it names."""
        own, bad = [], []
        for size, text in self._connection.execute("SELECT size, note FROM checkpoint ORDER BY size"):
            try:
                note = parse_note(text if isinstance(text, str) else "")
                head = read_checkpoint(note)
                if head.key is None or (head.size, head.origin) != (size, origin):
                    raise TrustError(f"it says {head.size} entries of {head.origin!r}")
                own.append(_Own(head=head, key=check_note(note, [head.key])))
            except HubError as error:
                bad.append(_Finding(None, f"the log's own checkpoint at {size} entries is bad: {error}"))
        self._findings.extend(bad[:1])  # one says it all where the rest is bad for the same reason
        return own

    def _read_witness(
        self, text: str | None, keys: Sequence[VerifierKey], own: Sequence[_Own], origin: str
    ) -> Checkpoint | None:
        """Read the outside checkpoint; None where there is none, or where it is refused, with the finding why."""
        if text is None:
            return None
        try:
            note = parse_note(text)
            head = read_checkpoint(note)
            check_note(note, self._known_keys(note, head, keys, own))
            if head.origin != origin:
                raise TrustError(f"it is of another log: {head.origin!r}, this one is {origin!r}")
        except HubError as error:
            self._findings.append(_Finding(None, f"the outside checkpoint is refused: {error}"))
            return None
        return head

    def _known_keys(
        self, note: Note, head: Checkpoint, keys: Sequence[VerifierKey], own: Sequence[_Own]
    ) -> Sequence[VerifierKey]:
        if keys:
            return keys
        if head.key is not None:
            return [head.key]
        if own:
            return [own[-1].key]
        raise TrustError(f"no key is known that could have signed it: name that of {note.signatures[0].name!r}")

    def _compare_keys(self, own: Sequence[_Own], keys: Sequence[VerifierKey], witness: Checkpoint | None) -> None:
        known = list(keys) or ([witness.key] if witness is not None and witness.key is not None else [])
        for item in own:
            if known and item.key not in known:
                self._findings.append(
                    _Finding(
                        None,
                        f"the log's own checkpoint at {item.head.size} entries is signed with another key "
                        f"({item.key}) than the one known outside ({known[0]})",
                    )
                )
                return

    # ------------------------------------------------------------------------------------------ entries

    def _walk(self, own: Mapping[int, Checkpoint], witness: Checkpoint | None) -> None:
        erased_at = self._erased_at()
        previous: Metadata | None = None
        self._compare_roots(own, witness)
        rows = self._connection.execute(
            "SELECT entry.number, metadata, until, sealed FROM entry LEFT JOIN payload USING (number) "
            "ORDER BY entry.number"
        )
        for number, data, until, sealed in rows:
            index = self._size
            if number != index:
                raise _Finding(index, f"entry {index} is missing: entry {number} stands in its place")
            metadata = self._check_metadata(index, data, previous)
            self._check_payload(metadata, until, sealed, erased_at)
            leaf = hash_metadata(data)
            if witness is not None and leaf[:PREFIX_BYTES] != _prefix(witness, index, leaf):
                raise _Finding(index, f"entry {index} is not the one that the outside checkpoint vouches for")
            for level, place, digest in tuple(completed(index, leaf, lambda level, _: self._frontier[level])):
                if self._stored(level, place) != digest:
                    what = "its leaf was" if level == 0 else "the tree above it was"
                    raise _Finding(index, f"entry {index} does not agree with the tree: it or {what} changed")
                self._frontier[level] = digest
            self._behind += metadata.behind > 0
            self._size += 1
            previous = metadata
            self._compare_roots(own, witness)

    def _check_metadata(self, index: int, data: object, previous: Metadata | None) -> Metadata:
        try:
            metadata = decode_metadata(data if isinstance(data, bytes) else b"")
        except AuditError as error:
            raise _Finding(index, f"entry {index} was changed: {error}") from error
        if metadata.index != index:
            raise _Finding(index, f"entry {index} is missing: entry {metadata.index} was put in its place")
        if previous is not None and metadata.at < previous.at:
            raise _Finding(index, f"entry {index} is dated before the entry in front of it")
        return metadata

    def _check_payload(self, metadata: Metadata, until: object, sealed: object, erased_at: int) -> None:
        index, ends = metadata.index, stamp(metadata.payload_until)
        if until is None and sealed is None:
            if not metadata.payload:
                return
            if ends > erased_at:
                raise _Finding(index, f"the payload of entry {index} is gone before its date")
            self._destroyed += 1
            return
        if not metadata.payload or until != ends or not isinstance(sealed, bytes):
            raise _Finding(index, f"the payload of entry {index} was changed: it is not the one that belongs there")
        if self._payload_keys is None:
            self._unopened += 1
            return
        key = self._payload_keys.get(ends)
        if key is None:
            raise _Finding(index, f"the key of the payload of entry {index} is gone before its date")
        try:
            nonce, payload = unseal(key, index, sealed)
        except AuditError as error:
            raise _Finding(index, f"the payload of entry {index} was changed: {error}") from error
        if commit(nonce, payload) != metadata.payload:
            raise _Finding(index, f"the payload of entry {index} was changed: it does not agree with its commitment")
        self._payloads += 1

    def _erased_at(self) -> int:
        """Return the latest time at which payloads were destroyed and accounted for; lowest where none was."""
        latest = -1
        rows = self._connection.execute(
            "SELECT metadata FROM entry WHERE instr(metadata, CAST(? AS BLOB))", (f'"act":"{Act.ERASED}"',)
        )
        for (data,) in rows:
            try:
                metadata = decode_metadata(data)
            except (AuditError, TypeError):
                continue  # the walk names it
            if metadata.outcome == ERASED_WHAT:
                latest = max(latest, stamp(metadata.at))
        return latest

    # ------------------------------------------------------------------------------------------ tree

    def _stored(self, level: int, number: int) -> object:
        row = self._connection.execute(
            "SELECT hash FROM node WHERE level = ? AND number = ?", (level, number)
        ).fetchone()
        return None if row is None else row[0]

    def _compare_roots(self, own: Mapping[int, Checkpoint], witness: Checkpoint | None) -> None:
        """Compare the tree of the entries so far with the checkpoints of this size."""
        size = self._size
        if size not in own and (witness is None or witness.size != size):
            return
        root = root_hash(size, lambda level, _: self._frontier[level])
        head = own.get(size)
        if head is not None and head.root != root:
            reason = f"one of the entries {self._agreed} to {size - 1} is not what the log's own checkpoint says"
            self._findings.append(_Finding(self._agreed, reason, exact=False))
        elif head is not None:
            self._agreed = size
        if witness is not None and witness.size == size and witness.root != root:
            which = "" if witness.prefixes else "; it has no leaf prefixes that would say which"
            reason = f"one of the entries 0 to {size - 1} is not what the outside checkpoint vouches for{which}"
            self._findings.append(_Finding(0, reason, exact=False))

    def _check_tail(self, own: Sequence[_Own], witness: Checkpoint | None) -> None:
        """Look for what speaks of more entries than there are."""
        size = self._size
        if witness is not None and witness.size > size:
            raise _Finding(size, f"entry {size} is missing: the outside checkpoint vouches for {witness.size} entries")
        if own and own[-1].head.size > size:
            raise _Finding(
                size, f"entry {size} is missing: the log's own checkpoint counts {own[-1].head.size} entries"
            )
        nodes = sum(size >> level for level in range(size.bit_length()))
        if self._connection.execute("SELECT count(*) FROM node").fetchone()[0] != nodes:
            raise _Finding(size, f"entry {size} is missing: the tree has hashes of entries that are not there")
        stray = self._connection.execute("SELECT min(number) FROM payload WHERE number >= ?", (size,)).fetchone()[0]
        if stray is not None:
            raise _Finding(size, f"entry {size} is missing: there is a payload of entry {stray}")

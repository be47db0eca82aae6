"""The unit's officers and their sessions (C12): who somebody is, never what they may do (`hub.authority.policy`).

A passphrase is kept as scrypt makes it, a session's token as its SHA-256: neither can be read back from the file.
A session ends after 15 minutes without use, and at once when the machine restarted or its clock was moved, because
then nobody can say how long it was idle. Every adding and removing, every changed passphrase, sign-in (also a refused
one) and sign-out is in the log before it takes effect.

A sign-in also unlocks the unit's key (`hub.authority.unit_key`), which is then in the memory of this process alone and
gone with the session.
"""

from __future__ import annotations

import base64
import hashlib
import re
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final

import trio
from msgspec import Struct

from hub.audit.records import OfficerPayload
from hub.authority import key_slots, officer_rows, passphrases, policy
from hub.authority.accounting import NOT_DONE, Log
from hub.authority.passphrases import (
    LONGEST,
    SALT_BYTES,
    PassphraseHash,
    ScryptCost,
    agrees,
    check_strength,
    hash_passphrase,
)
from hub.authority.policy import Role, unit_requester
from hub.authority.unit_key import KeySlot, UnitKey, close_slot, make_key, open_slot
from hub.clocks import Clock
from hub.errors import NotAllowedError, NotSignedInError, StoreError, UsageError
from hub.messages import Act, Entry, Requester
from hub.store import erasing
from hub.store.sqlite import Database

OFFICERS_FILE: Final = "officers.sqlite3"
"""Name of the database in the state folder."""
IDLE: Final = timedelta(minutes=15)
"""A session ends after this long without use. Settings may shorten it, never lengthen it."""
FREE_ATTEMPTS: Final = 5
"""Wrong passphrases in a row after which the next attempt has to wait."""
FIRST_WAIT: Final = 5.0
"""Seconds of the first wait; each further wrong passphrase doubles it."""
LONGEST_WAIT: Final = 900.0
"""Seconds of the longest wait."""
CLOCK_STEP: Final = 2.0
"""Seconds by which the wall clock may differ from the running time before it counts as moved."""
TOKEN_BYTES: Final = 32

MIGRATIONS: Final = (
    """
    CREATE TABLE officers (
        number TEXT PRIMARY KEY,
        name TEXT NOT NULL,
        role TEXT NOT NULL,
        n INTEGER NOT NULL, r INTEGER NOT NULL, p INTEGER NOT NULL,
        salt BLOB NOT NULL,
        hash BLOB NOT NULL,
        added_at TEXT NOT NULL,
        added_by TEXT NOT NULL,
        failures INTEGER NOT NULL DEFAULT 0,
        failed_boottime REAL NOT NULL DEFAULT 0
    ) STRICT;
    CREATE TABLE sessions (
        token BLOB PRIMARY KEY,
        number TEXT NOT NULL REFERENCES officers (number),
        used_at TEXT NOT NULL,
        used_boottime REAL NOT NULL
    ) STRICT;
    """,
    key_slots.TABLES,
    erasing.MIGRATION,
)

_NUMBER: Final = re.compile(r"[0-9A-Za-z][0-9A-Za-z._/-]{0,31}")
_WRONG: Final = "number or passphrase is wrong"


class Officer(Struct, frozen=True):
    """An officer of the unit, without secrets."""

    number: str
    name: str
    role: Role
    added_at: datetime
    added_by: str
    """Number of the officer who added this one; "" for the first."""
    signed_in: bool
    """Whether a session of theirs stands."""


class Session(Struct, frozen=True):
    """A session that was just opened. The only place where the token can be read."""

    token: str
    requester: Requester
    idle: timedelta
    """It ends after this long without use."""
    key: UnitKey | None = None
    """The unit's key; None where this officer has no slot for it."""


class _SessionRow(Struct, frozen=True):
    number: str
    role: str
    used_at: datetime
    used_boottime: float


class OfficerStore:
    """Officers and sessions in their database.

    Args:
        database: Opened with `MIGRATIONS`.
        log: Takes an entry before each change.
        clock: Wall and running time.
        unit: The unit's name.
        secrets: Gives that many random bytes, such as `secrets.token_bytes`.
        idle: Shorter than `IDLE` where the settings say so.
        cost: What a guess of a passphrase costs, for officers added from now on; `passphrases.SHIPPED` where absent.
    """

    def __init__(
        self,
        database: Database,
        *,
        log: Log,
        clock: Clock,
        unit: str,
        secrets: Callable[[int], bytes],
        idle: timedelta = IDLE,
        cost: ScryptCost | None = None,
    ) -> None:
        self._database = database
        self._log = log
        self._clock = clock
        self._unit = unit
        self._secrets = secrets
        self._idle = min(idle, IDLE)
        self._cost = cost or passphrases.SHIPPED
        self._hashing = trio.CapacityLimiter(1)  # each takes 32 MB
        self._unlocked: dict[str, tuple[bytes, UnitKey]] = {}  # by officer: the session's digest, the key

    async def add(
        self,
        number: str,
        passphrase: str,
        role: Role = Role.OFFICER,
        *,
        name: str = "",
        by: Requester | None = None,
        key: UnitKey | None = None,
    ) -> Officer:
        """Add an officer.

        The first officer of a unit needs nobody signed in and becomes at least a supervisor; the unit's key is made
        with that officer.

        Args:
            number: Up to 32 letters, digits and ``._/-``.
            passphrase: At least 8 characters.
            role: What the officer may do.
            name: For lists and screens.
            by: The officer of a checked session; None where nobody is signed in.
            key: The unit's, unlocked by whoever adds; without it the new officer has no slot and opens no face list.

        Raises:
            UsageError: The number is taken or malformed, the passphrase too weak, or the key another unit's.
            NotSignedInError: There are officers, and none of them is signed in.
            NotAllowedError: The role of whoever is signed in does not allow it.
            AuditError: The log cannot take the entry; nothing was changed.
            StoreError: The database cannot be read or written; nothing was changed.
        """
        requester = by or unit_requester(self._unit)
        first = not await self._database.read(_count)
        policy.may_add_officer(requester, first=first).demand()
        if not _NUMBER.fullmatch(number):
            raise UsageError("an officer's number has 1 to 32 letters, digits, dots, dashes and slashes")
        if await self._database.read(lambda connection: _kept_hash(connection, number)) is not None:
            raise UsageError(f"officer {number} exists already")
        check_strength(passphrase, number)
        if first:
            role = policy.first_role(role)
        kept = await trio.to_thread.run_sync(
            hash_passphrase, passphrase, self._secrets(SALT_BYTES), self._cost, limiter=self._hashing
        )
        if first:
            key = make_key(self._secrets)
        elif key is not None and key.public != await self.public_key():
            raise UsageError("the key is not this unit's")
        slot = None if key is None else await self._close_slot(key, number, passphrase)
        now = self._clock.now()
        particulars = OfficerPayload(number, role.value, "the first officer of this unit" if first else "")
        await self._append(Act.OFFICER_ADDED, now, requester, "added", particulars)

        def insert(connection: sqlite3.Connection) -> bool:
            # Asked again: another process may have added the first officer, or the same one, meanwhile.
            if (first and _count(connection)) or _kept_hash(connection, number) is not None:
                return False
            connection.execute(
                "INSERT INTO officers (number, name, role, n, r, p, salt, hash, added_at, added_by)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    number,
                    name,
                    role.value,
                    kept.cost.n,
                    kept.cost.r,
                    kept.cost.p,
                    kept.salt,
                    kept.hash,
                    now.isoformat(),
                    requester.officer,
                ),
            )
            if first and key is not None:
                key_slots.put_public_key(connection, key.public)
            if slot is not None:
                key_slots.put_slot(connection, number, slot)
            return True

        if not await self._database.write(insert):
            await self._append(Act.OFFICER_ADDED, now, requester, NOT_DONE, particulars)
            raise UsageError(f"somebody else added an officer at the same moment: officer {number} was not added")
        return Officer(number, name, role, now, requester.officer, signed_in=False)

    async def remove(self, number: str, *, by: Requester) -> None:
        """Remove an officer: their sessions end, and their slot for the unit's key is gone.

        Nobody removes themselves, so that somebody who may add officers stays; nor is anybody removed without whom
        nobody could, or could open the unit's key. What the officer did stays in the log, under the number.

        Args:
            number: The officer's.
            by: The officer of a checked session.

        Raises:
            UsageError: There is no such officer.
            NotSignedInError: Nobody is signed in.
            NotAllowedError: The role of whoever is signed in does not allow it, or the unit needs this officer.
            AuditError: The log cannot take the entry; nothing was changed.
            StoreError: The database cannot be read or written; nothing was changed.
        """
        policy.may_remove_officer(by, number).demand()

        def look(connection: sqlite3.Connection) -> tuple[str | None, str]:
            return officer_rows.role_of(connection, number), officer_rows.needed(connection, number)

        role, needed = await self._database.read(look)
        if role is None:
            raise UsageError(f"there is no officer {number} on this unit")
        if needed:
            raise NotAllowedError(f"officer {number} is not removed: {needed}")
        now, particulars = self._clock.now(), OfficerPayload(number, role)
        await self._append(Act.OFFICER_REMOVED, now, by, "removed", particulars)

        def delete(connection: sqlite3.Connection) -> bool:
            # Asked again: whoever removes may just have been removed by somebody else.
            gone = None in (officer_rows.role_of(connection, each) for each in (number, by.officer))
            if gone or officer_rows.needed(connection, number):
                return False
            officer_rows.remove(connection, number)
            erasing.mark(connection)
            return True

        if not await self._database.write(delete):
            await self._append(Act.OFFICER_REMOVED, now, by, NOT_DONE, particulars)
            raise UsageError(f"somebody else changed the officers at the same moment: officer {number} was not removed")
        self._unlocked.pop(number, None)
        await self._overwrite()

    async def change_passphrase(self, requester: Requester, old: str, new: str, *, keep: str = "") -> None:
        """Change the passphrase of an officer who is signed in, and seal their slot for the unit's key under it.

        Args:
            requester: The officer of a checked session.
            old: The present passphrase; a wrong one counts as at sign-in.
            new: At least 8 characters, another than `old`.
            keep: Token of the session that stays; all others of this officer end.

        Raises:
            UsageError: The new passphrase is too weak, or the old one.
            NotSignedInError: Nobody is signed in.
            NotAllowedError: The old passphrase is wrong, too many were, or the slot was altered.
            AuditError: The log cannot take the entry; nothing was changed.
            StoreError: The database cannot be read or written; nothing was changed.
        """
        policy.may_change_passphrase(requester).demand()
        number = requester.officer
        check_strength(new, number)
        if new == old:
            raise UsageError("the new passphrase is the old one; nothing was changed")
        await self._verify(number, old)
        await self._database.write(lambda connection: _forgive(connection, number))
        key = await self._open_slot(number, old)
        kept = await trio.to_thread.run_sync(
            hash_passphrase, new, self._secrets(SALT_BYTES), self._cost, limiter=self._hashing
        )
        slot = None if key is None else await self._close_slot(key, number, new)
        now, particulars = self._clock.now(), OfficerPayload(number, requester.role)
        await self._append(Act.PASSPHRASE_CHANGED, now, requester, "changed", particulars)

        def put(connection: sqlite3.Connection) -> bool:
            connection.execute("DELETE FROM sessions WHERE number = ? AND token != ?", (number, _digest(keep)))
            erasing.mark(connection)
            return officer_rows.put_passphrase(connection, number, kept, slot)

        if not await self._database.write(put):
            await self._append(Act.PASSPHRASE_CHANGED, now, requester, NOT_DONE, particulars)
            raise UsageError(f"officer {number} was removed at the same moment")
        if self._unlocked.get(number, (b"", None))[0] != _digest(keep):
            self._unlocked.pop(number, None)
        await self._overwrite()

    async def sign_in(self, number: str, passphrase: str) -> Session:
        """Open a session; the officer's earlier ones end.

        Raises:
            NotAllowedError: Number or passphrase is wrong, or too many were and the wait is not over.
            AuditError: The log cannot take the entry; nobody is signed in.
            StoreError: The database cannot be read or written; nobody is signed in.
        """
        attempt = await self._verify(number, passphrase)
        key: UnitKey | None = None
        with suppress(NotAllowedError):  # without the key an officer still looks plates up; `unlock` says what is wrong
            key = await self._open_slot(number, passphrase)
        requester = Requester(number, attempt.role, self._unit)
        now = self._clock.now()
        await self._append(Act.SIGN_IN, now, requester, "signed_in", None)
        token = base64.urlsafe_b64encode(self._secrets(TOKEN_BYTES)).decode("ascii").rstrip("=")

        def open_session(connection: sqlite3.Connection) -> None:
            _forgive(connection, number)
            connection.execute("DELETE FROM sessions WHERE number = ?", (number,))
            connection.execute(
                "INSERT INTO sessions (token, number, used_at, used_boottime) VALUES (?, ?, ?, ?)",
                (_digest(token), number, now.isoformat(), self._clock.boottime()),
            )

        await self._database.write(open_session)
        self._unlocked.pop(number, None)
        if key is not None:
            self._unlocked[number] = (_digest(token), key)
        return Session(token, requester, self._idle, key)

    async def check(self, token: str | None) -> Requester:
        """Return who a token stands for, and count this as use of the session.

        Raises:
            NotSignedInError: There is no such session, or it has ended; the message says why.
            StoreError: The database cannot be read or written.
        """
        if not token:
            raise NotSignedInError("nobody is signed in: sign in with `patrol-hub officer sign-in`")

        def use(connection: sqlite3.Connection) -> Requester | str:
            row = _session(connection, token)
            if row is None:
                return "this session is over: sign in again"
            if ended := self._ended(row):
                connection.execute("DELETE FROM sessions WHERE token = ?", (_digest(token),))
                return ended
            connection.execute(
                "UPDATE sessions SET used_at = ?, used_boottime = ? WHERE token = ?",
                (self._clock.now().isoformat(), self._clock.boottime(), _digest(token)),
            )
            return Requester(row.number, row.role, self._unit)

        answer = await self._database.write(use)
        if isinstance(answer, str):
            self._lock(token)
            raise NotSignedInError(answer)
        return answer

    async def left(self, token: str) -> float:
        """Return how many seconds a session still stands without use, 0 where it has ended. Does not count as use.

        Raises:
            StoreError: The database cannot be read.
        """
        row = await self._database.read(lambda connection: _session(connection, token))
        if row is None or self._ended(row):
            self._lock(token)
            return 0.0
        ran = self._clock.boottime() - row.used_boottime
        return self._idle.total_seconds() - max(ran, (self._clock.now() - row.used_at).total_seconds())

    async def public_key(self) -> bytes | None:
        """Return the unit's raw X25519 public key, 32 bytes; None before its first officer.

        Raises:
            StoreError: The database cannot be read.
        """
        return await self._database.read(key_slots.public_key)

    def key_of(self, requester: Requester) -> UnitKey | None:
        """Return the unit's key as the officer of a checked session has unlocked it in this process, or None."""
        return self._unlocked.get(requester.officer, (b"", None))[1]

    def adopt(self, requester: Requester, token: str, key: UnitKey) -> None:
        """Take over the key that a session unlocked in an earlier process (`hub.authority.session_slot`)."""
        self._unlocked[requester.officer] = (_digest(token), key)

    async def unlock(self, requester: Requester, passphrase: str) -> UnitKey:
        """Open the unit's key once more for an officer who is signed in, with the passphrase that was just typed.

        Raises:
            NotAllowedError: The passphrase is wrong, or too many were; or this officer has no slot.
            AuditError: It is wrong, and the log cannot take that.
            StoreError: The database cannot be read or written.
        """
        await self._verify(requester.officer, passphrase)
        await self._database.write(lambda connection: _forgive(connection, requester.officer))
        key = await self._open_slot(requester.officer, passphrase)
        if key is None:
            raise NotAllowedError(
                f"officer {requester.officer} was added without a slot for the unit's key and opens no face list"
            )
        return key

    async def sign_out(self, token: str) -> Requester:
        """End a session and return whose it was.

        Raises:
            NotSignedInError: There is no such session, or it has ended already.
            AuditError: The log cannot take the entry; the session stands.
            StoreError: The database cannot be written; the session stands.
        """
        requester = await self.check(token)
        await self._append(Act.SIGN_OUT, self._clock.now(), requester, "signed_out", None)

        def end(connection: sqlite3.Connection) -> None:
            connection.execute("DELETE FROM sessions WHERE token = ?", (_digest(token),))

        await self._database.write(end)
        self._lock(token)
        return requester

    async def sweep(self) -> None:
        """Overwrite what removed officers and old passphrases left, where that could not be done at once.

        Raises:
            StoreError: Another process holds the file: call again later.
        """
        await erasing.overwrite(self._database)

    async def list(self) -> tuple[Officer, ...]:
        """Return the unit's officers in the order of their numbers.

        Raises:
            StoreError: The database cannot be read.
        """

        def read(connection: sqlite3.Connection) -> tuple[Officer, ...]:
            sessions = connection.execute(
                "SELECT s.number, o.role, s.used_at, s.used_boottime FROM sessions s JOIN officers o USING (number)"
            )
            rows = [_session_row(row) for row in sessions]
            standing = {row.number for row in rows if not self._ended(row)}
            officers = connection.execute("SELECT number, name, role, added_at, added_by FROM officers ORDER BY number")
            return tuple(
                Officer(number, name, Role(role), datetime.fromisoformat(at), by, signed_in=number in standing)
                for number, name, role, at, by in officers
            )

        return await self._database.read(read)

    async def _overwrite(self) -> None:
        with suppress(StoreError):  # the change is done and has to be told; the mark stays for the next `sweep`
            await self.sweep()

    def _ended(self, row: _SessionRow) -> str:
        """Say why a session has ended, "" where it stands."""
        idle = self._idle.total_seconds()
        ran = self._clock.boottime() - row.used_boottime
        passed = (self._clock.now() - row.used_at).total_seconds()
        if ran < 0 or abs(passed - ran) > CLOCK_STEP:
            return "the machine restarted or its clock was moved: sign in again"
        if max(ran, passed) >= idle:
            return f"the session ended after {idle / 60:g} minutes without use: sign in again"
        return ""

    async def _verify(self, number: str, passphrase: str) -> _Attempt:
        """Return whose passphrase it is; an attempt counts until it is forgiven.

        Raises:
            NotAllowedError: Number or passphrase is wrong, or too many were and the wait is not over.
        """
        # The attempt counts as wrong until it turns out right, so that many at once cannot outrun the count.
        attempt = await self._database.write(
            lambda connection: _begin_attempt(connection, number, self._clock.boottime())
        )
        if attempt is None:
            # As much work as for a number that exists, so that the time does not tell which numbers do.
            await trio.to_thread.run_sync(
                hash_passphrase, passphrase[:LONGEST], bytes(SALT_BYTES), self._cost, limiter=self._hashing
            )
            await self._refuse("", "no such officer")
            raise NotAllowedError(_WRONG)
        if attempt.wait > 0:
            await self._refuse(number, "too many wrong passphrases")
            raise NotAllowedError(f"too many wrong passphrases: try again in {int(attempt.wait) + 1} s")
        if not await trio.to_thread.run_sync(agrees, passphrase, attempt.kept, limiter=self._hashing):
            await self._refuse(number, "wrong passphrase")
            raise NotAllowedError(_WRONG)
        return attempt

    async def _close_slot(self, key: UnitKey, number: str, passphrase: str) -> KeySlot:
        return await trio.to_thread.run_sync(
            close_slot, key, number, passphrase, self._secrets, self._cost, limiter=self._hashing
        )

    async def _open_slot(self, number: str, passphrase: str) -> UnitKey | None:
        slot = await self._database.read(lambda connection: key_slots.find_slot(connection, number))
        public = await self.public_key()
        if slot is None or public is None:
            return None
        return await trio.to_thread.run_sync(open_slot, slot, number, passphrase, public, limiter=self._hashing)

    def _lock(self, token: str) -> None:
        """Forget the key that a session unlocked."""
        digest = _digest(token)
        self._unlocked = {number: each for number, each in self._unlocked.items() if each[0] != digest}

    async def _refuse(self, number: str, detail: str) -> None:
        particulars = OfficerPayload(number, "", detail)
        await self._append(Act.SIGN_IN_REFUSED, self._clock.now(), unit_requester(self._unit), "refused", particulars)

    async def _append(
        self, act: Act, at: datetime, requester: Requester, outcome: str, payload: OfficerPayload | None
    ) -> None:
        await self._log.append(Entry(act, at, requester, outcome, payload))


class _Attempt(Struct, frozen=True):
    kept: PassphraseHash
    role: str
    wait: float
    """Seconds until a passphrase is looked at again."""


def wait_after(failures: int) -> float:
    """Return how many seconds the next attempt waits after that many wrong passphrases in a row."""
    if failures < FREE_ATTEMPTS:
        return 0.0
    return min(LONGEST_WAIT, FIRST_WAIT * 2.0 ** min(failures - FREE_ATTEMPTS, 30))


def _begin_attempt(connection: sqlite3.Connection, number: str, boottime: float) -> _Attempt | None:
    row = connection.execute(
        "SELECT role, failures, failed_boottime FROM officers WHERE number = ?", (number,)
    ).fetchone()
    kept = _kept_hash(connection, number)
    if row is None or kept is None:
        return None
    role, failures, failed = row
    # After a restart the running time alone says how long somebody has waited at least.
    waited = boottime - failed if boottime >= failed else boottime
    wait = wait_after(failures) - waited
    if wait <= 0:
        connection.execute(
            "UPDATE officers SET failures = failures + 1, failed_boottime = ? WHERE number = ?", (boottime, number)
        )
    return _Attempt(kept, role, max(0.0, wait))


def _forgive(connection: sqlite3.Connection, number: str) -> None:
    connection.execute("UPDATE officers SET failures = 0 WHERE number = ?", (number,))


def _count(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT count(*) FROM officers").fetchone()[0])


def _kept_hash(connection: sqlite3.Connection, number: str) -> PassphraseHash | None:
    row = connection.execute("SELECT n, r, p, salt, hash FROM officers WHERE number = ?", (number,)).fetchone()
    return None if row is None else PassphraseHash(ScryptCost(*row[:3]), row[3], row[4])


def _session(connection: sqlite3.Connection, token: str) -> _SessionRow | None:
    row = connection.execute(
        "SELECT s.number, o.role, s.used_at, s.used_boottime FROM sessions s JOIN officers o USING (number)"
        " WHERE s.token = ?",
        (_digest(token),),
    ).fetchone()
    return None if row is None else _session_row(row)


def _session_row(row: tuple[str, str, str, float]) -> _SessionRow:
    number, role, used_at, used_boottime = row
    return _SessionRow(number, role, datetime.fromisoformat(used_at), used_boottime)


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8")).digest()

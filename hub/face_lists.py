"""A unit's face lists: loaded by an officer, kept sealed, opened with the key that an officer's sign-in unlocked.

Loading is an act (C7, C12): it is in the log before the list can be used, and so is a refusal. What a list must be is
`hub.watchlists.faces`' to say, whether it is in force what the unit's authority publishes, and whether it may be
searched now that of orders and probes. A unit that follows no authority uses no face list. On disk a list stays as it
came; 24 hours after its expiry the file is gone (C11).
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from io import BufferedReader
from pathlib import Path
from typing import Final

import trio
from msgspec import Struct

from hub.audit.records import ErasedPayload, ListPayload
from hub.authority.accounting import Log
from hub.authority.files import make_folder, replacing, sync_folder
from hub.authority.policy import may_import, unit_requester
from hub.authority.unit_key import UnitKey
from hub.clocks import Clock, SystemClock
from hub.errors import HubError, InputError, NotAllowedError, StoreError, TrustError
from hub.messages import Act, Entry, Requester
from hub.store.retention import CHARTER, Datum, Retention
from hub.watchlists.faces import FaceHeader, VerifiedFaces, read_header, verify_faces
from hub.watchlists.gallery import Gallery, open_gallery
from hub.watchlists.locked import forbid_dumps
from hub.watchlists.trust import TRUSTED_FOLDER
from hub.watchlists.trusted import open_trusted

FOLDER: Final = "faces"
"""Folder in the state folder."""
SUFFIX: Final = ".faces"
SOURCE: Final = "faces"
"""Stands in the log where a hot-list's source stands."""
BROKEN_OFF: Final = 3600.0
"""Seconds after which a copy that nobody finished is erased: its process died while it loaded a list."""
NO_AUTHORITY: Final = (
    "a face list is used only where its authority publishes it, and this unit follows none: "
    "hand it an update with `patrol-hub authority update`"
)


class Shelved(Struct, frozen=True):
    """A list that was loaded. Nothing of it is believed before it is verified again."""

    file: Path
    header: FaceHeader


class FaceLists:
    """The face lists of one unit.

    Args:
        state: The unit's state folder.
        log: Takes an entry before a list is loaded, and when one is refused or erased.
        clock: Wall time that never goes back.
        unit: The unit's name.
        retention: How long a list stays after its expiry.
        machine: The machine's own time, which files are dated with: `clock` may be far ahead of it.
    """

    def __init__(
        self,
        state: Path,
        *,
        log: Log,
        clock: Clock,
        unit: str,
        retention: Retention = CHARTER,
        machine: Clock | None = None,
    ) -> None:
        self._state = state
        self._folder = state / FOLDER
        self._log = log
        self._clock = clock
        self._unit = unit
        self._retention = retention
        self._machine = machine or SystemClock()

    def lists(self) -> tuple[Shelved, ...]:
        """Return the lists that were loaded, in the order of their names. Blocking.

        Raises:
            StoreError: The folder cannot be read.
        """
        found = []
        for file in self._files():
            with suppress(HubError):  # a file that is none is erased with the next round
                found.append(Shelved(file, read_header(file)))
        return tuple(sorted(found, key=lambda each: (each.header.name, each.header.issuer)))

    def verify(self, file: Path) -> VerifiedFaces:
        """Verify a list against what this unit's authority says now. Blocking: it reads the whole file.

        Raises:
            TrustError: It may not be used, or the unit follows no authority; the message says which.
            InputError: It cannot be read.
        """
        now = self._clock.now()
        header = read_header(file)
        before = next((each for each in self.lists() if _same(each.header, header) and each.file != file), None)
        trusted = open_trusted(self._state / TRUSTED_FOLDER)
        if trusted is None:
            raise TrustError(NO_AUTHORITY)
        version, digest = (before.header.version, before.file.stem) if before else (0, "")
        found = verify_faces(file, trusted.issuers, now, previous_version=version, previous_digest=digest)
        if reason := trusted.admits(found.digest, now, issuer=found.header.issuer):
            raise TrustError(reason)
        return found

    async def load(self, file: Path, requester: Requester, key: UnitKey, model: str) -> VerifiedFaces:
        """Take a list into this unit, in place of an older one of its name and issuer.

        Args:
            file: The list.
            requester: The officer of a checked session.
            key: The unit's, unlocked by that officer: the list is opened once, to know that it can be.
            model: SHA-256 of the unit's face model, hexadecimal.

        Raises:
            NotAllowedError: The officer may not, or the list may not be used; the refusal stands in the log.
            InputError: It cannot be read.
            StoreError: It cannot be kept, or so much memory cannot be locked; nothing was loaded.
            AuditError: The log cannot be written; nothing was loaded.
        """
        decision = may_import(requester)
        if not decision.allowed:  # its file is not even opened
            payload = ListPayload(source=SOURCE, digest="", entries=0, expires=None, reason=decision.reason)
            await self._append(Act.LIST_REFUSED, requester, "refused", payload)
        decision.demand()
        incoming = self._folder / f".{os.getpid()}.incoming"
        try:
            try:
                found = await trio.to_thread.run_sync(self._take_in, file, incoming, key, model)
            except TrustError as error:
                await self._append(Act.LIST_REFUSED, requester, "refused", _refused(file, str(error)))
                raise
            await self._append(Act.LIST_LOADED, requester, "loaded", _payload(found))
            return await trio.to_thread.run_sync(self._put, incoming, found)
        finally:
            incoming.unlink(missing_ok=True)

    @contextmanager
    def open(self, key: UnitKey, model: str, *, digest: str = "") -> Iterator[Gallery]:
        """Verify a loaded list again and open it for the block. Blocking: a second or two for the longest.

        Args:
            key: The unit's, unlocked by an officer.
            model: SHA-256 of the unit's face model, hexadecimal.
            digest: SHA-256 of the list's signed content, as an order names it; "" for the only one that is loaded.

        Raises:
            NotAllowedError: No such list, several without a digest, or it may not be used (any more); why.
            StoreError: So much memory cannot be locked.
        """
        found = self._find(digest)
        forbid_dumps()
        with open_gallery(found, key, model=model, now=self._clock.now) as gallery:
            yield gallery

    async def erase_due(self) -> None:
        """Destroy lists that are past their date (C11), and say so in the log.

        Raises:
            AuditError: The log cannot be written; what was destroyed is destroyed all the same.
        """
        if count := await trio.to_thread.run_sync(self._erase, self._clock.now()):
            payload = ErasedPayload(what=Datum.LIST.value, count=count)
            await self._append(Act.ERASED, unit_requester(self._unit), "erased", payload)

    # ------------------------------------------------------------------------------------- the folder

    def _files(self) -> list[Path]:
        try:
            return sorted(self._folder.glob(f"*{SUFFIX}"))
        except OSError as error:
            raise StoreError(f"{self._folder} cannot be read: {error.strerror}") from error

    def _find(self, digest: str) -> VerifiedFaces:
        if digest:
            file = self._folder / f"{digest}{SUFFIX}"
            if not file.is_file():
                raise NotAllowedError(
                    f"the list {digest[:16]}... is not loaded: load it with `patrol-hub watchlist load`"
                )
        else:
            loaded = self.lists()
            if not loaded:
                raise NotAllowedError("no face list is loaded: load one with `patrol-hub watchlist load`")
            if len(loaded) > 1:
                names = ", ".join(each.header.name for each in loaded)
                raise NotAllowedError(f"several face lists are loaded ({names}): say which")
            file = loaded[0].file
        found = self.verify(file)
        if found.file.stem != found.digest:
            raise TrustError(f"{found.file} was exchanged after it was loaded: load the list again")
        return found

    def _take_in(self, file: Path, incoming: Path, key: UnitKey, model: str) -> VerifiedFaces:
        try:
            make_folder(self._folder)
        except OSError as error:
            raise StoreError(f"{self._folder} cannot be made: {error.strerror}") from error
        read_header(file)  # what is no list is not copied
        with replacing(incoming) as copy, _open(file) as source:
            shutil.copyfileobj(source, copy, 2**20)
        found = self.verify(incoming)  # what was copied counts, not what lies there now
        forbid_dumps()
        with open_gallery(found, key, model=model, now=self._clock.now):
            return found

    def _put(self, incoming: Path, found: VerifiedFaces) -> VerifiedFaces:
        older = [each.file for each in self.lists() if _same(each.header, found.header)]
        file = self._folder / f"{found.digest}{SUFFIX}"
        try:
            incoming.replace(file)
            sync_folder(self._folder)  # the log says that it is loaded; and before an older one goes
            for each in older:
                if each != file:
                    each.unlink(missing_ok=True)
            sync_folder(self._folder)
        except OSError as error:
            raise StoreError(f"{file} cannot be written: {error.strerror}") from error
        return VerifiedFaces(found.header, found.digest, found.signers, file, found.start)

    def _erase(self, now: datetime) -> int:
        count = 0
        for file in self._files():
            try:
                header = read_header(file)
            except HubError:
                file.unlink(missing_ok=True)
                continue
            if now >= self._retention.list_until(header.expires):
                file.unlink(missing_ok=True)
                count += header.entries
        dated = self._machine.now().timestamp()
        for file in self._folder.glob(".*"):
            with suppress(FileNotFoundError):  # of a load that ends in this moment
                if file.is_file() and abs(dated - file.stat().st_mtime) >= BROKEN_OFF:
                    file.unlink()
        return count

    async def _append(self, act: Act, requester: Requester, outcome: str, payload: Struct) -> None:
        now = self._clock.now()
        await self._log.append(Entry(act, now, requester, outcome, payload, source=SOURCE))


def _same(one: FaceHeader, other: FaceHeader) -> bool:
    return (one.name, one.issuer) == (other.name, other.issuer)


def _payload(found: VerifiedFaces) -> ListPayload:
    header = found.header
    return ListPayload(
        source=f"{SOURCE}: {header.name}",
        digest=found.digest,
        entries=header.entries,
        expires=header.expires,
        signers=found.signers,
    )


def _refused(file: Path, reason: str) -> ListPayload:
    return ListPayload(source=SOURCE, digest=_digest(file), entries=0, expires=None, reason=reason)


def _digest(file: Path) -> str:
    with _open(file) as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _open(file: Path) -> BufferedReader:
    try:
        return file.open("rb")
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror}") from error

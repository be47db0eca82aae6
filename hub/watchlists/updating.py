"""Takes an update of what the authority says to the unit: fetched, accounted for, then kept.

A failing update changes nothing: what was trusted before stays in force until it expires. What makes an update
acceptable is `hub.watchlists.steps`' to say, where it comes from `hub.watchlists.origins`'.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import trio
from msgspec import Struct

from hub.audit.records import TrustPayload
from hub.authority.accounting import NOT_DONE, Log
from hub.authority.files import make_folder, replacing
from hub.authority.policy import may_trust
from hub.clocks import Clock
from hub.errors import BusyError, HubError, SourceUnavailableError, StoreError, TrustError, UsageError
from hub.messages import Act, Entry, Requester
from hub.watchlists.origins import Origin
from hub.watchlists.steps import Wanted, steps
from hub.watchlists.trusted import TRUSTED_FILE, Anchor, Listing, TrustedSet, keep, open_trusted

SECONDS: Final = 120.0
"""For a whole update; a list's own file may take `SECONDS_A_LIST`."""
SECONDS_A_LIST: Final = 1800.0


class Updated(Struct, frozen=True):
    """What came of an update."""

    trusted: TrustedSet
    newer: bool
    """False where the unit had it already."""


async def take_update(
    folder: Path,
    origin: Origin,
    *,
    anchor: Anchor | None,
    log: Log,
    clock: Clock,
    requester: Requester,
) -> Updated:
    """Fetch an update, account for it, and keep it.

    Args:
        folder: `hub.watchlists.trusted.TRUSTED_FOLDER` of the unit.
        origin: Where it comes from.
        anchor: The first root, for a unit that trusts no authority yet; None for every later update.
        log: The unit's log.
        clock: Wall time that is never less than the newest log entry's.
        requester: The officer of a checked session.

    Raises:
        NotAllowedError: The officer may not; TrustError where the update is refused. What was trusted stands.
        UsageError: There is no first root, or one too many.
        HubError: It cannot be fetched (SourceUnavailableError, InputError), or another one is being taken (BusyError).
        AuditError: The log cannot be written; nothing was changed.
        StoreError: It cannot be kept; nothing was changed.
    """
    before = open_trusted(folder)
    may_trust(requester, first=before is None).demand()
    if before is None and anchor is None:
        raise UsageError(
            "this unit trusts no authority yet: hand over its first root with --root, got on a way of its own"
        )
    if before is not None and anchor is not None:
        raise UsageError(
            "this unit trusts an authority already: leave --root out, the update brings newer roots itself"
        )

    async def account(outcome: str, trusted: TrustedSet | None, reason: str = "") -> None:
        versions = trusted.versions if trusted else (0, 0, 0, 0)
        payload = TrustPayload(
            source=origin.name,
            root=versions[0],
            timestamp=versions[1],
            expires=trusted.expires if trusted else None,
            reason=reason,
        )
        await log.append(Entry(Act.TRUST_UPDATE, clock.now(), requester, outcome, payload))

    with _alone(folder):
        before = open_trusted(folder)  # once more: another process may have been faster
        start = before or anchor
        if start is None:
            raise TrustError("what the authority says was removed from this unit")
        try:
            fresh = await fetch(start, origin, clock)
        except HubError as error:
            await account("refused", before, str(error))
            raise
        newer = before is None or dict(fresh.files) != dict(before.files)
        await account("accepted", fresh)
        if newer:
            try:
                with trio.CancelScope(shield=True, deadline=trio.current_time() + 10):  # the log says so already
                    await trio.to_thread.run_sync(keep, folder, fresh)
            except StoreError:
                await account(NOT_DONE, before)
                raise
    return Updated(fresh, newer)


async def fetch(trusted: TrustedSet | Anchor, origin: Origin, clock: Clock) -> TrustedSet:
    """Return what is trusted after an update, and keep nothing.

    Raises:
        TrustError: The update is refused.
        SourceUnavailableError: It did not come within `SECONDS`, or the server does not give it.
        InputError: The folder or stick cannot be read.
    """
    asking = steps(trusted, clock.now())
    try:
        with trio.fail_after(SECONDS):
            wanted = next(asking)
            while True:
                wanted = asking.send(await _whole(origin, wanted))
    except StopIteration as done:
        result: TrustedSet = done.value
        return result
    except trio.TooSlowError as error:
        raise SourceUnavailableError(f"{origin.name} did not give the update within {SECONDS:g} s") from error


async def fetch_list(origin: Origin, listing: Listing, path: Path) -> None:
    """Write a list's package file, where it is the one that its issuer has signed for.

    Raises:
        TrustError: It is another one, cut short or missing.
        SourceUnavailableError: It did not come within `SECONDS_A_LIST`, or the server does not give it.
        InputError: The folder or stick cannot be read.
        StoreError: It cannot be written; an older file is as it was.
    """
    digest = hashlib.sha256()
    with replacing(path) as file:

        def take(piece: bytes) -> None:
            digest.update(piece)
            file.write(piece)

        try:
            with trio.fail_after(SECONDS_A_LIST):
                found = await origin.copy(listing.file, listing.length, take)
        except trio.TooSlowError as error:
            raise SourceUnavailableError(f"{origin.name} did not give {listing.name} in time") from error
        if not found or digest.hexdigest() != listing.file_digest:
            raise TrustError(f"{listing.file} is missing, or not the list that its issuer has signed for")


async def _whole(origin: Origin, wanted: Wanted) -> bytes | None:
    data = bytearray()
    found = await origin.copy(wanted.name, wanted.most, data.extend)
    return bytes(data) if found else None


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Let one process at a time take an update: an older one must not be kept over a newer.

    Raises:
        BusyError: Another one is at it.
        StoreError: The folder cannot be written.
    """
    try:
        make_folder(folder)
        descriptor = os.open(
            folder / f"{TRUSTED_FILE}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600
        )
    except OSError as error:
        raise StoreError(f"{folder} cannot be written: {error.strerror}") from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise BusyError("another update is being taken on this unit: wait for it") from error
        yield
    finally:
        os.close(descriptor)

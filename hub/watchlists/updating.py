"""Takes an update of what the authority says: from a folder or stick, or over HTTPS; accounted for, then kept.

A failing update changes nothing: what was trusted before stays in force until it expires. What makes an update
acceptable is `hub.watchlists.steps`' to say.
"""

from __future__ import annotations

import fcntl
import os
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from typing import Final, Protocol
from urllib.parse import quote, urlsplit

import httpx2
import trio
from msgspec import Struct

from hub.audit.records import TrustPayload
from hub.authority.accounting import NOT_DONE, Log
from hub.authority.files import make_folder
from hub.authority.policy import may_trust
from hub.clocks import Clock
from hub.errors import BusyError, HubError, InputError, SourceUnavailableError, StoreError, TrustError, UsageError
from hub.messages import Act, Entry, Requester
from hub.text import describe
from hub.watchlists.steps import steps
from hub.watchlists.trusted import TRUSTED_FILE, Anchor, TrustedSet, keep, open_trusted, read_below

SECONDS: Final = 120.0
"""For a whole update; a list's own file may take `SECONDS_A_LIST`."""
SECONDS_A_LIST: Final = 1800.0
_ONE_ANSWER: Final = httpx2.Timeout(10.0)
"""For connecting, and for each piece of an answer."""
_PLAIN: Final = {"Accept-Encoding": "identity"}
"""Sizes are of what is sent: nothing is unpacked that could grow."""


class Origin(Protocol):
    """Where an update comes from."""

    @property
    def name(self) -> str:
        """How the log calls it."""
        ...

    async def read(self, name: str, most: int) -> bytes | None:
        """Return a file of the repository, at most one byte more than `most`; None where there is none.

        Raises:
            HubError: It cannot be read now.
        """
        ...


class Updated(Struct, frozen=True):
    """What came of an update."""

    trusted: TrustedSet
    newer: bool
    """False where the unit had it already."""


def open_origin(address: str, *, authorities: Path | None = None) -> AbstractAsyncContextManager[Origin]:
    """Return where an update comes from, for the block.

    Args:
        address: A folder, or an address ``https://...`` below which ``metadata/`` and ``targets/`` lie.
        authorities: PEM file of the certificate authorities that vouch for the server; None for the system's.

    Raises:
        UsageError: It is neither.
        InputError: There is no such folder.
    """
    scheme, _, rest = address.partition("://")
    if not rest:
        return _folder(Path(address))
    if scheme != "https":
        raise UsageError(f"an update comes from a folder or over https, not over {scheme}")
    if "@" in urlsplit(address).netloc:
        raise UsageError(
            "leave user and password out of the address: what an authority publishes is signed, not secret"
        )
    return _https(address, authorities)


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
        await log.append(Entry(Act.TRUST_UPDATE, clock.now(), requester, outcome, payload, None))

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
                wanted = asking.send(await origin.read(wanted.name, wanted.most))
    except StopIteration as done:
        result: TrustedSet = done.value
        return result
    except trio.TooSlowError as error:
        raise SourceUnavailableError(f"{origin.name} did not give the update within {SECONDS:g} s") from error


# ----------------------------------------------------------------------------------------- where it comes from


class _Folder:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.name = str(folder)

    async def read(self, name: str, most: int) -> bytes | None:
        # A stick that was pulled can hold its reader for ever: the thread is left behind then.
        return await trio.to_thread.run_sync(partial(read_below, self._folder, name, most), abandon_on_cancel=True)


@asynccontextmanager
async def _folder(folder: Path) -> AsyncIterator[Origin]:
    if not (folder / "metadata").is_dir():
        raise InputError(f"{folder} holds no update: expected the folders metadata and targets of an authority in it")
    yield _Folder(folder)


class _Https:
    def __init__(self, base: str, client: httpx2.AsyncClient) -> None:
        self._base, self._client = base.rstrip("/"), client
        self.name = self._base

    async def read(self, name: str, most: int) -> bytes | None:
        address = f"{self._base}/{quote(name)}"
        try:
            async with self._client.stream("GET", address) as answer:
                if answer.status_code in (404, 410):
                    return None
                if answer.status_code != 200 or "content-encoding" in answer.headers:
                    what = "sends elsewhere" if answer.is_redirect else f"answers {answer.status_code}"
                    raise SourceUnavailableError(f"{self.name} {what} for {name}")
                return await _body(answer, most)
        except (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError) as error:
            raise SourceUnavailableError(f"{self.name} {_why(error)}") from error


def _why(error: BaseException) -> str:
    """Say what went wrong; the libraries bury a certificate's refusal under errors that say nothing."""
    below: BaseException | None = error
    while below is not None:
        if isinstance(below, ssl.SSLCertVerificationError):
            return f"shows a certificate that is not trusted: {below.verify_message}; name who vouches for it with --ca"
        below = below.__cause__ or below.__context__
    return f"does not answer: {describe(error)}"


async def _body(answer: httpx2.Response, most: int) -> bytes:
    data = bytearray()
    try:
        async for piece in answer.aiter_raw(64 * 1024):
            data += piece
            if len(data) > most:
                await answer.aclose()  # and the loop ends with an error; left by itself it would stay open behind us
    except (httpx2.HTTPError, httpx2.StreamError):
        if len(data) <= most:
            raise
    return bytes(data[: most + 1])


@asynccontextmanager
async def _https(address: str, authorities: Path | None) -> AsyncIterator[Origin]:
    try:
        trust = ssl.create_default_context(cafile=authorities)
    except (OSError, ssl.SSLError) as error:
        raise InputError(f"{authorities} holds no certificates that can be used") from error
    trust.minimum_version = ssl.TLSVersion.TLSv1_2
    async with httpx2.AsyncClient(
        verify=trust, timeout=_ONE_ANSWER, follow_redirects=False, headers=_PLAIN, trust_env=False
    ) as client:
        yield _Https(address, client)


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

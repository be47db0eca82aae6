"""Where an update of the authority comes from: a folder or stick, or a server over HTTPS. Believes nothing of it.

Sizes are bounded, silence and trickling end, redirects are not followed, links and pipes on a stick are not read.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Final, Protocol, TypeAlias
from urllib.parse import quote, urlsplit

import httpx2
import trio

from hub.errors import InputError, SourceUnavailableError, UsageError
from hub.text import describe
from hub.watchlists.trusted import copy_below

Take: TypeAlias = Callable[[bytes], object]
"""Gets one piece after the other; may block for as long as a disk takes."""
_PIECE: Final = 64 * 1024
_ONE_ANSWER: Final = httpx2.Timeout(10.0)
"""For connecting, and for each piece of an answer; how long the whole may take is for the caller to say."""
_PLAIN: Final = {"Accept-Encoding": "identity"}
"""Sizes are of what is sent: nothing is unpacked that could grow."""


class Origin(Protocol):
    """Where an update comes from."""

    @property
    def name(self) -> str:
        """How the log calls it."""
        ...

    async def copy(self, name: str, most: int, take: Take) -> bool:
        """Hand a file of the repository over piece by piece; at most one byte more than `most`, to show that.

        Returns:
            False where there is no such file.

        Raises:
            HubError: It cannot be read now.
        """
        ...


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


class _Folder:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.name = str(folder)

    async def copy(self, name: str, most: int, take: Take) -> bool:
        # A stick that was pulled can hold its reader for ever: the thread is left behind then.
        return await trio.to_thread.run_sync(copy_below, self._folder, name, most, take, abandon_on_cancel=True)


@asynccontextmanager
async def _folder(folder: Path) -> AsyncIterator[Origin]:
    if not (folder / "metadata").is_dir():
        raise InputError(f"{folder} holds no update: expected the folders metadata and targets of an authority in it")
    yield _Folder(folder)


class _Https:
    def __init__(self, base: str, client: httpx2.AsyncClient) -> None:
        self._base, self._client = base.rstrip("/"), client
        self.name = self._base

    async def copy(self, name: str, most: int, take: Take) -> bool:
        address = f"{self._base}/{quote(name)}"
        try:
            async with self._client.stream("GET", address) as answer:
                if answer.status_code in (404, 410):
                    return False
                if answer.status_code != 200 or "content-encoding" in answer.headers:
                    what = "sends elsewhere" if answer.is_redirect else f"answers {answer.status_code}"
                    raise SourceUnavailableError(f"{self.name} {what} for {name}")
                await _body(answer, most, take)
                return True
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


async def _body(answer: httpx2.Response, most: int, take: Take) -> None:
    left = most + 1
    try:
        async for piece in answer.aiter_raw(_PIECE):
            take(piece[:left])
            left -= len(piece[:left])
            if left <= 0:
                await answer.aclose()  # and the loop ends with an error; left by itself it would stay open behind us
    except (httpx2.HTTPError, httpx2.StreamError):
        if left > 0:
            raise


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

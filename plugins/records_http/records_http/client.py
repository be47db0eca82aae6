"""One call to a service: TLS is always checked, one deadline holds for all of it, an answer is bounded while it comes.

A call runs in a trio loop of its own in the thread that the host gives, so that the deadline also ends a name that does
not resolve or headers that come byte by byte. Nothing of a request is logged: its address holds what was asked.
"""

from __future__ import annotations

import contextlib
import logging
import ssl
from collections.abc import AsyncIterator
from typing import Final

import httpx2
import stamina
import trio
from msgspec import Struct

from hub.errors import SourceError
from hub.plugin_settings import read_secret
from hub.text import plain
from records_http.building import Request
from records_http.settings import Settings

FIRST_WAIT: Final = 0.1
"""Seconds before a second attempt, at least."""
_AGAIN: Final = frozenset({429, 502, 503, 504})
"""Status codes after which a GET is sent again."""

for _name in ("httpx2", "httpcore2"):  # they log every address
    logging.getLogger(_name).setLevel(logging.WARNING)


class Answer(Struct, frozen=True):
    """What came back."""

    status: int
    body: bytes


class _TryAgainError(Exception):
    """An attempt failed in a way that another one may not."""

    def __init__(self, said: str, wait: float | None = None) -> None:
        super().__init__(said)
        self.wait = wait


class Client:
    """Calls one service.

    Args:
        settings: Where it is and how it is asked.

    Raises:
        SourceError: The token or a certificate cannot be used.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._context = _tls(settings)
        self._headers = {"accept": "application/json", "accept-encoding": "identity", "user-agent": "patrol-hub"}
        self._headers |= settings.headers
        if token := read_secret(settings.token_file, settings.token_variable, what="token"):
            if not token.isascii():
                raise SourceError("the token holds characters that no header carries")
            self._headers[settings.token_header] = f"{settings.token_scheme} {token}".strip()

    def send(self, request: Request) -> Answer:
        """Send a request and return the whole answer. Blocks; call it where no loop runs.

        Raises:
            SourceError: No answer in time, or none that can be used; one line that says why, without what was asked.
        """
        return trio.run(self._send, request)

    async def _send(self, request: Request) -> Answer:
        with trio.move_on_after(self._settings.seconds) as scope:
            try:
                return await self._attempts(request, scope.deadline)
            except _TryAgainError as error:
                raise SourceError(str(error)) from None
        raise SourceError(self._too_late())

    def _too_late(self) -> str:
        return f"the service did not answer within {self._settings.seconds:g} s"

    async def _attempts(self, request: Request, deadline: float) -> Answer:
        def again(error: Exception) -> bool | float:
            if not isinstance(error, _TryAgainError) or request.method != "GET":
                return False
            if error.wait is None:
                return True
            return error.wait if trio.current_time() + error.wait < deadline else False

        attempts = stamina.retry_context(
            on=again, attempts=self._settings.attempts, timeout=None, wait_initial=FIRST_WAIT, wait_jitter=FIRST_WAIT
        )
        async for attempt in attempts:
            with attempt:
                return await self._attempt(request, deadline)
        raise AssertionError  # the last attempt returns or raises

    async def _attempt(self, request: Request, deadline: float) -> Answer:
        body: dict[str, object] = {}
        if request.body:
            body = {"content": request.body, "headers": {"content-type": "application/json"}}
        async with self._stream(request, body, deadline - trio.current_time()) as response:
            status = response.status_code
            if status in _AGAIN:
                raise _TryAgainError(_said(status), _wait(response))
            if 300 <= status < 400:
                raise SourceError("the service sends elsewhere, which is not followed")
            if status != 200:
                return Answer(status, b"")
            if response.headers.get("content-encoding", "identity").lower() != "identity":
                raise SourceError("the service answered in a compressed form that was not asked for")
            kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
            if kind != "application/json" and not kind.endswith("+json"):
                raise SourceError("the service answered with something that it does not call JSON")
            return Answer(status, await self._body(response))

    @contextlib.asynccontextmanager
    async def _stream(self, request: Request, body: dict[str, object], left: float) -> AsyncIterator[httpx2.Response]:
        # Connecting and the handshake end before the call does: cancelled in these, the library would leave the socket.
        client = httpx2.AsyncClient(
            verify=self._context,
            headers=self._headers,
            timeout=httpx2.Timeout(max(left, 0.01), connect=max(0.45 * left, 0.01)),
            follow_redirects=False,
            trust_env=False,
        )
        url = self._settings.address.rstrip("/") + request.target
        try:
            async with client, client.stream(request.method, url, **body) as response:  # type: ignore[arg-type]
                yield response
        except httpx2.ConnectError as error:
            cause = _cause(error)
            said = f"the service cannot be reached: {plain(str(cause) or type(cause).__name__, limit=120)}"
            if isinstance(cause, ssl.SSLError):
                raise SourceError(said) from None
            raise _TryAgainError(said) from None
        except httpx2.TimeoutException:
            raise _TryAgainError(self._too_late()) from None
        except httpx2.TransportError as error:
            raise _TryAgainError(f"the service broke the connection off: {type(error).__name__}") from None
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise SourceError(f"the service cannot be asked: {type(error).__name__}") from None

    async def _body(self, response: httpx2.Response) -> bytes:
        body = bytearray()
        # Cancelled while it waits for more, the library's own generators end and close the socket; just left, they do
        # not.
        with trio.CancelScope() as scope:
            async for chunk in response.aiter_raw():
                body += chunk
                if len(body) > self._settings.largest:
                    scope.cancel()
        if len(body) > self._settings.largest:
            raise SourceError(f"the service's answer is larger than {self._settings.largest} bytes")
        return bytes(body)


def explain(status: int) -> str:
    """Say what a status code means for the officer."""
    if status in {401, 403}:
        return f"the service refuses this unit's token or certificate ({status})"
    return _said(status)


def _said(status: int) -> str:
    if status == 429:
        return "the service was asked too often and asks for a pause (429)"
    return f"the service failed ({status})" if status >= 500 else f"the service refuses the request ({status})"


def _cause(error: BaseException) -> BaseException:
    """Return the error of the socket or of TLS below those of the libraries."""
    below: BaseException | None = error
    while below is not None:
        if isinstance(below, OSError):
            return below
        below = below.__cause__ or below.__context__
    return error


def _wait(response: httpx2.Response) -> float | None:
    """Return the seconds that a service asks to wait; None where it says nothing that can be kept."""
    text = response.headers.get("retry-after", "").strip()
    return float(text) if text.isascii() and text.isdigit() and len(text) < 6 else None


def _tls(settings: Settings) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=settings.root_certificate or None)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if settings.client_certificate:
            context.load_cert_chain(settings.client_certificate, settings.client_key, password="")
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        raise SourceError(f"a certificate or its key cannot be used: {type(error).__name__}") from None
    return context

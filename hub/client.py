"""A dashboard's end of the hub's socket, for asyncio and trio alike. It holds no power: what it asks, the hub checks.

Reconnecting is its caller's business: when `HubClient.messages` says that the hub is lost, open a new client.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Final, Self

import anyio
from anyio.abc import SocketStream

from hub.errors import HubLostError, NotAllowedError, WireError
from hub.wire import (
    LONGEST_MESSAGE,
    PROTOCOL,
    Frames,
    Hello,
    Message,
    Rejected,
    Request,
    Welcome,
    pack_request,
    reachable,
    unpack_message,
)

OPEN_SECONDS: Final = 2.0
"""Longest wait for the hub's welcome."""
SILENCE_SECONDS: Final = 1.5
"""The hub counts as lost after this long without a sign of life; it gives one every half second."""


class HubClient:
    """A connection to the hub; made by `open_client`.

    Attributes:
        welcome: What the hub said of itself.
    """

    def __init__(self, stream: SocketStream, *, silence: float = SILENCE_SECONDS) -> None:
        self._stream = stream
        self._silence = silence
        self._frames = Frames(LONGEST_MESSAGE)
        self._sending = anyio.Lock()
        self._numbers = count(1)
        self.welcome = Welcome(protocol=0, unit="", version="")

    def number(self) -> int:
        """Return a number for the next request, unique on this connection."""
        return next(self._numbers)

    async def send(self, request: Request) -> None:
        """Hand a request to the hub; what comes of it is among the messages.

        Raises:
            WireError: The request is too long.
            HubLostError: The hub is gone, or takes nothing any more.
        """
        await self._send(pack_request(request))

    def messages(self) -> AsyncIterator[Message]:
        """Return what the hub says: a snapshot first, then what happens, until the hub is lost. For one reader.

        Each step may raise:
            NotAllowedError: The hub does not keep this connection; the message says why.
            HubLostError: The hub is gone or silent.
            WireError: What came is not of the protocol.
        """
        return _Messages(self._next)

    async def _next(self) -> Message:
        message = await self._receive()
        if isinstance(message, Rejected):
            raise NotAllowedError(message.reason)
        return message

    async def _greet(self, name: str) -> None:
        with suppress(HubLostError):  # a hub that takes nobody may be gone already: what it said comes next
            await self._send(pack_request(Hello(protocol=PROTOCOL, client=name)))
        message = await self._next()
        if not isinstance(message, Welcome):
            raise WireError("the hub did not answer with a welcome")
        if message.protocol != PROTOCOL:
            raise NotAllowedError(f"the hub speaks protocol {message.protocol}, this dashboard {PROTOCOL}")
        self.welcome = message

    async def _send(self, frame: bytes) -> None:
        sent = False
        try:
            async with self._sending:
                with anyio.move_on_after(self._silence):
                    await self._stream.send(frame)
                    sent = True
        except (anyio.BrokenResourceError, anyio.ClosedResourceError) as error:
            raise HubLostError("the hub is gone") from error
        if not sent:  # half a frame may be under way: this connection is of no more use
            raise HubLostError("the hub takes nothing any more")

    async def _receive(self) -> Message:
        while (body := self._frames.next()) is None:
            self._frames.feed(await self._some())
        return unpack_message(body)

    async def _some(self) -> bytes:
        try:
            with anyio.fail_after(self._silence):
                return await self._stream.receive(2**16)
        except TimeoutError as error:
            raise HubLostError("the hub is silent") from error
        except (anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError) as error:
            raise HubLostError("the hub is gone") from error


class _Messages:
    """Iterates over messages. No generator: one that is left half way has to be closed, and this has not."""

    def __init__(self, receive: Callable[[], Awaitable[Message]]) -> None:
        self._receive = receive

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Message:
        return await self._receive()


@asynccontextmanager
async def open_client(
    socket: Path, *, name: str = "dashboard", silence: float = SILENCE_SECONDS
) -> AsyncIterator[HubClient]:
    """Attach to the hub for the block.

    Args:
        socket: The hub's socket, ``hub.sock`` in its state folder.
        name: What attaches.
        silence: Seconds without a sign of life after which the hub counts as lost.

    Raises:
        HubLostError: No hub answers there.
        NotAllowedError: The hub does not take this connection; the message says why.
        WireError: Whatever answers there is no hub.
    """
    try:
        with anyio.fail_after(OPEN_SECONDS), reachable(socket) as address:
            stream = await anyio.connect_unix(address)
    except PermissionError as error:
        raise NotAllowedError(f"{socket} belongs to another user") from error
    except (OSError, TimeoutError) as error:
        raise HubLostError(f"no hub answers on {socket}: start one with `patrol-hub run`") from error
    async with stream:
        client = HubClient(stream, silence=silence)
        try:
            with anyio.fail_after(OPEN_SECONDS):
                await client._greet(name)
        except TimeoutError as error:
            raise HubLostError(f"whatever listens on {socket} does not answer") from error
        yield client

"""A running hub with its socket, in this process, and dashboards that attach to it: for tests of both ends.

async with running(unit) as hub, attached(unit) as talk:
await talk.sign_in("4711")
answer = await talk.ask(ShowAlert, alert="AB12")
"""

from __future__ import annotations

import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import trio

from hub.app import Ended, Hub, Watched, open_hub
from hub.attach import claim_socket
from hub.client import HubClient, open_client
from hub.clocks import Clock, SystemClock
from hub.config import load_config
from hub.errors import HubLostError
from hub.listening import OpenMicrophone
from hub.wire import PROTOCOL, SOCKET_FILE, AnswerCame, Hello, Message, SignIn, Snapshot, pack_request, unpack_message
from tests.kit import PASSPHRASES, Unit

T = TypeVar("T")


class Running:
    """A hub that runs, and what it said."""

    def __init__(self, hub: Hub, said: list[str]) -> None:
        self.hub = hub
        self.said = said
        self.stop = trio.Event()
        self.ended: Ended | None = None
        self.over = trio.Event()

    async def run(self) -> None:
        self.ended = await self.hub.run(self.stop)
        self.over.set()


@asynccontextmanager
async def running(
    unit: Unit,
    watched: Sequence[Watched] = (),
    *,
    until_end: bool = False,
    clock: Clock | None = None,
    microphone: OpenMicrophone | None = None,
) -> AsyncIterator[Running]:
    """Run a hub with a socket for the block, and stop it at its end."""
    said: list[str] = []
    settings = load_config(unit.folder / "patrol.toml")
    with claim_socket(unit.state) as listener:
        async with open_hub(
            settings,
            unit.state,
            watched,
            clock=clock or SystemClock(),
            until_end=until_end,
            say=said.append,
            listener=listener,
            microphone=microphone,
        ) as hub:
            run = Running(hub, said)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(run.run)
                yield run
                run.stop.set()


class Talk:
    """A dashboard that keeps everything it was told."""

    def __init__(self, client: HubClient) -> None:
        self.client = client
        self.heard: list[Message] = []
        self._more = trio.Event()
        self.lost: Exception | None = None

    async def listen(self) -> None:
        try:
            async for message in self.client.messages():
                self.heard.append(message)
                self._tell()
        except HubLostError as error:
            self.lost = error
            self._tell()

    def _tell(self) -> None:
        self._more.set()
        self._more = trio.Event()

    async def wait(self, kind: type[T], *, after: int = 0, **has: Any) -> T:
        """Return the first message of a kind, from an index on, whose fields are as given; wait for it."""
        start = after
        with trio.fail_after(5):
            while True:
                for message in self.heard[start:]:
                    if isinstance(message, kind) and all(getattr(message, key) == has[key] for key in has):
                        return message
                start = len(self.heard)
                assert self.lost is None, self.lost
                await self._more.wait()

    async def ask(self, kind: type[Any], **fields: Any) -> Any:
        """Send a request and return the message that ends it."""
        number = self.client.number()
        await self.client.send(kind(request=number, **fields))
        start = 0
        with trio.fail_after(10):
            while True:
                for message in self.heard[start:]:
                    if getattr(message, "request", None) == number and not isinstance(message, AnswerCame):
                        return message
                start = len(self.heard)
                assert self.lost is None, self.lost
                await self._more.wait()

    async def sign_in(self, number: str = "4711", passphrase: str | None = None) -> Any:
        return await self.ask(SignIn, number=number, passphrase=passphrase or PASSPHRASES[number])

    @property
    def shown(self) -> Snapshot:
        """The newest snapshot."""
        return next(message for message in reversed(self.heard) if isinstance(message, Snapshot))


@asynccontextmanager
async def attached(unit: Unit) -> AsyncIterator[Talk]:
    """Attach a dashboard for the block, as soon as the hub can be reached."""
    with trio.fail_after(5):
        while True:
            try:
                context = open_client(unit.state / SOCKET_FILE)
                client = await context.__aenter__()
                break
            except HubLostError:
                await trio.sleep(0.02)
    try:
        talk = Talk(client)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(talk.listen)
            await talk.wait(Snapshot)
            yield talk
            nursery.cancel_scope.cancel()
    finally:
        await context.__aexit__(None, None, None)


async def eventually(answer: Callable[[], Awaitable[T]], seconds: float = 5) -> T:
    """Ask until the answer is true, and return it."""
    with trio.fail_after(seconds):
        while not (found := await answer()):  # noqa: ASYNC110  # what is asked tells nobody when it changes
            await trio.sleep(0.02)
        return found


class Raw:
    """A peer that sends whatever it likes."""

    def __init__(self, stream: trio.SocketStream) -> None:
        self.stream = stream
        self._buffer = b""

    async def greet(self, protocol: int = PROTOCOL) -> Message | None:
        await self.stream.send_all(pack_request(Hello(protocol=protocol, client="raw")))
        return await self.next()

    async def next(self) -> Message | None:
        """Return the next message, or None where the hub closed the connection."""
        with trio.fail_after(5):
            while True:
                if len(self._buffer) >= 4:
                    (length,) = struct.unpack_from(">I", self._buffer)
                    if len(self._buffer) >= 4 + length:
                        body, self._buffer = self._buffer[4 : 4 + length], self._buffer[4 + length :]
                        return unpack_message(body)
                try:
                    data = await self.stream.receive_some(2**16)
                except trio.BrokenResourceError:
                    return None
                if not data:
                    return None
                self._buffer += data

    async def last(self) -> Message | None:
        """Return the last message before the hub closed the connection."""
        last = None
        while (message := await self.next()) is not None:
            last = message
        return last


@asynccontextmanager
async def raw(unit: Unit) -> AsyncIterator[Raw]:
    """Connect to the hub's socket for the block."""
    async with await trio.open_unix_socket(str(unit.state / SOCKET_FILE)) as stream:
        yield Raw(stream)

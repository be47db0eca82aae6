"""The line to the hub: attach, listen, and attach again whenever it is lost. It decides nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Final, Protocol, TypeAlias

import anyio
from anyio.lowlevel import checkpoint

from hub.errors import HubError
from hub.tui.state import Lost, Message
from hub.wire import Message as HubMessage
from hub.wire import Request, Welcome

RETRY_SECONDS: Final = 0.5
"""Wait between two attempts to reach the hub."""


class Client(Protocol):
    """What `hub.client.HubClient` is to the dashboard; tests have a scripted one."""

    welcome: Welcome

    def number(self) -> int:
        """Return a number for the next request."""

    async def send(self, request: Request) -> None:
        """Hand a request to the hub."""

    def messages(self) -> AsyncIterator[HubMessage]:
        """Yield what the hub says until it is lost."""


Connect: TypeAlias = Callable[[], AbstractAsyncContextManager[Client]]


async def attend(
    connect: Connect,
    *,
    attached: Callable[[Client | None], None],
    take: Callable[[Message], None],
    now: Callable[[], datetime],
) -> None:
    """Hand on what the hub says, for as long as the dashboard lives.

    Args:
        connect: Opens a client for a block.
        attached: Called with the client of a new connection, and with None when it is over.
        take: Called with each message, and with `hub.tui.state.Lost` when the hub cannot be reached.
        now: Wall time.
    """
    while True:
        try:
            async with connect() as client:
                attached(client)
                take(client.welcome)
                async for message in client.messages():
                    take(message)
                    await checkpoint()  # a burst of messages must not keep a key waiting
            reason = "the hub closed the connection"
        except (HubError, OSError) as error:
            reason = str(error)
        finally:
            attached(None)
        take(Lost(now(), reason))
        await anyio.sleep(RETRY_SECONDS)

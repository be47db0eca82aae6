"""A way to the desk that a plugin makes: it is made when the first dispatch goes, and again until that succeeds.

So the outbox knows of it by name from the start and keeps for it what could not be delivered yet. Which plugins offer
one is `hub.plugins`' business.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import trio

from hub.backends import Dispatcher
from hub.errors import PluginError
from hub.messages import Dispatch


class PluginDispatcher(Dispatcher):
    """Hands dispatches to what a plugin's factory makes.

    Args:
        name: Under which the plugin registers it.
        make: The factory; it may take its time, and fail.
    """

    def __init__(self, name: str, make: Callable[[], Any]) -> None:
        vars(self).update(name=name)  # what a class declares once, each of these objects declares for itself
        self._make = make
        self._made: Dispatcher | None = None

    async def send(self, dispatch: Dispatch) -> None:
        """Deliver one dispatch.

        Raises:
            PluginError: The factory gave something else than a dispatcher. Else whatever the plugin raises; the outbox
                tries again.
        """
        if self._made is None:
            made = await trio.to_thread.run_sync(self._make, abandon_on_cancel=True)
            if not isinstance(made, Dispatcher):
                raise PluginError(f"the plugin's dispatcher {self.name} is none: it is a {type(made).__name__}")
            self._made = made
        await self._made.send(dispatch)

    async def aclose(self) -> None:
        """Let the plugin let go of its connection."""
        if self._made is not None:
            await self._made.aclose()

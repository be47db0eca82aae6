"""`patrol-hub run --order`: an officer loads a deployment order into a hub that is about to run (C4, C12)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from msgspec import Struct

from hub.app import Hub
from hub.clocks import Clock
from hub.commands.acting import acting, unlocked
from hub.deployment import read_order
from hub.plugins import PluginHost
from hub.watching import open_watching


class Under(Struct, frozen=True):
    """A deployment order that is to be loaded."""

    order: Path
    position: str
    """What says where the unit is, see `hub.position.HOW`; "" for nothing."""
    officer: str | None
    """Number given with ``--officer``."""


@asynccontextmanager
async def deployed(hub: Hub, plugins: PluginHost, under: Under | None, clock: Clock) -> AsyncIterator[None]:
    """Have a hub watch for faces as well, for the block, where an order is named.

    The officer's session may end meanwhile: what was loaded stays until the order ends or the hub stops.

    Args:
        hub: Open, and not running yet.
        plugins: Those that it was opened with.
        under: The order; None for none.
        clock: The machine's own.

    Raises:
        InputError: The order or the recorded position cannot be read.
        NotAllowedError: Nobody is signed in, the passphrase is wrong, the order does not stand, or a source is no
            camera that may be watched under it.
        HubError: The face engine does not open, or a store failed.
    """
    if under is None:
        yield
        return
    envelope = read_order(under.order)
    async with acting(hub.unit, under.officer) as requester:
        key = await unlocked(hub.unit, requester)
    async with open_watching(
        hub.unit,
        plugins,
        envelope,
        requester,
        key,
        clock=clock,
        cameras=hub.cameras,
        position=under.position,
        development=hub.development,
    ) as watch:
        hub.watch_under(watch)
        yield

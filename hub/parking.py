"""What the unit does about a plugin that turns out to be broken or hostile: park it, say so, and remember it.

The log gets an entry, the operator a line, `Hub` an event; a file in the state folder keeps the reason for
`patrol-hub plugins list`, which starts nothing, until the plugin works again. Finding out is the business of
`hub.plugins` and `hub.isolation`.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from hub.audit.records import PluginPayload
from hub.authority.accounting import Log
from hub.authority.files import write_file
from hub.authority.policy import unit_requester
from hub.clocks import Clock
from hub.errors import HubError
from hub.messages import Act, Entry
from hub.plugins import PluginHost, PluginState
from hub.text import plain

PARKED_FILE: Final = "parked.json"
"""Name of the file in the state folder."""


class ParkedPlugin(Struct, frozen=True):
    """A plugin that was parked while it was in use."""

    plugin: str
    reason: str
    at: datetime


def read_parked(state: Path) -> dict[str, ParkedPlugin]:
    """Return the plugins that were parked in use and have not worked since, by name; none where that is not known."""
    try:
        found = msgspec.json.decode((state / PARKED_FILE).read_bytes(), type=tuple[ParkedPlugin, ...])
    except (OSError, msgspec.MsgspecError):
        return {}
    return {each.plugin: each for each in found}


class Parking:
    """Parks plugins of one unit.

    Args:
        plugins: What is loaded.
        state: The state folder.
        log: Takes an entry for each plugin that is parked.
        clock: Wall time.
        unit: The unit's name.
        say: Gets one-line remarks for the operator.
    """

    def __init__(
        self, plugins: PluginHost, state: Path, *, log: Log, clock: Clock, unit: str, say: Callable[[str], None]
    ) -> None:
        self._plugins, self._state, self._log, self._clock = plugins, state, log, clock
        self._requester = unit_requester(unit)
        self._say = say
        self.on_parked: Callable[[str, str], None] = lambda *_: None
        """Told of each plugin that is parked from now on, with the reason."""

    def parked(self) -> tuple[str, ...]:
        """Return what is parked now, each with its reason."""
        return tuple(f"{each.name}: {each.reason}" for each in self._plugins.list() if _is_parked(each.state))

    async def account(self) -> None:
        """Enter what did not load in the log.

        Raises:
            AuditError: The log cannot be written.
        """
        for info in self._plugins.list():
            if _is_parked(info.state):
                await self._tell(info.name, info.reason)

    async def park(self, name: str, reason: str) -> None:
        """Park a plugin that was loaded; one that is parked already stays as it is.

        Raises:
            AuditError: The log cannot be written; the plugin is parked all the same.
        """
        if any(info.name == name and _is_parked(info.state) for info in self._plugins.list()):
            return
        reason = self._plugins.park(name, reason.removeprefix("it is parked: ")).reason
        self._remember({name: ParkedPlugin(name, reason, self._clock.now())})
        self.on_parked(name, reason)
        await self._tell(name, reason)

    def works(self, name: str) -> None:
        """Forget that a plugin was parked in an earlier run."""
        if name in read_parked(self._state):
            self._remember({}, forget=name)

    def _remember(self, new: dict[str, ParkedPlugin], *, forget: str = "") -> None:
        all_of_them = read_parked(self._state) | new
        all_of_them.pop(forget, None)
        with suppress(HubError):  # for `plugins list` alone: the log has it
            write_file(self._state / PARKED_FILE, msgspec.json.encode(tuple(all_of_them.values())))

    async def _tell(self, name: str, reason: str) -> None:
        self._say(f"plugin {name} is parked: {reason}")
        payload = PluginPayload(plugin=name, reason=plain(reason))
        await self._log.append(Entry(Act.PLUGIN_PARKED, self._clock.now(), self._requester, "parked", payload))


def describe_parked(parked: ParkedPlugin) -> str:
    """Return one line for `plugins list`."""
    return f"parked on {parked.at.astimezone(UTC):%Y-%m-%d %H:%M} UTC: {parked.reason}"


def _is_parked(state: PluginState) -> bool:
    return state is PluginState.PARKED

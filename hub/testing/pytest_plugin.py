"""Fixtures for the tests of plugins; pytest finds them wherever the hub is installed (entry point ``pytest11``).

``plugin_context`` is what a source is opened with; ``isolated_source("name")`` opens an installed plugin's source in a
process of its own, as the hub does.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pytest

if TYPE_CHECKING:
    from hub.backends import PluginContext
    from hub.isolation.source import IsolatedSource

for _module in ("dispatchers", "faces", "plates", "positions", "sources", "speech", "translators"):
    pytest.register_assert_rewrite(f"hub.testing.contracts_{_module}")


class OpenIsolated(Protocol):
    """Opens a source in a process of its own."""

    def __call__(self, plugin: str, source: str = "", *, deadline: float = 5.0, fault: str = "") -> IsolatedSource:
        """Return a plugin's source, open.

        Args:
            plugin: Name of the installed plugin.
            source: Name of the source; "" for the plugin's first.
            deadline: Seconds for an answer.
            fault: Name of a fault of `hub.testing.faults.NAMED` that it is wrapped in.

        Raises:
            PluginError: There is no such plugin, it has no manifest, or it is parked.
        """


@pytest.fixture
def plugin_context(tmp_path: Path) -> PluginContext:
    """Return what a source is opened with: an empty folder of its own."""
    from hub.testing.sources import context

    return context(tmp_path / "state")


@pytest.fixture
def isolated_source(tmp_path: Path) -> Iterator[OpenIsolated]:
    """Return a function that opens a source in a process of its own; what it opened is closed after the test."""
    from hub.authoring.check import isolated_parts
    from hub.errors import PluginError
    from hub.isolation.source import IsolatedSource
    from hub.testing.sources import context

    opened: list[IsolatedSource] = []

    def open_source(plugin: str, source: str = "", *, deadline: float = 5.0, fault: str = "") -> IsolatedSource:
        parts = {part.manifest.name: part for part in isolated_parts(plugin)}
        if source and source not in parts:
            raise PluginError(f"{plugin} has no source {source}; it has {', '.join(parts)}")
        part = parts[source] if source else next(iter(parts.values()))
        state = tmp_path / "hub"
        made = IsolatedSource(part, state, deadline=deadline, fault=fault)
        opened.append(made)
        made.open(context(state / "plugins" / plugin))
        return made

    yield open_source
    for each in opened:
        each.close()

"""`patrol-hub plugins`: what is installed, and what loading one of them gives."""

from __future__ import annotations

from msgspec import Struct

from hub.commands.console import Form, emit, say, table
from hub.plugins import PluginHost, PluginInfo, PluginState


class _Plugins(Struct, frozen=True):
    plugins: tuple[PluginInfo, ...]


def list_plugins(*, form: Form) -> int:
    """List installed plugins without importing them."""
    found = PluginHost().list()
    if form == "json":
        emit(_Plugins(found))
        return 0
    rows = [("PLUGIN", "DISTRIBUTION", "VERSION", "ENTRY POINT", "NOTE")]
    rows += [(each.name, each.distribution, each.version, each.entry_point, each.reason) for each in found]
    table(rows)
    return 0


def check(name: str, *, form: Form) -> int:
    """Load one plugin and say what came of it."""
    info = PluginHost().load_one(name)
    if form == "json":
        emit(info)
    elif info.state is PluginState.LOADED:
        say(f"{info.name} {info.version}: loaded, plugin API {info.api}")
        for part in info.parts:
            say(f"  {part}")
    else:
        say(f"{info.name} {info.version}: {info.state.value}: {info.reason}")
    return 0 if info.state is PluginState.LOADED else 1

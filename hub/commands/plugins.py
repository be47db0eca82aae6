"""`patrol-hub plugins`: what is installed, and what loading one of them gives."""

from __future__ import annotations

from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from hub.commands.console import Form, emit, say, table
from hub.config import load_config, state_folder
from hub.parking import describe_parked, read_parked
from hub.parts import installed_plugins
from hub.plugins import PluginHost, PluginInfo, PluginState


class _Plugins(Struct, frozen=True):
    plugins: tuple[PluginInfo, ...]


def list_plugins(*, config: Path | None, form: Form) -> int:
    """List installed plugins without importing them."""
    settings = load_config(config)
    parked = read_parked(state_folder())
    found = tuple(
        replace(each, reason=describe_parked(parked[each.name])) if each.name in parked and not each.reason else each
        for each in installed_plugins(settings).list()
    )
    if form == "json":
        emit(_Plugins(found))
        return 0
    rows = [("PLUGIN", "DISTRIBUTION", "VERSION", "RUNS IN", "NOTE")]
    rows += [
        (each.name, each.distribution, each.version, "its own process" if each.isolated else "the hub", each.reason)
        for each in found
    ]
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

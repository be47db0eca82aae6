"""Opens the parts that the configuration asks for out of what plugins have registered.

Which plugins there are is `hub.plugins`' to say; what the parts do once they are open is no business of this module.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar

from hub.backends import FaceDetector, FaceEngine, PlateReader, PluginContext, RecordSource
from hub.config import Settings
from hub.errors import ConfigError, PluginError
from hub.isolation.manifest import IsolatedPart
from hub.isolation.source import IsolatedSource
from hub.models import weights_folder
from hub.plates.grammar import GrammarBook, load_grammars
from hub.plugins import Part, PluginHost
from hub.sources import SourceSpec
from hub.watchlists.trust import TRUST_FILE

T = TypeVar("T")


def installed_plugins(settings: Settings) -> PluginHost:
    """Return the installed plugins, none of them loaded; those of third parties run where the configuration says."""
    return PluginHost(in_process=settings.plugins_in_process)


def plugin_context(plugin: str, settings: Settings, state: Path, *, development: bool = False) -> PluginContext:
    """Return what a plugin is opened with; its folder under the state folder is created, mode 0700."""
    folder = state / "plugins" / plugin
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return PluginContext(
        state=folder,
        models=settings.models_folder or weights_folder(),
        settings=MappingProxyType(dict(settings.plugins.get(plugin, {}))),
        development=development,
        threads=settings.model_threads,
        trust=state / TRUST_FILE,
    )


def open_grammars(settings: Settings) -> GrammarBook:
    """Return the grammars, with the home regions of the configuration ahead.

    Raises:
        ConfigError: A home region is in no table.
    """
    reading = settings.plates.reading
    return load_grammars(home=reading.home, home_weight=reading.home_weight)


def open_plate_reader(plugins: PluginHost, settings: Settings, state: Path) -> PlateReader:
    """Open the plate reader that the configuration names. Blocks while the model loads.

    Raises:
        ConfigError: No plugin registers a reader of that name.
        ModelError: A model file is missing, altered or does not open.
    """
    part = _named(plugins.plate_readers, settings.plates.reader, "plate reader", "plates.reader", plugins)
    return part.make(plugin_context(part.plugin, settings, state))


def open_face_detector(plugins: PluginHost, settings: Settings, state: Path) -> FaceDetector | None:
    """Open the first face detector there is, or None: redaction is by default-deny and does not depend on it.

    Raises:
        ModelError: A model file is missing, altered or does not open.
    """
    part = next(iter(plugins.face_detectors.values()), None)
    return part.make(plugin_context(part.plugin, settings, state)) if part else None


def open_face_engine(plugins: PluginHost, settings: Settings, state: Path) -> FaceEngine:
    """Open the first face engine there is. What it may be used for is not decided here.

    Raises:
        PluginError: No plugin offers one.
        ModelError: A model file is missing, altered or does not open.
    """
    part = next(iter(plugins.face_engines.values()), None)
    if part is None:
        raise PluginError("no plugin offers a face engine; see: patrol-hub plugins list")
    return part.make(plugin_context(part.plugin, settings, state))


def source_specs(
    plugins: PluginHost, settings: Settings, state: Path, *, development: bool = False
) -> tuple[SourceSpec, ...]:
    """Return every registered source, those that the configuration orders first."""
    order = {name: place for place, name in enumerate(settings.lookups.order)}
    parts = sorted(plugins.record_sources.values(), key=lambda part: (order.get(part.name, len(order)), part.name))
    return tuple(
        SourceSpec(
            plugin=part.plugin,
            source=_source(part.make, settings, state, settings.lookups.deadline_of(part.name)),
            context=plugin_context(part.plugin, settings, state, development=development),
            deadline=settings.lookups.deadline_of(part.name),
        )
        for part in parts
    )


def _source(
    make: type[RecordSource] | IsolatedPart, settings: Settings, state: Path, deadline: float
) -> type[RecordSource] | RecordSource:
    if not isinstance(make, IsolatedPart):
        return make
    return IsolatedSource(make, state, deadline=deadline, isolation=settings.isolation)


def _named(parts: Mapping[str, Part[T]], name: str, kind: str, key: str, plugins: PluginHost) -> Part[T]:
    if name in parts:
        return parts[name]
    parked = "; ".join(f"{info.name} is parked: {info.reason}" for info in plugins.list() if info.reason)
    if not parts:
        raise PluginError(f"no plugin offers a {kind}" + (f" ({parked})" if parked else ""))
    raise ConfigError(f"{key} = {name!r}: there is no such {kind}; there are: {', '.join(parts)}")

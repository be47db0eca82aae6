"""Opens the parts that the configuration asks for out of what plugins have registered.

Which plugins there are is `hub.plugins`' to say; what the parts do once they are open is no business of this module.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import deepcopy
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Final, TypeAlias, TypeVar

from msgspec.structs import replace

from hub.answering import TranslatorSpec
from hub.backends import (
    Dispatcher,
    FaceDetector,
    FaceEngine,
    Importer,
    PlateReader,
    PluginContext,
    PositionSource,
    RecordSource,
    SourceInfo,
    Transcriber,
    Translator,
    VoiceDetector,
)
from hub.calibration import Calibration, load_calibration
from hub.config import Settings, SourceSettings
from hub.consulting import reach_of
from hub.dispatch_file import FileDispatcher
from hub.dispatch_plugin import PluginDispatcher
from hub.errors import ConfigError, PluginError, PluginParkedError
from hub.isolation.importer import IsolatedImporter
from hub.isolation.manifest import IsolatedPart
from hub.isolation.source import IsolatedSource
from hub.messages import Reach
from hub.models import CALIBRATIONS, weights_folder
from hub.plates.grammar import GrammarBook, load_grammars
from hub.plugins import MakeTranslator, Part, PluginHost
from hub.sources import SourceSpec
from hub.watchlists.trust import TRUST_FILE, TRUSTED_FILE, TRUSTED_FOLDER

MOST_AT_ONCE: Final = 16
"""Calls that a plate reader may take at the same time; each holds a picture."""

T = TypeVar("T")
SourcePart: TypeAlias = Part[type[RecordSource] | IsolatedPart]


def installed_plugins(settings: Settings) -> PluginHost:
    """Return the installed plugins, none of them loaded; those of third parties run where the configuration says."""
    return PluginHost(in_process=settings.plugins_in_process, off=settings.plugins_off)


def plugin_context(plugin: str, settings: Settings, state: Path, *, development: bool = False) -> PluginContext:
    """Return what a plugin is opened with; its folder under the state folder is created, mode 0700."""
    folder = state / "plugins" / plugin
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    authority = state / TRUSTED_FOLDER
    return PluginContext(
        state=folder,
        models=settings.models_folder or weights_folder(),
        settings=MappingProxyType(deepcopy(dict(settings.plugins.get(plugin, {})))),
        development=development,
        threads=settings.model_threads,
        # A plugin that knows nothing of authorities trusts nobody where there is one.
        trust=None if (authority / TRUSTED_FILE).exists() else state / TRUST_FILE,
        authority=authority,
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
        PluginError: What the plugin opens is no plate reader.
    """
    part = _named(plugins.plate_readers, settings.plates.reader, "plate reader", "plates.reader", plugins)
    reader = part.make(plugin_context(part.plugin, settings, state))
    if not isinstance(reader, PlateReader):
        raise PluginError(f"{part.plugin}: what it opens as {part.name} is no PlateReader")
    calls: object = reader.at_once  # whatever a third party wrote there
    if isinstance(calls, bool) or not (isinstance(calls, int) and 1 <= calls <= MOST_AT_ONCE):
        reader.close()
        raise PluginError(f"{part.plugin}: at_once of {part.name} is not a number from 1 to {MOST_AT_ONCE}")
    return reader


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


def calibration_of(settings: Settings, model: str) -> Calibration:
    """Return the calibration by which similarities of a face model are judged on this unit.

    Args:
        settings: The configuration.
        model: SHA-256 of the model that embeds, hexadecimal.

    Raises:
        ModelError: There is none for this model: nothing may be compared.
    """
    return load_calibration(model, settings.calibrations_folder or CALIBRATIONS)


def open_transcriber(plugins: PluginHost, settings: Settings, state: Path) -> Transcriber:
    """Open the first transcriber there is. Blocks while the model loads.

    Raises:
        PluginError: No plugin offers one.
        ModelError: A model file is missing, altered or does not open.
    """
    part = _first(plugins.transcribers, "transcriber", plugins)
    return part.make(plugin_context(part.plugin, settings, state))


def open_voice_detector(plugins: PluginHost, settings: Settings, state: Path) -> VoiceDetector:
    """Open the first voice detector there is, for one stream of sound.

    Raises:
        PluginError: No plugin offers one.
        ModelError: A model file is missing, altered or does not open.
    """
    part = _first(plugins.voice_detectors, "voice detector", plugins)
    return part.make(plugin_context(part.plugin, settings, state))


def position_makers(plugins: PluginHost, settings: Settings, state: Path) -> dict[str, Callable[[], PositionSource]]:
    """Return what opens each position source that plugins registered, by name."""
    return {
        name: partial(part.make, plugin_context(part.plugin, settings, state))
        for name, part in plugins.position_sources.items()
    }


def source_specs(
    plugins: PluginHost, settings: Settings, state: Path, *, development: bool = False
) -> tuple[SourceSpec, ...]:
    """Return every source that is to be opened, those that the configuration orders first.

    These are the registered ones, but for those that are nothing without settings and have none; and those that the
    configuration opens once more under another name.

    Raises:
        ConfigError: A source uses one that does not exist or takes a name that is taken, or a reach is declared that
            the source does not leave to the configuration.
    """
    parts = {name: part for name, part in plugins.record_sources.items() if _is_opened(part, settings)}
    for name, own in settings.lookups.sources.items():
        if own.uses is None or own.uses == name:
            continue
        if name in plugins.record_sources:
            raise ConfigError(f"lookups.sources.{name}.uses: a plugin registers a source of this name: choose another")
        parts[name] = _named(plugins.record_sources, own.uses, "record source", f"lookups.sources.{name}.uses", plugins)
    order = {name: place for place, name in enumerate(settings.lookups.order)}
    return tuple(
        _spec(name, parts[name], settings, state, development=development)
        for name in sorted(parts, key=lambda name: (order.get(name, len(order)), name))
    )


def _is_opened(part: SourcePart, settings: Settings) -> bool:
    own = settings.lookups.sources.get(part.name)
    given = settings.plugins.get(part.plugin) or (own is not None and own.settings)
    return bool(given) or not getattr(part.make, "needs_settings", False)


def _spec(name: str, part: SourcePart, settings: Settings, state: Path, *, development: bool) -> SourceSpec:
    own = settings.lookups.sources.get(name, SourceSettings())
    context = plugin_context(part.plugin, settings, state, development=development)
    if own.settings:
        context = replace(context, settings=MappingProxyType(deepcopy(dict(own.settings))))
    deadline = settings.lookups.deadline_of(name)
    source = _source(part.make, own.reach, settings, state, deadline)
    if own.reach is not None and not _may_reach(source, own.reach):
        raise ConfigError(
            f"lookups.sources.{name}.reach = {own.reach.value}: the source is {reach_of(source.reach).value} "
            "and leaves no wider reach to the configuration"
        )
    return SourceSpec(part.plugin, source, context, deadline, name=name, reach=own.reach)


def _may_reach(source: type[RecordSource] | RecordSource, reach: Reach) -> bool:
    widest_first = tuple(Reach)
    return widest_first.index(reach) >= widest_first.index(reach_of(source.reach)) or reach in source.may_declare


class UnverifiedList(IsolatedSource):
    """An automatic source in a process of its own: its list is that process's word, which nothing here verifies (C1).

    So it is parked before it is told a plate, and under ``--development`` it counts as a development list, whatever it
    says of itself.
    """

    def open(self, context: PluginContext) -> SourceInfo:
        """Open the source under ``--development``.

        Raises:
            PluginParkedError: The unit runs without; else as `IsolatedSource.open`.
        """
        if not context.development:
            raise PluginParkedError(
                f"it is parked: {self.name} is automatic, but the hub cannot verify a third party's list: use "
                "--development, give it reach on_request, or load the list into wanted_persons"
            )
        return replace(super().open(context), development=True)


def _source(
    make: type[RecordSource] | IsolatedPart, reach: Reach | None, settings: Settings, state: Path, deadline: float
) -> type[RecordSource] | RecordSource:
    if not isinstance(make, IsolatedPart):
        return make
    automatic = (reach or make.manifest.reach) is Reach.AUTOMATIC
    kind = UnverifiedList if automatic else IsolatedSource
    return kind(make, state, deadline=deadline, isolation=settings.isolation)


def translator_specs(plugins: PluginHost, settings: Settings, state: Path) -> tuple[TranslatorSpec, ...]:
    """Return every registered translator, in the order of their names; none is opened."""
    return tuple(
        TranslatorSpec(part.name, partial(_make_translator, part, settings, state))
        for _, part in sorted(plugins.translators.items())
    )


def _make_translator(part: Part[MakeTranslator], settings: Settings, state: Path) -> Translator:
    return part.make(plugin_context(part.plugin, settings, state))


def dispatchers(plugins: PluginHost, settings: Settings, state: Path) -> tuple[Dispatcher, ...]:
    """Return every registered way to the desk, in the order of their names; none is made before its first dispatch.

    Raises:
        PluginError: One has the name of the hub's own.
    """
    if FileDispatcher.name in plugins.dispatchers:
        raise PluginError(
            f"a plugin registers a dispatcher {FileDispatcher.name}, which is the hub's own: it needs another name"
        )
    return tuple(
        PluginDispatcher(name, partial(part.make, plugin_context(part.plugin, settings, state)))
        for name, part in sorted(plugins.dispatchers.items())
    )


def _first(parts: Mapping[str, Part[T]], kind: str, plugins: PluginHost) -> Part[T]:
    if not parts:
        parked = "; ".join(f"{info.name} is parked: {info.reason}" for info in plugins.list() if info.reason)
        raise PluginError(f"no plugin offers a {kind}" + (f" ({parked})" if parked else ""))
    return next(iter(parts.values()))


def open_importer(make: type[Importer] | IsolatedPart, settings: Settings, state: Path) -> Importer:
    """Return an importer; a third party's works in a process of its own."""
    return IsolatedImporter(make, state, settings.isolation) if isinstance(make, IsolatedPart) else make()


def _named(parts: Mapping[str, Part[T]], name: str, kind: str, key: str, plugins: PluginHost) -> Part[T]:
    if name in parts:
        return parts[name]
    parked = "; ".join(f"{info.name} is parked: {info.reason}" for info in plugins.list() if info.reason)
    if not parts:
        raise PluginError(f"no plugin offers a {kind}" + (f" ({parked})" if parked else ""))
    raise ConfigError(f"{key} = {name!r}: there is no such {kind}; there are: {', '.join(parts)}")

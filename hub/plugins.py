"""Finds plugins by the metadata of installed distributions, loads them one by one, and parks those that are broken.

Listing imports nothing. Loading takes a plugin whole or not at all: one that does not import, speaks another API
number, raises in a hook or registers nonsense is parked by name with one line that says why, and the others go on. The
shipped ones come first, and nobody else takes their names. A plugin that was not shipped with the hub, and that the
configuration does not name, is not imported at all: what it offers is taken from its manifest, and its sources and
importers run in processes of their own (`hub.isolation`).
Opening what a plugin registered, and what it may be asked, is not decided here.
"""

from __future__ import annotations

import contextlib
import difflib
import inspect
import re
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from enum import StrEnum
from importlib import metadata
from types import MappingProxyType
from typing import Any, Final, Generic, TypeAlias, TypeVar, cast

import pluggy
from msgspec import Struct
from msgspec.structs import replace

from hub import hookspecs
from hub.backends import (
    Dispatcher,
    FaceDetector,
    FaceEngine,
    Importer,
    PlateReader,
    PluginContext,
    PositionSource,
    RecordSource,
    Transcriber,
    Translator,
    VoiceDetector,
)
from hub.errors import PluginError
from hub.hookspecs import GROUP, PLUGIN_API, PROJECT
from hub.isolation.manifest import IsolatedPart, read_manifest
from hub.messages import Reach, SubjectKind
from hub.text import describe, plain

T = TypeVar("T")

NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,39}")
"""Names of plugins and of what they register: they become folders and keys of the configuration."""


SHIPPED: Final = frozenset(
    {
        "credit_records", "drivers", "faces_onnx", "plates_fast", "plates_ppocr", "records_http", "records_postgres",
        "speech_whisper", "translate_apertium", "translate_argos", "wanted_persons",
    }
)  # fmt: skip
"""Plugins of this project's own distributions, which are loaded into the hub's process, and no others: whoever
publishes a distribution under one of these names gets there. Nobody else's plugin or part has one of them."""


class PluginState(StrEnum):
    """What became of a plugin."""

    NOT_LOADED = "not loaded"
    LOADED = "loaded"
    PARKED = "parked"


class PluginInfo(Struct, frozen=True):
    """A plugin as ``plugins list`` shows it; every text is harmless for a terminal."""

    name: str
    """Name of the entry point."""
    distribution: str
    version: str
    entry_point: str
    """Module or object that it names."""
    state: PluginState = PluginState.NOT_LOADED
    api: int | None = None
    """Number of the plugin interface that it speaks; None until it was imported."""
    reason: str = ""
    """One line that says why it is parked."""
    parts: tuple[str, ...] = ()
    """What it registered, as ``kind name``."""
    isolated: bool = False
    """True where it is never imported here: its sources run in a process of their own."""


class Part(Struct, Generic[T], frozen=True):
    """Something that a plugin registered."""

    plugin: str
    name: str
    make: T
    """Makes it: a class, or a factory that takes a `PluginContext`."""


MakePlateReader: TypeAlias = Callable[[PluginContext], PlateReader]
MakeFaceDetector: TypeAlias = Callable[[PluginContext], FaceDetector]
MakeFaceEngine: TypeAlias = Callable[[PluginContext], FaceEngine]
MakeVoiceDetector: TypeAlias = Callable[[PluginContext], VoiceDetector]
MakeTranscriber: TypeAlias = Callable[[PluginContext], Transcriber]
MakeTranslator: TypeAlias = Callable[[PluginContext], Translator]
MakePositionSource: TypeAlias = Callable[[PluginContext], PositionSource]
MakeDispatcher: TypeAlias = Callable[[PluginContext], Dispatcher]

_Registered: TypeAlias = "list[tuple[str, Part[Any]]]"
"""What one plugin registered: kind and part."""

PLATE_READER: Final = "plate reader"
FACE_DETECTOR: Final = "face detector"
FACE_ENGINE: Final = "face engine"
RECORD_SOURCE: Final = "record source"
IMPORTER: Final = "importer"
VOICE_DETECTOR: Final = "voice detector"
TRANSCRIBER: Final = "transcriber"
TRANSLATOR: Final = "translator"
POSITION_SOURCE: Final = "position source"
DISPATCHER: Final = "dispatcher"


class PluginHost:
    """Knows every installed plugin, and holds what the loaded ones registered.

    Args:
        path: Folders in which distributions are looked for; None for ``sys.path``.
        in_process: Plugins of third parties that are trusted with everything in this process; None for all.
        off: Plugins that the configuration turns off: they are listed, and loaded by their name alone.
    """

    def __init__(
        self,
        *,
        path: Sequence[str] | None = None,
        in_process: Collection[str] | None = (),
        off: Collection[str] = (),
    ) -> None:
        self._path = path
        self._in_process = in_process
        self._off = off
        self._manager = pluggy.PluginManager(PROJECT)
        self._manager.add_hookspecs(hookspecs)
        self._plugins: dict[str, PluginInfo] = {}
        self._unusable: list[PluginInfo] = []
        self._entry_points: dict[str, metadata.EntryPoint] = {}
        self._parts: dict[str, dict[str, Part[Any]]] = {kind: {} for kind in _HOOKS.values()}
        for info, entry_point in _discover(path):
            if entry_point is None:
                self._unusable.append(replace(info, state=PluginState.PARKED))
            elif taken := self._taken(info):
                self._unusable.append(replace(info, state=PluginState.PARKED, reason=taken))
            else:
                self._plugins[info.name] = replace(info, isolated=not self._runs_here(info))
                self._entry_points[info.name] = entry_point
        self._look_for("plugins_in_process", set(in_process or ()))
        # One of ours that is not installed may be turned off all the same: one configuration for many units.
        self._look_for("plugins_off", set(off) - SHIPPED)

    @classmethod
    def of(cls, name: str, entry_point: str) -> PluginHost:
        """Return a host of one plugin alone that loads it here: for the process that is the plugin's own."""
        host = cls(path=(), in_process=None)
        host._plugins[name] = PluginInfo(name, distribution="", version="", entry_point=entry_point)
        host._entry_points[name] = metadata.EntryPoint(name, entry_point, GROUP)
        return host

    def list(self) -> tuple[PluginInfo, ...]:
        """Return every plugin there is, by name, as it stands now. Imports nothing."""
        return tuple(sorted((*self._plugins.values(), *self._unusable), key=lambda info: info.name))

    def find(self, name: str) -> PluginInfo:
        """Return one plugin as it stands now. Imports nothing.

        Raises:
            PluginError: There is no plugin of that name.
        """
        if name not in self._plugins:
            raise PluginError(f"no plugin is called {plain(name, 60)}{self._hint(name)}")
        return self._plugins[name]

    def load_one(self, name: str) -> PluginInfo:
        """Load one plugin; one that was loaded or parked before stays as it is.

        Returns:
            The plugin, loaded or parked.

        Raises:
            PluginError: There is no plugin of that name.
        """
        if self.find(name).state is PluginState.NOT_LOADED:
            self._load(name)
        return self._plugins[name]

    def load_all(self) -> tuple[PluginInfo, ...]:
        """Load every plugin but those turned off, the shipped ones first; a broken one stops nothing.

        Returns:
            As `list`.
        """
        names = set(self._plugins) - set(self._off)
        # Whatever both of them register under one name, it is the third party that comes too late.
        for name in sorted(names, key=lambda name: (not _is_shipped(self._plugins[name]), name)):
            self.load_one(name)
        return self.list()

    def park(self, name: str, reason: str) -> PluginInfo:
        """Park a plugin that turned out to be broken while in use; what it registered is withdrawn.

        Raises:
            KeyError: There is no plugin of that name.
        """
        for parts in self._parts.values():
            for part in [part for part in parts.values() if part.plugin == name]:
                del parts[part.name]
        self._plugins[name] = replace(
            self._plugins[name], state=PluginState.PARKED, reason=plain(reason) or "no reason given", parts=()
        )
        return self._plugins[name]

    @property
    def plate_readers(self) -> Mapping[str, Part[MakePlateReader]]:
        """Plate readers by their own name."""
        return MappingProxyType(self._parts[PLATE_READER])

    @property
    def face_detectors(self) -> Mapping[str, Part[MakeFaceDetector]]:
        """Face detectors by their own name."""
        return MappingProxyType(self._parts[FACE_DETECTOR])

    @property
    def face_engines(self) -> Mapping[str, Part[MakeFaceEngine]]:
        """Face engines by their own name."""
        return MappingProxyType(self._parts[FACE_ENGINE])

    @property
    def record_sources(self) -> Mapping[str, Part[type[RecordSource] | IsolatedPart]]:
        """Record sources by their own name; of one that runs in a process of its own, what its manifest says."""
        return MappingProxyType(self._parts[RECORD_SOURCE])

    @property
    def importers(self) -> Mapping[str, Part[type[Importer] | IsolatedPart]]:
        """Importers by the name of their source; of one that runs in a process of its own, what its manifest says."""
        return MappingProxyType(self._parts[IMPORTER])

    @property
    def voice_detectors(self) -> Mapping[str, Part[MakeVoiceDetector]]:
        """Voice detectors by their own name."""
        return MappingProxyType(self._parts[VOICE_DETECTOR])

    @property
    def transcribers(self) -> Mapping[str, Part[MakeTranscriber]]:
        """Transcribers by their own name."""
        return MappingProxyType(self._parts[TRANSCRIBER])

    @property
    def translators(self) -> Mapping[str, Part[MakeTranslator]]:
        """Translators by their own name."""
        return MappingProxyType(self._parts[TRANSLATOR])

    @property
    def position_sources(self) -> Mapping[str, Part[MakePositionSource]]:
        """Position sources by their own name."""
        return MappingProxyType(self._parts[POSITION_SOURCE])

    @property
    def dispatchers(self) -> Mapping[str, Part[MakeDispatcher]]:
        """Dispatchers by their own name."""
        return MappingProxyType(self._parts[DISPATCHER])

    def _taken(self, info: PluginInfo) -> str:
        """Say why a plugin may not have its name, "" where it may."""
        if info.name in self._plugins:
            return f"{self._plugins[info.name].distribution} has this name"
        if info.name in SHIPPED and not _is_shipped(info):
            # Also where ours is not installed: its folder with the records and its settings go by the name.
            return f"that of the distribution {info.distribution}: {_distribution_of(info.name)} alone has this name"
        return ""

    def _look_for(self, setting: str, names: Collection[str]) -> None:
        """List each plugin that a setting names and nobody has installed: a misspelt name would change nothing."""
        known = {*self._plugins, *(info.name for info in self._unusable)}
        for name in sorted(set(names) - known):
            reason = f"{setting} names it, but no such plugin is installed{self._hint(name)}"
            self._unusable.append(PluginInfo(plain(name, 60), "", "", "", state=PluginState.PARKED, reason=reason))

    def _hint(self, name: str) -> str:
        near = difflib.get_close_matches(name, self._plugins, n=1)
        return f"; did you mean {near[0]}?" if near else "; see: patrol-hub plugins list"

    def _runs_here(self, info: PluginInfo) -> bool:
        return _is_shipped(info) or self._in_process is None or info.name in self._in_process

    def _load(self, name: str) -> None:
        if self._plugins[name].isolated:
            self._take(name)
            return
        try:
            # What a plugin prints while it loads must not end up between the lines of a command's output.
            with contextlib.redirect_stdout(sys.stderr):
                plugin = self._entry_points[name].load()
                if isinstance(plugin, type):
                    plugin = plugin()
                api = _checked_api(plugin)
                registered = self._collect(name, plugin)
        # SystemExit: a script that was taken for a plugin. Only an interrupt from the keyboard goes through.
        except (Exception, SystemExit) as error:  # noqa: BLE001
            self.park(name, str(error) if isinstance(error, PluginError) else describe(error))
            return
        for kind, part in registered:
            self._parts[kind][part.name] = part
        self._plugins[name] = replace(
            self._plugins[name],
            state=PluginState.LOADED,
            api=api,
            parts=tuple(f"{kind} {part.name}" for kind, part in registered),
        )

    def _take(self, name: str) -> None:
        """Register what the manifest of a plugin names, importing nothing."""
        try:
            parts = self._declared(self._plugins[name])
        except PluginError as error:
            self.park(name, str(error))
            return
        for part in parts:
            self._parts[RECORD_SOURCE][part.name] = part
            if part.make.manifest.importer:
                self._parts[IMPORTER][part.name] = part
        self._plugins[name] = replace(
            self._plugins[name],
            state=PluginState.LOADED,
            api=PLUGIN_API,
            parts=tuple(
                f"{kind} {part.name}"
                for kind in (RECORD_SOURCE, IMPORTER)
                for part in parts
                if kind == RECORD_SOURCE or part.make.manifest.importer
            ),
        )

    def _declared(self, info: PluginInfo) -> tuple[Part[IsolatedPart], ...]:
        located = read_manifest(info.entry_point, self._path)
        manifest = located.manifest
        if manifest.api != PLUGIN_API:
            raise PluginError(f"speaks plugin API {manifest.api}, this hub speaks {PLUGIN_API}")
        for source in manifest.record_sources:
            for kind in (RECORD_SOURCE, IMPORTER):
                _check_free(kind, source.name, info.name, self._parts[kind])
            if manifest.network and Reach.AUTOMATIC in (source.reach, *source.may_declare):
                raise PluginError(
                    f"{source.name} asks for the network and for reach automatic: what is told of every plate that is "
                    "read may send nothing away; its manifest has to do without one of them"
                )
        return tuple(
            Part(
                plugin=info.name,
                name=source.name,
                make=IsolatedPart(info.name, info.entry_point, located.package, manifest.network, source),
            )
            for source in manifest.record_sources
        )

    def _collect(self, name: str, plugin: object) -> _Registered:
        """Call the hooks of one plugin and return what it registered, all of it checked."""
        if (other := self._manager.get_name(plugin)) is not None:
            raise PluginError(f"is the same object as the plugin {other}")
        others = self._manager.get_plugins()
        registered: _Registered = []
        try:
            self._manager.register(plugin, name)
            self._manager.check_pending()
            for caller in self._manager.get_hookcallers(plugin) or ():
                kind = _HOOKS[caller.name]
                register = _Register(kind, name, registered, self._parts[kind])
                self._manager.subset_hook_caller(caller.name, others)(register=register)
                register.over = True
            _check_hooks(self._manager.get_hookcallers(plugin))
        except BaseException:
            if self._manager.get_plugin(name) is plugin:
                self._manager.unregister(plugin)
            raise
        return registered


_HOOKS: Final = {
    "register_plate_readers": PLATE_READER,
    "register_face_detectors": FACE_DETECTOR,
    "register_face_engines": FACE_ENGINE,
    "register_record_sources": RECORD_SOURCE,
    "register_importers": IMPORTER,
    "register_voice_detectors": VOICE_DETECTOR,
    "register_transcribers": TRANSCRIBER,
    "register_translators": TRANSLATOR,
    "register_position_sources": POSITION_SOURCE,
    "register_dispatchers": DISPATCHER,
}
"""Which hook registers what."""


class _Register:
    """What a hook gets to call: ``register(name, factory)`` or ``register(Class)``, as the kind asks for."""

    def __init__(self, kind: str, plugin: str, registered: _Registered, taken: Mapping[str, Part[Any]]) -> None:
        self._kind = kind
        self._plugin = plugin
        self._registered = registered
        self._taken = taken
        self.over = False

    def __call__(self, *what: object) -> None:
        if self.over:
            raise PluginError("registration is over; register inside the hook")
        name, make = _checked(self._kind, what)
        _check_free(self._kind, name, self._plugin, self._taken)
        if any((kind, part.name) == (self._kind, name) for kind, part in self._registered):
            raise PluginError(f"registers the {self._kind} {name} twice")
        self._registered.append((self._kind, Part(plugin=self._plugin, name=name, make=make)))


def _check_free(kind: str, name: str, plugin: str, taken: Mapping[str, Part[Any]]) -> None:
    """Raise `PluginError` where a part's name is another plugin's."""
    if name in taken:
        raise PluginError(f"{taken[name].plugin} has registered a {kind} {name} already")
    if name in SHIPPED and name != plugin:  # whether or not that plugin is installed and loaded
        raise PluginError(f"registers a {kind} {name}, but that is the name of a plugin of this project")


def _check_hooks(callers: Collection[object] | None) -> None:
    if not callers:
        raise PluginError("implements no hook of this hub; see hub.hookspecs")


def _checked_api(plugin: object) -> int:
    api = getattr(plugin, "PATROL_HUB_API", PLUGIN_API)
    if type(api) is not int or api != PLUGIN_API:
        raise PluginError(f"speaks plugin API {plain(repr(api), 20)}, this hub speaks {PLUGIN_API}")
    return PLUGIN_API


def _checked(kind: str, what: tuple[object, ...]) -> tuple[str, object]:
    """Return name and maker of what a plugin registers, or raise `PluginError` that says what is wrong with it."""
    if kind in (RECORD_SOURCE, IMPORTER):
        base = RecordSource if kind == RECORD_SOURCE else Importer
        if len(what) != 1 or not (isinstance(what[0], type) and issubclass(what[0], base)):
            raise PluginError(f"a {kind} is registered as one class derived from {base.__name__}")
        make: object = what[0]
        name = getattr(make, "name", None)
        if inspect.isabstract(make):
            missing = ", ".join(sorted(cast("Any", make).__abstractmethods__))
            raise PluginError(f"{plain(what[0].__name__, 60)} does not implement {plain(missing, 80)}")
    else:
        if len(what) != 2 or not callable(what[1]):
            raise PluginError(f"a {kind} is registered as its name and a factory")
        name, make = what
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise PluginError(f"{plain(repr(name), 60)} is no name for a {kind}: lower case, digits and _ only")
    if kind == RECORD_SOURCE:
        _check_source(name, cast("type[RecordSource]", make))
    return name, make


def _check_source(name: str, source: type[RecordSource]) -> None:
    answers = getattr(source, "answers", None)
    if not isinstance(answers, frozenset) or not answers or not all(isinstance(kind, SubjectKind) for kind in answers):
        raise PluginError(f"{name} must say what it answers, as a frozenset of SubjectKind")
    if not isinstance(source.reach, Reach):
        raise PluginError(f"{name} must give its reach as a Reach; undeclared is restricted")


def _is_shipped(info: PluginInfo) -> bool:
    """Say whether a plugin has the name, distribution and module of one of ours.

    Whoever installs a distribution under that name in its place answers for it.
    """
    ours = _normalised(info.distribution) == _distribution_of(info.name)
    return info.name in SHIPPED and info.entry_point == info.name and ours


def _distribution_of(name: str) -> str:
    return f"patrol-hub-{name.replace('_', '-')}"


def _normalised(distribution: str) -> str:
    return re.sub(r"[-_.]+", "-", distribution).lower()


def _discover(path: Sequence[str] | None) -> Iterator[tuple[PluginInfo, metadata.EntryPoint | None]]:
    """Yield each plugin in order of its distribution's name; without an entry point where it is broken.

    Goes through the distributions one by one because `importlib.metadata.entry_points` fails as a whole when the
    metadata of a single one of them is malformed.
    """
    options: dict[str, Any] = {} if path is None else {"path": list(path)}
    found: dict[str, tuple[str, metadata.Distribution]] = {}
    for distribution in metadata.distributions(**options):
        with contextlib.suppress(Exception):  # no name or unreadable: nothing that could be named
            if GROUP in (distribution.read_text("entry_points.txt") or ""):
                name = plain(distribution.name, 80)
                found.setdefault(_normalised(name), (name, distribution))
    for _, (shown, distribution) in sorted(found.items()):
        try:
            version = plain(distribution.version, 40)
            entry_points = sorted(distribution.entry_points.select(group=GROUP), key=lambda entry: entry.name)
        except Exception as error:  # noqa: BLE001 - foreign metadata may hold anything
            reason = f"its metadata cannot be read: {describe(error)}"
            yield PluginInfo(name=shown, distribution=shown, version="", entry_point="", reason=reason), None
            continue
        for entry in entry_points:
            info = PluginInfo(
                plain(entry.name, 60), distribution=shown, version=version, entry_point=plain(entry.value)
            )
            if NAME.fullmatch(entry.name):
                yield info, entry
            else:
                yield replace(info, reason="no name for a plugin: lower case letters, digits and _ only"), None

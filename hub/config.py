"""``patrol.toml`` as frozen settings, and where the hub keeps its state.

Reads and checks; what a setting does is told by the module that it belongs to. Every mistake in a file becomes one
`ConfigError` that names key and line. A value is never repeated in an error, because a camera's address may hold a
password.
"""

from __future__ import annotations

import difflib
import math
import os
import re
import tomllib
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Final, NamedTuple, TypeAlias, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Meta, Struct

from hub.authority.metering import CheckSettings
from hub.errors import ConfigError, UsageError
from hub.isolation.settings import Isolation
from hub.messages import Reach
from hub.plates.settings import PlateSettings
from hub.speech.languages import parse_codes
from hub.speech.settings import SpeechSettings
from hub.store.retention import RetentionSettings, shorten
from hub.text import plain
from hub.toml_lines import KeyPath, line_of
from hub.watchlists.budget import FaceSettings

Name: TypeAlias = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
Seconds: TypeAlias = Annotated[float, Meta(gt=0, le=60)]
PluginTable: TypeAlias = Mapping[str, Any]
"""What a plugin is opened with: texts, numbers, true or false, and lists and tables of them."""

STATE_VARIABLE: Final = "PATROL_HUB_STATE"
"""Environment variable that names the state folder."""

LARGEST_FILE: Final = 1_000_000
"""A configuration file with more bytes is refused."""


class Camera(Struct, frozen=True):
    """A table ``[[cameras]]``: a source that `run` opens when none is named on the command line."""

    name: Name
    """Short name, shown with everything that the camera sees; unique."""
    source: Annotated[str, Meta(min_length=1)]
    """A file, a folder, ``webcam:N``, ``/dev/videoN`` or an address (rtsp, rtsps, http, https). May hold a password."""

    def __repr__(self) -> str:
        return f"Camera({self.name!r})"


class Plates(Struct, frozen=True):
    """The table ``[plates]``."""

    reader: Name = "plates_ppocr"
    """Name of the plate reader, as a plugin registers it."""
    votes: Annotated[int, Meta(ge=1, le=50)] = 3
    """Frames of a video whose own reading must agree with the final one; photos need one."""
    memory: Annotated[float, Meta(ge=0, le=600)] = 20.0
    """Seconds after a vehicle was last seen in which it is not read again."""
    reading: PlateSettings = PlateSettings()
    """The table ``[plates.reading]``: home regions, the false-alert budget and the thresholds of the gates."""


class SourceSettings(Struct, frozen=True):
    """A table ``[lookups.sources.NAME]``."""

    deadline: Seconds | None = None
    """Seconds that this source has to answer; None for `Lookups.deadline`."""
    reach: Reach | None = None
    """When it may be asked: narrower than it declares, or as it lets the configuration choose; see
    `hub.backends.RecordSource.may_declare`."""
    uses: Name | None = None
    """Name of the registered source that is opened once more under this name, with settings of its own."""
    settings: PluginTable = MappingProxyType({})
    """The table ``[lookups.sources.NAME.settings]``: what it is opened with in place of its plugin's table."""


class Lookups(Struct, frozen=True):
    """The table ``[lookups]``."""

    deadline: Seconds = 2.0
    """Seconds that a source has to answer, unless its own table says otherwise."""
    order: tuple[Name, ...] = ()
    """Sources whose answers are shown first, in this order; the others follow by name."""
    sources: Mapping[str, SourceSettings] = MappingProxyType({})
    """What differs for single sources, by their name."""

    def deadline_of(self, source: str) -> float:
        """Return the seconds that a source has to answer."""
        own = self.sources[source].deadline if source in self.sources else None
        return self.deadline if own is None else own


class Settings(Struct, frozen=True):
    """Everything that a unit's configuration says."""

    unit: Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$")] = "unit"
    """Name of the vehicle or laptop: letters, digits, dot, dash and underscore. It stands in every entry of the log."""
    session_idle_minutes: Annotated[float, Meta(gt=0, le=15)] = 15.0
    """Minutes without use after which an officer's session ends; 15 at most."""
    outbox_folder: Path | None = None
    """Folder into which the file dispatcher writes; None for ``dispatches`` in the state folder."""
    models_folder: Path | None = None
    """Folder of model weights; None for the one that belongs to the installation."""
    calibrations_folder: Path | None = None
    """Folder of calibrations of face models, from `watchlist calibrate`; None for those of the installation."""
    model_threads: Annotated[int, Meta(ge=1, le=64)] = 2
    """Threads that one model call may use."""
    plugins_off: tuple[Name, ...] = ()
    """Plugins that are installed and not loaded."""
    plugins_in_process: tuple[Name, ...] = ()
    """Plugins of third parties that are loaded into the hub's own process and may do there whatever the hub may.
    Without it their record sources and importers run in processes of their own, and nothing else of them runs."""
    isolation: Isolation = Isolation()
    """The table ``[isolation]``: what such a process may use."""
    cameras: tuple[Camera, ...] = ()
    """The tables ``[[cameras]]``."""
    plates: Plates = Plates()
    """The table ``[plates]``."""
    lookups: Lookups = Lookups()
    """The table ``[lookups]``."""
    checks: CheckSettings = CheckSettings()
    """The table ``[checks]``: fewer face checks than the charter allows; never more."""
    speech: SpeechSettings = SpeechSettings()
    """The table ``[speech]``: expected languages, the microphone, and what counts as an utterance or as invented."""
    faces: FaceSettings = FaceSettings()
    """The table ``[faces]``: how many false alerts a probe and a watch may lead to."""
    retention: RetentionSettings = RetentionSettings()
    """The table ``[retention]``: what is kept for less time than the charter allows; never for more."""
    plugins: Mapping[str, PluginTable] = MappingProxyType({})
    """The tables ``[plugins.NAME]``: what each plugin is opened with."""


_RANGES: Final[Mapping[KeyPath, tuple[float, float]]] = MappingProxyType(
    {
        ("plates", "reading", "home_weight"): (1, 1e6),
        ("plates", "reading", "false_alerts_per_ten_thousand"): (0.001, 1000),
        ("plates", "reading", "alternatives"): (1, 50),
        ("plates", "reading", "minimum_aspect"): (0.1, 100),
        ("plates", "reading", "maximum_aspect"): (0.1, 100),
        ("plates", "reading", "maximum_slope"): (0, 10),
        ("plates", "reading", "minimum_height"): (1, 1000),
        ("plates", "reading", "minimum_sharpness"): (0, 1),
        ("plates", "reading", "minimum_character"): (0, 1),
        ("plates", "reading", "minimum_odds"): (-20, 20),
        ("plates", "reading", "caption_rim"): (0, 0.5),
        ("plates", "reading", "caption_height"): (0, 1),
        ("plates", "reading", "lone_odds"): (-20, 20),
        ("plates", "reading", "lone_character"): (0, 1),
        ("plates", "reading", "lone_length"): (1, 40),
        ("plates", "reading", "lone_width"): (0, 1),
        ("plates", "reading", "shortest_text"): (1, 40),
        ("plates", "reading", "minimum_score"): (0, 1),
        ("plates", "reading", "longest_text"): (4, 40),
        ("plates", "reading", "maximum_strange"): (0, 1),
    }
)
"""Least and greatest value of settings whose records state it in words only; any other number has to be finite."""

_REGION: Final = re.compile(r"[A-Z]{2}(-[A-Z0-9]{1,3})?")


def load_config(path: Path | None = None) -> Settings:
    """Read a configuration file.

    Args:
        path: The file; None for the defaults, which need none. Folders in it are relative to its own.

    Returns:
        Checked settings.

    Raises:
        ConfigError: The file cannot be read, is no TOML, or holds an unknown key, a value of the wrong type or one
            out of range. One line that names file, line and key, and the nearest known key.
    """
    if path is None:
        return Settings()
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_FILE + 1)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror or error}") from error
    if len(content) > LARGEST_FILE:
        raise ConfigError(f"{path}: over {LARGEST_FILE} bytes: this is no configuration file")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{path}, line {line}: not text in UTF-8") from error
    return parse_config(text, name=str(path), folder=path.parent)


def parse_config(text: str, *, name: str = "patrol.toml", folder: Path = Path()) -> Settings:
    """Check the text of a configuration file; see `load_config`.

    Args:
        text: TOML.
        name: Name of the file, for errors.
        folder: What relative folders in it start from.

    Raises:
        ConfigError: As `load_config`.
    """
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{name}, {_where(str(error), text)}") from error
    except RecursionError:
        raise ConfigError(f"{name}: no configuration is nested so deep: look for a bracket too many") from None
    problems: list[_Problem] = []
    settings: Settings = _build(Settings, table, (), folder, problems)
    if not problems:
        problems.extend(_across(settings))
    if problems:
        located = sorted((line_of(text, problem.path) or 1, problem) for problem in problems)
        line, first = located[0]
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        raise ConfigError(f"{name}, line {line}: {_dotted(first.path)}: {first.what}{more}")
    return settings


def state_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """Return the folder of the hub's databases and keys; it is created with mode 0700 where it is absent.

    Args:
        environ: Where `STATE_VARIABLE` is looked up; without it the user's data folder is taken.

    Raises:
        UsageError: It cannot be created, or is no folder.
    """
    if named := environ.get(STATE_VARIABLE):
        folder = Path(named).expanduser()
    else:
        from platformdirs import user_data_path

        folder = user_data_path("patrol-hub", appauthor=False)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(
            f"the state folder {folder} cannot be made: {error.strerror or error}; set {STATE_VARIABLE}"
        ) from error
    return folder.absolute()


class _Problem(NamedTuple):
    path: KeyPath
    what: str


def _build(kind: Any, value: object, path: KeyPath, folder: Path, problems: list[_Problem]) -> Any:  # noqa: ANN401
    """Return a value as the type that the settings ask for; note what is wrong with it and go on.

    After a problem was noted the result means nothing: the caller throws it away.
    """
    if kind is Any:
        return _build_plugin_value(value, path, problems)
    if isinstance(kind, type) and issubclass(kind, Struct):
        return _build_struct(kind, value, path, folder, problems)
    arguments = get_args(kind)
    if get_origin(kind) is Mapping:
        if not isinstance(value, dict):
            problems.append(_Problem(path, f"must be tables [{_dotted(path)}.NAME]"))
            return {}
        return MappingProxyType(
            {key: _build(arguments[1], inner, (*path, key), folder, problems) for key, inner in value.items()}
        )
    if get_origin(kind) is tuple and isinstance(arguments[0], type) and issubclass(arguments[0], Struct):
        if not isinstance(value, list):
            problems.append(_Problem(path, f"must be tables [[{_dotted(path)}]]"))
            return ()
        return tuple(
            _build(arguments[0], inner, (*path, number), folder, problems) for number, inner in enumerate(value)
        )
    if isinstance(value, float) and not math.isfinite(value):
        problems.append(_Problem(path, "must be a finite number"))
        return None
    try:
        # TOML has integers and floats; 2 is as good as 2.0 where a float is asked for, never the other way.
        converted = msgspec.convert(value, kind, dec_hook=lambda _, inner: _below(folder, inner))
    except (msgspec.ValidationError, TypeError) as error:
        problems.append(_Problem(path, _one_of(kind) or _plain_words(str(error))))
        return None
    low, high = _RANGES.get(path, (-math.inf, math.inf))
    if isinstance(converted, int | float) and not low <= converted <= high:
        problems.append(_Problem(path, f"must be from {low:g} to {high:g}"))
    return converted


def _build_plugin_value(value: object, path: KeyPath, problems: list[_Problem]) -> object:
    """Return a value of a plugin's table, of which only the plugin knows what it should be."""
    if isinstance(value, dict):
        return {key: _build_plugin_value(inner, (*path, key), problems) for key, inner in value.items()}
    if isinstance(value, list):
        return [_build_plugin_value(inner, (*path, number), problems) for number, inner in enumerate(value)]
    if not isinstance(value, str | int | float) or (isinstance(value, float) and not math.isfinite(value)):
        problems.append(_Problem(path, "must be a text, a finite number, true or false, or a list or table of these"))
    return value


def _below(folder: Path, value: object) -> Path:
    if not isinstance(value, str):
        raise TypeError(f"expected str, got {type(value).__name__}")
    return folder / Path(value).expanduser()


def _build_struct(
    kind: type[Struct], value: object, path: KeyPath, folder: Path, problems: list[_Problem]
) -> Struct | None:
    if not isinstance(value, dict):
        problems.append(_Problem(path, f"must be a table [{_dotted(path)}]"))
        return None
    hints = get_type_hints(kind, include_extras=True)
    known = kind.__struct_fields__
    for key in value:
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            hint = f"did you mean {near[0]}?" if near else f"known here: {', '.join(known)}"
            problems.append(_Problem((*path, key), f"unknown key; {hint}"))
    given: dict[str, Any] = {}
    for field in msgspec.structs.fields(kind):
        if field.name in value:
            inner = (*path, field.name)
            given[field.name] = _build(hints[field.name], value[field.name], inner, folder, problems)
        elif field.required:
            problems.append(_Problem(path, f"the key {field.name} is missing"))
    return None if problems else kind(**given)


def _across(settings: Settings) -> list[_Problem]:
    """Return what is wrong between settings that are right one by one."""
    problems = []
    seen: set[str] = set()
    for number, camera in enumerate(settings.cameras):
        if camera.name in seen:
            problems.append(_Problem(("cameras", number, "name"), "another camera has this name"))
        seen.add(camera.name)
    reading = settings.plates.reading
    if not all(_REGION.fullmatch(code) for code in reading.home):
        what = "must be codes such as DE or US-CA (ISO 3166-1 alpha-2, with or without a subdivision)"
        problems.append(_Problem(("plates", "reading", "home"), what))
    if reading.minimum_aspect >= reading.maximum_aspect:
        problems.append(_Problem(("plates", "reading", "minimum_aspect"), "must be less than maximum_aspect"))
    if settings.speech.begin <= settings.speech.end:
        problems.append(_Problem(("speech", "begin"), "must be more than end"))
    try:
        parse_codes(",".join(settings.speech.expected))
    except UsageError as error:
        problems.append(_Problem(("speech", "expected"), str(error)))
    try:
        shorten(settings.retention)
    except ConfigError as error:
        key, _, what = str(error).partition(" = ")
        problems.append(_Problem(tuple(key.split(".")), what.partition(" ")[2]))
    return problems


def _plain_words(message: str) -> str:
    """Return msgspec's message without its own path, its names for types in ours, and without the value."""
    message = message.partition(" - at ")[0].replace(" | null", "").replace("`", "")
    message = re.sub(r"(?<=matching regex ).*", lambda found: found.group().strip("'\""), message)
    for theirs, ours in (("array", "a list"), ("object", "a table"), ("bool", "true or false"), ("str", "a text")):
        message = re.sub(rf"\b{theirs}\b", ours, message)
    return plain(message[:1].lower() + message[1:])


def _one_of(kind: object) -> str:
    """Return what a setting may be that is one of a few words, "" for any other."""
    for inner in (kind, *get_args(kind)):
        if isinstance(inner, type) and issubclass(inner, StrEnum):
            return f"must be one of {', '.join(inner)}"
    return ""


def _where(message: str, text: str) -> str:
    """Return a message of tomllib with its place in front."""
    what, _, place = message.partition(" (at ")
    found = re.match(r"line (\d+)", place)
    line = int(found.group(1)) if found else text.count("\n") + 1
    # The offending key or line itself is left out by tomllib except for a name in quotes, which is no secret.
    return f"line {line}: no TOML: {plain(what)}"


def _dotted(path: KeyPath) -> str:
    """Return a path of keys as a person writes it; tables of an array count from 1."""
    text = ""
    for step in path:
        text += f"[{step + 1}]" if isinstance(step, int) else f"{'.' if text else ''}{plain(step, 60)}"
    return text or "the file"

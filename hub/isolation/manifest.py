"""``patrol-hub.toml`` in a plugin's package: what it offers, readable without importing a line of it.

    api = 1
    network = false                  # whether its process may use the network

    [[record_sources]]
    name = "stolen_bicycles"
    reach = "automatic"              # automatic, on_request or restricted; left out it is restricted
    answers = ["document"]           # plate, person, document
    exact_only = false               # true where a plate can only be looked up exactly as written
    needs_settings = false           # true where it is opened only if the configuration has settings for it
    may_declare = []                 # what else than `reach` the configuration may declare
    importer = false                 # true where it also registers an importer, which takes files into its store

    [[record_sources.examples]]      # what `patrol-hub plugins check` asks for
    kind = "document"
    value = "FR4711"
    entry = "B-1"                    # the entry that must be among the candidates

The manifest counts for the host; a plugin whose source then declares something else is parked. Nothing here imports,
runs or asks a plugin.
"""

from __future__ import annotations

import importlib.machinery
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

from hub.errors import PluginError
from hub.messages import Reach, SubjectKind
from hub.text import plain

MANIFEST: Final = "patrol-hub.toml"
"""Name of the file in the plugin's package."""

LARGEST: Final = 16_000
"""A manifest with more bytes is refused: twenty sources with three examples each need 9,000."""
MOST_DOTS: Final = 100
"""A line with more dots is refused: the time to read a key grows with the square of its parts, 45,000 took 48 s."""


class ExampleQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """Something that the source holds as soon as it is installed."""

    kind: SubjectKind
    value: Annotated[str, Meta(min_length=1, max_length=200)]
    """A plate, a name with the day of birth after it, or a document number; as `patrol-hub lookup` takes it."""
    entry: str


class SourceManifest(Struct, frozen=True, forbid_unknown_fields=True):
    """One record source, as `hub.backends.RecordSource` declares it."""

    name: Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
    answers: Annotated[tuple[SubjectKind, ...], Meta(min_length=1)]
    reach: Reach = Reach.RESTRICTED
    exact_only: bool = False
    needs_settings: bool = False
    may_declare: tuple[Reach, ...] = ()
    importer: bool = False
    examples: tuple[ExampleQuery, ...] = ()


class Manifest(Struct, frozen=True, forbid_unknown_fields=True):
    """What a plugin says of itself before it is imported."""

    api: Annotated[int, Meta(ge=0, le=1_000_000)]
    record_sources: Annotated[tuple[SourceManifest, ...], Meta(min_length=1, max_length=20)]
    network: bool = False


class IsolatedPart(Struct, frozen=True):
    """A record source that a plugin's manifest names and nobody has imported."""

    plugin: str
    entry_point: str
    package: str
    """Folder of its package."""
    network: bool
    manifest: SourceManifest

    @property
    def needs_settings(self) -> bool:
        """Whether the source is opened only where the configuration has settings for it."""
        return self.manifest.needs_settings


class Located(Struct, frozen=True):
    """A manifest with the package that it lies in."""

    manifest: Manifest
    package: str
    """Folder of the package."""


def read_manifest(entry_point: str, path: Sequence[str] | None = None) -> Located:
    """Find the package that an entry point names, and read its manifest.

    Args:
        entry_point: ``package``, ``package.module`` or ``package:object``.
        path: Folders in which packages are looked for; None for ``sys.path``.

    Raises:
        PluginError: There is none, or it is wrong; the message says what and where.
    """
    name = entry_point.partition(":")[0].partition(".")[0].strip()
    # PathFinder alone: other finders of `sys.meta_path` may be code that a distribution brought with it.
    found = importlib.machinery.PathFinder.find_spec(name, None if path is None else list(path))
    folders = list(found.submodule_search_locations or ()) if found else []
    for folder in folders:
        file = Path(folder) / MANIFEST
        if file.is_file():
            return Located(parse_manifest(_content(file)), str(Path(folder).resolve()))
    raise PluginError(
        f"the package {plain(name, 60)} has no {MANIFEST}, so what it offers cannot be known unimported; "
        "plugins_in_process, where the operator names it, loads it into the hub's own process"
    )


def parse_manifest(content: bytes) -> Manifest:
    """Return a manifest from its file's content.

    Raises:
        PluginError: It is no TOML, or a key is unknown, missing or wrong.
    """
    if any(line.count(b".") > MOST_DOTS for line in content.split(b"\n") if not line.lstrip().startswith(b"#")):
        raise PluginError(f"its {MANIFEST} has a line with over {MOST_DOTS} dots")
    try:
        table = tomllib.loads(content.decode("utf-8"))
    except (ValueError, RecursionError) as error:  # ValueError is also what a number of too many digits raises
        raise PluginError(f"its {MANIFEST} is no TOML: {plain(str(error))}") from error
    try:
        manifest = msgspec.convert(table, Manifest)
    except msgspec.ValidationError as error:
        raise PluginError(f"its {MANIFEST}: {plain(str(error).replace('`', ''))}") from error
    names = [source.name for source in manifest.record_sources]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise PluginError(f"its {MANIFEST} names the source {twice[0]} twice")
    for source in manifest.record_sources:
        if wrong := [each.kind.value for each in source.examples if each.kind not in source.answers]:
            raise PluginError(
                f"its {MANIFEST}: {source.name} has an example about a {wrong[0]}, which it does not answer"
            )
    return manifest


def _content(file: Path) -> bytes:
    try:
        with file.open("rb") as opened:
            content = opened.read(LARGEST + 1)
    except OSError as error:
        raise PluginError(f"its {MANIFEST} cannot be read: {error.strerror}") from error
    if len(content) > LARGEST:
        raise PluginError(f"its {MANIFEST} has over {LARGEST} bytes")
    return content

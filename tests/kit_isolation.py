"""Third parties' plugins for tests of isolation: packages with a manifest, made in a folder that lies on the path.

shelf = Stranger.put(folder, "bicycles", SOURCE)
shelf.source(state)              # the source in a process of its own
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hub.backends import PluginContext
from hub.isolation.manifest import IsolatedPart, read_manifest
from hub.isolation.source import IsolatedSource
from hub.messages import Query, Subject
from hub.testing.sources import context

NOW = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)

MANIFEST = """\
api = 1
[[record_sources]]
name = "{name}"
reach = "on_request"
answers = ["plate", "person", "document"]
"""

SOURCE = """\
from typing import ClassVar
from hub.backends import RecordSource, SourceInfo, SourceRecord
from hub.hookspecs import hookimpl
from hub.messages import Reach, SubjectKind

class Source(RecordSource):
    name = "{name}"
    reach = Reach.ON_REQUEST
    answers = frozenset(SubjectKind)

    def open(self, context):
        self.context = context
        return SourceInfo(entries=1, detail="invented")

    def find(self, query):
        yield SourceRecord("E1", {{"plate": "KE123AB", "category": "stolen_vehicle"}})

    def plates(self):
        return ["KE123AB"]

@hookimpl
def register_record_sources(register):
    register(Source)
"""
"""A source that hands over the same record whatever it is asked."""


class Stranger:
    """A third party's plugin in a folder."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder, self.name = folder, name

    @classmethod
    def put(
        cls, folder: Path, name: str, code: str = SOURCE, *, manifest: str = MANIFEST, before: str = ""
    ) -> Stranger:
        """Write a package and the metadata of its distribution.

        Args:
            folder: Where; it belongs on ``sys.path``.
            name: Name of plugin, package and source.
            code: The package; ``{name}`` is filled in.
            manifest: The manifest, likewise; "" for none.
            before: Code that stands first, as it is.
        """
        package = folder / name
        package.mkdir(parents=True)
        (package / "__init__.py").write_text(textwrap.dedent(before) + "\n" + code.format(name=name))
        if manifest:
            (package / "patrol-hub.toml").write_text(manifest.format(name=name))
        info = folder / f"stranger_{name}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: stranger-{name}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[patrol_hub.plugins]\n{name} = {name}\n")
        return cls(folder, name)

    def part(self) -> IsolatedPart:
        """Return what the host knows of it."""
        located = read_manifest(self.name, [str(self.folder)])
        manifest = located.manifest
        return IsolatedPart(self.name, self.name, located.package, manifest.network, manifest.record_sources[0])

    def context(self, state: Path, **more: Any) -> PluginContext:
        """Return what its source is opened with, below the hub's state folder."""
        return context(state / "plugins" / self.name, **more)

    @contextmanager
    def source(self, state: Path, *, deadline: float = 5.0, **more: Any) -> Iterator[IsolatedSource]:
        """Return its source, not open yet; whatever it started is gone after the block."""
        source = IsolatedSource(self.part(), state, deadline=deadline, **more)
        try:
            yield source
        finally:
            source.close()


def query(subject: Subject) -> Query:
    """Return a query as the host makes it."""
    return Query("L1", subject, NOW)

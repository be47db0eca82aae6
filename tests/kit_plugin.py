"""A stranger's plugin for tests of the whole hub: a reader of painted plates, an engine for faces that are
none, and two sources that count their queries.

`tests.kit` makes a distribution of it in a folder of its own; it is found by its entry point like any other.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from typing import ClassVar

from hub.backends import PluginContext, RecordSource, SourceInfo, SourceRecord
from hub.hookspecs import hookimpl
from hub.messages import Query, Reach, SubjectKind
from hub.testing.faces import ScriptedEngine
from hub.testing.readers import PaintedReader
from hub.testing.speech import LoudDetector, Said, ScriptedTranscriber

HANG = "PATROL_HUB_TEST_HANG"
"""Environment variable that makes the register hang."""

queries: list[str] = []
"""Name of the source for each query since a test cleared it."""


class CountedList(RecordSource):
    """A closed list without entries."""

    name: ClassVar[str] = "counted_list"
    reach: ClassVar[Reach] = Reach.AUTOMATIC
    answers: ClassVar[frozenset[SubjectKind]] = frozenset(SubjectKind)

    def open(self, context: PluginContext) -> SourceInfo:
        """Say that it is signed and current."""
        return SourceInfo(entries=0, list_digest="0" * 64, expires="2100-01-01T00:00:00+00:00")

    def find(self, query: Query) -> Iterable[SourceRecord]:
        """Count."""
        queries.append(self.name)
        return ()


class CountedRegister(CountedList):
    """A register without entries."""

    name: ClassVar[str] = "counted_register"
    reach: ClassVar[Reach] = Reach.ON_REQUEST

    def open(self, context: PluginContext) -> SourceInfo:
        """Say that it is a register."""
        return SourceInfo(entries=0)

    def find(self, query: Query) -> Iterable[SourceRecord]:
        """Count, and do not answer where a test says so."""
        if os.environ.get(HANG):
            time.sleep(30)
        return super().find(query)


def open_reader(context: PluginContext) -> PaintedReader:
    """Open the reader of painted plates."""
    return PaintedReader()


@hookimpl
def register_plate_readers(register) -> None:
    """Register the reader."""
    register("painted", open_reader)


def open_engine(context: PluginContext) -> ScriptedEngine:
    """Open the engine that finds what a test put into a picture."""
    return ScriptedEngine()


@hookimpl
def register_face_engines(register) -> None:
    """Register the engine."""
    register("scripted", open_engine)


SAID = Said("Wo ist der Bahnhof?", english="Where is the station?")
"""What everybody says."""


def open_transcriber(context: PluginContext) -> ScriptedTranscriber:
    """Open the transcriber that hears the same each time."""
    return ScriptedTranscriber(lambda _seconds: SAID)


@hookimpl
def register_transcribers(register) -> None:
    """Register the transcriber."""
    register("scripted", open_transcriber)


def open_detector(context: PluginContext) -> LoudDetector:
    """Open the voice detector that hears loudness."""
    return LoudDetector()


@hookimpl
def register_voice_detectors(register) -> None:
    """Register the voice detector."""
    register("loud", open_detector)


@hookimpl
def register_record_sources(register) -> None:
    """Register the sources."""
    register(CountedList)
    register(CountedRegister)

"""The few hooks of a plugin, each of the shape ``register_x(register)``.

A plugin is a module (or object) that an installed distribution names under the entry point group
``patrol_hub.plugins``. It may declare ``PATROL_HUB_API``; another number than `PLUGIN_API` is refused by name.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

import pluggy

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

PLUGIN_API: Final = 1
"""Number of the plugin interface that this hub speaks."""

PROJECT: Final = "patrol_hub"
"""Name that pluggy's markers share."""

GROUP: Final = "patrol_hub.plugins"
"""Entry point group under which distributions name their plugin."""

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)
"""Marks a plugin's functions: ``@hookimpl def register_record_sources(register): ...``."""

RegisterPlateReader: TypeAlias = Callable[[str, Callable[[PluginContext], PlateReader]], None]
RegisterFaceDetector: TypeAlias = Callable[[str, Callable[[PluginContext], FaceDetector]], None]
RegisterFaceEngine: TypeAlias = Callable[[str, Callable[[PluginContext], FaceEngine]], None]
RegisterRecordSource: TypeAlias = Callable[[type[RecordSource]], None]
RegisterImporter: TypeAlias = Callable[[type[Importer]], None]
RegisterVoiceDetector: TypeAlias = Callable[[str, Callable[[PluginContext], VoiceDetector]], None]
RegisterTranscriber: TypeAlias = Callable[[str, Callable[[PluginContext], Transcriber]], None]
RegisterTranslator: TypeAlias = Callable[[str, Callable[[PluginContext], Translator]], None]
RegisterPositionSource: TypeAlias = Callable[[str, Callable[[PluginContext], PositionSource]], None]
RegisterDispatcher: TypeAlias = Callable[[str, Callable[[PluginContext], Dispatcher]], None]


@hookspec
def register_plate_readers(register: RegisterPlateReader) -> None:
    """Call ``register(name, factory)`` for each plate reader; the factory runs when the reader is first needed."""


@hookspec
def register_face_detectors(register: RegisterFaceDetector) -> None:
    """Call ``register(name, factory)`` for each face detector."""


@hookspec
def register_face_engines(register: RegisterFaceEngine) -> None:
    """Call ``register(name, factory)`` for each face engine."""


@hookspec
def register_record_sources(register: RegisterRecordSource) -> None:
    """Call ``register(SourceClass)`` for each record source."""


@hookspec
def register_importers(register: RegisterImporter) -> None:
    """Call ``register(ImporterClass)`` for each source whose store takes files."""


@hookspec
def register_dispatchers(register: RegisterDispatcher) -> None:
    """Call ``register(name, factory)`` for each way to the desk."""


@hookspec
def register_voice_detectors(register: RegisterVoiceDetector) -> None:
    """Call ``register(name, factory)`` for each voice detector; the factory runs for each stream of sound."""


@hookspec
def register_transcribers(register: RegisterTranscriber) -> None:
    """Call ``register(name, factory)`` for each transcriber; the factory runs when speech is first to be heard."""


@hookspec
def register_translators(register: RegisterTranslator) -> None:
    """Call ``register(name, factory)`` for each translator; one without its engine offers no pair."""


@hookspec
def register_position_sources(register: RegisterPositionSource) -> None:
    """Call ``register(name, factory)`` for each position source; the factory opens it, again after each failure."""

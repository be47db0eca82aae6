"""The models, opened once; where their files are missing the tests say so."""

from __future__ import annotations

from types import MappingProxyType

import pytest

from hub.backends import PluginContext
from hub.errors import ModelError
from hub.models import weights_folder
from speech_whisper.silero import open_detector
from speech_whisper.whisper import open_transcriber


def context(folder, **settings):
    return PluginContext(
        state=folder, models=weights_folder(), settings=MappingProxyType(settings), development=False, threads=2
    )


@pytest.fixture(scope="session")
def whisper(tmp_path_factory):
    try:
        model = open_transcriber(context(tmp_path_factory.mktemp("state")))
    except ModelError as error:
        pytest.skip(str(error))
    yield model
    model.close()


@pytest.fixture
def silero(tmp_path):
    detector = open_detector(context(tmp_path))
    yield detector
    detector.close()

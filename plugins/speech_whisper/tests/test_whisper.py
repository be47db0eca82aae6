"""The transcriber: its files first, which needs no model; then the model itself, which takes a while."""

from __future__ import annotations

from types import MappingProxyType

import numpy as np
import pytest

from hub.backends import PluginContext
from hub.errors import ConfigError, ModelError
from hub.models import find_model
from hub.plugins import PluginHost, PluginState
from hub.speech.languages import LANGUAGES
from hub.testing.contracts_speech import TranscriberContract
from speech_whisper.whisper import WhisperTranscriber, open_transcriber


def opened(folder, **settings):
    return open_transcriber(
        PluginContext(state=folder, models=folder, settings=MappingProxyType(settings), development=False)
    )


def test_the_plugin_is_found_and_registers_both():
    info = PluginHost().load_one("speech_whisper")
    assert info.state is PluginState.LOADED
    assert info.parts == ("transcriber whisper", "voice detector silero")


def test_weights_that_are_missing_or_other_ones_are_refused_in_clear_words(tmp_path):
    with pytest.raises(ModelError, match=r"whisper-base\.bin is missing: run patrol-hub models pull"):
        opened(tmp_path)
    (tmp_path / "whisper-base.bin").write_bytes(b"other weights")
    with pytest.raises(ModelError, match=r"whisper-base\.bin is refused: it is not the whisper-base"):
        opened(tmp_path)
    (tmp_path / "whisper-small.bin").write_bytes(b"other weights")
    with pytest.raises(ModelError, match=r"whisper-small\.bin is refused"):
        opened(tmp_path, model="small")


def test_a_size_that_there_is_not_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="there are: base, small"):
        opened(tmp_path, model="enormous")


def test_files_that_are_no_model_are_refused():
    files = {"model.bin": b"", "config.json": b"{}", "vocabulary.txt": b""}
    with pytest.raises(ModelError, match="does not load"):
        WhisperTranscriber(files, b"{}", threads=1)


def test_the_digest_is_the_published_one():
    assert find_model("whisper-base").sha256 == "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9"


@pytest.mark.slow
class TestWhisper(TranscriberContract):
    @pytest.fixture
    def transcriber(self, whisper):
        return whisper

    test_after_closing_it_refuses = None  # the model is shared; see below


@pytest.mark.slow
def test_its_languages_have_names_and_a_closed_model_says_so(whisper, tmp_path):
    assert whisper.languages <= LANGUAGES.keys()
    assert len(whisper.languages) == 99
    hearing = whisper.hear(np.zeros(16_000, np.float32))
    with pytest.raises(ModelError, match="does not know"):
        whisper.write(hearing, "xx")

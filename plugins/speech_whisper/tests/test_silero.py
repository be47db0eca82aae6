"""The voice detector against its contract."""

from __future__ import annotations

import numpy as np
import pytest

from hub.errors import ModelError
from hub.testing.contracts_speech import VoiceDetectorContract
from speech_whisper.silero import SileroDetector


class TestSilero(VoiceDetectorContract):
    @pytest.fixture
    def detector(self, silero):
        return silero


def test_a_file_that_is_no_model_is_refused():
    with pytest.raises(ModelError, match="does not load"):
        SileroDetector(b"no model")


def test_a_closed_detector_says_so(silero):
    silero.close()
    with pytest.raises(ModelError, match="closed"):
        silero.hear(np.zeros((1, 512), np.float32))

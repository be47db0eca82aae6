"""The fakes of speech keep the contracts that they stand in for."""

from __future__ import annotations

import pytest

from hub.testing.contracts_speech import TranscriberContract, VoiceDetectorContract
from hub.testing.speech import LoudDetector, Said, ScriptedTranscriber


class TestLoudDetector(VoiceDetectorContract):
    @pytest.fixture
    def detector(self):
        return LoudDetector()


class TestScriptedTranscriber(TranscriberContract):
    @pytest.fixture
    def transcriber(self):
        return ScriptedTranscriber(lambda _: Said("guten Tag"))

"""Levels of sound."""

from __future__ import annotations

import numpy as np
import pytest

from hub.speech.sound import SILENT, level, voice_level


def tone(decibels, seconds=1.0):
    count = int(16_000 * seconds)
    return (np.sqrt(2) * 10 ** (decibels / 20) * np.sin(2 * np.pi * 440 * np.arange(count) / 16_000)).astype(np.float32)


@pytest.mark.parametrize("decibels", [-3, -20, -30, -60])
def test_the_level_of_a_tone(decibels):
    assert level(tone(decibels)) == pytest.approx(decibels, abs=0.05)


def test_silence_an_offset_and_nothing_are_silent():
    for samples in (np.zeros(512, np.float32), np.full(512, 0.25, np.float32), np.zeros(0, np.float32)):
        assert level(samples) == SILENT
        assert voice_level(samples) == SILENT


def test_a_voice_is_as_loud_as_it_is_between_its_pauses():
    said = np.concatenate([tone(-20, 0.5), np.zeros(16_000, np.float32)])
    assert voice_level(said) == pytest.approx(-20, abs=0.5)
    assert level(said) < -23

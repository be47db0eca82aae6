"""What every voice detector and transcriber is held to: inherit the class, give it one, and pytest runs the rest.

How well speech is understood is measured on clips (`hub.evaluation`), not here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import pytest

from hub.backends import Hearing
from hub.errors import ModelError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hub.backends import Transcriber, VoiceDetector

    Samples: TypeAlias = NDArray[np.float32]

RATE = 16_000
BLOCK = 512


def sounds_without_a_voice() -> dict[str, Samples]:
    """Return sounds by name that a model must survive, a second each or less."""
    rng = np.random.default_rng(0)
    noise = rng.normal(0, 0.1, RATE).astype(np.float32)
    tone = (0.2 * np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE)).astype(np.float32)
    clicks = np.zeros(RATE, np.float32)
    clicks[::4000] = 0.9
    sealed = noise.copy()
    sealed.flags.writeable = False
    return {
        "silence": np.zeros(RATE, np.float32),
        "noise": noise,
        "tone": tone,
        "clicks": clicks,
        "offset": np.full(RATE, 0.5, np.float32),
        "full scale": np.sign(noise),
        "one block": noise[:BLOCK],
        "read-only": sealed,
        "every other sample": noise[::2],
    }


class VoiceDetectorContract:
    """Inherit as ``class TestMine(VoiceDetectorContract)`` and override `detector`."""

    @pytest.fixture
    def detector(self) -> VoiceDetector:
        """Return a detector that is open and has heard nothing."""
        raise NotImplementedError("override the fixture `detector`")

    @pytest.mark.parametrize("name", sorted(sounds_without_a_voice()))
    def test_keeps_to_the_form_on_any_sound(self, detector: VoiceDetector, name: str) -> None:
        """Whatever it hears, it gives one probability a block and leaves the sound as it was."""
        sound = sounds_without_a_voice()[name]
        blocks = sound[: len(sound) // BLOCK * BLOCK].reshape(-1, BLOCK)
        before = blocks.copy()
        shares = detector.hear(blocks)
        assert shares.shape == (len(blocks),)
        assert np.isfinite(shares).all()
        assert ((shares >= 0) & (shares <= 1)).all()
        assert np.array_equal(blocks, before)

    def test_hears_nobody_in_silence(self, detector: VoiceDetector) -> None:
        """A minute of nothing holds no voice."""
        assert detector.hear(np.zeros((1875, BLOCK), np.float32)).max(initial=0.0) < 0.5

    def test_it_makes_no_difference_how_blocks_arrive(self, detector: VoiceDetector) -> None:
        """One by one they give what they give at once, and nothing at all gives nothing."""
        blocks = sounds_without_a_voice()["noise"][: 30 * BLOCK].reshape(-1, BLOCK)
        at_once = detector.hear(blocks)
        detector.reset()
        one_by_one = np.concatenate([detector.hear(blocks[at : at + 1]) for at in range(len(blocks))])
        assert np.allclose(at_once, one_by_one, atol=1e-4)
        assert detector.hear(np.zeros((0, BLOCK), np.float32)).shape == (0,)

    def test_closing_twice_is_fine(self, detector: VoiceDetector) -> None:
        """It may be closed twice."""
        detector.close()
        detector.close()


class TranscriberContract:
    """Inherit as ``class TestMine(TranscriberContract)`` and override `transcriber`."""

    @pytest.fixture
    def transcriber(self) -> Transcriber:
        """Return a transcriber that is open."""
        raise NotImplementedError("override the fixture `transcriber`")

    @pytest.mark.parametrize("name", sorted(sounds_without_a_voice()))
    def test_keeps_to_the_form_on_any_sound(self, transcriber: Transcriber, name: str) -> None:
        """Whatever it hears, what it says has the stated form and the sound stays as it was."""
        sound = sounds_without_a_voice()[name]
        before = sound.copy()
        hearing = transcriber.hear(sound)
        shares = [guess.probability for guess in hearing.languages]
        assert shares == sorted(shares, reverse=True)
        assert 0 <= sum(shares) <= 1 + 1e-3
        assert {guess.language for guess in hearing.languages} <= transcriber.languages
        written = transcriber.write(hearing, hearing.languages[0].language, quick=True)
        assert written.log_probability <= 0
        assert 0 <= written.no_speech <= 1
        assert "<|" not in written.text
        assert np.array_equal(sound, before)

    @pytest.mark.parametrize("name", sorted(sounds_without_a_voice()))
    def test_both_at_once_are_the_two_texts(self, transcriber: Transcriber, name: str) -> None:
        """Original and English asked for together are what they are one by one."""
        hearing = transcriber.hear(sounds_without_a_voice()[name])
        both = transcriber.write_both(hearing, "es")
        each = transcriber.write(hearing, "es"), transcriber.write(hearing, "es", english=True)
        for one, other in zip(both, each, strict=True):
            assert one.text == other.text
            assert one.log_probability == pytest.approx(other.log_probability, abs=0.01)
            assert one.no_speech == pytest.approx(other.no_speech, abs=0.01)

    def test_it_knows_english_and_takes_half_a_minute_nearly(self, transcriber: Transcriber) -> None:
        """An officer's language is among its own, and an utterance is no shorter than the host may cut it."""
        assert "en" in transcriber.languages
        assert 5 <= transcriber.longest <= 30

    def test_what_is_not_its_own_is_refused(self, transcriber: Transcriber) -> None:
        """A hearing of somebody else's is an error of the model's, not a crash."""
        with pytest.raises(ModelError):
            transcriber.write(Hearing((), "not its own"), "en")
        with pytest.raises(ModelError):
            transcriber.write_both(Hearing((), "not its own"), "es")

    def test_after_closing_it_refuses(self, transcriber: Transcriber) -> None:
        """A closed model says so; closing twice is fine."""
        hearing = transcriber.hear(np.zeros(RATE, np.float32))
        transcriber.close()
        transcriber.close()
        with pytest.raises(ModelError):
            transcriber.write(hearing, "en")

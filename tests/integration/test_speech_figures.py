"""What speech must show, with the real model on real clips and on sounds in which nobody speaks. Slow."""

from __future__ import annotations

import itertools
import os
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
import trio

from hub.actors.speech import run_speech
from hub.channels import Mailbox
from hub.commands.evaluating_speech import _understand
from hub.config import Settings
from hub.errors import HubError
from hub.evaluation.speech import evaluate_speech
from hub.inference import Worker
from hub.listening import Blocks, hear_file, parse_sound
from hub.messages import UtteranceState
from hub.parts import installed_plugins, open_transcriber, open_voice_detector
from hub.speech.settings import SpeechSettings
from hub.speech.sound import voice_level
from hub.speech.words import normalise

pytestmark = [pytest.mark.slow, pytest.mark.data]

RATE = 16_000
CLIPS = Path(os.environ.get("PATROL_HUB_DATA") or Path(__file__).parents[3] / "shared" / "data") / "speech"
AT = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    settings = Settings()
    plugins = installed_plugins(settings)
    plugins.load_all()
    state = tmp_path_factory.mktemp("state")
    try:
        transcriber = open_transcriber(plugins, settings, state)
        detector = open_voice_detector(plugins, settings, state)
    except HubError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(error))
    yield detector, transcriber
    transcriber.close()
    detector.close()


@pytest.fixture(scope="module")
def clips():
    if not CLIPS.is_dir() and not os.environ.get("CI"):
        pytest.skip(f"no clips in {CLIPS}")
    return CLIPS


def understand(models, sound, *, expected=(), translate=False):
    """Return the utterances in a sound."""
    detector, transcriber = models
    detector.reset()
    heard, numbers = [], itertools.count()

    async def keep(utterance):
        heard.append(utterance)

    async def run():
        blocks, cutter = Mailbox(64), Blocks()

        async def feed():
            with blocks:
                for block in cutter.take(sound) + cutter.end():
                    await blocks.send(block)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(feed)
            await run_speech(
                blocks,
                keep,
                source="test",
                at=AT,
                live=False,
                detector=detector,
                transcriber=transcriber,
                ears=Worker("ears"),
                worker=Worker("transcriber"),
                settings=SpeechSettings(),
                identify=lambda: f"U{next(numbers)}",
                expected=expected,
                translate=translate,
            )

    trio.run(run)
    return heard


def samples(clip):
    """Return a clip's samples."""

    async def run():
        blocks = Mailbox(100_000)
        await hear_file(parse_sound(str(clip)), blocks)
        return np.concatenate([block.samples for block in blocks.drain()])

    return trio.run(run)


def nobody(seconds=60):
    """Return sounds in which nobody speaks, by name."""
    rng, count = np.random.default_rng(1), RATE * seconds
    time = np.arange(count) / RATE
    turns = 35 + 10 * np.sin(2 * np.pi * 0.05 * time) + 3 * np.sin(2 * np.pi * 0.3 * time)
    phase = 2 * np.pi * np.cumsum(turns) / RATE
    engine = sum(np.sin(number * phase + number) / number for number in range(1, 15))
    rumble = np.cumsum(rng.normal(0, 1, count))
    rumble -= np.convolve(rumble, np.ones(800) / 800, "same")
    music = np.zeros(count)
    step, notes = RATE // 3, [220 * 2 ** (half / 12) for half in (0, 2, 4, 5, 7, 9, 11, 12)]
    fade = np.arange(step) / RATE
    for at in range(0, count - step, step):
        for octave in (0.5, 1.0):
            note = octave * notes[rng.integers(8)]
            tone = sum(np.sin(2 * np.pi * note * over * fade) / over for over in range(1, 6))
            music[at : at + step] += np.exp(-3 * fade) * tone
    clicks = np.zeros(count)
    clicks[:: RATE // 4], clicks[1 :: RATE // 4] = 0.8, -0.5
    sounds = {
        "silence": np.zeros(count),
        "white noise": rng.normal(0, 0.1, count),
        "faint noise": rng.normal(0, 0.001, count),
        "engine": 0.1 * engine / engine.std() + 0.03 * rumble / rumble.std(),
        "music": 0.1 * music / music.std(),
        "clicks": clicks,
        "siren": 0.2 * np.sin(2 * np.pi * np.cumsum(900 + 500 * np.sin(2 * np.pi * 0.4 * time)) / RATE),
    }
    return {name: np.asarray(sound.clip(-1, 1), np.float32) for name, sound in sounds.items()}


def test_word_errors_and_languages_on_the_clips(models, clips):
    detector, transcriber = models
    report = evaluate_speech(clips, lambda clip: trio.run(_understand, clip, detector, transcriber, SpeechSettings()))
    assert report.wer <= 0.18
    assert report.identified >= 24


@pytest.mark.parametrize("name", sorted(nobody(1)))
def test_a_minute_in_which_nobody_speaks_has_no_words(models, name):
    assert [each.original for each in understand(models, nobody()[name]) if each.original] == []


@pytest.mark.parametrize("name", sorted(nobody(1)))
def test_without_the_voice_detector_the_guards_alone_invent_nothing(models, name):
    class Always:
        def hear(self, blocks):
            return np.ones(len(blocks), np.float32)

        def reset(self):
            pass

    assert [each.original for each in understand((Always(), models[1]), nobody(20)[name]) if each.original] == []


def test_a_quiet_voice_keeps_nine_words_in_ten(models, clips):
    """At -30 dB of full scale as many words are right as at -20, nearly."""
    right = {}
    for target in (-20, -30):
        right[target] = 0
        for clip in sorted(clips.glob("*-00[04].ogg")):
            sound = samples(clip)
            gain = 10 ** ((target - voice_level(sound)) / 20)
            heard = understand(models, (sound * gain).clip(-1, 1).astype(np.float32))
            words = normalise(" ".join(each.original for each in heard)).split()
            truth = normalise(clip.with_suffix(".txt").read_text()).split()
            right[target] += len(truth) - sum(word not in words for word in truth)
    assert right[-30] >= 0.9 * right[-20]


def test_a_german_sentence_is_given_in_german_and_in_english(models, clips):
    (heard,) = understand(models, samples(clips / "fleurs-de-004.ogg"), translate=True)
    assert (heard.state, heard.language) == (UtteranceState.UNDERSTOOD, "de")
    assert {"der", "und", "ist"} <= set(normalise(heard.original).split())
    assert {"the", "is", "of"} <= set(normalise(heard.translation).split())


def test_nothing_is_labelled_with_a_language_that_is_not_expected(models, clips):
    for clip in sorted(clips.glob("*-000.ogg")):
        heard = understand(models, samples(clip), expected=("es", "ar"))
        assert {each.language for each in heard} <= {"es", "ar", ""}
        spanish = "-es-" in clip.name
        assert any(each.original for each in heard) == spanish, clip.name

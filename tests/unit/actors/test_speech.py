"""The speech actor with a scripted transcriber: what is shown, in which order, and what happens to what fails."""

from __future__ import annotations

import itertools
import threading
from datetime import UTC, datetime

import numpy as np
import pytest
import trio

from hub.actors.speech import run_speech
from hub.channels import Mailbox, Overflow
from hub.errors import ModelError
from hub.inference import Worker
from hub.listening import Blocks
from hub.messages import UtteranceState
from hub.speech.settings import SpeechSettings
from hub.testing.speech import LoudDetector, Said, ScriptedTranscriber, silence, voice

AT = datetime(2026, 1, 2, 3, tzinfo=UTC)


class Run:
    """One run of the actor, and what came out of it."""

    def __init__(self, script, *, live=False, settings=None, expected=(), detector=None, translate=True, out=None):
        self.blocks = Mailbox(4096, Overflow.DROP_OLDEST if live else Overflow.WAIT)
        self.transcriber = script if isinstance(script, ScriptedTranscriber) else ScriptedTranscriber(script)
        self.heard = []
        self.ears = []
        self._cutter = Blocks()
        self._numbers = itertools.count(1)
        self._keep = out or self._take
        self._options = {
            "live": live,
            "settings": settings or SpeechSettings(),
            "expected": expected,
            "detector": detector or LoudDetector(),
            "translate": translate,
        }

    async def _take(self, utterance):
        self.heard.append(utterance)

    async def go(self):
        await run_speech(
            self.blocks,
            self._keep,
            source="clip",
            at=AT,
            transcriber=self.transcriber,
            ears=Worker("ears"),
            worker=Worker("transcriber"),
            identify=lambda: f"U{next(self._numbers)}",
            on_ear=self.ears.append,
            **self._options,
        )

    async def say(self, *sounds):
        for block in self._cutter.take(np.concatenate(sounds)):
            await self.blocks.send(block)

    async def whole(self, *sounds):
        """Say everything, and run to the end."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.go)
            await self.say(*sounds)
            self.blocks.close()
        return self.heard


async def test_an_utterance_is_taken_in_once_and_written_in_two_languages():
    run = Run(lambda _: Said("Wo ist der Bahnhof?", english="Where is the station?"))
    (heard,) = await run.whole(silence(1), voice(2), silence(1))
    assert run.transcriber.calls == ["hear", "write de", "write de english"]
    assert (heard.state, heard.language, heard.probability) == (UtteranceState.UNDERSTOOD, "de", 0.95)
    assert (heard.original, heard.translation) == ("Wo ist der Bahnhof?", "Where is the station?")
    assert (heard.utterance, heard.source, heard.doubt, heard.confirmed) == ("U1", "clip", "", 19)
    assert 0.4 < heard.start < 0.6
    assert heard.at.second == 0
    assert 3.4 < heard.end < 3.6


async def test_english_is_not_decoded_twice():
    run = Run(lambda _: Said("Where is it?", language="en"))
    (heard,) = await run.whole(voice(1), silence(1))
    assert run.transcriber.calls == ["hear", "write en"]
    assert heard.original == heard.translation == "Where is it?"


async def test_the_translation_can_be_left_out():
    run = Run(lambda _: Said("Wo?"), translate=False)
    (heard,) = await run.whole(voice(1), silence(1))
    assert (heard.original, heard.translation) == ("Wo?", "")


async def test_what_is_not_expected_is_said_so_and_not_written_down():
    run = Run(lambda _: Said("안녕하세요", language="ko"), expected=("es", "ar"))
    (heard,) = await run.whole(voice(1), silence(1))
    assert run.transcriber.calls == ["hear"]
    assert heard.state is UtteranceState.NOT_EXPECTED
    assert (heard.language, heard.original, heard.translation) == ("", "", "")
    assert heard.doubt == "not one of the expected languages"


async def test_a_guarded_utterance_shows_not_understood_and_no_guess():
    run = Run(lambda _: Said("Thanks for watching!", language="en"))
    (heard,) = await run.whole(voice(1), silence(1))
    assert heard.state is UtteranceState.NOT_UNDERSTOOD
    assert (heard.language, heard.original, heard.translation) == ("", "", "")
    assert heard.doubt.startswith("not understood: ")


async def test_a_translation_that_repeats_itself_is_left_out_and_the_original_stays():
    run = Run(lambda _: Said("Guten Tag", english="good " * 20))
    (heard,) = await run.whole(voice(1), silence(1))
    assert (heard.state, heard.original, heard.translation) == (UtteranceState.UNDERSTOOD, "Guten Tag", "")
    assert "no translation" in heard.doubt


async def test_what_a_transcript_holds_steers_no_terminal():
    run = Run(lambda _: Said("eins\x1b[2J zwei\n\u202edrei", english="[b]one[/b]\x07"))
    (heard,) = await run.whole(voice(2), silence(1))
    assert heard.original == "eins[2J zwei drei"
    assert heard.translation == "[b]one[/b]"


async def test_silence_and_clicks_give_nothing_at_all():
    click = voice(0.096)
    run = Run(lambda _: Said("invented"))
    assert await run.whole(silence(3), click, silence(2), click, silence(2)) == []
    assert run.transcriber.calls == []


async def test_a_file_loses_nothing_however_slow_the_model_is():
    run = Run(lambda seconds: Said(f"{seconds:.0f} Sekunden"))
    heard = await run.whole(*(sound for _ in range(12) for sound in (voice(1), silence(1))))
    assert [each.utterance for each in heard] == [f"U{number}" for number in range(1, 13)]
    assert all(each.state is UtteranceState.UNDERSTOOD for each in heard)


@pytest.mark.parametrize("error", [ModelError("no memory left"), RuntimeError("secret text"), SystemExit(3)])
async def test_a_transcriber_that_fails_costs_its_utterance_only(error):
    texts = iter([error, None])

    def script(_seconds):
        if (problem := next(texts)) is not None:
            raise problem
        return Said("Guten Tag")

    first, second = await Run(script).whole(voice(1), silence(1), voice(1), silence(1))
    assert first.state is UtteranceState.NOT_UNDERSTOOD
    assert "secret" not in first.doubt
    assert second.original == "Guten Tag"


async def test_a_detector_that_fails_ends_the_hearing_with_its_reason():
    run = Run(lambda _: Said("x"), detector=LoudDetector(fail_after=0))
    await run.say(voice(1))
    with pytest.raises(ModelError, match="as its test asked"):
        await run.go()


async def test_whatever_a_plugin_raises_or_returns_ends_in_words():
    class Broken(LoudDetector):
        def hear(self, blocks):
            return np.zeros(len(blocks) + 1, np.float32)

    run = Run(lambda _: Said("x"), detector=Broken())
    await run.say(voice(1))
    with pytest.raises(ModelError, match="voice detector failed: ValueError"):
        await run.go()
    (heard,) = await Run(lambda _: Said(text=None)).whole(voice(1), silence(1))
    assert heard.doubt.startswith("not understood: the transcriber failed: TypeError")


async def test_being_told_to_stop_in_the_middle_of_a_decode_works_at_once():
    inside, go_on = trio.Event(), threading.Event()
    token = trio.lowlevel.current_trio_token()

    def script(_seconds):
        token.run_sync_soon(inside.set)
        go_on.wait(10)
        return Said("too late")

    run = Run(script)
    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(run.go)
            await run.say(voice(1), silence(1))
            await inside.wait()
            began = trio.current_time()
            nursery.cancel_scope.cancel()
        assert trio.current_time() - began < 0.5
        assert run.heard == []
        assert run.blocks.statistics().closed
    finally:
        go_on.set()


async def test_while_somebody_speaks_a_provisional_text_is_shown_then_confirmed_then_final():
    run = Run(lambda seconds: Said("wo ist der Bahnhof bitte"[: int(seconds * 12)].strip()), live=True)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(run.go)
        for seconds in (1.2, 0.5, 0.5, 0.5):
            count = len(run.heard)
            await run.say(voice(seconds))
            with trio.fail_after(5):
                while len(run.heard) == count:  # noqa: ASYNC110
                    await trio.sleep(0.005)
        await run.say(silence(1))
        run.blocks.close()
    *provisional, final = run.heard
    assert len({each.utterance for each in run.heard}) == 1
    assert len(provisional) >= 3
    assert all(each.state is UtteranceState.PROVISIONAL and each.translation == "" for each in provisional)
    assert provisional[0].confirmed == 0
    assert provisional[-1].confirmed > 0
    assert final.state is UtteranceState.UNDERSTOOD
    assert final.translation == "in English"
    assert "write de quick" in run.transcriber.calls


async def test_a_provisional_text_is_guarded_as_well_and_of_expected_languages_only():
    for script, expected in (
        (lambda _: Said("Thanks for watching!", language="en"), ()),
        (lambda _: Said("안녕하세요", language="ko"), ("es",)),
    ):
        run = Run(script, live=True, expected=expected)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(run.go)
            await run.say(voice(1.2))
            with trio.fail_after(5):
                while not run.transcriber.calls:  # noqa: ASYNC110
                    await trio.sleep(0.005)
            await run.say(silence(1))
            run.blocks.close()
        assert [each.state for each in run.heard if each.state is UtteranceState.PROVISIONAL] == []


async def test_a_text_too_unsure_to_be_shown_is_soon_tried_again_and_counts_for_agreement():
    run = Run(lambda seconds: Said("wo ist", log_probability=-1.5 if seconds < 1.2 else -1.1), live=True)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(run.go)
        await run.say(voice(1.1))
        with trio.fail_after(5):
            while "write de quick" not in run.transcriber.calls:  # noqa: ASYNC110
                await trio.sleep(0.005)
        assert run.heard == []
        await run.say(voice(0.25))
        with trio.fail_after(5):
            while not run.heard:  # noqa: ASYNC110
                await trio.sleep(0.005)
        await run.say(silence(1))
        run.blocks.close()
    first, *_, final = run.heard
    assert (first.state, first.original, first.confirmed) == (UtteranceState.PROVISIONAL, "wo ist", len("wo ist"))
    # What stays must be surer than what is replaced in a moment.
    assert final.state is UtteranceState.NOT_UNDERSTOOD


async def test_what_the_model_invents_counts_for_no_agreement():
    run = Run(lambda seconds: Said("so " * 9 if seconds < 1.4 else "so so gut"), live=True)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(run.go)
        for seconds in (1.1, 0.25, 0.25):
            count = len(run.transcriber.calls)
            await run.say(voice(seconds))
            with trio.fail_after(5):
                while len(run.transcriber.calls) < count + 2:  # noqa: ASYNC110
                    await trio.sleep(0.005)
        await run.say(silence(1))
        run.blocks.close()
    assert run.heard[0].state is UtteranceState.PROVISIONAL
    assert (run.heard[0].original, run.heard[0].confirmed) == ("so so gut", 0)


async def test_of_a_microphone_s_utterances_the_oldest_goes_is_counted_and_shown():
    gate = threading.Event()

    def script(_seconds):
        gate.wait(10)
        return Said("Guten Tag")

    run = Run(script, live=True, settings=SpeechSettings(waiting=1))
    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(run.go)
            await run.say(*(sound for _ in range(5) for sound in (voice(0.4), silence(1))))
            with trio.fail_after(5):
                while run.blocks.statistics().waiting or run.ears[-1:] == [] or run.ears[-1].dropped < 3:  # noqa: ASYNC110
                    await trio.sleep(0.005)
            gate.set()
            run.blocks.close()
    finally:
        gate.set()
    states = [each.state for each in run.heard]
    assert states.count(UtteranceState.UNDERSTOOD) == 2
    lost = [each for each in run.heard if "given up" in each.doubt]
    assert len(lost) == run.ears[-1].dropped == 3


async def test_it_says_how_loud_it_is_and_nothing_of_what_is_said():
    run = Run(lambda _: Said("geheim"))
    await run.whole(voice(1), silence(1))
    assert any(ear.speaking for ear in run.ears)
    assert all(-120 <= ear.level <= 0 for ear in run.ears)
    assert "geheim" not in repr(run.ears)

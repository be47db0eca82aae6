"""Translators as the host asks them: in order, with a deadline, left alone when they fail, believed in nothing."""

from __future__ import annotations

import threading
import time

import pytest
import trio

from hub.answering import LONGEST, Answering, TranslatorSpec
from hub.backends import LanguagePair, Translation
from hub.errors import TranslatorError, UsageError
from hub.messages import MachineTranslation
from hub.testing.translators import ScriptedTranslator, crash, garbage, hang

SCRIPT = {"es": {"Where are you going?": "¿Adónde va usted?"}, "fr": {"Stop": "Arrêtez"}}


def spec(translator, name="scripted"):
    return TranslatorSpec(name, lambda: translator)


def scripted():
    return ScriptedTranslator(SCRIPT)


async def test_the_first_that_offers_the_pair_answers():
    other = ScriptedTranslator({"pl": {"Stop": "Stać"}})
    answering = Answering([spec(other, "other"), spec(scripted())])
    made = await answering.translate("Where are\nyou  going?", "es")
    assert made == MachineTranslation("scripted", "en", "es", "¿Adónde va usted?", ())
    assert other.calls == 0
    offers = await answering.offers()
    assert [(each.translator, len(each.pairs)) for each in offers] == [("other", 1), ("scripted", 2)]


async def test_what_was_not_translated_is_named():
    made = await Answering([spec(scripted())]).translate("Stop Hauswart", "es")
    assert made.unknown == ("Stop", "Hauswart")


async def test_nobody_is_opened_before_there_is_something_to_translate():
    opened = []
    answering = Answering([TranslatorSpec("scripted", lambda: opened.append(1) or scripted())])
    with pytest.raises(UsageError, match="nothing to translate"):
        await answering.translate(" \x1b\n", "es")
    with pytest.raises(UsageError, match="too long"):
        await answering.translate("x" * (LONGEST + 1), "es")
    assert not opened
    await answering.translate("Stop", "fr")
    await answering.offers()
    assert len(opened) == 1
    await answering.aclose()
    await answering.aclose()


async def test_no_translator_is_said_with_what_there_is():
    answering = Answering([spec(scripted())])
    with pytest.raises(UsageError, match=r"no translator from en to vi; there is es, fr$"):
        await answering.translate("Stop", "vi")
    with pytest.raises(UsageError, match=r"no translator from en to vi$"):
        await Answering([]).translate("Stop", "vi")


async def test_one_that_cannot_be_opened_offers_nothing_and_says_why():
    def broken():
        raise OSError("no such\nfile \x1b[31m")

    class Odd(ScriptedTranslator):
        def pairs(self):
            return ("es",)

    specs = [TranslatorSpec("broken", broken), spec(Odd(SCRIPT), "odd"), spec(scripted())]
    answering = Answering(specs)
    broken_offer, odd_offer, good = await answering.offers()
    assert broken_offer.problem.startswith("cannot be used: OSError")
    assert odd_offer.pairs == ()
    assert good.problem == ""
    assert (await answering.translate("Stop", "fr")).text == "Arrêtez"


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        (crash, "ZeroDivisionError"),
        (lambda one: crash(one, lambda: SystemExit(3)), "asked the process to exit"),
        (lambda one: crash(one, lambda: ValueError("My name is Anna")), "ValueError"),
        (lambda one: garbage(one, None), "no translation"),
        (lambda one: garbage(one, Translation(b"bytes")), "no translation"),
        (lambda one: garbage(one, Translation("x", ["list"])), "no translation"),
        (lambda one: garbage(one, Translation(" \u202e ")), "no text"),
    ],
)
async def test_a_fault_leaves_the_others_to_answer_and_stands_in_one_line(fault, says):
    both = Answering([spec(fault(scripted()), "faulty"), spec(scripted())])
    assert (await both.translate("Stop", "fr")).translator == "scripted"
    with pytest.raises(TranslatorError, match=says) as caught:
        await Answering([spec(fault(scripted()), "faulty")]).translate("Stop", "fr")
    assert "Anna" not in str(caught.value)
    assert "\n" not in str(caught.value)


async def test_text_and_words_are_made_harmless():
    evil = Translation("¡Alto!\x1b[31m\n[red]\u202e", ("\x1b]0;x\x07word", "", 3, *map(str, range(99))))
    made = await Answering([spec(garbage(scripted(), evil), "evil")]).translate("Stop", "fr")
    assert made.text == "¡Alto![31m [red]"
    assert made.unknown[0] == "]0;xword"
    assert len(made.unknown) <= 50


@pytest.mark.slow
async def test_one_that_hangs_is_left_in_time_and_then_left_alone():
    late = hang(scripted())
    answering = Answering([spec(late, "late"), spec(scripted())], deadline=0.1)
    began = time.monotonic()
    assert (await answering.translate("Stop", "fr")).translator == "scripted"
    assert time.monotonic() - began < 2
    for _ in range(4):
        await answering.translate("Stop", "fr")
    with pytest.raises(TranslatorError, match="late: "):
        await Answering([spec(late, "late")], deadline=0.1).translate("Stop", "fr")
    late.close()


async def test_after_three_failures_it_is_not_asked_for_a_while():
    calls = []
    times = [0.0]

    class Failing(ScriptedTranslator):
        def translate(self, text, source, target):
            calls.append(text)
            raise TranslatorError("no")

    answering = Answering([spec(Failing(SCRIPT), "failing")], now=lambda: times[0])
    for _ in range(3):
        with pytest.raises(TranslatorError, match="failing: no"):
            await answering.translate("Stop", "fr")
    with pytest.raises(TranslatorError, match="left alone"):
        await answering.translate("Stop", "fr")
    assert len(calls) == 3
    times[0] = 31.0
    with pytest.raises(TranslatorError, match="failing: no"):
        await answering.translate("Stop", "fr")


async def test_a_caller_that_goes_away_says_nothing_of_the_translator():
    began = threading.Event()
    late = hang(scripted())
    inner = late.translate

    def translate(text, source, target):
        began.set()
        return inner(text, source, target)

    late.translate = translate
    answering = Answering([spec(late)])
    async with trio.open_nursery() as nursery:
        nursery.start_soon(answering.translate, "Stop", "fr")
        await trio.to_thread.run_sync(began.wait)
        nursery.cancel_scope.cancel()
    late.release.set()
    assert (await answering.translate("Stop", "fr")).text == "Arrêtez"
    assert LanguagePair("en", "fr") in (await answering.offers())[0].pairs
    await answering.aclose()
    with pytest.raises(UsageError):
        await answering.translate("Stop", "fr")

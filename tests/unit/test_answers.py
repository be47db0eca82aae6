"""What a dashboard is answered when it asks how to speak with somebody."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
import trio
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from hub.answering import Answering, TranslatorSpec
from hub.answers import Answers
from hub.authority.keys import KeySigner
from hub.errors import BusyError, UsageError
from hub.messages import TRANSCRIPT_NOTICE, Field
from hub.phrasebook.book import load_phrasebook
from hub.phrasebook.signing import keep_signature, sign_language
from hub.testing.translators import ScriptedTranslator
from hub.wire import (
    Done,
    SayPhrase,
    ShowAnswering,
    Translate,
    TranslatorHealth,
    pack_message,
    pack_request,
    unpack_message,
    unpack_request,
)


def answers(state, program=None):
    scripted = ScriptedTranslator({"es": {"Stop": "Alto"}})
    specs = [TranslatorSpec("scripted", lambda: scripted), TranslatorSpec("broken", lambda: 1 / 0)]
    return Answers(Answering(specs), state, program=program)


def talker(folder, script):
    path = folder / "espeak-ng"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o700)
    return str(path)


async def test_it_says_what_there_is_and_who_signed_it(tmp_path):
    anna = KeySigner("anna", Ed25519PrivateKey.generate())
    now = datetime(2030, 1, 2, tzinfo=UTC)
    keep_signature(tmp_path, sign_language(load_phrasebook(), "ru", "Anna Weiss", anna, now))
    shown = await answers(tmp_path, talker(tmp_path, "cat")).answer(ShowAnswering(request=4))
    assert shown.request == 4
    assert shown.translators[0] == TranslatorHealth("scripted", ("es",), "")
    assert shown.translators[1].targets == ()
    assert shown.translators[1].problem.startswith("cannot be used: ZeroDivisionError")
    assert shown.signed == (Field("ru", "Anna Weiss"),)
    assert shown.speaks
    assert unpack_message(pack_message(shown)[4:]) == shown


async def test_a_translation_comes_under_the_notice(tmp_path):
    request = Translate(request=5, text="Stop", target="es")
    assert unpack_request(pack_request(request)[4:]) == request
    made = await answers(tmp_path).answer(request)
    assert (made.request, made.made.text, made.made.translator) == (5, "Alto", "scripted")
    assert made.notice == TRANSCRIPT_NOTICE
    with pytest.raises(UsageError, match="no translator from en to vi"):
        await answers(tmp_path).answer(Translate(request=6, text="Stop", target="vi"))


async def test_a_sentence_is_said_one_at_a_time(tmp_path):
    script = f"cat > {tmp_path}/said; while [ ! -e {tmp_path}/go ]; do sleep 0.02; done"
    asked = answers(tmp_path, talker(tmp_path, script))
    done = []

    async def say():
        done.append(await asked.answer(SayPhrase(request=7, phrase="wait", language="de")))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(say)
        while not (tmp_path / "said").exists():  # noqa: ASYNC110  # a program makes it
            await trio.sleep(0.01)
        with pytest.raises(BusyError, match="is being said"):
            await asked.answer(SayPhrase(request=8, phrase="wait", language="de"))
        (tmp_path / "go").touch()
    assert done == [Done(request=7, text="said in German: Please wait here.")]
    assert (tmp_path / "said").read_text("utf-8") == "Bitte warten Sie hier."


async def test_a_sentence_that_there_is_not_is_refused(tmp_path):
    with pytest.raises(UsageError, match="no sentence"):
        await answers(tmp_path).answer(SayPhrase(request=7, phrase="../x", language="de"))
    with pytest.raises(UsageError, match="no language"):
        await answers(tmp_path).answer(SayPhrase(request=7, phrase="wait", language="xx"))

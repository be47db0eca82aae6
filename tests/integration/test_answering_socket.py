"""An officer at the dashboard answers somebody through a running hub; of what was said nothing stays on the unit."""

from __future__ import annotations

import shutil

import pytest

from hub.phrasebook.book import load_phrasebook
from hub.wire import AnsweringShown, Done, Refused, SayPhrase, ShowAnswering, Translate, Translated
from tests.kit import Unit
from tests.kit_attach import attached, running

pytestmark = pytest.mark.slow

WORDS = "The police seek Hauswart."


@pytest.fixture
def unit(tmp_path, monkeypatch):
    made = Unit.prepare(tmp_path / "unit")
    folder = tmp_path / "bin"
    folder.mkdir()
    talker = folder / "espeak-ng"
    talker.write_text(f"#!/bin/sh\ncat > {tmp_path}/said\n")
    talker.chmod(0o700)
    with made.active():
        monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
        yield made


async def test_what_an_officer_answers_with(unit, tmp_path):
    async with running(unit), attached(unit) as talk:
        assert isinstance(await talk.ask(Translate, text=WORDS, target="es"), Refused)
        await talk.sign_in("4711")
        shown = await talk.ask(ShowAnswering)
        assert isinstance(shown, AnsweringShown)
        assert {each.translator for each in shown.translators} >= {"apertium", "argos"}
        assert shown.signed == ()
        assert shown.speaks
        said = await talk.ask(SayPhrase, phrase="ambulance", language="uk")
        assert isinstance(said, Done)
        assert (tmp_path / "said").read_text("utf-8") == load_phrasebook().phrase("ambulance", "uk").text
        refused = await talk.ask(Translate, text=WORDS, target="qq")
        assert isinstance(refused, Refused)
        assert "no translator from en to qq" in refused.reason
        if shutil.which("apertium"):
            made = await talk.ask(Translate, text=WORDS, target="es")
            assert isinstance(made, Translated)
            assert made.made.unknown == ("Hauswart",)
            assert made.notice == "machine translation, not evidence"
    held = [name for name, content in unit.files().items() if b"Hauswart" in content or "допомога".encode() in content]
    assert held == []

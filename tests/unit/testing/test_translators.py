"""The scripted translator keeps the contract that plugins are held to, and each fault breaks it in its own way."""

from __future__ import annotations

import pytest

from hub.backends import LanguagePair, Translation
from hub.testing.contracts_translators import TranslatorContract, check_translation
from hub.testing.translators import ScriptedTranslator, crash, garbage, hang

SCRIPT = {"es": {"Where are you going?": "¿Adónde va usted?"}}


class TestScripted(TranslatorContract):
    @pytest.fixture
    def translator(self):
        # What it does not know it hands back; the contract's escapes are the plugin's to take out.
        class Harmless(ScriptedTranslator):
            def translate(self, text, source, target):
                return super().translate("".join(each for each in text if each.isprintable()), source, target)

        return Harmless(SCRIPT)

    @pytest.fixture
    def example(self):
        return "Where are you going?", LanguagePair("en", "es")


def test_faults_are_what_they_are_called():
    scripted = ScriptedTranslator(SCRIPT)
    late = hang(scripted, 0.01)
    assert late.translate("Where are you going?", "en", "es") == Translation("¿Adónde va usted?")
    with pytest.raises(ZeroDivisionError):
        crash(scripted).translate("Stop", "en", "es")
    with pytest.raises(AssertionError):
        check_translation(garbage(scripted, "no translation").translate("Stop", "en", "es"))
    assert {each.name for each in (late, crash(scripted), garbage(scripted, 0))} == {"scripted"}


def test_what_it_does_not_know_is_named():
    made = ScriptedTranslator(SCRIPT).translate("Stop here stop", "en", "es")
    assert made == Translation("Stop here stop", ("Stop", "here", "stop"))

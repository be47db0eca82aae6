"""What every translator is held to: inherit the class, give it a translator, and pytest runs the rest.

Whether a translation is right is for people who speak both languages to say; no test here judges it.
"""

from __future__ import annotations

import re
import threading
import unicodedata
from typing import TYPE_CHECKING, Final

import pytest

from hub.backends import LanguagePair, Translation
from hub.errors import TranslatorError

if TYPE_CHECKING:
    from hub.backends import Translator

CODE: Final = re.compile(r"[a-z]{2,3}")

HOSTILE: Final = {
    "empty": "",
    "space": " ",
    "punctuation": "?! ... ;-)",
    "options": "--help -f html",
    "shell": "$(touch /nowhere/x); `id` | cat & rm -rf ~ '\"",
    "escapes": "Stop \x1b[31m\x1b]0;title\x07 here",
    "line breaks": "One.\nTwo.\r\nThree.\x00Four.",
    "right to left": "Name \u202etxt.exe\u2066 here",
    "marks": "^lemma<n>$ [superblank] *unknown @error #form \\ / {a} ~b~",
    "markup": "<b>bold</b> &amp; [red]x[/red]",
    "another script": "Где 身份证 جواز 👮",
    "one long word": "x" * 1000,
    "long": "Where are you going to? " * 41,
}
"""Texts by name that a translator must survive."""


def check_translation(made: Translation) -> None:
    """Fail where a translation has not the form that `Translation` states."""
    assert isinstance(made, Translation)
    assert isinstance(made.text, str)
    assert isinstance(made.unknown, tuple), "unknown words are a tuple"
    assert all(word.strip() for word in made.unknown), "unknown words are words"
    assert len(set(made.unknown)) == len(made.unknown), "each unknown word is named once"
    steering = {character for character in made.text if unicodedata.category(character) in ("Cc", "Cs")}
    assert not steering, f"the text holds characters that steer a terminal: {steering!r}"


class TranslatorContract:
    """Inherit as ``class TestMine(TranslatorContract)`` and override `translator` and `example`."""

    @pytest.fixture
    def translator(self) -> Translator:
        """Return a translator that is open and offers at least one pair."""
        raise NotImplementedError("override the fixture `translator`")

    @pytest.fixture
    def example(self) -> tuple[str, LanguagePair]:
        """Return a text and a pair for which the translator knows every word."""
        raise NotImplementedError("override the fixture `example`")

    def test_has_a_short_name(self, translator: Translator) -> None:
        """The name is what configuration and screens say."""
        assert translator.name == translator.name.lower().strip()
        assert 0 < len(translator.name) <= 40

    def test_says_what_it_offers(self, translator: Translator, example: tuple[str, LanguagePair]) -> None:
        """Pairs are of language codes, each once, and what is missing is one line."""
        pairs = list(translator.pairs())
        assert example[1] in pairs
        assert len(set(pairs)) == len(pairs)
        for pair in pairs:
            assert CODE.fullmatch(pair.source)
            assert CODE.fullmatch(pair.target)
            assert pair.source != pair.target
        assert "\n" not in translator.missing()

    def test_translates(self, translator: Translator, example: tuple[str, LanguagePair]) -> None:
        """The example comes out as something else, in the stated form, twice the same, with nothing unknown."""
        text, pair = example
        made = translator.translate(text, pair.source, pair.target)
        check_translation(made)
        assert made.text.strip()
        assert made.text != text
        assert made.unknown == ()
        assert translator.translate(text, pair.source, pair.target) == made

    @pytest.mark.parametrize("name", sorted(HOSTILE))
    def test_survives_any_text(self, translator: Translator, example: tuple[str, LanguagePair], name: str) -> None:
        """Whatever it is given, it answers in the stated form or says that it cannot."""
        _, pair = example
        try:
            made = translator.translate(HOSTILE[name], pair.source, pair.target)
        except TranslatorError as error:
            said = str(error)
        else:
            check_translation(made)
            return
        assert said.strip()
        assert "\n" not in said

    @pytest.mark.parametrize("target", ["xx", "", "../../etc", "-h", "en"])
    def test_refuses_a_pair_that_it_does_not_offer(self, translator: Translator, target: str) -> None:
        """Nothing is given out as a language that it is not."""
        with pytest.raises(TranslatorError):
            translator.translate("Where are you going?", "en", target)

    def test_translates_in_another_thread(self, translator: Translator, example: tuple[str, LanguagePair]) -> None:
        """The host calls from worker threads, not always the same."""
        text, pair = example
        made: list[Translation] = []
        thread = threading.Thread(target=lambda: made.append(translator.translate(text, pair.source, pair.target)))
        thread.start()
        thread.join()
        assert made == [translator.translate(text, pair.source, pair.target)]

    def test_may_be_closed_twice(self, translator: Translator) -> None:
        """Closing is safe to repeat."""
        translator.close()
        translator.close()

"""Translators that need no engine: one that follows a script, and the named faults hang, crash and garbage."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar

from hub.backends import LanguagePair, Translation, Translator
from hub.errors import TranslatorError


class ScriptedTranslator(Translator):
    """Knows the sentences that it was given, and of any other says that no word of it is known.

    Args:
        sentences: By language, each English sentence with its translation.
    """

    name: ClassVar[str] = "scripted"

    def __init__(self, sentences: Mapping[str, Mapping[str, str]]) -> None:
        self._sentences = sentences
        self.calls = 0
        """How often it was asked."""

    def pairs(self) -> Sequence[LanguagePair]:
        """Return English to each language of the script."""
        return tuple(LanguagePair("en", target) for target in self._sentences)

    def translate(self, text: str, source: str, target: str) -> Translation:
        """Return the script's sentence."""
        self.calls += 1
        if source != "en" or target not in self._sentences:
            raise TranslatorError(f"this script has no {source} to {target}")
        known = self._sentences[target].get(text)
        return Translation(text, tuple(dict.fromkeys(text.split()))) if known is None else Translation(known)


class FaultyTranslator(Translator):
    """A translator whose `translate` was replaced; everything else is the wrapped translator's."""

    name: ClassVar[str] = "faulty"

    def __init__(self, translator: Translator, translate: Callable[[str, str, str], Translation]) -> None:
        vars(self).update(name=translator.name)
        self._translator = translator
        self._translate = translate
        self.release = threading.Event()
        """Set it to let calls that hang go on, so that a test leaves no thread behind."""

    def pairs(self) -> Sequence[LanguagePair]:
        """Return the wrapped translator's pairs."""
        return self._translator.pairs()

    def translate(self, text: str, source: str, target: str) -> Translation:
        """Fail as told."""
        return self._translate(text, source, target)

    def close(self) -> None:
        """Close the wrapped translator and let hanging calls go."""
        self.release.set()
        self._translator.close()


def hang(translator: Translator, seconds: float = 30.0) -> FaultyTranslator:
    """Answer, but only after so many seconds."""

    def translate(text: str, source: str, target: str) -> Translation:
        faulty.release.wait(seconds)
        return translator.translate(text, source, target)

    faulty = FaultyTranslator(translator, translate)
    return faulty


def crash(
    translator: Translator, error: Callable[[], BaseException] = lambda: ZeroDivisionError("x")
) -> FaultyTranslator:
    """Raise each time."""

    def translate(text: str, source: str, target: str) -> Translation:
        del text, source, target
        raise error()

    return FaultyTranslator(translator, translate)


def garbage(translator: Translator, answer: object) -> FaultyTranslator:
    """Answer with something that is no translation."""

    def translate(text: str, source: str, target: str) -> Translation:
        del text, source, target
        return answer  # type: ignore[return-value]  # that is the fault

    return FaultyTranslator(translator, translate)

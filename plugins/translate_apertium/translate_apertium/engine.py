"""Apertium as a translator: which pairs are installed, and one text through one of them.

Apertium marks what it could not translate: ``*`` a word that it does not know, ``@`` one without a translation, ``#``
one whose form it cannot make. None of them is shown as if it were translated: it stands in square brackets and is
named.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import ClassVar, Final

from hub.backends import LanguagePair, Translation, Translator
from hub.errors import TranslatorError
from hub.text import plain
from translate_apertium.child import run

SECONDS: Final = 8.0
"""For one text; the host waits a little longer."""
LIST_SECONDS: Final = 5.0
LONGEST: Final = 1000
"""Characters of a text."""
INSTALL: Final = "install Apertium with a pair for it, such as: apt install apertium apertium-eng-spa"

SHORT: Final[Mapping[str, str]] = MappingProxyType(
    {
        "afr": "af", "ara": "ar", "arg": "an", "bel": "be", "bre": "br", "bul": "bg", "cat": "ca", "cym": "cy",
        "dan": "da", "eng": "en", "epo": "eo", "eus": "eu", "fra": "fr", "glg": "gl", "hbs": "sh", "hin": "hi",
        "hrv": "hr", "ind": "id", "isl": "is", "ita": "it", "kaz": "kk", "mkd": "mk", "mlt": "mt", "nld": "nl",
        "nno": "nn", "nob": "nb", "oci": "oc", "pol": "pl", "por": "pt", "ron": "ro", "rus": "ru", "slv": "sl",
        "spa": "es", "srd": "sc", "srp": "sr", "swe": "sv", "tat": "tt", "tur": "tr", "ukr": "uk", "urd": "ur",
        "zlm": "ms",
    }
)  # fmt: skip
"""ISO 639-1 codes by those of ISO 639-3, for the languages of Debian's pairs."""

_MODE: Final = re.compile(r"([a-z]{2,3})-([a-z]{2,3})")
_STEERS: Final = re.compile(r"[^\w\s.,;:?!¿¡'’\"()%&+–-]|_")
"""What is no part of a spoken sentence; some of it, such as ``*`` and ``^``, has a meaning in Apertium's stream."""
_MARKED: Final = re.compile(r"[*@#]+(\w[\w'’-]*)")


class Apertium(Translator):
    """Puts a sentence through one of the system's Apertium pairs.

    Args:
        program: Path of ``apertium``; found by itself where None.
        seconds: Deadline of one text.
    """

    name: ClassVar[str] = "apertium"

    def __init__(self, program: str | None = None, *, seconds: float = SECONDS) -> None:
        self._program = program or shutil.which("apertium")
        self._seconds = seconds
        self._modes: dict[LanguagePair, str] | None = None

    def pairs(self) -> Sequence[LanguagePair]:
        """Return the installed pairs; the system is asked once."""
        return tuple(self._installed())

    def missing(self) -> str:
        """Say what to install where there is no pair."""
        return "" if self._installed() else INSTALL

    def translate(self, text: str, source: str, target: str) -> Translation:
        """Translate one text; what was not translated stands in square brackets."""
        mode = self._installed().get(LanguagePair(source, target))
        if self._program is None or mode is None:
            raise TranslatorError(f"Apertium has no pair from {plain(source, 20)} to {plain(target, 20)}: {INSTALL}")
        line = " ".join(_STEERS.sub(" ", text[:LONGEST]).split())
        if not any(character.isalpha() for character in line):
            raise TranslatorError("there is nothing to translate")
        # Without a line break at its end the last full stop is lost.
        said = run([self._program, "-f", "txt", mode], f"{line}\n".encode(), self._seconds)
        return _translation(plain(said.decode("utf-8", "replace"), 4 * LONGEST))

    def _installed(self) -> dict[LanguagePair, str]:
        """Return the name of Apertium's mode by pair; one with a variant, such as ``spa-eng_US``, is left out."""
        if self._modes is None:
            try:
                listed = (
                    run([self._program, "-l"], b"", LIST_SECONDS).decode("utf-8", "replace") if self._program else ""
                )
            except TranslatorError:
                listed = ""
            found = filter(None, (_MODE.fullmatch(mode) for mode in listed.split()))
            modes = {LanguagePair(_short(mode[1]), _short(mode[2])): mode[0] for mode in found}
            self._modes = {pair: mode for pair, mode in modes.items() if pair.source != pair.target}
        return self._modes


def _short(code: str) -> str:
    return SHORT.get(code, code)


def _translation(said: str) -> Translation:
    unknown = tuple(dict.fromkeys(found[1] for found in _MARKED.finditer(said)))
    text = _MARKED.sub(r"[\1]", said)
    if not text:
        raise TranslatorError("Apertium gave no translation")
    return Translation(text, unknown)

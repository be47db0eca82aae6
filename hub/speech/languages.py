"""Languages by their codes, and which one an utterance is taken for among those that the officer expects."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from msgspec import Struct

from hub.backends import LanguageGuess
from hub.errors import UsageError
from hub.text import plain

_NAMES: Final = (
    "af Afrikaans, am Amharic, ar Arabic, as Assamese, az Azerbaijani, ba Bashkir, be Belarusian, bg Bulgarian, "
    "bn Bengali, bo Tibetan, br Breton, bs Bosnian, ca Catalan, cs Czech, cy Welsh, da Danish, de German, el Greek, "
    "en English, es Spanish, et Estonian, eu Basque, fa Persian, fi Finnish, fo Faroese, fr French, gl Galician, "
    "gu Gujarati, ha Hausa, haw Hawaiian, he Hebrew, hi Hindi, hr Croatian, ht Haitian Creole, hu Hungarian, "
    "hy Armenian, id Indonesian, is Icelandic, it Italian, ja Japanese, jv Javanese, ka Georgian, kk Kazakh, km Khmer, "
    "kn Kannada, ko Korean, la Latin, lb Luxembourgish, ln Lingala, lo Lao, lt Lithuanian, lv Latvian, mg Malagasy, "
    "mi Maori, mk Macedonian, ml Malayalam, mn Mongolian, mr Marathi, ms Malay, mt Maltese, my Burmese, ne Nepali, "
    "nl Dutch, nn Norwegian Nynorsk, no Norwegian, oc Occitan, pa Punjabi, pl Polish, ps Pashto, pt Portuguese, "
    "ro Romanian, ru Russian, sa Sanskrit, sd Sindhi, si Sinhala, sk Slovak, sl Slovene, sn Shona, so Somali, "
    "sq Albanian, sr Serbian, su Sundanese, sv Swedish, sw Swahili, ta Tamil, te Telugu, tg Tajik, th Thai, "
    "tk Turkmen, tl Tagalog, tr Turkish, tt Tatar, uk Ukrainian, ur Urdu, uz Uzbek, vi Vietnamese, yi Yiddish, "
    "yo Yoruba, yue Cantonese, zh Chinese"
)
LANGUAGES: Final[Mapping[str, str]] = MappingProxyType(
    {code: name for code, _, name in (each.partition(" ") for each in _NAMES.split(", "))}
)
"""English names by ISO 639-1 codes (639-3 where there is none)."""
ENGLISH: Final = "en"


class Choice(Struct, frozen=True):
    """What language an utterance is taken for."""

    language: str
    """The best of the expected ones; of all, where none is expected or none of them fits."""
    probability: float
    """Of that language among all."""
    expected: bool
    """False where it is none of the expected languages."""


def choose(guesses: Sequence[LanguageGuess], expected: Collection[str], least: float) -> Choice:
    """Choose a language. What is none of the expected ones is not forced into one.

    Args:
        guesses: What the model thinks; probabilities add up to at most 1.
        expected: Codes that the officer expects; empty for any.
        least: Probability that the expected ones must have together.
    """
    ranked = sorted(guesses, key=lambda guess: -guess.probability)
    if not ranked:
        return Choice("", 0.0, expected=not expected)
    fitting = [guess for guess in ranked if guess.language in expected]
    if expected and sum(guess.probability for guess in fitting) < least:
        return Choice(ranked[0].language, ranked[0].probability, expected=False)
    best = (fitting or ranked)[0]
    return Choice(best.language, best.probability, expected=True)


def parse_codes(text: str, known: Collection[str] = LANGUAGES.keys()) -> tuple[str, ...]:
    """Return the codes in a list with commas, such as ``es,fr``; "" is none.

    Raises:
        UsageError: One is unknown; the message names the nearest.
    """
    codes = tuple(dict.fromkeys(each.strip().lower() for each in text.split(",") if each.strip()))
    for code in codes:
        if code not in known:
            names = {name.lower(): each for each, name in LANGUAGES.items() if each in known}
            near = difflib.get_close_matches(code, names, n=1)
            hint = f"; did you mean {names[near[0]]}?" if near else ": two letters of ISO 639-1, such as es or ar"
            raise UsageError(f"no language is called {plain(code, 40)}{hint}")
    return codes


def name_of(code: str) -> str:
    """Return the English name of a language; the code itself where none is known."""
    return LANGUAGES.get(code, code)

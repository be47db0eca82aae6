"""Words that stand on vehicles and beside roads: makes, models, equipment, signs, slogans. They are no plates.

The words are data (`lettering.txt`); nothing here looks at pictures.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Final

from hub.plates.alphabet import normalise

TABLE: Final = Path(__file__).with_name("lettering.txt")

LOOK_ALIKES: Final = str.maketrans("OQDIZSBG", "00012586")
"""Characters that a reader takes for each other are written the same before words are compared."""

LONG: Final = 6
"""Words of at least so many characters are known with one character wrong, missing or added."""


WORD: Final = 4
"""Parts of a text, between separators, are looked up from so many letters; shorter ones stand on plates."""


def is_lettering(texts: Sequence[str]) -> bool:
    """Say whether any of several ways to write down a text is, but for one character, a known word.

    Args:
        texts: What a reader says, with or without separators.
    """
    for text in texts:
        parts = [normalise(part) for part in re.split(r"[^0-9A-Za-zÀ-ÿ]+", text)]
        candidates = [normalise(text), *(part for part in parts if len(part) >= WORD and part.isalpha())]
        if any(_known(part.translate(LOOK_ALIKES)) for part in candidates if len(part) > 1):
            return True
    return False


@cache
def _words() -> frozenset[str]:
    lines = (line for line in TABLE.read_text(encoding="utf-8").splitlines() if not line.startswith("#"))
    return frozenset(normalise(word).translate(LOOK_ALIKES) for line in lines for word in line.split())


@cache
def _holes() -> dict[str, int]:
    """Return every long word with one character taken out, and the word's length."""
    return {hole: len(word) for word in _words() if len(word) >= LONG for hole in _without_one(word)}


def _without_one(word: str) -> set[str]:
    return {word[:i] + word[i + 1 :] for i in range(len(word))}


def _known(text: str) -> bool:
    if text in _words():
        return True
    if len(text) < LONG or not any(c in "ACEFHJKLMNPRTUVWXY" for c in text):
        return False
    holes = _holes()
    return text in holes or any((one in _words() and len(one) >= LONG) or one in holes for one in _without_one(text))

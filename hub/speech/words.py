"""Text as words that can be compared: one form for agreement, for phantoms and for word error rates."""

from __future__ import annotations

import unicodedata


def normalise(text: str) -> str:
    """Return text in NFKC and lower case, with punctuation and symbols as spaces and runs of spaces as one."""
    folded = unicodedata.normalize("NFKC", text).lower()
    return " ".join("".join(" " if unicodedata.category(each)[0] in "PS" else each for each in folded).split())


def word_errors(reference: list[str], found: list[str]) -> int:
    """Return the least number of words to put in, leave out or change that makes one list the other."""
    row = list(range(len(found) + 1))
    for number, expected in enumerate(reference, 1):
        diagonal, row[0] = row[0], number
        for place, word in enumerate(found, 1):
            diagonal, row[place] = row[place], min(row[place] + 1, row[place - 1] + 1, diagonal + (expected != word))
    return row[-1]

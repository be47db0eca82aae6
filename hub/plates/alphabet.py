"""The symbols that plates are decoded over, and their order in evidence arrays.

Cyrillic and Greek letters that plate standards choose for their Latin shape (Vienna Convention, annex 2) are written
as the Latin letter; readers fold them before they hand evidence over. No decision lives here.
"""

from __future__ import annotations

import unicodedata
from typing import Final

SYMBOLS: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÜ"
"""Column order of `hub.messages.PlateEvidence.slots`; the column after the last is "no character here"."""

EMPTY: Final = len(SYMBOLS)
"""Index of the column "no character here"."""

INDEX: Final = {symbol: column for column, symbol in enumerate(SYMBOLS)}
"""Column of each symbol."""

UNKNOWN: Final = "?"
"""Stands for one unknown character in a partial plate."""

ANY: Final = "*"
"""Stands for any number of unknown characters in a partial plate."""


_LATIN: Final = str.maketrans("АВЕКМНОРСТУХІЈЅΑΒΕΖΗΙΚΜΝΟΡΤΥΧØĐŁ", "ABEKMHOPCTYXIJSABEZHIKMNOPTYXODL")
"""Cyrillic and Greek capitals with a Latin twin, and Latin letters whose stroke Unicode does not take apart."""


def _plain(symbol: str) -> str:
    """Return a letter without an accent that `SYMBOLS` does not have: Č as C, Ñ as N, Ä as Ä."""
    return symbol if symbol in INDEX else unicodedata.normalize("NFD", symbol)[0]


def normalise(text: str) -> str:
    """Return a plate without separators, in upper case: what is compared, stored and shown.

    Args:
        text: A plate as somebody wrote it; spaces, dashes, dots and middle dots are separators.

    Returns:
        Only symbols of `SYMBOLS`, `UNKNOWN` and `ANY`: other accents are taken off, Cyrillic and Greek letters become
        their Latin twins, every other character is dropped.
    """
    upper = text.upper()
    if upper.isascii() and upper.isalnum():
        return upper
    upper = unicodedata.normalize("NFC", upper).translate(_LATIN)
    return "".join(c for c in map(_plain, upper) if c in INDEX or c in (UNKNOWN, ANY))

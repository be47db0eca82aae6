"""The symbols that plates are decoded over, and their order in evidence arrays.

Cyrillic and Greek letters that plate standards choose for their Latin shape (Vienna Convention, annex 2) are written
as the Latin letter; readers fold them before they hand evidence over. No decision lives here.
"""

from __future__ import annotations

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


def normalise(text: str) -> str:
    """Return a plate without separators, in upper case: what is compared, stored and shown.

    Args:
        text: A plate as somebody wrote it; spaces, dashes, dots and middle dots are separators.

    Returns:
        Only symbols of `SYMBOLS`, `UNKNOWN` and `ANY`; every other character is dropped.
    """
    return "".join(c for c in text.upper() if c in INDEX or c in (UNKNOWN, ANY))

"""What it costs to take one character of a plate for another: look-alikes, and characters lost or invented.

Costs are in nats, symmetric, 0 for a character and itself: a cost of c stands for a confusion that is exp(-c) times as
likely as the right character. They are orders of magnitude, not fitted to one reader: what they do to recall and false
alerts is measured by the benchmark, and `hub.plates.budget` sets the limit for whatever they are.

Where the pairs come from: the fold classes are those in which plate typefaces draw one shape, or nearly, for two
symbols (which is why Germany's FE-Schrift cuts its O and 0 apart, and why many countries leave I, O and Q out). The
other pairs differ in one stroke that dirt, a screw or blur adds or takes away (E and F, P and R, 3 and 8, C and G), or
in a corner that low resolution rounds off (U and V, J and U, H and W, 6 and G, 4 and A).
"""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Final

import numpy as np

from hub.plates.alphabet import EMPTY, INDEX, SYMBOLS

if TYPE_CHECKING:
    from numpy.typing import NDArray

FOLD_CLASSES: Final = ("0ODQÖ", "1I", "2Z", "5S", "8B", "AÄ", "UÜ")
"""Symbols that are the same once folded; the first of each stands for all."""

FOLDED: Final = 2.0
"""Cost within a fold class: about one in seven."""

ALIKE: Final = 3.0
"""Cost of one stroke more or less: about one in twenty."""

GAP: Final = 5.0
"""Cost of a character that only one side has: about one in 150."""

OTHER: Final = 5.5
"""Cost of any two characters else: about one in 250."""

LARGEST: Final = 5.5
"""Largest cost that a hot-list match supports. It admits one change of any kind, two folds, or a stroke and a fold, but
no two strokes: `hub.plates.keys` rests on that."""

ONE_STROKE: Final = {
    "0": "689CGPU",
    "1": "7JLT",
    "2": "7E",
    "3": "589",
    "4": "AHY",
    "5": "68",
    "6": "8G",
    "7": "TY",
    "8": "9AER",
    "9": "GP",
    "A": "R",
    "C": "EG",
    "E": "FL",
    "F": "PT",
    "H": "KMNW",
    "J": "U",
    "K": "RX",
    "M": "NW",
    "P": "R",
    "T": "Y",
    "U": "VW",
    "V": "WY",
    "X": "Y",
}
"""Folded symbols that one stroke or one rounded corner keeps apart, each pair once; what holds for a symbol holds for
all of its fold class (0 and C, so O and C)."""

_REPRESENTATIVE: Final = {symbol: names[0] for names in FOLD_CLASSES for symbol in names}
_FOLD: Final = str.maketrans(_REPRESENTATIVE)


def fold(plate: str) -> str:
    """Write look-alikes the same: O, Q, D as 0, I as 1, Z as 2, S as 5, B as 8, and Ä, Ö, Ü without their dots."""
    return plate.translate(_FOLD)


def _table() -> NDArray[np.float64]:
    table = np.full((EMPTY + 1, EMPTY + 1), OTHER)
    table[EMPTY, :] = table[:, EMPTY] = GAP
    for x, y in product(SYMBOLS, SYMBOLS):
        a, b = fold(x), fold(y)
        if a == b:
            table[INDEX[x], INDEX[y]] = FOLDED
        elif b in ONE_STROKE.get(a, "") or a in ONE_STROKE.get(b, ""):
            table[INDEX[x], INDEX[y]] = ALIKE
    np.fill_diagonal(table, 0.0)
    table.setflags(write=False)
    return table


COSTS: Final = _table()
"""float64 [len(SYMBOLS) + 1, len(SYMBOLS) + 1], read-only; the last row and column are "no character here"."""

SAME_WHEN_FOLDED: Final = COSTS <= FOLDED
"""bool, shape of `COSTS`: whether two columns are one symbol or look-alikes of one fold class."""


def cost(a: str, b: str) -> float:
    """Return the cost of taking one symbol for another; "" stands for no character."""
    return float(COSTS[INDEX[a] if a else EMPTY, INDEX[b] if b else EMPTY])

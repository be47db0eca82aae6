"""Reads a line of text: the PP-OCR recogniser's output, folded to the symbols of plates.

Keeps the probabilities of every time step; no decision on what is written there.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Final, TypeAlias

import cv2
import numpy as np

from hub.backends import PrintedCharacter
from hub.errors import ModelError
from hub.messages import CharacterRead
from hub.plates.alphabet import INDEX, SYMBOLS
from plates_ppocr.weights import RECOGNISER, open_session

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Image: TypeAlias = NDArray[np.uint8]
    Steps: TypeAlias = NDArray[np.float32]

HEIGHT: Final = 48
"""Pixels in height that the network takes."""

STRIDE: Final = 8
"""Pixels in width for each time step."""

BLANK: Final = len(SYMBOLS)
"""Column of "nothing new here" in the folded output."""

SEPARATOR: Final = BLANK + 1
"""Column of spaces, dashes, dots and emblems."""

OTHER: Final = BLANK + 2
"""Column of characters that no plate has: small letters of a shape of their own, other scripts."""

COLUMNS: Final = OTHER + 1
"""Number of columns of the folded output."""

SAME_SHAPE_SMALL: Final = frozenset("cosvwxzuklipjf")
"""Small letters drawn like their capital (l like I); the others are evidence that this is no plate."""

TWINS: Final = {
    # Cyrillic and Greek capitals that plates choose for their Latin shape (Vienna Convention, annex 2).
    **dict(zip("АВЕКМНОРСТУХІЅЈЗ", "ABEKMHOPCTYXISJ3", strict=True)),
    **dict(zip("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "ABEZHIKMNOPTYX", strict=True)),
    "Ø": "0", "О": "O", "〇": "0", "○": "0", "◯": "0", "丨": "I", "l": "I", "|": "I",
}  # fmt: skip
"""Other characters of the same shape as a symbol."""

SEPARATORS: Final = frozenset(" -–—−‐‑.·•∙・。:：'’‘`´\"“”*＊°º˙,，、_~=|/\\^¨")
"""Characters that stand between a plate's groups, or that an emblem is read as."""


LEAST_OTHER: Final = 0.01
"""Probability from which `Recogniser.spell` tells what else a character may be."""


def fold_table(characters: Sequence[str]) -> NDArray[np.intp]:
    """Return for each class of the network the column that it is folded into.

    Args:
        characters: The network's characters in order, without the leading blank and the trailing space.
    """
    return np.array([BLANK, *(_column(c) for c in characters), SEPARATOR], np.intp)


def _column(character: str) -> int:
    twin = TWINS.get(character, character)
    if twin in INDEX:
        return INDEX[twin]
    if character in SAME_SHAPE_SMALL:
        return INDEX[character.upper()]
    if character in SEPARATORS:
        return SEPARATOR
    wide = unicodedata.normalize("NFKC", character)
    if wide != character and len(wide) == 1:
        return _column(wide)
    return SEPARATOR if unicodedata.category(character)[0] in "PSZ" else OTHER


class Recogniser:
    """The text recogniser in a session of its own."""

    def __init__(self, *, threads: int = 2) -> None:
        self._session = open_session(RECOGNISER, threads=threads)
        self._input = self._session.get_inputs()[0].name
        listed = self._session.get_modelmeta().custom_metadata_map.get("character", "").split("\n")
        classes = self._session.get_outputs()[0].shape[2]
        if len(listed) + 2 != classes:
            raise ModelError(f"the recogniser lists {len(listed)} characters for {classes} classes")
        self._characters = ["", *listed, " "]
        table = fold_table(listed)
        # Classes ordered by column, so that one pass of reduceat folds them.
        self._order = np.argsort(table, kind="stable")
        columns, self._starts = np.unique(table[self._order], return_index=True)
        self._columns = columns

    def read(self, lines: Sequence[Image], *, width: int) -> tuple[Steps, list[str]]:
        """Read lines of text.

        Args:
            lines: uint8 [HEIGHT, up to width, 3] each, BGR.
            width: Width in pixels to which all are padded.

        Returns:
            Probabilities, float32 [lines, steps, COLUMNS], and what the network would say by itself.

        Raises:
            ModelError: The network does not run.
        """
        batch = np.zeros((len(lines), 3, HEIGHT, width), np.float32)
        for row, line in zip(batch, lines, strict=True):
            row[:, :, : line.shape[1]] = cv2.dnn.blobFromImage(line, 1 / 127.5, mean=(127.5, 127.5, 127.5))[0]
        try:
            output = self._session.run(None, {self._input: batch})[0]
        except Exception as error:  # onnxruntime raises classes of its own, none of them public
            raise ModelError(f"the text recogniser does not run: {error}") from error
        folded = np.zeros((*output.shape[:2], COLUMNS), np.float32)
        folded[..., self._columns] = np.add.reduceat(output[..., self._order], self._starts, axis=2)
        return folded, [self._say(steps) for steps in output.argmax(axis=2)]

    def spell(self, line: Image) -> tuple[PrintedCharacter, ...]:
        """Read one line of print as it stands, whatever its characters.

        Args:
            line: uint8 [HEIGHT, width, 3], BGR.

        Returns:
            Its characters, each as certain as the best of its steps, and so is what else each may be.

        Raises:
            ModelError: The network does not run.
        """
        width = -(-line.shape[1] // STRIDE) * STRIDE
        batch = np.zeros((1, 3, HEIGHT, width), np.float32)
        batch[0, :, :, : line.shape[1]] = cv2.dnn.blobFromImage(line, 1 / 127.5, mean=(127.5, 127.5, 127.5))[0]
        try:
            steps = self._session.run(None, {self._input: batch})[0][0]
        except Exception as error:  # onnxruntime raises classes of its own, none of them public
            raise ModelError(f"the text recogniser does not run: {error}") from error
        best = steps.argmax(axis=1)
        starts = np.flatnonzero(np.diff(best, prepend=-1))
        runs = pairwise([*starts.tolist(), len(best)])
        return tuple(self._character(steps, best, at, end) for at, end in runs if best[at])

    def _character(self, steps: Steps, best: NDArray[np.intp], at: int, end: int) -> PrintedCharacter:
        """Return the character of a run of steps; what else it may be shows in the empty steps beside it, too."""
        first = at - 1 if at and not best[at - 1] else at
        last = end + 1 if end < len(best) and not best[end] else end
        seen = steps[first:last].max(axis=0)
        others = [index for index in np.flatnonzero(seen >= LEAST_OTHER).tolist() if index and index != best[at]]
        return PrintedCharacter(
            self._characters[best[at]],
            float(steps[at:end, best[at]].max()),
            tuple(CharacterRead(self._characters[index], float(seen[index])) for index in others),
            (at + end) / 2 / len(best),
        )

    def _say(self, best: NDArray[np.intp]) -> str:
        changes = np.flatnonzero(np.diff(best, prepend=-1))
        return "".join(self._characters[best[i]] for i in changes).strip()

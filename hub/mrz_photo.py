"""From printed lines in a photograph to the text of a machine readable zone, or to "not readable". Pure.

Nothing is guessed. A character is taken for its twin only where the layout allows one kind alone: a 0 among letters is
an O, letters of the shape of a digit in a date are that digit. Then every check digit has to agree; one look-alike that
would settle them all is not put in, because with another character misread it makes another document. Names and states
are under no digit: there the reader has to be sure of every character.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from datetime import date
from itertools import pairwise
from typing import Final, TypeAlias

from hub.backends import PrintedLine
from hub.errors import NotReadableError, UsageError
from hub.messages import CharacterRead
from hub.mrz import FILLER, VALUES, parse

Row: TypeAlias = tuple[CharacterRead, ...]

LEAST: Final = 0.5
"""Probability that a character must have where nothing but the reader vouches for it: names and states."""
LEAST_IN_NUMBER: Final = 0.7
"""The same in numbers: their check digits do not tell G from 6, S from 8 or L from 1."""
MISCOUNTED: Final = 3
"""Fillers at the end of a line of names by which a reader may be off."""
SHAPES: Final = ((44, 2), (36, 2), (30, 3))
"""Characters of a line and number of lines: passports and visas, smaller documents and visas, cards."""
_TWINS: Final = str.maketrans({"«": "<<", "‹": "<", "＜": "<", "〈": "<", "く": "<", "≤": "<", "≪": "<<", "《": "<<"})
_DIGITS: Final = {"O": "0", "Q": "0", "D": "0", "I": "1", "L": "1", "Z": "2", "S": "5", "B": "8"}
"""Letters of the shape of a digit, for places where only digits stand."""

# What may stand where: C the kind of document, L letters and fillers, D digits and fillers, * anything.
_PAIR: Final = "*" * 9 + "D" + "L" * 3 + "D" * 7 + "L" + "D" * 7
_KINDS: Final = {
    (44, False): ("C" + "L" * 43, _PAIR + "*" * 14 + "DD"),
    (44, True): ("C" + "L" * 43, _PAIR + "*" * 16),
    (36, False): ("C" + "L" * 35, _PAIR + "*" * 7 + "D"),
    (36, True): ("C" + "L" * 35, _PAIR + "*" * 8),
    (30, False): (
        "C" + "L" * 4 + "*" * 25,
        "D" * 7 + "L" + "D" * 7 + "L" * 3 + "*" * 11 + "D",
        "L" * 30,
    ),
}
"""By width and whether it is a visa: ICAO 9303-4 to 9303-7."""


def zone_of(lines: Sequence[PrintedLine], today: date) -> str:
    """Return the zone that stands in a photograph, as `hub.mrz.parse` takes it.

    Args:
        lines: What a reader saw, from top to bottom.
        today: For the dates.

    Raises:
        NotReadableError: There is none, several, or it is not readable beyond doubt; why, and what to do. Nothing of
            what was seen stands in the message: it may be another document's.
    """
    found = list(_zones(lines))
    if not found:
        raise NotReadableError(_no("no lines of a machine readable zone were made out"))
    if len(found) > 1:
        raise NotReadableError(_no("more than one zone is in the picture"))
    text = "\n".join(_by_kind(found[0]))
    try:
        zone = parse(text, today)
    except UsageError:
        raise NotReadableError(_no("its lines make up no zone")) from None
    if not zone.agrees:  # also where one look-alike would settle it: it may be another character that is wrong
        raise NotReadableError(_no("its check digits do not agree with what was read"))
    return text


def clean(line: PrintedLine) -> tuple[CharacterRead, ...]:
    """Return a line in the characters of a zone: without spaces, with twins of the filler as fillers."""
    return tuple(
        CharacterRead(character, each.probability)
        for each in line.characters
        for character in unicodedata.normalize("NFKC", each.text.translate(_TWINS))
        if not character.isspace()
    )


def _zones(lines: Sequence[PrintedLine]) -> Iterator[tuple[Row, ...]]:
    """Yield runs of lines, one right under the other, that have the shape of a zone."""
    rows = [(line, cleaned) for line in lines if set(_text(cleaned := clean(line))) <= set(VALUES)]
    for width, count in SHAPES:
        for at in range(len(rows) - count + 1):
            run = rows[at : at + count]
            names = 0 if count == 2 else 2
            fitted = [_fit(row, width, names=place == names) for place, (_, row) in enumerate(run)]
            under = all(_under(upper, lower) for (upper, _), (lower, _) in pairwise(run))
            if under and all(len(row) == width for row in fitted):
                yield tuple(fitted)


def _fit(row: Row, width: int, *, names: bool) -> Row:
    """Give a line of names its fillers, where a few more or fewer were counted at its end."""
    full = _text(row)
    short = len(full.rstrip(FILLER))
    if not names or not full.endswith(FILLER) or short >= width or abs(len(full) - width) > MISCOUNTED:
        return row
    return row[:short] + (CharacterRead(FILLER, 1.0),) * (width - short)


def _text(row: Row) -> str:
    return "".join(each.text for each in row)


def _under(upper: PrintedLine, lower: PrintedLine) -> bool:
    """Say whether a line stands right under another, about as long."""
    apart = (lower.box.y + lower.box.h / 2) - (upper.box.y + upper.box.h / 2)
    alike = min(upper.box.w, lower.box.w) > 0.85 * max(upper.box.w, lower.box.w)
    return alike and 0 < apart < 4 * max(upper.box.h, lower.box.h)


def _by_kind(rows: Sequence[Row]) -> list[str]:
    """Take characters for their twins where the layout allows one kind alone, and refuse what is doubtful elsewhere.

    Raises:
        NotReadableError: A character is too doubtful, or is of a kind that does not stand there.
    """
    kinds = _KINDS[len(rows[0]), len(rows) == 2 and rows[0][0].text == "V"]
    settled = ["".join(map(_settle, row, kind)) for row, kind in zip(rows, kinds, strict=True)]
    names = settled[0][5:] if len(rows) == 2 else settled[2]
    if any(part and not part.strip("K") for part in names.split(FILLER)):
        raise NotReadableError(_no("fillers may have been read as K"))
    return settled


def _settle(read: CharacterRead, kind: str) -> str:
    if kind == "D":
        character = _DIGITS.get(read.text, read.text)
        if character.isalpha():
            raise NotReadableError(_no("a letter was read where a digit stands"))
        return character  # a check digit vouches for it
    if kind == "C" and read.text == "1":
        return "I"  # no kind of document begins with an L
    if kind == "L" and read.text in "0O":
        return "O"
    if kind in "CL" and read.text.isdecimal():
        raise NotReadableError(_no("a digit was read where a letter stands"))
    if read.probability < (LEAST if kind in "CL" else LEAST_IN_NUMBER):
        raise NotReadableError(_no("some characters are too doubtful"))
    return read.text


def _no(why: str) -> str:
    return f"not readable: {why}; take another picture, straight and near, or type the lines with --mrz"

"""From printed lines in a photograph to the text of a machine readable zone, or to "not readable". Pure.

Nothing is guessed. A character is taken for its twin only where the layout allows one kind alone: a 0 among letters is
an O, letters of the shape of a digit in a date are that digit. Then every check digit has to agree; one look-alike that
would settle them all is not put in, because with another character misread it makes another document. What no digit
tells rests on the reader: it has to be sure of every character, it must not have thought of another one of the same
group of check digits (`hub.mrz` lists them), and the characters have to stand evenly, none left out. Where look-alikes
in several places at once would agree as well, two O for two 0, the zone is not readable either.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from itertools import combinations, pairwise
from statistics import median
from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np
from msgspec.structs import replace

from hub.backends import PrintedCharacter, PrintedLine
from hub.errors import NotReadableError, UsageError
from hub.mrz import FILLER, VALUES, agrees

if TYPE_CHECKING:
    from hub.messages import Pixels

Row: TypeAlias = tuple[PrintedCharacter, ...]

LEAST: Final = 0.8
"""Probability that every character must have that is answered, with others of its shape that mean the same there."""
LEAST_MIXED: Final = 0.9
"""The same where letters and digits stand: numbers and optional data."""
DOUBT: Final = 0.02
"""Probability from which another character of the same group of check digits, such as an S for an 8, is too much."""
WIDEST: Final = 1.45
"""Most that two neighbours may stand apart, in medians of the line: 1.33 at most were measured in whole lines of
generated documents, 1.5 at least where a character was left out."""
MOST_CHANCES: Final = 8
"""Other characters that may stand in some place under check digits; with more of them a zone is too doubtful."""
MISCOUNTED: Final = 3
"""Fillers at the end of a line of names by which a reader may be off."""
SHAPES: Final = ((44, 2), (36, 2), (30, 3))
"""Characters of a line and number of lines: passports and visas, smaller documents and visas, cards."""
_TURNS: Final = (0, 2, 1, 3)
"""Quarter turns in which a picture is looked at."""
_TWINS: Final = str.maketrans({"«": "<<", "‹": "<", "＜": "<", "〈": "<", "く": "<", "≤": "<", "≪": "<<", "《": "<<"})
_LATIN: Final = str.maketrans("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧАВЕКМНОРСТХЅІ|", "ABEZHIKMNOPTYXABEKMHOPCTXSII")
"""Letters of other scripts by their Latin shape: what else a reader saw in a place may be the same character."""
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
    kinds = _KINDS[len(found[0][0]), len(found[0]) == 2 and found[0][0][0].text == "V"]
    text = "\n".join(_by_kind(found[0], kinds))
    try:
        # Not even where one look-alike would settle it: it may be another character that is wrong.
        if not agrees(text, today):
            raise NotReadableError(_no("its check digits do not agree with what was read"))
        if any(agrees(other, today) for other in _alike(text, found[0], kinds)):
            raise NotReadableError(_no("with look-alikes in several places the check digits would agree as well"))
    except UsageError:
        raise NotReadableError(_no("its lines make up no zone")) from None
    return text


def zone_in(picture: Pixels, look: Callable[[Pixels], Sequence[PrintedLine]], today: date) -> str:
    """Return the zone in a picture that may lie on its side or stand on its head.

    Args:
        picture: uint8 [height, width, 3], BGR.
        look: Reads the lines of a picture. It is asked about the others only where the first shows no zone.
        today: For the dates.

    Raises:
        NotReadableError: As `zone_of`.
    """
    for turns in _TURNS:
        lines = look(np.ascontiguousarray(np.rot90(picture, turns)))
        if any(_zones(lines)):
            break
    return zone_of(lines, today)


def clean(line: PrintedLine) -> Row:
    """Return a line in the characters of a zone: without spaces, with twins of the filler as fillers."""
    return tuple(
        replace(each, text=character)
        for each in line.characters
        for character in _plain(each.text)
        if not character.isspace()
    )


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text.translate(_TWINS))


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
    return row[:short] + (min(row[short:], key=lambda each: each.probability),) * (width - short)


def _text(row: Row) -> str:
    return "".join(each.text for each in row)


def _under(upper: PrintedLine, lower: PrintedLine) -> bool:
    """Say whether a line stands right under another, about as long."""
    apart = (lower.box.y + lower.box.h / 2) - (upper.box.y + upper.box.h / 2)
    alike = min(upper.box.w, lower.box.w) > 0.85 * max(upper.box.w, lower.box.w)
    return alike and 0 < apart < 4 * max(upper.box.h, lower.box.h)


def _by_kind(rows: Sequence[Row], kinds: Sequence[str]) -> list[str]:
    """Take characters for their twins where the layout allows one kind alone, and refuse what is doubtful elsewhere.

    Raises:
        NotReadableError: A character is too doubtful, or is of a kind that does not stand there.
    """
    settled = ["".join(map(_settle, row, kind)) for row, kind in zip(rows, kinds, strict=True)]
    if not all(map(_even, rows)):
        raise NotReadableError(_no("characters may have been left out"))
    names = settled[0][5:] if len(rows) == 2 else settled[2]
    if any(part and not part.strip("K") for part in names.split(FILLER)):
        raise NotReadableError(_no("fillers may have been read as K"))
    return settled


def _settle(read: PrintedCharacter, kind: str) -> str:
    character = _of_kind(read.text, kind)
    if kind == "D" and character.isalpha():
        raise NotReadableError(_no("a letter was read where a digit stands"))
    if kind in "CL" and character.isdecimal():
        raise NotReadableError(_no("a digit was read where a letter stands"))
    sure = read.probability + sum(probability for other, probability in _others(read, kind) if other == character)
    if sure < (LEAST_MIXED if kind == "*" else LEAST) or _unseen(read, character, kind) >= DOUBT:
        raise NotReadableError(_no("some characters are too doubtful"))
    return character


def _of_kind(character: str, kind: str) -> str:
    if kind == "D":
        return _DIGITS.get(character, character)
    if kind == "C" and character == "1":
        return "I"  # no kind of document begins with an L
    return "O" if kind == "L" and character == "0" else character


def _others(read: PrintedCharacter, kind: str) -> Iterator[tuple[str, float]]:
    """Yield what else the reader saw, in the characters of a zone where it is one, and how probable it is."""
    for each in read.others:
        yield _of_kind(_plain(each.text).translate(_LATIN).upper(), kind), each.probability


def _unseen(read: PrintedCharacter, character: str, kind: str) -> float:
    """Return how probable it is that another character stands there which no check digit tells from this one."""
    if kind in "CL":
        return 0.0  # under no check digit at all
    return sum(
        probability
        for other, probability in _others(read, kind)
        if other != character
        and other in VALUES
        and (VALUES[other] - VALUES[character]) % 10 == 0
        and not (kind == "D" and other.isalpha())
    )


def _alike(text: str, rows: Sequence[Row], kinds: Sequence[str]) -> Iterator[str]:
    """Yield the zone with other characters in several places under check digits at once.

    Others are an O for a 0 and a 0 for an O, which a reader takes for each other and is sure, and whatever the reader
    thought of itself. A single one of them is seen by a check digit, or was refused before.

    Raises:
        NotReadableError: There are too many such places.
    """
    chances = [
        (row * (len(rows[0]) + 1) + column, other)
        for row, (characters, places) in enumerate(zip(rows, kinds, strict=True))
        for column, (read, kind) in enumerate(zip(characters, places, strict=True))
        for other in _chances(read, kind)
    ]
    if len(chances) > MOST_CHANCES:
        raise NotReadableError(_no("some characters are too doubtful"))
    for count in range(2, len(chances) + 1):
        for chosen in map(dict, combinations(chances, count)):
            yield "".join(chosen.get(place, each) for place, each in enumerate(text))


def _chances(read: PrintedCharacter, kind: str) -> set[str]:
    if kind not in "*D":
        return set()
    thought = {other for other, probability in _others(read, kind) if probability >= DOUBT}
    shape = {"0": "O", "O": "0"}.get(read.text) if kind == "*" else None
    found = (thought | {shape or read.text}) & VALUES.keys()
    return {other for other in found if not (kind == "D" and other.isalpha())} - {_of_kind(read.text, kind)}


def _even(row: Row) -> bool:
    """Say whether characters stand evenly up to the last that is no filler."""
    places = [each.place for each in row[: len(_text(row).rstrip(FILLER))]]
    apart = [later - earlier for earlier, later in pairwise(places)]
    return not apart or max(apart) <= WIDEST * median(apart)


def _no(why: str) -> str:
    return f"not readable: {why}; take another picture, straight and near, or type the lines with --mrz"

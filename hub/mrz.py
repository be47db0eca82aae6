"""The machine readable zone of a travel document (ICAO Doc 9303): TD1, TD2, TD3 and the visas MRV-A and MRV-B.

Pure: typed lines in, what they say and which check digits agree out. Sex and nationality stand in every zone and are
not taken from it, because no record of the hub has a field for them (C9). Nothing here looks anything up, and a zone
whose digits agree proves that it was typed and printed consistently, not that the document is genuine.

What the check digits can see (9303-3, weights 7, 3, 1): the weights have no factor in common with 10, so that one
wrong character is found exactly where its value differs by no multiple of 10. Unseen are therefore exchanges inside
these ten groups and nothing else: ``0AKU<``, ``1BLV``, ``2CMW``, ``3DNX``, ``4EOY``, ``5FPZ``, ``6GQ``, ``7HR``,
``8IS``, ``9JT``. Names, issuing state and the kind of document are under no digit at all.
"""

from __future__ import annotations

import string
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from enum import StrEnum
from itertools import cycle
from types import MappingProxyType
from typing import Final

from msgspec import Struct, structs

from hub.errors import UsageError

FILLER: Final = "<"
VALUES: Final[Mapping[str, int]] = MappingProxyType(
    {FILLER: 0} | {character: value for value, character in enumerate(string.digits + string.ascii_uppercase)}
)
"""Value of each character for check digits: digits as they are, A is 10, Z is 35, the filler 0."""
LOOKALIKES: Final = ("O0", "Q0", "D0", "I1", "Z2", "S5", "B8")
"""Letters and digits that are typed for one another. G and 6 are not among them: no check digit tells them apart."""
LONGEST: Final = 400
"""A longer text is no zone: the longest has 90 characters."""


class Form(StrEnum):
    """Formats of a zone."""

    TD1 = "TD1"
    """Card: three lines of 30."""
    TD2 = "TD2"
    """Two lines of 36."""
    TD3 = "TD3"
    """Passport: two lines of 44."""
    MRV_A = "MRV-A"
    """Visa: two lines of 44."""
    MRV_B = "MRV-B"
    """Visa: two lines of 36."""


class Check(Struct, frozen=True):
    """One check digit."""

    field: str
    """``number``, ``birth_date``, ``expires``, ``optional`` or ``composite`` (over several fields)."""
    printed: str
    computed: str
    agrees: bool


class Day(Struct, frozen=True):
    """A date of the zone."""

    printed: str
    """Year, month and day, two characters each; unknown parts are fillers."""
    day: date | None
    """None where part of it is unknown, or where there is no such day."""
    problem: str
    """Why there is no day, "" where there is one."""


class Suggestion(Struct, frozen=True):
    """A look-alike that was probably typed for another: with it all check digits agree, and with no other."""

    line: int
    """From 1."""
    column: int
    """From 1."""
    printed: str
    instead: str


class Zone(Struct, frozen=True):
    """What a zone says, and whether it agrees with itself."""

    form: Form
    kind: str
    """Kind of document, such as ``P`` or ``ID``; under no check digit."""
    country: str
    """Issuing state or organisation, ``D`` for Germany; under no check digit."""
    number: str
    """Number of the document, without fillers."""
    family_name: str
    given_names: str
    names_cut: bool
    """True where the names fill their field, so that they may go on."""
    birth: Day
    """The century is the latest in which the day is not after today: whoever is over 100 appears to be a child."""
    expires: Day
    """The century is the one that brings the year nearest to today's."""
    expired: bool | None
    """Whether its last day is over; None where it has none that can be told."""
    checks: tuple[Check, ...]
    suggestion: Suggestion | None
    """Only where a check digit disagrees and exactly one look-alike settles it."""

    @property
    def agrees(self) -> bool:
        """Whether every check digit agrees and both dates are possible."""
        return all(check.agrees for check in self.checks) and not (_impossible(self.birth) or _impossible(self.expires))

    @property
    def number_agrees(self) -> bool:
        """Whether the digit of the number does."""
        return all(check.agrees for check in self.checks if check.field == "number")


class _Layout(Struct, frozen=True):
    """Where things stand in the lines written one after the other; a check digit follows what it checks."""

    form: Form
    width: int
    names: slice
    number: slice
    birth: slice
    expires: slice
    optional: slice
    optional_checked: bool = False
    composite: tuple[slice, ...] = ()
    """What the last check digit covers; empty for visas, which have none."""
    composite_at: int = -1
    overflows: bool = False
    """Whether a number longer than nine goes on in the optional data, behind a filler in its digit's place."""


_TD1: Final = _Layout(
    Form.TD1,
    30,
    names=slice(60, 90),
    number=slice(5, 14),
    birth=slice(30, 36),
    expires=slice(38, 44),
    optional=slice(15, 30),
    composite=(slice(5, 37), slice(38, 45), slice(48, 59)),
    composite_at=59,
    overflows=True,
)
_TD2: Final = _Layout(
    Form.TD2,
    36,
    names=slice(5, 36),
    number=slice(36, 45),
    birth=slice(49, 55),
    expires=slice(57, 63),
    optional=slice(64, 71),
    composite=(slice(36, 46), slice(49, 56), slice(57, 71)),
    composite_at=71,
    overflows=True,
)
_TD3: Final = _Layout(
    Form.TD3,
    44,
    names=slice(5, 44),
    number=slice(44, 53),
    birth=slice(57, 63),
    expires=slice(65, 71),
    optional=slice(72, 86),
    optional_checked=True,
    composite=(slice(44, 54), slice(57, 64), slice(65, 87)),
    composite_at=87,
)
_MRV_A: Final = _Layout(Form.MRV_A, 44, slice(5, 44), slice(44, 53), slice(57, 63), slice(65, 71), slice(72, 88))
_MRV_B: Final = _Layout(Form.MRV_B, 36, slice(5, 36), slice(36, 45), slice(49, 55), slice(57, 63), slice(64, 72))
"""9303-4 to 9303-7; slices count over all lines of a zone."""


def check_digit(text: str) -> str:
    """Return the check digit of characters: 9303-3, section 4.9, weights 7, 3, 1 from the left, modulus 10.

    Raises:
        KeyError: A character that no zone has.
    """
    return str(sum(VALUES[character] * weight for character, weight in zip(text, cycle((7, 3, 1)))) % 10)


def parse(text: str, today: date) -> Zone:
    """Read a zone that somebody typed.

    Args:
        text: Its lines. Spaces do not count, lower case is as good as upper case, line breaks may be missing; where
            they are there, the fillers at the end of a line of names may be left out.
        today: Decides centuries and whether the document has expired; the day in UTC, so that near midnight it can be
            one off from the officer's.

    Raises:
        UsageError: It has the length of no zone or a character that none has; the message says how to mend it.
    """
    zone = _join(text)
    layout = _layout(zone)
    checks = _checks(zone, layout)
    birth, expires = _birth(zone[layout.birth], today), _expiry(zone[layout.expires], today)
    family, _, given = zone[layout.names].strip(FILLER).partition(2 * FILLER)
    found = Zone(
        form=layout.form,
        kind=zone[:2].strip(FILLER),
        country=zone[2:5].strip(FILLER),
        number=_number(zone, layout)[0].replace(FILLER, ""),
        family_name=_spaced(family),
        given_names=_spaced(given),
        names_cut=not zone[layout.names].endswith(FILLER),
        birth=birth,
        expires=expires,
        expired=None if expires.day is None else expires.day < today,
        checks=checks,
        suggestion=None,
    )
    if found.agrees:
        return found
    return _with_suggestion(found, zone, layout, today)


def agrees(text: str, today: date) -> bool:
    """Return `Zone.agrees` of a zone, without what else `parse` finds out.

    Raises:
        UsageError: As `parse`.
    """
    zone = _join(text)
    return _agrees(zone, _layout(zone), today)


# ------------------------------------------------------------------------------------------------- lines


def _join(text: str) -> str:
    if len(text) > LONGEST:
        raise UsageError(f"a machine readable zone has 90 characters at most, and these are {len(text)}")
    lines = ["".join(line.upper().split()) for line in text.splitlines()]
    lines = [line for line in lines if line]
    if len(lines) == 3:
        lines = [lines[0].ljust(30, FILLER), lines[1], lines[2].ljust(30, FILLER)]
    elif len(lines) == 2 and len(lines[1]) in (36, 44):
        lines = [lines[0].ljust(len(lines[1]), FILLER), lines[1]]
    for number, line in enumerate(lines, start=1):
        for column, character in enumerate(line, start=1):
            if character not in VALUES:
                raise UsageError(
                    f"line {number}, column {column}: {character!r} stands in no machine readable zone: "
                    "it has letters, digits and <"
                )
    widths = [len(line) for line in lines]
    if len(set(widths)) > 1 or sum(widths) not in (72, 88, 90):
        has = " and ".join(map(str, widths)) or "no"
        raise UsageError(f"it has {has} characters: a zone has 3 lines of 30, 2 lines of 36 or 2 lines of 44")
    return "".join(lines)


def _layout(zone: str) -> _Layout:
    if len(zone) == 90:
        return _TD1
    visa = zone.startswith("V")
    if len(zone) == 88:
        return _MRV_A if visa else _TD3
    return _MRV_B if visa else _TD2


def _spaced(names: str) -> str:
    return " ".join(part for part in names.split(FILLER) if part)


# ------------------------------------------------------------------------------------------------ digits


def _checks(zone: str, layout: _Layout) -> tuple[Check, ...]:
    number, printed = _number(zone, layout)
    checks = [_check("number", number, printed)]
    checks += [
        _check(field, zone[where], zone[where.stop])
        for field, where in (("birth_date", layout.birth), ("expires", layout.expires))
    ]
    if layout.optional_checked:
        optional, digit = zone[layout.optional], zone[layout.optional.stop]
        # 9303-4: without optional data its digit may be 0 or a filler.
        empty = not optional.strip(FILLER) and digit == FILLER
        checks.append(Check("optional", digit, FILLER, agrees=True) if empty else _check("optional", optional, digit))
    if layout.composite:
        covered = "".join(zone[where] for where in layout.composite)
        checks.append(_check("composite", covered, zone[layout.composite_at]))
    return tuple(checks)


def _check(field: str, covered: str, printed: str) -> Check:
    computed = check_digit(covered)
    return Check(field, printed, computed, agrees=printed == computed)


def _number(zone: str, layout: _Layout) -> tuple[str, str]:
    """Return the document's number with its fillers, and its check digit as printed."""
    number, digit = zone[layout.number], zone[layout.number.stop]
    rest = zone[layout.optional].partition(FILLER)[0]
    if layout.overflows and digit == FILLER and len(rest) > 1:
        return number + rest[:-1], rest[-1]
    return number, digit


# ------------------------------------------------------------------------------------------------- dates


def _birth(text: str, today: date) -> Day:
    century = today.year // 100 * 100
    return _day(text, (century, century - 100), latest=today)


def _expiry(text: str, today: date) -> Day:
    century = today.year // 100 * 100
    year = int(text[:2]) if text[:2].isdigit() else 0
    nearest = min((century - 100, century, century + 100), key=lambda start: abs(start + year - today.year))
    return _day(text, (nearest,))


def _day(text: str, centuries: Sequence[int], latest: date = date.max) -> Day:
    known = text.rstrip(FILLER)
    if not known.isdigit():
        return Day(text, None, f"{text} is no date" if known else "not stated")
    if len(known) < 6:
        partly = len(known) in (2, 4)
        return Day(text, None, "only part of the date is known" if partly else f"{text} is no date")
    for century in centuries:
        try:
            day = date(century + int(text[:2]), int(text[2:4]), int(text[4:]))
        except ValueError:
            continue
        if day <= latest:
            return Day(text, day, "")
    return Day(text, None, f"there is no such day as {text}")


def _impossible(day: Day) -> bool:
    return day.day is None and day.problem not in ("not stated", "only part of the date is known")


# ------------------------------------------------------------------------------------------- suggestions


def _with_suggestion(found: Zone, zone: str, layout: _Layout, today: date) -> Zone:
    """Put a look-alike into each place under a check digit in turn; suggest it where it alone settles everything."""
    settled = [
        (place, instead)
        for place in sorted(_checked_places(layout))
        for instead in _lookalikes(zone[place])
        if _agrees(zone[:place] + instead + zone[place + 1 :], layout, today)
    ]
    if len(settled) != 1:
        return found
    ((place, instead),) = settled
    line, column = divmod(place, layout.width)
    return structs.replace(found, suggestion=Suggestion(line + 1, column + 1, zone[place], instead))


def _agrees(zone: str, layout: _Layout, today: date) -> bool:
    days = (_birth(zone[layout.birth], today), _expiry(zone[layout.expires], today))
    return all(check.agrees for check in _checks(zone, layout)) and not any(map(_impossible, days))


def _checked_places(layout: _Layout) -> set[int]:
    fields = [layout.number, layout.birth, layout.expires, *([layout.optional] if layout.optional_checked else [])]
    places = {place for where in fields for place in range(where.start, where.stop + 1)}
    for where in layout.composite:
        places.update(range(where.start, where.stop))
    return places | ({layout.composite_at} if layout.composite else set())


def _lookalikes(character: str) -> Iterator[str]:
    for pair in LOOKALIKES:
        if character in pair:
            yield pair[1 - pair.index(character)]

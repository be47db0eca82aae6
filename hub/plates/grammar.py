"""Plate grammars: which strings a jurisdiction issues, and how likely each is.

The table `grammars.toml` is data that a person can edit; this module reads it, compiles each row into patterns of
fixed length, and answers what fits. Reading characters off a picture is in `hub.plates.decode`, comparing with a
hot-list in `hub.plates.matching`.

A row's pattern is written in a notation close to how a plate is described:

======== ===================================================================
``L``    a letter of the jurisdiction (its ``letters``, A to Z by default)
``0``    a digit, ``9`` a digit other than 0
``X``    a letter of the jurisdiction or a digit
``[AB3-9]`` one of the symbols or ranges listed
``(AB|C)`` one of these strings; a single string is a literal
``<name>`` one of the strings in the jurisdiction's ``sets.name``
``{m,n}`` the item before, m to n times; ``{n}`` n times; ``?`` none or once
space, - a separator: seen on the plate, no part of its number
======== ===================================================================
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property, lru_cache
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec
import numpy as np
from msgspec import Struct

from hub.errors import ConfigError
from hub.messages import RegionFit
from hub.plates.alphabet import INDEX, SYMBOLS, UNKNOWN, normalise

if TYPE_CHECKING:
    from numpy.typing import NDArray

TABLE: Final = Path(__file__).with_name("grammars.toml")
"""The table that the hub ships."""

LONGEST: Final = 10
"""No plate has more characters."""

DIGITS: Final = "0123456789"
LATIN: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

VANITY_SHARE: Final = 0.01
"""A row that accepts more than this share of random strings of a length (36 symbols) is vanity at that length."""

VANITY_WEIGHT: Final = 0.1
"""What a vanity pattern's prior is multiplied by: it fits almost anything, so that it fits says almost nothing."""


class Word(Struct, frozen=True):
    """Positions that only take one of a list of strings, such as a district's code."""

    start: int
    """Position of the first character."""
    choices: frozenset[str]
    """Strings of equal length."""

    @property
    def length(self) -> int:
        """Characters of each choice."""
        return len(next(iter(self.choices)))

    def allows(self, plate: str) -> bool:
        """Say whether a plate, with "?" for unknown characters, has one of the choices here."""
        part = plate[self.start : self.start + self.length]
        if UNKNOWN not in part:
            return part in self.choices
        return any(all(a in (UNKNOWN, b) for a, b in zip(part, word, strict=True)) for word in self.choices)


class Pattern(Struct, frozen=True, eq=False, dict=True):
    """One row of the table at one length, with its separators in one place."""

    code: str
    """Jurisdiction, ISO 3166-1 alpha-2 or alpha-2 and subdivision."""
    notation: str
    """The row's pattern as written in the table."""
    classes: tuple[str, ...]
    """Symbols allowed in each position; where `words` apply, the union over their choices."""
    words: tuple[Word, ...]
    """Positions that take only listed strings."""
    breaks: tuple[int, ...]
    """Positions before which a separator stands, ascending, never 0."""
    size: float
    """Number of strings that fit."""
    prior: float
    """Share of all plates that look like this, over the whole book 1."""
    vanity: bool
    """True where the row accepts over 1 % of random strings of this length."""

    @property
    def length(self) -> int:
        """Characters of a plate."""
        return len(self.classes)

    @cached_property
    def density(self) -> float:
        """Probability of each plate that fits: the prior shared equally among them."""
        return self.prior / self.size

    @cached_property
    def mask(self) -> NDArray[np.bool_]:
        """Bool [length, len(SYMBOLS)]: symbols allowed in each position, `words` not applied; read-only."""
        mask = np.array([[symbol in allowed for symbol in SYMBOLS] for allowed in self.classes], dtype=np.bool_)
        mask.setflags(write=False)
        return mask

    def accepts(self, plate: str) -> bool:
        """Say whether a plate fits; "?" stands for one unknown character."""
        return (
            len(plate) == len(self.classes)
            and all(c in allowed or c == UNKNOWN for c, allowed in zip(plate, self.classes, strict=True))
            and self.spells(plate)
        )

    def spells(self, plate: str) -> bool:
        """Say whether a plate whose symbols fit `classes` has listed strings where `words` ask for them."""
        return all(word.allows(plate) for word in self.words)


class Row(Struct, frozen=True):
    """One kind of plate of a jurisdiction, as the table has it."""

    code: str
    name: str
    """Name of the jurisdiction in English."""
    pattern: str
    example: str
    """A plate that the source shows, with its separators."""
    reject: str
    """A string that must not fit this row."""
    source: str
    """Act, standard or page of an authority that describes the plate."""
    share: float
    """Weight among the rows of the jurisdiction."""
    since: int | None
    """Year of the first issue, where known."""
    line: int
    """Line of the table."""
    patterns: tuple[Pattern, ...]
    """Compiled, priors within this row."""
    vehicles: float = 1.0
    """Registered in the jurisdiction, in millions."""


class GrammarBook:
    """All patterns together, compiled so that asking which fit costs a few dictionary look-ups."""

    def __init__(self, rows: Sequence[Row], *, home: Sequence[str] = (), home_weight: float = 20.0) -> None:
        self.rows: Final = tuple(rows)
        self.patterns: Final = tuple(_weigh(self.rows, frozenset(home), home_weight))
        by_length: dict[int, list[Pattern]] = {}
        for pattern in self.patterns:
            by_length.setdefault(pattern.length, []).append(pattern)
        self._by_length = {length: _Compiled(patterns) for length, patterns in by_length.items()}

    @cached_property
    def codes(self) -> tuple[str, ...]:
        """Jurisdictions in the book, in the table's order."""
        return tuple(dict.fromkeys(row.code for row in self.rows))

    def of_length(self, length: int) -> tuple[Pattern, ...]:
        """Return the patterns of plates with so many characters."""
        compiled = self._by_length.get(length)
        return compiled.patterns if compiled else ()

    def matching(self, plate: str) -> tuple[Pattern, ...]:
        """Return the patterns that a plate fits; "?" stands for one unknown character."""
        compiled = self._by_length.get(len(plate))
        return compiled.matching(plate) if compiled else ()

    def matching_sets(self, plate: str) -> tuple[tuple[Pattern, ...], tuple[Pattern, ...]]:
        """Return the patterns whose classes a plate fits: those without words, and those with, not asked for theirs.

        Plates of one kind get the same tuples, not equal ones alone.
        """
        compiled = self._by_length.get(len(plate))
        return compiled.matching_sets(plate) if compiled else ((), ())

    def fits(self, plate: str) -> tuple[RegionFit, ...]:
        """Return the jurisdictions that issue such a plate, most probable first.

        The probability is Bayes' rule with each pattern's prior and plates equally likely within a pattern.

        Args:
            plate: A normalised plate; "?" stands for one unknown character.

        Returns:
            Fits whose probabilities add up to 1; empty where nothing fits.
        """
        weights: dict[str, float] = {}
        for pattern in self.matching(plate):
            weights[pattern.code] = weights.get(pattern.code, 0.0) + pattern.density
        total = sum(weights.values())
        ranked = sorted(weights.items(), key=lambda item: (-item[1], item[0]))
        return tuple(RegionFit(code=code, probability=weight / total) for code, weight in ranked)

    def probability(self, plate: str) -> float:
        """Return how likely a random vehicle bears exactly this plate, 0 where no grammar fits."""
        compiled = self._by_length.get(len(plate))
        return compiled.probability(plate) if compiled else 0.0

    def sample(self, rng: np.random.Generator, count: int) -> list[str]:
        """Draw plates: patterns by their priors, strings equally within a pattern.

        Args:
            rng: Source of randomness.
            count: How many, at least 0; a plate may come twice.

        Returns:
            Normalised plates in random order.
        """
        priors = np.array([pattern.prior for pattern in self.patterns])
        drawn = np.bincount(rng.choice(len(priors), size=count, p=priors / priors.sum()), minlength=len(priors))
        plates = [
            plate for pattern, n in zip(self.patterns, drawn, strict=True) if n for plate in _draw(pattern, rng, int(n))
        ]
        return [plates[i] for i in rng.permutation(len(plates))]


def load_grammars(path: Path | None = None, *, home: Sequence[str] = (), home_weight: float = 20.0) -> GrammarBook:
    """Read a table of grammars.

    Args:
        path: The table; the one that the hub ships by default.
        home: Jurisdictions expected here, as `PlateSettings.home`.
        home_weight: As `PlateSettings.home_weight`.

    Returns:
        The compiled book.

    Raises:
        ConfigError: The table cannot be read, a row is wrong (the message names jurisdiction, row and line), or a home
            is not in the table.
    """
    path = path or TABLE
    try:
        text = path.read_text(encoding="utf-8")
        table = tomllib.loads(text)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{path.name}: {error}") from error
    places = _lines(text)
    rows = [
        row
        for code, jurisdiction in table.items()
        for row in _rows(path.name, code, jurisdiction, *places.get(code, (0, [])))
    ]
    if not rows:
        raise ConfigError(f"{path.name}: no jurisdiction in it; each is a table such as [ES]")
    codes = {row.code for row in rows}
    for code in home:
        if code not in codes and all(known[:2] != code for known in codes):
            raise ConfigError(
                f"home: {path.name} has no jurisdiction {code!r}; write an ISO 3166 code such as ES or US-CA"
            )
    return GrammarBook(rows, home=home, home_weight=home_weight)


# ------------------------------------------------------------------------------------------------ the table


class _PlateRow(Struct, frozen=True, forbid_unknown_fields=True):
    pattern: str
    example: str
    reject: str
    share: float = 1.0
    since: int | None = None
    source: str = ""


class _Jurisdiction(Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    source: str
    plates: list[_PlateRow]
    letters: str = LATIN
    sets: dict[str, str] = {}
    vehicles: float = 1.0


_EVERY_SYMBOL: Final = frozenset(SYMBOLS)
_HEAD = re.compile(r"\s*\[\s*[\"']?([^\"'\]\s]+)[\"']?\s*\]")
_ROW = re.compile(r"\s*(?:plates\s*=\s*\[\s*)?\{")


def _rows(file: str, code: str, raw: object, head: int, lines: Sequence[int]) -> Iterator[Row]:
    if not re.fullmatch(r"[A-Z]{2}(-[A-Z0-9]{1,3})?", code):
        raise ConfigError(f"{file}, line {head}: {code!r} is no ISO 3166 code; write ES or US-CA")
    try:
        jurisdiction = msgspec.convert(raw, _Jurisdiction)
    except msgspec.ValidationError as error:
        line = _line_of_error(str(error), head, lines)
        raise ConfigError(f"{file}, {code}, line {line}: {error}") from error
    if not jurisdiction.vehicles > 0:
        raise ConfigError(f"{file}, {code}, line {head}: vehicles must be more than 0")
    letters = jurisdiction.letters
    if not letters or not _EVERY_SYMBOL.issuperset(letters):
        raise ConfigError(f"{file}, {code}, line {head}: letters must be some of {SYMBOLS[10:]}")
    sets = {name: tuple(words.split()) for name, words in jurisdiction.sets.items()}
    for number, row in enumerate(jurisdiction.plates):
        line = lines[number] if number < len(lines) else head
        try:
            patterns = _compile(code, row.pattern, letters, sets)
            _check(row, patterns)
        except ValueError as error:
            raise ConfigError(f"{file}, {code}, row {number + 1}, line {line}, {row.pattern!r}: {error}") from error
        yield Row(
            code=code,
            name=jurisdiction.name,
            pattern=row.pattern,
            example=row.example,
            reject=row.reject,
            source=row.source or jurisdiction.source,
            share=row.share,
            since=row.since,
            line=line,
            patterns=patterns,
            vehicles=jurisdiction.vehicles,
        )


def _check(row: _PlateRow, patterns: Sequence[Pattern]) -> None:
    """Raise ValueError where a row contradicts itself."""
    if row.share <= 0:
        raise ValueError("share must be more than 0")
    if not any(pattern.accepts(normalise(row.example)) for pattern in patterns):
        raise ValueError(f"its own example {row.example!r} does not fit")
    if any(pattern.accepts(normalise(row.reject)) for pattern in patterns):
        raise ValueError(f"{row.reject!r} must not fit, and does")


def _lines(text: str) -> dict[str, tuple[int, list[int]]]:
    """Return the line of each jurisdiction's head and of each of its rows (tomllib keeps none)."""
    places: dict[str, tuple[int, list[int]]] = {}
    rows: list[int] = []
    for number, line in enumerate(text.splitlines(), start=1):
        if match := _HEAD.match(line):
            rows = []
            places[match[1]] = number, rows
        elif _ROW.match(line):
            rows.append(number)
    return places


def _line_of_error(message: str, head: int, lines: Sequence[int]) -> int:
    match = re.search(r"plates\[(\d+)\]", message)
    return lines[int(match[1])] if match and int(match[1]) < len(lines) else head


# ---------------------------------------------------------------------------------------------- the notation

_ITEM = re.compile(
    r"(?P<gap>[ -]+)|(?:\((?P<words>[^()]+)\)|<(?P<set>\w+)>|\[(?P<class>[^\[\]]+)\]|(?P<one>[L09X]))"
    r"(?:\{(?P<low>\d+)(?:,(?P<high>\d+))?\}|(?P<maybe>\?))?"
)


class _Item(Struct, frozen=True):
    """Strings of one length that may stand in one place; no string at all for a separator."""

    choices: frozenset[str] | None
    classes: tuple[str, ...] = ()
    """Symbols of each position of the choices, in the order of `SYMBOLS`."""


def _compile(code: str, notation: str, letters: str, sets: Mapping[str, Sequence[str]]) -> tuple[Pattern, ...]:
    """Turn a row's notation into patterns of fixed length.

    The row's plates are shared out by the square root of how many strings each pattern holds: between every length
    being as common as the next and every string being as common as the next, which are both wrong.
    """
    shapes: dict[tuple[tuple[_Item, ...], ...], None] = {}
    for combination in product(*_items(notation, letters, sets)):
        shapes[combination] = None
    patterns = [_pattern(code, notation, [item for items in shape for item in items]) for shape in shapes]
    accepted: dict[int, float] = {}
    for pattern in patterns:
        accepted[pattern.length] = accepted.get(pattern.length, 0.0) + pattern.size
    total = sum(pattern.size**0.5 for pattern in patterns)
    return tuple(
        msgspec.structs.replace(
            pattern,
            prior=pattern.size**0.5 / total,
            vanity=accepted[pattern.length] / 36.0**pattern.length > VANITY_SHARE,
        )
        for pattern in patterns
    )


def _items(notation: str, letters: str, sets: Mapping[str, Sequence[str]]) -> Iterator[tuple[tuple[_Item, ...], ...]]:
    """Yield, for each item of a notation, the ways in which it may be written out."""
    at = 0
    while at < len(notation):
        match = _ITEM.match(notation, at)
        if not match:
            raise ValueError(f"cannot read the pattern from {notation[at:]!r} on")
        at = match.end()
        if match["gap"]:
            yield ((_Item(None),),)
            continue
        by_length = _by_length(_strings(match, letters, sets))
        low, high = (0, 1) if match["maybe"] else (int(match["low"] or 1), int(match["high"] or match["low"] or 1))
        if not low <= high <= LONGEST:
            raise ValueError(f"repetition {match[0]!r} is not between 0 and {LONGEST}")
        yield tuple(way for n in range(low, high + 1) for way in product(by_length, repeat=n))


def _strings(match: re.Match[str], letters: str, sets: Mapping[str, Sequence[str]]) -> str | tuple[str, ...]:
    """Return the strings that one item stands for."""
    if match["one"]:
        return {"L": letters, "0": DIGITS, "9": DIGITS[1:], "X": letters + DIGITS}[match["one"]]
    if match["class"]:
        return _ranges(match["class"])
    if match["words"]:
        return tuple(match["words"].split("|"))
    words = tuple(sets.get(match["set"], ()))
    if not words:
        raise ValueError(f"there is no sets.{match['set']}")
    return words


@lru_cache(maxsize=256)
def _by_length(strings: str | tuple[str, ...]) -> tuple[_Item, ...]:
    """Return the strings of an item apart by length. A table has few kinds of items and writes each many times."""
    items: dict[int, set[str]] = {}
    for string in strings:
        if not string or not _EVERY_SYMBOL.issuperset(string):
            raise ValueError(f"{string!r} is not made of plate symbols")
        items.setdefault(len(string), set()).add(string)
    return tuple(
        _Item(
            frozenset(choices),
            tuple("".join(sorted(set(column), key=INDEX.__getitem__)) for column in zip(*choices, strict=True)),
        )
        for _, choices in sorted(items.items())
    )


def _ranges(text: str) -> str:
    """Write out a class such as ``AB3-9``."""
    return re.sub(r"(.)-(.)", lambda m: "".join(chr(c) for c in range(ord(m[1]), ord(m[2]) + 1)), text)


def _pattern(code: str, notation: str, items: Sequence[_Item]) -> Pattern:
    classes: list[str] = []
    words: list[Word] = []
    breaks: set[int] = set()
    size = 1.0
    for item in items:
        if item.choices is None:
            breaks.add(len(classes))
            continue
        size *= len(item.choices)
        if len(item.classes) > 1 and len(item.choices) > 1:
            words.append(Word(start=len(classes), choices=item.choices))
        classes += item.classes
    if not 1 <= len(classes) <= LONGEST:
        raise ValueError(f"a plate has 1 to {LONGEST} characters")
    return Pattern(
        code=code,
        notation=notation,
        classes=tuple(classes),
        words=tuple(words),
        breaks=tuple(sorted(b for b in breaks if 0 < b < len(classes))),
        size=size,
        prior=1.0,
        vanity=False,
    )


# ------------------------------------------------------------------------------------------------ the book


class _Compiled:
    """Patterns of one length: for each position and symbol, the set of patterns that allow it as bits."""

    def __init__(self, patterns: Sequence[Pattern]) -> None:
        self.patterns = tuple(patterns)
        every = (1 << len(patterns)) - 1
        self._bits: list[dict[str, int]] = []
        for position in range(patterns[0].length):
            bits = {UNKNOWN: every}
            for number, pattern in enumerate(patterns):
                for symbol in pattern.classes[position]:
                    bits[symbol] = bits.get(symbol, 0) | 1 << number
            self._bits.append(bits)

        self._sets: dict[int, tuple[tuple[Pattern, ...], tuple[Pattern, ...], float]] = {0: ((), (), 0.0)}

    def matching_sets(self, plate: str) -> tuple[tuple[Pattern, ...], tuple[Pattern, ...]]:
        plain, worded, _ = self._sets_of(plate)
        return plain, worded

    def matching(self, plate: str) -> tuple[Pattern, ...]:
        plain, worded, _ = self._sets_of(plate)
        return plain + tuple(pattern for pattern in worded if pattern.spells(plate))

    def probability(self, plate: str) -> float:
        _, worded, density = self._sets_of(plate)
        for pattern in worded:
            if pattern.spells(plate):
                density += pattern.density
        return density

    def _sets_of(self, plate: str) -> tuple[tuple[Pattern, ...], tuple[Pattern, ...], float]:
        """Return the patterns whose classes allow a plate: those without words, those with, the former's density."""
        left = -1
        for bits, symbol in zip(self._bits, plate, strict=True):
            left &= bits.get(symbol, 0)
            if not left:
                break
        # Plates of one kind leave the same set of patterns, so that the few sets there are get unpacked once.
        found = self._sets.get(left)
        if found is None:
            patterns = [pattern for number, pattern in enumerate(self.patterns) if left >> number & 1]
            plain = tuple(pattern for pattern in patterns if not pattern.words)
            worded = tuple(pattern for pattern in patterns if pattern.words)
            # Threads share a book: all get the tuples of whoever was first.
            found = self._sets.setdefault(left, (plain, worded, sum(pattern.density for pattern in plain)))
        return found


def _weigh(rows: Sequence[Row], home: frozenset[str], home_weight: float) -> Iterator[Pattern]:
    """Yield all patterns with their priors over the whole book.

    Jurisdictions weigh by the square root of their vehicles, between all being as common as the next and all vehicles
    being so: most are seen where they are registered, and where a camera stands is not known. Those at home weigh more.
    """
    share: dict[str, float] = {}
    weight: dict[str, float] = {}
    for row in rows:
        share[row.code] = share.get(row.code, 0.0) + row.share
        weight[row.code] = row.vehicles**0.5 * (home_weight if row.code in home or row.code[:2] in home else 1.0)
    factors = [
        (pattern, weight[row.code] * row.share / share[row.code] * (VANITY_WEIGHT if pattern.vanity else 1.0))
        for row in rows
        for pattern in row.patterns
    ]
    total = sum(pattern.prior * factor for pattern, factor in factors)
    for pattern, factor in factors:
        yield msgspec.structs.replace(pattern, prior=pattern.prior * factor / total)


def _draw(pattern: Pattern, rng: np.random.Generator, count: int) -> Iterator[str]:
    columns = [np.array(list(allowed))[rng.integers(len(allowed), size=count)] for allowed in pattern.classes]
    plates: Iterable[str] = ("".join(symbols) for symbols in zip(*columns, strict=True))
    for word in pattern.words:
        choices = sorted(word.choices)
        chosen = rng.integers(len(choices), size=count)
        plates = (
            plate[: word.start] + choices[i] + plate[word.start + word.length :]
            for plate, i in zip(plates, chosen, strict=True)
        )
    yield from plates

"""Which person records are candidates for a name and a birth date, and in what they agree and differ.

One stated rule, no score and no likeness of sound:

1. Words are compared without regard to case, accents, apostrophes and order; hyphens separate words. Other alphabets
   are written in A to Z as in `hub.transliteration`, in each way that its tables allow.
2. At least one whole word of the family name and one given name, or its initial, must agree. A family name alone is
   enough where the record has no other name, or where the birth date agrees.
3. Everything else is a *difference*, said in words: a middle name that one side lacks, a particle, an initial, AE
   written as A (and OE, UE, AA likewise), names exchanged.
4. Birth dates must be equal, or differ in one of three ways that are counted as a difference: day and month
   exchanged, the year one off or wrong in one digit, unknown on one side. Any other birth date is another person.
5. More than `DIFFERENCES` differences, and it is no candidate.

Pure functions only; nothing is kept between calls.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from typing import Final

from msgspec import Struct, structs

from hub.messages import Hit, HitKind, PersonQuery, Record
from hub.transliteration import forms

DIFFERENCES: Final = 3
"""Highest number of differences with which a record still is a candidate."""

PARTICLES: Final = frozenset({
    "A", "AL", "AN", "AP", "AF", "AV", "BEN", "BIN", "BINT", "D", "DA", "DAS", "DE", "DEL", "DELLA", "DEN",
    "DER", "DES", "DI", "DO", "DOS", "DU", "E", "EL", "IBN", "L", "LA", "LAS", "LE", "LOS", "MC", "MAC", "O",
    "SAN", "SANTA", "ST", "TE", "TEN", "TER", "VAN", "VOM", "VON", "Y", "ZU", "ZUM", "ZUR",
})  # fmt: skip
"""Words of a name that documents leave out, join to the next word or write apart."""

_LONGEST: Final = 200
_MOST_WORDS: Final = 12
_JOINED: Final = 4
_APOSTROPHES: Final = re.compile("['’‘ʼʹ`´ʿʾ]")
_DIGRAPHS: Final = re.compile("(A)[AE]|(O)E|(U)E")


class Comparison(Struct, frozen=True):
    """What a candidate has in common with what was asked, in words."""

    agreed: tuple[str, ...]
    differed: tuple[str, ...]


class _Word(Struct, frozen=True):
    forms: frozenset[str]
    """Ways in which the word is written in A to Z."""
    folded: frozenset[str]
    """The same with AE, OE, UE and AA as one vowel."""
    shown: str
    """First of the forms, for the officer."""
    family: bool | None
    """Whether it belongs to the family name; None where that was not said."""
    particle: bool
    """Whether it may be left out; never where the family name has nothing else."""


class _Pair(Struct, frozen=True):
    asked: tuple[int, ...]
    """Places among the words asked for."""
    found: tuple[int, ...]
    """Places among the record's words."""
    difference: str = ""
    initial: bool = False
    """Whether one side is an initial only, which is too little for a family name."""


# ------------------------------------------------------------------------------------------------ keys


def entry_name_keys(given_names: str, family_name: str) -> frozenset[str]:
    """Return the keys under which a store finds a person.

    Each family word stands with the initial of each word of the name; by itself ("MUELLER/") for those who know no
    more; and marked ("SUHARTO/-") where the person has no other name.
    """
    given, family = _of_record(given_names, family_name)
    ends = {form[0] for word in given + family for form in word.folded} | {""} | (set() if given else {"-"})
    keys = {key for _, run, key in _runs(family) if len(run) > 1 or not run[0].particle}
    return frozenset(f"{key}/{end}" for key in keys for end in ends)


def query_name_keys(name: str) -> frozenset[str]:
    """Return the keys to look a name up by: every record that `compare_person` accepts shares at least one."""
    words = _words(name)
    keys = set()
    for start, run, key in _runs(words):
        others = words[:start] + words[start + len(run) :]
        ends = {form[0] for word in others for form in word.folded} | {"-"}
        if all(word.particle for word in others):
            ends.add("")
        keys |= {f"{key}/{end}" for end in ends}
    return frozenset(keys)


def _runs(words: Sequence[_Word]) -> Iterator[tuple[int, Sequence[_Word], str]]:
    """Yield each run of neighbouring words with its place and key, in each way to write it."""
    for start in range(len(words)):
        for stop in range(start + 1, min(start + _JOINED, len(words)) + 1):
            run = words[start:stop]
            for key in sorted({_fold(written) for written in _concatenated(run)}):
                yield start, run, key


# ------------------------------------------------------------------------------------------------ comparison


def match_person(query: PersonQuery, records: Sequence[Record]) -> tuple[Hit, ...]:
    """Return the candidates among records, fewest differences first, in the source's order where equal.

    Args:
        query: Name and birth date as the officer gave them.
        records: Records after the closed schema; `given_names`, `family_name` and `birth_date` are compared.

    Returns:
        Hits of kind `HitKind.PERSON`; `Hit.cost` is the number of differences and `Hit.why` names them. Candidates
        with equally many are each marked as ambiguous.
    """
    asked = _words(query.name)
    found = [(record, result) for record in records if (result := _compare(query, asked, record)) is not None]
    found.sort(key=lambda pair: len(pair[1].differed))
    costs = [len(result.differed) for _, result in found]
    return tuple(
        Hit(
            kind=HitKind.PERSON,
            record=record,
            cost=float(cost),
            limit=float(DIFFERENCES),
            aligned=(),
            region_agrees=None,
            ambiguous=costs.count(cost) > 1,
            competing=tuple(other.entry for other, _ in found if other is not record),
            why=_sentence(result),
        )
        for (record, result), cost in zip(found, costs, strict=True)
    )


def compare_person(query: PersonQuery, record: Record) -> Comparison | None:
    """Compare one record by the rule of this module; None where it is no candidate."""
    return _compare(query, _words(query.name), record)


def _compare(query: PersonQuery, asked: list[_Word], record: Record) -> Comparison | None:
    birth = _compare_births(query.birth_date, record.get("birth_date"))
    if birth is None:
        return None
    given, family = _of_record(record.get("given_names"), record.get("family_name"))
    names = _compare_names(asked, given, family, birth_agrees=bool(birth.agreed))
    if names is None or len(names.differed) + len(birth.differed) > DIFFERENCES:
        return None
    return Comparison(agreed=names.agreed + birth.agreed, differed=names.differed + birth.differed)


def _compare_names(
    asked: list[_Word], given: list[_Word], family: list[_Word], *, birth_agrees: bool
) -> Comparison | None:
    record = given + family
    pairs = _pair_words(asked, record)
    used = {place for pair in pairs for place in pair.asked}
    found = {place for pair in pairs for place in pair.found}
    extra = [word for place, word in enumerate(asked) if place not in used]
    lacking = [word for place, word in enumerate(record) if place not in found]
    whole = {place for pair in pairs if not pair.initial for place in pair.found}
    family_agrees = any(word.family and not word.particle for place, word in enumerate(record) if place in whole)
    given_agrees = any(place < len(given) for place in found)
    if not family_agrees:
        return None
    differed = [pair.difference for pair in pairs if pair.difference]
    if given and not given_agrees:
        if not birth_agrees or any(not word.particle for word in extra):
            return None
        differed.append("given names were not asked for")
        lacking = [word for word in lacking if word.family]
    differed += [f"{word.shown} was not asked for" for word in lacking if not word.particle]
    differed += [f"{word.shown} is not in the record" for word in extra if not word.particle]
    if particles := " ".join(word.shown for word in lacking + extra if word.particle):
        differed.append(f"{particles} is written on one side only")
    if any(asked[p.asked[0]].family not in {None, record[p.found[0]].family} for p in pairs):
        differed.append("family name and given name are exchanged")
    agreed = ("family name", "given name") if given_agrees else ("family name",)
    return Comparison(agreed, tuple(differed))


def _pair_words(asked: list[_Word], record: list[_Word]) -> list[_Pair]:
    """Pair the words asked for with those of a record, each at most once, the surest kind of agreement first."""
    pairs: list[_Pair] = []
    left, right = dict(enumerate(asked)), dict(enumerate(record))

    def take(pair: _Pair) -> None:
        pairs.append(pair)
        for place in pair.asked:
            del left[place]
        for place in pair.found:
            del right[place]

    def singly(difference: Callable[[_Word, _Word], str | None], *, initial: bool = False) -> None:
        for i, word in list(left.items()):
            for j, other in list(right.items()):
                if (said := difference(word, other)) is not None:
                    take(_Pair((i,), (j,), said, initial))
                    break

    singly(lambda a, b: "" if a.forms & b.forms else None)
    singly(lambda a, b: f"{a.shown} is written {b.shown}" if a.folded & b.folded else None)
    for i, word in list(left.items()):
        if (run := _written_apart(word, right)) is not None:
            take(_Pair((i,), run))
    for j, word in list(right.items()):
        if (run := _written_apart(word, left)) is not None:
            take(_Pair(run, (j,)))
    singly(_initial, initial=True)
    return pairs


def _written_apart(word: _Word, others: Mapping[int, _Word]) -> tuple[int, ...] | None:
    """Return the places of neighbouring words of one name that together make the word."""
    for start in others:
        for length in range(2, _JOINED + 1):
            run = tuple(range(start, start + length))
            if not all(place in others for place in run) or len({others[place].family for place in run}) > 1:
                break
            if word.forms.intersection(_concatenated([others[place] for place in run])):
                return run
    return None


def _initial(a: _Word, b: _Word) -> str | None:
    for short, long in ((a, b), (b, a)):
        if len(short.shown) == 1 < len(long.shown) and any(form[0] == short.shown for form in long.forms):
            return f"{long.shown} is the initial {short.shown} only"
    return None


def _concatenated(run: Sequence[_Word]) -> Iterator[str]:
    """Yield a run of words written as one, in the ways its words have in common."""
    if len(run) == 1:
        yield from run[0].forms
    else:
        yield "".join(word.shown for word in run)


# ------------------------------------------------------------------------------------------------ birth dates


def _compare_births(asked: date | None, recorded: str) -> Comparison | None:
    """Compare birth dates; None where they are those of two people."""
    try:
        born = date.fromisoformat(recorded)
    except ValueError:
        return Comparison((), ("the record has no birth date",))
    if asked is None:
        return Comparison((), ("a birth date was not asked for",))
    if asked == born:
        return Comparison(("birth date",), ())
    if asked.year == born.year and (asked.month, asked.day) == (born.day, born.month):
        return Comparison((), ("day and month of birth are exchanged",))
    if (asked.month, asked.day) == (born.month, born.day) and _year_is_off(asked.year, born.year):
        return Comparison((), (f"year of birth is {born.year}, not {asked.year}",))
    return None


def _year_is_off(a: int, b: int) -> bool:
    wrong_digits = sum(x != y for x, y in zip(f"{a:04}", f"{b:04}", strict=True))
    return abs(a - b) == 1 or wrong_digits == 1


# ------------------------------------------------------------------------------------------------ words


def _of_record(given_names: str, family_name: str) -> tuple[list[_Word], list[_Word]]:
    """Return the words of given names and family name; a single name counts as the family name."""
    given, family = _words(given_names, family=False), _words(family_name, family=True)
    if not family:
        given, family = [], [structs.replace(word, family=True) for word in given]
    if all(word.particle for word in family):
        family = [structs.replace(word, particle=False) for word in family]
    return given, family


def _words(name: str, *, family: bool | None = None) -> list[_Word]:
    """Split a name into words; "Family, Given" and "FAMILY<<GIVEN" say which is which."""
    name = name[:_LONGEST]
    first, separator, rest = name.replace("<<", ",").partition(",")
    if family is None and separator and rest.strip(" <,"):
        return _words(first, family=True) + _words(rest, family=False)
    text = _APOSTROPHES.sub("", unicodedata.normalize("NFKC", name))
    pieces = "".join(c if unicodedata.category(c)[0] in "LMN" else " " for c in text).split()
    return [_word(piece, family) for piece in pieces[:_MOST_WORDS] if any(forms(piece))]


def _word(piece: str, family: bool | None) -> _Word:
    written = [form for form in forms(piece) if form]
    return _Word(
        forms=frozenset(written),
        folded=frozenset(map(_fold, written)),
        shown=written[0],
        family=family,
        particle=written[0] in PARTICLES,
    )


def _fold(written: str) -> str:
    return _DIGRAPHS.sub(lambda match: match.group(1) or match.group(2) or match.group(3), written)


def _sentence(result: Comparison) -> str:
    agreed = f"Agrees: {', '.join(result.agreed)}." if result.agreed else "Agrees: nothing."
    return f"{agreed} Differs: {'; '.join(result.differed)}." if result.differed else f"{agreed} No difference."

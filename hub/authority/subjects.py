"""Whom or what a grant is about (C5), and whether a query or a record is about the same. Pure functions.

There is no likeness here: a grant for one person opens nobody else's file because the names are similar.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from datetime import date
from types import MappingProxyType
from typing import Final

from msgspec import Struct

from hub.documents import NUMBERS, normalise_number
from hub.messages import DocumentQuery, PersonQuery, PlateQuery, Record, Subject, SubjectKind
from hub.names import compare_person
from hub.plates.alphabet import normalise
from hub.transliteration import forms

NAMING: Final[Mapping[SubjectKind, frozenset[str]]] = MappingProxyType(
    {
        SubjectKind.PLATE: frozenset({"plate"}),
        SubjectKind.PERSON: frozenset({"family_name", "given_names", "birth_date"}),
        SubjectKind.DOCUMENT: frozenset({*NUMBERS, "document_country"}),
    }
)
"""Fields by which a record says whom or what it is about: a source hands them over, granted or not."""


class GrantSubject(Struct, frozen=True, forbid_unknown_fields=True):
    """Exactly one plate, person or document."""

    kind: SubjectKind
    value: str
    """Plate, full name, or number."""
    born: date | None = None
    """Day of birth; a person needs it."""
    country: str = ""
    """Issuing state of a document, ICAO 9303 three letters; a document needs it."""


def names_subject(named: GrantSubject, asked: Subject) -> bool:
    """Say whether a query asks for exactly the subject that a grant names.

    Names are equal where they have the same words in any order, without regard to case, accents and punctuation.
    """
    match asked:
        case PlateQuery():
            plates = {reading.plate for reading in asked.readings}
            return named.kind is SubjectKind.PLATE and plates == {normalise(named.value)}
        case PersonQuery():
            words = _words(named.value)
            return (
                named.kind is SubjectKind.PERSON
                and named.born is not None
                and asked.birth_date == named.born
                and bool(words)
                and _words(asked.name) == words
            )
        case DocumentQuery():
            number = normalise_number(named.value)
            return (
                named.kind is SubjectKind.DOCUMENT
                and bool(number)
                and normalise_number(asked.number) == number
                and asked.country.strip().upper() == named.country.strip().upper()
            )


def is_about(named: GrantSubject, record: Record) -> bool:
    """Say whether a record is about exactly the subject that a grant names: nothing differs and nothing is unknown."""
    match named.kind:
        case SubjectKind.PLATE:
            return bool(named.value) and record.get("plate") == normalise(named.value)
        case SubjectKind.PERSON:
            compared = compare_person(PersonQuery(named.value, named.born), record)
            return compared is not None and not compared.differed and named.born is not None
        case SubjectKind.DOCUMENT:
            numbers = {normalise_number(record.get(name)) for name in NUMBERS}
            country = named.country.strip().upper()
            return normalise_number(named.value) in numbers and record.get("document_country") == country


def _words(name: str) -> tuple[str, ...]:
    text = unicodedata.normalize("NFKC", name)
    pieces = "".join(c if unicodedata.category(c)[0] in "LMN" else " " for c in text).split()
    return tuple(sorted(written for piece in pieces if (written := forms(piece)[0])))

"""Which records are about a document: the same number and, where both sides know it, the same issuing state.

Numbers are compared as written in a machine readable zone: letters and digits, upper case, no fillers. No check
digits, no reading of documents.
"""

from __future__ import annotations

from collections.abc import Sequence

from hub.messages import DocumentQuery, Hit, HitKind, Record

NUMBERS = ("document_number", "licence_number")
"""Fields of the schema that hold a document's number."""


def normalise_number(number: str) -> str:
    """Return a document's number without spaces, dashes and fillers, in upper case."""
    return "".join(c for c in number.upper() if c.isascii() and c.isalnum())


def match_document(query: DocumentQuery, records: Sequence[Record]) -> tuple[Hit, ...]:
    """Return the records about a document, in the source's order.

    Args:
        query: Number and issuing state; an unknown state agrees with any.
        records: Records after the closed schema.

    Returns:
        Hits of kind `HitKind.DOCUMENT`, each marked as ambiguous where there are several.
    """
    number, country = normalise_number(query.number), query.country.strip().upper()
    found = [
        record
        for record in records
        if number
        and number in {normalise_number(record.get(name)) for name in NUMBERS}
        and (not country or record.get("document_country") in ("", country))
    ]
    return tuple(
        Hit(
            kind=HitKind.DOCUMENT,
            record=record,
            cost=0.0,
            limit=0.0,
            aligned=(),
            region_agrees=None,
            ambiguous=len(found) > 1,
            competing=tuple(other.entry for other in found if other is not record),
            why=_sentence(country, record.get("document_country")),
        )
        for record in found
    )


def _sentence(asked: str, recorded: str) -> str:
    if asked and recorded:
        return f"Same number and issuing state {asked}."
    return f"Same number; the issuing state was not {'recorded' if asked else 'asked for'}."

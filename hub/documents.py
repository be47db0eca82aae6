"""Which records are about a document: the same number and, where both sides know it, the same issuing state.

Numbers are compared as written in a machine readable zone: letters and digits, upper case, no fillers. A number that
stands there under another issuing state alone is said to do so, instead of "no hit": no check digit covers states, and
they are mistyped by officers and on lists alike. No check digits, no reading of documents.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from hub.errors import UsageError
from hub.messages import DocumentQuery, Hit, HitKind, Record
from hub.text import plain

NUMBERS = ("document_number", "licence_number")
"""Fields of the schema that hold a document's number."""


def normalise_number(number: str) -> str:
    """Return a document's number without spaces, dashes and fillers, in upper case."""
    return "".join(c for c in number.upper() if c.isascii() and c.isalnum())


def normalise_state(country: str) -> str:
    """Return an issuing state as machine readable zones have it: Germany is D there, and DEU elsewhere."""
    code = normalise_number(country)
    return "D" if code == "DEU" else code


def check_state(country: str) -> str:
    """Return an issuing state that somebody typed, in upper case and without fillers.

    Its form is checked and not whether there is such a state: a document whose state nobody else knows can be stolen.

    Raises:
        UsageError: It has not the form of ICAO Doc 9303; the message says how to mend it.
    """
    code = country.strip().upper().rstrip("<")
    if not code or re.fullmatch("[A-Z]{3}|D", code):
        return code
    two = " (two letters are another code)" if re.fullmatch("[A-Z]{2}", code) else ""
    raise UsageError(
        f"{plain(country, limit=20)!r} is no issuing state{two}: write the three letters of the document's machine "
        "readable zone, such as SVK, or D for Germany"
    )


def match_document(query: DocumentQuery, records: Sequence[Record]) -> tuple[Hit, ...]:
    """Return the records about a document, in the source's order; where there is none, those of another state.

    Args:
        query: Number and issuing state; an unknown state agrees with any.
        records: Records after the closed schema.

    Returns:
        Hits of kind `HitKind.DOCUMENT`, each marked as ambiguous where there are several. `Hit.cost` is the number of
        differences: 0, or 1 where the issuing state differs, which is ambiguous even alone, since it may be another
        document.
    """
    number, country = normalise_number(query.number), normalise_state(query.country)
    numbered = [
        record for record in records if number and number in {normalise_number(record.get(name)) for name in NUMBERS}
    ]
    agreeing = [record for record in numbered if not country or _state(record) in ("", country)]
    found = agreeing or numbered
    return tuple(
        Hit(
            kind=HitKind.DOCUMENT,
            record=record,
            cost=0.0 if agreeing else 1.0,
            limit=0.0 if agreeing else 1.0,
            aligned=(),
            region_agrees=None,
            ambiguous=len(found) > 1 or not agreeing,
            competing=tuple(other.entry for other in found if other is not record),
            why=_sentence(query.country.strip().upper(), record.get("document_country"), differ=not agreeing),
        )
        for record in found
    )


def _state(record: Record) -> str:
    return normalise_state(record.get("document_country"))


def _sentence(asked: str, recorded: str, *, differ: bool) -> str:
    if differ:
        return f"Same number, another issuing state: the entry says {recorded}, asked for was {asked}."
    if asked and recorded:
        return f"Same number and issuing state {asked}."
    return f"Same number; the issuing state was not {'recorded' if asked else 'asked for'}."

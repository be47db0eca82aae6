"""The closed schema of what a record may carry (C9): whatever a plugin declares, other fields are dropped and counted.

There is no field for ethnicity, gender, age, religion, nationality, emotion, a score or rank, a picture or where
somebody has been, and a field that is not in `SCHEMA` reaches no screen, log or dispatch. A new field is a change of
this table, with a sentence that says what it is for. How sources are asked is `hub.sources`'s.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from msgspec import Struct

from hub.backends import SourceRecord
from hub.messages import Field, Record
from hub.plates.alphabet import ANY, UNKNOWN, normalise
from hub.text import plain


class Category(StrEnum):
    """Why an entry stands on a closed list: wanted, missing or stolen, and nothing else."""

    STOLEN_VEHICLE = "stolen_vehicle"
    STOLEN_PLATE = "stolen_plate"
    WANTED_VEHICLE = "wanted_vehicle"
    """Used in an offence, or by a person who is wanted."""
    MISSING_PERSON_VEHICLE = "missing_person_vehicle"
    WANTED_PERSON = "wanted_person"
    MISSING_PERSON = "missing_person"
    MISSING_CHILD = "missing_child"
    VULNERABLE_PERSON = "vulnerable_person"
    THREAT_TO_LIFE = "threat_to_life"
    """Somebody from whom an imminent threat to life comes."""
    STOLEN_DOCUMENT = "stolen_document"
    LOST_DOCUMENT = "lost_document"


class Kind(StrEnum):
    """What a field's value is."""

    TEXT = "text"
    PLATE = "plate"
    """Letters and digits of `hub.plates.alphabet`, without separators."""
    CODE = "code"
    """Letters, digits and dashes, upper case."""
    DATE = "date"
    """ISO 8601, a day."""
    CHOICE = "choice"
    """One of a fixed set of words."""


class FieldRule(Struct, frozen=True):
    """One field that a record may carry."""

    name: str
    meaning: str
    """One sentence for officers and plugin authors."""
    kind: Kind
    length: int
    """Most characters; longer text is cut and ends in "…"."""
    choices: tuple[str, ...] = ()
    """For `Kind.CHOICE`: what it may say."""
    granted: bool = False
    """True where the field comes back under a grant alone (C5), whatever source it is in."""


def _text(name: str, length: int, meaning: str, *, granted: bool = False) -> FieldRule:
    return FieldRule(name, meaning, Kind.TEXT, length, granted=granted)


def _code(name: str, length: int, meaning: str) -> FieldRule:
    return FieldRule(name, meaning, Kind.CODE, length)


def _date(name: str, meaning: str, *, granted: bool = False) -> FieldRule:
    return FieldRule(name, meaning, Kind.DATE, 10, granted=granted)


def _choice(name: str, choices: tuple[str, ...], meaning: str, *, granted: bool = False) -> FieldRule:
    return FieldRule(name, meaning, Kind.CHOICE, max(map(len, choices)), choices, granted=granted)


SCHEMA: Final = (
    FieldRule("plate", "Number plate of the vehicle.", Kind.PLATE, 16),
    _code("region", 6, "Jurisdiction that issued the plate, ISO 3166-1 alpha-2, with a subdivision where it has one."),
    _choice("category", tuple(Category), "Why the entry stands on a closed list."),
    _text("instruction", 300, "What the officer is to do, in the words of the issuing authority."),
    _text("legal_basis", 200, "Law, order or warrant under which the entry stands on the list."),
    _text("issuing_authority", 120, "Authority that answers for the entry."),
    _text("reference", 80, "Case number at the issuing authority."),
    _date("expires", "Last day, in UTC, on which the entry may be acted on."),
    _text("make", 60, "Make of the vehicle."),
    _text("model", 60, "Model of the vehicle."),
    _text("colour", 40, "Colour of the vehicle."),
    _text("vehicle_type", 40, "Type of the vehicle, such as car, lorry or motorcycle."),
    _text("name", 120, "Name of the person whom an entry of a face list is about, as its issuer writes it."),
    _text("family_name", 100, "Family name of the person whom the entry or document is about."),
    _text("given_names", 100, "Given names of that person."),
    _date("birth_date", "Day of birth of that person."),
    _code("document_number", 20, "Number of the document, without fillers."),
    _code("document_country", 3, "State that issued the document, ICAO 9303 letters."),
    _choice("document_status", ("valid", "expired", "lost", "stolen", "revoked"), "What is known of the document."),
    _text("keeper_name", 120, "Registered keeper of the vehicle."),
    _text("keeper_address", 200, "Address of the registered keeper."),
    _date("keeper_since", "Day since which the keeper is registered."),
    _code("licence_number", 30, "Number of the driving licence."),
    _choice(
        "licence_status", ("valid", "expired", "suspended", "revoked", "provisional"), "State of the driving licence."
    ),
    _text("licence_categories", 60, "Vehicle categories that the licence covers."),
    _date("licence_until", "Last day of the licence."),
    _choice("insurance_status", ("insured", "uninsured", "unknown"), "Whether the vehicle is insured."),
    _text("insurer", 100, "Insurer of the vehicle."),
    _date("insurance_until", "Last day of the insurance."),
    _choice("inspection_status", ("passed", "failed", "overdue", "unknown"), "Result of the technical inspection."),
    _date("inspection_until", "Day by which the vehicle must be inspected again."),
    _text("lender", 120, "Who gave the loan that an account is about.", granted=True),
    _date("account_opened", "Day on which that account was opened.", granted=True),
    _choice("account_status", ("current", "overdue", "settled", "written_off"), "State of that account.", granted=True),
    _text("amount_owed", 40, "Amount that the lender reports as owed, with its currency.", granted=True),
    _choice("insolvency_status", ("none", "open", "discharged"), "Whether the person is insolvent.", granted=True),
    _date("insolvency_until", "Day on which the insolvency ends or ended.", granted=True),
)
"""Every field that a record may carry, in the order in which it is shown."""

RULES: Final[Mapping[str, FieldRule]] = MappingProxyType({rule.name: rule for rule in SCHEMA})
"""The same by name."""

ENTRY_LENGTH: Final = 80
"""Most characters of an entry's identifier."""


def apply_schema(raw: SourceRecord, *, granted: bool = False) -> tuple[Record, int]:
    """Keep of a plugin's record what the schema has, as bounded plain text.

    Args:
        raw: As the plugin handed it over; its values may be anything.
        granted: Whether the record came under a grant. Which fields that grant allows is `hub.granted`'s.

    Returns:
        The record, fields in the schema's order and none empty; and the number of fields that were dropped because
        the schema does not have them, they need a grant, or their value is not of their kind. Absent and empty values
        are not counted.
    """
    kept: list[Field] = []
    empty = 0
    for rule in SCHEMA:
        if rule.name not in raw.fields:
            continue
        value = raw.fields[rule.name]
        if value is None or value == "":
            empty += 1
        elif (granted or not rule.granted) and (text := _accept(rule, value)):
            kept.append(Field(rule.name, text))
    entry = plain(_exact(raw.entry, 4 * ENTRY_LENGTH), limit=4 * ENTRY_LENGTH).strip()
    record = Record(_cut(entry, ENTRY_LENGTH), tuple(kept))
    return record, len(raw.fields) - len(kept) - empty


def check_value(rule: FieldRule, value: str) -> str:
    """Return a value as the schema would keep it; for importers.

    Raises:
        ValueError: The value is not of the field's kind; the message says how to mend it.
    """
    if text := _accept(rule, value):
        return text
    if rule.kind is Kind.DATE:
        raise ValueError(f"{rule.name} is no date: write it as 2030-12-31")
    if rule.kind is Kind.CHOICE:
        raise ValueError(f"{rule.name} is none of {', '.join(rule.choices)}")
    raise ValueError(f"{rule.name} has no letters or digits")


def _accept(rule: FieldRule, value: object) -> str:
    """Return the value as bounded plain text, "" where it is not of the rule's kind."""
    if isinstance(value, date):
        text = date.isoformat(value) if rule.kind is Kind.DATE else ""
    elif isinstance(value, str):
        text = _exact(value, 4 * rule.length)
    elif isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**18:
        text = str(value)
    else:
        return ""
    return _of_kind(rule, plain(text, limit=4 * rule.length).strip())


def _of_kind(rule: FieldRule, text: str) -> str:
    if rule.kind is Kind.PLATE:
        return normalise(text).replace(UNKNOWN, "").replace(ANY, "")[: rule.length]
    if rule.kind is Kind.CODE:
        return "".join(c for c in text.upper() if c.isascii() and (c.isalnum() or c == "-"))[: rule.length]
    if rule.kind is Kind.DATE:
        return _day(text)
    if rule.kind is Kind.CHOICE:
        word = text.lower().replace(" ", "_").replace("-", "_")
        return word if word in rule.choices else ""
    return _cut(text, rule.length)


def _day(text: str) -> str:
    try:
        return datetime.fromisoformat(text).date().isoformat()
    except ValueError:
        return ""


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"


def _exact(text: str, length: int) -> str:
    """Return at most so many characters as a plain `str`, whatever subclass a plugin made of it."""
    return str.__getitem__(text, slice(length))

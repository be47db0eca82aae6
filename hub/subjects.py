"""What a look-up is about: which kind of subject it is, and whether enough is said of it to look it up.

Who may look it up is decided in `hub.authority.policy`, and what agrees with it in `hub.plates`, `hub.names` and
`hub.documents`.
"""

from __future__ import annotations

from hub.documents import normalise_number
from hub.errors import UsageError
from hub.messages import PersonQuery, PlateQuery, Subject, SubjectKind
from hub.names import query_name_keys
from hub.plates.alphabet import normalise
from hub.plates.partial import check_partial, is_partial


def kind_of(subject: Subject) -> SubjectKind:
    """Return what a subject is."""
    if isinstance(subject, PlateQuery):
        return SubjectKind.PLATE
    return SubjectKind.PERSON if isinstance(subject, PersonQuery) else SubjectKind.DOCUMENT


def check_subject(subject: Subject) -> None:
    """Refuse what cannot be looked up.

    Raises:
        UsageError: Nothing to look for, or a partial plate that says too little; the message says what would help.
    """
    if isinstance(subject, PlateQuery):
        if not subject.readings or not subject.readings[0].plate:
            raise UsageError("no letters or digits of a plate were given")
        for reading in subject.readings:
            if reading.plate != normalise(reading.plate):
                raise UsageError("a plate is looked up without separators, in letters and digits that plates bear")
            if is_partial(reading.plate):
                check_partial(reading.plate)
    elif isinstance(subject, PersonQuery):
        if not query_name_keys(subject.name):
            raise UsageError("no name was given")
    elif not normalise_number(subject.number):
        raise UsageError("no letters or digits of a document number were given")


def asks_in_part(subject: Subject) -> bool:
    """Say whether a plate is asked for of which not all characters are known."""
    return isinstance(subject, PlateQuery) and any(is_partial(reading.plate) for reading in subject.readings)

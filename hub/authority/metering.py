"""How often faces may be compared one to one (C4), as pure rules on what was compared lately.

No clock, no store: `hub.authority.meter` remembers the turns. The rules, each of which a unit's settings may make
stricter and none laxer:

1. one comparison at a time in the unit, and the next begins `Limits.apart` after the last has ended;
2. an officer begins so many in any 12 hours, which is what a shift is here: 1:1 checks and probes together;
3. a live picture that was compared with one document is compared with no other within the hour;
4. an officer whose comparison found no candidate compares nothing with another document within the hour;
5. a document is compared with so many live pictures within the hour.

Rules 3 to 5 are about documents; a probe, which compares a face with a signed list, has none.

Rule 3 knows a picture by its pixels, so that a picture saved anew, or the next frame of a camera, escapes it. Rule 4
needs no likeness of anybody: who searches for a face in a pile of documents gets "different" from the first, and
stops there. What that costs an honest officer stands in DECISIONS.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Final

from msgspec import Meta, Struct

from hub.authority.policy import Decision
from hub.store.retention import Datum, longest


class CheckSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """The table ``[checks]`` of a configuration: fewer face checks than the charter allows, never more."""

    per_shift: Annotated[int, Meta(ge=0, le=30)] = 30
    """Face checks that an officer may begin in any 12 hours; 30 at most."""
    seconds_apart: Annotated[float, Meta(ge=10, le=3600)] = 10.0
    """Seconds from the end of one to the beginning of the next; 10 at least."""
    pictures_per_document: Annotated[int, Meta(ge=1, le=3)] = 3
    """Live pictures that a document may be compared with in an hour; 3 at most."""


class Limits(Struct, frozen=True):
    """The limits in force."""

    apart: timedelta
    per_shift: int
    pictures_per_document: int
    shift: timedelta = longest(Datum.CHECK_TURN)
    hour: timedelta = longest(Datum.CHECK_PICTURES)
    lease: timedelta = timedelta(minutes=1)
    """A comparison that never ended, because its process did, is under way for this long."""


def limits_of(settings: CheckSettings) -> Limits:
    """Return the limits in force; a setting that is laxer than the charter has no effect."""
    charter = CheckSettings()
    return Limits(
        apart=timedelta(seconds=max(settings.seconds_apart, charter.seconds_apart)),
        per_shift=min(settings.per_shift, charter.per_shift),
        pictures_per_document=min(settings.pictures_per_document, charter.pictures_per_document),
    )


CHARTER: Final = limits_of(CheckSettings())
"""The charter's own limits."""


class Outcome(StrEnum):
    """What became of a turn."""

    UNDER_WAY = "under_way"
    """It has not ended, or its process ended first: then it counts as one that found no candidate."""
    NOT_COMPARED = "not_compared"
    """Below the quality floor, or an error: nobody learned anything."""
    CANDIDATE = "candidate"
    NO_CANDIDATE = "no_candidate"


class Turn(Struct, frozen=True):
    """A comparison of before, seen from the one that is asked for."""

    officer: str
    begun: datetime
    ended: datetime | None
    outcome: Outcome
    same_live: bool
    """Whether its live picture was the same; False once that cannot be told any more."""
    same_document: bool
    """Whether its document's picture was."""
    probe: bool = False
    """Whether a list was in place of a document."""


def may_begin(
    turns: Sequence[Turn], officer: str, now: datetime, limits: Limits = CHARTER, *, probe: bool = False
) -> Decision:
    """Say whether an officer may compare now.

    Args:
        turns: The unit's turns of the last shift, in any order.
        officer: Number of the officer who asks.
        now: Wall time, not less than that of any turn.
        limits: Those in force.
        probe: Whether a face is compared with a list: rules 1 and 2 alone.
    """
    for turn in turns:
        if turn.ended is None and now - turn.begun < limits.lease:
            return _no("a face check is under way on this unit: one at a time")
    last = max((turn.ended or turn.begun for turn in turns), default=None)
    if last is not None and now - last < limits.apart:
        left = (last + limits.apart - now).total_seconds()
        return _no(f"face checks are {limits.apart.total_seconds():g} s apart on this unit: wait {left:.0f} s")
    own = [turn for turn in turns if turn.officer == officer and now - turn.begun < limits.shift]
    if len(own) >= limits.per_shift:
        return _no(f"officer {officer} has begun {len(own)} face checks in 12 hours, which is all that a shift has")
    if probe:
        return Decision(allowed=True, reason="within the limits of face checks")
    checks = [turn for turn in turns if not turn.probe]
    lately = [turn for turn in checks if now - turn.begun < limits.hour and turn.outcome is not Outcome.NOT_COMPARED]
    if any(turn.same_live and not turn.same_document for turn in lately):
        return _no("this picture was compared with another document within the hour: a face is checked against one")
    fruitless = [turn for turn in lately if turn.officer == officer and turn.outcome is not Outcome.CANDIDATE]
    if any(not turn.same_document for turn in fruitless):
        until = _until(fruitless, limits)
        return _no(
            f"a face check of officer {officer} found no candidate, so another document waits until {until:%H:%M} UTC: "
            "a face is checked against one document; another officer may check"
        )
    if sum(turn.same_document for turn in lately) >= limits.pictures_per_document:
        return _no(f"this document was compared {limits.pictures_per_document} times within the hour, which is all")
    return Decision(allowed=True, reason="within the limits of face checks")


def _until(turns: Iterable[Turn], limits: Limits) -> datetime:
    return max(turn.begun for turn in turns if not turn.same_document) + limits.hour


def _no(reason: str) -> Decision:
    return Decision(allowed=False, reason=reason)

"""The one table of rule C11: how long each datum may live, and the dates that follow from it.

Durations here are the longest that the charter allows; `shorten` takes a configuration that asks for less and refuses
one that asks for more. Nothing else in the hub computes such a date, and nothing here deletes: each store destroys
its own rows on these dates and calls `hub.store.sqlite.purge`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from msgspec import Struct

from hub.errors import ConfigError
from hub.messages import Act


class Datum(StrEnum):
    """Everything that the hub holds about people, by the rule that ends it."""

    UNDECIDED_ALERT = "undecided_alert"
    FALSE_ALERT = "false_alert"
    TRUE_ALERT = "true_alert"
    LIVE_PICTURE = "live_picture"
    TRANSCRIPT = "transcript"
    SAVED_TRANSCRIPT = "saved_transcript"
    PLATE_READ = "plate_read"
    SENT_DISPATCH = "sent_dispatch"
    LIST = "list"
    LOOKUP_PAYLOAD = "lookup_payload"
    ALERT_PAYLOAD = "alert_payload"
    OFFICER_PAYLOAD = "officer_payload"
    CHECK_PICTURES = "check_pictures"
    CHECK_TURN = "check_turn"


class RetentionRule(Struct, frozen=True):
    """One row of the table."""

    datum: Datum
    longest: timedelta
    """Longest life from `since` on; zero is "at once"."""
    since: str
    """The event from which `longest` counts."""
    memory_only: bool
    """True where it is never written, so that its end is the end of an object."""
    what: str
    """What is gone on the date, for the documentation and for ``doctor``."""


_AT_ONCE: Final = timedelta(0)

TABLE: Final = (
    RetentionRule(
        Datum.UNDECIDED_ALERT, timedelta(minutes=3), "raised", False, "the whole alert that nobody has decided on"
    ),
    RetentionRule(
        Datum.FALSE_ALERT, _AT_ONCE, "adjudicated false", False, "picture, crop and template; the decision stays"
    ),
    RetentionRule(
        Datum.TRUE_ALERT, timedelta(days=31), "raised", False, "the whole alert, earlier on its list's or case's date"
    ),
    RetentionRule(Datum.LIVE_PICTURE, _AT_ONCE, "its frame's end", True, "frames that became no alert"),
    RetentionRule(Datum.TRANSCRIPT, _AT_ONCE, "its session's end", True, "what was said, unless an officer saved it"),
    RetentionRule(
        Datum.SAVED_TRANSCRIPT, timedelta(days=31), "saved", False, "an utterance that an officer saved with a reason"
    ),
    RetentionRule(Datum.PLATE_READ, _AT_ONCE, "its track's end", True, "a read that hit nothing"),
    RetentionRule(Datum.SENT_DISPATCH, _AT_ONCE, "acknowledged by the desk", False, "the entry of the outbox"),
    RetentionRule(Datum.LIST, timedelta(hours=24), "its expiry", False, "a watch-list or hot-list with its entries"),
    RetentionRule(
        Datum.LOOKUP_PAYLOAD, timedelta(days=365), "the entry", False, "subject and reason of a look-up in the log"
    ),
    RetentionRule(
        Datum.ALERT_PAYLOAD,
        timedelta(days=31),
        "the entry",
        False,
        "the particulars of an alert or dispatch in the log",
    ),
    RetentionRule(
        Datum.OFFICER_PAYLOAD,
        timedelta(days=365),
        "the entry",
        False,
        "particulars of sign-ins and authority in the log",
    ),
    RetentionRule(
        Datum.CHECK_PICTURES,
        timedelta(hours=1),
        "the face check began",
        False,
        "hashes of the two pictures, under a key of that check, that tell whether the same one comes again",
    ),
    RetentionRule(
        Datum.CHECK_TURN,
        timedelta(hours=12),
        "the face check began",
        False,
        "who checked a face and when, for metering",
    ),
)
"""Rule C11, one row a datum."""

LOG_PAYLOADS: Final[Mapping[Act, Datum | None]] = MappingProxyType(
    {
        Act.LOOKUP: Datum.LOOKUP_PAYLOAD,
        Act.LOOKUP_DONE: Datum.LOOKUP_PAYLOAD,
        Act.LOOKUP_REFUSED: Datum.LOOKUP_PAYLOAD,
        Act.DOCUMENT_CHECK: Datum.LOOKUP_PAYLOAD,
        Act.FACE_CHECK: Datum.LOOKUP_PAYLOAD,
        Act.PROBE: Datum.LOOKUP_PAYLOAD,
        Act.WATCH: Datum.OFFICER_PAYLOAD,
        Act.FILES_READ: Datum.LOOKUP_PAYLOAD,
        Act.SPEECH_HEARD: Datum.LOOKUP_PAYLOAD,
        Act.TRANSCRIPT_SAVED: Datum.SAVED_TRANSCRIPT,
        Act.RECORDS_IMPORTED: Datum.LOOKUP_PAYLOAD,
        Act.ALERT_RAISED: Datum.ALERT_PAYLOAD,
        Act.ALERT_DECIDED: Datum.ALERT_PAYLOAD,
        Act.ALERT_EXPIRED: Datum.ALERT_PAYLOAD,
        Act.DISPATCHED: Datum.ALERT_PAYLOAD,
        Act.OFFICER_ADDED: Datum.OFFICER_PAYLOAD,
        Act.OFFICER_REMOVED: Datum.OFFICER_PAYLOAD,
        Act.PASSPHRASE_CHANGED: Datum.OFFICER_PAYLOAD,
        Act.SIGN_IN: Datum.OFFICER_PAYLOAD,
        Act.SIGN_IN_REFUSED: Datum.OFFICER_PAYLOAD,
        Act.SIGN_OUT: Datum.OFFICER_PAYLOAD,
        Act.ORDER: Datum.OFFICER_PAYLOAD,
        Act.GRANT: Datum.OFFICER_PAYLOAD,
        # Numbers, digests and names of files and plugins: nothing of a person, so they live as long as the log.
        Act.UNIT_START: None,
        Act.UNIT_STOP: None,
        Act.CONFIGURATION: None,
        Act.LIST_LOADED: None,
        Act.LIST_OPENED: None,
        Act.LIST_REFUSED: None,
        Act.LIST_ENDED: None,
        Act.TRUST_UPDATE: None,
        Act.AUTOMATIC_OPENED: None,
        Act.AUTOMATIC_COUNTED: None,
        Act.PLUGIN_PARKED: None,
        Act.ERASED: None,
        Act.CHECKPOINT: None,
    }
)
"""Which row an entry's payload falls under; None where it holds nothing of a person."""


class RetentionSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """What a configuration may shorten, its table ``[retention]``; None leaves the charter's duration."""

    undecided_alert_seconds: float | None = None
    """Seconds after which an alert that nobody decided has expired; 180 at most."""
    true_alert_days: float | None = None
    """Days for which an alert adjudicated true is kept; 31 at most."""
    list_hours: float | None = None
    """Hours after a list's expiry for which it may lie there; 24 at most."""
    lookup_payload_days: float | None = None
    """Days for which the log holds what was looked up, and why."""
    alert_payload_days: float | None = None
    """Days for which the log holds particulars of alerts and decisions."""
    officer_payload_days: float | None = None
    """Days for which the log holds particulars of sign-ins and officers."""
    saved_transcript_days: float | None = None
    """Days for which a transcript that an officer saved is kept."""


class Retention(Struct, frozen=True):
    """The durations in force, and the dates that follow from them. Times in and out are timezone-aware."""

    undecided_alert: timedelta
    true_alert: timedelta
    list_after_expiry: timedelta
    lookup_payload: timedelta
    alert_payload: timedelta
    officer_payload: timedelta
    saved_transcript: timedelta

    def decide_by(self, raised: datetime) -> datetime:
        """Return when an alert that nobody decides on ends and is gone."""
        return raised + self.undecided_alert

    def true_alert_until(self, raised: datetime, *dates: datetime | None) -> datetime:
        """Return when an alert adjudicated true is gone.

        Args:
            raised: When it was raised.
            dates: Dates of its list, its entry or its case; None where one has none.
        """
        return min([raised + self.true_alert, *(date for date in dates if date is not None)])

    def list_until(self, expires: datetime) -> datetime:
        """Return when a list with all its entries is gone."""
        return expires + self.list_after_expiry

    def payload_until(self, act: Act, at: datetime) -> datetime | None:
        """Return when the payload of a log entry is destroyed; None where it lives as long as the log.

        Whole hours, rounded down: payloads that end together share a key, see `hub.audit.vault`.
        """
        datum = LOG_PAYLOADS[act]
        if datum is None:
            return None
        until = at.astimezone(UTC) + self._of(datum)
        return max(until.replace(minute=0, second=0, microsecond=0), at.astimezone(UTC))

    def _of(self, datum: Datum) -> timedelta:
        duration: timedelta = getattr(self, datum.value)
        return duration


def longest(datum: Datum) -> timedelta:
    """Return the longest life that the table allows."""
    return next(rule.longest for rule in TABLE if rule.datum is datum)


CHARTER: Final = Retention(
    undecided_alert=longest(Datum.UNDECIDED_ALERT),
    true_alert=longest(Datum.TRUE_ALERT),
    list_after_expiry=longest(Datum.LIST),
    lookup_payload=longest(Datum.LOOKUP_PAYLOAD),
    alert_payload=longest(Datum.ALERT_PAYLOAD),
    officer_payload=longest(Datum.OFFICER_PAYLOAD),
    saved_transcript=longest(Datum.SAVED_TRANSCRIPT),
)
"""The table's own durations."""


def shorten(settings: RetentionSettings) -> Retention:
    """Return the durations in force under a configuration.

    Raises:
        ConfigError: A duration is longer than the charter's, or negative; the message names its key.
    """

    def duration(key: str, value: float | None, unit: timedelta, limit: timedelta) -> timedelta:
        if value is None:
            return limit
        if not 0 <= value <= limit / unit:  # also refuses what is no number
            raise ConfigError(
                f"retention.{key} = {value:g} is out of range: from 0 to {limit / unit:g}, because a configuration may "
                "shorten how long data are kept, never lengthen it"
            )
        return value * unit

    day = timedelta(days=1)
    return Retention(
        undecided_alert=duration(
            "undecided_alert_seconds",
            settings.undecided_alert_seconds,
            timedelta(seconds=1),
            CHARTER.undecided_alert,
        ),
        true_alert=duration("true_alert_days", settings.true_alert_days, day, CHARTER.true_alert),
        list_after_expiry=duration("list_hours", settings.list_hours, timedelta(hours=1), CHARTER.list_after_expiry),
        lookup_payload=duration("lookup_payload_days", settings.lookup_payload_days, day, CHARTER.lookup_payload),
        alert_payload=duration("alert_payload_days", settings.alert_payload_days, day, CHARTER.alert_payload),
        officer_payload=duration("officer_payload_days", settings.officer_payload_days, day, CHARTER.officer_payload),
        saved_transcript=duration(
            "saved_transcript_days", settings.saved_transcript_days, day, CHARTER.saved_transcript
        ),
    )

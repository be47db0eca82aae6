"""C11: every datum has a date. The table row by row; a configuration may shorten, never lengthen.

That no byte is left after the date is tested where the bytes are: `test_c11_log_payloads` for the log,
`tests/unit/authority/test_metering` for face checks.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.authority.metering import CHARTER as METERING
from hub.errors import ConfigError
from hub.messages import Act
from hub.store.retention import CHARTER, LOG_PAYLOADS, TABLE, Datum, RetentionSettings, longest, shorten

NOW = datetime(2026, 3, 1, 12, 34, 56, 789, tzinfo=UTC)
LIMITS = {
    "undecided_alert_seconds": 180,
    "true_alert_days": 31,
    "list_hours": 24,
    "lookup_payload_days": 365,
    "alert_payload_days": 31,
    "officer_payload_days": 365,
    "saved_transcript_days": 31,
}


def rule(datum):
    (row,) = [row for row in TABLE if row.datum is datum]
    return row


def test_every_datum_has_exactly_one_row():
    assert sorted(row.datum for row in TABLE) == sorted(Datum)


def test_undecided_alert_three_minutes():
    assert CHARTER.decide_by(NOW) - NOW == timedelta(minutes=3)


def test_adjudicated_false_at_once():
    assert longest(Datum.FALSE_ALERT) == timedelta(0)
    assert all(word in rule(Datum.FALSE_ALERT).what for word in ("picture", "crop", "template"))


def test_adjudicated_true_until_the_list_s_or_case_s_date_at_most_31_days():
    assert CHARTER.true_alert_until(NOW, None) == NOW + timedelta(days=31)
    assert CHARTER.true_alert_until(NOW, NOW + timedelta(days=90), None) == NOW + timedelta(days=31)
    assert CHARTER.true_alert_until(NOW, NOW + timedelta(days=9), NOW + timedelta(days=2)) == NOW + timedelta(days=2)


@pytest.mark.parametrize("datum", [Datum.LIVE_PICTURE, Datum.TRANSCRIPT])
def test_live_picture_and_unsaved_transcript_in_memory_only(datum):
    assert rule(datum).memory_only
    assert longest(datum) == timedelta(0)


def test_a_saved_transcript_31_days():
    assert longest(Datum.SAVED_TRANSCRIPT) == timedelta(days=31)
    assert LOG_PAYLOADS[Act.TRANSCRIPT_SAVED] is Datum.SAVED_TRANSCRIPT


def test_a_read_that_hits_nothing_ends_with_its_track():
    assert rule(Datum.PLATE_READ).memory_only
    assert rule(Datum.PLATE_READ).since == "its track's end"


def test_sent_outbox_entry_on_acknowledgement():
    assert longest(Datum.SENT_DISPATCH) == timedelta(0)
    assert "acknowledged" in rule(Datum.SENT_DISPATCH).since


def test_a_list_24_hours_after_its_expiry():
    assert CHARTER.list_until(NOW) - NOW == timedelta(hours=24)


def test_hashes_of_a_face_check_s_pictures_an_hour_and_who_checked_a_shift():
    assert longest(Datum.CHECK_PICTURES) == METERING.hour == timedelta(hours=1)
    assert longest(Datum.CHECK_TURN) == METERING.shift == timedelta(hours=12)


def test_every_act_says_when_its_payload_ends():
    assert set(LOG_PAYLOADS) == set(Act)


@pytest.mark.parametrize("act", [act for act, datum in LOG_PAYLOADS.items() if datum is not None])
def test_log_payload_on_its_rule_s_date(act):
    limit = longest(LOG_PAYLOADS[act])
    until = CHARTER.payload_until(act, NOW)
    assert NOW + limit - timedelta(hours=1) < until <= NOW + limit
    assert (until.minute, until.second, until.microsecond) == (0, 0, 0)


def test_personal_payloads_all_have_a_date():
    personal = (
        "lookup",
        "document",
        "face",
        "alert",
        "sign",
        "officer",
        "dispatch",
        "files",
        "records",
        "speech",
        "transcript",
        "order",
        "grant",
    )
    for act in Act:
        if act.value.startswith(personal):
            assert CHARTER.payload_until(act, NOW) is not None, act


@pytest.mark.parametrize("key", LIMITS)
@given(share=st.floats(0, 1))
def test_a_configuration_may_shorten(key, share):
    settings = msgspec.convert({key: LIMITS[key] * share}, RetentionSettings)
    shorter = shorten(settings)
    for name in CHARTER.__struct_fields__:
        assert getattr(shorter, name) <= getattr(CHARTER, name)
    assert shorter.decide_by(NOW) <= CHARTER.decide_by(NOW)
    assert shorter.true_alert_until(NOW) <= CHARTER.true_alert_until(NOW)
    assert shorter.list_until(NOW) <= CHARTER.list_until(NOW)
    for act, datum in LOG_PAYLOADS.items():
        if datum is not None:
            assert NOW <= shorter.payload_until(act, NOW) <= CHARTER.payload_until(act, NOW)


@pytest.mark.parametrize("key", LIMITS)
@given(excess=st.floats(min_value=1e-6, allow_nan=False) | st.just(math.nan) | st.floats(max_value=-1e-6))
def test_a_configuration_never_lengthens(key, excess):
    value = LIMITS[key] + excess if not excess < 0 else excess
    with pytest.raises(ConfigError, match=rf"retention\.{key} = .* never lengthen"):
        shorten(RetentionSettings(**{key: value}))


def test_no_configuration_is_the_charter():
    assert shorten(RetentionSettings()) == CHARTER

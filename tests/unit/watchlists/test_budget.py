"""The threshold of a list from a budget of false alerts, its interval, its refusals; and what a search means."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Struct

from hub.calibration import load_calibration
from hub.errors import UsageError
from hub.models import CALIBRATIONS
from hub.testing.faces import calibration
from hub.watchlists.budget import (
    LOOSEST,
    FaceSettings,
    FaceStatus,
    clumping,
    describe,
    interval,
    rank,
    threshold_for,
)

SHIPPED = load_calibration("8fe4a4798d3930d50ccfa3792720ff3259c80f919fbd913a666a5e6b6615f5b4", CALIBRATIONS)


class Template(Struct):
    entry: str
    similarity: float


def found(**entries):
    return [Template(entry, similarity) for entry, similarity in entries.items()]


@settings(max_examples=60, deadline=None)
@given(
    entries=st.integers(1, 20_000),
    faces=st.floats(1, 100_000),
    budget=st.floats(1e-6, 100),
)
def test_what_is_expected_never_exceeds_the_budget_or_nothing_is_answered(entries, faces, budget):
    needed = min(budget / (entries * faces), LOOSEST)
    if needed < SHIPPED.finest:
        with pytest.raises(UsageError, match="at least"):
            threshold_for(SHIPPED, entries=entries, faces=faces, budget=budget)
        return
    got = threshold_for(SHIPPED, entries=entries, faces=faces, budget=budget)
    assert got.expected <= max(budget, SHIPPED.finest * entries * faces) * 1.000001
    assert got.rate <= max(needed, SHIPPED.finest) * 1.000001
    assert got.low < got.expected < got.high
    reached = SHIPPED.rate(got.threshold)
    assert reached.reached <= needed * SHIPPED.comparisons


def test_a_refusal_says_what_would_be_allowed():
    with pytest.raises(UsageError, match=r"allow ([0-9.]+) at least") as refusal:
        threshold_for(SHIPPED, entries=10_000, faces=1, budget=0.02)
    enough = float(str(refusal.value).split("allow ")[1].split(" ")[0])
    assert threshold_for(SHIPPED, entries=10_000, faces=1, budget=enough).entries == 10_000
    with pytest.raises(UsageError):
        threshold_for(SHIPPED, entries=10_000, faces=1, budget=enough * 0.9)


def test_a_short_list_does_not_make_a_loose_threshold():
    short = threshold_for(SHIPPED, entries=1, faces=1, budget=1.0)
    assert short.rate <= LOOSEST
    assert short.threshold >= SHIPPED.threshold(LOOSEST)
    assert threshold_for(SHIPPED, entries=1000, faces=1, budget=0.02).threshold > short.threshold


def test_a_list_that_was_checked_with_a_higher_threshold_keeps_it():
    got = threshold_for(SHIPPED, entries=10, faces=1, budget=0.02, least=0.97)
    assert got.threshold == 0.97
    assert got.at_most
    assert got.expected < 0.02


def test_the_defaults_serve_a_list_of_a_thousand():
    defaults = FaceSettings()
    probe = threshold_for(SHIPPED, entries=1000, faces=1, budget=defaults.false_alerts_per_probe)
    watch = threshold_for(SHIPPED, entries=100, faces=defaults.faces_per_hour, budget=defaults.false_alerts_per_hour)
    assert 0.9 < watch.threshold < probe.threshold < 0.97
    assert "expected false alerts a probe: 0.0" in describe(probe, "a probe")


@pytest.mark.parametrize(("entries", "faces", "budget"), [(0, 1, 1), (1, 0, 1), (1, 1, 0), (1, float("nan"), 1)])
def test_nothing_is_told_of_nothing(entries, faces, budget):
    with pytest.raises(UsageError):
        threshold_for(SHIPPED, entries=entries, faces=faces, budget=budget)


def test_a_bound_is_called_one():
    got = threshold_for(calibration(), entries=1, faces=1, budget=0.0005)  # 10 of 20,000, none beyond
    assert (got.at_most, got.expected) == (False, pytest.approx(0.0005))
    tight = calibration()
    assert describe(threshold_for(tight, entries=10, faces=1, budget=0.005), "a probe").startswith("expected")


@pytest.mark.parametrize(("count", "variance"), [(9, 26.6), (27, 150.6), (90, 1034), (907, 19869), (9075, 281645)])
def test_the_interval_is_as_wide_as_resampled_people_say(count, variance):
    """Variances of counts over 400 resamplings of the people of the shipped set."""
    assert variance <= clumping(count) * count <= 2 * variance
    low, high = interval(count)
    assert low < count < high


# --------------------------------------------------------------------------------------------- the answer


def test_one_entry_clear_of_the_others_is_a_candidate():
    got = rank(found(A=0.97, B=0.95, C=0.4), 0.94, 0.01)
    assert got.status is FaceStatus.CANDIDATE
    assert [(each.entry, each.similarity) for each in got.resembled] == [("A", 0.97)]
    assert got.resembled[0].margin == pytest.approx(0.02)


def test_two_entries_within_the_margin_are_ambiguous_and_both_named():
    got = rank(found(B=0.966, A=0.97, C=0.955), 0.94, 0.01)
    assert got.status is FaceStatus.AMBIGUOUS
    assert [each.entry for each in got.resembled] == ["A", "B"]
    assert [each.margin for each in got.resembled] == [pytest.approx(0.004), pytest.approx(-0.004)]


def test_an_entry_below_the_threshold_makes_ambiguous_and_is_not_named():
    got = rank(found(A=0.941, B=0.939), 0.94, 0.01)
    assert got.status is FaceStatus.AMBIGUOUS
    assert [each.entry for each in got.resembled] == ["A"]


def test_two_photos_of_one_entry_do_not_compete():
    got = rank([Template("A", 0.97), Template("A", 0.969), Template("B", 0.9)], 0.94, 0.01)
    assert got.status is FaceStatus.CANDIDATE
    assert got.resembled[0].margin == pytest.approx(0.07)


def test_below_the_threshold_nothing_is_named():
    assert rank(found(A=0.9399, B=0.2), 0.94, 0.01).resembled == ()
    assert rank([], 0.94, 0.01).status is FaceStatus.NO_CANDIDATE
    assert rank(found(A=float("nan")), 0.94, 0.01).status is FaceStatus.NO_CANDIDATE


def test_a_list_of_one_has_no_margin():
    assert rank(found(A=0.97), 0.94, 0.01).resembled[0].margin is None

"""Counts of reasons add up to what entered."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.ledger import Ledger, Stage
from hub.messages import Reason, ReasonCount

STEPS = st.lists(st.tuples(st.sampled_from(["a", "b"]), st.sampled_from(Stage), st.sampled_from(Reason)), max_size=60)


@given(STEPS)
def test_what_enters_and_leaves_adds_up(steps):
    ledger = Ledger()
    for camera, stage, reason in steps:
        ledger.enter(camera, stage)
        assert ledger.check()
        ledger.leave(camera, stage, reason)
        assert ledger.check() == ()
    assert sum(count.count for count in ledger.snapshot()) == len(steps)
    assert sum(total.entered for total in ledger.totals()) == len(steps)


def test_a_missing_and_a_second_reason_are_found():
    ledger = Ledger()
    ledger.enter("front", Stage.FRAME, 2)
    ledger.leave("front", Stage.FRAME, Reason.NO_TEXT)
    (open_one,) = ledger.check()
    assert (open_one.camera, open_one.stage, open_one.under_way) == ("front", Stage.FRAME, 1)
    ledger.leave("front", Stage.FRAME, Reason.READ, 2)
    assert ledger.check()[0].under_way == -1


def test_the_snapshot_is_ordered_and_can_be_cut_to_one_camera():
    ledger = Ledger()
    for camera, stage, reason in (
        ("rear", Stage.READ, Reason.ALERT),
        ("front", Stage.TRACK, Reason.READ),
        ("front", Stage.FRAME, Reason.READ),
        ("front", Stage.FRAME, Reason.NO_TEXT),
    ):
        ledger.enter(camera, stage)
        ledger.leave(camera, stage, reason)
    assert [(c.camera, c.stage, c.reason) for c in ledger.snapshot()] == [
        ("front", "frame", Reason.NO_TEXT),
        ("front", "frame", Reason.READ),
        ("front", "track", Reason.READ),
        ("rear", "read", Reason.ALERT),
    ]
    assert ledger.snapshot("rear") == (ReasonCount(camera="rear", stage="read", reason=Reason.ALERT, count=1),)
    assert [total.camera for total in ledger.totals("rear")] == ["rear"]


def test_counts_never_go_down():
    ledger = Ledger()
    with pytest.raises(ValueError, match="taken back"):
        ledger.leave("front", Stage.FRAME, Reason.READ, -1)
    with pytest.raises(ValueError, match="without a reason"):
        ledger.enter("front", Stage.FRAME, -1)
    ledger.enter("front", Stage.FRAME, 0)
    ledger.leave("front", Stage.FRAME, Reason.READ, 0)
    assert ledger.totals() == ()

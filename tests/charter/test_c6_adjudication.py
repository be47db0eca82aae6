"""C6: a named officer decides; nothing leaves before; a decision is never undone, only followed by a correction."""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from hub.authority import policy
from hub.authority.adjudication import advance, correct, expire, is_told, is_true, settle
from hub.errors import NotAllowedError, StateError
from hub.messages import AlertState
from hub.testing import alerts as kit

S = AlertState
DECISIONS = (S.ADJUDICATED_TRUE, S.ADJUDICATED_FALSE)
NOW = kit.START + timedelta(seconds=10)


def at(state):
    """Return an alert in a state, brought there by officer 4711."""
    alert = kit.alert()
    paths = {
        S.ALERT: (),
        S.ADJUDICATED_TRUE: (S.ADJUDICATED_TRUE,),
        S.ADJUDICATED_FALSE: (S.ADJUDICATED_FALSE,),
        S.ENGAGED: (S.ADJUDICATED_TRUE, S.ENGAGED),
        S.CONFIRMED_TRUE: (S.ADJUDICATED_TRUE, S.ENGAGED, S.CONFIRMED_TRUE),
        S.CONFIRMED_FALSE: (S.ADJUDICATED_TRUE, S.ENGAGED, S.CONFIRMED_FALSE),
    }
    if state is S.EXPIRED:
        return expire(alert, alert.decide_by)
    for each in paths[state]:
        alert = advance(alert, each, "4711", "seen", NOW)
    return alert


LEGAL = {
    (S.ALERT, S.ADJUDICATED_TRUE),
    (S.ALERT, S.ADJUDICATED_FALSE),
    (S.ADJUDICATED_TRUE, S.ENGAGED),
    (S.ENGAGED, S.CONFIRMED_TRUE),
    (S.ENGAGED, S.CONFIRMED_FALSE),
}
CORRECTIONS = {
    (S.ADJUDICATED_TRUE, S.ADJUDICATED_FALSE),
    (S.ADJUDICATED_FALSE, S.ADJUDICATED_TRUE),
    (S.CONFIRMED_TRUE, S.CONFIRMED_FALSE),
    (S.CONFIRMED_FALSE, S.CONFIRMED_TRUE),
}


@pytest.mark.parametrize("before", list(S))
@pytest.mark.parametrize("after", list(S))
def test_there_are_these_steps_and_no_others(before, after):
    alert = at(before)
    for move, legal in ((advance, LEGAL), (correct, CORRECTIONS)):
        if (before, after) in legal:
            moved = move(alert, after, "7", "seen", NOW)
            assert moved.state is after
            assert moved.steps[:-1] == alert.steps, "no earlier step may be lost or changed"
            assert moved.steps[-1].officer == "7"
        else:
            with pytest.raises(StateError, match=alert.alert):
                move(alert, after, "7", "seen", NOW)


def test_a_correction_names_the_step_that_it_corrects():
    corrected = correct(at(S.ADJUDICATED_TRUE), S.ADJUDICATED_FALSE, "7", "other car", NOW)
    assert [step.state for step in corrected.steps] == [S.ALERT, S.ADJUDICATED_TRUE, S.ADJUDICATED_FALSE]
    assert corrected.steps[-1].corrects == 1


@pytest.mark.parametrize("reason", ["", "  ", "\n"])
def test_each_step_of_an_officer_has_a_reason_and_a_name(reason):
    with pytest.raises(StateError, match="reason"):
        advance(kit.alert(), S.ADJUDICATED_TRUE, "4711", reason, NOW)
    with pytest.raises(StateError, match="reason"):
        correct(at(S.ADJUDICATED_TRUE), S.ADJUDICATED_FALSE, "4711", reason, NOW)
    with pytest.raises(StateError, match="named officer"):
        advance(kit.alert(), S.ADJUDICATED_TRUE, "", "seen", NOW)


def test_after_three_minutes_it_is_too_late_and_not_before():
    alert = kit.alert()
    just = alert.decide_by - timedelta(microseconds=1)
    assert advance(alert, S.ADJUDICATED_TRUE, "4711", "seen", just).state is S.ADJUDICATED_TRUE
    with pytest.raises(StateError, match="expired"):
        advance(alert, S.ADJUDICATED_TRUE, "4711", "seen", alert.decide_by)
    with pytest.raises(StateError, match="may be decided until"):
        expire(alert, just)
    assert expire(alert, alert.decide_by).state is S.EXPIRED


def test_a_clock_that_was_set_back_decides_nothing():
    with pytest.raises(StateError, match="clock"):
        advance(kit.alert(), S.ADJUDICATED_TRUE, "4711", "seen", kit.START - timedelta(seconds=1))


@given(st.sampled_from(DECISIONS), st.sampled_from(["4711", "7"]))
def test_nobody_is_the_second_verifier_of_an_alert_that_they_raised(state, officer):
    alert = kit.alert(raised_by="4711")
    decision = policy.may_adjudicate(kit.requester(officer), alert, state, shown=True)
    assert decision.allowed == (officer != "4711")


class Life(RuleBasedStateMachine):
    """Any sequence of attempts by anybody at any time."""

    def __init__(self):
        super().__init__()
        self.alert = kit.alert(raised_by="4711")
        self.now = kit.START
        self.told = []

    def attempt(self, move, state, officer, role, reason):
        try:
            policy.may_adjudicate(kit.requester(officer, role), self.alert, state, shown=True).demand()
            after = settle(move(self.alert, state, officer, reason, self.now))
        except (StateError, NotAllowedError):
            return
        assert after.steps[: len(self.alert.steps)] == self.alert.steps
        self.alert = after
        if is_told(after):
            self.told.append(after.steps[-1])

    who: ClassVar = {
        "officer": st.sampled_from(["", "4711", "7", "8"]),
        "role": st.sampled_from(["officer", "supervisor", "administrator", "unit", ""]),
        "reason": st.sampled_from(["", "seen"]),
    }

    @rule(state=st.sampled_from(list(S)), **who)
    def advance(self, state, officer, role, reason):
        self.attempt(advance, state, officer, role, reason)

    @rule(state=st.sampled_from(list(S)), **who)
    def correct(self, state, officer, role, reason):
        self.attempt(correct, state, officer, role, reason)

    @rule(seconds=st.sampled_from([0, 1, 60, 180, 86400]))
    def wait(self, seconds):
        self.now += timedelta(seconds=seconds)

    @rule()
    def expire(self):
        try:
            self.alert = settle(expire(self.alert, self.now))
        except StateError:
            return

    @invariant()
    def nothing_is_told_before_a_named_officer_adjudicated_true(self):
        if self.told or is_true(self.alert):
            decided = next(step for step in self.alert.steps if step.state is S.ADJUDICATED_TRUE)
            assert decided.officer
            assert decided.reason
            assert all(step.at >= decided.at for step in self.told)

    @invariant()
    def nobody_decided_on_what_they_raised(self):
        assert all(step.officer != "4711" for step in self.alert.steps if step.state in DECISIONS)

    @invariant()
    def every_step_but_the_hubs_own_has_officer_and_reason(self):
        for step in self.alert.steps[1:]:
            assert step.reason
            assert step.officer or step.state is S.EXPIRED

    @invariant()
    def the_state_is_that_of_the_newest_step(self):
        assert self.alert.state is self.alert.steps[-1].state
        assert list(self.alert.steps) == sorted(self.alert.steps, key=lambda step: step.at)

    @invariant()
    def a_false_or_expired_alert_shows_nothing(self):
        if self.alert.state in (S.ADJUDICATED_FALSE, S.EXPIRED):
            assert self.alert.crop is None
            assert self.alert.scene is None
            assert self.alert.readings == ()


Life.TestCase.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
TestLife = Life.TestCase

"""C5: whatever is asked by whomever, policy never lets a source be asked that the charter keeps shut."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hub.authority import policy
from hub.authority.policy import RIGHTS, UNIT_ROLE, Right, Role, unit_requester
from hub.errors import NotAllowedError, NotSignedInError
from hub.messages import AlertState, Reach, Requester
from hub.testing import alerts as kit

ROLES = (*(role.value for role in Role), UNIT_ROLE, "", "root")
MAY_LOOK_UP = {role.value for role, rights in RIGHTS.items() if Right.LOOK_UP in rights}
STANDING = {AlertState.ADJUDICATED_TRUE, AlertState.ENGAGED, AlertState.CONFIRMED_TRUE, AlertState.CONFIRMED_FALSE}

requesters = st.builds(
    Requester, officer=st.sampled_from(["", "7", "4711"]), role=st.sampled_from(ROLES), unit=st.just("unit-1")
)
reasons = st.sampled_from(["", " ", "\t\n", "stopped for speeding"])
states = st.none() | st.sampled_from(list(AlertState))


@given(requesters, st.sampled_from(list(Reach)), reasons, states)
@example(Requester("", UNIT_ROLE, "unit-1"), Reach.ON_REQUEST, "", AlertState.ADJUDICATED_TRUE)
def test_policy_never_allows_what_the_charter_forbids(requester, reach, reason, state):
    alert = None if state is None else msgspec.structs.replace(kit.alert(), state=state)
    decision = policy.may_look_up(requester, reach, reason, alert=alert)
    assert decision.reason
    signed_in = bool(requester.officer)
    if reach is Reach.RESTRICTED:
        assert not decision.allowed
    if not signed_in:
        assert decision.allowed == (reach is Reach.AUTOMATIC and requester.role == UNIT_ROLE)
    elif decision.allowed:
        assert requester.role in MAY_LOOK_UP
        assert reason.strip() or state in STANDING


@given(reasons, states, st.sampled_from(list(Reach)))
def test_a_unit_by_itself_asks_nothing_but_automatic_sources(reason, state, reach):
    alert = None if state is None else msgspec.structs.replace(kit.alert(), state=state)
    allowed = policy.may_look_up(unit_requester("unit-1"), reach, reason, alert=alert).allowed
    assert allowed == (reach is Reach.AUTOMATIC)


def test_an_officer_with_a_reason_may_ask_a_register():
    assert policy.may_look_up(kit.requester(), Reach.ON_REQUEST, "stopped, no papers").allowed
    assert not policy.may_look_up(kit.requester(), Reach.ON_REQUEST, "").allowed


def test_an_alert_adjudicated_true_stands_for_a_reason_and_no_other_does():
    for state in AlertState:
        alert = msgspec.structs.replace(kit.alert(), state=state)
        allowed = policy.may_look_up(kit.requester(), Reach.ON_REQUEST, "", alert=alert).allowed
        assert allowed == (state in STANDING)


def test_a_refusal_becomes_the_error_that_fits():
    with pytest.raises(NotSignedInError, match="signed-in officer"):
        policy.may_look_up(unit_requester("unit-1"), Reach.ON_REQUEST, "why not").demand()
    with pytest.raises(NotAllowedError, match="grant"):
        policy.may_look_up(kit.requester(), Reach.RESTRICTED, "why not").demand()
    policy.may_look_up(kit.requester(), Reach.AUTOMATIC, "on patrol").demand()

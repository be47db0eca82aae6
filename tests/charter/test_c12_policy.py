"""C12: no act without a signed-in officer whose role allows it; a unit by itself can only raise alerts."""

from __future__ import annotations

from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.authority import policy
from hub.authority.policy import RIGHTS, UNIT_ROLE, Right, Role, unit_requester
from hub.errors import NotSignedInError
from hub.messages import AlertState, Requester, TakingPart
from hub.testing import alerts as kit

ROLES = (*(role.value for role in Role), UNIT_ROLE, "", "root")

DECIDE = partial(policy.may_adjudicate, alert=kit.alert(), state=AlertState.ADJUDICATED_TRUE, shown=True)

ACTS = {
    "adjudicate": (DECIDE, Right.DECIDE),
    "see alerts": (policy.may_see_alerts, Right.DECIDE),
    "read the log": (policy.may_read_log, Right.READ_LOG),
    "check a document": (lambda r: policy.may_check_document(r, "traffic stop"), Right.LOOK_UP),
    "check a face": (lambda r: policy.may_check_face(r, "traffic stop", TakingPart.HANDED_OVER), Right.LOOK_UP),
    "listen": (policy.may_listen, Right.LOOK_UP),
    "keep what was said": (lambda r: policy.may_save_transcript(r, "statement"), Right.LOOK_UP),
    "import": (policy.may_import, Right.IMPORT),
    "remove an officer": (lambda r: policy.may_remove_officer(r, "4712"), Right.MANAGE),
    "add an officer": (lambda r: policy.may_add_officer(r, first=False), Right.MANAGE),
}


@pytest.mark.parametrize("act", ACTS)
@given(officer=st.sampled_from(["", "7", "4711"]), role=st.sampled_from(ROLES))
def test_every_act_needs_an_officer_whose_role_has_the_right(act, officer, role):
    ask, right = ACTS[act]
    expected = bool(officer) and role in RIGHTS and right in RIGHTS[Role(role)]
    decision = ask(Requester(officer, role, "unit-1"))
    assert decision.allowed == expected
    assert decision.sign_in == (not officer)


@pytest.mark.parametrize("act", ACTS)
def test_a_unit_by_itself_may_do_none_of_it(act):
    ask, _ = ACTS[act]
    with pytest.raises(NotSignedInError):
        ask(unit_requester("unit-1")).demand()


def test_nobody_decides_that_an_alert_is_raised_or_expires():
    for state in (AlertState.ALERT, AlertState.EXPIRED):
        assert not policy.may_adjudicate(kit.requester(), kit.alert(), state, shown=True).allowed


def test_reading_files_needs_a_reason_and_a_role_that_may_look_up():
    assert policy.may_read_files(kit.requester(), "lost property").allowed
    assert policy.may_read_files(unit_requester("unit-1"), "lost property").allowed
    assert not policy.may_read_files(kit.requester(), "  ").allowed
    assert not policy.may_read_files(Requester("7", Role.ADMINISTRATOR.value, "unit-1"), "lost property").allowed


def test_translating_files_needs_no_officer_but_a_role_that_may_look_up_and_keeping_needs_a_reason():
    assert policy.may_translate_files(kit.requester()).allowed
    assert policy.may_translate_files(unit_requester("unit-1")).allowed
    assert not policy.may_translate_files(Requester("7", Role.ADMINISTRATOR.value, "unit-1")).allowed
    assert not policy.may_save_transcript(kit.requester(), "  ").allowed


@pytest.mark.parametrize("role", list(Role))
def test_on_what_authority_the_unit_works_is_for_whoever_is_signed_in(role):
    assert policy.may_see_authority(Requester("7", role.value, "unit-1")).allowed
    assert policy.may_see_authority(unit_requester("unit-1")).sign_in


@pytest.mark.parametrize("role", list(Role))
def test_the_first_officer_may_add_the_second(role):
    assert policy.may_add_officer(unit_requester("unit-1"), first=True).allowed
    first = Requester("1", policy.first_role(role), "unit-1")
    assert policy.may_add_officer(first, first=False).allowed

"""The reducer: what each message makes of the state, without a screen."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest
from msgspec.structs import replace

from hub.authority import adjudication
from hub.events import ActorChanged, alert_event
from hub.messages import ActorHealth, ActorState, AlertState, SubjectKind
from hub.tui import reading
from hub.tui.state import (
    ALERTS_KEPT,
    REMARKS_KEPT,
    Asked,
    Chose,
    Link,
    Lost,
    Remarked,
    State,
    Tick,
    reduce,
)
from hub.wire import (
    AlertShown,
    AnswerCame,
    DecideAlert,
    Done,
    Lagged,
    Latency,
    LogShown,
    LookUp,
    Refused,
    Rejected,
    ShowAlert,
    SignIn,
    Stopping,
    Told,
    Welcome,
)
from tests.tui.kit import LINES, NOW, OFFICER, ScriptedHub, alert, answer


def signed_in(*alerts) -> State:
    hub = ScriptedHub(*alerts)
    hub.officer = OFFICER
    return reduce(State(), hub.snapshot())


def told(made):
    return Told(event=alert_event(made, at=NOW, unit="unit-1"))


def test_a_snapshot_replaces_what_was_shown():
    state = signed_in(alert("A-1"))
    after = reduce(state, ScriptedHub().snapshot())
    assert after.link is Link.UP
    assert after.officer is None
    assert (after.alerts, after.chosen, after.page) == ((), "", None)


def test_missing_persons_stand_first_then_what_ends_soonest_then_what_was_decided():
    late = alert("late", after=60)
    early = alert("early")
    missing = alert("missing", category="missing_person", after=100)
    decided = alert("decided", state=AlertState.ADJUDICATED_TRUE, after=-60)
    state = signed_in(late, decided, early, missing)
    assert [each.alert for each in state.alerts] == ["missing", "early", "late", "decided"]
    assert state.chosen == "missing"


def test_the_order_does_not_depend_on_the_order_of_events():
    made = [alert(f"A-{number}", after=number) for number in range(9)]
    wanted = [each.alert for each in signed_in(*made).alerts]
    for seed in range(5):
        random.Random(seed).shuffle(made)
        state = signed_in()
        for each in made:
            state = reduce(state, told(each))
        assert [each.alert for each in state.alerts] == wanted


def test_the_mark_stays_on_its_alert_when_others_come():
    state = reduce(signed_in(alert("A-1")), told(alert("M", category="missing_person")))
    assert state.alerts[0].alert == "M"
    assert state.chosen == "A-1"


def test_a_new_alert_rings_once_and_a_decided_one_does_not():
    state = signed_in()
    state = reduce(state, told(alert("A-1")))
    assert state.rung == 1
    assert reduce(state, told(alert("A-1"))).rung == 1
    assert reduce(state, told(alert("A-2", state=AlertState.EXPIRED))).rung == 1


def test_before_sign_in_no_alert_is_kept_whatever_comes():
    state = reduce(State(), ScriptedHub().snapshot())
    state = reduce(state, told(alert("A-1")))
    state = reduce(state, AlertShown(request=1, alert=alert("A-1"), repeats=0))
    state = reduce(state, LogShown(request=2, lines=LINES))
    assert (state.alerts, state.page, state.log.lines) == ((), None, ())


def test_what_belongs_to_an_officer_goes_with_the_session():
    state = signed_in(alert("A-1"))
    state = reduce(state, AlertShown(request=1, alert=alert("A-1"), repeats=0))
    assert reading.page_of(state) is not None
    state = reduce(state, LogShown(request=2, lines=LINES))
    state = reduce(state, Asked(LookUp(request=3, subject_kind=SubjectKind.PLATE, value="X", reason="r")))
    before_end = reduce(state, Tick(NOW + timedelta(seconds=899)))
    assert before_end.officer is not None
    for over in (
        reduce(reduce(state, Lost(NOW, "gone")), Tick(NOW + timedelta(seconds=900))),
        reduce(state, ScriptedHub().pulse()),
        reduce(state, Refused(request=9, reason="the session is over", sign_in=True)),
    ):
        assert (over.officer, over.alerts, over.page, over.look_up, over.log.lines) == (None, (), None, None, ())


def test_a_passphrase_never_gets_into_the_state():
    state = reduce(State(), Asked(SignIn(request=1, number="4711", passphrase="secret words")))
    assert "secret words" not in str([each.passphrase for each in state.pending])
    assert state.pending[0].number == "4711"


def test_a_page_of_an_earlier_state_is_not_shown_as_the_present():
    state = reduce(signed_in(alert("A-1")), AlertShown(request=1, alert=alert("A-1"), repeats=0))
    state = reduce(state, told(alert("A-1", state=AlertState.EXPIRED)))
    assert state.page is None
    assert reading.steps_for(state) == ()


def test_a_page_that_comes_after_the_mark_moved_on_is_dropped():
    state = signed_in(alert("A-1"), alert("A-2", after=1))
    state = reduce(state, Chose("A-2"))
    assert reduce(state, AlertShown(request=1, alert=alert("A-1"), repeats=0)).page is None


def test_steps_are_offered_only_for_an_alert_that_is_on_screen():
    state = signed_in(alert("A-1"))
    assert reading.steps_for(state) == ()
    state = reduce(state, AlertShown(request=1, alert=alert("A-1"), repeats=0))
    assert reading.steps_for(state) == (AlertState.ADJUDICATED_TRUE, AlertState.ADJUDICATED_FALSE)
    assert reading.steps_for(reduce(state, Lost(NOW, "gone"))) == ()


def test_what_is_offered_is_what_the_hub_takes():
    assert dict(adjudication._NEXT) == dict(reading.NEXT)
    assert dict(adjudication._CORRECTS) == dict(reading.CORRECTS)


def test_a_decision_is_remarked_when_the_hub_has_taken_it():
    state = reduce(
        signed_in(alert("A-1")), Asked(DecideAlert(request=5, alert="A-1", state="adjudicated_true", reason="r"))
    )
    after = alert("A-1", state=AlertState.ADJUDICATED_TRUE)
    state = reduce(state, AlertShown(request=5, alert=after, repeats=0))
    assert state.pending == ()
    assert state.remarks[-1].text == "alert A-1: adjudicated true"


def test_answers_come_one_by_one_and_only_to_their_own_look_up():
    state = signed_in()
    state = reduce(state, Asked(LookUp(request=3, subject_kind=SubjectKind.PLATE, value="X1", reason="r")))
    state = reduce(state, AnswerCame(request=3, answer=answer()))
    state = reduce(state, AnswerCame(request=2, answer=answer("late")))
    assert [each.source for each in state.look_up.answers] == ["wanted_persons"]
    assert not state.look_up.ended
    assert reduce(state, Done(request=3, text="")).look_up.ended
    refused = reduce(state, Refused(request=3, reason="say why")).look_up
    assert (refused.ended, refused.refused) == (True, "say why")


def test_when_the_hub_is_lost_nothing_waits_any_more_and_the_first_reason_stays():
    state = reduce(signed_in(), Asked(LookUp(request=3, subject_kind=SubjectKind.PLATE, value="X1", reason="r")))
    state = reduce(state, Stopping(cause="signal"))
    state = reduce(state, Lost(NOW, "the hub is gone"))
    assert (state.link, state.link_detail) == (Link.LOST, "it was stopped: signal")
    assert state.pending == ()
    assert state.look_up.refused
    assert reduce(State(), Rejected(reason="protocol 2")).link_detail == "protocol 2"
    assert reduce(state, ScriptedHub().snapshot()).link_detail == ""


def test_health_follows_events():
    state = reduce(signed_in(), Welcome(protocol=1, unit="car-1", version="1"))
    parked = ActorHealth("plates front", ActorState.PARKED, 5, "model missing")
    state = reduce(state, Told(event=ActorChanged(at=NOW, unit="car-1", health=parked)))
    new = ActorHealth("plates side", ActorState.RUNNING, 0, "")
    state = reduce(state, Told(event=ActorChanged(at=NOW, unit="car-1", health=new)))
    assert len(state.actors) == 8
    assert reading.troubles(state) == ("plates front parked: model missing",)
    assert reduce(state, Lagged(missed=7)).missed == 7


def test_a_camera_that_has_ended_is_no_trouble_but_one_that_is_not_open_is():
    hub = ScriptedHub()
    hub.cameras = (replace(hub.cameras[0], open=False), replace(hub.cameras[1], stalled=True))
    hub.parked = ("credit: no module",)
    state = reduce(State(), hub.snapshot())
    assert reading.troubles(state) == (
        "camera front not open",
        "camera rear stalled",
        "plugin parked: credit: no module",
    )
    hub.actors = (ActorHealth("capture front", ActorState.DONE, 0, ""),)
    assert reading.troubles(reduce(State(), hub.snapshot()))[0] == "camera rear stalled"


def test_what_is_kept_is_bounded():
    state = signed_in()
    for number in range(ALERTS_KEPT + 50):
        state = reduce(state, told(alert(f"A-{number}", state=AlertState.EXPIRED, after=number, pictures=False)))
        state = reduce(state, Remarked(NOW, str(number)))
    state = reduce(state, told(alert("open", after=-500)))
    assert len(state.alerts) == ALERTS_KEPT
    assert state.alerts[0].alert == "open"
    assert state.alerts[1].alert == f"A-{ALERTS_KEPT + 49}"
    assert len(state.remarks) == REMARKS_KEPT


def test_the_mark_moves_within_the_queue():
    state = signed_in(alert("A-1"), alert("A-2", after=1))
    assert reading.neighbour(state, -1) == "A-1"
    assert reading.neighbour(state, 1) == "A-2"
    assert reading.neighbour(signed_in(), 1) == ""


@pytest.mark.parametrize("message", [ShowAlert(request=1, alert="A-1"), object()])
def test_what_is_no_message_changes_nothing(message):
    state = signed_in(alert("A-1"))
    assert reduce(state, message) is state


def test_latencies_are_kept_for_half_a_minute():
    state = State()
    for number in range(200):
        pulse = replace(ScriptedHub().pulse(), latencies=(Latency("plates front", float(number)),))
        state = reduce(state, pulse)
    (history,) = state.history
    assert history.milliseconds == tuple(float(number) for number in range(140, 200))
    assert reduce(state, replace(ScriptedHub().pulse(), latencies=())).history == ()

"""The Authority screen: what an order, a list and a grant allow, how long, and what happens when they end."""

from __future__ import annotations

from datetime import timedelta

import pytest
from msgspec.structs import replace

from hub.messages import OrderReason
from hub.tui.drawings import View
from hub.tui.drawings.authority import budget_lines, draw_authority
from hub.tui.drawings.status import draw_status
from hub.tui.lines import span
from hub.tui.order_words import WORDS
from hub.tui.reading import troubles
from hub.tui.state import Lost, State, reduce
from hub.wire import ShowAuthority, SignOut
from tests.tui.kit import NOW, OFFICER, ScriptedHub, dashboard, settle, shown, sign_in, source
from tests.tui.kit_faces import AUTHORITY, ENDS, watch
from tests.tui.test_app import asked, on_asyncio


def told(hub, *, officer=OFFICER) -> State:
    hub.officer = officer
    return reduce(reduce(State(), hub.snapshot()), AUTHORITY)


def drawn(state: State, now=NOW) -> str:
    return draw_authority(View(state, now, 100, 60)).plain


def test_an_order_in_force_says_what_it_allows_and_how_long():
    hub = ScriptedHub()
    hub.watch = watch()
    page = drawn(told(hub))
    assert "ORDER 2030/17  in force, 41:00 left" in page
    assert "faces are compared with missing_children, 12 entries in memory" in page
    assert "place: cameras front, rear of unit-1" in page
    assert "authorisation District Court 12 Gs 7/30; impact assessment IA 2029-4" in page
    assert "FACE LIST missing_children  12 entries" in page
    assert "issued by Missing Persons Bureau under Police Act, section 15" in page
    assert "2 d 3 h left" in page
    assert "GRANT G-2030-4  opens credit_records for its one subject" in page
    assert "allows: name, outstanding debt" in page
    assert "◉ FACES" in draw_status(View(told(hub), NOW, 100, 1)).plain


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("gpsd", "position: gpsd\n"),
        ("fixed", "position: fixed, by the officer's word"),
        ("replay", "position: replay file, by the officer's word"),
    ],
)
def test_whose_word_the_position_is_stands_beside_the_order(source, said):
    hub = ScriptedHub()
    hub.watch = watch(position=source)
    assert said in drawn(told(hub))
    assert "DEVELOPMENT" not in drawn(told(hub))


def test_a_watch_of_files_is_marked():
    hub = ScriptedHub()
    hub.watch = watch(development=True)
    page = drawn(told(hub))
    assert "DEVELOPMENT: what it compares may be files" in page
    assert "position:" not in page


@pytest.mark.parametrize("reason", list(OrderReason))
def test_every_reason_has_words_and_whatever_is_not_in_force_compares_nothing(reason):
    hub = ScriptedHub()
    hub.watch = watch(reason)
    state = told(hub)
    if reason is not OrderReason.IN_FORCE:
        assert f"{WORDS[reason]}; nothing is compared" in drawn(state)
        assert "FACES" not in draw_status(View(state, NOW, 100, 1)).plain
    expected = reason not in (OrderReason.IN_FORCE, OrderReason.NOT_BEGUN)
    assert any("order 2030/17 suspended" in each for each in troubles(state)) == expected


def test_a_list_that_does_not_open_is_a_trouble_with_its_reason():
    hub = ScriptedHub()
    hub.watch = watch(entries=0, detail="the list has expired")
    assert "its list is not open: the list has expired" in drawn(told(hub))
    assert troubles(told(hub)) == ("order 2030/17: its list is not open: the list has expired",)


def test_what_is_signed_goes_with_the_session_and_a_lost_hub_watches_for_nobody():
    hub = ScriptedHub()
    hub.watch = watch()
    state = told(hub)
    hub.officer = None
    assert reduce(state, hub.snapshot()).authority is None
    assert "FACES" not in draw_status(View(reduce(state, Lost(NOW, "gone")), NOW, 100, 1)).plain


def test_the_budget_of_a_hot_list_is_said_in_reads():
    assert budget_lines(source()) == [
        "budget: at most 1 false alert in 10,000 reads of unlisted plates",
        "a cost up to 3.40 keeps to it: 0.42 expected",
    ]
    register = source("drivers", "on_request")
    assert budget_lines(replace(register, state=replace(register.state, false_alert_budget=1.0))) == []
    exact = source(state=replace(source().state, false_alert_budget=0.5, cost_limit=0.0))
    assert budget_lines(exact)[0].startswith("budget: at most 0.5 false alerts")
    assert budget_lines(exact)[1] == "only exact plates keep to it"


@pytest.mark.parametrize(
    ("seconds", "text"), [(-5, "0:00"), (161, "2:41"), (3 * 3600 + 720, "3 h 12 min"), (6 * 86400 + 7200, "6 d 2 h")]
)
def test_long_times_are_said_in_days_and_hours(seconds, text):
    assert span(NOW + timedelta(seconds=seconds), NOW) == text


@pytest.mark.slow
@on_asyncio
async def test_an_order_runs_out_while_somebody_watches():
    hub = ScriptedHub()
    hub.watch, hub.authority = watch(), AUTHORITY
    app = dashboard(hub)
    async with app.run_test(size=(80, 24)) as pilot:
        await sign_in(pilot)
        await pilot.press("f7")
        await settle(pilot)
        assert len(asked(hub, ShowAuthority)) == 1
        assert "in force, 41:00 left" in shown(app)
        assert "◉ FACES" in shown(app).splitlines()[0]
        hub.now = ENDS - timedelta(seconds=5)
        hub.tell(hub.pulse())
        await settle(pilot)
        assert "in force, 0:05 left" in shown(app)
        await pilot.press("f4")
        hub.now = ENDS
        hub.watch = watch(OrderReason.WINDOW_OVER, ended=True)
        hub.tell(hub.pulse())
        hub.tell(hub.pulse())
        await settle(pilot)
        screen = shown(app)
        assert "FACES" not in screen.splitlines()[0]
        assert "order 2030/17 ended: its time is over" in screen
        assert "the order 2030/17 has ended: its time is over" in screen.splitlines()[-2]
        assert sum("has ended" in each.text for each in app.state.remarks) == 1  # told once
        await pilot.press("f7")
        await settle(pilot)
        assert "ORDER 2030/17  ENDED" in shown(app)
        assert "nothing is compared, no template is in memory" in " ".join(shown(app).split())
        await pilot.press("r")
        await settle(pilot)
        assert len(asked(hub, ShowAuthority)) == 3
        await pilot.press("s")
        await settle(pilot)
        assert asked(hub, SignOut)
        assert "FACE LIST" not in shown(app)

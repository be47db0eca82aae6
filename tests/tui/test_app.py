"""What an officer does with the keyboard, from the key to the request and from the answer to the screen."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta
from functools import wraps

import pytest
from msgspec.structs import replace
from textual.widgets import Input, Static

from hub.messages import AlertState, AnswerStatus, SubjectKind
from hub.tui.app import make_app
from hub.tui.dialogs.help import HelpDialog
from hub.tui.dialogs.leave import LeaveDialog
from hub.tui.dialogs.reason import ReasonDialog
from hub.tui.dialogs.sign_in import SignInDialog
from hub.tui.picture import OUTLINE
from hub.tui.screens.base import KEYS, PLACES
from hub.tui.state import Link
from hub.wire import DecideAlert, LookUp, ShowAlert, ShowLog, SignOut, StopHub
from tests.tui.kit import NOW, ScriptedHub, alert, answer, dashboard, settle, shown, sign_in


def on_asyncio(test):
    """Textual runs on asyncio; the other tests of this repository run on trio."""

    @wraps(test)
    def run():
        asyncio.run(asyncio.wait_for(test(), 60))

    return run


def words(text: str) -> list[str]:
    return ["space" if character == " " else character for character in text]


def asked(hub: ScriptedHub, kind: type) -> list:
    return [each for each in hub.asked if isinstance(each, kind)]


@on_asyncio
async def test_sign_in_see_an_alert_read_why_adjudicate_and_correct():
    hub = ScriptedHub(alert("A-1"), alert("A-2", category="missing_person", entry="4721XKP", after=30))
    app = dashboard(hub)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        assert isinstance(app.screen, SignInDialog)
        assert "XKP" not in shown(app)  # C12: nothing of an alert before somebody is signed in
        await sign_in(pilot)
        screen = shown(app)
        assert screen.index("MISSING PERSON") < screen.index("stolen vehicle")
        assert "2 ALERTS 3:30 MISSING" in screen
        await pilot.press("down")
        await settle(pilot)
        screen = shown(app)
        assert "differs: P (0.71) in place 7, listed R (0.22)" in screen
        assert "why 6 of 7 characters are as listed; P and R" in screen
        assert "cost 1.31; the false-alert budget allows 3.40" in screen
        await pilot.press("t")
        await settle(pilot)
        await pilot.press("enter")  # without a reason nothing happens
        assert not asked(hub, DecideAlert)
        await pilot.press(*words("seen it"), "enter")
        await settle(pilot)
        assert asked(hub, DecideAlert)[-1].reason == "seen it"
        assert "TRUE, the desk is told" in shown(app)
        assert "1 ALERT 3:30 MISSING" in shown(app)
        await pilot.press("t", "f")  # decided: neither key is on offer
        assert not isinstance(app.screen, ReasonDialog)
        await pilot.press("x", *words("other car"), "enter")
        await settle(pilot)
        last = asked(hub, DecideAlert)[-1]
        assert (last.alert, last.state, last.correction) == ("A-1", AlertState.ADJUDICATED_FALSE, True)
        assert "FALSE, its pictures are gone" in shown(app)
        assert app.state.page.alert.crop is None


@pytest.mark.slow
@on_asyncio
async def test_engage_and_confirm():
    hub = ScriptedHub(alert("A-1"))
    app = dashboard(hub)
    async with app.run_test(size=(140, 40)) as pilot:
        await sign_in(pilot)
        for key in "tec":
            await pilot.press(key, *words("so it is"), "enter")
            await settle(pilot)
        steps = [each.state for each in asked(hub, DecideAlert)]
        assert steps == [AlertState.ADJUDICATED_TRUE, AlertState.ENGAGED, AlertState.CONFIRMED_TRUE]
        assert "CONFIRMED: x correct" in shown(app)
        await pilot.press("p")
        await settle(pilot)
        assert shown(app).count("▀") > 100
        await pilot.press("escape")


@pytest.mark.slow
@on_asyncio
async def test_what_is_decided_is_the_alert_that_was_shown_when_the_key_was_pressed():
    hub = ScriptedHub(alert("A-1"))
    app = dashboard(hub)
    async with app.run_test(size=(80, 24)) as pilot:
        await sign_in(pilot)
        await pilot.press("t", *words("se"))
        hub.raise_alert(alert("M-1", category="missing_person"))
        await settle(pilot)
        await pilot.press(*words("en"), "enter")
        await settle(pilot)
        assert asked(hub, DecideAlert)[-1].alert == "A-1"


@pytest.mark.slow
@on_asyncio
async def test_look_a_plate_up():
    hub = ScriptedHub()
    hub.answers = (answer(), answer("drivers", AnswerStatus.UNAVAILABLE))
    app = dashboard(hub)
    async with app.run_test(size=(80, 24)) as pilot:
        await sign_in(pilot)
        await pilot.press("f3", *words("47?1 xkp"), "enter", "enter")
        assert not asked(hub, LookUp)  # a reason is missing
        await pilot.press(*words("parked across a gate"), "enter")
        await settle(pilot)
        request = asked(hub, LookUp)[-1]
        assert (request.subject_kind, request.value) == (SubjectKind.PLATE, "47?1 xkp")
        assert request.reason == "parked across a gate"
        screen = shown(app)
        assert "2 answered, 0 with a hit" in screen
        assert "no hit    wanted_persons" in screen
        assert "NO ANSWER drivers" in screen
        await pilot.press(
            "ctrl+l", "ctrl+t", *words("Weiss Anna"), "tab", *"1951-03-09", "tab", *words("lost"), "enter"
        )
        await settle(pilot)
        person = asked(hub, LookUp)[-1]
        assert (person.subject_kind, person.value, person.born) == (SubjectKind.PERSON, "Weiss Anna", "1951-03-09")


@pytest.mark.slow
@on_asyncio
async def test_lose_the_hub_and_get_it_back():
    hub = ScriptedHub(alert("A-1"))
    app = dashboard(hub)
    async with app.run_test(size=(80, 24)) as pilot:
        await sign_in(pilot)
        hub.lose()
        await settle(pilot)
        assert app.state.link is Link.LOST
        assert "HUB LOST" in shown(app).splitlines()[0]
        assert "HUB LOST, trying again. What is shown is 0 s old." in shown(app)
        await pilot.press("t")  # nothing can be decided now
        assert not isinstance(app.screen, ReasonDialog)
        hub.up = True
        await settle(pilot, 0.8)
        assert app.state.link is Link.UP
        assert "HUB LOST" not in shown(app)
        assert "not signed in" in shown(app)  # a session ends with its connection
        assert not asked(hub, DecideAlert)
        await pilot.press("s")
        await sign_in(pilot)
        assert "STOLEN VEHICLE" in shown(app)


@pytest.mark.slow
@on_asyncio
async def test_a_wrong_passphrase_is_refused_and_asked_for_again():
    app = dashboard(ScriptedHub())
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press(*"4711", "enter", *"wrong", "enter")
        await settle(pilot)
        assert isinstance(app.screen, SignInDialog)
        assert "refused: number or passphrase is wrong" in shown(app)
        assert app.screen.query_one("#passphrase", Input).value == ""


@pytest.mark.slow
@on_asyncio
async def test_a_new_alert_rings_unless_the_bell_is_off():
    hub = ScriptedHub()
    app = dashboard(hub)
    rings, flashes, flash = [], [], app._flash
    app.bell = lambda: rings.append(1)
    app._flash = lambda: (flash(), flashes.append(app.screen.has_class("-flash")))
    async with app.run_test(size=(80, 24)) as pilot:
        await sign_in(pilot)
        hub.raise_alert(alert("A-1"))
        await settle(pilot)
        assert len(rings) == 1
        assert flashes == [True]
        await settle(pilot, 1.2)
        assert not app.screen.has_class("-flash")
        await pilot.press("m")
        hub.raise_alert(alert("A-2"))
        await settle(pilot)
        assert (len(rings), flashes) == (1, [True])
        assert "bell off" in shown(app)


@pytest.mark.slow
@on_asyncio
async def test_an_alert_runs_out_while_somebody_watches():
    hub = ScriptedHub(alert("A-1"))
    app = dashboard(hub)
    async with app.run_test(size=(80, 24)) as pilot:
        await sign_in(pilot)
        hub.now = NOW + timedelta(seconds=181)
        over = alert("A-1", state=AlertState.EXPIRED)
        hub.raise_alert(replace(over, readings=(), crop=None, scene=None))
        await settle(pilot)
        assert "expired: nobody decided in time" in shown(app)
        await pilot.press("t", "f")
        await settle(pilot)
        assert not asked(hub, DecideAlert)


@pytest.mark.slow
@on_asyncio
async def test_an_idle_session_takes_its_alerts_off_the_screen():
    hub = ScriptedHub(alert("A-1"))
    app = dashboard(hub)
    async with app.run_test(size=(80, 24)) as pilot:
        await sign_in(pilot)
        hub.lose()  # also where the hub cannot say so any more
        hub.now = NOW + timedelta(minutes=15)
        await settle(pilot, 1.2)
        assert "XKP" not in shown(app)
        assert "STOLEN" not in shown(app)


@pytest.mark.slow
@on_asyncio
async def test_every_screen_is_reached_by_its_key_and_has_help():
    app = dashboard(ScriptedHub())
    async with app.run_test(size=(80, 24)) as pilot:
        await sign_in(pilot)
        for place, title in PLACES.items():
            await pilot.press(f"f{KEYS[place]}")
            await settle(pilot)
            assert f"[{title}]" in shown(app), place
            await pilot.press("f1")
            await settle(pilot)
            assert isinstance(app.screen, HelpDialog)
            assert title in shown(app)
            await pilot.press("escape")
        await pilot.press("ctrl+p", *"high", "enter")
        await settle(pilot)
        assert app.theme == "contrast"
        await pilot.press("f8")
        assert app.theme == "night"


@pytest.mark.slow
@on_asyncio
async def test_the_live_screen_shows_one_camera_to_a_signed_in_officer():
    hub = ScriptedHub()
    app = dashboard(hub)
    async with app.run_test(size=(100, 40)) as pilot:
        await settle(pilot)
        await pilot.press("escape", "f4")
        await settle(pilot)
        assert "Sign in (s) to see pictures." in shown(app)
        assert hub.watched == ""
        await pilot.press("s")
        await sign_in(pilot)
        assert hub.watched == "front"
        assert "1 region outlined: read" in shown(app)
        assert "▀" in shown(app)
        await pilot.press("right")
        await settle(pilot)
        assert hub.watched == "rear"
        assert "nothing outlined" in shown(app)
        await pilot.press("f1")
        await settle(pilot)
        await pilot.press("escape")
        await settle(pilot)
        assert hub.watched == "rear"  # help over the screen changes nothing
        hub.tell(hub.picture("front"))  # of the camera before: too late
        await settle(pilot)
        assert app.state.live.camera == "rear"
        await pilot.press("f5")
        await settle(pilot)
        assert (hub.watched, app.state.live) == ("", None)
        await pilot.press("f4")
        await settle(pilot)
        assert app.state.live is not None
        await pilot.press("s")
        await settle(pilot)
        assert app.state.live is None


class Pixels(Static):
    """Stands for the widget of a terminal that draws pixels."""

    image = None


@on_asyncio
async def test_a_terminal_that_draws_pixels_gets_the_picture_itself():
    hub = ScriptedHub()
    app = make_app(None, connect=hub.connect, now=lambda: hub.now, pixels=Pixels)
    async with app.run_test(size=(100, 40)) as pilot:
        await sign_in(pilot)
        await pilot.press("f4")
        await settle(pilot)
        image = app.screen.query_one("#pixels").image
        assert image.size[0] > 300
        assert image.getpixel((image.width // 2, int(image.height * 420 / 720))) == OUTLINE
        assert "▀" not in shown(app)
        await pilot.press("s")
        await settle(pilot)
        assert app.screen.query_one("#pixels").image is None


@on_asyncio
async def test_log_is_read_on_arrival_and_verified_on_a_key():
    hub = ScriptedHub()
    app = dashboard(hub)
    async with app.run_test(size=(80, 24)) as pilot:
        await sign_in(pilot)
        await pilot.press("f6")
        await settle(pilot, 0.2)
        assert len(asked(hub, ShowLog)) == 1
        assert "parked across a gate" in shown(app)
        await pilot.press("v", "w")
        await settle(pilot)
        assert "NOT VERIFIED: 42 entries" in shown(app)
        assert "q83vEjRWeJCrze8SNFZ4kA==" in shown(app)
        await pilot.press("s")
        await settle(pilot)
        assert asked(hub, SignOut)
        assert "parked across a gate" not in shown(app)


@pytest.mark.slow
@on_asyncio
async def test_leaving_asks_whether_the_hub_goes_on():
    hub = ScriptedHub()
    app = dashboard(hub)
    async with app.run_test(size=(80, 24)) as pilot:
        await sign_in(pilot)
        await pilot.press("q")
        await settle(pilot)
        assert isinstance(app.screen, LeaveDialog)
        await pilot.press("escape")
        assert app.is_running
        await pilot.press("q", "enter")
        await settle(pilot)
        assert not app.is_running
    assert not asked(hub, StopHub)


@pytest.mark.slow
@on_asyncio
async def test_leaving_with_the_hub_waits_until_it_stops():
    hub = ScriptedHub()
    app = dashboard(hub)
    async with app.run_test(size=(80, 24)) as pilot:
        await sign_in(pilot)
        await pilot.press("q", "s")
        await settle(pilot)
        assert not app.is_running
    assert asked(hub, StopHub)


@pytest.mark.slow
@on_asyncio
async def test_a_burst_of_events_leaves_keys_answered_and_memory_flat():
    hub = ScriptedHub(alert("A-1"))
    app = dashboard(hub)
    async with app.run_test(size=(80, 24)) as pilot:
        await sign_in(pilot)
        for number in range(2000):
            hub.raise_alert(alert(f"B-{number % 400}", after=number % 400, pictures=False))
        began = time.process_time()
        await pilot.press("f5")
        await settle(pilot, 0.3)
        assert "[F5 Health]" in shown(app)
        assert time.process_time() - began < 5
        assert len(app.state.alerts) <= 200
        assert len(asked(hub, ShowAlert)) < 20

"""A probe from the Live screen: a reason, one list, and an answer in words."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from hub.tui.dialogs.probe import ProbeDialog
from hub.tui.drawings import View
from hub.tui.drawings.probe import VERDICTS, draw_choice, draw_probe
from hub.tui.state import Asked, Lost, State, Watched, reduce
from hub.watchlists.budget import FaceStatus
from hub.wire import Probed, ProbeEntry, ProbeFace, Refused
from tests.tui.kit import NOW, OFFICER, ScriptedHub, dashboard, settle, shown, sign_in
from tests.tui.kit_faces import AUTHORITY, FACE_LIST
from tests.tui.test_app import asked, on_asyncio, words

CHILD = ProbeEntry("E-7", 0.612, 0.171, "missing_child", "Nobody, Nina", "Stay with the child and call the desk")
CANDIDATE = Probed(request=0, status="candidate", candidates=(CHILD,), reason="An alert was raised.")
BELOW = "The face is below the quality floor: face too small; nothing was compared."


def probing() -> State:
    hub = ScriptedHub()
    hub.officer = OFFICER
    return reduce(reduce(State(), hub.snapshot()), Asked(ProbeFace(request=3, camera="front", reason="lost child")))


def drawn(state: State) -> str:
    return draw_probe(View(state, NOW, 100, 20)).plain


def test_every_answer_of_a_probe_has_words():
    assert set(VERDICTS) | {"refused"} == {each.value for each in FaceStatus}


def test_the_answer_is_said_in_words_and_a_candidate_with_what_to_do():
    state = probing()
    assert "comparing the one face in front of it" in drawn(state)
    below = Probed(request=3, status="not_compared", candidates=(), reason=BELOW)
    assert drawn(reduce(state, below)).split("\n") == ["PROBE front: NOT COMPARED", f"  {BELOW}"]
    found = drawn(reduce(state, replace(CANDIDATE, request=3)))
    assert "CANDIDATE, no proof: an alert was raised, another officer decides" in found
    assert "missing child: Nobody, Nina, entry E-7" in found
    assert "instruction: Stay with the child and call the desk" in found
    assert "%" not in found
    refused = reduce(state, Refused(request=3, reason="the last comparison was 4 s ago: they are 10 s apart"))
    assert "PROBE front: NOT MADE" in drawn(refused)
    assert "10 s apart" in drawn(refused)


def test_it_goes_with_the_session_the_screen_and_the_hub():
    state = reduce(probing(), replace(CANDIDATE, request=3))
    assert reduce(state, Watched("")).probe is None
    assert reduce(state, ScriptedHub().snapshot()).probe is None
    late = reduce(reduce(probing(), Watched("")), replace(CANDIDATE, request=3))
    assert (late.probe, late.remarks[-1].text) == (None, "probe: candidate")
    assert "the hub was lost before it answered" in drawn(reduce(probing(), Lost(NOW, "gone")))


def test_which_list_is_said_before_it_is_compared():
    view = View(probing(), NOW, 100, 10)
    assert "asking which face lists" in draw_choice(view, 0).plain
    none = View(reduce(probing(), replace(AUTHORITY, face_lists=())), NOW, 100, 10)
    assert "No face list is loaded: nothing can be compared." in draw_choice(none, 0).plain
    several = replace(AUTHORITY, face_lists=(FACE_LIST, replace(FACE_LIST, name="wanted", digest="00" * 32)))
    view = View(reduce(probing(), several), NOW, 100, 10)
    assert "compared with wanted, 12 entries" in draw_choice(view, 1).plain
    assert "compared with missing_children" in draw_choice(view, 2).plain


@pytest.mark.slow
@on_asyncio
async def test_a_probe_of_the_watched_camera():
    hub = ScriptedHub()
    hub.authority, hub.probed = AUTHORITY, CANDIDATE
    app = dashboard(hub)
    async with app.run_test(size=(80, 24)) as pilot:
        await sign_in(pilot)
        await pilot.press("f4")
        await settle(pilot)
        assert "p Probe a face" in shown(app)
        await pilot.press("p")
        await settle(pilot)
        assert isinstance(app.screen, ProbeDialog)
        assert "compared with missing_children, 12 entries" in shown(app)
        await pilot.press("enter")
        assert not asked(hub, ProbeFace)  # without a reason nothing happens
        await pilot.press(*words("lost child 7"), "enter")
        await settle(pilot)
        (request,) = asked(hub, ProbeFace)
        assert (request.camera, request.reason, request.list_digest) == ("front", "lost child 7", FACE_LIST.digest)
        screen = shown(app)
        assert "CANDIDATE, no proof" in screen
        assert "Nobody, Nina" in screen
        await pilot.press("f5", "f4")
        await settle(pilot)
        assert "Nobody" not in shown(app)


@pytest.mark.slow
@on_asyncio
async def test_one_probe_at_a_time_and_none_without_an_officer():
    hub = ScriptedHub()
    app = dashboard(hub)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("escape", "f4", "p")
        assert not isinstance(app.screen, ProbeDialog)
        await pilot.press("s")
        await sign_in(pilot)
        await pilot.press("p", *words("first"), "enter")
        await settle(pilot)
        assert "comparing the one face" in shown(app)
        await pilot.press("p")
        await settle(pilot)
        assert not isinstance(app.screen, ProbeDialog)

"""An alert about a face: both pictures side by side, words instead of a percentage, and who may decide."""

from __future__ import annotations

import re

from msgspec.structs import replace

from hub.messages import AlertState, Field, Record
from hub.tui.dialogs.reason import ReasonDialog
from hub.tui.drawings import View
from hub.tui.drawings.alert import draw_alert, draw_alert_head
from hub.tui.drawings.pictures import draw_crop, draw_large, draw_scene
from hub.tui.picture import beside, half_blocks
from hub.tui.reading import steps_for
from hub.tui.state import State, reduce
from hub.wire import AlertShown
from tests.tui.kit import NOW, OFFICER, ScriptedHub, alert, dashboard, settle, shown, sign_in
from tests.tui.kit_faces import face_alert, face_jpeg
from tests.tui.test_app import on_asyncio


def opened(made, **sources) -> State:
    hub = ScriptedHub(made)
    hub.officer = OFFICER
    return reduce(reduce(State(), hub.snapshot()), AlertShown(request=1, alert=made, repeats=0))


def drawn(draw, state, width=60, height=30) -> str:
    return draw(View(state, NOW, width, height)).plain


def test_live_crop_and_reference_stand_side_by_side():
    lines = drawn(draw_crop, opened(face_alert())).split("\n")
    assert re.match(r"camera now +reference photo", lines[0])
    assert len(lines) == 12
    alone = half_blocks(face_jpeg(200), 28, 11).plain.split("\n")
    assert all(line.startswith(part) for line, part in zip(lines[1:], alone, strict=True))
    assert len(drawn(draw_large, opened(face_alert()), 80, 30).split("\n")) > 20
    assert "reduced but for the face" in drawn(draw_scene, opened(face_alert()))


def test_a_picture_that_is_missing_is_said_in_its_place():
    lines = drawn(draw_crop, opened(face_alert(reference=None))).split("\n")
    assert "no picture" in lines[1]
    assert drawn(draw_crop, opened(face_alert(crop=None))) == ""


def test_drawings_of_any_height_stand_beside_each_other():
    one, other = half_blocks(face_jpeg(9), 20, 4), half_blocks(face_jpeg(9), 20, 7)
    assert len(beside(one, other).plain.split("\n")) == 7
    assert len(beside(other, one).plain.split("\n")) == 7


def test_it_is_said_in_words_what_a_similarity_is_and_is_not():
    page = drawn(draw_alert, opened(face_alert()), 100)
    assert "ALIKE TO THE MODEL, which is no proof: compare both pictures yourself." in page
    assert "a candidate from 0.548 on, 0.171 ahead of the next entry" in page
    assert "false alerts are expected an hour" in page
    assert "%" not in page
    assert "exact plates only" not in page
    doubtful = face_alert()
    doubtful = replace(doubtful, hit=replace(doubtful.hit, ambiguous=True, competing=("E-8",)))
    page = drawn(draw_alert, opened(doubtful), 100)
    assert page.index("AMBIGUOUS") < page.index("why ")
    assert "also near: E-8" in page


def test_who_is_missing_comes_with_what_to_do_also_where_the_list_says_nothing():
    assert "instruction: Stay with the child and call the desk" in drawn(draw_alert_head, opened(face_alert()))
    silent = face_alert()
    silent = replace(silent, hit=replace(silent.hit, record=Record("E-7", (Field("category", "missing_child"),))))
    assert "instruction: see that this person is safe, stay, and call the desk" in drawn(
        draw_alert_head, opened(silent)
    )
    stolen = alert()
    stolen = replace(stolen, hit=replace(stolen.hit, record=Record("V-1", ())))
    assert "instruction" not in drawn(draw_alert_head, opened(stolen))


def test_a_plate_has_the_budget_of_its_list_and_of_no_other():
    page = drawn(draw_alert, opened(alert()), 100)
    assert "cost 1.31; the false-alert budget allows 3.40" in page
    assert "budget: 1 in 10,000 reads of unlisted plates; 0.42 expected" in page
    assert "10,000" not in drawn(draw_alert, opened(alert(list_digest="00" * 32)), 100)
    assert "10,000" not in drawn(draw_alert, opened(face_alert()), 100)


def test_nobody_is_offered_to_decide_on_their_own_probe():
    state = opened(face_alert(raised_by=OFFICER.officer))
    assert steps_for(state) == ()
    assert "your own probe: another officer decides within 3:00" in drawn(draw_alert_head, state)
    assert steps_for(opened(face_alert(raised_by="9000"))) == (
        AlertState.ADJUDICATED_TRUE,
        AlertState.ADJUDICATED_FALSE,
    )


@on_asyncio
async def test_a_child_stands_first_and_is_decided_on_both_pictures():
    hub = ScriptedHub(alert("A-1"), face_alert(after=60))
    app = dashboard(hub)
    async with app.run_test(size=(80, 24)) as pilot:
        await sign_in(pilot)
        screen = shown(app)
        assert screen.index("!! MISSING CHILD") < screen.index("stolen vehicle")
        assert "face E-7 front" in screen
        assert "camera now" in screen
        assert "reference photo" in screen
        assert "Stay with the child" in screen
        await pilot.press("t")
        await settle(pilot)
        assert isinstance(app.screen, ReasonDialog)
        assert "Nobody, Nina: decided on both pictures, side by side" in shown(app)

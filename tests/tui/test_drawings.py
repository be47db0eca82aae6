"""Drawings: text from outside stays text, whatever it is; pictures become half-blocks; nothing goes over the edge."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from rich.cells import cell_len

from hub.events import SourceState
from hub.messages import (
    ActorHealth,
    ActorState,
    AnswerStatus,
    CameraHealth,
    CharacterRead,
    Field,
    Picture,
    Reason,
    ReasonCount,
    Record,
    SubjectKind,
)
from hub.tui.drawings import View
from hub.tui.drawings.alert import draw_alert, draw_alert_head
from hub.tui.drawings.answers import draw_answers
from hub.tui.drawings.authority import draw_authority
from hub.tui.drawings.banner import draw_banner
from hub.tui.drawings.cameras import draw_cameras
from hub.tui.drawings.characters import draw_characters
from hub.tui.drawings.health import draw_health
from hub.tui.drawings.live import draw_live_head
from hub.tui.drawings.log import draw_log
from hub.tui.drawings.probe import draw_probe
from hub.tui.drawings.queue import draw_queue
from hub.tui.drawings.remark import draw_remark
from hub.tui.drawings.status import draw_status
from hub.tui.lines import cell, columns, left, put, sparkline
from hub.tui.picture import half_blocks
from hub.tui.state import Asked, Lost, Remarked, State, reduce
from hub.wire import (
    AlertShown,
    AnswerCame,
    AuthorityShown,
    LogShown,
    LogVerified,
    LookUp,
    Probed,
    ProbeEntry,
    ProbeFace,
)
from tests.tui.kit import LINES, NOW, OFFICER, ScriptedHub, alert, answer, plate_jpeg, source
from tests.tui.kit_faces import FACE_LIST, GRANT, ORDER, watch

DRAWINGS = (
    draw_status, draw_banner, draw_remark, draw_queue, draw_alert_head, draw_alert, draw_answers, draw_cameras,
    draw_health, draw_log, draw_authority, draw_probe, draw_live_head,
)  # fmt: skip
HOSTILE = st.one_of(
    st.text(max_size=40),
    st.sampled_from(
        [
            "[bold red]STOP[/]",
            "[@click=app.exit]x[/]",
            "\x1b[2J\x1b]0;title\x07",
            "\u202e4321PKX",
            "a\r\nb\tc",
            "\u200b\u2066x\u2069",
            "\x9b31m",
            "\ud83d\ude97" if False else "\U0001f697",
            "x" * 5000,
        ]
    ),
)


def everywhere(text: str) -> State:
    """A state in which a text stands wherever text from outside can stand."""
    hub = ScriptedHub()
    hub.officer = OFFICER
    made = alert("A-1", category=text, camera=text, source=text)
    hit = replace(
        made.hit,
        record=Record(text, (Field("plate", text), Field(text, text))),
        why=text,
        competing=(text,),
        ambiguous=True,
    )
    said = answer(text, AnswerStatus.HIT, explanation=text, hits=(hit,))
    made = replace(made, hit=hit, answers=(said,), steps=(replace(made.steps[0], reason=text),), raised_by=text)
    hub.alerts = {"A-1": made}
    hub.cameras = (CameraHealth(text, open=False, stalled=True, frames=1, reopened=1, detail=text),)
    hub.actors = (ActorHealth(text, ActorState.PARKED, 1, text),)
    state = SourceState(text, text, 3, text, text, development=True, cost_limit=1.0, detail=text)
    hub.sources = (source(state=state, usable=False, breaker=text),)
    hub.parked = (text,)
    hub.watch = watch(order=text, purpose=text, list_name=text, list_digest=text, detail=text)
    hub.development = True
    shown = reduce(State(), replace(hub.snapshot(), detail=text))
    shown = replace(shown, counts=(ReasonCount(text, text, Reason.READ, 1),), unit=text)
    shown = reduce(shown, AlertShown(request=1, alert=made, repeats=2))
    order = replace(ORDER, place=text, authorisation=text, impact_assessment=text, officer=text)
    lists = (replace(FACE_LIST, name=text, issuer=text, authority=text, legal_basis=text, purpose=text, place=text),)
    grants = (replace(GRANT, grant=text, source=text, fields=(text,), legal_basis=text, reference=text, officer=text),)
    shown = reduce(shown, AuthorityShown(request=5, order=order, face_lists=lists, grants=grants))
    entries = (ProbeEntry(text, 0.6, None, text, text, text),)
    shown = reduce(shown, Asked(ProbeFace(request=6, camera=text, reason=text)))
    shown = reduce(shown, Probed(request=6, status=text, candidates=entries, reason=text))
    shown = reduce(shown, Asked(LookUp(request=2, subject_kind=SubjectKind.PLATE, value=text, reason=text)))
    shown = reduce(shown, AnswerCame(request=2, answer=said))
    line = replace(LINES[0], act=text, outcome=text, particulars=(Field(text, text),), camera=text)
    shown = reduce(shown, LogShown(request=3, lines=(line,)))
    shown = reduce(shown, LogVerified(request=4, ok=False, entries=1, first_bad=0, witnessed=False, reason=text))
    return replace(reduce(reduce(shown, Remarked(NOW, text)), Lost(NOW, text)), officer=OFFICER)


@settings(max_examples=60, deadline=None)
@given(HOSTILE)
def test_text_from_outside_steers_nothing(text):
    state = everywhere(text)
    for draw in DRAWINGS:
        drawn = draw(View(state, NOW, 80, 24))
        for character in drawn.plain:
            assert character == "\n" or unicodedata.category(character) not in (
                "Cc",
                "Cf",
                "Cs",
                "Co",
                "Cn",
                "Zl",
                "Zp",
            )
        assert all(not getattr(span.style, "meta", None) for span in drawn.spans)


def test_markup_is_shown_as_it_is_written():
    state = everywhere("[bold]x[/]")
    for draw in DRAWINGS:
        if draw not in (draw_status, draw_alert_head):
            assert "[bold]x[/]" in draw(View(state, NOW, 200, 60)).plain or draw is draw_queue


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=60), st.integers(1, 50))
def test_a_cell_has_its_width(text, width):
    assert cell_len(cell(text, width)) == width


def test_a_sparkline_goes_from_zero_to_its_highest():
    assert sparkline((0.0, 50.0, 100.0)) == "▁▅█"
    assert sparkline(()) == ""
    assert sparkline((0.0, 0.0)) == "▁▁"
    assert len(sparkline(tuple(float(n) for n in range(100)))) == 30


def test_columns_fit():
    rows = [("NAME", "DETAIL"), ("plates", "x" * 200), ("look-ups", "short")]
    assert all(cell_len(line.plain) <= 40 for line in columns(rows, 40))
    assert columns([], 40) == []


def test_differences_and_doubts_are_said_in_words_and_not_by_colour():
    made = alert()
    lines = [line.plain for line in draw_characters(made.hit.aligned, made.readings[0].characters)]
    assert lines[0].split()[1:] == list("4721XKP")
    assert lines[2].split()[1:] == list("4721XKR")
    assert lines[3].index("^") == lines[0].index("P")
    assert "doubtful: 1 in place 4, probability 0.83" in lines
    assert "differs: P (0.71) in place 7, listed R (0.22)" in lines


def test_certainty_is_that_of_the_entry_where_the_read_is_not_the_aligned_one():
    made = alert(entry="4721XKP")
    lines = draw_characters(made.hit.aligned, (CharacterRead("Z", 0.1),))
    assert lines[0].plain.split()[1:] == list("4721XKP")
    assert draw_characters((), ()) == []


def test_missing_and_added_characters_are_said():
    aligned = alert().hit.aligned
    gaps = (replace(aligned[0], read="", entry="4"), replace(aligned[1], read="7", entry=""))
    lines = [line.plain for line in draw_characters(gaps, ())]
    assert "differs: place 1, the list has 4, nothing was read" in lines
    assert "differs: place 2, 7 was read, the list has nothing" in lines


def test_a_character_that_nobody_saw_is_called_unknown():
    aligned = alert().hit.aligned
    typed = (replace(aligned[0], read="?", entry="4", probability=0.0), aligned[1])
    lines = [line.plain for line in draw_characters(typed, ())]
    assert "unknown: place 1, the list has 4" in lines
    assert not any("differs" in line for line in lines)


def test_pictures_keep_their_proportions_in_half_blocks():
    drawn = half_blocks(plate_jpeg(size=(220, 48)), 44, 20)
    lines = drawn.plain.split("\n")
    assert {len(line) for line in lines} == {44}
    assert len(lines) == 5  # 44 x 9.6 pixels, two a line
    assert set(drawn.plain) == {"▀", " ", "\n"}
    assert len(half_blocks(plate_jpeg(), 400, 3).plain.split("\n")) == 3


@pytest.mark.parametrize("jpeg", [b"", b"no picture", plate_jpeg().jpeg[:200]])
def test_a_picture_that_is_none_is_a_line_of_text(jpeg):
    assert half_blocks(Picture(jpeg, 10, 10), 40, 10).plain == "the picture cannot be drawn"
    assert half_blocks(None, 40, 10).plain == "no picture"


def test_time_left_never_goes_below_zero():
    made = alert()
    assert left(made.decide_by, NOW) == "3:00"
    assert left(NOW, made.decide_by) == "0:00"


def test_the_queue_shows_the_mark_wherever_it_is():
    hub = ScriptedHub(*(alert(f"A-{number:02}", read=f"{number:02}21XKP", after=number) for number in range(40)))
    hub.officer = OFFICER
    state = replace(reduce(State(), hub.snapshot()), chosen="A-33")
    drawn = draw_queue(View(state, NOW, 30, 10)).plain.split("\n")
    assert len(drawn) == 10
    assert any(line.startswith("▶") for line in drawn)
    assert any("3321XKP" in line for line in drawn)


def test_a_development_list_is_marked_on_every_screen():
    hub = ScriptedHub()
    hub.development = True
    assert "DEVELOPMENT" in draw_banner(View(reduce(State(), hub.snapshot()), NOW, 80, 1)).plain


def test_spaces_between_parts_stay():
    assert put("a ", ("b", "bold"), "  c").plain == "a b  c"

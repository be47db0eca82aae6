"""A restricted source says that it needs a grant, and a grant's file goes to the hub as it is."""

from __future__ import annotations

import os

import pytest

from hub.errors import InputError
from hub.messages import SubjectKind
from hub.tui.drawings import View
from hub.tui.drawings.answers import draw_answers
from hub.tui.grant_file import read_grant_file
from hub.tui.state import Asked, State, reduce
from hub.wire import LONGEST_GRANT, Done, LookUp
from tests.tui.kit import NOW, OFFICER, ScriptedHub, dashboard, settle, shown, sign_in, source
from tests.tui.test_app import asked, on_asyncio, words


def unit_with_credit_records() -> ScriptedHub:
    hub = ScriptedHub()
    hub.sources = (source(), source("credit_records", "restricted", answers=(SubjectKind.PERSON,)))
    hub.answers = ()
    return hub


@pytest.mark.parametrize(("kind", "grant", "said"), [("person", b"", 1), ("person", b"{}", 0), ("plate", b"", 0)])
def test_what_was_not_asked_for_want_of_a_grant_is_said(kind, grant, said):
    hub = unit_with_credit_records()
    hub.officer = OFFICER
    state = reduce(State(), hub.snapshot())
    before = draw_answers(View(state, NOW, 80, 20)).plain
    assert "credit_records  person: needs a grant (Ctrl+G)" in before
    request = LookUp(request=1, subject_kind=SubjectKind(kind), value="x", reason="y", grant=grant)
    state = reduce(state, Asked(request))
    assert all(each.grant == b"" for each in state.pending)  # the state keeps no copy of it
    page = draw_answers(View(reduce(state, Done(request=1, text="")), NOW, 80, 20)).plain
    assert page.count("NOT ASKED credit_records  needs a grant (Ctrl+G)") == said


@pytest.mark.slow
@on_asyncio
async def test_a_grant_is_typed_as_a_path_and_sent_as_it_is():
    hub = unit_with_credit_records()
    app = dashboard(hub)
    async with app.run_test(size=(80, 24)) as pilot:
        await sign_in(pilot)
        await pilot.press("f3", "ctrl+t", *words("Novak Jana"), "ctrl+g", *"/no/such", "enter", *words("case 12"))
        await pilot.press("enter")
        await settle(pilot)
        assert "nothing was asked: /no/such cannot be read" in shown(app)
        assert not asked(hub, LookUp)
        await pilot.press("ctrl+l")
        await settle(pilot)
        assert not app.screen.query_one("#granted").display
        await pilot.press(*words("Novak Jana"), "enter", *words("case 12"), "enter")
        await settle(pilot)
        (request,) = asked(hub, LookUp)
        assert (request.value, request.reason, request.grant) == ("Novak Jana", "case 12", b"")


def test_a_grant_file_is_read_whole_and_nothing_else_is(tmp_path):
    file = tmp_path / "grant.dsse"
    file.write_bytes(b"{}")
    assert read_grant_file(str(file)) == b"{}"
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "long").write_bytes(b"x" * (LONGEST_GRANT + 1))
    os.mkfifo(tmp_path / "pipe")
    names = ["empty", "long", "pipe", "absent", ".", "nul\0"]
    for name in names:
        with pytest.raises(InputError) as error:
            read_grant_file(f"{tmp_path}/{name}")
        assert len(str(error.value).splitlines()) == 1

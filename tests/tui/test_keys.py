"""The line of keys: what can be done now, once each, on one line."""

from __future__ import annotations

from hub.tui.keys import KeyLine
from tests.tui.kit import ScriptedHub, alert, dashboard, settle, shown, sign_in
from tests.tui.test_app import on_asyncio


@on_asyncio
async def test_the_line_follows_what_can_be_done_and_keeps_to_its_width():
    hub = ScriptedHub(alert("A-1"))
    app = dashboard(hub)
    async with app.run_test(size=(60, 24)) as pilot:
        await settle(pilot)
        await pilot.press("escape")
        await settle(pilot)
        assert "t True" not in shown(app).splitlines()[-1]
        await pilot.press("s")
        await sign_in(pilot)
        line = shown(app).splitlines()[-1]
        assert line.startswith(" t True  f False ")
        assert line.endswith("…")
        assert len(line) <= 60
        assert app.screen.query_one(KeyLine).size.height == 1
        hub.lose()
        await settle(pilot)
        assert "t True" not in shown(app).splitlines()[-1]

"""What each screen looks like, as text and for the README as a picture.

The files in `screens/` and the pictures in `examples/` are what these tests draw. After a change that is meant, write
them again with ``PATROL_HUB_WRITE_SCREENS=1`` and read the difference.
"""

from __future__ import annotations

import asyncio
import os
import re
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from hub.messages import ActorHealth, ActorState, AlertState, Step, SubjectKind
from hub.tui.app import FLASH_SECONDS
from tests.tui.kit import NOW, ScriptedHub, alert, answer, dashboard, settle, shown, sign_in, source
from tests.tui.kit_faces import AUTHORITY, BELOW_THE_FLOOR, WATCH, face_alert, street_jpeg

pytestmark = pytest.mark.slow

WRITE = bool(os.environ.get("PATROL_HUB_WRITE_SCREENS"))
SCREENS = Path(__file__).parent / "screens"
EXAMPLES = Path(__file__).parents[2] / "examples"
FONT = re.compile(r"\s*@font-face \{.*?\}\n", re.DOTALL)
TASKS = (
    ("look-up", ("f3", *"4721XKP", "enter", *"gate", "enter")),
    ("live", ("f4",)),
    ("probe", ("p",)),
    ("health", ("escape", "f5")),
    ("log", ("f6", "v")),
    ("authority", ("f7",)),
    ("help", ("f2", "f1")),
    ("reason", ("escape", "t")),
    ("leave", ("escape", "q")),
)
"""The screens by name, with the keys that lead from one to the next."""


def busy_unit() -> ScriptedHub:
    """A unit with work to do, one trouble, and two alerts."""
    decided = alert("A-0", read="9034LMN", entry="9034LMN", after=-400, pictures=False)
    step = Step(AlertState.ADJUDICATED_TRUE, NOW - timedelta(seconds=360), "4711", "seen at the kerb")
    decided = replace(decided, state=AlertState.ADJUDICATED_TRUE, steps=(*decided.steps, step))
    missing = alert("A-2", category="missing_person", read="8812BCD", entry="8812BCD", camera="rear", after=-20)
    hub = ScriptedHub(alert("A-1", after=-35), missing, decided)
    hub.actors = (*hub.actors[:3], ActorHealth("plates rear", ActorState.BACKING_OFF, 2, "the model is missing"))
    hub.sources = (
        source(),
        source("drivers", "on_request", breaker="open", unavailable=3),
        source("credit_records", "restricted", answers=(SubjectKind.PERSON,)),
    )
    hub.watch, hub.authority = WATCH, AUTHORITY
    hub.answers = (answer(), *hub.answers[1:])
    return hub


def check(path: Path, drawn: str) -> None:
    if WRITE:
        path.parent.mkdir(exist_ok=True)
        path.write_text(drawn, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == drawn, f"{path.name} differs: see the first lines of this file"


@pytest.mark.parametrize(("width", "height"), [(80, 24), (140, 40)])
def test_screens(width, height):
    async def walk():
        hub = busy_unit()
        app = dashboard(hub)
        drawn = {}
        async with app.run_test(size=(width, height)) as pilot:
            await settle(pilot)
            drawn["sign-in"] = shown(app)
            await sign_in(pilot)
            await pilot.press("down")
            await settle(pilot)
            drawn["alerts"] = shown(app)
            for name, keys in TASKS:
                await pilot.press(*keys)
                await settle(pilot)
                drawn[name] = shown(app)
            hub.now = NOW + timedelta(seconds=2)
            hub.lose()
            await pilot.press("escape")
            await settle(pilot)
            drawn["lost"] = shown(app)
        return drawn

    for name, drawn in asyncio.run(walk()).items():
        assert all(len(line) <= width for line in drawn.splitlines()), name
        check(SCREENS / f"{name}-{width}x{height}.txt", drawn)


def child_seen() -> ScriptedHub:
    """A unit that has seen a child who is missed, under an order."""
    hub = ScriptedHub(alert("A-1", after=-35), face_alert(after=-12))
    hub.watch, hub.authority, hub.probed, hub.scene = WATCH, AUTHORITY, BELOW_THE_FLOOR, street_jpeg()
    return hub


PICTURES = {
    "dashboard": (busy_unit, ("down",)),
    "face": (child_seen, ()),
    "live": (child_seen, ("f4", "p", *"lost", "enter")),
}
"""What the README shows besides the Speech screen: the unit, and the keys that lead to the screen."""


@pytest.mark.parametrize("name", PICTURES)
def test_the_readme_shows_the_dashboard_as_it_is(name):
    unit, keys = PICTURES[name]

    async def picture():
        app = dashboard(unit())
        async with app.run_test(size=(110, 30)) as pilot:
            await sign_in(pilot)
            await pilot.press(*keys)
            await settle(pilot, FLASH_SECONDS + 0.3)  # the line that new alerts light up is dark again
            return app.export_screenshot()

    check(EXAMPLES / f"{name}.svg", FONT.sub("\n", asyncio.run(picture())))

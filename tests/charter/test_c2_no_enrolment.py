"""C2: nothing that a camera saw can become a list entry.

Held by structure: what sees frames cannot name what makes entries, and an entry has no place for pixels.
"""

from __future__ import annotations

import ast
import typing
from pathlib import Path

import grimp
import msgspec
import pytest

from hub.messages import Field, Pixels
from hub.records import RULES
from hub.watchlists.face_building import build_faces
from hub.watchlists.faces import Card, FaceEntry
from hub.watchlists.hygiene import Checked, check_faces
from hub.watchlists.package import HotList, ListEntry

REPOSITORY = Path(__file__).parents[2]

SEES_FRAMES = (
    "hub.capture",
    "hub.isolation",
    "hub.actors.capture",
    "hub.actors.plates",
    "hub.read_files",
    "hub.plates",
    "hub.vision",
    "hub.evaluation",
)
MAKES_ENTRIES = ("hub.watchlists.package", "hub.importing", "hub.commands.watchlists")
MAKERS = {"build_entries", "build_package", "import_file"}
MAY_CALL_MAKERS = {
    "hub/commands/watchlists.py",  # a list from records, offline
    "hub/commands/lookups.py",  # the command `import`
    "hub/isolation/child.py",  # an importer in its own process, started for `hub.importing` alone; sees no frame
    "hub/commands/demo.py",  # issues its own list from records in its own text
}


@pytest.fixture(scope="module")
def graph():
    return grimp.build_graph("hub")


@pytest.mark.parametrize("sees", SEES_FRAMES)
@pytest.mark.parametrize("makes", MAKES_ENTRIES)
def test_what_sees_frames_cannot_reach_what_makes_entries(graph, sees, makes):
    assert not graph.chain_exists(importer=sees, imported=makes, as_packages=True)


def test_entries_are_made_only_where_an_officer_or_issuer_brings_a_file():
    callers = set()
    for path in (REPOSITORY / "hub").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call):
                function = node.func
                name = function.id if isinstance(function, ast.Name) else getattr(function, "attr", "")
                if name in MAKERS:
                    callers.add(str(path.relative_to(REPOSITORY)))
    assert callers == MAY_CALL_MAKERS


FACE_MAKERS = ("hub.watchlists.face_building", "hub.watchlists.hygiene")
"""What makes the entries of face lists of reference photos."""
OFFLINE = "hub.commands.face_lists"
"""The one module of commands that calls them."""


def test_face_entries_are_made_by_one_command_alone(graph):
    makers, hygiene = (graph.find_modules_that_directly_import(each) for each in FACE_MAKERS)
    assert makers == {OFFLINE}
    assert hygiene == {OFFLINE, "hub.watchlists.face_building"}


def test_whatever_runs_while_cameras_are_open_cannot_reach_what_makes_face_entries(graph):
    """Not the hub, no actor, no probe, no plugin's host: only the command line, which opens one or the other."""
    front = ("hub.commands", "hub.cli", "hub.__main__", *FACE_MAKERS)
    inside = [name for name in graph.modules if not name.startswith(front) and name != "hub"]
    assert {"hub.app", "hub.actors.faces", "hub.probes", "hub.face_watch", "hub.watchlists.gallery"} <= set(inside)
    for makes in FACE_MAKERS:
        assert graph.find_upstream_modules(makes).isdisjoint({"hub.capture", "hub.actors.capture", "hub.app"})
        reached = graph.find_downstream_modules(makes)
        assert not reached.intersection(inside), reached.intersection(inside)


def test_the_command_that_makes_them_opens_no_camera(graph):
    for camera in ("hub.capture", "hub.isolation.capture_child", "hub.actors.capture", "hub.actors.faces"):
        assert not graph.chain_exists(importer=OFFLINE, imported=camera)


def test_a_face_entry_comes_from_a_file_and_holds_no_pixels():
    """Of what is checked, photos are names of files, and what a list is built of has been checked."""
    assert typing.get_type_hints(check_faces)["folder"] is Path
    assert typing.get_type_hints(build_faces)["checked"] is Checked
    assert Pixels not in typing.get_type_hints(FaceEntry).values()
    assert typing.get_type_hints(Card) == {"entry": FaceEntry, "photo": bytes}


def test_an_entry_holds_text_of_the_closed_schema_and_nothing_else():
    assert ListEntry.__struct_fields__ == ("entry", "fields")
    assert typing.get_type_hints(ListEntry)["fields"] == tuple[Field, ...]
    assert typing.get_type_hints(Field) == {"name": str, "value": str}
    assert not [name for name in RULES if any(word in name for word in ("picture", "photo", "face", "image", "crop"))]
    assert Pixels not in typing.get_type_hints(HotList).values()


def test_pixels_in_an_entry_do_not_decode():
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(b'{"entry":"1","fields":[{"name":"plate","value":[0,255,0]}]}', type=ListEntry)

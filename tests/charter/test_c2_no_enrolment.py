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


def test_an_entry_holds_text_of_the_closed_schema_and_nothing_else():
    assert ListEntry.__struct_fields__ == ("entry", "fields")
    assert typing.get_type_hints(ListEntry)["fields"] == tuple[Field, ...]
    assert typing.get_type_hints(Field) == {"name": str, "value": str}
    assert not [name for name in RULES if any(word in name for word in ("picture", "photo", "face", "image", "crop"))]
    assert Pixels not in typing.get_type_hints(HotList).values()


def test_pixels_in_an_entry_do_not_decode():
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(b'{"entry":"1","fields":[{"name":"plate","value":[0,255,0]}]}', type=ListEntry)

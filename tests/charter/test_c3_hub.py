"""C3: after a whole run over strangers' plates nothing of them is in any file, event, line, metric or object.

The run is the real command's, with a list, a register, a log and events; the walk over what is reachable is that of
`test_c3_plates`.
"""

from __future__ import annotations

import gc
import re

import pytest
import trio

from hub.app import Watched, open_hub
from hub.capture import parse_source
from hub.clocks import SystemClock
from hub.config import load_config
from hub.events import encode
from hub.messages import PlateEvidence, PlateRead, Reading
from hub.testing.frames import Painted, drive_past, paint, street, write_clip, write_photo
from hub.testing.readers import PaintedReader
from tests.charter.test_c3_plates import STRANGER, stranger, traces_of_strangers
from tests.kit import LISTED, Unit


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    return Unit.prepare(tmp_path_factory.mktemp("prepared") / "unit")


@pytest.fixture
def unit(prepared, tmp_path):
    copy = prepared.copy(tmp_path / "unit")
    with copy.active():
        yield copy


def photos(unit, count=6, *, listed=True):
    """Paint photos of strangers, and of one listed car among them."""
    folder = unit.folder / "street"
    folder.mkdir()
    for number in range(count):
        write_photo(folder / f"{number:02d}.png", paint(street(), [Painted(stranger(1000 + number), 20, 40)]))
    if listed:
        write_photo(folder / "99.png", paint(street(), [Painted(LISTED, 20, 40)]))
    return folder


def clip(unit):
    """Render a clip in which three strangers drive past, one of them too fast for a read."""
    frames = [
        image for number in range(2) for image in [*drive_past(stranger(2000 + 1357 * number), 8), *[street()] * 40]
    ]
    return write_clip(unit.folder / "clip.mp4", [*frames, *drive_past(stranger(9876), 1)])


def written(unit):
    """Return every byte under the state folder, write-ahead logs included."""
    return b"".join(unit.files().values())


@pytest.mark.parametrize("make", [photos, clip], ids=["photos", "video"])
def test_c3_the_command_leaves_no_stranger_in_a_file_an_event_or_a_line(unit, make):
    source = make(unit)
    result = unit.run("run", "--source", str(source), "--until-end", "--events", "-")
    assert result.status == 0
    counts = {(each["stage"], each["reason"]): each["count"] for each in result.lines()[-1]["counts"]}
    assert counts["read", "not_listed"] >= 2  # they were read and looked up
    quiet = unit.run("run", "--source", str(source), "--until-end")
    for text in (result.out, result.err, quiet.out, quiet.err):
        assert not STRANGER.search(text)
    left = written(unit)
    assert STRANGER.search(left.decode("latin-1")) is None
    assert STRANGER.search(left.decode("utf-16-le", "ignore")) is None
    for words in (
        ("audit", "report"),
        ("audit", "show", "--format", "jsonl"),
        ("doctor",),
        ("alerts", "list", "--all"),
    ):
        shown = unit.run(*words)
        assert not STRANGER.search(shown.out + shown.err)


def test_c3_the_search_finds_what_is_written(unit):
    """The test above proves nothing unless a plate in an alert is found by it."""
    unit.run("run", "--source", str(photos(unit, 0)), "--until-end")
    listed = unit.run("alerts", "list", "--format", "json").out
    assert LISTED in listed
    assert LISTED.encode() in written(unit)


@pytest.mark.slow
@pytest.mark.parametrize("make", [photos, clip], ids=["photos", "video"])
async def test_c3_nothing_of_a_stranger_is_reachable_while_the_hub_still_stands(unit, make, capfd):
    watched = (Watched("front", parse_source(str(make(unit)))),)
    lines = []
    seen = 0
    read = PaintedReader.read

    def count(self, image):
        nonlocal seen
        found = read(self, image)
        seen += len(found)
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PaintedReader, "read", count)
        async with open_hub(load_config(unit.config), unit.state, watched, clock=SystemClock(), until_end=True) as hub:
            with hub.events.subscribe() as events:
                ended = await hub.run(trio.Event())
                while (event := await next_of(events)) is not None:
                    lines.append(encode(event))
            assert ended.event.balanced
            assert seen > 2
            await trio.lowlevel.checkpoint()
            assert traces_of_strangers() == []
            kept = [type(each).__name__ for each in gc.get_objects() if isinstance(each, (PlateRead, PlateEvidence))]
            assert kept == []
            readings = [each.plate for each in gc.get_objects() if isinstance(each, Reading)]
            assert not [plate for plate in readings if STRANGER.search(plate)]
            assert not re.search(STRANGER.pattern.encode(), b"".join(lines))
            assert not STRANGER.search(repr((hub.ledger.snapshot(), hub.sources.statistics())))
    assert not STRANGER.search("".join(capfd.readouterr()))


async def next_of(events):
    from hub.errors import ClosedChannelError

    try:
        return await events.receive()
    except ClosedChannelError:
        return None

"""Large files are replaced whole or not at all."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

import pytest

from hub.authority.files import UNFINISHED_SECONDS, replacing, sweep_unfinished, write_file
from hub.clocks import ManualClock
from hub.config import Settings
from hub.errors import StoreError, StoreFullError
from hub.unit import open_unit
from hub.watchlists.trust import TRUSTED_FOLDER


def test_a_file_takes_the_place_of_the_older_one_at_the_end(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    with replacing(path) as file:
        file.write(b"new ")
        assert path.read_bytes() == b"old"
        file.write(b"content")
    assert path.read_bytes() == b"new content"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [each.name for each in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize(
    ("raised", "expected"),
    [
        (OSError(28, "No space left on device"), StoreFullError),
        (OSError(5, "Input/output error"), StoreError),
        (KeyError("x"), KeyError),
    ],
)
def test_where_writing_fails_the_older_one_is_as_it_was(tmp_path, raised, expected):
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def write_half():
        with replacing(path) as file:
            file.write(b"half")
            raise raised

    with pytest.raises(expected):
        write_half()
    assert path.read_bytes() == b"old"
    assert [each.name for each in tmp_path.iterdir()] == ["file"]


def test_a_folder_that_is_not_there_is_said_in_one_line(tmp_path):
    with pytest.raises(StoreError, match="cannot be written: No such file"), replacing(tmp_path / "none" / "file"):
        pytest.fail("it was opened")


def test_a_write_that_ends_while_the_same_file_is_written_again_shows_no_half_of_the_other(tmp_path):
    path = tmp_path / "file"
    with ExitStack() as late, ExitStack() as again:
        late.enter_context(replacing(path)).write(b"whole")
        file = again.enter_context(replacing(path))
        file.write(b"wh")
        file.flush()
        late.close()
        assert path.read_bytes() == b"whole"
        file.write(b"ole again")
    assert path.read_bytes() == b"whole again"
    assert [each.name for each in tmp_path.iterdir()] == ["file"]


NOW = datetime(2030, 1, 2, tzinfo=UTC)
OLD, YOUNG = NOW - timedelta(seconds=UNFINISHED_SECONDS), NOW - timedelta(seconds=UNFINISHED_SECONDS - 1)


def lay(path, at=OLD):
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.write_bytes(b"half a secret")
    os.utime(path, 2 * (at.timestamp(),))


def test_what_a_killed_process_left_is_gone_an_hour_later_and_nothing_else(tmp_path):
    kept = (".session.json.4711.tmp.bak", "session.json.4711.tmp", ".session.json.tmp", ".4711.tmp", "file", ".a.b.tmp")
    for name in (".session.json.4711.12.tmp", ".session.json.4711.tmp", ".trust.json.7.tmp", *kept):
        lay(tmp_path / name)
    lay(tmp_path / ".young.4711.tmp", YOUNG)
    lay(tmp_path / ".ahead.4711.tmp", NOW + timedelta(days=3))
    lay(tmp_path / "folder" / ".deeper.4711.tmp")
    (tmp_path / ".link.4711.tmp").symlink_to(tmp_path / "file")
    (tmp_path / ".folder.4711.tmp").mkdir()
    assert sweep_unfinished(tmp_path, NOW) == 4
    left = {".young.4711.tmp", "folder", ".link.4711.tmp", ".folder.4711.tmp", *kept}
    assert {each.name for each in tmp_path.iterdir()} == left
    assert (tmp_path / "folder" / ".deeper.4711.tmp").exists()
    assert sweep_unfinished(tmp_path / "none", NOW) == 0


async def test_a_unit_that_opens_sweeps_its_folders(tmp_path):
    state = tmp_path / "state"
    places = [folder / ".file.json.4711.tmp" for folder in (state, state / TRUSTED_FOLDER, state / "dispatches")]
    for place in places:
        lay(place)
    lay(state / ".file.json.4712.tmp", YOUNG)
    async with open_unit(Settings(), state, clock=ManualClock(NOW)):
        assert not any(place.exists() for place in places)
        assert (state / ".file.json.4712.tmp").exists()


@pytest.mark.slow
def test_the_names_are_those_under_which_files_are_written(tmp_path):
    """A process that is killed while it writes leaves what the sweep finds."""
    code = (
        "import os, signal, sys; from pathlib import Path; from hub.authority import files; "
        "os.fsync = lambda _: os.kill(os.getpid(), signal.SIGKILL); files.write_file(Path(sys.argv[1]), b'secret')"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "session.json")], check=False)
    assert done.returncode == -signal.SIGKILL
    (left,) = tmp_path.iterdir()
    os.utime(left, 2 * (OLD.timestamp(),))
    write_file(tmp_path / "session.json", b"whole")
    assert sweep_unfinished(tmp_path, NOW) == 1
    assert [each.name for each in tmp_path.iterdir()] == ["session.json"]

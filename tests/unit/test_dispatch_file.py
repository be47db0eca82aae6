from __future__ import annotations

import os
import stat
import threading

import msgspec
import pytest
import trio

from hub.dispatch_file import FileDispatcher
from hub.errors import SourceUnavailableError
from hub.messages import AlertState, Dispatch
from hub.testing.alerts import START


def dispatch(name="a-1-1"):
    return Dispatch(
        dispatch=name,
        alert="a-1",
        unit="unit-1",
        at=START,
        officer="7",
        category="stolen_vehicle",
        plate="AB123CD",
        entry="e-1",
        source="wanted",
        state=AlertState.ADJUDICATED_TRUE,
        reason="seen",
    )


async def test_a_dispatch_is_one_whole_private_file_however_often_it_is_sent(tmp_path):
    folder = tmp_path / "to" / "desk"
    target = FileDispatcher(folder)
    for _ in range(2):
        await target.send(dispatch())
    (file,) = folder.iterdir()
    assert file.name == "a-1-1.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert msgspec.json.decode(file.read_bytes(), type=Dispatch) == dispatch()
    await target.aclose()
    await target.aclose()


async def test_a_full_disk_leaves_no_half_file(tmp_path, monkeypatch):
    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(SourceUnavailableError, match="disk is full"):
        await FileDispatcher(tmp_path).send(dispatch())
    assert list(tmp_path.iterdir()) == []


async def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(SourceUnavailableError, match="cannot be made"):
        await FileDispatcher(tmp_path / "file" / "folder").send(dispatch())


@pytest.mark.parametrize("name", ["../a", "", "a/b", ".hidden", "x" * 200])
async def test_a_name_that_leads_elsewhere_is_refused(tmp_path, name):
    with pytest.raises(SourceUnavailableError, match="no name"):
        await FileDispatcher(tmp_path).send(dispatch(name))
    assert list(tmp_path.iterdir()) == []


async def test_a_write_that_was_given_up_and_ends_late_harms_no_second_one(tmp_path, monkeypatch):
    """As `hub.actors.outbox` gives one up that a disk keeps waiting, and tries again."""
    hung, resumed, ended = threading.Event(), threading.Event(), threading.Event()
    late, real = [], os.fsync

    def fsync(descriptor):
        if not late:
            late.append(threading.current_thread())
            hung.set()
            resumed.wait(5)
        elif threading.current_thread() is late[0]:
            ended.set()  # its file stands in its place
        elif not resumed.is_set():
            resumed.set()
            ended.wait(5)
            (file,) = tmp_path.glob("*.json")
            assert msgspec.json.decode(file.read_bytes(), type=Dispatch) == dispatch()
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    target = FileDispatcher(tmp_path)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(target.send, dispatch())
        await trio.to_thread.run_sync(hung.wait, 5)
        nursery.cancel_scope.cancel()
    await target.send(dispatch())
    assert ended.is_set()
    (file,) = [each for each in tmp_path.iterdir() if each.suffix == ".json"]
    assert msgspec.json.decode(file.read_bytes(), type=Dispatch) == dispatch()

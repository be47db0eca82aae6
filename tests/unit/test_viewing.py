"""Pictures for dashboards: reduced, a few a second, and no frame is looked at while nobody watches."""

from __future__ import annotations

from datetime import UTC, datetime

import cv2
import numpy as np
import pytest
import trio

import hub.viewing
from hub.actors.plates import FrameSeen
from hub.errors import UsageError
from hub.messages import Box, Frame, Reason, SourceKind
from hub.viewing import WIDTH, Viewing
from hub.vision.redaction import MAX_BLOCKS_A_PICTURE

AT = datetime(2030, 1, 1, tzinfo=UTC)


def frame(number=0, *, width=1280, height=720):
    image = np.random.default_rng(number).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Frame("street", number, AT, 0.0, SourceKind.LIVE, "street", image)


def seen(reason=Reason.READ):
    return FrameSeen("street", 0, "street", 0.0, reason, (Box(10, 20, 30, 40),), 1.0, "")


async def test_a_picture_is_reduced_and_says_where_something_was_seen(nursery):
    viewing = Viewing(["street"])
    await nursery.start(viewing.run)
    with viewing.watch("street") as pictures, trio.fail_after(3):
        viewing.note(seen())
        viewing.offer(frame())
        shown = await pictures.receive()
    assert (shown.frame_width, shown.frame_height, shown.picture.width) == (1280, 720, WIDTH)
    assert [(each.box, each.reason) for each in shown.boxes] == [(Box(10, 20, 30, 40), Reason.READ)]
    image = cv2.imdecode(np.frombuffer(shown.picture.jpeg, np.uint8), cv2.IMREAD_COLOR).astype(float)
    # Along a row, noise of the frame is gone: at most so many levels as there are blocks.
    jumps = (np.abs(np.diff(image[5].mean(axis=1))) > 6).sum()
    assert jumps < MAX_BLOCKS_A_PICTURE
    nursery.cancel_scope.cancel()


async def test_nobody_watches_nothing_is_done(nursery, monkeypatch):
    def fail(_):
        raise AssertionError("a frame was looked at")

    monkeypatch.setattr(hub.viewing, "_reduce", fail)
    viewing = Viewing(["street"])
    viewing.offer(frame())
    await nursery.start(viewing.run)
    viewing.note(seen())
    viewing.offer(frame())
    with viewing.watch("street"):
        pass
    viewing.offer(frame())
    assert viewing._worker.statistics().calls == 0
    assert not viewing._seen
    nursery.cancel_scope.cancel()


async def test_a_few_a_second_however_many_frames_come(nursery):
    viewing = Viewing(["street"])
    await nursery.start(viewing.run)
    with viewing.watch("street"):
        for number in range(50):
            viewing.offer(frame(number, width=64, height=48))
    await trio.lowlevel.checkpoint()
    assert viewing._worker.statistics().calls <= 1
    nursery.cancel_scope.cancel()


async def test_a_picture_that_cannot_be_reduced_is_none(nursery, monkeypatch):
    def fail(_):
        raise RuntimeError("no")

    viewing = Viewing(["street"])
    await nursery.start(viewing.run)
    with viewing.watch("street") as pictures, trio.fail_after(3):
        with monkeypatch.context() as patched:
            patched.setattr(hub.viewing, "_reduce", fail)
            viewing.offer(frame(0))
            while viewing._busy:  # noqa: ASYNC110  # a thread works meanwhile
                await trio.sleep(0.01)
            assert viewing._worker.statistics().raised == 1
        monkeypatch.setattr(hub.viewing, "EVERY", 0.0)
        viewing._next.clear()
        viewing.offer(frame(1, width=64, height=48))
        assert (await pictures.receive()).frame_width == 64
    nursery.cancel_scope.cancel()


def test_an_unknown_camera_is_named():
    with pytest.raises(UsageError, match=r"'garden'.*street"):
        Viewing(["street"]).check("garden")

"""The capture actor over real files and a real stream that stalls, dies and comes back."""

import random
from datetime import UTC, datetime

import pytest
import trio

from hub.actors.capture import KINDS, GapRemarks, mailbox_for, run_capture
from hub.capture import parse_source
from hub.channels import Mailbox
from hub.clocks import ManualClock
from hub.errors import InputError
from hub.ledger import Ledger, Stage
from hub.messages import FrameGap, Reason, ReasonCount
from hub.testing.frames import drive_past, street, write_clip, write_photo
from hub.testing.streams import Connection, Then, serve_mjpeg

CLOCK = ManualClock(datetime(2026, 1, 1, tzinfo=UTC))


def capture(spec, frames, ledger, **options):
    return run_capture(spec, "front", frames, ledger=ledger, clock=CLOCK, rng=random.Random(1), **options)


async def until(condition):
    while not condition():  # noqa: ASYNC110  # what is awaited happens in a child process
        await trio.sleep(0.01)


async def drain(frames, ledger, seen, pause=0.0):
    async for frame in frames:
        seen.append(frame)
        ledger.leave(frame.camera, Stage.FRAME, Reason.NO_TEXT)
        await trio.sleep(pause)


async def test_a_folder_is_handed_on_whole_and_every_file_is_accounted_for(tmp_path):
    for number in range(5):
        write_photo(tmp_path / f"{number}.png", street())
    (tmp_path / "2.png").write_text("text")
    spec, ledger, seen, gaps, health = parse_source(str(tmp_path)), Ledger(), [], [], []
    frames = mailbox_for(spec, ledger, "front")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(drain, frames, ledger, seen, 0.001)
        await nursery.start(
            lambda task_status: capture(
                spec, frames, ledger, on_gap=gaps.append, report=health.append, task_status=task_status
            )
        )
    assert [frame.number for frame in seen] == [0, 1, 3, 4]
    assert [gap.number for gap in gaps] == [2]
    assert ledger.check() == ()
    assert ledger.snapshot() == (
        ReasonCount("front", "frame", Reason.NO_TEXT, 4),
        ReasonCount("front", "frame", Reason.UNREADABLE, 1),
    )
    assert [(h.open, h.frames) for h in health] == [(True, 0), (False, 5)]


async def test_a_folder_that_is_taken_away_while_it_is_read_is_told_of_in_two_lines(tmp_path):
    for number in range(30):
        write_photo(tmp_path / f"{number:02}.png", street())
    spec, ledger, said = parse_source(str(tmp_path)), Ledger(), []
    frames = mailbox_for(spec, ledger, "front")

    async def take_away():
        await frames.receive()
        ledger.leave("front", Stage.FRAME, Reason.NO_TEXT)
        for file in tmp_path.iterdir():
            file.unlink()
        await drain(frames, ledger, [])

    async with trio.open_nursery() as nursery:
        nursery.start_soon(take_away)
        await capture(spec, frames, ledger, say=said.append)
    unreadable = {each.reason: each.count for each in ledger.snapshot()}[Reason.UNREADABLE]
    assert unreadable > 20
    first, rest = said
    assert first.endswith(".png: the file cannot be read: No such file or directory")
    assert rest == f"{tmp_path}: more frames that could not be decoded, for reasons already told: {unreadable - 1}"


def test_remarks_about_frames_are_bounded_whatever_their_reasons():
    said = []
    remarks = GapRemarks(said.append)
    for number in range(1000):
        remarks.note(FrameGap("front", number, "v.mp4", f"frame {number} cannot be decoded"))
    remarks.end("v.mp4")
    assert said[0] == "v.mp4: frame 0 cannot be decoded"
    assert said[1:] == ["v.mp4: more frames that could not be decoded, for reasons already told: 999"]
    said.clear()
    for number in range(26):
        remarks.note(FrameGap("front", number, "v.mp4", f"reason {chr(97 + number)}"))
    assert len(said) == KINDS + 1
    remarks.end("v.mp4")
    assert said[-1].endswith(f": {26 - KINDS - 1}")


@pytest.mark.parametrize(("until_end", "lines"), [(True, 1), (False, 0)])
async def test_that_a_camera_has_no_end_is_said_once_where_the_end_is_waited_for(until_end, lines):
    spec, said = parse_source("http://user:secret@127.0.0.1:9/video"), []
    with trio.move_on_after(0):
        await capture(spec, Mailbox(1), Ledger(), until_end=until_end, say=said.append)
    assert len(said) == lines
    assert all("has no end" in line and "secret" not in line for line in said)


async def test_a_source_that_gives_nothing_fails_once_and_closes_its_mailbox(tmp_path):
    (tmp_path / "a.jpg").write_text("text")
    spec, ledger = parse_source(str(tmp_path)), Ledger()
    frames = mailbox_for(spec, ledger, "front")
    with pytest.raises(InputError, match="not a picture"):
        await capture(spec, frames, ledger)
    assert frames.statistics().closed
    assert ledger.check() == ()


async def test_a_frame_that_waits_when_the_hub_stops_has_its_reason(tmp_path):
    for number in range(3):
        write_photo(tmp_path / f"{number}.png", street())
    spec, ledger = parse_source(str(tmp_path)), Ledger()
    frames: Mailbox = mailbox_for(spec, ledger, "front")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(lambda: capture(spec, frames, ledger))
        await until(lambda: ledger.totals() and ledger.totals()[0].entered == 2)
        nursery.cancel_scope.cancel()
    ledger.leave("front", Stage.FRAME, Reason.STOPPED, len(frames.drain()))
    assert ledger.check() == ()
    assert ledger.snapshot() == (ReasonCount("front", "frame", Reason.STOPPED, 2),)


@pytest.mark.slow
async def test_a_reader_that_is_too_slow_gets_the_newest_frame_and_the_others_are_counted(tmp_path):
    clip = write_clip(tmp_path / "clip.mp4", drive_past("AB12CD", 25))
    spec, ledger, seen = parse_source(str(clip)), Ledger(), []
    frames = mailbox_for(spec, ledger, "front")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(drain, frames, ledger, seen, 0.2)
        await capture(spec, frames, ledger)
    assert len(seen) < 12
    assert seen[-1].number == 24
    assert ledger.check() == ()
    assert ReasonCount("front", "frame", Reason.REPLACED, 25 - len(seen)) in ledger.snapshot()


@pytest.mark.slow
async def test_a_stream_that_stalls_dies_and_hangs_comes_back_while_another_goes_on():
    bad = [Connection(10, Then.STALL), Connection(5, Then.CLOSE), Connection(9, Then.REPEAT)]
    good = [Connection(9, Then.REPEAT)]
    ledger, health, seen, other = Ledger(), [], [], []
    with serve_mjpeg([street()], bad) as first, serve_mjpeg([street()], good) as second, trio.move_on_after(30):
        async with trio.open_nursery() as nursery:
            for address, store in ((first, seen), (second, other)):
                spec = parse_source(address)
                frames = mailbox_for(spec, ledger, "front")
                nursery.start_soon(drain, frames, ledger, store)
                report = (lambda h: health.append((trio.current_time(), h))) if store is seen else (lambda h: None)
                nursery.start_soon(lambda s=spec, f=frames, r=report: capture(s, f, ledger, report=r))
            await until(lambda: len(seen) >= 25)
            nursery.cancel_scope.cancel()
    assert [frame.number for frame in seen[:25]] == list(range(25))
    opened = [at for at, h in health if h.open]
    stalled = [(at, h.detail) for at, h in health if h.stalled]
    assert len(opened) == 3
    assert "gives no frames any more" in stalled[0][1]
    assert "has ended" in stalled[1][1]
    assert stalled[0][0] - opened[0] < 0.4 + 2  # ten frames, then noticed within two seconds
    assert len(other) > 2 * len(seen)
    assert [h.reopened for _, h in health if h.open] == [0, 1, 2]
    assert not any("secret" in h.detail for _, h in health)


@pytest.mark.slow
async def test_attempts_to_open_a_camera_grow_further_apart():
    spec, health = parse_source("webcam:97"), []
    async with trio.open_nursery() as nursery:
        report = lambda each: health.append((trio.current_time(), each))  # noqa: E731
        nursery.start_soon(lambda: capture(spec, Mailbox(1), Ledger(), report=report))
        await until(lambda: len(health) >= 3)
        nursery.cancel_scope.cancel()
    (first, _), (second, _), (third, last) = health
    assert third - second > second - first
    assert (last.open, last.stalled, last.frames, last.reopened) == (False, True, 0, 2)


async def test_frames_go_to_a_second_reader_as_well_until_it_has_had_enough(tmp_path):
    for number in range(5):
        write_photo(tmp_path / f"{number}.png", street())
    spec, ledger, seen, also = parse_source(str(tmp_path)), Ledger(), [], Mailbox(1)
    frames = mailbox_for(spec, ledger, "front")

    async def watch():
        for _ in range(2):
            await also.receive()
            ledger.leave("front", Stage.FACE_FRAME, Reason.NO_FACE)
        also.close()
        ledger.leave("front", Stage.FACE_FRAME, Reason.NO_ORDER, len(also.drain()))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(drain, frames, ledger, seen)
        nursery.start_soon(watch)
        await capture(spec, frames, ledger, also=also)
    assert len(seen) == 5
    assert ledger.check() == ()
    counts = {each.reason: each.count for each in ledger.snapshot() if each.stage == "face_frame"}
    assert counts == {Reason.NO_FACE: 2, Reason.NO_ORDER: 1}

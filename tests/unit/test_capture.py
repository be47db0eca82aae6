"""From a source's name to its frames: photos in worker threads, videos and streams in real child processes."""

import os
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np
import pytest
import trio

from hub.capture import Medium, SourceSpec, Timeouts, load_picture, open_frames, parse_source
from hub.clocks import ManualClock
from hub.errors import CaptureError, InputError, UsageError
from hub.messages import Frame, FrameGap, SourceKind
from hub.testing.frames import drive_past, street, write_clip, write_photo
from hub.testing.readers import PaintedReader
from hub.testing.streams import Connection, Then, serve_mjpeg

CLOCK = ManualClock(datetime(2026, 1, 1, tzinfo=UTC))


async def collect(spec, **options):
    async with open_frames(spec, "front", clock=CLOCK, **options) as frames:
        return [item async for item in frames]


@pytest.mark.parametrize(
    ("text", "medium", "origin"),
    [
        ("webcam:0", Medium.WEBCAM, "webcam:0"),
        ("/dev/video2", Medium.WEBCAM, "webcam:2"),
        ("rtsp://cam.local/stream1", Medium.STREAM, "rtsp://cam.local/stream1"),
        ("rtsp://me:pass@10.0.0.8:554/stream1", Medium.STREAM, "rtsp://10.0.0.8:554/stream1"),
        ("HTTP://me:p%40ss@cam/video.mjpg?token=pass#pass", Medium.STREAM, "http://cam/video.mjpg"),
        ("rtsp://cam/user=me&password=pass/1", Medium.STREAM, "rtsp://cam/.../1"),
        ("https://me:pass@[::1]:8443/live", Medium.STREAM, "https://[::1]:8443/live"),
    ],
)
def test_cameras_and_streams_are_named_without_their_credentials(text, medium, origin):
    spec = parse_source(text)
    assert (spec.medium, spec.origin, spec.live) == (medium, origin, True)
    assert "pass" not in repr(spec)
    assert spec.kind(until_end=True) is SourceKind.LIVE


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "empty"),
        ("a\0b", "empty"),
        ("webcam:front", "by its number"),
        ("ftp://me:pass@cam/clip.mp4", "not ftp"),
        ("rtsp://me:pass@:99999/x", "valid host"),
        ("http://me:pass@cam:port/x", "valid host"),
    ],
)
def test_what_is_no_source_is_said_without_showing_credentials(text, words):
    with pytest.raises(UsageError, match=words) as caught:
        parse_source(text)
    assert "pass" not in str(caught.value)


def test_files_are_told_apart_by_kind(tmp_path):
    photo = write_photo(tmp_path / "a.JPG", street())
    clip = write_clip(tmp_path / "b.mp4", [street()] * 2)
    assert parse_source(str(photo)).medium is Medium.PHOTO
    assert parse_source(str(tmp_path)) == SourceSpec(Medium.FOLDER, str(tmp_path), str(tmp_path))
    video = parse_source(str(clip))
    assert video.kind(until_end=True) is SourceKind.LOSSLESS
    assert video.kind(until_end=False) is SourceKind.PACED


def test_missing_empty_and_other_files_are_refused_in_one_line(tmp_path):
    (tmp_path / "notes.txt").write_text("nothing")
    os.mkfifo(tmp_path / "pipe.mp4")
    (tmp_path / "empty").mkdir()
    for name, words in (
        ("missing.jpg", "no such file"),
        ("notes.txt", "not a picture or video"),
        ("pipe.mp4", "not a picture or video"),
        ("empty", "holds no pictures"),
        ("new\nline.jpg", "no such file"),
    ):
        with pytest.raises(InputError, match=words) as caught:
            parse_source(str(tmp_path / name))
        assert "\n" not in str(caught.value)


async def test_a_photo_is_one_frame_that_nobody_can_change(tmp_path):
    (frame,) = await collect(parse_source(str(write_photo(tmp_path / "one.png", street()))))
    assert isinstance(frame, Frame)
    assert (frame.number, frame.kind, frame.camera, frame.at) == (0, SourceKind.STILL, "front", CLOCK.now())
    assert frame.origin == str(tmp_path / "one.png")
    assert np.array_equal(frame.image, street())
    with pytest.raises(ValueError, match="read-only"):
        frame.image[0, 0] = 0


async def test_a_folder_gives_its_pictures_in_order_and_says_what_it_leaves_out(tmp_path):
    for name in ("b.jpg", "a.png", "c.webp"):
        write_photo(tmp_path / name, street())
    (tmp_path / "truth.txt").write_text("x")
    (tmp_path / ".hidden.jpg").write_bytes(b"")
    (tmp_path / "below").mkdir()
    write_photo(tmp_path / "below" / "d.jpg", street())
    said = []
    frames = await collect(parse_source(str(tmp_path)), say=said.append)
    assert [Path(frame.origin).name for frame in frames] == ["a.png", "b.jpg", "c.webp"]
    assert [frame.number for frame in frames] == [0, 1, 2]
    assert said == [f"{tmp_path}: entries left out because they are no pictures: 2"]


async def test_a_broken_picture_in_a_folder_costs_only_itself(tmp_path):
    write_photo(tmp_path / "a.jpg", street())
    (tmp_path / "b.jpg").write_text("this is text")
    write_photo(tmp_path / "c.png", np.full((1, 1, 3), 9, np.uint8))
    whole = write_photo(tmp_path / "d.jpg", street()).read_bytes()
    (tmp_path / "d.jpg").write_bytes(whole[: len(whole) // 2])
    frames = await collect(parse_source(str(tmp_path)))
    assert [type(frame) for frame in frames] == [Frame, FrameGap, Frame, FrameGap]
    assert "not a picture" in frames[1].detail
    assert "cut off" in frames[3].detail


async def test_a_source_without_a_single_picture_is_an_error_after_its_gaps(tmp_path):
    (tmp_path / "a.jpg").write_text("this is text")
    for source in (tmp_path, tmp_path / "a.jpg"):
        async with open_frames(parse_source(str(source)), "front", clock=CLOCK) as frames:
            assert isinstance(await anext(frames), FrameGap)
            with pytest.raises(InputError, match=r"a\.jpg: not a picture"):
                await anext(frames)
    (tmp_path / "a.jpg").unlink()
    with pytest.raises(InputError, match="cannot be read"):
        load_picture(tmp_path / "a.jpg")


# --------------------------------------------------------------------------- real child processes, real time


def texts(frames):
    return ["".join(found.text for found in PaintedReader().read(frame.image)) for frame in frames]


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".mp4", ".avi"])
async def test_a_video_run_to_its_end_gives_every_frame(tmp_path, suffix):
    clip = write_clip(tmp_path / f"clip{suffix}", drive_past("AB12CD", 20))
    frames = await collect(parse_source(str(clip)), until_end=True)
    assert [frame.number for frame in frames] == list(range(20))
    assert texts(frames) == ["AB12CD"] * 20
    assert [frame.position for frame in frames] == pytest.approx([number / 25 for number in range(20)])
    assert not frames[0].image.flags.writeable
    assert {frame.kind for frame in frames} == {SourceKind.LOSSLESS}


@pytest.mark.slow
async def test_a_video_plays_at_its_own_speed(tmp_path):
    clip = write_clip(tmp_path / "clip.mp4", [street()] * 11, rate=10)
    async with open_frames(parse_source(str(clip)), "front", clock=CLOCK) as frames:
        times = [trio.current_time() async for _ in frames]
    assert 0.9 <= times[-1] - times[0] <= 1.6


@pytest.mark.slow
async def test_a_truncated_video_is_used_up_to_the_cut_and_then_says_so(tmp_path):
    rng = np.random.default_rng(1)
    clip = write_clip(tmp_path / "clip.avi", [rng.integers(0, 255, (64, 64, 3), np.uint8) for _ in range(40)])
    data = clip.read_bytes()
    clip.write_bytes(data[: len(data) // 2])
    *frames, gap = await collect(parse_source(str(clip)), until_end=True)
    assert 15 <= len(frames) <= 21
    assert isinstance(gap, FrameGap)
    assert gap.number == len(frames)
    assert "cut off" in gap.detail or "broke off" in gap.detail


@pytest.mark.slow
async def test_a_video_without_its_index_is_refused(tmp_path):
    clip = write_clip(tmp_path / "clip.mp4", drive_past("AB12CD", 10))
    clip.write_bytes(clip.read_bytes()[:3000])
    with pytest.raises(InputError, match="not a video that can be decoded"):
        await collect(parse_source(str(clip)))


@pytest.mark.slow
async def test_a_child_that_hangs_is_killed(tmp_path):
    """A FIFO to which nobody writes: opening it blocks inside the decoder, where nothing but a kill helps."""
    os.mkfifo(tmp_path / "silent.mp4")
    spec = SourceSpec(Medium.VIDEO, "silent.mp4", str(tmp_path / "silent.mp4"))
    started = trio.current_time()
    with pytest.raises(InputError):
        await collect(spec, timeouts=Timeouts(file=0.5))
    assert trio.current_time() - started < 4
    assert children() == []


def children():
    return [pid for task in Path("/proc/self/task").iterdir() for pid in (task / "children").read_text().split()]


@pytest.mark.slow
async def test_leaving_early_leaves_no_child_behind(tmp_path):
    clip = write_clip(tmp_path / "clip.mp4", drive_past("AB12CD", 60))
    async with open_frames(parse_source(str(clip)), "front", clock=CLOCK, until_end=True) as frames:
        await anext(frames)
        assert len(children()) == 1
    assert children() == []


@pytest.mark.slow
async def test_the_child_sees_neither_our_secrets_nor_the_address_on_its_command_line(monkeypatch):
    monkeypatch.setenv("PATROL_HUB_SECRET", "hush")
    with serve_mjpeg([street()], [Connection(50, Then.REPEAT)]) as address:
        spec = parse_source(address)
        async with open_frames(spec, "front", clock=CLOCK) as frames:
            await anext(frames)
            (pid,) = children()
            for name in ("environ", "cmdline"):
                content = await trio.Path(f"/proc/{pid}/{name}").read_bytes()
                assert b"hush" not in content
                assert b"secret" not in content


@pytest.mark.slow
async def test_garbage_in_a_stream_is_skipped_and_counted():
    images = [np.full((96, 128, 3), 10 * number, np.uint8) for number in range(12)]
    with serve_mjpeg(images, [Connection(12, Then.STALL, garbage=frozenset({3, 7, 8}))]) as address:
        async with open_frames(parse_source(address), "front", clock=CLOCK) as frames:
            seen = [await anext(frames) for _ in range(12)]
            with pytest.raises(CaptureError, match="gives no frames any more") as caught:
                await anext(frames)
    gaps = [item.number for item in seen if isinstance(item, FrameGap)]
    assert gaps == [3, 7, 8]
    assert [item.number for item in seen] == list(range(12))
    assert "secret" not in str(caught.value) + "".join(item.origin for item in seen)


@pytest.mark.slow
async def test_a_camera_that_is_not_there_does_not_open():
    with pytest.raises(CaptureError, match="does not open"):
        await collect(parse_source("webcam:97"))


@pytest.mark.slow
@pytest.mark.data
async def test_real_videos_come_whole_and_cheaply(shared_data):
    """The pipe may cost little against decoding in this process; asserted loosely because machines differ."""
    path = shared_data / "video" / "street_car.mp4"
    started = trio.current_time()
    capture = cv2.VideoCapture(str(path))
    plain = 0
    while capture.read()[0]:
        plain += 1
    here = trio.current_time() - started
    async with open_frames(parse_source(str(path)), "front", clock=CLOCK, until_end=True) as frames:
        started = trio.current_time()
        assert len([None async for _ in frames]) == plain
        assert trio.current_time() - started < 2 * here + 1

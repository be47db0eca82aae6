"""Files into reduced files: what is kept, what is never overwritten, and what no reduced file carries."""

import os
import struct

import cv2
import numpy as np
import pytest

from hub.backends import FaceDetector, FaceRegion
from hub.capture import parse_source
from hub.clocks import SystemClock
from hub.commands import redacting
from hub.errors import InputError, ModelError, UsageError
from hub.messages import Box
from hub.redact_files import check_output, find_faces, redact_file
from hub.vision.redaction import redact


class Finds(FaceDetector):
    """Finds what it is told, wherever it looks, and remembers the sizes of what it was shown."""

    name = "finds"

    def __init__(self, *boxes):
        self.boxes = boxes
        self.seen = []

    def detect(self, image, *, threshold=None):
        self.seen.append(image.shape[:2])
        return [FaceRegion(Box(*box), 0.9, ()) for box in self.boxes]


def noise(height=240, width=320, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def photo(path, image=None):
    cv2.imwrite(str(path), noise() if image is None else image)
    return path


def video(path, count=12, rate=10.0):
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), rate, (320, 240))
    for number in range(count):
        writer.write(noise(seed=number))
    writer.release()
    return path


async def run(source, output, *, keep=None, detector=None, **more):
    spec = parse_source(str(source))
    return await redact_file(spec, output, keep=keep, detector=detector or Finds(), clock=SystemClock(), **more)


def shown(path):
    return cv2.imread(str(path))


async def test_a_photo_is_reduced_as_everywhere_in_the_hub(tmp_path):
    source = photo(tmp_path / "in.png")
    result = await run(source, tmp_path / "out.png")
    assert (result.pictures, result.faces, result.left_out) == (1, 0, ())
    assert np.array_equal(shown(tmp_path / "out.png"), redact(noise(), None))
    assert np.array_equal(shown(source), noise())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.png", "out.png"]


async def test_only_the_box_stays_sharp_and_no_face_in_it(tmp_path):
    source = photo(tmp_path / "in.png")
    keep = Box(100, 80, 90, 60)
    await run(source, tmp_path / "out.png", keep=keep, detector=Finds((110, 90, 20, 24)))
    out = shown(tmp_path / "out.png")
    assert np.array_equal(out[125:140, 150:190], noise()[125:140, 150:190])
    assert len(np.unique(out[90:114, 110:130].reshape(-1, 3), axis=0)) == 1
    assert np.array_equal(out[:80], redact(noise(), None)[:80])


async def test_nothing_but_pixels_is_carried_over(tmp_path):
    _, jpeg = cv2.imencode(".jpg", noise())
    words = b"Exif\0\0II*\0 taken at 47.1N 8.5E by Invented Person"
    tagged = jpeg.tobytes()[:2] + b"\xff\xe1" + struct.pack(">H", len(words) + 2) + words + jpeg.tobytes()[2:]
    (tmp_path / "in.jpg").write_bytes(tagged)
    await run(tmp_path / "in.jpg", tmp_path / "out.jpg")
    out = (tmp_path / "out.jpg").read_bytes()
    assert b"Exif" not in out
    assert b"Invented" not in out
    assert b"in.jpg" not in out


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".mp4", ".avi"])
async def test_every_frame_of_a_video_is_reduced_at_its_rate(tmp_path, suffix):
    source = video(tmp_path / "in.avi")
    told = []
    result = await run(source, tmp_path / f"out{suffix}", progress=lambda done, _all: told.append(done))
    assert result.pictures == 12
    assert told == list(range(1, 13))
    capture = cv2.VideoCapture(str(tmp_path / f"out{suffix}"))
    assert capture.get(cv2.CAP_PROP_FPS) == pytest.approx(10, abs=0.5)
    frames = []
    while (read := capture.read())[0]:
        frames.append(read[1])
    capture.release()
    assert len(frames) == 12
    # Of noise reduced to blocks of 12 pixels an eighth of the spread and less is left.
    assert max(frame.std() for frame in frames) < noise().std() / 5


@pytest.mark.slow
async def test_a_video_of_one_frame_and_one_that_breaks_off(tmp_path):
    assert (await run(video(tmp_path / "one.avi", count=1), tmp_path / "one.mp4")).pictures == 1
    whole = video(tmp_path / "whole.avi", count=60).read_bytes()
    (tmp_path / "cut.avi").write_bytes(whole[: len(whole) // 2])
    result = await run(tmp_path / "cut.avi", tmp_path / "cut.mp4")
    assert 0 < result.pictures < 60
    assert result.left_out


def test_the_input_is_never_overwritten_by_any_name(tmp_path):
    source = photo(tmp_path / "in.png")
    os.link(source, tmp_path / "hard.png")
    (tmp_path / "soft.png").symlink_to(source)
    (tmp_path / "folder").mkdir()
    before = source.read_bytes()
    for name in ("in.png", "hard.png", "soft.png", "folder/../in.png"):
        with pytest.raises(UsageError, match="never overwritten"):
            redacting.redact(source, output=tmp_path / name, keep="", config=None)
    with pytest.raises(UsageError, match="never overwritten"):
        redacting.redact(tmp_path / "soft.png", output=source, keep="", config=None)
    assert source.read_bytes() == before


@pytest.mark.parametrize("name", ["out.gif", "out", "out.mp4", "out.jpg.exe"])
def test_a_format_that_cannot_be_written_is_refused(tmp_path, name):
    with pytest.raises(UsageError, match="written as"):
        check_output(parse_source(str(photo(tmp_path / "in.png"))), tmp_path / name)


def test_a_folder_or_camera_is_refused(tmp_path):
    photo(tmp_path / "in.png")
    for source in (str(tmp_path), "webcam:0"):
        with pytest.raises(UsageError, match="one photo or one video"):
            check_output(parse_source(source), tmp_path / "out.png")


async def test_what_fails_leaves_no_file_and_an_older_one_as_it_was(tmp_path):
    (tmp_path / "in.jpg").write_bytes(b"\xff\xd8\xff nonsense")
    (tmp_path / "out.jpg").write_bytes(b"older")
    with pytest.raises(InputError):
        await run(tmp_path / "in.jpg", tmp_path / "out.jpg")

    class Breaks(Finds):
        def detect(self, image, *, threshold=None):
            raise ModelError("does not run")

    with pytest.raises(ModelError):
        await run(photo(tmp_path / "good.png"), tmp_path / "out.jpg", detector=Breaks())
    with pytest.raises(InputError, match="cannot be written"):
        await run(tmp_path / "good.png", tmp_path / "absent" / "out.jpg")
    assert (tmp_path / "out.jpg").read_bytes() == b"older"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["good.png", "in.jpg", "out.jpg"]


def test_a_large_picture_is_searched_small_and_the_box_at_full_size():
    image = noise(960, 1280)
    detector = Finds((10, 20, 30, 40))
    assert find_faces(image, None, detector) == [Box(20, 40, 60, 80)]
    assert detector.seen == [(480, 640)]
    keep = Box(600, 400, 100, 60)
    assert find_faces(image, keep, detector)[1] == Box(560, 370, 30, 40)
    assert detector.seen[2] == (160, 200)


@pytest.mark.parametrize(
    ("keep", "says"),
    [
        (Box(320, 0, 10, 10), "--keep 320,0,10,10: the box lies outside the picture, which has 320 by 240 pixels"),
        (Box(0, 9000, 10, 10), "outside the picture"),
        (Box(0, 0, 320, 240), "covers over 1/3 of the picture"),
    ],
)
async def test_a_box_of_which_nothing_would_stay_sharp_is_refused(tmp_path, keep, says):
    with pytest.raises(UsageError) as caught:
        await run(photo(tmp_path / "in.png"), tmp_path / "out.png", keep=keep)
    assert says in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["in.png"]
    result = await run(tmp_path / "in.png", tmp_path / "out.png", keep=Box(300, 220, 100, 100))
    assert result.pictures == 1, "part of it lies in the picture"


@pytest.mark.parametrize("keep", ["1,2,3", "a,b,c,d", "1,2,0,4", "-1,2,3,4"])
def test_a_wrong_box_is_refused(tmp_path, keep):
    with pytest.raises(UsageError, match="--keep"):
        redacting.redact(photo(tmp_path / "in.png"), output=tmp_path / "out.png", keep=keep, config=None)

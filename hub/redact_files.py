"""Photos and videos on disk, reduced into a new file: what `patrol-hub redact` does (charter C8).

Everything is reduced by default; a detector decides only what of a named subject's box may stay sharp, and makes the
faces it found still coarser. Only pixels are carried over: no metadata, no sound, no thumbnail.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias

import cv2
import numpy as np
import trio
from msgspec import Struct

from hub.backends import FaceDetector
from hub.capture import Medium, SourceSpec, open_frames
from hub.clocks import Clock
from hub.errors import InputError, UsageError
from hub.inference import Worker
from hub.messages import Box, Frame, FrameGap
from hub.vision.redaction import MAX_KEEP_SHARE, believable, clip, encode_jpeg, encode_png, grow, redact

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Pixels: TypeAlias = NDArray[np.uint8]

PHOTO_SUFFIXES: Final = (".jpg", ".jpeg", ".png")
"""What a reduced photo can be written as."""

VIDEO_CODECS: Final = {".mp4": "mp4v", ".avi": "MJPG"}
"""What a reduced video can be written as."""

LOOK: Final = 640
"""Longer side, in pixels, at which a whole picture is searched for faces. Smaller ones than this shows are reduced
enough by the blocks; inside the subject's box they are looked for at full size."""

DEADLINE: Final = 60.0
"""Seconds for one picture."""

_USUAL_RATE: Final = 25.0
_RATES: Final = (1.0, 120.0)
"""Frames a second: where a video does not say, and what is believed."""


class Redacted(Struct, frozen=True):
    """What became of a file."""

    pictures: int
    """Pictures written: 1 for a photo, the frames of a video."""
    faces: int
    """Faces that the detector found in them, all told."""
    left_out: tuple[str, ...] = ()
    """What could not be decoded and so is not in the result."""


async def redact_file(
    spec: SourceSpec,
    output: Path,
    *,
    keep: Box | None,
    detector: FaceDetector,
    clock: Clock,
    progress: Callable[[int, int], None] = lambda _done, _all: None,
) -> Redacted:
    """Reduce a photo or video into a new file, which is there as a whole or not at all.

    Args:
        spec: The photo or video.
        output: The new file; its suffix says the format. One that is there is replaced, but never the input.
        keep: The subject's box, in pixels of the picture, which stays sharp but for faces; None for nothing.
        detector: Finds faces.
        clock: For the frames' times.
        progress: Told after each picture how many there are so far.

    Raises:
        UsageError: The output is the input, or has a suffix that cannot be written; or nothing of the subject's box can
            stay sharp.
        InputError: The input cannot be decoded, or the output cannot be written.
        ModelError: The detector does not run.
    """
    check_output(spec, output)
    worker = Worker("face detector")
    written = faces = 0
    left_out = []
    with _whole(output) as temporary, contextlib.closing(_Writer(temporary)) as writer:
        async with open_frames(spec, "redact", clock=clock, until_end=True) as frames:
            async for frame in frames:
                if isinstance(frame, FrameGap):
                    left_out.append(f"{frame.origin}: {frame.detail}")
                    continue
                check_keep(keep, frame)
                faces += await worker.call(_reduce, frame, keep, detector, writer, deadline=DEADLINE)
                written += 1
                progress(written, 0)
        await trio.to_thread.run_sync(writer.finish)
    return Redacted(written, faces, tuple(left_out))


def check_output(spec: SourceSpec, output: Path) -> None:
    """Refuse an output that is the input by any name, or that cannot be written in its format.

    Raises:
        UsageError: It is refused.
    """
    suffixes = {Medium.PHOTO: PHOTO_SUFFIXES, Medium.VIDEO: tuple(VIDEO_CODECS)}.get(spec.medium)
    if suffixes is None:
        raise UsageError(f"{spec.origin} is no file: redact takes one photo or one video")
    with contextlib.suppress(FileNotFoundError):
        if output.samefile(spec.address):
            raise UsageError(f"{output} is the input itself, which is never overwritten: name another file with -o")
    if output.suffix.lower() not in suffixes:
        raise UsageError(f"{output.name}: a {spec.medium.value} is written as {', '.join(suffixes)}")


def check_keep(keep: Box | None, frame: Frame) -> None:
    """Refuse a subject's box of which nothing would stay sharp, since whoever gave it expects otherwise.

    Raises:
        UsageError: It lies outside of the picture or is too large.
    """
    height, width = frame.image.shape[:2]
    if keep is None or believable(keep, width, height) is not None:
        return
    box = f"--keep {keep.x},{keep.y},{keep.w},{keep.h}"
    if clip(keep, width, height) is None:
        raise UsageError(f"{box}: the box lies outside the picture, which has {width} by {height} pixels")
    raise UsageError(
        f"{box}: the box covers over 1/{1 / MAX_KEEP_SHARE:.0f} of the picture, which has {width} by {height} pixels: "
        "give a smaller one"
    )


def find_faces(image: Pixels, keep: Box | None, detector: FaceDetector) -> list[Box]:
    """Return the faces of a picture: the large ones, and all in and around the subject's box.

    Args:
        image: uint8 [height, width, 3], BGR.
        keep: The subject's box.
        detector: Finds faces.

    Raises:
        ModelError: The detector does not run.
    """
    height, width = image.shape[:2]
    scale = min(1.0, LOOK / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = image if scale == 1 else np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
    found = [_scaled(region.box, width / size[0], height / size[1]) for region in detector.detect(small)]
    sharp = believable(keep, width, height)
    if sharp is not None and scale < 1:
        around = clip(grow(sharp, max(sharp.w, sharp.h) / 2), width, height) or sharp
        part = np.ascontiguousarray(image[around.y : around.y + around.h, around.x : around.x + around.w])
        found += [
            Box(region.box.x + around.x, region.box.y + around.y, region.box.w, region.box.h)
            for region in detector.detect(part)
        ]
    return found


def _scaled(box: Box, x: float, y: float) -> Box:
    return Box(round(box.x * x), round(box.y * y), max(1, round(box.w * x)), max(1, round(box.h * y)))


def _reduce(frame: Frame, keep: Box | None, detector: FaceDetector, writer: _Writer) -> int:
    """Reduce one picture and write it; return how many faces were found in it."""
    faces = find_faces(frame.image, keep, detector)
    writer.add(redact(frame.image, keep, faces), frame.position)
    return len(faces)


@contextmanager
def _whole(output: Path) -> Iterator[Path]:
    """Yield a file beside the output that takes its place in the end, or is gone."""
    temporary = output.with_name(f".{output.stem}.{os.getpid()}{output.suffix}")
    try:
        yield temporary
        temporary.replace(output)
    except OSError as error:
        raise InputError(f"{output} cannot be written: {error.strerror or error}") from error
    finally:
        temporary.unlink(missing_ok=True)


class _Writer:
    """Writes reduced pictures into one file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._suffix = path.suffix.lower()
        self._first: tuple[Pixels, float] | None = None
        self._video: cv2.VideoWriter | None = None
        self._size = (0, 0)

    def add(self, image: Pixels, position: float) -> None:
        """Take the next picture.

        Args:
            image: uint8 [height, width, 3], BGR, reduced.
            position: Seconds from the start.
        """
        if self._suffix in PHOTO_SUFFIXES:
            self._path.write_bytes(encode_png(image) if self._suffix == ".png" else encode_jpeg(image).jpeg)
        elif self._video is not None:
            self._frame(image)
        elif self._first is None:
            self._first = image, position
        else:
            apart = position - self._first[1]
            self._open(min(max(1 / apart, _RATES[0]), _RATES[1]) if apart > 0 else _USUAL_RATE)
            self._frame(image)

    def finish(self) -> None:
        """Write what is still held back and end the file.

        Raises:
            InputError: Nothing was written.
        """
        if self._first is not None:
            self._open(_USUAL_RATE)
        self.close()
        if not self._path.is_file() or not self._path.stat().st_size:
            raise InputError("nothing was written: the disk may be full")

    def close(self) -> None:
        """End the file. May be called twice."""
        if self._video is not None:
            self._video.release()
            self._video = None

    def _open(self, rate: float) -> None:
        assert self._first is not None  # noqa: S101  # add holds it back
        image, self._first = self._first[0], None
        self._size = (image.shape[1], image.shape[0])
        codec = cv2.VideoWriter.fourcc(*VIDEO_CODECS[self._suffix])
        self._video = cv2.VideoWriter(str(self._path), codec, rate, self._size)
        if not self._video.isOpened():
            raise InputError(f"{self._path.parent}: a {self._suffix[1:]} video cannot be written there")
        self._frame(image)

    def _frame(self, image: Pixels) -> None:
        assert self._video is not None  # noqa: S101
        if (image.shape[1], image.shape[0]) != self._size:
            raise InputError("the video changes its size on the way, which is not supported")
        self._video.write(image)

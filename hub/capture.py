"""From what an officer names (a photo, a folder, a video, a camera, a stream) to frames.

`parse_source` says what a name means, `open_frames` gives its frames one by one. Photos are decoded in a worker thread
with the limits of `hub.vision.pictures`. Videos, cameras and streams are decoded in a child process, because a decoder
that hangs cannot be stopped otherwise: the child is killed when it misses a deadline. Opening again, counting and
handing frames on is the work of `hub.actors.capture`.

Credentials of a stream's address stay in `SourceSpec.address`, which no record, error, log or repr shows.
"""

from __future__ import annotations

import os
import re
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias
from urllib.parse import urlsplit

import msgspec
import numpy as np
import trio
from msgspec import Struct

from hub.clocks import Clock
from hub.decoders import open_decoder
from hub.errors import CaptureError, InputError, UsageError
from hub.isolation.frames import (
    LONGEST_RECORD,
    ChildMessage,
    Ended,
    Opened,
    OpenMedium,
    Picture,
    Ready,
    Undecodable,
    pack,
    unpack,
)
from hub.isolation.pipes import LENGTH
from hub.messages import Frame, FrameGap, SourceKind
from hub.vision.pictures import MOST_PIXELS, SUFFIXES, decode_picture

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Pixels: TypeAlias = NDArray[np.uint8]

VIDEO_SUFFIXES: Final = frozenset(
    {".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".ts", ".mts", ".3gp", ".wmv", ".flv"}
)
"""File name suffixes, lower case, of videos."""

MOST_BYTES: Final = 256_000_000
"""Larger picture files are not read."""


class Medium(StrEnum):
    """What a source is."""

    PHOTO = "photo"
    FOLDER = "folder"
    VIDEO = "video"
    WEBCAM = "webcam"
    STREAM = "stream"


class SourceSpec(Struct, frozen=True):
    """A source that can be opened."""

    medium: Medium
    origin: str
    """What may be shown: the path as given, ``webcam:N``, or the stream's address without credentials or query."""
    address: str
    """What is opened. May hold credentials: never shown."""

    def __repr__(self) -> str:
        return f"SourceSpec({self.medium.value}, {self.origin!r})"

    @property
    def live(self) -> bool:
        """True for cameras and streams, which have no end."""
        return self.medium in (Medium.WEBCAM, Medium.STREAM)

    def kind(self, *, until_end: bool) -> SourceKind:
        """Return how its frames arrive.

        Args:
            until_end: Videos run as fast as they decode and lose no frame, instead of at their own speed.
        """
        if self.live:
            return SourceKind.LIVE
        if self.medium is not Medium.VIDEO:
            return SourceKind.STILL
        return SourceKind.LOSSLESS if until_end else SourceKind.PACED


class Timeouts(Struct, frozen=True):
    """Seconds after which a child process counts as hung."""

    start: float = 20.0
    """Until a new Python process has loaded OpenCV, on a machine under load."""
    live: float = 1.8
    """Until a camera or stream is open, and between two of its frames: a stall shows within 2 s."""
    file: float = 10.0
    """The same for video files, which wait for a disk and a processor but for no network."""


def parse_source(text: str) -> SourceSpec:
    """Say what a source's name means. Looks at files and folders, opens nothing.

    Args:
        text: A photo, a folder (its pictures in order of their names, subfolders left out), a video file, ``webcam:N``
            or ``/dev/videoN``, or an address that starts with rtsp, rtsps, http or https.

    Raises:
        InputError: No such file, a file of another kind, or a folder without pictures.
        UsageError: Not the name of a source.
    """
    if not text or "\0" in text:
        raise UsageError("the name of a source is empty; give a photo, folder, video, webcam:N or a stream's address")
    if device := re.fullmatch(r"(?:webcam:|/dev/video)([0-9]{1,3})", text):
        return SourceSpec(Medium.WEBCAM, f"webcam:{int(device[1])}", device[1])
    if text.startswith("webcam:"):
        raise UsageError("a webcam is named by its number, such as webcam:0")
    if scheme := re.match(r"([A-Za-z][A-Za-z0-9+.-]*)://", text):
        return _parse_stream(text, scheme[1].lower())
    path = Path(text).expanduser()
    try:
        if path.is_dir():
            folder_pictures(path)
            return SourceSpec(Medium.FOLDER, text, str(path.absolute()))
        if not path.exists():
            raise InputError(f"no such file or folder: {text!r}")
    except OSError as error:
        raise InputError(f"{text!r} cannot be opened: {error.strerror}") from error
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES | VIDEO_SUFFIXES or not path.is_file():
        raise InputError(f"{text!r} is not a picture or video that the hub reads (jpg, png, bmp, webp, mp4, mkv, ...)")
    return SourceSpec(Medium.PHOTO if suffix in SUFFIXES else Medium.VIDEO, text, str(path.absolute()))


def _parse_stream(text: str, scheme: str) -> SourceSpec:
    """Split an address without ever putting it into a message: it may hold a password wherever it is malformed."""
    if scheme not in ("rtsp", "rtsps", "http", "https"):
        raise UsageError(f"streams are rtsp, rtsps, http or https, not {scheme}")
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    if not host:
        raise UsageError(f"this {scheme} address has no valid host; it looks like {scheme}://host:port/path")
    shown = f"[{host}]" if ":" in host else host
    # Some cameras take user and password in the path, written as name=value.
    segments = ["..." if re.search(r"[=@;&]", part) else part for part in parts.path.split("/")]
    return SourceSpec(Medium.STREAM, f"{scheme}://{shown}{f':{port}' if port else ''}{'/'.join(segments)}", text)


def folder_pictures(folder: Path) -> tuple[Path, ...]:
    """Return a folder's pictures in order of their names; subfolders and hidden files are left out.

    Raises:
        InputError: There is none, or the folder cannot be read.
    """
    return _list_folder(folder)[0]


def _list_folder(folder: Path) -> tuple[tuple[Path, ...], int]:
    """Return a folder's pictures and how many other entries it has."""
    try:
        entries = [entry for entry in folder.iterdir() if not entry.name.startswith(".")]
        pictures = sorted(entry for entry in entries if entry.suffix.lower() in SUFFIXES and entry.is_file())
    except OSError as error:
        raise InputError(f"folder {str(folder)!r} cannot be read: {error.strerror}") from error
    if not pictures:
        raise InputError(f"folder {str(folder)!r} holds no pictures (jpg, png, bmp, webp)")
    return tuple(pictures), len(entries) - len(pictures)


def load_picture(path: Path) -> Pixels:
    """Read and decode one picture file. Blocks: for a worker thread.

    Returns:
        uint8 [height, width, 3], BGR, read-only, turned upright.

    Raises:
        InputError: It cannot be read or decoded, or is too large; one line without the file's name.
    """
    try:
        if path.stat().st_size > MOST_BYTES:
            raise InputError(f"the file is larger than {MOST_BYTES // 1_000_000} MB")
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"the file cannot be read: {error.strerror}") from error
    return decode_picture(data)


def _say_nothing(_: str) -> None:
    """Drop a remark."""


@asynccontextmanager
async def open_frames(
    spec: SourceSpec,
    camera: str,
    *,
    clock: Clock,
    until_end: bool = False,
    first: int = 0,
    since: float | None = None,
    timeouts: Timeouts = Timeouts(),  # noqa: B008  # frozen
    say: Callable[[str], None] = _say_nothing,
) -> AsyncIterator[AsyncIterator[Frame | FrameGap]]:
    """Open a source and give its frames.

    The iterator ends with a photo, folder or video. A video that breaks off gives its frames up to there, then one
    `FrameGap` that says so.

    Args:
        spec: From `parse_source`.
        camera: Name under which its frames go.
        clock: Gives `Frame.at`.
        until_end: See `SourceSpec.kind`.
        first: Number of the first frame, for a source that is opened again.
        since: When a live source was first opened, on trio's clock: its positions count from there. None for now.
        timeouts: When a child process counts as hung.
        say: Gets a one-line remark, such as how many files of a folder were left out.

    Yields:
        The frames and, in their place, those that could not be decoded.

    Raises:
        InputError: No frame at all could be decoded; raised by the iterator after the gaps.
        CaptureError: A camera or stream did not open, stalled or ended; raised by the context or the iterator.
    """
    stamp = _Stamp(camera, spec.kind(until_end=until_end), clock)
    if stamp.kind is SourceKind.STILL:
        async with aclosing(_stills(spec, stamp, first, say)) as frames:
            yield frames
        return
    async with (
        _open_child(spec, timeouts) as child,
        aclosing(_decoded(spec, stamp, first, child, timeouts, since=since)) as frames,
    ):
        yield frames


class _Stamp:
    """Turns pixels into frames of one source."""

    def __init__(self, camera: str, kind: SourceKind, clock: Clock) -> None:
        self.camera = camera
        self.kind = kind
        self._clock = clock

    def frame(self, number: int, position: float, origin: str, image: Pixels) -> Frame:
        return Frame(self.camera, number, self._clock.now(), position, self.kind, origin, image)

    def gap(self, number: int, origin: str, detail: str) -> FrameGap:
        return FrameGap(self.camera, number, origin, detail)


async def _stills(
    spec: SourceSpec, stamp: _Stamp, first: int, say: Callable[[str], None]
) -> AsyncGenerator[Frame | FrameGap, None]:
    limiter = trio.CapacityLimiter(1)  # of its own: a disk that hangs holds up no other source
    files: tuple[Path, ...] = (Path(spec.address),)
    origins: tuple[str, ...] = (spec.origin,)
    if spec.medium is Medium.FOLDER:
        files, others = await trio.to_thread.run_sync(_list_folder, files[0], abandon_on_cancel=True, limiter=limiter)
        origins = tuple(str(Path(spec.origin) / file.name) for file in files)
        if others:
            say(f"{spec.origin}: entries left out because they are no pictures: {others}")
    decoded = 0
    gap: FrameGap | None = None
    for number, (file, origin) in enumerate(zip(files, origins, strict=True), first):
        try:
            image = await trio.to_thread.run_sync(load_picture, file, abandon_on_cancel=True, limiter=limiter)
        except InputError as error:
            gap = stamp.gap(number, origin, str(error))
            yield gap
            continue
        decoded += 1
        yield stamp.frame(number, 0.0, origin, image)
    if gap is not None and not decoded:
        folder = "" if len(files) == 1 else f"{spec.origin}: no picture can be decoded; "
        raise InputError(f"{folder}{gap.origin}: {gap.detail}")


# ------------------------------------------------------------------------------------------ the child process


class _PipeClosed(Exception):  # noqa: N818  # a signal between two functions of this module
    """The child is gone or sends what is none of ours."""


class _Child:
    """Our end of the pipes to one child process."""

    def __init__(self, process: trio.Process, output: int) -> None:
        self.process = process
        self.promised = 0
        """Frames that the source's header promises, 0 where it says nothing."""
        self._output = output

    async def _fill(self, buffer: memoryview) -> None:
        got = 0
        while got < len(buffer):
            try:
                count = os.readv(self._output, [buffer[got:]])
            except BlockingIOError:
                await trio.lowlevel.wait_readable(self._output)
                continue
            if not count:
                raise _PipeClosed
            got += count

    async def receive_within(self, seconds: float) -> tuple[ChildMessage | None, Pixels | None]:
        """Return the next record, for a picture with its pixels.

        Args:
            seconds: After which the child counts as hung. It must not be read from afterwards.

        Returns:
            None in place of the record where the child hung, died, or sent what is none of ours.
        """
        with trio.move_on_after(seconds):
            try:
                return await self._receive()
            except (_PipeClosed, msgspec.MsgspecError):
                pass
        return None, None

    async def _receive(self) -> tuple[ChildMessage, Pixels | None]:
        await trio.lowlevel.checkpoint()
        (length,) = LENGTH.unpack(await self._read(LENGTH.size))
        if not 0 < length <= LONGEST_RECORD:
            raise _PipeClosed
        message = unpack(await self._read(length))
        if not isinstance(message, Picture):
            return message, None
        if min(message.height, message.width) < 1 or message.height * message.width > MOST_PIXELS:
            raise _PipeClosed
        pixels = np.empty((message.height, message.width, 3), np.uint8)
        await self._fill(memoryview(pixels.data).cast("B"))
        pixels.setflags(write=False)
        return message, pixels

    async def _read(self, size: int) -> bytearray:
        buffer = bytearray(size)
        await self._fill(memoryview(buffer))
        return buffer


@asynccontextmanager
async def _open_child(spec: SourceSpec, timeouts: Timeouts) -> AsyncIterator[_Child]:
    """Start a child, have it open the source, and see that it is gone afterwards.

    Raises:
        CaptureError: A camera or stream did not open in time.
        InputError: A video file cannot be opened.
    """
    timeout = timeouts.live if spec.live else timeouts.file
    async with open_decoder("hub.isolation.capture_child", "the capture process") as process:
        assert process.stdin is not None  # noqa: S101  # it is a pipe
        child = _Child(process, _descriptor(process.stdout))
        ready, _ = await child.receive_within(timeouts.start)
        if not isinstance(ready, Ready):
            raise CaptureError("the capture process does not start")
        # OpenCV's own timeout comes after ours, so that a stall is one and the same thing each time.
        request = OpenMedium(spec.address, spec.medium is Medium.WEBCAM, spec.live, 1.5 * timeout)
        try:
            await process.stdin.send_all(pack(request))
            opened, _ = await child.receive_within(timeout)
        except trio.BrokenResourceError:
            opened = None
        if not isinstance(opened, Opened):
            if not spec.live:
                raise InputError(f"{spec.origin}: not a video that can be decoded, or cut off before its index")
            raise CaptureError(f"{spec.origin} does not open")
        child.promised = opened.frames
        yield child


def _descriptor(stream: Any) -> int:  # noqa: ANN401  # trio's FdStream, which it does not export by name
    return int(stream.fileno())


async def _decoded(
    spec: SourceSpec, stamp: _Stamp, first: int, child: _Child, timeouts: Timeouts, *, since: float | None
) -> AsyncGenerator[Frame | FrameGap, None]:
    number, decoded, position = first, 0, 0.0
    started = trio.current_time() if since is None else since
    while True:
        message, image = await child.receive_within(timeouts.live if spec.live else timeouts.file)
        if isinstance(message, Undecodable):
            yield stamp.gap(number, spec.origin, f"frame {number} cannot be decoded")
        elif isinstance(message, Picture) and image is not None:
            position = trio.current_time() - started if spec.live else max(position, message.position)
            if stamp.kind is SourceKind.PACED:
                await trio.sleep_until(started + position)
            decoded += 1
            yield stamp.frame(number, position, spec.origin, image)
            del image  # not kept while the next frame is awaited (C3)
        else:
            break
        number += 1
    if spec.live:
        raise CaptureError(f"{spec.origin} {'has ended' if isinstance(message, Ended) else 'gives no frames any more'}")
    if not decoded:
        raise InputError(f"{spec.origin}: not a frame of this video can be decoded")
    if problem := _cut(message, number - first, child.promised):
        yield stamp.gap(number, spec.origin, problem)


def _cut(last: ChildMessage | None, seen: int, promised: int) -> str:
    """Say in which way a video broke off, "" where it did not.

    Some containers only estimate how many frames they hold, so a few that are missing say nothing.
    """
    if not isinstance(last, Ended):
        return f"the decoder broke off after {seen} frames"
    if promised - seen > max(3, promised // 20):
        return f"the video is cut off: it ends after {seen} of {promised} frames"
    return ""

"""From what an officer names (a file, the sound of a video or stream, the microphone) to blocks of sound.

`parse_sound` says what a name means; `hear_file` and `hear_microphone` hand on blocks of 32 ms at 16 kHz, mono. Files
and streams are decoded in a child process, because a decoder that hangs cannot be stopped otherwise and a hostile file
must harm nothing: the child is killed when it misses a deadline. The whole of a file is never held. What is said in
it is no business of this module.
"""

from __future__ import annotations

import re
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import msgspec
import numpy as np
import trio
from msgspec import Struct

from hub.capture import parse_source
from hub.channels import Mailbox
from hub.decoders import open_decoder
from hub.errors import CaptureError, ClosedChannelError, InputError, UsageError
from hub.isolation.pipes import LENGTH
from hub.isolation.sounds import (
    LONGEST_RECORD,
    OpenSound,
    Sound,
    SoundEnded,
    SoundMessage,
    SoundOpened,
    SoundReady,
    pack,
    unpack,
)
from hub.messages import SoundBlock
from hub.speech.sound import BLOCK, BLOCK_SECONDS, RATE
from hub.text import plain

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Samples: TypeAlias = NDArray[np.float32]
else:
    Samples = Any


class SoundSpec(Struct, frozen=True):
    """A medium with sound that can be opened."""

    origin: str
    """What may be shown: the path as given, or the stream's address without credentials or query."""
    address: str
    """What is opened. May hold credentials: never shown."""
    live: bool
    """True for a stream, which has no end."""

    def __repr__(self) -> str:
        return f"SoundSpec({self.origin!r})"


class SoundTimeouts(Struct, frozen=True):
    """Seconds after which nobody is waited for any more."""

    start: float = 20.0
    """Until a new Python process has loaded its decoder, on a machine under load."""
    file: float = 15.0
    """Until a file is open, and between two of its pieces."""
    live: float = 5.0
    """The same for a stream."""
    microphone: float = 2.0
    """Without a sample, after which the microphone counts as unplugged."""


def parse_sound(text: str) -> SoundSpec:
    """Say what a name means. Looks at the file, opens nothing.

    Args:
        text: A file with sound (wav, ogg, mp3, a video, ...), or an address that starts with rtsp, rtsps, http or
            https.

    Raises:
        InputError: No such file, a folder, or an empty file.
        UsageError: Not the name of a medium with sound.
    """
    if not text or "\0" in text:
        raise UsageError("the name of a file is empty; give a wav, ogg, mp3 or video file")
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", text):
        stream = parse_source(text)
        return SoundSpec(stream.origin, stream.address, live=True)
    path = Path(text).expanduser()
    try:
        if not path.exists():
            raise InputError(f"no such file: {text!r}")
        if not path.is_file():
            raise InputError(f"{text!r} is no file: name the files one by one")
        if not path.stat().st_size:
            raise InputError(f"{text!r} is empty: there is nothing to hear")
    except OSError as error:
        raise InputError(f"{text!r} cannot be opened: {error.strerror}") from error
    return SoundSpec(text, str(path.absolute()), live=False)


class Blocks:
    """Cuts samples into blocks, however they arrive."""

    def __init__(self) -> None:
        self._rest = np.zeros(0, np.float32)
        self._number = 0

    def take(self, samples: Samples) -> list[SoundBlock]:
        """Take samples in and return the blocks that are whole with them."""
        self._rest = np.concatenate([self._rest, samples])
        count = len(self._rest) // BLOCK
        whole, self._rest = self._rest[: count * BLOCK].reshape(-1, BLOCK), self._rest[count * BLOCK :]
        whole.setflags(write=False)
        blocks = [SoundBlock((self._number + at) * BLOCK_SECONDS, row) for at, row in enumerate(whole)]
        self._number += count
        return blocks

    def end(self) -> list[SoundBlock]:
        """Return the last block, filled up with silence; none where nothing is left."""
        left = len(self._rest)
        return self.take(np.zeros(BLOCK - left, np.float32)) if left else []


# ------------------------------------------------------------------------------------------ files and streams


async def hear_file(
    spec: SoundSpec,
    out: Mailbox[SoundBlock],
    *,
    timeouts: SoundTimeouts = SoundTimeouts(),  # noqa: B008  # frozen
    say: Callable[[str], None] = lambda _: None,
) -> float:
    """Hand a file's or stream's sound on, as fast as it is taken.

    Args:
        spec: From `parse_sound`.
        out: Gets the blocks; closed at the end, whatever happens.
        timeouts: When the decoder counts as hung.
        say: Gets a one-line remark where a part could not be decoded.

    Returns:
        Seconds of sound.

    Raises:
        InputError: No sound of a file can be decoded.
        CaptureError: A stream does not open, or has ended; or the decoder cannot be started.
    """
    blocks, count = Blocks(), 0
    timeout = timeouts.live if spec.live else timeouts.file
    last: SoundMessage | None = None
    with out:
        async with _open_child(spec, timeouts) as child:
            while isinstance(last := await child.receive_within(timeout), Sound):
                samples = np.frombuffer(last.samples, "<i2").astype(np.float32) / np.float32(32768)
                for block in blocks.take(samples):
                    await out.send(block)
                    count += 1
        for block in blocks.end():
            await out.send(block)
            count += 1
    if spec.live:
        raise CaptureError(
            f"{spec.origin} {'has ended' if isinstance(last, SoundEnded) else 'gives no sound any more'}"
        )
    if not count:
        raise InputError(f"{spec.origin}: no sound can be decoded")
    if not isinstance(last, SoundEnded):
        say(f"{spec.origin}: the decoder broke off after {count * BLOCK_SECONDS:.0f} s")
    elif last.damaged:
        say(f"{spec.origin}: pieces that could not be decoded: {last.damaged}")
    return count * BLOCK_SECONDS


class _PipeClosed(Exception):  # noqa: N818  # a signal inside of this module
    """The child is gone or sends what is none of ours."""


class _Child:
    """Our end of the pipes to one child process."""

    def __init__(self, process: trio.Process) -> None:
        assert process.stdin is not None  # noqa: S101  # asked for below
        assert process.stdout is not None  # noqa: S101
        self.process = process
        self.stdin = process.stdin
        self.stdout: Any = process.stdout
        self._buffer = bytearray()

    async def receive_within(self, seconds: float) -> SoundMessage | None:
        """Return the next record; None where the child hung, died, or sent what is none of ours."""
        with trio.move_on_after(seconds):
            try:
                (length,) = LENGTH.unpack(await self._read(LENGTH.size))
                if 0 < length <= LONGEST_RECORD:
                    return unpack(await self._read(length))
            except (_PipeClosed, msgspec.MsgspecError):
                pass
        return None

    async def _read(self, size: int) -> bytes:
        while len(self._buffer) < size:
            data = await self.stdout.receive_some(2**16)
            if not data:
                raise _PipeClosed
            self._buffer += data
        body = bytes(self._buffer[:size])
        del self._buffer[:size]
        return body


@asynccontextmanager
async def _open_child(spec: SoundSpec, timeouts: SoundTimeouts) -> AsyncIterator[_Child]:
    """Start a child, have it open the medium, and see that it is gone afterwards.

    Raises:
        CaptureError: A stream did not open, or the child does not start.
        InputError: A file has no sound that can be decoded.
    """
    timeout = timeouts.live if spec.live else timeouts.file
    async with open_decoder("hub.isolation.sound_child", "the process that decodes sound") as process:
        child = _Child(process)
        if not isinstance(await child.receive_within(timeouts.start), SoundReady):
            raise CaptureError("the process that decodes sound does not start: is the library av installed?")
        opened: SoundMessage | None = None
        try:
            await child.stdin.send_all(pack(OpenSound(spec.address, spec.live, timeout)))
            opened = await child.receive_within(timeout)
        except trio.BrokenResourceError:
            pass
        if not isinstance(opened, SoundOpened):
            why = plain(opened.problem) if isinstance(opened, SoundEnded) else "no sound can be decoded"
            if spec.live:
                raise CaptureError(f"{spec.origin} does not open")
            raise InputError(f"{spec.origin}: {why}")
        yield child


# ------------------------------------------------------------------------------------------ the microphone


class Microphone(Protocol):
    """A stream of PortAudio's that runs while its block lasts, as `sounddevice.InputStream` does."""

    def __enter__(self) -> object: ...
    def __exit__(self, *error: object) -> object: ...
    @property
    def active(self) -> bool:
        """False once it has ended, also because it was unplugged."""
        ...


OnSound: TypeAlias = Callable[[Samples], None]
"""Called in a thread of PortAudio's with float32 [samples] at 16 kHz, which are only valid during the call."""
OpenMicrophone: TypeAlias = Callable[[OnSound], Microphone]
"""Makes a `Microphone`. Blocks; raises `CaptureError`."""


async def hear_microphone(
    out: Mailbox[SoundBlock],
    open_microphone: OpenMicrophone,
    *,
    timeouts: SoundTimeouts = SoundTimeouts(),  # noqa: B008  # frozen
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Hand the microphone's sound on until cancelled; of what nobody takes, the oldest goes.

    Args:
        out: Gets the blocks; drops the oldest where it is full. Closed at the end, whatever happens.
        open_microphone: Opens it.
        timeouts: When it counts as unplugged.
        task_status: Started once it is open.

    Raises:
        CaptureError: It cannot be opened, was unplugged, or gives nothing any more.
    """
    token = trio.lowlevel.current_trio_token()
    blocks, beat, ended = Blocks(), trio.current_time(), False

    def deliver(samples: Samples) -> None:
        nonlocal beat
        beat = trio.current_time()
        if ended:
            return
        with suppress(ClosedChannelError):  # nobody listens any more: the microphone is being closed
            for block in blocks.take(samples):
                out.offer(block)

    def on_sound(samples: Samples) -> None:
        with suppress(trio.RunFinishedError):  # the hub has ended while PortAudio still ran
            token.run_sync_soon(deliver, samples.astype(np.float32, copy=True))

    opening = _Opening(open_microphone, on_sound)
    limiter = trio.CapacityLimiter(1)  # of its own: a driver that hangs holds up nothing else
    with out:
        try:
            with trio.fail_after(timeouts.file):
                active = await trio.to_thread.run_sync(opening.open, abandon_on_cancel=True, limiter=limiter)
            task_status.started()
            beat = trio.current_time()
            while True:
                await trio.sleep(timeouts.microphone / 8)
                if not active():
                    raise CaptureError("the microphone was unplugged")
                if trio.current_time() - beat > timeouts.microphone:
                    raise CaptureError("the microphone gives no sound any more: is it plugged in?")
        except trio.TooSlowError:
            raise CaptureError("the microphone does not open: is another program using it?") from None
        finally:
            ended = True
            with trio.CancelScope(shield=True, deadline=trio.current_time() + 1):
                await trio.to_thread.run_sync(opening.close, abandon_on_cancel=True)


class _Opening:
    """Opens a microphone in a thread that nobody may be waiting for any more: then it is closed again at once."""

    def __init__(self, open_microphone: OpenMicrophone, on_sound: OnSound) -> None:
        self._open = open_microphone
        self._on_sound = on_sound
        self._lock = threading.Lock()
        self._microphone: Microphone | None = None
        self._over = False

    def open(self) -> Callable[[], bool]:
        """Open it and return what says whether it still runs.

        Raises:
            CaptureError: It does not open or start.
        """
        try:
            microphone = self._open(self._on_sound)
            microphone.__enter__()
        except CaptureError:
            raise
        except Exception as error:  # PortAudio's errors and those of drivers under it
            raise CaptureError(f"the microphone does not open: {plain(str(error))}") from error
        with self._lock:
            if not self._over:
                self._microphone = microphone
                return partial(_runs, microphone)
        _shut(microphone)
        return lambda: False

    def close(self) -> None:
        """Close it, now or as soon as it is open."""
        with self._lock:
            self._over, microphone = True, self._microphone
        if microphone is not None:
            _shut(microphone)


def _runs(microphone: Microphone) -> bool:
    try:
        return microphone.active
    except Exception:  # noqa: BLE001  # a device that is gone may answer with anything
        return False


def _shut(microphone: Microphone) -> None:
    with suppress(Exception):  # a device that is gone cannot be closed either
        microphone.__exit__(None, None, None)


def open_portaudio(device: str = "") -> OpenMicrophone:
    """Return what opens a microphone through PortAudio.

    Args:
        device: Its name or a part of it; "" for the system's own.
    """

    def open_microphone(on_sound: OnSound) -> Microphone:
        try:
            import sounddevice
        except (OSError, ImportError) as error:
            raise CaptureError("there is no PortAudio on this machine: install libportaudio2") from error

        def open_at(rate: int, take: OnSound) -> Microphone:
            def callback(samples: Samples, _frames: int, _time: object, _status: object) -> None:
                take(samples[:, 0])

            stream: Microphone = sounddevice.InputStream(
                samplerate=rate, device=device or None, channels=1, dtype="float32", callback=callback
            )
            return stream

        try:
            with suppress(sounddevice.PortAudioError):
                return open_at(RATE, on_sound)
            # Some devices only know their own rate.
            own = int(sounddevice.query_devices(device or None, "input")["default_samplerate"])
            return open_at(own, _resampling(own, on_sound))
        except (sounddevice.PortAudioError, ValueError) as error:
            raise CaptureError(f"the microphone does not open: {plain(str(error))}") from error

    return open_microphone


def _resampling(rate: int, on_sound: OnSound) -> OnSound:
    """Return what takes samples of another rate and hands them on at 16 kHz."""
    import av

    resampler = av.AudioResampler(format="flt", layout="mono", rate=RATE)

    def take(samples: Samples) -> None:
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples[None]), format="flt", layout="mono")
        frame.sample_rate = rate
        for piece in resampler.resample(frame):
            on_sound(np.asarray(piece.to_ndarray()[0], np.float32))

    return take

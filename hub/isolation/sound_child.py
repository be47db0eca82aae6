"""The child process that decodes the sound of one file or stream: ``python -m hub.isolation.sound_child``.

A decoder that hangs or crashes takes this process with it and nothing else. It reads one `OpenSound` from standard
input and writes samples to standard output until there are no more; a reader that is slow makes it wait, so that an
hour of sound is never held. It says nothing on standard error, where FFmpeg would name addresses with their
credentials. Deadlines and any decision about the sound belong to `hub.listening`.
"""

from __future__ import annotations

import contextlib
import resource
from typing import Final

from hub.isolation.pipes import read_request, take_output, write
from hub.isolation.sounds import (
    MOST_SAMPLES,
    OpenSound,
    Sound,
    SoundEnded,
    SoundMessage,
    SoundOpened,
    SoundReady,
    pack,
    unpack_request,
)

RATE: Final = 16_000
MOST_DAMAGED: Final = 200
"""So many pieces in a row that cannot be decoded are taken for the end."""
MOST_MEMORY: Final = 4 * 2**30
"""Bytes of address space: a file that asks for more ends this process instead of the machine's memory."""
_FILE_PROTOCOLS: Final = "file"
"""A file is a file: a playlist in it does not lead to the network."""
_LIVE_PROTOCOLS: Final = "rtsp,rtp,rtcp,udp,tcp,tls,http,https,crypto,httpproxy"


def main() -> None:
    """Serve one medium. Ends when it does, or when the parent goes."""
    output = take_output()
    import av  # noqa: F401  # the slow part of starting up comes before the parent's deadline for opening

    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    _write(output, SoundReady())
    request = unpack_request(read_request())
    with contextlib.suppress(BrokenPipeError):
        serve(request, output)


def _write(output: int, message: SoundMessage) -> None:
    write(output, pack(message))


def serve(request: OpenSound, output: int) -> None:
    """Open a medium and write its sound.

    Args:
        request: What to open.
        output: Descriptor of a pipe; writing blocks until the parent has read.

    Raises:
        BrokenPipeError: The parent is gone.
    """
    import av

    options = {"protocol_whitelist": _LIVE_PROTOCOLS if request.live else _FILE_PROTOCOLS}
    try:
        with av.open(request.address, options=options, timeout=request.timeout) as container:
            if not container.streams.audio:
                _write(output, SoundEnded("it has no sound"))
                return
            _write(output, SoundOpened())
            _write(output, _decode(container, output))
    except (av.FFmpegError, OSError, ValueError, MemoryError) as error:
        if isinstance(error, BrokenPipeError) and not isinstance(error, av.FFmpegError):
            raise
        _write(output, SoundEnded("no sound can be decoded"))


def _decode(container: object, output: int) -> SoundEnded:
    """Write what can be decoded, and return how it ended."""
    import av
    import av.container

    assert isinstance(container, av.container.InputContainer)  # noqa: S101  # for the type checker
    track = container.streams.audio[0]
    resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE)
    damaged = in_a_row = 0
    packets = container.demux(track)
    while in_a_row < MOST_DAMAGED:
        try:
            packet = next(packets)
            for frame in packet.decode():
                for piece in resampler.resample(frame):
                    _send(output, bytes(piece.planes[0])[: 2 * piece.samples])
            in_a_row = 0
        except StopIteration:
            break
        except (av.FFmpegError, ValueError):
            damaged += 1
            in_a_row += 1
    with contextlib.suppress(av.FFmpegError, ValueError):
        for piece in resampler.resample(None):
            _send(output, bytes(piece.planes[0])[: 2 * piece.samples])
    return SoundEnded("", damaged)


def _send(output: int, samples: bytes) -> None:
    for at in range(0, len(samples), 2 * MOST_SAMPLES):
        _write(output, Sound(samples[at : at + 2 * MOST_SAMPLES]))


if __name__ == "__main__":
    main()

"""The child process that opens one camera, stream or video file: ``python -m hub.isolation.capture_child``.

A decoder that hangs or crashes takes this process with it and nothing else. It reads one `OpenMedium` from standard
input and writes frames to standard output until there are no more; a reader that is slow makes it wait, so nothing is
dropped here. It says nothing on standard error, where FFmpeg would name addresses with their credentials. Pacing,
deadlines, retries and any decision about a picture belong to `hub.capture`.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Final

from hub.isolation.frames import (
    Ended,
    Opened,
    OpenMedium,
    Picture,
    Ready,
    Undecodable,
    pack,
    unpack_request,
)
from hub.isolation.pipes import read_request, take_output, write

if TYPE_CHECKING:
    import cv2

MOST_MISSES: Final = 20
"""So many failures to get a frame in a row are taken for the end: OpenCV does not tell damage from the end."""


def main() -> None:
    """Serve one medium. Ends when it does, or when the parent goes."""
    output = take_output()
    import cv2  # noqa: F401  # the slow part of starting up comes before the parent's deadline for opening

    write(output, pack(Ready()))
    request = unpack_request(read_request())
    with contextlib.suppress(BrokenPipeError):
        serve(request, output)


def serve(request: OpenMedium, output: int) -> None:
    """Open a medium and write its frames.

    Args:
        request: What to open.
        output: Descriptor of a pipe; writing blocks until the parent has read.

    Raises:
        BrokenPipeError: The parent is gone.
    """
    import cv2
    import numpy as np

    capture = _open(request)
    if not capture.isOpened():
        write(output, pack(Ended(opened=False)))
        return
    promised = 0 if request.live else max(0, int(capture.get(cv2.CAP_PROP_FRAME_COUNT)))
    write(output, pack(Opened(frames=promised)))
    misses = 0
    while misses < MOST_MISSES:
        if not capture.grab():
            misses += 1
            continue
        position = 0.0 if request.live else max(0.0, float(capture.get(cv2.CAP_PROP_POS_MSEC)) / 1000)
        done, image = capture.retrieve()
        if not done or image.ndim != 3 or image.dtype != np.uint8:
            misses += 1
            continue
        for _ in range(misses):  # only now is it known that they were damaged frames and not the end
            write(output, pack(Undecodable()))
        misses = 0
        height, width = image.shape[:2]
        pixels = memoryview(np.ascontiguousarray(image).data).cast("B")
        write(output, pack(Picture(position=position, height=height, width=width)), pixels)
    write(output, pack(Ended(opened=True)))


def _open(request: OpenMedium) -> cv2.VideoCapture:
    import cv2

    if request.device:
        return cv2.VideoCapture(int(request.address), cv2.CAP_V4L2)
    milliseconds = int(request.timeout * 1000)
    timeouts = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, milliseconds, cv2.CAP_PROP_READ_TIMEOUT_MSEC, milliseconds]
    return cv2.VideoCapture(request.address, cv2.CAP_FFMPEG, timeouts)


if __name__ == "__main__":
    main()

"""A camera that can be told to misbehave: a real HTTP server of Motion-JPEG on the loopback address.

For tests that open a stream through the hub's own capture. Nothing here is a double: bytes go over a socket.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Final, TypeAlias

import cv2
from msgspec import Struct

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Image: TypeAlias = NDArray[np.uint8]

_BOUNDARY: Final = "frame"


class Then(StrEnum):
    """What a connection does after its frames."""

    STALL = "stall"
    """Stays open and silent."""
    CLOSE = "close"
    REPEAT = "repeat"
    """Starts over."""


class Connection(Struct, frozen=True):
    """How the camera behaves towards one client."""

    frames: int
    """Frames that it sends."""
    then: Then
    garbage: frozenset[int] = frozenset()
    """Numbers of the frames that are sent damaged."""
    silent: bool = False
    """True accepts the client and never answers."""
    interval: float = 0.04
    """Seconds between two frames."""


@contextmanager
def serve_mjpeg(images: Sequence[Image], connections: Sequence[Connection]) -> Iterator[str]:
    """Run the server until the block ends.

    Args:
        images: uint8 [height, width, 3], BGR; shown in turn.
        connections: How each client in turn is served; the last one for all that come later.

    Yields:
        The stream's address, with a user, a password and a query of no meaning.
    """
    stop = threading.Event()
    parts = [cv2.imencode(".jpg", image)[1].tobytes() for image in images]
    script = iter(connections)
    lock = threading.Lock()
    last = [connections[-1]]

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            with lock:
                behaviour = next(script, last[0])
            if behaviour.silent:
                stop.wait()
                return
            self.send_response(200)
            self.send_header("Content-Type", f"multipart/x-mixed-replace; boundary={_BOUNDARY}")
            self.end_headers()
            with suppress(OSError):
                self._play(behaviour)

        def _play(self, behaviour: Connection) -> None:
            while not stop.is_set():
                for number in range(behaviour.frames):
                    data = parts[number % len(parts)]
                    if number in behaviour.garbage:
                        data = bytes(len(data))
                    head = f"--{_BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(data)}\r\n\r\n"
                    self.wfile.write(head.encode() + data + b"\r\n")
                    if stop.wait(behaviour.interval):
                        return
                if behaviour.then is Then.STALL:
                    stop.wait()
                if behaviour.then is not Then.REPEAT:
                    return

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class's name
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://officer:secret@127.0.0.1:{server.server_port}/live?token=secret"
    finally:
        stop.set()
        server.shutdown()
        server.server_close()
        thread.join()

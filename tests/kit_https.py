"""A real HTTPS server of a test's own, which answers byte by byte as a script says and remembers what it was sent."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import trustme
from msgspec import Struct

PLATE = {
    "path": ["v1", "vehicles"],
    "query": {"plate": "{plate}"},
    "records": "/data",
    "entry": "/id",
    "fields": {"plate": "/plate", "make": "/car/make"},
}
"""How a source of `records_http` asks a service about plates."""


class Received(Struct, frozen=True):
    """One request, as it came over the line."""

    line: bytes
    """``GET /path?query HTTP/1.1``."""
    headers: dict[str, str]
    body: bytes


Script = Callable[[Received], Iterable[bytes]]
"""Says what is sent, piece by piece; the connection ends after the last one."""


def reply(body: object, status: int = 200, **headers: str) -> list[bytes]:
    """Return a whole answer: bytes as they are, anything else as JSON."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = {"content-type": "application/json", "content-length": str(len(content)), "connection": "close"}
    lines |= {name.replace("_", "-"): value for name, value in headers.items()}
    head = f"HTTP/1.1 {status} X\r\n" + "".join(f"{name}: {value}\r\n" for name, value in lines.items() if value)
    return [head.encode() + b"\r\n" + content]


class HttpsServer:
    """Listens on localhost; `script` may be replaced at any time."""

    def __init__(self, folder: Path) -> None:
        self.script: Script = lambda _: reply([])
        self.received: list[Received] = []
        self.connections = 0
        """Connections that were begun, with or without a handshake."""
        self.mute = False
        """True where it takes connections and says nothing, not even a greeting."""
        authority, stranger = trustme.CA(), trustme.CA()
        self.root, self.other_root = folder / "root.pem", folder / "other.pem"
        authority.cert_pem.write_to_path(str(self.root))
        stranger.cert_pem.write_to_path(str(self.other_root))
        self.client, self.stranger = (self._pair(folder, name, ca) for name, ca in
                                      (("client", authority), ("stranger", stranger)))  # fmt: skip
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("localhost").configure_cert(self._context)
        authority.configure_trust(self._context)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self.address = f"https://localhost:{self.port}"
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []

    def ask_for_certificates(self) -> None:
        """Talk to nobody who shows no certificate of this authority."""
        self._context.verify_mode = ssl.CERT_REQUIRED

    def wait(self, seconds: float) -> bool:
        """Let a script wait, but not longer than the test; true where it should go on."""
        return not self._stop.wait(seconds)

    def start(self) -> None:
        self._listener.settimeout(0.1)
        self._start(self._accept)

    def stop(self) -> None:
        self._stop.set()
        self._listener.close()
        for thread in self._threads:
            thread.join(10)

    def _start(self, target: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._stop.is_set():
            try:
                line, _ = self._listener.accept()
            except TimeoutError:
                continue
            except OSError:
                return
            self.connections += 1
            self._start(self._serve, line)

    def _serve(self, line: socket.socket) -> None:
        line.settimeout(10)
        if self.mute:
            with line:
                self.wait(10)
            return
        with line, contextlib.suppress(OSError), self._context.wrap_socket(line, server_side=True) as stream:
            request = self._read(stream)
            if request is None:
                return
            self.received.append(request)
            for piece in self.script(request):
                stream.sendall(piece)

    def _read(self, stream: ssl.SSLSocket) -> Received | None:
        data = b""
        while b"\r\n\r\n" not in data:
            if not (piece := stream.recv(65536)):
                return None
            data += piece
        head, _, body = data.partition(b"\r\n\r\n")
        first, *lines = head.split(b"\r\n")
        headers = {name.decode("latin-1").lower(): value.decode("latin-1").strip()
                   for name, _, value in (line.partition(b":") for line in lines)}  # fmt: skip
        while len(body) < int(headers.get("content-length", 0)):
            body += stream.recv(65536)
        return Received(first, headers, body)

    @staticmethod
    def _pair(folder: Path, name: str, authority: trustme.CA) -> tuple[Path, Path]:
        pair = authority.issue_cert(f"{name}.test")
        certificate, key = folder / f"{name}.pem", folder / f"{name}.key"
        pair.cert_chain_pems[0].write_to_path(str(certificate))
        key.touch(mode=0o600)
        pair.private_key_pem.write_to_path(str(key))
        return certificate, key


@contextlib.contextmanager
def https_server(folder: Path) -> Iterator[HttpsServer]:
    """Run a server for the block."""
    server = HttpsServer(folder)
    server.start()
    try:
        yield server
    finally:
        server.stop()

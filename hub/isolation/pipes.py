"""What the children that decode media share with their parents: records of MessagePack, each with its length before it.

Nothing is pickled, so a hostile decoder can send nothing but the records of its codec. Here is also what such a child
does at its own end of the pipes; the hub's end is `hub.decoders`'.
"""

from __future__ import annotations

import os
import resource
import struct
import sys
import threading
from typing import Any, Final, Generic, TypeVar

import msgspec
from msgspec import Struct

LENGTH: Final = struct.Struct("<I")
"""What stands before each record: its length in bytes."""

MessageT = TypeVar("MessageT")
RequestT = TypeVar("RequestT", bound=Struct)


class Codec(Generic[MessageT, RequestT]):
    """The records of one kind of child.

    Args:
        message: Union of what the child sends.
        request: What the parent sends, once.
    """

    def __init__(self, message: Any, request: type[RequestT]) -> None:  # noqa: ANN401  # a union is no type
        self._encoder = msgspec.msgpack.Encoder()
        self._message: msgspec.msgpack.Decoder[MessageT] = msgspec.msgpack.Decoder(message)
        self._request = msgspec.msgpack.Decoder(request)

    def pack(self, record: MessageT | RequestT) -> bytes:
        """Return a record with its length before it."""
        body = self._encoder.encode(record)
        return LENGTH.pack(len(body)) + body

    def unpack(self, body: bytes | bytearray) -> MessageT:
        """Return the record that a child sent, without its length.

        Raises:
            msgspec.DecodeError: It is none of ours.
        """
        return self._message.decode(body)

    def unpack_request(self, body: bytes) -> RequestT:
        """Return the request that a parent sent, without its length.

        Raises:
            msgspec.DecodeError: It is none of ours.
        """
        return self._request.decode(body)


def take_output() -> int:
    """Return the descriptor of the pipe to the parent, which nothing but our records reaches from now on."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core dump would hold what is decoded
    output = os.dup(1)
    os.dup2(2, 1)  # whatever a library prints must not get between our records
    return output


def read_request() -> bytes:
    """Return the parent's one request, without its length; from now on this process leaves with its parent."""
    (length,) = LENGTH.unpack(sys.stdin.buffer.read(LENGTH.size))
    body = sys.stdin.buffer.read(length)
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    return body


def write(output: int, *parts: bytes | memoryview) -> None:
    """Write parts one after the other; blocks until the parent has read.

    Raises:
        BrokenPipeError: The parent is gone.
    """
    for part in parts:
        rest = memoryview(part)
        while rest:
            rest = rest[os.write(output, rest) :]


def _leave_with_parent() -> None:
    """Wait for the parent to close our input, which also happens when it dies, and leave even if a decoder hangs."""
    sys.stdin.buffer.read()
    os._exit(0)

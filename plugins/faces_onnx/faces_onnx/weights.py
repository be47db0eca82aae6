"""Weights of a published model that it also declares as inputs, made constants: by reading its ONNX encoding alone.

Before version 4 of ONNX's format every weight had to be an input as well, so that a caller could replace it. The
runtime then folds none of them into the layers before: CenterFace takes twice as long as it has to. No layer runs here.

ONNX is encoded as protocol buffers; field numbers are those of ``onnx.proto3``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from hub.errors import ModelError

GRAPH: Final = 7
"""Field of a model that holds its graph."""
INITIALIZER, INPUT = 5, 11
"""Fields of a graph."""
TENSOR_NAME, INPUT_NAME = 8, 1
"""Fields of an initializer and of an input that hold its name."""
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


def constant_weights(model: bytes) -> bytes:
    """Return a model in which no weight is an input.

    Args:
        model: An ONNX file.

    Raises:
        ModelError: It is none.
    """
    kept = []
    for field, start, content, end in _fields(model, 0, len(model)):
        if field != GRAPH:
            kept.append(model[start:end])
            continue
        graph = _without_weights(model, content, end)
        kept.append(_number(GRAPH << 3 | _BYTES) + _number(len(graph)) + graph)
    return b"".join(kept)


def _without_weights(model: bytes, start: int, end: int) -> bytes:
    parts = list(_fields(model, start, end))
    weights = {_name(model, content, stop, TENSOR_NAME) for field, _, content, stop in parts if field == INITIALIZER}
    return b"".join(
        model[begin:stop]
        for field, begin, content, stop in parts
        if field != INPUT or _name(model, content, stop, INPUT_NAME) not in weights
    )


def _name(model: bytes, start: int, end: int, wanted: int) -> bytes:
    return next((model[content:stop] for field, _, content, stop in _fields(model, start, end) if field == wanted), b"")


def _fields(model: bytes, start: int, end: int) -> Iterator[tuple[int, int, int, int]]:
    """Yield each field's number, where it begins, where its content begins, and where it ends."""
    at = start
    while at < end:
        begin = at
        key, at = _read(model, at, end)
        kind = key & 7
        if kind == _VARINT:
            content, (_, at) = at, _read(model, at, end)
        elif kind == _BYTES:
            length, content = _read(model, at, end)
            at = content + length
        elif kind in (_FIXED64, _FIXED32):
            content, at = at, at + (8 if kind == _FIXED64 else 4)
        else:
            raise ModelError("the model is no ONNX file")
        if at > end:
            raise ModelError("the model is an ONNX file that was cut off")
        yield key >> 3, begin, content, at


def _read(model: bytes, at: int, end: int) -> tuple[int, int]:
    value = shift = 0
    while at < end and shift < 64:
        byte = model[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
    raise ModelError("the model is no ONNX file, or was cut off")


def _number(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)

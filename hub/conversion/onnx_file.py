"""Writes ONNX files: the little of their encoding that a converter needs, so that none of their packages is installed.

Field numbers are those of onnx.proto, the encoding that of Protocol Buffers. The same graph always gives the same
bytes, so a converted model has a digest of its own. Reading ONNX is not done here.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np
from msgspec import Struct

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array: TypeAlias = NDArray[np.float32] | NDArray[np.int64]

IR_VERSION: Final = 8
OPSET: Final = 13

_VARINT, _BYTES, _FIXED32 = 0, 2, 5
_FLOAT, _INT, _INTS = 1, 2, 7
"""Kinds of an attribute."""
_FLOAT_TENSOR, _INT64_TENSOR = 1, 7
"""Element types."""

Attribute: TypeAlias = "int | float | Sequence[int]"


class Node(Struct, frozen=True):
    """One operator of a graph."""

    kind: str
    """Operator, such as ``Conv``."""
    inputs: tuple[str, ...]
    output: str
    attributes: tuple[tuple[str, Attribute], ...] = ()


class Port(Struct, frozen=True):
    """A float32 tensor that goes in or comes out."""

    name: str
    shape: tuple[int | str, ...]
    """Sizes; a name where a size is free."""


class Graph(Struct, frozen=True, eq=False):
    """A network: its nodes in an order in which they can run, and its constants by name."""

    name: str
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    nodes: tuple[Node, ...]
    constants: tuple[tuple[str, Array], ...]


def onnx_bytes(graph: Graph, *, producer: str) -> bytes:
    """Return a graph as the content of an ONNX file.

    Args:
        graph: The network; constants are float32 or int64.
        producer: Name that the file gives for what wrote it.
    """
    return b"".join(
        (
            _number(1, IR_VERSION),
            _text(2, producer),
            _part(7, _graph(graph)),
            _part(8, _text(1, "") + _number(2, OPSET)),
        )
    )


def _graph(graph: Graph) -> bytes:
    return b"".join(
        (
            *(_part(1, _node(node)) for node in graph.nodes),
            _text(2, graph.name),
            *(_part(5, _tensor(name, values)) for name, values in graph.constants),
            *(_part(11, _port(port)) for port in graph.inputs),
            *(_part(12, _port(port)) for port in graph.outputs),
        )
    )


def _node(node: Node) -> bytes:
    return b"".join(
        (
            *(_text(1, name) for name in node.inputs),
            _text(2, node.output),
            _text(4, node.kind),
            *(_part(5, _attribute(name, value)) for name, value in node.attributes),
        )
    )


def _attribute(name: str, value: Attribute) -> bytes:
    if isinstance(value, int):
        return _text(1, name) + _number(3, value) + _number(20, _INT)
    if isinstance(value, float):
        return _text(1, name) + _key(2, _FIXED32) + struct.pack("<f", value) + _number(20, _FLOAT)
    return _text(1, name) + b"".join(_number(8, each) for each in value) + _number(20, _INTS)


def _tensor(name: str, values: Array) -> bytes:
    kind, order = (_INT64_TENSOR, "<i8") if values.dtype == np.int64 else (_FLOAT_TENSOR, "<f4")
    sizes = b"".join(_number(1, size) for size in values.shape)
    return sizes + _number(2, kind) + _text(8, name) + _part(9, values.astype(order).tobytes())


def _port(port: Port) -> bytes:
    sizes = (_text(2, size) if isinstance(size, str) else _number(1, size) for size in port.shape)
    shape = b"".join(_part(1, size) for size in sizes)
    return _text(1, port.name) + _part(2, _part(1, _number(1, _FLOAT_TENSOR) + _part(2, shape)))


def _part(field: int, content: bytes) -> bytes:
    return _key(field, _BYTES) + _varint(len(content)) + content


def _text(field: int, text: str) -> bytes:
    return _part(field, text.encode())


def _number(field: int, value: int) -> bytes:
    return _key(field, _VARINT) + _varint(value)


def _key(field: int, wire: int) -> bytes:
    return _varint(field << 3 | wire)


def _varint(value: int) -> bytes:
    """Encode a number, seven bits a byte, the lowest first."""
    parts = bytearray()
    while value > 0x7F:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    parts.append(value)
    return bytes(parts)

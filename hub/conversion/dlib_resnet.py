"""Turns dlib's face recognition network (``dlib_face_recognition_resnet_model_v1.dat``) into ONNX, exactly.

The file is dlib's own serialisation: the versions of all layers from the outermost to the innermost, the input layer,
then each layer's details from the innermost to the outermost. This module knows that one network and refuses any
other. Each affine layer is folded into the convolution before it; everything else is kept as it is.

The network takes float32 [n, 3, 150, 150], RGB from 0 to 255, and gives float32 [n, 128], not normalised.
"""

from __future__ import annotations

import math
import struct
from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np
from msgspec import Struct

from hub.conversion.onnx_file import Attribute, Graph, Node, Port, onnx_bytes
from hub.errors import ModelError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[np.float32]
    Integers: TypeAlias = NDArray[np.int64]

SIDE: Final = 150
"""Pixels of the input, each way."""

INPUT: Final = "chips"
OUTPUT: Final = "descriptors"

SIZE: Final = 128
"""Numbers in a descriptor."""

LAYERS: Final = 130
"""Layers of the network, tags and skips included."""

BLOCKS: Final = (*(3 * [32]), 64, *(3 * [64]), 128, *(2 * [128]), 256, *(2 * [256]), 256)
"""Filters of each residual block, the innermost first."""

DOWN: Final = frozenset({3, 7, 10, 13})
"""Blocks that halve the size; the shortcut is then averaged over two by two pixels."""


class Convolution(Struct, frozen=True, eq=False):
    """A convolution with the affine layer after it folded in."""

    weights: Floats
    """float32 [filters, channels, rows, columns]."""
    biases: Floats
    """float32 [filters]."""
    stride: int
    padding: int


def dlib_resnet_to_onnx(data: bytes) -> bytes:
    """Return the network of a published ``.dat`` file as ONNX; the same file always gives the same bytes.

    Args:
        data: The file, whose digest was checked before.

    Raises:
        ModelError: It is another file.
    """
    reader = _Reader(data)
    try:
        mean = _header(reader)
        stem = _convolution(reader, innermost=True)
        reader.layer("relu_")
        _pool(reader, "max_pool_2", side=3)
        blocks = [_block(reader, down=number in DOWN) for number in range(len(BLOCKS))]
        _pool(reader, "avg_pool_2", side=0)
        weights = _fully_connected(reader)
    except (struct.error, ValueError, IndexError, OverflowError) as error:
        raise ModelError(f"the face network cannot be converted: damaged near byte {reader.at}") from error
    if reader.at != len(data) or tuple(len(pair[1].biases) for pair in blocks) != BLOCKS:
        raise ModelError("the face network cannot be converted: it is another one")
    return onnx_bytes(_graph(mean, stem, blocks, weights), producer="patrol-hub")


# --------------------------------------------------------------------------------------------- reading


class _Reader:
    """Reads dlib's serialised values one after the other."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.at = 0

    def integer(self) -> int:
        """Read a number: a byte with the count of bytes and the sign, then these bytes, the lowest first."""
        head = self._take(1)[0]
        value = int.from_bytes(self._take(head & 0x0F), "little")
        return -value if head & 0x80 else value

    def real(self) -> float:
        """Read a floating-point number: mantissa and exponent."""
        mantissa, exponent = self.integer(), self.integer()
        return math.ldexp(mantissa, exponent)

    def text(self) -> str:
        return self._take(self.integer()).decode("ascii")

    def tensor(self) -> Floats:
        """Read a tensor: version, four sizes, then float32 as they lie in memory."""
        self.expect(2)
        shape = [self.integer() for _ in range(4)]
        values = np.frombuffer(self._take(4 * math.prod(shape)), "<f4")
        return values.astype(np.float32).reshape(shape)

    def alias(self) -> list[int]:
        """Read the sizes of a view into a tensor."""
        self.expect(1)
        return [self.integer() for _ in range(4)]

    def expect(self, *values: int) -> None:
        for value in values:
            if self.integer() != value:
                raise ModelError(f"the face network cannot be converted: it is another one (byte {self.at})")

    def layer(self, name: str, *, ends: bool = True) -> None:
        """Read the name of a layer's details; `ends` where nothing else is in them."""
        found = self.text()
        if found != name:
            raise ModelError(f"the face network cannot be converted: {found[:20]!r} stands where {name} should")
        if ends:
            self.end_layer()

    def end_layer(self) -> None:
        """Read what follows each layer's details: three flags and three tensors that are empty once trained."""
        if not set(self._take(3)) <= set(b"01"):
            raise ModelError(f"the face network cannot be converted: no flags at byte {self.at}")
        if any(self.tensor().size for _ in range(3)):
            raise ModelError("the face network cannot be converted: it holds the state of training")

    def _take(self, count: int) -> bytes:
        if count < 0 or self.at + count > len(self._data):
            raise ValueError("past the end")
        self.at += count
        return self._data[self.at - count : self.at]


def _header(reader: _Reader) -> Floats:
    """Read everything up to the first layer's details; return the mean of each colour."""
    reader.expect(1)
    reader.layer("loss_metric_2", ends=False)
    reader.real(), reader.real()  # margin and threshold of the training loss
    versions = [reader.integer() for _ in range(LAYERS)]
    if set(versions[:-1]) != {1, 2} or versions[-1] != 3:
        raise ModelError("the face network cannot be converted: its layers are others")
    reader.layer("input_rgb_image_sized", ends=False)
    mean = [reader.real() for _ in range(3)]
    reader.expect(SIDE, SIDE)
    return np.array(mean, np.float32).reshape(1, 3, 1, 1)


def _convolution(reader: _Reader, *, innermost: bool = False) -> Convolution:
    """Read a convolution and the affine layer after it."""
    reader.layer("con_4", ends=False)
    values = reader.tensor().ravel()
    filters, rows, columns, stride_y, stride_x, padding_y, padding_x = (reader.integer() for _ in range(7))
    shape, offsets = reader.alias(), reader.alias()
    for _ in range(4):
        reader.real()  # multipliers of the training
    reader.end_layer()
    if innermost:
        reader.expect(1)  # how many samples a picture is expanded to
    count = math.prod(shape)
    if (stride_y, padding_y, rows) != (stride_x, padding_x, columns) or shape[0] != filters:
        raise ModelError("the face network cannot be converted: a convolution is not square")
    if shape[2:] != [rows, columns] or math.prod(offsets) != filters or len(values) != count + filters:
        raise ModelError("the face network cannot be converted: a convolution's sizes disagree")
    weights, biases = values[:count].reshape(shape), values[count:]
    reader.layer("affine_", ends=False)
    scales = reader.tensor().ravel()
    gamma, beta = scales[:filters], scales[filters:]
    if math.prod(reader.alias()) != filters or math.prod(reader.alias()) != filters or len(beta) != filters:
        raise ModelError("the face network cannot be converted: an affine layer's sizes disagree")
    reader.integer()  # per channel or per pixel; the sizes have settled it
    reader.end_layer()
    return Convolution(weights * gamma.reshape(-1, 1, 1, 1), biases * gamma + beta, stride_y, padding_y)


def _block(reader: _Reader, *, down: bool) -> tuple[Convolution, Convolution]:
    """Read a residual block: two convolutions, what brings the shortcut to their size, and their sum."""
    first = _convolution(reader)
    reader.layer("relu_")
    second = _convolution(reader)
    if down:
        _pool(reader, "avg_pool_2", side=2)
    reader.layer("add_prev_")
    reader.layer("relu_")
    if (first.stride, first.padding, second.stride, second.padding) != ((2, 0, 1, 1) if down else (1, 1, 1, 1)):
        raise ModelError("the face network cannot be converted: a block's steps are others")
    return first, second


def _pool(reader: _Reader, name: str, *, side: int) -> None:
    """Read a pooling layer over `side` pixels each way, 0 for all there are."""
    step = 2 if side else 1
    reader.layer(name, ends=False)
    reader.expect(side, side, step, step, 0, 0)
    reader.end_layer()


def _fully_connected(reader: _Reader) -> Floats:
    """Read the last layer, which has no offsets."""
    inputs = BLOCKS[-1]
    reader.layer("fc_2", ends=False)
    reader.expect(SIZE, inputs)
    weights = reader.tensor().reshape(inputs, SIZE)
    if reader.alias() != [inputs, SIZE, 1, 1] or any(reader.alias()):
        raise ModelError("the face network cannot be converted: the last layer's sizes disagree")
    reader.expect(1)  # without offsets
    for _ in range(4):
        reader.real()
    reader.end_layer()
    return weights


# --------------------------------------------------------------------------------------------- the graph


class _Builder:
    """Collects nodes and constants, and names what flows between them."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self.constants: list[tuple[str, Floats | Integers]] = []

    def add(self, kind: str, *inputs: str, output: str = "", **attributes: Attribute) -> str:
        output = output or f"t{len(self.nodes)}"
        self.nodes.append(Node(kind, inputs, output, tuple(attributes.items())))
        return output

    def constant(self, values: Floats | Integers) -> str:
        name = f"c{len(self.constants)}"
        self.constants.append((name, values))
        return name

    def convolve(self, flow: str, layer: Convolution) -> str:
        return self.add(
            "Conv",
            flow,
            self.constant(layer.weights),
            self.constant(layer.biases),
            kernel_shape=layer.weights.shape[2:],
            strides=(layer.stride, layer.stride),
            pads=(layer.padding,) * 4,
        )

    def pad(self, flow: str, *, channels: int = 0, pixels: int = 0) -> str:
        """Add zeros at the end of the axes, as dlib does where it adds tensors of different sizes."""
        if not channels and not pixels:
            return flow
        return self.add("Pad", flow, self.constant(np.array([0, 0, 0, 0, 0, channels, pixels, pixels], np.int64)))


def _graph(mean: Floats, stem: Convolution, blocks: list[tuple[Convolution, Convolution]], weights: Floats) -> Graph:
    build = _Builder()
    flow = build.add("Sub", INPUT, build.constant(mean))
    flow = build.add("Mul", flow, build.constant(np.array(1 / 256, np.float32)))
    flow = build.add("Relu", build.convolve(flow, stem))
    flow = build.add("MaxPool", flow, kernel_shape=(3, 3), strides=(2, 2))
    side, channels = ((SIDE - 7) // 2 + 1 - 3) // 2 + 1, len(stem.biases)
    for first, second in blocks:
        ahead = build.convolve(build.add("Relu", build.convolve(flow, first)), second)
        if first.stride == 2:
            flow = build.add("AveragePool", flow, kernel_shape=(2, 2), strides=(2, 2))
            pooled, convolved = side // 2, (side - 3) // 2 + 1
            ahead = build.pad(ahead, pixels=pooled - convolved)
            side = pooled
        flow = build.pad(flow, channels=len(second.biases) - channels)
        channels = len(second.biases)
        flow = build.add("Relu", build.add("Add", ahead, flow))
    flow = build.add("Flatten", build.add("GlobalAveragePool", flow))
    build.add("MatMul", flow, build.constant(weights), output=OUTPUT)
    return Graph(
        name="dlib_face_resnet",
        inputs=(Port(INPUT, ("n", 3, SIDE, SIDE)),),
        outputs=(Port(OUTPUT, ("n", SIZE)),),
        nodes=tuple(build.nodes),
        constants=tuple(build.constants),
    )

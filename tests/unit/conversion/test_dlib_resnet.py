"""The converter against a network of its own making: written as dlib would, and computed here a second time."""

import contextlib
import struct

import numpy as np
import onnxruntime
import pytest

from hub.conversion.dlib_resnet import BLOCKS, DOWN, INPUT, LAYERS, OUTPUT, SIDE, SIZE, dlib_resnet_to_onnx
from hub.errors import ModelError

MEAN = (100.0, 110.5, 120.25)

# --------------------------------------------------------------------------------------------- writing as dlib does


def integer(value):
    count = max(1, (abs(value).bit_length() + 7) // 8)
    return bytes([count | (0x80 if value < 0 else 0)]) + abs(value).to_bytes(count, "little")


def real(value):
    numerator, denominator = float(value).as_integer_ratio()
    return integer(numerator) + integer(1 - denominator.bit_length())


def text(value):
    return integer(len(value)) + value.encode()


def tensor(values=None):
    shape = (0, 0, 0, 0) if values is None else (*values.shape, 1, 1, 1)[:4]
    return integer(2) + b"".join(map(integer, shape)) + (b"" if values is None else values.astype("<f4").tobytes())


def alias(*shape):
    return integer(1) + b"".join(map(integer, shape))


def layer(name, *details):
    return text(name) + b"".join(details) + b"110" + 3 * tensor()


class Network:
    """A network of the published shape with weights drawn at random, as file and as numbers."""

    def __init__(self, seed=0):
        rng = np.random.default_rng(seed)
        self.layers = []
        parts = [integer(1), text("loss_metric_2"), real(0.04), real(0.6)]
        parts += [integer(2 - number % 2) for number in range(LAYERS - 1)] + [integer(3)]
        parts += [text("input_rgb_image_sized"), *map(real, MEAN), integer(SIDE), integer(SIDE)]

        def convolution(filters, channels, side, stride, padding):
            weights = rng.normal(0, (2 / (channels * side * side)) ** 0.5, (filters, channels, side, side))
            weights = weights.astype(np.float32)
            biases, gamma, beta = rng.normal(0, 0.1, (3, filters)).astype(np.float32)
            gamma += 1
            numbers = (filters, side, side, stride, stride, padding, padding)
            shapes = alias(*weights.shape) + alias(1, filters, 1, 1)
            values = tensor(np.concatenate([weights.ravel(), biases]))
            parts.append(layer("con_4", values, *map(integer, numbers), shapes, *map(real, (1, 1, 1, 0))))
            if not self.layers:
                parts.append(integer(1))
            both = alias(1, filters, 1, 1) * 2
            parts.append(layer("affine_", tensor(np.concatenate([gamma, beta])), both, integer(0)))
            self.layers.append((weights, biases, gamma, beta, stride, padding))

        def pool(name, side, step):
            parts.append(layer(name, *map(integer, (side, side, step, step, 0, 0))))

        convolution(32, 3, 7, 2, 0)
        parts.append(layer("relu_"))
        pool("max_pool_2", 3, 2)
        channels = 32
        for number, filters in enumerate(BLOCKS):
            down = number in DOWN
            convolution(filters, channels, 3, *((2, 0) if down else (1, 1)))
            parts.append(layer("relu_"))
            convolution(filters, filters, 3, 1, 1)
            if down:
                pool("avg_pool_2", 2, 2)
            parts += [layer("add_prev_"), layer("relu_")]
            channels = filters
        pool("avg_pool_2", 0, 1)
        self.last = rng.normal(0, 0.1, (channels, SIZE)).astype(np.float32)
        numbers = integer(SIZE) + integer(channels)
        shapes = alias(channels, SIZE, 1, 1) + alias(0, 0, 0, 0)
        parts.append(layer("fc_2", numbers, tensor(self.last), shapes, integer(1), *map(real, (1, 1, 1, 0))))
        self.file = b"".join(parts)

    def run(self, chips):
        """Compute descriptors of chips, float32 [n, 3, side, side], with loops over kernels."""
        layers = iter(self.layers)
        flow = (chips - np.array(MEAN, np.float32).reshape(1, 3, 1, 1)) / 256
        flow = np.maximum(convolve(flow, *next(layers)), 0)
        rows = (flow.shape[2] - 3) // 2 + 1
        flow = np.max([window(flow, y, x, rows, 2) for y in range(3) for x in range(3)], axis=0)
        for number in range(len(BLOCKS)):
            ahead = convolve(np.maximum(convolve(flow, *next(layers)), 0), *next(layers))
            if number in DOWN:
                rows = flow.shape[2] // 2
                flow = np.mean([window(flow, y, x, rows, 2) for y in range(2) for x in range(2)], axis=0)
            shape = np.maximum(flow.shape, ahead.shape)
            flow = np.maximum(grown(flow, shape) + grown(ahead, shape), 0)
        return flow.mean(axis=(2, 3)) @ self.last


def window(values, y, x, rows, stride):
    return values[:, :, y : y + rows * stride : stride, x : x + rows * stride : stride][:, :, :rows, :rows]


def grown(values, shape):
    return np.pad(values, [(0, want - have) for want, have in zip(shape, values.shape, strict=True)])


def convolve(values, weights, biases, gamma, beta, stride, padding):
    values = np.pad(values, ((0, 0), (0, 0), (padding,) * 2, (padding,) * 2))
    side = weights.shape[2]
    rows = (values.shape[2] - side) // stride + 1
    result = sum(
        np.einsum("nchw,fc->nfhw", window(values, y, x, rows, stride), weights[:, :, y, x], optimize=True)
        for y in range(side)
        for x in range(side)
    )
    scale = [each.reshape(1, -1, 1, 1) for each in (biases, gamma, beta)]
    return (result + scale[0]) * scale[1] + scale[2]


# --------------------------------------------------------------------------------------------- the tests


@pytest.fixture(scope="module")
def network():
    return Network()


def test_the_converted_network_computes_the_same(network):
    chips = np.random.default_rng(1).integers(0, 256, (2, 3, SIDE, SIDE)).astype(np.float32)
    session = onnxruntime.InferenceSession(dlib_resnet_to_onnx(network.file))
    (found,) = session.run([OUTPUT], {INPUT: chips})
    expected = network.run(chips)
    assert found.shape == (2, SIZE)
    assert np.abs(found - expected).max() < 1e-5 * np.abs(expected).max()


def test_the_same_file_gives_the_same_bytes(network):
    assert dlib_resnet_to_onnx(network.file) == dlib_resnet_to_onnx(network.file)


def test_any_other_file_is_refused(network):
    whole = network.file
    damaged = whole.replace(text("affine_"), text("affinf_"), 1)
    stride = whole.replace(text("con_4"), text("con_5"))
    for data in (b"", b"\x00", whole[:-1], whole[:1000], whole + b"\x00", damaged, stride, struct.pack("<q", -1) * 9):
        with pytest.raises(ModelError, match="face network cannot be converted"):
            dlib_resnet_to_onnx(data)


@pytest.mark.parametrize("at", [0, 1, 20, 40, 200, 300, 334, 340, 360])
def test_a_changed_byte_in_the_structure_is_refused_or_converted_but_never_an_accident(network, at):
    data = bytearray(network.file)
    data[at] ^= 0x55
    with contextlib.suppress(ModelError):
        dlib_resnet_to_onnx(bytes(data))

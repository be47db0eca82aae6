"""plates_fast on a tiny ONNX that is built here: it reads AB123CD on dark pictures and nothing on bright ones."""

import hashlib
import importlib.metadata
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import plates_fast
from hub.backends import PluginContext
from hub.errors import ModelError
from hub.messages import Box
from hub.plates.alphabet import EMPTY, INDEX
from hub.testing.contracts_plates import PlateReaderContract
from plates_fast.reader import columns_of, fold, open_reader

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_"
PLATE = "AB123CD"
SLOTS = 9
CONFIG = f"""\
max_plate_slots: {SLOTS}
alphabet: '{ALPHABET}'
pad_char: '_'
img_height: 16
img_width: 32
keep_aspect_ratio: false
interpolation: linear
image_color_mode: grayscale
"""


def save(nodes, inputs, outputs, constants, path):
    graph = helper.make_graph(
        nodes, "tiny", inputs, outputs, [numpy_helper.from_array(a, name) for name, a in constants.items()]
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, path)
    return path


def tiny_recogniser(path):
    """p(dark) * one-hot of the plate + p(bright) * one-hot of nothing, with 2 in 100 spread over the alphabet."""
    hot = np.full((2, SLOTS, len(ALPHABET)), 0.02 / len(ALPHABET), np.float32)
    for slot, (dark, bright) in enumerate(zip(PLATE.ljust(SLOTS, "_"), "_" * SLOTS, strict=True)):
        hot[0, slot, ALPHABET.index(dark)] += 0.98
        hot[1, slot, ALPHABET.index(bright)] += 0.98
    hot[0, 1, ALPHABET.index("B")] -= 0.3
    hot[0, 1, ALPHABET.index("8")] += 0.3
    nodes = [
        helper.make_node("Cast", ["input"], ["x"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["x"], ["mean"], axes=[1, 2, 3], keepdims=0),
        helper.make_node("Sub", ["middle", "mean"], ["difference"]),
        helper.make_node("Sigmoid", ["difference"], ["dark"]),
        helper.make_node("Unsqueeze", ["dark", "last"], ["weight"]),
        helper.make_node("Mul", ["weight", "change"], ["share"]),
        helper.make_node("Add", ["share", "nothing"], ["plate"]),
    ]
    constants = {
        "middle": np.float32(128),
        "last": np.array([1], np.int64),
        "change": (hot[0] - hot[1]).reshape(1, -1),
        "nothing": hot[1].reshape(1, -1),
    }
    inputs = [helper.make_tensor_value_info("input", TensorProto.UINT8, ["n", 16, 32, 1])]
    outputs = [helper.make_tensor_value_info("plate", TensorProto.FLOAT, ["n", SLOTS * len(ALPHABET)])]
    return save(nodes, inputs, outputs, constants, path)


def tiny_detector(path, rows, side=64):
    nodes = [
        helper.make_node("ReduceMean", ["images"], ["mean"], keepdims=0),
        helper.make_node("Mul", ["mean", "zero"], ["none"]),
        helper.make_node("Add", ["rows", "none"], ["output"]),
    ]
    constants = {"rows": np.array(rows, np.float32).reshape(-1, 7), "zero": np.float32(0)}
    inputs = [helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, side, side])]
    outputs = [helper.make_tensor_value_info("output", TensorProto.FLOAT, [None, 7])]
    return save(nodes, inputs, outputs, constants, path)


@pytest.fixture
def models(tmp_path):
    tiny_recogniser(tmp_path / "plates_fast.onnx")
    (tmp_path / "plates_fast.yaml").write_text(CONFIG)
    return tmp_path


def context(models, **settings):
    return PluginContext(state=Path(), models=models, settings=settings, development=False)


def picture(value, height=40, width=160):
    return np.full((height, width, 3), value, np.uint8)


def best(evidence):
    return "".join("" if column == EMPTY else list(INDEX)[column] for column in evidence.slots.argmax(axis=1))


class TestWholePicture(PlateReaderContract):
    @pytest.fixture
    def reader(self, models):
        return open_reader(context(models))

    @pytest.fixture
    def example(self):
        return picture(10)


class TestWithDetector(PlateReaderContract):
    @pytest.fixture
    def reader(self, models):
        tiny_detector(models / "finder.onnx", [[0, 8, 24, 24, 28, 0, 0.9], [0, 0, 0, 64, 64, 0, 0.5]])
        return open_reader(context(models, detector="finder.onnx"))

    @pytest.fixture
    def example(self):
        return picture(10, 80, 160)


def test_a_crop_is_read_with_every_doubt(models):
    (evidence,) = open_reader(context(models)).read(picture(10))
    assert best(evidence) == evidence.text == PLATE
    assert evidence.slots.dtype == np.float32
    assert evidence.slots[1, INDEX["8"]] == pytest.approx(0.3, abs=0.01)
    assert (evidence.slots.sum(axis=1) <= 1 + 1e-6).all()
    assert sum(evidence.lines) == len(evidence.slots) == len(evidence.breaks) == len(evidence.centres)
    assert evidence.box == Box(x=0, y=0, w=160, h=40)


def test_where_the_model_sees_nothing_there_is_no_evidence(models):
    assert open_reader(context(models)).read(picture(250)) == []


def test_a_detector_says_where_the_plates_are(models):
    # A picture of 160 x 80 in a square of 64: scale 0.4, 16 rows of border at the top.
    rows = [[0, 8, 24, 24, 28, 0, 0.9], [0, 40, 24, 60, 30, 0, 0.7], [0, 0, 0, 64, 64, 0, 0.1], [0, 9, 9, 9, 9, 0, 0.9]]
    tiny_detector(models / "finder.onnx", rows)
    reader = open_reader(context(models, detector="finder.onnx"))
    image = picture(10, 80, 160)
    image[:, 80:] = 250
    first, *rest = reader.read(image)
    assert first.box == Box(x=20, y=20, w=40, h=10)
    assert first.score == pytest.approx(0.9)
    assert rest == []  # the other plate is bright, and the rest is too unsure or empty


def test_hostile_boxes_are_clipped_or_dropped(models):
    rows = [[0, -900, -900, 900, 900, 0, 0.9], [0, np.nan, 0, 9, 9, 0, 0.9], [0, 70, 70, 90, 90, 0, 0.9]]
    tiny_detector(models / "finder.onnx", rows)
    (evidence,) = open_reader(context(models, detector="finder.onnx")).read(picture(10))
    assert evidence.box == Box(x=0, y=0, w=160, h=40)


@pytest.mark.parametrize("shape", [(1, 1), (1, 3000), (3000, 1), (37, 53)])
def test_any_picture_gets_an_answer(models, shape):
    tiny_detector(models / "finder.onnx", [[0, 0, 0, 64, 64, 0, 0.9]])
    for settings in ({}, {"detector": "finder.onnx"}):
        reader = open_reader(context(models, **settings))
        image = picture(10, *shape)
        image.flags.writeable = False
        assert len(reader.read(image)) == 1


def test_it_is_off_until_its_files_are_there(models, tmp_path):
    with pytest.raises(ModelError, match=r"no model file .*plates_fast\.onnx"):
        open_reader(context(tmp_path / "elsewhere"))
    (models / "plates_fast.yaml").unlink()
    with pytest.raises(ModelError, match=r"no model file .*plates_fast\.yaml"):
        open_reader(context(models))
    with pytest.raises(ModelError, match=r"no model file .*finder\.onnx"):
        open_reader(context(models, config="plates_fast.onnx", detector="finder.onnx"))


def test_a_file_with_another_digest_is_refused(models):
    right = hashlib.sha256((models / "plates_fast.onnx").read_bytes()).hexdigest()
    open_reader(context(models, model_sha256=right))
    with pytest.raises(ModelError, match="digest"):
        open_reader(context(models, model_sha256="0" * 64))


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("plates_fast.onnx", b"no model"),
        ("plates_fast.yaml", b": ["),
        ("plates_fast.yaml", b"surprise: 1\n"),
        ("plates_fast.yaml", CONFIG.replace("pad_char: '_'", "pad_char: '#'").encode()),
    ],
)
def test_a_broken_file_is_a_model_error(models, file, content):
    (models / file).write_bytes(content)
    with pytest.raises(ModelError, match="cannot use"):
        open_reader(context(models))


def test_a_config_of_another_model_is_a_model_error(models):
    (models / "plates_fast.yaml").write_text(CONFIG.replace(f"slots: {SLOTS}", "slots: 5"))
    reader = open_reader(context(models))
    with pytest.raises(ModelError, match="does not run"):
        reader.read(picture(10))


def test_a_detector_of_another_form_is_refused(models):
    tiny_recogniser(models / "finder.onnx")
    with pytest.raises(ModelError, match="square"):
        open_reader(context(models, detector="finder.onnx"))


def test_closed_twice_then_says_so(models):
    reader = open_reader(context(models))
    reader.close()
    reader.close()
    with pytest.raises(ModelError, match="closed"):
        reader.read(picture(10))


def test_nothing_reaches_the_network(models, monkeypatch):
    def refuse(*_args, **_kwargs):
        raise AssertionError("the network was used")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr("fast_plate_ocr.inference.hub.download_model", refuse)
    assert open_reader(context(models)).read(picture(10))
    with pytest.raises(ModelError):
        open_reader(context(models / "absent"))


def test_importing_what_it_needs_does_not_reach_the_network():
    code = (
        "import socket, sys\n"
        "def refuse(*a, **k): raise SystemExit('the network was used')\n"
        "socket.socket.connect = socket.getaddrinfo = refuse\n"
        "import plates_fast\n"
        "assert not {'fast_plate_ocr', 'onnxruntime', 'cv2'} & set(sys.modules)\n"
        "import plates_fast.reader\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_it_is_registered_by_its_entry_point():
    (entry,) = importlib.metadata.entry_points(group="patrol_hub.plugins", name="plates_fast")
    assert entry.load() is plates_fast
    registered = {}
    plates_fast.register_plate_readers(registered.__setitem__)
    with pytest.raises(ModelError):
        registered["plates_fast"](context(Path("absent")))


def test_characters_without_a_column_count_as_strange():
    columns = columns_of("A-b_", "_")
    assert list(columns) == [INDEX["A"], -1, INDEX["B"], EMPTY]
    slots = fold(np.array([[0.5, 0.3, 0.1, 0.1], [0, 0, 0, 1]], np.float32), columns)
    assert slots.shape == (1, EMPTY + 1)
    assert slots.sum() == pytest.approx(0.7)

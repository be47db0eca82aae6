"""YuNet and SFace on tiny networks of the same inputs and outputs, built here: the published files are not at hand.

Held are input, decoding, alignment, choice by settings and both contracts; never how well they find or tell apart.
"""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import faces_onnx
from faces_onnx.sface import SIDE, TEMPLATE, SFaceEngine
from faces_onnx.yunet import STRIDES, YuNet, decode, prepare
from hub.backends import FaceRegion, PluginContext
from hub.errors import ModelError, PluginError
from hub.messages import Box
from hub.models import find_model
from hub.testing.contracts_faces import FaceDetectorContract, FaceEngineContract, pictures_without_a_face

KPS = (0.2, 0.3, 0.8, 0.3, 0.5, 0.5, 0.3, 0.8, 0.7, 0.8)
LOG_TWO = float(np.log(2))


def model(nodes, inputs, outputs, constants):
    """Return an ONNX file."""
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in inputs.items()],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    whole = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    return whole.SerializeToString()


def yunet(height="h", width="w", *, colours=3, **more):
    """Return a network with YuNet's outputs that takes for a face whatever is red: (red - blue) / 255 of each cell.

    Its box is two cells wide and high around the cell's middle; the landmarks lie where `KPS` says.
    """
    weights = np.zeros((16, colours, 1, 1), np.float32)
    weights[:2, [0, -1], 0, 0] = np.array([-1, 1]) / 255  # the picture comes as blue, green, red
    bias = np.array([0, 0, 0.5, 0.5, LOG_TWO, LOG_TWO, *KPS], np.float32)
    constants = {"weights": weights, "bias": bias, "shape": np.array([1, -1, 16]), "split": np.array([1, 1, 4, 10])}
    nodes, outputs = [], []
    for stride in STRIDES:
        names = [f"{part}_{stride}" for part in ("cls", "obj", "bbox", "kps")]
        nodes += [
            helper.make_node("AveragePool", ["input"], [f"a{stride}"], kernel_shape=[stride] * 2, strides=[stride] * 2),
            helper.make_node("Conv", [f"a{stride}", "weights", "bias"], [f"b{stride}"]),
            helper.make_node("Transpose", [f"b{stride}"], [f"c{stride}"], perm=[0, 2, 3, 1]),
            helper.make_node("Reshape", [f"c{stride}", "shape"], [f"d{stride}"]),
            helper.make_node("Split", [f"d{stride}", "split"], names, axis=2),
        ]
        outputs += names
    return model(nodes, {"input": [1, colours, height, width]} | more, outputs, constants)


def sface(side=SIDE, numbers=8):
    """Return a network of SFace's form: random sums of each of 16 squares of a chip."""
    weights = np.random.default_rng(3).standard_normal((numbers, 3, 28, 28)).astype(np.float32)
    nodes = [
        helper.make_node("Conv", ["data", "weights", "bias"], ["sums"], strides=[28, 28]),
        helper.make_node("Flatten", ["sums"], ["fc1"]),
    ]
    constants = {"weights": weights / 5000, "bias": np.linspace(0.1, 1, numbers, dtype=np.float32)}
    return model(nodes, {"data": [1, 3, side, side]}, ["fc1"], constants)


class TestYuNetOfAFixedSize(FaceDetectorContract):
    @pytest.fixture
    def detector(self):
        return YuNet(yunet(640, 640))


class TestYuNetOfAnySize(FaceDetectorContract):
    @pytest.fixture
    def detector(self):
        return YuNet(yunet(), threads=1)


class TestSFace(FaceEngineContract):
    @pytest.fixture
    def engine(self):
        return SFaceEngine(yunet(640, 640), sface(), digest="5" * 64)


# --------------------------------------------------------------------------------------------- the detector


@pytest.mark.parametrize(("sides", "side"), [(("h", "w"), 64), ((640, 640), 64), ((128, 128), 64)])
def test_box_and_landmarks_lie_where_the_maps_say_in_pixels_of_the_picture(sides, side):
    image = np.zeros((256, 256, 3), np.uint8)
    image[64:96, 128:160] = (0, 0, 255)  # one cell of 32 pixels, or of 16 where the picture is reduced
    faces = YuNet(yunet(*sides)).detect(image, threshold=0.9)
    face = max(faces, key=lambda each: each.box.w)
    assert face.score == pytest.approx(1, abs=0.01)
    assert face.box == Box(112, 48, side, side)
    assert np.allclose(face.landmarks, np.reshape(KPS, (5, 2)) * 32 + (128, 64), atol=1e-3)


def test_a_score_is_the_root_of_both_which_are_cut_to_what_a_probability_may_be():
    maps = {}
    for stride in STRIDES:
        cells = (64 // stride) ** 2
        maps |= {f"{part}_{stride}": np.zeros((1, cells, n), np.float32) for part, n in (("bbox", 4), ("kps", 10))}
        maps |= {f"{part}_{stride}": np.full((1, cells, 1), -1, np.float32) for part in ("cls", "obj")}
    maps["cls_16"][0, 6], maps["obj_16"][0, 6] = 0.25, 4
    maps["bbox_16"][0, 6] = (0.25, 0.75, 0, LOG_TWO)
    found = decode(maps, 64, 64, 0.4)
    assert np.allclose(found.scores, [0.5])
    centre_x, centre_y = (2 + 0.25) * 16, (1 + 0.75) * 16
    assert np.allclose(found.boxes, [[centre_x - 8, centre_y - 16, centre_x + 8, centre_y + 16]])
    assert np.allclose(found.landmarks, [[(32, 16)] * 5])
    with pytest.raises(ModelError, match="maps do not fit"):
        decode(maps, 96, 64, 0.4)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (33, 65), (480, 650), (3000, 40)])
def test_the_input_is_bgr_never_enlarged_and_padded_with_zeros(height, width):
    image = np.full((height, width, 3), (10, 20, 30), np.uint8)
    free, scale = prepare(image, None, None)
    assert free.shape[2] % 32 == free.shape[3] % 32 == 0
    assert list(free[0, :, 0, 0]) == [10, 20, 30]
    assert (scale <= 1).all()
    fixed, scale = prepare(image, 320, 640)
    assert fixed.shape == (1, 3, 320, 640)
    rows, columns = np.nonzero(fixed[0, 0])
    assert (rows.max() + 1, columns.max() + 1) == (round(height * scale[1]), round(width * scale[0]))


# --------------------------------------------------------------------------------------------- the engine


def test_a_face_lies_on_the_publishers_points_and_goes_in_as_rgb():
    """The picture is a chip already: it goes in unchanged, and so does its mirror image."""
    chip = np.random.default_rng(5).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
    face = FaceRegion(Box(0, 0, SIDE, SIDE), 1.0, tuple(map(tuple, TEMPLATE)))
    (row,) = SFaceEngine(yunet(), sface(), digest="5" * 64).embed(chip, [face])
    weights, bias = (numpy_helper.to_array(each) for each in onnx.load_from_string(sface()).graph.initializer)
    expected = np.zeros(128)
    for picture in (chip, chip[:, ::-1]):
        rgb = picture[..., ::-1].transpose(2, 0, 1).astype(np.float64).reshape(3, 4, 28, 4, 28)
        expected += (np.einsum("cyhxw,nchw->nyx", rgb, weights) + bias[:, None, None]).ravel()
    assert np.allclose(row, expected / np.linalg.norm(expected), atol=1e-4)


# --------------------------------------------------------------------------------------------- other files, settings


@pytest.mark.parametrize(
    "other",
    [b"nonsense", sface(), yunet(more=[1]), yunet(colours=1)],
    ids=["no model", "SFace", "two inputs", "grey"],
)
def test_a_file_that_is_not_yunet_is_refused(other):
    with pytest.raises(ModelError, match="face detector"):
        YuNet(other).detect(pictures_without_a_face()["black"])


@pytest.mark.parametrize(
    "other",
    [b"nonsense", yunet(), sface(side=140), sface(numbers=4)],
    ids=["no model", "YuNet", "larger chips", "fewer numbers"],
)
def test_a_file_that_is_not_sface_is_refused(other):
    face = FaceRegion(Box(0, 0, 9, 9), 1.0, tuple(map(tuple, TEMPLATE)))
    with pytest.raises(ModelError, match="face network"):
        SFaceEngine(yunet(), other, digest="").embed(pictures_without_a_face()["noise"], [face])


def opened(folder, **settings):
    """Open what the settings name, as the hub does."""
    parts = {}
    faces_onnx.register_face_detectors(lambda name, make: parts.__setitem__("detector", make))
    faces_onnx.register_face_engines(lambda name, make: parts.__setitem__("engine", make))
    context = PluginContext(state=folder, models=folder, settings=settings, development=False)
    return {name: make(context) for name, make in parts.items() if name in settings}


def test_settings_choose_and_a_file_that_is_not_there_says_how_it_is_fetched(tmp_path):
    for choice in ({"detector": "yunet"}, {"engine": "sface"}):
        with pytest.raises(ModelError, match="run patrol-hub models pull yunet"):
            opened(tmp_path, **choice)
    with pytest.raises(ModelError, match=r"centerface\.onnx is missing"):
        opened(tmp_path, detector="centerface")
    (tmp_path / "face_detection_yunet_2023mar.onnx").write_bytes(yunet(640, 640))
    with pytest.raises(ModelError, match="is refused: it is not the yunet"):
        opened(tmp_path, detector="yunet")
    for key in ("detector", "engine"):
        with pytest.raises(PluginError, match=rf'\[plugins.faces_onnx\] {key} = "other" is wrong'):
            opened(tmp_path, **{key: "other"})


def test_an_opened_engine_names_its_model(tmp_path, monkeypatch):
    monkeypatch.setattr("faces_onnx.yunet.read_model", lambda name, folder: yunet(640, 640))
    monkeypatch.setattr("faces_onnx.sface.read_model", lambda name, folder: sface() if name == "sface" else yunet())
    parts = opened(tmp_path, detector="yunet", engine="sface")
    assert isinstance(parts["detector"], YuNet)
    assert parts["engine"].model == find_model("sface").sha256 != find_model("dlib-face-resnet").sha256

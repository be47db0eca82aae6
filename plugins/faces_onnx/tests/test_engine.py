"""The engine against the contract, its network against dlib's own numbers, and mirror images against each other."""

import importlib.metadata

import cv2
import numpy as np
import pytest

from faces_onnx.engine import MODEL, SIDE, TEMPLATE, DlibEngine, open_engine
from faces_onnx.network import Network
from hub.backends import FaceRegion, PluginContext
from hub.errors import ModelError
from hub.evaluation.faces import evaluate_faces
from hub.evaluation.openset import evaluate_openset
from hub.messages import Box
from hub.models import find_model, read_model, weights_folder
from hub.testing.contracts_faces import FaceEngineContract, pictures_without_a_face, regions_anywhere


def context(folder):
    return PluginContext(state=folder, models=folder, settings={}, development=False)


@pytest.fixture(scope="module")
def models():
    try:
        return read_model("centerface"), read_model(MODEL)
    except ModelError as error:
        pytest.skip(str(error))


@pytest.fixture
def dlib_engine(models):
    return DlibEngine(*models, digest=find_model(MODEL).sha256)


class TestDlibEngine(FaceEngineContract):
    @pytest.fixture
    def engine(self, dlib_engine):
        return dlib_engine


def test_the_network_gives_dlibs_own_numbers(models):
    """The first eight of 128, as dlib 20.0 itself computes them for this pattern from the published file."""
    y, x = np.mgrid[:SIDE, :SIDE]
    chip = np.stack([(x * 37 + y * 11) % 256, (x * x // 7 + y * 5) % 256, (x * 3 + y * y // 5) % 256]).astype(
        np.float32
    )
    (row,) = Network("face network", models[1], threads=2).run(("descriptors",), "chips", chip[None])
    expected = [-0.0938135, 0.1320152, 0.0944749, -0.0600978, -0.1240904, -0.0364412, -0.0768951, -0.0127025]
    assert np.abs(row[0, :8] - expected).max() < 2e-6
    assert np.linalg.norm(row) == pytest.approx(1.3346130, abs=2e-6)


def test_a_face_and_its_mirror_image_give_the_same_embedding(dlib_engine):
    """Left and right are averaged, so which side is which says nothing."""
    image = cv2.GaussianBlur(pictures_without_a_face()["noise"][:SIDE, :SIDE], (0, 0), 4)
    centred = TEMPLATE.copy()
    centred[:, 0] -= TEMPLATE[[0, 1], 0].mean() - (SIDE - 1) / 2
    swapped = centred[[1, 0, 2, 4, 3]] * (-1, 1) + (SIDE - 1, 0)
    rows = [
        dlib_engine.embed(picture, [FaceRegion(Box(0, 0, 9, 9), 1.0, tuple(map(tuple, marks)))])[0]
        for picture, marks in ((image, centred), (np.ascontiguousarray(image[:, ::-1]), swapped))
    ]
    assert rows[0] @ rows[1] > 0.99


def test_more_faces_than_a_batch_are_embedded_in_order(dlib_engine):
    image = pictures_without_a_face()["noise"]
    regions = regions_anywhere() * 9
    rows = dlib_engine.embed(image, regions)
    assert np.allclose(rows[:5], rows[40:], atol=1e-5)


def test_colours_go_in_as_rgb(dlib_engine, models):
    """Swapped channels cost accuracy silently, so the order is held here."""
    image = np.zeros((2 * SIDE, 2 * SIDE, 3), np.uint8)
    image[...] = (200, 100, 30)  # blue, green, red
    (row,) = dlib_engine.embed(image, [FaceRegion(Box(0, 0, 9, 9), 1.0, tuple(map(tuple, TEMPLATE + SIDE / 2)))])
    chip = np.empty((1, 3, SIDE, SIDE), np.float32)
    chip[0] = np.array([30, 100, 200]).reshape(3, 1, 1)
    (expected,) = Network("face network", models[1], threads=2).run(("descriptors",), "chips", chip)
    assert np.allclose(row, expected[0] / np.linalg.norm(expected[0]), atol=1e-4)


def test_it_is_registered_by_its_entry_point_and_opens_by_name(models):
    (entry,) = importlib.metadata.entry_points(group="patrol_hub.plugins", name="faces_onnx")
    registered = {}
    entry.load().register_face_engines(registered.__setitem__)
    engine = registered["faces_onnx"](context(weights_folder()))
    assert engine.model == find_model(MODEL).sha256
    engine.close()


def test_a_missing_model_is_named(tmp_path, models):
    (tmp_path / "centerface.onnx").write_bytes(models[0])
    with pytest.raises(ModelError, match=r"dlib_face_resnet\.onnx is missing"):
        open_engine(context(tmp_path))


def test_a_file_that_is_no_model_is_refused(models):
    with pytest.raises(ModelError, match="face network's model does not load"):
        DlibEngine(models[0], b"nonsense", digest="")


@pytest.mark.data
@pytest.mark.slow
def test_verification_on_faces_in_the_wild(dlib_engine, shared_data):
    faces = shared_data / "faces"
    report = evaluate_faces(faces / "images", faces / "pairs.csv", dlib_engine)
    assert report.failed_to_detect <= 2
    assert report.accuracy >= 0.98
    assert report.tpr["1e-3"] >= 0.96
    assert report.tpr["1e-4"] >= 0.78


@pytest.mark.data
@pytest.mark.slow
def test_identification_among_strangers(dlib_engine, shared_data):
    faces = shared_data / "faces"
    report = evaluate_openset(faces / "openset.json", faces / "images", dlib_engine)
    assert report.rank1 >= 0.97
    assert report.tpir["1e-2"] >= 0.70

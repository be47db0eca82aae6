"""CenterFace against the contract, its decoding against hand-made maps, and its recall on photos of crowds."""

import importlib.metadata
import subprocess
import sys
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest

import faces_onnx
from faces_onnx.centerface import MAX_SIDE, CenterFace, free_shapes, open_centerface, prepare
from faces_onnx.decode import MAX_CANDIDATES, decode, suppress
from hub.backends import PluginContext
from hub.errors import ModelError, PluginError
from hub.evaluation.crowd import evaluate_crowd
from hub.models import read_model, weights_folder
from hub.testing.contracts_faces import FaceDetectorContract


def context(models=None, **settings):
    return PluginContext(state=Path(), models=models or weights_folder(), settings=settings, development=False)


@pytest.fixture(scope="module")
def model():
    try:
        return read_model("centerface")
    except ModelError as error:
        pytest.skip(str(error))


class TestCenterFace(FaceDetectorContract):
    @pytest.fixture
    def detector(self, model):
        return CenterFace(model)


class TestOneScale(FaceDetectorContract):
    @pytest.fixture
    def detector(self, model):
        return CenterFace(model, scales=[1.5], threads=1)


# --------------------------------------------------------------------------------------------- decoding


def maps(rows=8, columns=10):
    return (
        np.zeros((rows, columns), np.float32),
        np.zeros((2, rows, columns), np.float32),
        np.zeros((2, rows, columns), np.float32),
        np.zeros((10, rows, columns), np.float32),
    )


def test_decode_puts_box_and_landmarks_where_the_maps_say():
    heat, size, offset, marks = maps()
    heat[3, 5] = 0.9
    size[:, 3, 5] = np.log([6, 4])  # 24 pixels high, 16 wide
    offset[:, 3, 5] = 0.25, -0.25
    marks[:, 3, 5] = [0.25, 0.5, 0.5, 1, 0, 0, 1, 0.5, 0.75, 0.25]
    found = decode(heat, size, offset, marks, 0.5)
    centre_x, centre_y = (5 + 0.5 - 0.25) * 4, (3 + 0.5 + 0.25) * 4
    left, top = centre_x - 8, centre_y - 12
    assert np.allclose(found.boxes, [[left, top, left + 16, top + 24]])
    assert np.allclose(found.scores, [0.9])
    expected = [(8, 6), (16, 12), (0, 0), (8, 24), (4, 18)]
    assert np.allclose(found.landmarks[0], [(left + x, top + y) for x, y in expected], atol=1e-4)


def test_landmarks_of_a_face_cut_by_the_border_do_not_move():
    heat, size, offset, marks = maps()
    heat[0, 0] = 0.9
    size[:, 0, 0] = np.log(10)
    marks[:, 0, 0] = 0.5
    found = decode(heat, size, offset, marks, 0.5)
    assert np.allclose(found.boxes[0, :2], -18)
    assert np.allclose(found.landmarks, 2)  # the middle of the face, not of its visible part


def test_hostile_maps_stay_finite_and_bounded():
    heat, size, offset, marks = maps(200, 200)
    heat[:] = 1
    size[:] = 1e6
    found = decode(heat, size, offset, marks, 0.5)
    assert len(found.scores) == MAX_CANDIDATES
    assert np.isfinite(found.boxes).all()


def test_suppress_keeps_the_best_of_each_group():
    boxes = np.array([[0, 0, 10, 10], [1, 1, 11, 11], [30, 30, 40, 40], [0, 0, 10, 10]], np.float32)
    kept = suppress(boxes, np.array([0.5, 0.9, 0.3, 0.2], np.float32), 0.3)
    assert list(kept) == [1, 2]
    assert suppress(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), 0.3).size == 0


# --------------------------------------------------------------------------------------------- the network's input


@pytest.mark.parametrize("shape", [(1, 1), (33, 65), (480, 650), (3000, 40)])
@pytest.mark.parametrize("scale", [0.1, 0.5, 1.0, 2.0])
def test_input_is_padded_to_whole_multiples_and_bounded(shape, scale):
    blob, factor = prepare(np.full((*shape, 3), (10, 20, 30), np.uint8), scale)
    assert blob.dtype == np.float32
    assert blob.shape[2] % 32 == blob.shape[3] % 32 == 0
    assert max(blob.shape[2:]) <= MAX_SIDE + 31
    assert list(blob[0, :, 0, 0]) == [30, 20, 10]  # RGB, raw
    assert (factor > 0).all()


def test_shapes_are_freed_once_and_only_in_the_published_file(model):
    freed = free_shapes(model)
    assert len(freed) == len(model)
    assert sum(a != b for a, b in zip(freed, model, strict=True)) == 2 * 3 * 5
    for other in (freed, b"", model[:1000]):
        with pytest.raises(ModelError, match="another one"):
            free_shapes(other)


# --------------------------------------------------------------------------------------------- opening


def test_it_is_registered_by_its_entry_point_and_opens_by_name(model):
    (entry,) = importlib.metadata.entry_points(group="patrol_hub.plugins", name="faces_onnx")
    assert entry.load() is faces_onnx
    registered = {}
    faces_onnx.register_face_detectors(registered.__setitem__)
    detector = registered["faces_onnx"](context())
    assert detector.name == "faces_onnx"
    detector.close()


def test_importing_the_plugin_does_not_import_the_runtime():
    code = "import faces_onnx, sys; assert not {'onnxruntime', 'cv2'} & set(sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_missing_or_altered_model_is_refused_by_name(tmp_path):
    with pytest.raises(ModelError, match=r"centerface\.onnx is missing"):
        open_centerface(context(tmp_path))
    (tmp_path / "centerface.onnx").write_bytes(b"altered")
    with pytest.raises(ModelError, match=r"centerface\.onnx is refused"):
        open_centerface(context(tmp_path))


@pytest.mark.parametrize("scales", ["", "big", "0", "1 -2", "1,0.5", "nan", "9"])
def test_wrong_scales_are_refused_with_the_key(scales):
    with pytest.raises(PluginError, match=r"\[plugins.faces_onnx\] scales"):
        open_centerface(context(scales=scales))


# --------------------------------------------------------------------------------------------- on photos


@pytest.mark.data
@pytest.mark.slow
def test_recall_on_crowds_in_both_settings(model, shared_data):
    """The redaction setting finds 92 of 100 and more; the probe setting what one scale was measured at first."""
    quick = CenterFace(model, scales=[1.0])
    report = evaluate_crowd(shared_data / "crowd", CenterFace(model).detect, partial(quick.detect, threshold=0.35))
    assert report.faces == 365
    assert report.recall["20"] >= 0.92
    assert report.recall["40"] >= 0.91
    assert report.leak["20"] <= 0.07
    assert report.probe.recall["20"] >= 0.88


@pytest.mark.data
def test_landmarks_lie_in_their_order_on_an_upright_portrait(model, shared_data):
    photo = cv2.imread(str(min((shared_data / "faces").rglob("*.jpg"))))
    face = max(CenterFace(model).detect(photo), key=lambda region: region.box.w)
    (lx, ly), (rx, ry), (nx, ny), (mlx, mly), (mrx, mry) = face.landmarks
    assert lx < nx < rx
    assert mlx < mrx
    assert max(ly, ry) < ny < min(mly, mry)

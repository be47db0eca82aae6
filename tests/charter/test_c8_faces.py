"""C8: people whom `patrol-hub redact` or an alert shows are not told apart by a network that knows where faces were."""

import csv
import itertools

import cv2
import numpy as np
import pytest

from faces_onnx.centerface import MODEL as DETECTOR
from faces_onnx.centerface import CenterFace
from faces_onnx.engine import MODEL, DlibEngine
from hub.evaluation.embedding import central
from hub.messages import Box
from hub.models import read_model
from hub.redact_files import find_faces
from hub.vision.face_pictures import redact_face
from hub.vision.redaction import encode_jpeg, face_area, redact, redact_alert

MOST = 0.02
"""Share of same pairs told at a false-match rate of 1e-2, which chance alone brings to 0.01."""
MOST_RESTORED = 0.03
"""The same after the blocks were enlarged smoothly and the known kernel was divided out."""
PAIRS = 250
PLATE = Box(4, 232, 60, 14)
"""Of the alert whose scene a picture is made to be: below the face."""


HOW = ("redacted", "alert", "bystander", "smooth", "sharp")


def restored(image, block, noise=0.02):
    """Undo the reduction as well as it can be: block means, enlarged smoothly, with the block's kernel divided out."""
    height, width = image.shape[:2]
    cells = (max(1, width // block), max(1, height // block))
    small = cv2.resize(image, cells, interpolation=cv2.INTER_AREA)
    smooth = cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC).astype(np.float32)
    kernel = np.zeros((height, width), np.float32)
    kernel[:block, :block] = 1 / kernel[:block, :block].size
    kernel = np.fft.rfft2(np.roll(kernel, (-(block // 2), -(block // 2)), (0, 1)))
    wiener = np.conj(kernel) / (np.abs(kernel) ** 2 + noise)
    mean = smooth.mean(axis=(0, 1))
    sharp = np.fft.irfft2(np.fft.rfft2(smooth - mean, axes=(0, 1)) * wiener[..., None], s=(height, width), axes=(0, 1))
    return np.clip(sharp + mean, 0, 255).astype(np.uint8), np.clip(smooth, 0, 255).astype(np.uint8)


def told_apart(left, right, people):
    """Return the share of same pairs over the similarity that one of a hundred different pairs exceeds."""
    similar = left @ right.T
    different = np.sort(similar[people[:, None] != people])[::-1]
    return float((np.diagonal(similar) > different[int(len(different) * 0.01)]).mean())


def beside(image, faces, scene):
    """Return somebody as a bystander in the scene of an alert about a face, that of the left half."""
    width = image.shape[1]
    others = [Box(face.x + width, face.y, face.w, face.h) for face in faces]
    _, shown = redact_face(np.hstack([image, image]), scene, others)
    return np.ascontiguousarray(read(shown)[:, width:])


def read(picture):
    return cv2.imdecode(np.frombuffer(picture.jpeg, np.uint8), cv2.IMREAD_COLOR)


@pytest.mark.data
@pytest.mark.slow
def test_redacted_faces_are_not_told_apart(shared_data):
    """Both pictures redacted, and one redacted against the other as it was; the network gets the true landmarks.

    Redacted by the tool, as the scene of an alert about a plate, and as a bystander's in an alert about a face.
    """
    folder = shared_data / "faces"
    with (folder / "pairs.csv").open() as file:
        same = [row for row in csv.DictReader(file) if row["same"] == "1"]
    detector = CenterFace(read_model(DETECTOR))
    engine = DlibEngine(read_model(DETECTOR), read_model(MODEL), digest="")
    rows = {f"{side} {how}": [] for side in ("left", "right") for how in ("clear", *HOW)}
    people = []
    for row in itertools.islice(same, PAIRS):
        people.append(row["left"].split("/")[0])
        for side in ("left", "right"):
            image = cv2.imread(str(folder / "images" / row[side]))
            face = central(engine.detect(image), image)
            assert face is not None
            faces = find_faces(image, None, detector)
            shown = read(encode_jpeg(redact(image, None, faces)))
            area = face_area(face.box)
            sharp, smooth = restored(shown, max(area.w, area.h))
            alert, bystander = read(redact_alert(image, PLATE, faces)[1]), beside(image, faces, face.box)
            views = {"redacted": shown, "alert": alert, "bystander": bystander, "smooth": smooth, "sharp": sharp}
            for how, seen in ({"clear": image} | views).items():
                rows[f"{side} {how}"].append(engine.embed(seen, (face,))[0])
    table = {name: np.array(each) for name, each in rows.items()}
    numbers = np.unique(people, return_inverse=True)[1]
    assert told_apart(table["left clear"], table["right clear"], numbers) > 0.95
    found = {
        (how, other): told_apart(table[f"left {how}"], table[f"right {other}"], numbers)
        for how in HOW
        for other in (how, "clear")
    }
    for (how, _), share in found.items():
        assert share <= (MOST_RESTORED if how in ("smooth", "sharp") else MOST), found

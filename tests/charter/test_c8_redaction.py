"""C8: in any picture that leaves memory, all but the subject's crop is reduced until a 60-pixel face keeps 6 pixels.

Found by a detector or not: none runs in these tests but the last, which reads what is left of real plates.
"""

import ast
import itertools
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import hub
from hub.messages import Box
from hub.plates.grammar import load_grammars
from hub.plates.reading import read_image
from hub.plates.settings import PlateSettings
from hub.vision.redaction import block_size, encode_jpeg, mosaic, redact, redact_alert
from plates_ppocr.reader import PpocrReader

SEEDS = st.integers(0, 2**32 - 1)
FACE = 60
KEPT = 6


@st.composite
def pictures(draw, min_side=1):
    """Noise, the worst case: every pixel is detail."""
    height, width = draw(st.integers(min_side, 300)), draw(st.integers(min_side, 300))
    return np.random.default_rng(draw(SEEDS)).integers(0, 256, (height, width, 3), dtype=np.uint8)


@st.composite
def boxes(draw, image):
    height, width = image.shape[:2]
    x, y = draw(st.integers(-20, width - 1)), draw(st.integers(-20, height - 1))
    return Box(x=x, y=y, w=draw(st.integers(1, 120)), h=draw(st.integers(1, 60)))


def outside(image, keep):
    mask = np.ones(image.shape[:2], bool)
    if keep is not None:
        mask[max(keep.y, 0) : max(keep.y + keep.h, 0), max(keep.x, 0) : max(keep.x + keep.w, 0)] = False
    return mask


def blocks_touched(lines, length):
    """Largest number of runs of equal neighbours that any window of `length` lines touches."""
    change = np.array([not np.array_equal(a, b) for a, b in itertools.pairwise(lines)], int)
    steps = np.concatenate([[0], np.cumsum(change)])
    last = np.minimum(np.arange(len(steps)) + length - 1, len(steps) - 1)
    return int((steps[last] - steps).max()) + 1


@given(pictures())
@settings(max_examples=60, deadline=None)
def test_any_60_pixel_face_keeps_at_most_6_pixels_each_way(image):
    reduced = redact(image, None)
    assert blocks_touched(reduced, FACE) <= KEPT
    assert blocks_touched(reduced.transpose(1, 0, 2), FACE) <= KEPT


@given(st.data(), pictures())
@settings(max_examples=60, deadline=None)
def test_outside_the_crop_the_picture_is_the_one_without_a_crop(data, image):
    keep = data.draw(boxes(image))
    mask = outside(image, keep)
    assert np.array_equal(redact(image, keep)[mask], redact(image, None)[mask])


@given(st.data(), pictures(), SEEDS)
@settings(max_examples=60, deadline=None)
def test_detail_with_the_same_block_means_changes_nothing(data, image, seed):
    keep = data.draw(st.none() | boxes(image))
    block = block_size(image.shape[1], image.shape[0])
    # Shuffle the pixels of every block that lies wholly outside of the crop: all detail goes, the means stay.
    rng, other, mask = np.random.default_rng(seed), image.copy(), outside(image, keep)
    rows, columns = (np.arange(max(1, s // block) + 1) * s // max(1, s // block) for s in image.shape[:2])
    for top, bottom in itertools.pairwise(rows):
        for left, right in itertools.pairwise(columns):
            area = np.s_[top:bottom, left:right]
            if mask[area].all():
                shuffled = rng.permutation(other[area].reshape(-1, 3))
                other[area] = shuffled.reshape(other[area].shape)
    assert np.array_equal(redact(other, keep), redact(image, keep))


@given(pictures(min_side=12))
@settings(max_examples=40, deadline=None)
def test_the_mean_is_kept(image):
    reduced = redact(image, None)
    assert np.abs(reduced.mean(axis=(0, 1)) - image.mean(axis=(0, 1))).max() <= 0.5


@given(st.data(), pictures(min_side=100))
@settings(max_examples=40, deadline=None)
def test_the_crop_stays_sharp(data, image):
    height, width = image.shape[:2]
    w, h = data.draw(st.integers(1, width // 2)), data.draw(st.integers(1, height // 2))
    keep = Box(x=data.draw(st.integers(0, width - w)), y=data.draw(st.integers(0, height - h)), w=w, h=h)
    area = np.s_[keep.y : keep.y + h, keep.x : keep.x + w]
    assert np.array_equal(redact(image, keep)[area], image[area])


@given(st.data(), pictures(min_side=60))
@settings(max_examples=40, deadline=None)
def test_a_face_that_was_found_is_reduced_inside_the_crop_too(data, image):
    height, width = image.shape[:2]
    side = data.draw(st.integers(8, min(height, width)))
    face = Box(x=data.draw(st.integers(0, width - side)), y=data.draw(st.integers(0, height - side)), w=side, h=side)
    keep = Box(x=face.x, y=face.y, w=min(side, width // 2), h=min(side, height // 2))
    shown = redact(image, keep, [face])[face.y : face.y + side, face.x : face.x + side]
    assert blocks_touched(shown, side) <= KEPT
    assert blocks_touched(shown.transpose(1, 0, 2), side) <= KEPT


@given(pictures(min_side=30))
@settings(max_examples=20, deadline=None)
def test_a_box_over_most_of_the_picture_is_not_believed(image):
    height, width = image.shape[:2]
    whole = Box(x=0, y=0, w=width, h=height)
    assert np.array_equal(redact(image, whole), redact(image, None))
    crop, scene = redact_alert(image, whole)
    assert (crop.width, crop.height) == (scene.width, scene.height) == (width, height)
    shown = cv2.imdecode(np.frombuffer(crop.jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert np.abs(shown.astype(int) - redact(image, None)).mean() < 40  # blocks, not the noise that went in


@pytest.mark.parametrize("share", [3 / 16, 1 / 8, 1 / 20])
@pytest.mark.parametrize("size", [(1280, 720), (1920, 1080), (3840, 2160), (1080, 1920)])
def test_a_face_up_to_three_sixteenths_of_the_longer_side_keeps_six(share, size):
    """The bound for faces larger than 60 pixels that no detector found."""
    assert max(size) * share / block_size(*size) <= KEPT


def test_a_second_reduction_finds_nothing_more():
    image = np.random.default_rng(1).integers(0, 256, (288, 384, 3), dtype=np.uint8)
    once = mosaic(image, 12)
    assert np.array_equal(mosaic(once, 12), once)


def test_what_leaves_is_encoded_from_the_reduced_picture():
    """Two frames that differ in detail only give the same bytes."""
    keep = Box(x=96, y=96, w=48, h=24)
    frame = np.full((288, 384, 3), 90, np.uint8)
    frame[0:12, 0:12] = (60, 120, 200)
    detailed = frame.copy()
    detailed[0:12, 0:12:2] += 20
    detailed[0:12, 1:12:2] -= 20
    assert not np.array_equal(frame, detailed)
    assert redact_alert(frame, keep) == redact_alert(detailed, keep)


@pytest.mark.data
@pytest.mark.slow
def test_of_a_redacted_photo_no_plate_is_read(shared_data):
    """The whole photo is reduced, its own plate too: the worst case, for it is larger than any other in the scene.

    Read as it leaves, and after the blocks were made pixels and enlarged smoothly, which is what an attacker does.
    """
    reader, book, gates = PpocrReader(), load_grammars(), PlateSettings()
    photos = sorted((shared_data / "plates").rglob("*.jpg"))
    assert len(photos) > 100
    for file in photos:
        photo = cv2.imread(str(file))
        height, width = photo.shape[:2]
        jpeg = encode_jpeg(redact(photo, None)).jpeg
        left = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
        cells = (max(1, width // block_size(width, height)), max(1, height // block_size(width, height)))
        small = cv2.resize(left, cells, interpolation=cv2.INTER_AREA)
        attacked = cv2.resize(small, None, fx=12, fy=12, interpolation=cv2.INTER_CUBIC)
        for shown in (left, attacked):
            assert not read_image(reader, shown, book, gates).passed, file.name


def test_pictures_are_encoded_in_few_places():
    """Whatever turns pixels into a file or bytes stands in the redaction and its tool; kit and demo draw their own.

    Beside them: the two sides of a face alert, redacted there, and portraits of reference photos in a list's building.
    """
    encoders = {"imencode", "imencodemulti", "imwrite", "imwritemulti", "imwriteanimation", "VideoWriter"}
    encoders |= {"encode_jpeg", "encode_png", "tofile", "savez", "savez_compressed", "memmap"}
    root = Path(hub.__file__).parent
    code = [*root.rglob("*.py"), *(f for f in (root.parent / "plugins").rglob("*.py") if "tests" not in f.parts)]
    assert len(code) > 20
    users = {
        file.relative_to(root.parent).as_posix()
        for file in code
        for node in ast.walk(ast.parse(file.read_text()))
        if (isinstance(node, ast.Attribute) and node.attr in encoders)
        or (isinstance(node, ast.Name) and node.id in encoders)
    }
    assert {user for user in users if not user.startswith("hub/testing/")} == {
        "hub/vision/redaction.py",
        "hub/redact_files.py",
        "hub/viewing.py",
        "hub/demo/clip.py",
        "hub/vision/face_pictures.py",
        "hub/watchlists/hygiene.py",
    }

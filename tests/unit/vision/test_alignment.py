"""Alignment: the similarity is the one that was applied, and chips show what lies under the template."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.vision.alignment import align, scale_of, similarity

POINTS = np.array([(10.0, 20.0), (50.0, 22.0), (30.0, 40.0), (15.0, 60.0), (48.0, 61.0)])


@given(angle=st.floats(-3.1, 3.1), scale=st.floats(0.01, 50), x=st.floats(-1000, 1000), y=st.floats(-1000, 1000))
def test_a_similarity_is_found_again(angle, scale, x, y):
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    matrix = similarity(POINTS, POINTS @ turn.T + (x, y))
    assert np.allclose(matrix, np.hstack([turn, [[x], [y]]]), atol=1e-6 * max(1, scale, abs(x), abs(y)))
    assert scale_of(matrix) == pytest.approx(scale)


def test_of_points_that_do_not_fit_the_squares_are_least():
    target = POINTS + np.random.default_rng(0).normal(0, 3, POINTS.shape)
    best = similarity(POINTS, target)
    least = np.square(POINTS @ best[:, :2].T + best[:, 2] - target).sum()
    for change in np.random.default_rng(1).normal(0, 0.02, (20, 2)):
        other = best.copy()
        other[:, :2] += [[change[0], -change[1]], [change[1], change[0]]]
        assert np.square(POINTS @ other[:, :2].T + other[:, 2] - target).sum() > least


def test_points_that_are_all_the_same_give_a_chip_and_no_error():
    image = np.full((50, 50, 3), 90, np.uint8)
    chip = align(image, [(10.0, 10.0)] * 5, POINTS, 64)
    assert chip.shape == (64, 64, 3)


@pytest.mark.parametrize("scale", [0.1, 0.37, 0.5, 0.99, 1.0, 3.0])
def test_a_chip_shows_what_lies_under_the_template(scale):
    """In a picture that brightens evenly, each pixel says where it came from."""
    side, height, width = 60, 500, 700
    y, x = np.mgrid[:height, :width]
    image = np.stack([x * (250 / width), y * (250 / height), np.zeros_like(x)], axis=-1).astype(np.uint8)
    source = POINTS / scale + (20, 10)
    source = source[(source[:, 0] < width) & (source[:, 1] < height)]
    template = POINTS[: len(source)]
    chip = align(image, source, template, side)
    u, v = np.meshgrid(np.arange(side), np.arange(side))
    expected = np.stack([(u / scale + 20) * (250 / width), (v / scale + 10) * (250 / height)], axis=-1)
    seen = ((u / scale + 21 + 1 / scale) < width) & ((v / scale + 11 + 1 / scale) < height)
    assert np.abs(chip[..., :2] - expected)[seen].max() <= 1.5


def test_a_large_face_is_averaged_before_it_is_sampled():
    image = np.zeros((1200, 1200, 3), np.uint8)
    image[:, ::2] = 255  # lines of one pixel: sampled directly they would come out as bands
    chip = align(image, POINTS * 8.3, POINTS, 64)
    assert chip[5:-5, 5:-5].std() < 5
    assert abs(chip[5:-5, 5:-5].mean() - 127.5) < 3


def test_what_is_outside_of_the_picture_is_black_and_the_picture_is_not_changed():
    image = np.full((100, 100, 3), 200, np.uint8)
    image.setflags(write=False)
    chip = align(image, POINTS * 2 + (60, 0), POINTS, 64)
    assert (chip[:, -10:] == 0).all()
    assert (chip[20:30, 5:10] == 200).all()
    assert (align(image, POINTS + 5000, POINTS, 64) == 0).all()
    assert (align(image, POINTS * 9 + 5000, POINTS, 64) == 0).all()

"""`patrol-hub redact` as somebody types it: a photo in, a reduced one out, and what it refuses."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from hub.errors import ModelError
from hub.models import read_model
from hub.testing.frames import write_photo
from tests.kit import command


@pytest.fixture
def photo(tmp_path):
    try:
        read_model("centerface")
    except ModelError as error:
        pytest.skip(str(error))
    file = tmp_path / "photo.png"
    write_photo(file, np.random.default_rng(1).integers(0, 256, (288, 384, 3), dtype=np.uint8))
    return file


def test_all_but_the_subject_is_reduced(photo):
    out = photo.with_name("reduced.jpg")
    done = command("redact", str(photo), "-o", str(out), "--keep", "96,96,48,48")
    assert (done.status, done.out) == (0, f"{out}: pictures 1, faces found 0\n"), done.err
    reduced, before = cv2.imread(str(out)).astype(float), cv2.imread(str(photo)).astype(float)
    assert reduced[:90].std() < before[:90].std() / 3
    assert reduced[100:140, 100:140].std() > before[100:140, 100:140].std() / 2


def test_what_it_refuses_is_told_in_one_line_and_its_input_stays(photo):
    before = photo.read_bytes()
    for words in (
        (str(photo), "-o", str(photo)),
        (str(photo), "-o", str(photo.with_name("reduced.jpg")), "--keep", "1,2"),
        (str(photo), "-o", str(photo.with_name("reduced.jpg")), "--keep", "9000,0,40,40"),
        (str(photo.with_name("none.png")), "-o", str(photo.with_name("reduced.jpg"))),
    ):
        refused = command("redact", *words)
        assert refused.status in (1, 2)
        assert refused.problem()
    assert photo.read_bytes() == before
    assert not photo.with_name("reduced.jpg").exists()

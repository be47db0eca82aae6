from __future__ import annotations

import hashlib

import pytest

from hub.errors import InputError
from hub.evaluation import calibration as under_test
from hub.evaluation.calibration import calibrate_faces
from hub.testing.faces import MODEL, ScriptedEngine, face_picture
from hub.testing.frames import write_photo


@pytest.fixture
def images(tmp_path, monkeypatch):
    monkeypatch.setattr(under_test, "LEAST_PEOPLE", 3)
    for person, shots in ((10, 2), (20, 1), (40, 3)):
        folder = tmp_path / f"person {person}"
        folder.mkdir()
        for shot in range(shots):
            write_photo(folder / f"{shot}.png", face_picture(person, shot=shot))
    return tmp_path


def test_every_picture_with_every_other(images):
    found = calibrate_faces(images, "Nobody", ScriptedEngine())
    assert (found.model, found.set, found.people, found.pictures, found.left_out) == (MODEL, "Nobody", 3, 6, 0)
    assert (sum(found.different), sum(found.same)) == (15 - 4, 4)
    assert found.rate(1.0).reached == 0
    assert found.same_below(0.999) == (0, 4)
    assert found.rate(0.98).reached == 2  # 10 degrees apart: cosine 0.985
    digests = [hashlib.sha256(path.read_bytes()).digest() for path in sorted(images.glob("*/*"))]
    assert found.digest == hashlib.sha256(b"".join(digests)).hexdigest()


def test_what_is_below_the_floor_or_shows_nobody_is_left_out(images):
    write_photo(images / "person 10" / "dark.png", face_picture(10, dark=True))
    write_photo(images / "person 20" / "empty.png", face_picture(20, faces=0))
    found = calibrate_faces(images, "Nobody", ScriptedEngine())
    assert (found.pictures, found.left_out) == (6, 2)


def test_too_few_people_say_nothing(images, monkeypatch):
    monkeypatch.setattr(under_test, "LEAST_PEOPLE", 100)
    with pytest.raises(InputError, match="100 are needed at least"):
        calibrate_faces(images, "Nobody", ScriptedEngine())

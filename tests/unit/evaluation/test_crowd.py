"""Counting of crowd evaluations, with detectors that follow a script."""

import cv2
import numpy as np
import pytest

from hub.backends import FaceRegion
from hub.errors import InputError
from hub.evaluation.crowd import evaluate_crowd
from hub.messages import Box

HEADER = "image,x,y,w,h,blur,occlusion,invalid"


def folder_of(tmp_path, *rows):
    for name in {row.split(",")[0] for row in rows}:
        cv2.imwrite(str(tmp_path / name), np.zeros((300, 400, 3), np.uint8))
    (tmp_path / "boxes.csv").write_text("\n".join([HEADER, *rows]) + "\n")
    return tmp_path


def finds(*boxes):
    return lambda _image: [FaceRegion(Box(*box), 0.9, ()) for box in boxes]


def test_counts_by_height_and_setting(tmp_path):
    folder = folder_of(
        tmp_path,
        "a.png,10,10,20,19,0,0,0",  # too small to count
        "a.png,100,10,20,25,0,0,0",
        "a.png,100,100,40,50,0,0,0",
        "a.png,200,100,40,50,0,0,0",
        "a.png,300,100,40,50,0,0,1",  # invalid
    )
    report = evaluate_crowd(folder, finds((100, 10, 20, 25), (100, 100, 40, 50), (205, 105, 40, 50)), finds())
    assert report.faces == 3
    assert report.recall == {"20": 1.0, "40": 1.0}
    assert report.leak == {"20": 0.0, "40": 0.0}
    assert report.probe.recall == {"20": 0.0, "40": 0.0}
    assert report.probe.leak == {"20": 1.0, "40": 1.0}


def test_a_box_that_is_too_small_neither_finds_nor_covers(tmp_path):
    folder = folder_of(tmp_path, "a.png,100,100,40,50,0,0,0")
    report = evaluate_crowd(folder, finds((110, 110, 20, 25)), finds((100, 100, 40, 35)))
    assert report.recall["40"] == 0
    assert report.leak["40"] == 1
    assert report.probe.recall["40"] == 1  # its overlap is over one half
    assert report.probe.leak["40"] == 1


def test_two_areas_together_may_cover_a_face(tmp_path):
    folder = folder_of(tmp_path, "a.png,100,100,40,50,0,0,0")
    report = evaluate_crowd(folder, finds((100, 100, 40, 25), (100, 125, 40, 25)), finds())
    assert report.leak["40"] == 0


@pytest.mark.parametrize(
    "text",
    ["", HEADER, f"{HEADER}\na.png,1,2,3\n", f"{HEADER}\na.png,1,2,x,4,0,0,0\n", f"{HEADER}\na.png,1,1,9,9,0,0,1\n"],
)
def test_a_wrong_table_is_refused(tmp_path, text):
    (tmp_path / "boxes.csv").write_text(text)
    with pytest.raises(InputError, match=r"boxes\.csv"):
        evaluate_crowd(tmp_path, finds(), finds())


def test_a_missing_table_or_photo_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"boxes\.csv"):
        evaluate_crowd(tmp_path, finds(), finds())
    folder = folder_of(tmp_path, "a.png,100,100,40,50,0,0,0")
    (folder / "a.png").unlink()
    with pytest.raises(InputError, match="photo 1"):
        evaluate_crowd(folder, finds(), finds())

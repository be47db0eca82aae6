"""Counting, on a folder that the tests make and with a reader that follows a script."""

import cv2
import numpy as np
import pytest

from hub.errors import InputError
from hub.evaluation.plates import evaluate_plates, overlap
from hub.messages import Box
from hub.plates.grammar import load_grammars
from hub.plates.settings import PlateSettings
from hub.testing.readers import ScriptedReader, evidence

HERE = (100, 100, 96, 24)
ELSEWHERE = (300, 300, 96, 24)
SECOND = (300, 100, 96, 24)


@pytest.fixture(scope="module")
def book():
    return load_grammars()


def photo(folder, name, plate="1234BCD", box=(90, 90, 116, 44)):
    cv2.imwrite(str(folder / f"{name}.png"), np.zeros((480, 640, 3), np.uint8))
    (folder / f"{name}.txt").write_text("\t".join([f"{name}.png", *map(str, box), plate]) + "\n", encoding="utf-8")


def run(folder, book, *script):
    return evaluate_plates(folder, ScriptedReader(script), book, PlateSettings())


def counts(report):
    return (report.exact, report.folded, report.top3, report.misread, report.false_reads)


def test_counts_each_kind_once(tmp_path, book):
    for name in "abcdef":
        photo(tmp_path, name)
    photo(tmp_path, "g", "RK896AO")
    report = run(
        tmp_path,
        book,
        [evidence("1234BCD", HERE)],  # right
        [evidence("5678FGH", HERE)],  # wrong
        [evidence("1234BCD", ELSEWHERE)],  # right, but elsewhere
        [],  # nothing
        [evidence("1234BCD", HERE, sharpness=0.0)],  # seen, not read
        [evidence("1234BCD", HERE), evidence("5678FGH", ELSEWHERE), evidence("9012JKL", SECOND)],  # right, and two more
        [evidence("RK896A0", HERE, doubts=((6, "0", 0.0),))],
    )
    assert report.plates == 7
    assert report.detected == 5
    assert counts(report) == (3, 3, 3, 1, 3)
    assert 0 <= report.milliseconds.median <= report.milliseconds.p95


def test_folds_look_alikes_and_looks_at_three_readings(tmp_path, book):
    photo(tmp_path, "a", "1234BCD")
    doubtful = evidence("1234BCD", HERE, doubts=((6, "P", 0.6),))
    report = run(tmp_path, book, [doubtful])
    assert counts(report) == (0, 0, 1, 1, 0)
    photo(tmp_path, "a", "OKM2371")
    seen = evidence("OKM2371", HERE)
    assert counts(run(tmp_path, book, [seen])) == (1, 1, 1, 0, 0)
    photo(tmp_path, "a", "0KM237I")
    assert counts(run(tmp_path, book, [seen])) == (0, 1, 0, 1, 0)


def test_the_best_read_over_the_plate_counts(tmp_path, book):
    photo(tmp_path, "a", box=(90, 90, 216, 200))
    large, small = evidence("1234BCD", (100, 100, 192, 48)), evidence("5678FGH", (100, 220, 150, 36))
    assert counts(run(tmp_path, book, [small, large])) == (1, 1, 1, 0, 0)


def test_other_plates_are_ignored(tmp_path, book):
    photo(tmp_path, "a")
    (tmp_path / "others.csv").write_text("image,x,y,w,h\na.png,290,290,120,50\nb.png,0,0,9,9\n", encoding="utf-8")
    assert counts(run(tmp_path, book, [evidence("5678FGH", ELSEWHERE)])) == (0, 0, 0, 0, 0)
    assert counts(run(tmp_path, book, [evidence("5678FGH", SECOND)])) == (0, 0, 0, 0, 1)


def test_several_plates_of_one_photo(tmp_path, book):
    photo(tmp_path, "a")
    with (tmp_path / "a.txt").open("a", encoding="utf-8") as file:
        file.write("a.png\t290\t290\t120\t50\t5678FGH\n")
    report = run(tmp_path, book, [evidence("1234BCD", HERE), evidence("5678FGH", ELSEWHERE)])
    assert report.plates == 2
    assert counts(report) == (2, 2, 2, 0, 0)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.txt", "a.png 1 2 3 4 PLATE", "line 1"),
        ("others.csv", "picture,x,y,w,h\na.png,1,2,3,4\n", "columns"),
        ("others.csv", "image,x,y,w,h\na.png,1,2,three,4\n", "numbers"),
        ("a.png", "no picture", "no picture"),
        ("a.png", "", "no picture"),
    ],
)
def test_a_broken_file_is_named(tmp_path, book, name, content, message):
    photo(tmp_path, "a")
    (tmp_path / name).write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=message) as caught:
        run(tmp_path, book)
    assert name in str(caught.value)


def test_missing_things_are_named(tmp_path, book):
    with pytest.raises(InputError, match="truth file"):
        run(tmp_path, book)
    with pytest.raises(InputError, match="truth file"):
        run(tmp_path / "none", book)
    photo(tmp_path, "a")
    (tmp_path / "a.png").unlink()
    with pytest.raises(InputError, match=r"a\.png"):
        run(tmp_path, book)


def test_overlap_is_intersection_over_union():
    assert overlap(Box(0, 0, 10, 10), (0, 0, 10, 10)) == 1
    assert overlap(Box(0, 0, 10, 10), (5, 0, 10, 10)) == pytest.approx(1 / 3)
    assert overlap(Box(0, 0, 10, 10), (10, 0, 10, 10)) == 0

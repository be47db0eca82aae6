"""Counting of face evaluations, with an engine whose embeddings the test chooses: a photo's colour is its person."""

import csv

import cv2
import msgspec
import numpy as np
import pytest

from hub.backends import FaceEngine, FaceRegion
from hub.errors import InputError
from hub.evaluation.embedding import FEWEST_PEOPLE
from hub.evaluation.faces import area, best_threshold, evaluate_faces, folded_accuracy, threshold_at
from hub.evaluation.openset import evaluate_openset
from hub.messages import Box

PEOPLE = 120
FLAWLESS = ((0.23, 0.22), (0.75, 0.22), (0.49, 0.52), (0.25, 0.78), (0.73, 0.78))


class ColourEngine(FaceEngine):
    """Finds one face in a photo that is not black, and embeds the number that is written in its colour."""

    name = "colour"
    size = 256
    model = "0" * 64

    def detect(self, image):
        if not image.any():
            return ()
        marks = tuple((x * 40 + 10, y * 40 + 10) for x, y in FLAWLESS)
        return (FaceRegion(Box(10, 10, 40, 40), 0.9, marks), FaceRegion(Box(0, 0, 5, 5), 0.99, marks))

    def embed(self, image, faces):
        assert [face.box.w for face in faces] == [40]  # the one in the middle
        row = np.full(self.size, 0.001, np.float32)
        row[image[30, 30, 0]] = 1
        return (row / np.linalg.norm(row))[None]


def photo(folder, name, person):
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    cv2.imwrite(str(path), np.full((60, 60, 3), person, np.uint8))


@pytest.fixture
def images(tmp_path):
    folder = tmp_path / "images"
    folder.mkdir()
    for person in range(PEOPLE):
        for number in range(2):
            photo(folder, f"p{person:03}/{number}.png", person + 1)
    return folder


def write_pairs(tmp_path, rows):
    file = tmp_path / "pairs.csv"
    with file.open("w", newline="") as lines:
        csv.writer(lines).writerows([("left", "right", "same"), *rows])
    return file


def all_pairs():
    same = [(f"p{person:03}/0.png", f"p{person:03}/1.png", 1) for person in range(PEOPLE)]
    return same + [(f"p{person:03}/0.png", f"p{(person + 1) % PEOPLE:03}/1.png", 0) for person in range(PEOPLE)]


def test_a_perfect_engine_is_perfect(tmp_path, images):
    report = evaluate_faces(images, write_pairs(tmp_path, all_pairs()), ColourEngine())
    assert (report.pairs, report.failed_to_detect, report.people) == (240, 0, 120)
    assert report.cross_pairs == 240 * 238 // 2
    assert report.accuracy == report.auc == 1
    assert report.tpr["1e-2"] == report.tpr["1e-3"] == 1
    assert report.tpr["1e-4"] is None  # 2 of 28,560 pairs: nothing that a rate could stand on


def test_a_face_not_found_is_an_error_in_each_of_its_pairs(tmp_path, images):
    photo(images, "p000/0.png", 0)
    report = evaluate_faces(images, write_pairs(tmp_path, all_pairs()), ColourEngine())
    assert report.failed_to_detect == 1
    assert report.accuracy == pytest.approx(1 - 1 / 120)
    assert report.tpr["1e-3"] == pytest.approx(119 / 120)
    assert report.auc < 1
    assert report.cross_pairs == (239 * 238 - 119 * 2) // 2


def test_one_person_who_looks_like_another_costs_what_it_should(tmp_path, images):
    photo(images, "p000/1.png", 2)  # looks like p001
    report = evaluate_faces(images, write_pairs(tmp_path, all_pairs()), ColourEngine())
    assert report.accuracy == pytest.approx(1 - 1 / 240)
    assert report.tpr["1e-2"] == pytest.approx(119 / 120)


def test_the_order_of_the_pairs_does_not_matter(tmp_path, images):
    photo(images, "p000/1.png", 2)
    first = evaluate_faces(images, write_pairs(tmp_path, all_pairs()), ColourEngine())
    second = evaluate_faces(images, write_pairs(tmp_path, all_pairs()[::-1]), ColourEngine())
    assert first.tpr == second.tpr
    assert first.accuracy == second.accuracy


def test_a_rate_that_too_few_comparisons_support_is_not_given():
    tops = np.linspace(1, 0, 2000)
    assert threshold_at(tops, 100_000, 1e-2) == tops[1000]
    assert threshold_at(tops, 100_000, 1e-4) == tops[10]
    assert threshold_at(tops, 99_999, 1e-4) is None


def test_area_counts_ties_by_half():
    assert area(np.array([1.0, 2.0]), np.array([1.0, 0.0])) == 0.875
    assert area(np.array([-np.inf]), np.array([np.inf])) == 0


def test_the_best_threshold_lies_between_the_kinds():
    assert best_threshold(np.array([0.9, 0.8, 0.2, 0.1]), np.array([True, True, False, False])) == 0.5
    assert best_threshold(np.zeros(0), np.zeros(0, bool)) == 0.0


def test_accuracy_of_chance_is_half_however_few_are_the_same():
    rng = np.random.default_rng(0)
    same = rng.random(4000) < 0.1
    accuracy = folded_accuracy(rng.random(4000), same, np.ones(4000, bool))
    assert abs(accuracy - 0.5) < 0.05


# --------------------------------------------------------------------------------------------- open set


def write_openset(tmp_path, listed, strangers):
    gallery = [{"id": f"p{n:03}", "reference": f"p{n:03}/0.png", "probe": f"p{n:03}/1.png"} for n in listed]
    file = tmp_path / "openset.json"
    file.write_bytes(msgspec.json.encode({"gallery": gallery, "strangers": [f"p{n:03}/0.png" for n in strangers]}))
    return file


def test_listed_people_are_found_and_strangers_set_the_threshold(tmp_path, images):
    photo(images, "p110/0.png", 1)  # a stranger who looks like p000
    report = evaluate_openset(write_openset(tmp_path, range(20), range(20, 120)), images, ColourEngine())
    assert (report.gallery, report.strangers, report.rank1) == (20, 100, 1.0)
    assert report.tpir["1e-2"] == 1  # the one stranger of a hundred may be over it
    assert report.tpir["1e-3"] == 0
    assert report.false_alerts == {"1e-2": 1, "1e-3": 0}
    assert report.threshold == report.thresholds["1e-2"] < 0.5


def test_a_face_not_found_is_a_miss_and_no_alert(tmp_path, images):
    photo(images, "p000/1.png", 0)
    photo(images, "p001/0.png", 0)
    photo(images, "p050/0.png", 0)
    report = evaluate_openset(write_openset(tmp_path, range(20), range(20, 120)), images, ColourEngine())
    assert report.failed_to_detect == 3
    assert report.rank1 == pytest.approx(18 / 20)
    assert report.tpir["1e-2"] == pytest.approx(18 / 20)


# --------------------------------------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "pairs of the same and of different"),
        ("left,right\na/0.png,b/0.png\n", "line 2"),
        ("left,right,same\na/0.png,b/0.png,yes\n", "line 2"),
        ("left,right,same\na/0.png,b/0.png,1\n", "pairs of the same and of different"),
    ],
)
def test_wrong_pairs_are_refused_with_the_line(tmp_path, images, text, says):
    file = tmp_path / "pairs.csv"
    file.write_text(text)
    with pytest.raises(InputError, match=says):
        evaluate_faces(images, file, ColourEngine())


@pytest.mark.parametrize("text", ["", "[]", '{"gallery": []}', '{"gallery": [], "strangers": []}'])
def test_wrong_open_sets_are_refused(tmp_path, images, text):
    file = tmp_path / "openset.json"
    file.write_text(text)
    with pytest.raises(InputError, match=r"openset\.json"):
        evaluate_openset(file, images, ColourEngine())


def test_a_missing_photo_is_told_by_its_number_not_by_a_name(tmp_path, images):
    (images / "p007" / "0.png").unlink()
    with pytest.raises(InputError, match="photo 15 of the set") as caught:
        evaluate_faces(images, write_pairs(tmp_path, all_pairs()), ColourEngine())
    assert "p007" not in str(caught.value)


def test_a_photo_outside_of_the_folder_is_refused(tmp_path, images):
    rows = [*all_pairs(), ("../pairs.csv", "p001/0.png", 0)]
    with pytest.raises(InputError, match="outside of its folder"):
        evaluate_faces(images, write_pairs(tmp_path, rows), ColourEngine())


def test_a_few_people_are_no_research_set(tmp_path, images):
    rows = [row for row in all_pairs() if max(row[:2]) < f"p{FEWEST_PEOPLE - 1:03}"]
    with pytest.raises(InputError, match="99 people are too few"):
        evaluate_faces(images, write_pairs(tmp_path, rows), ColourEngine())
    with pytest.raises(InputError, match="99 people are too few"):
        evaluate_openset(write_openset(tmp_path, range(50), range(50, 99)), images, ColourEngine())

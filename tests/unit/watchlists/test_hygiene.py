"""What keeps a record or a photo out of a face list, and what is only remarked on."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest
from msgspec.structs import replace

from hub.errors import UsageError
from hub.testing.faces import MODEL, ScriptedEngine
from hub.watchlists.face_building import build_faces
from hub.watchlists.hygiene import MOST_PAIRS, check_faces
from tests.kit_lists import PARTICULARS, photo

TODAY = date(2030, 1, 2)
GOOD = {
    "category": "missing_child",
    "legal_basis": "Test order",
    "issuing_authority": "Test authority",
    "expires": "2030-02-01",
    "photo_date": "2029-06-01",
    "instruction": "Stay with the child and call the desk",
    "reference": "",
}


@pytest.fixture
def folder(tmp_path):
    return tmp_path


def row(folder, number, person, **changes):
    """Return a record with a photo of its own; people are directions in degrees."""
    name = changes.pop("picture", None) or photo(folder / f"{number}.png", person, shot=changes.pop("shot", 0))
    return GOOD | {"entry": f"E-{number}", "name": f"Nobody {number}", "photo": name} | changes


def check(folder, *rows, threshold=0.9, size=100):
    return check_faces(rows, folder, ScriptedEngine(), threshold=threshold, size=size, today=TODAY)


def refusals(checked):
    return [(each.row, each.text) for each in checked.findings if each.refuses]


def test_good_records_become_references(folder):
    done = []
    rows = [row(folder, 1, 0), row(folder, 2, 60, reference="R-2", category="Missing person")]
    checked = check_faces(
        rows, folder, ScriptedEngine(), threshold=0.9, size=2, today=TODAY, progress=lambda *each: done.append(each)
    )
    assert not checked.refused
    assert checked.findings == ()
    assert [each.entry.entry for each in checked.references] == ["E-1", "E-2"]
    assert checked.references[1].entry.category == "missing_person"
    assert checked.references[0].photo.startswith(b"\xff\xd8")
    assert round(checked.ceiling, 4) == 0.5  # the cosine of 60 degrees
    assert checked.closest == ("E-1", "E-2")
    assert done == [(1, 2), (2, 2)]


WRONG = {
    "no identifier": ({"entry": " "}, "no identifier"),
    "no legal basis": ({"legal_basis": ""}, "it lacks legal_basis"),
    "no expiry": ({"expires": ""}, "it lacks expires"),
    "neither authority nor what to do": (
        {"issuing_authority": "", "instruction": ""},
        "it lacks instruction and issuing_authority",
    ),
    "no date of the photo": ({"photo_date": ""}, "it lacks photo_date"),
    "no name": ({"name": ""}, "it lacks name"),
    "a category of its own": ({"category": "loiterer"}, "category is none of missing_child"),
    "no date": ({"expires": "soon"}, "expires is no date"),
    "expired": ({"expires": "2030-01-01"}, "it expired on 2030-01-01"),
    "a photo of tomorrow": ({"photo_date": "2030-01-03"}, "which is to come"),
    "an old photo": ({"photo_date": "2019-01-01"}, "its photo is 11 years old, and 10 are the most"),
    "no photo": ({"photo": ""}, "it has no photo"),
    "a photo that is not there": ({"photo": "nobody.png"}, "cannot be read: No such file"),
    "a photo elsewhere": ({"photo": "../secret.png"}, "outside of the folder"),
    "a photo anywhere": ({"photo": "/etc/passwd"}, "outside of the folder"),
    "a folder": ({"photo": "."}, "cannot be read"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_record_that_lacks_something_is_refused_by_its_row(folder, case):
    changes, expected = WRONG[case]
    checked = check(folder, row(folder, 1, 0), row(folder, 2, 60, **changes))
    ((number, text),) = refusals(checked)
    assert number == 2
    assert expected in text
    assert len(checked.references) == 1


def test_photos_that_cannot_be_used(folder):
    for name, options in (("two.png", {"faces": 2}), ("none.png", {"faces": 0}), ("dark.png", {"dark": True})):
        photo(folder / name, 60, **options)
    whole = (folder / photo(folder / "whole.png", 60)).read_bytes()
    (folder / "cut.png").write_bytes(whole[:-2000])
    (folder / "corrupt.png").write_bytes(whole[:100] + bytes(len(whole) - 200) + whole[-100:])
    (folder / "text.png").write_text("no picture")
    (folder / "empty.png").write_bytes(b"")
    expected = {
        "two.png": "shows 2 faces",
        "none.png": "shows no face,",
        "dark.png": "below the quality floor for reference photos: face too dark",
        "cut.png": "cut off",
        "corrupt.png": "cannot be used",
        "text.png": "not a picture of a known kind",
        "empty.png": "the file is empty",
    }
    checked = check(folder, *(row(folder, at, 0, picture=name) for at, name in enumerate(expected, start=1)))
    found = refusals(checked)
    assert len(found) == len(expected)
    for (_, text), part in zip(found, expected.values(), strict=True):
        assert part in text


@pytest.mark.parametrize(("category", "taken", "remarked"), [
    ("missing_child", "2027-06-01", True),
    ("missing_child", "2028-06-01", False),
    ("missing_person", "2027-06-01", False),
    ("missing_person", "2024-06-01", True),
])  # fmt: skip
def test_an_ageing_photo_is_remarked_on(folder, category, taken, remarked):
    checked = check(folder, row(folder, 1, 0, category=category, photo_date=taken))
    assert not checked.refused
    assert all("a newer one would find more" in each.text for each in checked.findings)
    assert bool(checked.findings) is remarked


def test_an_identifier_stands_there_once(folder):
    checked = check(folder, row(folder, 1, 0), row(folder, 2, 60, entry="E-1"))
    assert refusals(checked) == [(2, "the identifier stands in the list already")]


def test_the_same_photo_twice(folder):
    first = row(folder, 1, 0)
    checked = check(folder, first, row(folder, 2, 60, picture=first["photo"]))
    ((number, text),) = refusals(checked)
    assert (number, text) == (2, "its photo is that of entry E-1: each person has one of their own")


def test_one_person_twice_under_one_name(folder):
    checked = check(folder, row(folder, 1, 10), row(folder, 2, 14, name="nobody 1", shot=1))
    assert refusals(checked) == [(2, "the same person as entry E-1 stands there twice: keep one of them")]
    assert checked.ceiling == -1


def test_one_person_under_two_names(folder):
    checked = check(folder, row(folder, 1, 10), row(folder, 2, 10, shot=1))
    assert refusals(checked) == [(2, "its photo is that of entry E-1, under another name: find out who it shows")]


def test_two_who_cannot_be_told_apart_at_the_threshold(folder):
    rows = row(folder, 1, 10), row(folder, 2, 35)
    similarity = float(np.cos(np.radians(25)))
    checked = check(folder, *rows, threshold=0.9)
    ((number, text),) = refusals(checked)
    assert number == 2
    assert "one person under two names, or two whom the model cannot tell apart" in text
    assert f"similarity {similarity:.4f}, threshold 0.9000" in text
    assert checked.closest == ("E-1", "E-2")
    assert not check(folder, *rows, threshold=0.91).refused  # a higher threshold tells them apart


def test_a_report_names_so_many_pairs(folder):
    rows = [row(folder, number, number % 5, shot=number) for number in range(1, 20)]
    checked = check(folder, *rows)
    assert len(checked.findings) == MOST_PAIRS + 1
    assert checked.findings[-1].text == f"and {19 * 18 // 2 - MOST_PAIRS} pairs more"


@pytest.mark.parametrize(
    ("rows", "size", "expected"),
    [
        (3, 2, "3 records and its authority stated 2 at most"),
        (1, 0, "1 to 20,000 entries, not 0"),
        (1, 20_001, "1 to 20,000 entries, not 20,001"),
        (20_001, 20_000, "20,001 records"),
        (20_001, 30_000, "20,000 is the most"),
        (0, 10, "there are no records"),
    ],
)
def test_a_list_over_its_size_is_refused_before_any_photo_is_opened(tmp_path, rows, size, expected):
    engine = ScriptedEngine()
    checked = check_faces([GOOD] * rows, tmp_path, engine, threshold=0.9, size=size, today=TODAY)
    assert any(expected in text for _, text in refusals(checked))
    assert checked.refused
    assert engine.compared == 0
    assert len(checked.findings) <= 2


def test_a_refused_list_is_not_built(folder):
    checked = check(folder, row(folder, 1, 0, legal_basis=""))
    with pytest.raises(UsageError, match="the list was refused"):
        build_faces(folder / "list", checked, PARTICULARS, model=MODEL, random=bytes)
    assert not (folder / "list").exists()


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"units": ()}, "--unit"),
        ({"units": PARTICULARS.units * 2}, "same key"),
        ({"legal_basis": " "}, "legal basis"),
        ({"expires": PARTICULARS.created}, "before it was made"),
        ({"created": PARTICULARS.created.replace(tzinfo=None)}, "time zone"),
        ({"version": 0}, "counts from 1"),
    ],
)
def test_a_list_that_says_too_little_is_not_built(folder, changes, expected):
    checked = check(folder, row(folder, 1, 0))
    with pytest.raises(UsageError, match=expected):
        build_faces(folder / "list", checked, replace(PARTICULARS, **changes), model=MODEL, random=bytes)


def test_a_list_holds_whom_its_purpose_covers(folder):
    checked = check(folder, row(folder, 1, 0, category="wanted_person"))
    with pytest.raises(UsageError, match="entry E-1 is a wanted_person"):
        build_faces(folder / "list", checked, PARTICULARS, model=MODEL, random=bytes)


def test_a_full_disk_leaves_no_list(folder, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("hub.authority.files.os.fsync", full)
    checked = check(folder, row(folder, 1, 0))
    with pytest.raises(Exception, match="the disk is full"):
        build_faces(folder / "list", checked, PARTICULARS, model=MODEL, random=bytes)
    assert not list(folder.glob("*list*"))

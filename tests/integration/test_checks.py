"""`check document` and `check face` as an officer types them."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import datetime, timedelta

import msgspec
import pytest

from hub.testing.faces import calibration, face_picture
from hub.testing.frames import write_photo
from tests.kit import Unit

LINES = "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<\nL898902C36UTO7408122F1204159ZE184226B<<<<<10"
VALID = "I<UTOD231458907<<<<<<<<<<<<<<<7408122F7004155UTO<<<<<<<<<<<4ERIKSSON<<ANNA<MARIA<<<<<<<<<<"
LIST = """\
entry,category,document_number,document_country,legal_basis,issuing_authority,reference,expires,instruction
D-1,stolen_document,L898902C3,UTO,Test order 2,Test authority,R-2,2099-12-31,Keep the document
"""


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    unit = Unit.prepare(tmp_path_factory.mktemp("prepared") / "unit")
    with unit.active():
        package = unit.build_list("documents", rows=LIST, version=2)
        assert unit.run("import", "wanted_persons", str(package)).status == 0
    return unit


@pytest.fixture
def unit(prepared, tmp_path):
    copy = prepared.copy(tmp_path / "unit")
    with copy.active():
        yield copy


def test_three_answers_never_one_score(unit):
    result = unit.run("check", "document", "--mrz", LINES, "--reason", "traffic stop", "--format", "json")
    answer = result.json()
    assert result.status == 1
    assert set(answer) == {"digits", "listed", "photo"}
    digits = answer["digits"]
    assert (digits["agrees"], digits["expired"], digits["format"]) == (True, True, "TD3")
    assert (digits["number"], digits["country"], digits["birth_date"]) == ("L898902C3", "UTO", "1974-08-12")
    assert not {"sex", "nationality"} & set(digits)
    assert answer["listed"]["verdict"] == "reported"
    found = {each["source"]: each["records"] for each in answer["listed"]["answers"]}
    assert found["wanted_persons"][0]["record"]["entry"] == "D-1"
    assert "drivers" not in found  # a register of licences says nothing of what was reported
    assert answer["photo"]["verdict"] == "not compared"
    assert answer["photo"]["reason"]


def test_a_document_with_which_all_is_well(unit):
    result = unit.run("check", "document", "--mrz", VALID.lower(), "--reason", "traffic stop")
    assert result.status == 0, result.out
    assert "1. digits and dates: agree, not expired" in result.out
    assert "2. lost or stolen: not reported." in result.out
    assert "3. photo: not compared" in result.out


def test_lines_come_from_standard_input_where_the_shell_must_not_remember_them(unit):
    result = unit.run("check", "document", "--mrz", "-", "--reason", "traffic stop", stdin=LINES + "\n")
    assert "TD3 P UTO L898902C3: ERIKSSON, ANNA MARIA, born 1974-08-12, until 2012-04-15" in result.out


def test_the_wrong_digit_is_named_and_a_look_alike_suggested(unit):
    typed = LINES.replace("L898902C36", "L8989O2C36")
    result = unit.run("check", "document", "--mrz", typed, "--reason", "traffic stop")
    assert result.status == 1
    assert "number: the check digit is 6 and should be" in result.out
    assert "line 2, column 6: 0 instead of O settles it; look at the document" in result.out
    assert "2. lost or stolen: not asked." in result.out


@pytest.mark.parametrize(
    ("words", "status", "says"),
    [
        (("--mrz", "P<UTO", "--reason", "x"), 2, "it has 5 characters"),
        (("--mrz", LINES, "--reason", " "), 2, "it needs a reason"),
        (("--mrz", LINES, "--reason", "x", "--source", "nobody"), 2, "there is no source 'nobody'"),
        (("--mrz", LINES), 2, "--reason"),
        (("photo.jpg", "--mrz", LINES, "--reason", "x"), 2, "a photograph of its lines (FILE) or"),
    ],
)
def test_what_is_refused(unit, words, status, says):
    result = unit.run("check", "document", *words)
    assert (result.status, result.out) == (status, "")
    assert says in result.problem()


def test_nobody_checks_without_signing_in(unit):
    unit.run("officer", "sign-out")
    result = unit.run("check", "document", "--mrz", LINES, "--reason", "traffic stop")
    assert (result.status, result.out) == (1, "")
    assert "nobody is signed in" in result.problem()


def test_the_log_has_the_check_and_no_file_the_name(unit):
    unit.run("check", "document", "--mrz", LINES, "--reason", "traffic stop")
    (report,) = unit.run("audit", "report", "--format", "json").json()["years"]
    assert report["total"]["documents_checked"] == 1
    shown = unit.run("audit", "show", "--format", "jsonl").lines()
    assert [line["entry"]["act"] for line in shown][-3:] == ["document_check", "lookup", "lookup_done"]
    for name, content in unit.files().items():
        assert b"ERIKSSON" not in content, name


# ---------------------------------------------------------------------------------------------------- faces


@pytest.fixture
def pictures(unit, monkeypatch):
    """Three pictures: a person, the same person on a document, and somebody else on one."""
    folder = unit.folder / "calibration"
    folder.mkdir()
    (folder / "scripted.json").write_bytes(msgspec.json.encode(calibration()))
    monkeypatch.setattr("hub.parts.CALIBRATIONS", folder)
    made = {"live": face_picture(0), "again": face_picture(0, shot=2), "same": face_picture(0, shot=1)}
    made |= {"other": face_picture(90), "third": face_picture(91), "dark": face_picture(0, dark=True)}
    return {name: str(write_photo(unit.folder / f"{name}.png", image)) for name, image in made.items()}


HANDED = ("--taking-part", "handed-over", "--reason", "traffic stop")


def wait(unit, seconds=10):
    """Let the meter's time pass."""
    with closing(sqlite3.connect(unit.state / "checks.sqlite3")) as connection, connection:
        for number, begun, ended in connection.execute("SELECT number, begun, ended FROM turns").fetchall():
            earlier = [
                (datetime.fromisoformat(each) - timedelta(seconds=seconds)).isoformat() for each in (begun, ended)
            ]
            connection.execute("UPDATE turns SET begun = ?, ended = ? WHERE number = ?", (*earlier, number))


def test_check_face(unit, pictures):
    result = unit.run("check", "face", pictures["live"], pictures["same"], *HANDED, "--format", "json")
    answer = result.json()
    assert result.status == 0
    assert set(answer) >= {"verdict", "similarity", "false_match_rate", "quality", "reason"}
    assert (answer["verdict"], answer["similarity"]) == ("candidate for the same person", 1.0)
    assert (answer["false_match_rate"], answer["at_most"]) == (0.0005, True)
    assert answer["quality"]["live"]["faces"] == 1
    assert answer["quality"]["document"]["flaw"] is None
    assert answer["calibration"]["not_measured"] == ["by group"]
    assert "%" not in result.out


def test_a_second_document_is_refused_and_all_of_it_stands_in_the_log(unit, pictures):
    first = unit.run("check", "face", pictures["live"], pictures["other"], *HANDED)
    assert (first.status, first.out.splitlines()[0][:9]) == (1, "different")
    assert "different people are so alike in 1 in 1 comparisons" in first.out
    hasty = unit.run("check", "face", pictures["again"], pictures["third"], *HANDED)
    assert (hasty.status, hasty.out) == (1, "")
    assert "10 s apart" in hasty.problem()
    wait(unit)
    again = unit.run("check", "face", pictures["again"], pictures["third"], *HANDED)
    assert "another document waits" in again.problem()
    (year,) = unit.run("audit", "report", "--format", "json").json()["years"]
    assert (year["total"]["faces_checked"], year["total"]["faces_refused"]) == (1, 2)
    shown = unit.run("audit", "show", "--format", "jsonl").lines()
    entries = [each["entry"]["outcome"] for each in shown if each["entry"]["act"] == "face_check"]
    assert entries == ["begun", "done", "refused", "refused"]
    assert unit.run("audit", "verify", "--checkpoint", str(unit.checkpoint())).status == 0


@pytest.mark.parametrize(
    ("seconds", "left"), [(3601, [(None, None, None)]), (12 * 3600 + 1, [])], ids=["hour", "shift"]
)
def test_any_command_destroys_what_the_meter_holds_past_its_date(unit, pictures, seconds, left):
    unit.run("check", "face", pictures["live"], pictures["same"], *HANDED)
    wait(unit, seconds)
    unit.run("officer", "list")
    with closing(sqlite3.connect(unit.state / "checks.sqlite3")) as connection:
        assert connection.execute("SELECT key, live, document FROM turns").fetchall() == left


def test_a_face_below_the_floor_is_not_compared(unit, pictures):
    result = unit.run("check", "face", pictures["dark"], pictures["same"], *HANDED, "--format", "json")
    answer = result.json()
    assert result.status == 1
    assert (answer["verdict"], answer["similarity"], answer["false_match_rate"]) == ("not compared", None, None)
    assert "below the quality floor" in answer["reason"]


def test_how_the_person_takes_part_is_mandatory(unit, pictures):
    two = pictures["live"], pictures["same"]
    silent = unit.run("check", "face", *two, "--reason", "stop")
    assert (silent.status, silent.out) == (1, "")
    assert "only where the person takes part" in silent.problem()
    unable = unit.run("check", "face", *two, "--reason", "stop", "--taking-part", "unable")
    assert "say why the person is unable" in unable.problem()
    done = unit.run("check", "face", *two, "--reason", "stop", "--taking-part", "unable", "--why", "unconscious")
    assert done.status == 0


@pytest.mark.parametrize(
    ("words", "status", "says"),
    [
        (("live", "folder"), 2, "is a folder"),
        (("live", "nothing.png"), 2, "cannot be read"),
        (("live", "live"), 2, "the same picture"),
        (("live", "same", "other"), 2, "patrol-hub --help"),
        (("live",), 2, "patrol-hub --help"),
    ],
    ids=["folder", "missing", "same", "three", "one"],
)
def test_what_a_face_check_does_not_take(unit, pictures, words, status, says):
    named = [pictures.get(word, str(unit.folder) if word == "folder" else word) for word in words]
    result = unit.run("check", "face", *named, *HANDED)
    assert (result.status, result.out) == (status, "")
    assert says in result.problem()


def test_the_photo_is_the_third_answer_of_a_document(unit, pictures):
    words = ("check", "document", "--mrz", VALID, "--live", pictures["live"])
    answer = unit.run(*words, "--photo", pictures["same"], *HANDED, "--format", "json").json()
    assert answer["photo"]["verdict"] == "candidate for the same person"
    half = unit.run(*words, *HANDED)
    assert (half.status, half.out) == (2, "")
    assert "takes two pictures" in half.problem()
    hasty = unit.run(*words, "--photo", pictures["same"], *HANDED)
    assert "3. photo: not compared. face checks are 10 s apart" in hasty.out
    assert "2. lost or stolen: not reported" in hasty.out


def test_a_model_without_calibration_compares_nothing(unit, pictures):
    (unit.folder / "calibration" / "scripted.json").unlink()
    result = unit.run("check", "face", pictures["live"], pictures["same"], *HANDED)
    assert (result.status, result.out) == (2, "")
    assert "no calibration for the face model" in result.problem()

"""`check document` as an officer types it."""

from __future__ import annotations

import pytest

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
    assert answer["photo"]["verdict"] == "not_compared"
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
        (("--mrz", LINES, "--reason", " "), 1, "a check needs a reason"),
        (("--mrz", LINES, "--reason", "x", "--source", "nobody"), 2, "there is no source 'nobody'"),
        (("--mrz", LINES), 2, "--reason"),
        (("photo.jpg", "--mrz", LINES, "--reason", "x"), 2, "photo.jpg"),
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

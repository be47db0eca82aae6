"""Face lists as an authority and an officer type them: check, build, sign, show, verify, load."""

from __future__ import annotations

import csv
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from hub.calibration import read_calibration
from hub.testing.faces import calibration, face_picture
from hub.testing.frames import write_photo
from tests.kit import ISSUER, PASSPHRASES, ROOT, Unit, command
from tests.kit_following import follow, publish

COLUMNS = (
    "entry", "name", "photo", "photo_date", "category", "legal_basis", "issuing_authority", "expires", "instruction",
)  # fmt: skip
TODAY = datetime.now(UTC).date()
PURPOSE = "missing-or-vulnerable-person"


def make_keys(unit):
    for name in ("first", "second"):
        assert command("watchlist", "new-key", str(unit.folder / f"{name}.pem")).status == 0


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    unit = Unit.empty(tmp_path_factory.mktemp("prepared") / "unit")
    with unit.active():
        unit.run("officer", "add", "100", stdin=PASSPHRASES["100"])
        unit.sign_in("100")
        make_keys(unit)
        follow(unit)
    (unit.folder / "photos").mkdir()
    for person in (0, 30, 60, 90):
        write_photo(unit.folder / "photos" / f"{person}.png", face_picture(person))
    (unit.folder / "calibration").mkdir()
    (unit.folder / "calibration" / "scripted.json").write_bytes(msgspec.json.encode(calibration()))
    return unit


@pytest.fixture
def unit(prepared, tmp_path):
    copy = prepared.copy(tmp_path / "unit")
    text = copy.config.read_text()
    copy.config.write_text('calibrations_folder = "calibration"\n' + text)
    with copy.active():
        copy.sign_in("100")
        yield copy


def record(person, **changes):
    """Return a record about nobody, whose photo is of a direction in degrees."""
    return {
        "entry": f"E-{person}",
        "name": f"Nobody {person}",
        "photo": f"{person}.png",
        "photo_date": str(TODAY - timedelta(days=100)),
        "category": "missing_child",
        "legal_basis": "Test order",
        "issuing_authority": "Test authority",
        "expires": str(TODAY + timedelta(days=10)),
        "instruction": "Stay with the child",
    } | changes


def table(unit, *records, name="people.csv"):
    path = unit.folder / name
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(records)
    return str(path)


def check(unit, *records, size=10, more=()):
    photos = str(unit.folder / "photos")
    return unit.run("watchlist", "check", table(unit, *records), "--photos", photos, "--size", str(size), *more)


def build(unit, *records, name="children", signers=("first", "second"), size=10, purpose=PURPOSE, version=1, hours=5):
    """Build a list as an authority would, sign it, and return its file with what building said."""
    key = unit.folder / "car.key"
    key.write_text(unit.run("authority", "unit-key").out)
    file = unit.folder / f"{name}.faces"
    expires = (datetime.now(UTC) + timedelta(hours=hours)).isoformat()
    words = {
        "--photos": unit.folder / "photos", "--size": size, "-o": file, "--name": name, "--issuer": ISSUER,
        "--authority": "Test court", "--purpose": purpose, "--place": "Test town", "--legal-basis": "Test act",
        "--expires": expires, "--version": version, "--unit": key, "--config": unit.config,
    }  # fmt: skip
    options = [str(word) for pair in words.items() for word in pair]
    built = command("watchlist", "build", table(unit, *records), *options)
    for signer in signers if built.status == 0 else ():
        assert command("watchlist", "sign", str(file), "--key", str(unit.folder / f"{signer}.pem")).status == 0
    return str(file), built


def test_from_photos_to_a_loaded_list(unit):
    file, built = build(unit, record(0), record(60))
    assert built.out == f"{file}: 2 entries for 1 unit, not signed yet\n"
    shown = command("watchlist", "show", file)
    assert "children of Test issuer, version 1: faces of missing_child" in shown.out
    assert "2 entries (10 at most, as Test court stated)" in shown.out
    assert "opens on car-1" in shown.out
    assert "nobody's signature was looked at" in shown.out
    assert command("watchlist", "show", file, "--format", "json").json()["units"] == ["car-1"]
    early = unit.run("watchlist", "load", file)
    assert (early.status, "never published" in early.problem()) == (1, True)
    publish(unit, Path(file))
    verified = unit.run("watchlist", "verify", file, "--format", "json")
    assert (verified.status, verified.json()["signers"]) == (0, ["first", "second"])
    assert "signed by first and second" in unit.run("watchlist", "verify", file).out
    loaded = unit.run("watchlist", "load", file)
    assert loaded.status == 0, loaded.err
    assert loaded.out.startswith("children of Test issuer, version 1: 2 entries\nloaded until ")
    assert "ok    face lists: children until 20" in unit.run("doctor").out
    acts = [(line["entry"]["act"], line["entry"]["officer"]) for line in _log(unit)]
    assert ("list_loaded", "100") in acts
    for name, content in unit.files().items():
        assert b"Nobody 60" not in content, name
        assert b"Stay with" not in content, name


def _log(unit):
    return unit.run("audit", "show", "--last", "5", "--format", "jsonl").lines()


def test_a_hot_list_is_shown_as_well(unit):
    file = unit.build_list(signers=0)
    shown = command("watchlist", "show", str(file))
    assert "vehicles of Test issuer, version 1: hot-list\n1 entry, expires 2099-01-01 00:00 UTC" in shown.out
    assert command("watchlist", "show", str(file), "--format", "json").json()["entries"] == 1


def test_without_the_session_s_key_the_passphrase_is_asked_for_again(unit, monkeypatch):
    file, _ = build(unit, record(0))
    publish(unit, Path(file))
    monkeypatch.delenv("XDG_RUNTIME_DIR")
    assert unit.run("watchlist", "load", file, stdin="").status == 2
    assert unit.run("watchlist", "load", file, stdin="not the passphrase\n").status == 1
    assert unit.run("watchlist", "load", file, stdin=PASSPHRASES["100"]).status == 0


def test_a_list_that_may_not_be_used_is_refused_and_in_the_log(unit):
    file, _ = build(unit, record(0), signers=("first",))
    assert unit.run("watchlist", "verify", file).out.startswith("REFUSED: 1 of the 2 signatures")
    refused = unit.run("watchlist", "load", file)
    assert (refused.status, "1 of the 2 signatures" in refused.problem()) == (1, True)
    assert _log(unit)[-1]["entry"]["act"] == "list_refused"


def test_a_unit_that_follows_no_authority_loads_none(unit):
    """Although its trust file, good for hot-lists, names the issuer."""
    (unit.state / "authority" / "trusted.json").unlink()
    keys = [str(unit.folder / f"{name}.pem.pub") for name in ("first", "second")]
    assert unit.run("watchlist", "trust", ISSUER, *keys).status == 0
    file, _ = build(unit, record(0))
    refused = unit.run("watchlist", "load", file)
    assert (refused.status, "`patrol-hub authority update`" in refused.problem()) == (1, True)
    assert unit.run("watchlist", "verify", file).out.startswith("REFUSED: a face list is used only where its authority")


def test_a_check_names_each_row_and_says_no(unit):
    good = check(unit, record(0), record(60))
    assert good.status == 0
    assert "most alike: entries E-0 and E-60, similarity 0.5000" in good.out
    assert "2 of 2 records good; a list can be built of them" in good.out
    bad = check(unit, record(0), record(30, legal_basis=""), record(60, expires=""), more=("--format", "json"))
    assert bad.status == 1
    report = bad.json()
    assert (report["ok"], report["rows"], report["good"]) == (False, 3, 1)
    assert [(each["row"], each["entry"]) for each in report["findings"]] == [(2, "E-30"), (3, "E-60")]
    (unit.folder / "photos" / "0.png").write_bytes((unit.folder / "photos" / "0.png").read_bytes()[:-500])
    corrupt = check(unit, record(0))
    assert corrupt.status == 1
    assert "record 1 E-0: its photo cannot be used: the PNG is cut off" in corrupt.out
    assert "REFUSED" in corrupt.out


def test_two_who_are_too_alike_need_a_higher_threshold_or_another_photo(unit):
    write_photo(unit.folder / "photos" / "10.png", face_picture(10))
    rows = record(0), record(10)
    refused = check(unit, *rows)
    assert refused.status == 1
    assert "as alike as one person to entry E-0 (similarity 0.9848" in refused.out
    assert check(unit, *rows, more=("--threshold", "0.99")).status == 0
    assert check(unit, *rows, more=("--threshold", "0.5")).status == 2
    file, built = build(unit, *rows)
    assert built.status == 2
    assert "record 2 E-10: as alike as one person" in built.err
    assert not Path(file).exists()


def test_a_budget_that_the_calibration_cannot_support_is_refused(unit):
    result = check(unit, record(0), more=("--false-alerts", "0.0001"))
    assert result.status == 1
    assert "the list: 0.0001 false alerts for 1 faces against 1 entries cannot be told from 20,000" in result.out


def test_another_calibration_judges_a_list_where_it_is_named(unit):
    research, file = unit.folder / "research", unit.folder / "other.json"
    for person in range(150):
        (research / str(person)).mkdir(parents=True)
        write_photo(research / str(person) / "0.png", face_picture(person))
    write_photo(research / "0" / "1.png", face_picture(0, shot=1))
    made = unit.run("watchlist", "calibrate", str(research), "--name", "nobody", "-o", str(file))
    assert (
        made.out
        == f"{file}: 150 people, 11,324 pairs of different people; supports a budget down to 0.00088 a comparison\n"
    )
    assert read_calibration(file).set == "nobody"
    with_it = check(unit, record(0), record(60), more=("--calibration", str(file), "--false-alerts", "0.02"))
    assert with_it.status == 0
    assert "(nobody)" in with_it.out
    other = file.with_name("another.json")
    other.write_bytes(msgspec.json.encode(calibration("a" * 64)))
    refused = check(unit, record(0), more=("--calibration", str(other)))
    assert (refused.status, "another face model" in refused.problem()) == (2, True)
    few = unit.run("watchlist", "calibrate", str(unit.folder / "photos"), "--name", "few")
    assert (few.status, "100 are needed" in few.problem()) == (2, True)


def test_a_list_is_as_long_as_its_authority_stated(unit):
    result = check(unit, record(0), record(60), size=1)
    assert result.status == 1
    assert "there are 2 records and its authority stated 1 at most" in result.out


def test_a_purpose_is_one_of_three(unit):
    _, built = build(unit, record(0), purpose="curiosity")
    assert built.status == 2
    assert "'curiosity' is no purpose for which faces may be compared: missing-or-vulnerable-person" in built.problem()


def test_wrong_files_are_told_in_one_line(unit):
    (unit.folder / "none").write_text("no list")
    (unit.folder / "mark").write_bytes(b"PHFACES1")
    for name, status in (("none", 1), ("mark", 1), ("missing", 2)):
        for words in (("watchlist", "load"), ("watchlist", "show")):
            result = unit.run(*words, str(unit.folder / name)) if words[1] == "load" else command(
                *words, str(unit.folder / name)
            )  # fmt: skip
            assert result.status == status, result
            assert result.problem()
    (unit.folder / "car.key").write_text("car-1 nonsense\n")
    key = str(unit.folder / "car.key")
    built = command(
        "watchlist", "build", table(unit, record(0)), "--photos", str(unit.folder / "photos"), "--size", "1",
        "-o", str(unit.folder / "x"), "--name", "n", "--issuer", "i", "--authority", "a", "--purpose", PURPOSE,
        "--place", "p", "--legal-basis", "l", "--expires", "2099-01-01T00:00Z", "--unit", key,
    )  # fmt: skip
    assert built.status == 2
    assert "no unit's public key" in built.problem()


def test_a_signers_key_that_others_can_read_signs_nothing(unit):
    file, _ = build(unit, record(0), signers=())
    before = Path(file).read_bytes()
    (unit.folder / "first.pem").chmod(0o644)
    refused = command("watchlist", "sign", file, "--key", str(unit.folder / "first.pem"))
    assert refused.status == 1
    assert "may be read by others (mode 0644)" in refused.problem()
    assert Path(file).read_bytes() == before


def test_a_unit_without_officers_has_no_key(tmp_path):
    unit = Unit.empty(tmp_path / "unit")
    with unit.active():
        result = unit.run("authority", "unit-key")
        assert (result.status, "officer add" in result.problem()) == (2, True)


@pytest.mark.slow
@pytest.mark.data
def test_a_list_of_real_photos(tmp_path):
    """Reference photos of a research set through the installed model: checked, built, signed, loaded."""
    data = Path(os.environ.get("PATROL_HUB_DATA", ROOT / "../shared/data")) / "faces"
    if not data.is_dir():
        pytest.skip("the evaluation data is not there")
    listed = msgspec.json.decode((data / "openset.json").read_bytes())["gallery"][:30]
    unit = Unit.empty(tmp_path / "unit")
    unit.config.write_text(unit.config.read_text().replace(', "faces_onnx"', ""))
    (unit.folder / "photos").symlink_to(data / "images")
    rows = [record(number, photo=each["reference"]) for number, each in enumerate(listed)]
    with unit.active():
        unit.run("officer", "add", "100", stdin=PASSPHRASES["100"])
        unit.sign_in("100")
        make_keys(unit)
        follow(unit)
        report = check(unit, *rows, size=30, more=("--format", "json")).json()
        bad = {each["row"] for each in report["findings"] if each["refuses"]}
        assert 15 <= report["good"] <= 30
        assert all("exactly one" in each["text"] or "alike" in each["text"] or "quality" in each["text"]
                   for each in report["findings"])  # fmt: skip
        good = [row for number, row in enumerate(rows, start=1) if number not in bad]
        file, built = build(unit, *good, size=30)
        assert built.status == 0, built.err
        publish(unit, Path(file))
        assert unit.run("watchlist", "load", file).status == 0

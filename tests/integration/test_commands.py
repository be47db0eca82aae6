"""Every command as operators and officers use it, in their order, with the shapes that scripts outside rely on."""

from __future__ import annotations

import json
import os
import re
import signal
import sqlite3
import time
from contextlib import closing, suppress
from datetime import datetime, timedelta

import cv2
import pytest
import trio

import hub.plates.reading
from hub.clocks import SystemClock
from hub.config import load_config
from hub.messages import RaisedHit, Reason
from hub.testing import alerts as kit
from hub.testing.frames import drive_past, street, write_clip
from hub.testing.readers import PaintedReader, evidence
from hub.testing.streams import Connection, Then, serve_mjpeg
from hub.unit import open_unit
from tests.kit import ISSUER, LISTED, PASSPHRASES, STRANGER, Unit, command

READ_KEYS = {"plate", "confidence", "box", "regions", "characters", "alternatives"}
VERIFY_KEYS = {"ok", "entries", "first_bad", "witnessed", "reason"}


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    return Unit.prepare(tmp_path_factory.mktemp("prepared") / "unit")


@pytest.fixture
def unit(prepared, tmp_path):
    copy = prepared.copy(tmp_path / "unit")
    with copy.active():
        yield copy


@pytest.fixture
def alerted(unit):
    """A unit with one alert that waits, and its identifier."""
    assert unit.run("run", "--source", str(unit.photos(LISTED)), "--until-end").status == 0
    (line,) = unit.run("alerts", "list", "--format", "json").json()["alerts"]
    return unit, line["alert"]


def checked_read(read, plate):
    assert set(read) == READ_KEYS
    assert read["plate"] == plate
    assert 0 < read["confidence"] <= 1
    assert len(read["box"]) == 4
    assert all(isinstance(side, int) for side in read["box"])
    assert all(set(region) == {"code", "probability"} for region in read["regions"])
    assert read["regions"]
    assert "".join(each["text"] for each in read["characters"]) == plate
    assert all(set(each) == {"text", "probability"} for each in read["characters"])
    assert all(set(each) == {"plate", "confidence"} for each in read["alternatives"])


# ------------------------------------------------------------------------------------------------- officers


def test_officers_are_added_sign_in_and_out(tmp_path):
    unit = Unit.empty(tmp_path / "unit")
    with unit.active():
        assert unit.run("officer", "list", "--format", "json").json() == {"officers": []}
        assert unit.run("officer", "add", "1", stdin="first passphrase\n").out == "officer 1 added as supervisor\n"
        nobody = unit.run("officer", "add", "2", stdin="second passphrase\n")
        assert (nobody.status, nobody.out) == (1, "")
        assert "nobody is signed in" in nobody.problem()
        assert unit.run("officer", "sign-in", "1", stdin="first passphrase\n").status == 0
        added = unit.run("officer", "add", "2", "--role", "officer", stdin="second passphrase\n")
        assert added.status == 0
        listed = unit.run("officer", "list", "--format", "json").json()["officers"]
        assert [(each["number"], each["role"], each["signed_in"]) for each in listed] == [
            ("1", "supervisor", True),
            ("2", "officer", False),
        ]
        assert "passphrase" not in unit.run("officer", "list", "--format", "json").out
        assert unit.run("officer", "sign-out").out == "officer 1 signed out\n"
        again = unit.run("officer", "sign-out")
        assert (again.status, again.problem()) == (1, "patrol-hub: nobody is signed in on this unit")


# -------------------------------------------------------------------------------------------- lists, look-ups


def test_a_list_is_built_signed_twice_verified_and_imported(unit):
    signed_once = unit.build_list("new", signers=1, version=2)
    short = unit.run("watchlist", "verify", str(signed_once), "--format", "json")
    assert short.status == 1
    assert short.json()["ok"] is False
    refused = unit.run("import", "wanted_persons", str(signed_once))
    assert (refused.status, refused.out) == (1, "")
    assert "two different people" in refused.problem()
    assert command("watchlist", "sign", str(signed_once), "--key", str(unit.folder / "second.pem")).status == 0
    answer = unit.run("watchlist", "verify", str(signed_once), "--format", "json").json()
    assert answer["ok"] is True
    assert answer["issuer"] == ISSUER
    assert answer["entries"] == 1
    assert len(answer["signers"]) == 2
    assert unit.run("import", "wanted_persons", str(signed_once)).status == 0


def test_bad_rows_of_an_import_are_named_and_the_others_imported(unit):
    rows = unit.folder / "rows.csv"
    rows.write_text(
        "plate,keeper_name,insurance_status\n9999ZZZ,New Keeper,insured\n,Nobody,insured\n8888YYY,X,maybe\n"
    )
    result = unit.run("import", "drivers", str(rows))
    assert result.status == 1
    assert result.out == "drivers: 1 record imported, 2 rows refused\n"
    assert [line.split(":")[0] for line in result.err.splitlines()] == ["rows.csv, line 3", "rows.csv, line 4"]
    assert "New Keeper" in unit.run("lookup", "plate", "9999ZZZ", "--reason", "stop").out


def test_columns_that_an_import_does_not_take_are_counted_apart_from_rows(unit):
    rows = unit.folder / "wrong.csv"
    rows.write_text("plate,age,keeper_name,faith\n9999ZZZ,1,New Keeper,x\n,1,Nobody,x\n")
    result = unit.run("import", "drivers", str(rows))
    assert result.status == 1
    assert result.out == "drivers: 1 record imported, 1 row refused, 2 columns not imported\n"
    first, second, third = result.err.splitlines()
    assert first.startswith("wrong.csv, line 1: column 'age' is not imported: the columns are entry, plate, ")
    assert second == "wrong.csv, line 1: column 'faith' is not imported"
    assert third.startswith("wrong.csv, line 3: ")


@pytest.mark.parametrize("country", ["UT", "utopia"])
def test_a_document_of_no_state_is_a_wrong_call(unit, country):
    result = unit.run("lookup", "document", "L898902C3", "--reason", "stop", "--country", country)
    assert (result.status, result.out) == (2, "")
    assert "is no issuing state" in result.problem()


@pytest.mark.parametrize(
    ("words", "hits"),
    [
        (("plate", LISTED), {"drivers": "K-1", "wanted_persons": "W-1"}),
        (("plate", "123?BCD"), {"drivers": "K-1", "wanted_persons": "W-1"}),
        (("plate", STRANGER), {"drivers": "K-2"}),
        (("person", "KEEPER Invented, 1980-01-02"), {"drivers": "K-1"}),
        (("person", "Another Keeper", "--born", "1981-03-04"), {"drivers": "K-2"}),
        (("document", "L200"), {"drivers": "K-2"}),
        (("document", "L999"), {}),
    ],
    ids=["plate", "partial", "unlisted", "person", "born", "document", "none"],
)
def test_lookup(unit, words, hits):
    result = unit.run("lookup", *words, "--reason", "traffic stop", "--format", "json")
    assert result.status == 0
    answer = result.json()
    assert set(answer) == {"lookup", "answers"}
    for each in answer["answers"]:
        assert set(each) >= {"source", "status", "records", "milliseconds", "explanation"}
        assert each["milliseconds"] == round(each["milliseconds"], 1)
        assert each["explanation"]
    found = {each["source"]: each["records"] for each in answer["answers"] if each["status"] == "hit"}
    assert {source: records[0]["record"]["entry"] for source, records in found.items()} == hits
    sources = [each["source"] for each in answer["answers"]]
    assert sources == sorted(sources)
    text = unit.run("lookup", *words, "--reason", "traffic stop")
    assert all(f"entry {entry}" in text.out for entry in hits.values())


def test_one_source_alone_can_be_asked(unit):
    answer = unit.run("lookup", "plate", LISTED, "--reason", "x", "--source", "drivers", "--format", "json").json()
    assert [each["source"] for each in answer["answers"]] == ["drivers"]


# ------------------------------------------------------------------------------------------- run and alerts


def test_run_until_end_raises_an_alert_and_tells_why_nothing(unit):
    result = unit.run("run", "--source", str(unit.photos(LISTED, STRANGER, "")), "--until-end", "--events", "-")
    assert (result.status, result.err) == (0, "")
    events = result.lines()
    assert all({"kind", "at", "unit"} <= set(event) for event in events)
    assert {event["unit"] for event in events} == {"car-1"}
    assert all(datetime.fromisoformat(event["at"]).tzinfo for event in events)
    assert events[0]["kind"] == "unit_started"
    assert {each["source"] for each in events[0]["sources"]} >= {"drivers", "wanted_persons"}
    (alert,) = [event for event in events if event["kind"] == "alert"]
    assert (alert["state"], alert["plate"], alert["entry"]) == ("alert", LISTED, "W-1")
    last = events[-1]
    assert last["kind"] == "unit_stopped"
    assert last["balanced"] is True
    assert last["cause"] == "end of sources"
    counts = {(each["stage"], each["reason"]): each["count"] for each in last["counts"]}
    assert sum(count for (stage, _), count in counts.items() if stage == "frame") == 3
    assert counts["read", "alert"] == 1
    assert counts["read", "not_listed"] == 1
    assert counts["frame", "no_text"] == 1


def test_run_prints_the_counts_where_events_go_to_a_file(unit):
    events = unit.folder / "events.jsonl"
    result = unit.run("run", "--source", str(unit.photos("", STRANGER)), "--until-end", "--events", str(events))
    assert result.status == 0
    assert re.search(r"photos +read +not_listed +1", result.out)
    assert [json.loads(line)["kind"] for line in events.read_text().splitlines()][-1] == "unit_stopped"


def test_run_over_a_video_and_read_of_it_agree(unit):
    clip = write_clip(unit.folder / "clip.mp4", [*drive_past(LISTED, 12), *[street()] * 40])
    assert unit.run("run", "--source", str(clip), "--until-end").status == 0
    (line,) = unit.run("alerts", "list", "--format", "json").json()["alerts"]
    assert line["plate"] == LISTED
    (track,) = unit.run("read", str(clip), "--reason", "stop", "--format", "jsonl").lines()
    assert set(track) >= {"source", "reads", "reason", "milliseconds", "first_seen", "last_seen", "frames", "votes"}
    checked_read(track["reads"][0], LISTED)
    assert 0 <= track["first_seen"] < track["last_seen"] < 1
    assert 2 <= track["votes"] <= track["frames"]


def test_an_alert_is_listed_shown_adjudicated_dispatched_and_corrected(alerted):
    unit, name = alerted
    (line,) = unit.run("alerts", "list", "--format", "json").json()["alerts"]
    assert (line["state"], line["plate"], line["entry"], line["source"]) == ("alert", LISTED, "W-1", "wanted_persons")
    pictures = unit.folder / "pictures"
    page = unit.run("alerts", "show", name, "--pictures", str(pictures), "--format", "json").json()
    assert page["hit"]["record"]["entry"] == "W-1"
    assert page["hit"]["why"]
    assert sorted(page["pictures"]) == sorted(str(path) for path in pictures.iterdir())
    assert all(cv2.imread(path) is not None for path in page["pictures"])
    text = unit.run("alerts", "show", name).out
    assert f"read   {' '.join(LISTED)}" in text
    assert "instruction: Stop it" in text

    decided = unit.run("alerts", "adjudicate", name, "true", "--reason", "same plate", "--format", "json").json()
    assert decided["state"] == "adjudicated_true"
    assert [step["officer"] for step in decided["steps"]] == ["", "4711"]
    (dispatch,) = (unit.state / "dispatches").glob("*.json")
    sent = json.loads(dispatch.read_text())
    assert (sent["alert"], sent["plate"], sent["officer"], sent["unit"]) == (name, LISTED, "4711", "car-1")

    assert unit.run("alerts", "adjudicate", name, "engaged", "--reason", "stopping it").status == 0
    assert unit.run("alerts", "adjudicate", name, "confirmed-true", "--reason", "stolen").status == 0
    words = ("alerts", "adjudicate", name, "confirmed-false", "--reason", "given back last week")
    refused = unit.run(*words)
    assert (refused.status, refused.out) == (1, "")
    assert "correct it, with a reason" in refused.problem()
    corrected = unit.run(*words, "--correct", "--format", "json").json()
    assert corrected["state"] == "confirmed_false"
    assert corrected["steps"][-1]["corrects"] == 3
    assert len(list((unit.state / "dispatches").glob("*.json"))) == 4
    assert unit.run("alerts", "list", "--format", "json").json() == {"alerts": []}


def test_an_officer_can_act_for_one_command_with_a_passphrase(alerted):
    unit, name = alerted
    unit.run("officer", "sign-out")
    refused = unit.run("alerts", "adjudicate", name, "true", "--reason", "seen")
    assert (refused.status, refused.out) == (1, "")
    words = ("alerts", "adjudicate", name, "true", "--reason", "seen", "--officer", "4712", "--format", "json")
    assert unit.run(*words, stdin=PASSPHRASES["4712"]).json()["steps"][-1]["officer"] == "4712"
    assert not any(each["signed_in"] for each in unit.run("officer", "list", "--format", "json").json()["officers"])


def test_nobody_is_the_second_verifier_of_an_alert_that_they_raised(unit):
    async def raise_by_hand():
        async with open_unit(load_config(unit.config), unit.state, clock=SystemClock()) as opened:
            raised = RaisedHit(None, kit.answer(kit.hit()), kit.requester("4711"))
            assert await opened.alerts.raise_hit(raised) is Reason.ALERT

    trio.run(raise_by_hand)
    (line,) = unit.run("alerts", "list", "--format", "json").json()["alerts"]
    words = ("alerts", "adjudicate", line["alert"], "true", "--reason", "seen")
    own = unit.run(*words)
    assert (own.status, own.out) == (1, "")
    assert "second verifier" in own.problem()
    assert unit.run(*words, "--officer", "4712", stdin=PASSPHRASES["4712"]).status == 0


# ---------------------------------------------------------------------------------------------------- audit


def test_the_log_is_exported_verified_shown_and_reported(alerted):
    unit, name = alerted
    unit.run("lookup", "plate", LISTED, "--reason", "stop")
    unit.run("alerts", "adjudicate", name, "true", "--reason", "same plate")
    unwitnessed = unit.run("audit", "verify", "--format", "json")
    assert unwitnessed.status == 1
    assert set(unwitnessed.json()) >= VERIFY_KEYS
    assert (unwitnessed.json()["ok"], unwitnessed.json()["witnessed"]) == (False, False)
    assert "nothing outside this unit vouches" in unwitnessed.json()["reason"]

    outside = unit.checkpoint()
    verified = unit.run("audit", "verify", "--checkpoint", str(outside), "--format", "json")
    assert verified.status == 0
    answer = verified.json()
    assert (answer["ok"], answer["witnessed"], answer["first_bad"]) == (True, True, None)
    assert unit.run("audit", "checkpoint").out.startswith("patrol-hub/car-1\n")

    shown = unit.run("audit", "show", "--last", "3", "--format", "jsonl")
    assert len(shown.lines()) == 3
    assert "adjudicated_true" in unit.run("audit", "show", "--last", "10").out
    (year,) = unit.run("audit", "report", "--format", "json").json()["years"]
    total = year["total"]
    assert (total["lookups"], total["lookups_done"], total["alerts"], total["adjudicated_true"]) == (1, 1, 1, 1)
    assert (total["lookups_interrupted"], total["imports"], total["dispatches"]) == (0, 2, 1)
    assert [share["name"] for share in year["units"]] == ["car-1"]


def test_a_changed_entry_is_named(unit):
    outside = unit.checkpoint()
    with closing(sqlite3.connect(unit.state / "audit.sqlite3")) as log, log:
        (data,) = log.execute("SELECT metadata FROM entry WHERE number = 2").fetchone()
        log.execute("UPDATE entry SET metadata = ? WHERE number = 2", (data.replace(b"sign_in", b"sign_on"),))
        assert b"sign_in" in data
    result = unit.run("audit", "verify", "--checkpoint", str(outside), "--format", "json")
    assert result.status == 1
    assert result.json()["first_bad"] == 2
    assert "first bad entry: 2" in unit.run("audit", "verify", "--checkpoint", str(outside)).out


# ------------------------------------------------------------------------------------------ read and evaluate


def test_read_gives_each_picture_its_line(unit):
    folder = unit.photos(LISTED, "", STRANGER)
    rows = unit.run("read", str(folder), "--reason", "test", "--format", "jsonl").lines()
    assert [row["source"] for row in rows] == [f"{folder}/0{number}.png" for number in range(3)]
    assert all(set(row) >= {"source", "reads", "reason", "milliseconds"} for row in rows)
    checked_read(rows[0]["reads"][0], LISTED)
    checked_read(rows[2]["reads"][0], STRANGER)
    assert (rows[1]["reads"], rows[1]["reason"]) == ([], "no_text")
    assert [row["reason"] for row in rows[::2]] == ["", ""]
    (entry,) = unit.run("audit", "show", "--last", "1", "--format", "jsonl").lines()
    assert entry["entry"]["act"] == "files_read"
    assert (entry["payload"]["reason"], entry["payload"]["files"]) == ("test", 3)
    assert f"{folder}/00.png: {LISTED}" in unit.run("read", str(folder), "--reason", "test").out


def truth(folder, name, plate, box):
    (folder / f"{name}.txt").write_text("\t".join([f"{name}.png", *map(str, box), plate]) + "\n")


def test_evaluate_plates(unit):
    folder = unit.photos(LISTED, STRANGER, "")
    for number, plate in enumerate((LISTED, "5678FGX")):
        truth(folder, f"0{number}", plate, (40, 90, 96, 48))
    report = unit.run("evaluate", "plates", str(folder), "--format", "json").json()
    assert set(report) >= {"plates", "detected", "exact", "folded", "top3", "misread", "false_reads", "milliseconds"}
    assert set(report["milliseconds"]) >= {"median", "p95"}
    assert (report["plates"], report["detected"], report["exact"], report["misread"]) == (2, 2, 1, 1)


def plates_seen_by(unit, folder):
    """Return what run, read and evaluate make of the same photo: number of alerts, plates read, exact ones."""
    run = unit.run("run", "--source", str(folder), "--until-end", "--events", "-")
    alerts = sum(event["kind"] == "alert" for event in run.lines())
    rows = unit.run("read", str(folder), "--reason", "test", "--format", "jsonl").lines()
    read = [each["plate"] for row in rows for each in row["reads"]]
    report = unit.run("evaluate", "plates", str(folder), "--format", "json").json()
    return alerts, read, report["exact"]


def test_run_read_and_evaluate_read_through_the_same_reader_and_judge(unit, monkeypatch):
    folder = unit.photos(LISTED)
    truth(folder, "00", LISTED, (40, 90, 96, 48))
    assert plates_seen_by(unit, folder) == (1, [LISTED], 1)
    with monkeypatch.context() as patch:
        patch.setattr(PaintedReader, "read", lambda self, image: [evidence(STRANGER, (40, 90, 96, 48))])
        assert plates_seen_by(unit, folder) == (0, [STRANGER], 0)
    judge = hub.plates.reading.judge

    def nothing(evidence, *rest):
        return judge((), *rest)

    with monkeypatch.context() as patch:
        patch.setattr(hub.plates.reading, "judge", nothing)
        assert plates_seen_by(unit, folder) == (0, [], 0)


# --------------------------------------------------------------------------------------------------- the rest


def test_doctor_says_what_works_and_the_limits(unit):
    result = unit.run("doctor", "--format", "json")
    answer = result.json()
    assert result.status == (0 if answer["ok"] else 1)
    checks = {check["what"]: check for check in answer["checks"]}
    assert {"disk", "clock", "officers", "log", "source drivers", "source wanted_persons", "plugin kit"} <= set(checks)
    (limit,) = [each for each in answer["limits"] if each["source"] == "wanted_persons"]
    assert limit["limit"]["expected_false_alerts"] <= limit["limit"]["budget"]
    assert "cost limit" in unit.run("doctor").out


def test_doctor_says_that_the_clock_is_behind_the_log(unit, monkeypatch):
    slow = SystemClock()
    monkeypatch.setattr("hub.commands.doctor.SystemClock", lambda: slow)
    monkeypatch.setattr(slow, "now", lambda: SystemClock().now() - timedelta(days=1))
    doctor = unit.run("doctor", "--format", "json")
    (clock,) = [each for each in doctor.json()["checks"] if each["what"] == "clock"]
    assert doctor.status == 1
    assert not clock["ok"]
    assert "behind the newest entry" in clock["detail"]


def test_models_and_plugins(unit):
    models = command("models", "list", "--format", "json").json()["models"]
    assert all(len(each["sha256"]) == 64 and each["licence"] for each in models)
    check = command("models", "check", "--format", "json")
    assert check.status == (0 if check.json()["ok"] else 1)
    names = {each["name"] for each in command("plugins", "list", "--format", "json").json()["plugins"]}
    assert {"drivers", "wanted_persons", "plates_ppocr", "kit"} <= names
    assert unit.run("plugins", "check", "kit").status == 0


# ------------------------------------------------------------------------------------------ real processes


def end_of(child, ask=signal.SIGTERM, within=5.0):
    """Ask a child to stop and return its output and how long it took."""
    started = time.monotonic()
    child.send_signal(ask)
    out, err = child.communicate(timeout=within + 10)
    return out, err, time.monotonic() - started


def wait_for(child, word):
    seen = []
    for line in child.stdout:
        seen.append(line)
        if word in line:
            return seen
    raise AssertionError(f"{word} never came: {''.join(seen)} {child.stderr.read()}")


def wait_for_file(path, word, seconds=30.0):
    until = time.monotonic() + seconds
    while not any(word in each.read_bytes() for each in path.parent.glob(f"{path.name}*")):
        assert time.monotonic() < until, f"{word!r} never came to {path}"
        time.sleep(0.05)


@pytest.mark.slow
@pytest.mark.parametrize("ask", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
def test_run_over_a_paced_video_stops_within_5_s_of_a_signal(unit, ask):
    clip = write_clip(unit.folder / "long.mp4", [*drive_past(LISTED, 12), *[street()] * 1500])
    child = unit.spawn("run", "--source", str(clip), "--events", "-")
    seen = wait_for(child, '"kind":"alert"')
    out, err, seconds = end_of(child, ask)
    assert child.returncode == 0, err
    assert seconds < 5
    events = [json.loads(line) for line in [*seen, *out.splitlines()]]
    assert all({"kind", "at", "unit"} <= set(event) for event in events)
    assert events[-1]["kind"] == "unit_stopped"
    assert events[-1]["balanced"] is True
    assert "Traceback" not in err
    assert unit.run("audit", "verify", "--checkpoint", str(unit.checkpoint())).status == 0


@pytest.mark.slow
@pytest.mark.parametrize("ask", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
def test_run_over_a_stalled_stream_stops_within_5_s_of_a_signal(unit, ask):
    with serve_mjpeg([street()], [Connection(frames=5, then=Then.STALL)]) as address:
        child = unit.spawn("run", "--source", address, "--events", "-")
        seen = wait_for(child, '"stalled":true')
        out, err, seconds = end_of(child, ask)
    assert child.returncode == 0, err
    assert seconds < 5
    assert json.loads(out.splitlines()[-1])["kind"] == "unit_stopped"
    assert "Traceback" not in err
    assert all(json.loads(line) for line in seen)


@pytest.mark.slow
def test_run_whose_events_nobody_takes_stops_within_5_s_of_a_signal(unit):
    pipe = unit.folder / "events"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    full = os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
    with suppress(BlockingIOError):
        while True:
            os.write(full, b"\n" * 4096)
    child = unit.spawn("run", "--without-camera", "--events", str(pipe))
    wait_for_file(unit.state / "audit.sqlite3", b"unit_start")
    _, err, seconds = end_of(child)
    assert child.returncode == 0, err
    assert seconds < 5
    os.close(reader)
    os.close(full)


def test_files_that_commands_write_about_alerts_are_private(alerted, tmp_path):
    unit, alert = alerted
    events, folder = tmp_path / "events.jsonl", tmp_path / "pictures"
    photos = str(unit.photos(LISTED, name="again"))
    assert unit.run("run", "--source", photos, "--until-end", "--events", str(events)).status == 0
    assert unit.run("alerts", "show", alert, "--pictures", str(folder)).status == 0
    for path in (events, *folder.iterdir()):
        assert path.stat().st_mode & 0o077 == 0, path
    assert folder.stat().st_mode & 0o077 == 0


@pytest.mark.slow
def test_demo_does_the_main_job_and_without_the_plate_it_does_not(tmp_path):
    unit = Unit.empty(tmp_path / "unit")
    child = unit.spawn("demo", "--headless")
    out, err = child.communicate(timeout=400)
    assert child.returncode == 0, out + err
    assert "the main job was done" in out
    with unit.active():
        (alert,) = unit.run(
            "alerts", "list", "--all", "--officer", "demo", "--format", "json", "--config", default(unit)
        ).json()["alerts"]
        assert alert["state"] == "adjudicated_true"

    unit = Unit.empty(tmp_path / "other")
    child = unit.spawn("demo", "--headless", "--without-plate")
    out, err = child.communicate(timeout=400)
    assert child.returncode == 1, out + err
    assert "no alert" in out
    assert "Traceback" not in err
    assert not list((unit.state / "dispatches").glob("*.json"))


def default(unit):
    """Return a configuration file that changes nothing: the demonstration is a unit of its own."""
    path = unit.folder / "default.toml"
    path.write_text("")
    return str(path)


@pytest.mark.slow
def test_run_whose_log_another_process_holds_stops_within_5_s_of_a_signal(unit):
    child = unit.spawn("run", "--without-camera")
    wait_for_file(unit.state / "audit.sqlite3", b"unit_start")
    with closing(sqlite3.connect(unit.state / "audit.sqlite3", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        _, err, seconds = end_of(child)
    assert child.returncode == 0, err
    assert seconds < 5
    assert "Traceback" not in err

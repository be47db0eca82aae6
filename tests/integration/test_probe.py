"""The probe as an officer types it, and as a dashboard asks for it."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
import trio
from msgspec.structs import replace

from hub.authority.keys import load_key
from hub.authority.unit_key import read_public
from hub.messages import Frame, SourceKind
from hub.probing import NextFrames
from hub.testing.faces import MODEL, calibration, face_picture
from hub.testing.frames import write_photo
from hub.watchlists.face_building import ReceivingUnit, build_faces
from hub.watchlists.faces import sign_faces
from hub.wire import Probed, ProbeFace, Refused
from tests.kit import CONFIG, ISSUER, PASSPHRASES, Unit
from tests.kit_attach import attached, running
from tests.kit_following import follow, publish
from tests.kit_lists import PARTICULARS, checked, entry
from tests.kit_watch import LISTED, people

WHY = ("--reason", "found confused at the station", "--format", "json")


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    unit = Unit.prepare(tmp_path_factory.mktemp("prepared") / "unit")
    folder = unit.folder / "calibrations"
    folder.mkdir()
    (folder / "scripted.json").write_bytes(msgspec.json.encode(calibration()))
    unit.config.write_text(f'calibrations_folder = "calibrations"\n{CONFIG}')
    with unit.active():
        follow(unit)
        load(unit)
    return unit


def load(unit):
    """Build a list for the unit, as its issuer does, and have an officer load it."""
    now = datetime.now(UTC)
    name, key = unit.run("authority", "unit-key").out.split()
    particulars = replace(
        PARTICULARS,
        issuer=ISSUER,
        created=now,
        expires=now + timedelta(hours=12),
        units=(ReceivingUnit(name, read_public(key)),),
    )
    days = {"expires": (now + timedelta(days=30)).date(), "photo_date": (now - timedelta(days=90)).date()}
    entries = tuple(entry(number, **days) for number in range(len(LISTED)))
    file = unit.folder / "children.faces"
    build_faces(file, checked(people(*LISTED), entries=entries), particulars, model=MODEL, random=secrets.token_bytes)
    for pem in ("first.pem", "second.pem"):
        sign_faces(file, load_key(unit.folder / pem, pem))
    publish(unit, file)
    loaded = unit.run("watchlist", "load", str(file), stdin=PASSPHRASES["4711"])
    assert loaded.status == 0, loaded.err


@pytest.fixture
def unit(prepared, tmp_path):
    copy = prepared.copy(tmp_path / "unit")
    with copy.active():
        yield copy


def picture(unit, person, **options):
    file = unit.folder / "face.png"
    write_photo(file, face_picture(person, **options))
    return str(file)


def probe(unit, person, *more, **options):
    return unit.run("probe", "--image", picture(unit, person, **options), *WHY, *more, stdin=PASSPHRASES["4711"])


def test_somebody_listed_is_a_candidate_and_an_alert_for_another_officer(unit):
    found = probe(unit, 2)
    assert found.status == 0, found.err
    answer = found.json()
    assert answer["status"] == "candidate"
    (candidate,) = answer["candidates"]
    assert {"entry", "similarity", "margin", "false_alert_budget"} <= set(candidate)
    assert (candidate["entry"], candidate["false_alert_budget"]) == ("E-0", 0.02)
    assert candidate["instruction"] == "Stay with the child and call the desk"
    assert answer["quality"]["eyes"] > 15
    assert "another officer adjudicates" in answer["reason"]
    (alert,) = unit.run("alerts", "list", "--format", "json").json()["alerts"]
    shown = unit.run(
        "alerts", "show", alert["alert"], "--pictures", str(unit.folder / "out"), "--format", "json"
    ).json()
    assert shown["raised_by"] == "4711"
    assert shown["hit"]["kind"] == "face"
    assert "photo of E-0" not in found.out
    own = unit.run("alerts", "adjudicate", alert["alert"], "true", "--reason", "it is")
    assert own.status == 1
    assert "second verifier" in own.err
    again = probe(unit, 45)
    assert again.status == 1
    assert again.json()["status"] == "refused"
    assert "10 s apart" in again.json()["reason"]
    log = unit.run("audit", "show", "--last", "20", "--format", "jsonl").lines()
    assert [each["entry"]["outcome"] for each in log if each["entry"]["act"] == "probe"] == ["begun", "done", "refused"]


def test_a_stranger_leaves_no_more_than_that_a_probe_was_made(unit):
    found = probe(unit, 45)
    assert found.status == 1
    assert found.json()["status"] == "no_candidate"
    assert found.json()["candidates"] == []
    assert unit.run("alerts", "list", "--format", "json").json()["alerts"] == []


def test_a_face_below_the_floor_is_not_compared(unit):
    found = probe(unit, 0, dark=True)
    assert found.status == 1
    assert found.json()["status"] == "not_compared"
    assert "below the quality floor" in found.json()["reason"]


@pytest.mark.slow
def test_without_a_list_it_is_refused_with_the_reason(unit):
    for file in (unit.state / "faces").iterdir():
        file.unlink()
    found = probe(unit, 0)
    assert found.status == 1
    assert found.json()["status"] == "refused"
    assert "no face list is loaded" in found.json()["reason"]


@pytest.mark.slow
def test_mistakes_are_one_line(unit):
    assert unit.run("probe", "--reason", "x").status == 2
    assert unit.run("probe", "--image", str(unit.folder), "--reason", "x").status == 2
    assert "there is no camera 'yard'" in unit.run("probe", "--camera", "yard", "--reason", "x").problem()
    words = ("probe", "--image", picture(unit, 0), "--reason", " ", "--format", "json")
    assert "needs a reason" in unit.run(*words, stdin=PASSPHRASES["4711"]).json()["reason"]
    unit.run("officer", "sign-out")
    assert "nobody is signed in" in unit.run("probe", "--image", picture(unit, 0), "--reason", "x").problem()


@pytest.mark.slow
async def test_a_dashboard_asks_for_a_probe_of_a_camera(unit):
    async with running(unit) as run, attached(unit) as talk, trio.open_nursery() as nursery:
        run.hub._next_frames = NextFrames(("gate",))

        async def see():
            for number in range(1000):
                image = face_picture(2, shot=number % 200)
                run.hub._next_frames.offer(
                    Frame("gate", number, datetime.now(UTC), number / 10, SourceKind.LIVE, "gate", image)
                )
                await trio.sleep(0.05)

        nursery.start_soon(see)
        refused = await talk.ask(ProbeFace, camera="gate", reason="x")
        assert isinstance(refused, Refused)
        assert refused.sign_in
        await talk.sign_in("4711")
        assert "there is no camera" in (await talk.ask(ProbeFace, camera="yard", reason="x")).reason
        found = await talk.ask(ProbeFace, camera="gate", reason="found confused at the station")
        assert isinstance(found, Probed), found
        assert found.status == "candidate"
        assert [each.entry for each in found.candidates] == ["E-0"]
        assert "over 4 pictures" in found.reason
        nursery.cancel_scope.cancel()

"""`patrol-hub run --order` as an officer types it, on a unit that follows an authority."""

from __future__ import annotations

import os
from datetime import UTC, datetime

import pytest
import trio

from hub.testing.faces import face_picture
from hub.testing.frames import write_photo
from tests.kit import Unit, command, install_plugin
from tests.kit_deploy import PASSPHRASE, SQUARE, Deploy

CONFIG = """\
unit = "car-1"
plugins_off = ["plates_ppocr", "plates_fast", "faces_onnx", "speech_whisper"]
plugins_in_process = ["kit"]
calibrations_folder = "calibrations"

[plates]
reader = "painted"

[faces]
faces_per_hour = 100
false_alerts_per_hour = 60
"""


@pytest.fixture(scope="module")
def ready(tmp_path_factory):
    """Return a unit with a loaded face list and an order for it in a file."""
    folder = tmp_path_factory.mktemp("watch")
    deploy = Deploy(folder, now=datetime.now(UTC))
    (folder / "patrol.toml").write_text(CONFIG)
    install_plugin(folder / "site")

    async def prepare():
        from hub.authority.place import Place

        async with deploy.unit():
            (folder / "order.json").write_bytes(deploy.order(place=Place(unit="car-1", cameras=("street",))))
            (folder / "town.json").write_bytes(deploy.order(place=Place(polygon=SQUARE)))
            (folder / "one.json").write_bytes(deploy.order("judge"))

    trio.run(prepare)
    street = folder / "street"
    street.mkdir()
    for number, person in enumerate((45, 3, 50)):
        write_photo(street / f"{number}.png", face_picture(person, shot=number))
    with Unit(folder).active() as unit:
        unit.config = folder / "patrol.toml"
        assert command("officer", "sign-in", "4711", "--config", str(unit.config), stdin=PASSPHRASE).status == 0
        yield unit


def run(unit, order, *words, development=True):
    return unit.run(
        "run", "--source", str(unit.folder / "street"), "--until-end", "--order", str(unit.folder / order), *words,
        *(["--development"] if development else []), stdin=PASSPHRASE,
    )  # fmt: skip


@pytest.mark.slow
def test_a_folder_is_no_camera(ready):
    before = len(ready.run("audit", "show", "--last", "40", "--format", "jsonl").lines())
    refused = run(ready, "order.json", development=False)
    assert refused.status == 1
    assert "street is a folder" in refused.err
    assert "Traceback" not in refused.err
    log = ready.run("audit", "show", "--last", "40", "--format", "jsonl").lines()[before:]
    assert ("order", "refused") in [(each["entry"]["act"], each["entry"]["outcome"]) for each in log]
    assert "watch" not in [each["entry"]["act"] for each in log]


@pytest.mark.slow
def test_an_order_is_loaded_watched_under_and_ended(ready):
    done = run(ready, "order.json")
    assert done.status == 0, done.err
    counts = {tuple(line.split()[1:3]): int(line.split()[3]) for line in done.out.splitlines()[1:]}
    assert counts["face_frame", "faces"] == 3
    assert counts["face", "resembles_no_entry"] == 2
    assert counts["face", "alert"] == 1
    (alert,) = ready.run("alerts", "list", "--format", "json").json()["alerts"]
    assert (alert["category"], alert["entry"], alert["camera"]) == ("missing_child", "E-0", "street")
    log = ready.run("audit", "show", "--last", "40", "--format", "jsonl").lines()
    acts = [(each["entry"]["act"], each["entry"]["outcome"]) for each in log]
    assert acts.index(("order", "loaded")) < acts.index(("watch", "begun")) < acts.index(("watch", "ended"))
    assert ("order", "ended") in acts
    counted = [each["payload"] for each in log if each["entry"]["outcome"] == "counted"]
    assert [(each["asked"], each["hit"]) for each in counted if each["source"] == "children"] == [(3, 1)]


@pytest.mark.slow
def test_with_a_polygon_nothing_is_compared_without_a_position_inside(ready):
    done = run(ready, "town.json", "--position", "fixed:10.0,10.0")
    assert done.status == 0, done.err
    assert "no_order" in done.out
    assert "resembles" not in done.out


@pytest.mark.slow
def test_what_is_wrong_with_an_order_is_one_line(ready):
    refused = run(ready, "one.json")
    assert refused.status == 2 or refused.status == 1
    assert "lacks the signature of the commander" in refused.err
    assert "Traceback" not in refused.err
    assert "cannot be read" in run(ready, "missing.json").err
    assert ready.run("run", "--without-camera", "--order", str(ready.folder / "order.json")).status == 2
    assert "belong to a deployment order" in ready.run("run", "--position", "gpsd").problem()
    assert run(ready, "town.json", "--position", "nowhere").status == 2
    assert os.environ["PATROL_HUB_STATE"] == str(ready.state)

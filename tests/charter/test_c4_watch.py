"""C4: a hub watches for faces under an order alone, beside reading plates; it ends by itself and leaves zeros.

The hub is the real one with its actors; only engine, reader and clock are a test's.
"""

from __future__ import annotations

import pytest
import trio
from msgspec.structs import replace

from hub.app import Watched
from hub.audit.reading import read_entries
from hub.authority.place import Place
from hub.capture import parse_source
from hub.config import Camera
from hub.errors import NotAllowedError, NotSignedInError
from hub.events import ActorChanged
from hub.messages import Act, ActorState, AlertState, OrderReason, Reason, Requester, is_missing
from hub.testing.faces import face_picture
from hub.testing.frames import Painted, drive_past, paint, street, write_clip, write_photo
from hub.unit import AUDIT_FILE
from tests.kit_deploy import CAMERA, SQUARE, Deploy, counted


def photos(folder, *persons):
    folder.mkdir()
    for number, person in enumerate(persons):
        write_photo(folder / f"{number:02d}.png", face_picture(person, shot=number))
    return (Watched(CAMERA, parse_source(str(folder))),)


async def ran(deploy, watched, **changes):
    """Run a hub over its sources under an order and return how it ended, with its counts and its alerts."""
    async with deploy.hub(watched, until_end=True) as (hub, ready):
        async with ready.watching(deploy.order(**changes), hub=hub) as watching:
            hub.watch_under(watching)
            with trio.fail_after(30):
                ended = await hub.run(trio.Event())
            state = watching.state()
        alerts = await hub.unit.alerts.list(ready.requester)
        full = [await hub.unit.alerts.show(ready.requester, each.alert) for each in alerts]
    counts = {(each.stage, each.reason): each.count for each in ended.event.counts}
    assert ended.event.balanced
    assert ended.failed == ()
    assert ended.event.overran == ()
    return counts, full, state


async def test_c4_somebody_missing_becomes_an_alert_with_both_pictures_and_what_to_do(tmp_path):
    deploy = Deploy(tmp_path)
    with counted() as seen:
        counts, (alert,), state = await ran(deploy, photos(tmp_path / "street", 45, 40, 3, 50))
    assert counts["face_frame", Reason.FACES] == 4
    assert counts["face", Reason.NOT_RESEMBLED] == 3
    assert counts["face", Reason.ALERT] == 1
    assert counts["frame", Reason.NO_TEXT] == 4  # plates go on
    assert alert.development  # files are watched in a development run alone
    assert (alert.state, alert.camera, alert.raised_by) == (AlertState.ALERT, CAMERA, "")
    assert is_missing(alert.category)
    assert alert.hit.record.get("instruction") == "Stay with the child and call the desk"
    assert alert.crop is not None
    assert alert.scene is not None
    assert seen.comparisons == 8
    assert seen.zeroed
    assert state.compared == 4


@pytest.mark.slow
async def test_c4_plates_are_read_as_before_in_the_same_frames(tmp_path):
    deploy = Deploy(tmp_path)
    clip = write_clip(tmp_path / "clip.mp4", [*drive_past("1234BCD", 8), *[street()] * 20])
    counts, alerts, _ = await ran(deploy, (Watched(CAMERA, parse_source(str(clip))),))
    assert counts["read", Reason.NO_SOURCE] == 1
    assert counts["face_frame", Reason.NO_FACE] == 28
    assert alerts == []


async def test_c4_a_camera_that_the_order_does_not_name_is_not_looked_at(tmp_path):
    deploy = Deploy(tmp_path)
    folder = tmp_path / "yard"
    folder.mkdir()
    write_photo(folder / "0.png", face_picture(0))
    with counted() as seen:
        counts, alerts, _ = await ran(deploy, (Watched("yard", parse_source(str(folder))),))
    assert counts["face_frame", Reason.NO_ORDER] == 1
    assert (alerts, seen.comparisons, deploy.engine.compared) == ([], 0, 0)


@pytest.mark.slow
async def test_c4_the_order_ends_in_a_running_hub_and_the_hub_goes_on(tmp_path):
    deploy = Deploy(tmp_path)
    clip = write_clip(tmp_path / "clip.mp4", [street()] * 250)
    watched = (Watched(CAMERA, parse_source(str(clip))),)
    with counted() as seen:
        async with (
            deploy.hub(watched, until_end=False) as (hub, ready),
            ready.watching(deploy.order(), hub=hub) as watching,
            trio.open_nursery() as nursery,
        ):
            hub.watch_under(watching)
            stop = trio.Event()
            with hub.events.subscribe() as events, trio.fail_after(10):
                nursery.start_soon(hub.run, stop)
                await until(events, "watch", ActorState.RUNNING)
                assert watching.watch.is_open
                assert watching.order().place == f"camera {CAMERA} of {deploy.settings.unit}"
                assert not seen.zeroed
                deploy.clock.advance(2 * 3600)
                await until(events, "watch", ActorState.DONE)
            assert seen.zeroed
            assert watching.state().reason is OrderReason.WINDOW_OVER
            stop.set()
        log = [(each.metadata.act, each.metadata.outcome) for each in read_entries(deploy.state / AUDIT_FILE)]
    assert (Act.ORDER, "loaded") in log
    assert (Act.WATCH, "begun") in log
    assert (Act.WATCH, "ended") in log
    assert (Act.ORDER, "ended") in log


async def until(events, actor, state):
    """Wait until an actor is in a state."""
    while True:
        event = await events.receive()
        if isinstance(event, ActorChanged) and (event.health.actor, event.health.state) == (actor, state):
            return


async def test_c4_c9_files_are_compared_in_development_runs_alone(tmp_path):
    """A folder of past captures that is called like a camera is none, whatever somebody types (C9)."""
    deploy = Deploy(tmp_path)
    watched = photos(tmp_path / CAMERA, 0, 0)
    with counted() as seen:
        async with deploy.hub(watched, until_end=True) as (hub, ready):
            with pytest.raises(NotAllowedError, match="as a live camera sees them, and gate is a folder"):
                async with ready.watching(deploy.order(), hub=hub, development=False):
                    pass
            async with ready.watching(deploy.order(), development=False) as watching:  # as if there were no camera
                with pytest.raises(NotAllowedError, match="loaded for other cameras"):
                    hub.watch_under(watching)
            async with ready.watching(deploy.order(), hub=hub) as watching:
                assert watching.state().development
        orders = [each for each in read_entries(deploy.state / AUDIT_FILE) if each.metadata.act is Act.ORDER]
    assert [each.metadata.outcome for each in orders] == ["refused", "loaded", "ended", "loaded", "ended"]
    assert [each.payload.development for each in orders if each.metadata.outcome != "ended"] == [False, False, True]
    assert "as a live camera" in orders[0].payload.reason
    assert seen.comparisons == deploy.engine.compared == 0


async def test_c4_a_camera_that_the_order_names_is_the_configurations_own(tmp_path):
    typed = (Watched(CAMERA, parse_source("rtsp://192.0.2.7/gate")),)
    for name, source, allowed in (
        ("none", "", False),
        ("another", "rtsp://192.0.2.1/door", False),
        ("ours", "rtsp://192.0.2.7/gate", True),
    ):
        deploy = Deploy(tmp_path / name)
        deploy.settings = replace(deploy.settings, cameras=(Camera(CAMERA, source),) if source else ())
        async with deploy.hub(typed) as (hub, ready):
            if allowed:
                async with ready.watching(deploy.order(), hub=hub, development=False) as watching:
                    hub.watch_under(watching)
                    assert not watching.state().development
                continue
            with pytest.raises(NotAllowedError, match="names the camera gate"):
                async with ready.watching(deploy.order(), hub=hub, development=False):
                    pass
            async with ready.watching(deploy.order(place=Place(polygon=SQUARE)), hub=hub, development=False):
                pass  # an area holds for whatever live camera is in it


async def test_c4_the_log_and_the_dashboards_say_whose_word_the_position_is(tmp_path):
    deploy = Deploy(tmp_path)
    (tmp_path / "track.csv").write_text("0,48.1,17.1\n")
    area = Place(polygon=SQUARE)
    said = {}
    async with deploy.unit() as ready:
        for text in ("fixed:48.1,17.1", str(tmp_path / "track.csv"), "gpsd", "nmea:localhost:10110"):
            async with ready.watching(deploy.order(place=area), text) as watching:
                said[text.partition(":")[0]] = watching.state().position
        async with ready.watching(deploy.order(), "fixed:48.1,17.1") as watching:
            assert watching.state().position == ""  # its place is cameras
        log = [each for each in read_entries(deploy.state / AUDIT_FILE) if each.metadata.act is Act.ORDER]
    assert list(said.values()) == ["fixed", "replay", "gpsd", "nmea"]
    loaded = [each.payload.position for each in log if each.metadata.outcome == "loaded"]
    assert loaded == ["fixed", "replay", "gpsd", "nmea", ""]


async def test_c12_an_order_needs_a_signed_in_officer(tmp_path):
    deploy = Deploy(tmp_path)
    async with deploy.unit() as ready:
        for requester in (ready.unit.itself, Requester("7", "administrator", "car-1")):
            ready.requester = requester
            with pytest.raises((NotAllowedError, NotSignedInError)):
                async with ready.watching(deploy.order()):
                    pass


async def test_c4_a_painted_plate_is_no_face(tmp_path):
    deploy = Deploy(tmp_path)
    folder = tmp_path / "plates"
    folder.mkdir()
    write_photo(folder / "0.png", paint(street(), [Painted("1234BCD", 20, 40)]))
    counts, alerts, _ = await ran(deploy, (Watched(CAMERA, parse_source(str(folder))),))
    assert counts["face_frame", Reason.NO_FACE] == 1
    assert alerts == []

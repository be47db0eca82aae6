"""C1, C4: whatever is wrong with a list or an order, nothing is compared: counted in the galleries and in the engine.

A real authority, real lists and orders, the probe and the watch as the hub puts them together; attackers may write to
the state folder.
"""

from __future__ import annotations

import secrets
import shutil
from contextlib import suppress
from datetime import timedelta

import pytest

from hub.authority.dsse import make_envelope, read_envelope
from hub.authority.orders import ORDER_TYPE, Purpose
from hub.authority.place import Place
from hub.authority.unit_key import make_key
from hub.errors import HubError, NotAllowedError, TrustError
from hub.face_lists import FOLDER
from hub.messages import Fix, OrderReason
from hub.testing.faces import MODEL, face_picture
from hub.watchlists.budget import FaceStatus
from hub.watchlists.face_building import ReceivingUnit
from hub.watchlists.metadata import Withdrawn
from hub.watchlists.trust import TRUSTED_FOLDER
from tests.kit_authority import NOW
from tests.kit_deploy import CAMERA, INSIDE, OUTSIDE, SQUARE, UNIT, Deploy, counted
from tests.kit_watch import people

LISTED = face_picture(0)
"""Somebody on the list: whoever compares finds them."""


@pytest.fixture
def deploy(tmp_path):
    return Deploy(tmp_path)


def put(deploy, ready, *, stem=""):
    """Lay the list that was just made where loaded ones lie, as somebody with the disk in hand could."""
    folder = deploy.state / FOLDER
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    shutil.copy(deploy.list, folder / f"{stem or deploy.digest}.faces")


def flip(file, at):
    data = bytearray(file.read_bytes())
    data[at] ^= 1
    file.write_bytes(bytes(data))


async def attempt(deploy, ready, order=None):
    """Try a probe and a watch of somebody who is listed; return the reasons why nothing came of either."""
    reasons = []
    deploy.clock.advance(20)
    try:
        answer = await ready.probe(LISTED)
        assert answer.status is FaceStatus.NOT_COMPARED
    except HubError as error:
        reasons.append(str(error))
    try:
        async with ready.watching(order or deploy.order()) as watching:
            await watching.watch.tick()
            assert await watching.watch.compare(CAMERA, people(0)[0]) is None
            assert not watching.watch.is_open
            reasons.append(watching.watch.state().detail or watching.watch.state().reason.value)
    except HubError as error:
        reasons.append(str(error))
    return reasons


async def test_c1_the_counting_finds_what_is_compared(deploy):
    """The tests below prove nothing unless the same attempts, with nothing wrong, are counted."""
    with counted() as seen:
        async with deploy.unit() as ready:
            assert (await ready.probe(LISTED)).status is FaceStatus.CANDIDATE
            async with ready.watching(deploy.order()) as watching:
                await watching.watch.tick()
                assert await watching.watch.compare(CAMERA, people(0)[0]) is not None
    assert seen.comparisons == 4
    assert deploy.engine.compared == 1
    assert seen.zeroed


async def test_c1_a_list_is_probed_on_the_units_that_it_was_made_for_alone(deploy):
    """Its place is those units: whoever else has its file and its authority cannot open it."""
    with counted() as seen:
        async with deploy.unit(load=False) as ready:
            other = ReceivingUnit("car-2", make_key(secrets.token_bytes).public)
            await deploy.publish(ready.unit, units=(other,))
            with pytest.raises(TrustError, match="not made for this unit"):
                await ready.unit.face_lists.load(deploy.list, ready.requester, ready.key, MODEL)
            put(deploy, ready)  # as if somebody had laid it there
            with pytest.raises(TrustError, match="not made for this unit"):
                await ready.probe(LISTED)
            await deploy.publish(ready.unit, version=2, units=(other, ReceivingUnit(UNIT, ready.key.public)))
            put(deploy, ready)
            deploy.clock.advance(20)
            assert (await ready.probe(LISTED)).status is FaceStatus.CANDIDATE
    assert seen.comparisons == 2


@pytest.mark.slow
async def test_c1_no_list_that_may_not_be_used_is_compared_with(deploy):
    with counted() as seen:
        async with deploy.unit(load=False) as ready:
            public = ready.key.public
            tried = {"none": (await attempt(deploy, ready), "no face list is loaded|is not loaded")}

            def made(**options):
                deploy.make(public, **options)
                put(deploy, ready)

            made(signers=())
            tried["unsigned"] = (await attempt(deploy, ready), "unsigned")
            made(signers=("cleo",))
            tried["one signature"] = (await attempt(deploy, ready), "1 of the 2")
            made(signers=("judge", "chief"))
            tried["strangers' signatures"] = (await attempt(deploy, ready), "0 of the 2")
            made()
            tried["never published"] = (await attempt(deploy, ready), "not what its issuer publishes now")
            await deploy.publish(ready.unit, version=3)
            put(deploy, ready)
            flip(next((deploy.state / FOLDER).iterdir()), -30)
            tried["an entry edited"] = (await attempt(deploy, ready), "altered")
            put(deploy, ready)
            flip(next((deploy.state / FOLDER).iterdir()), 200)
            tried["its header edited"] = (await attempt(deploy, ready), "")  # whichever check finds it first
            put(deploy, ready, stem="ab" * 32)
            tried["under another's name"] = (await attempt(deploy, ready), "exchanged|not loaded")
            old = deploy.list.read_bytes(), deploy.digest
            await deploy.publish(ready.unit, version=4)
            deploy.list.write_bytes(old[0])
            deploy.digest = old[1]
            put(deploy, ready)
            tried["rolled back"] = (await attempt(deploy, ready), "superseded")
            await deploy.publish(
                ready.unit, version=5, units=(ReceivingUnit(UNIT, make_key(secrets.token_bytes).public),)
            )
            put(deploy, ready)
            tried["another unit's"] = (await attempt(deploy, ready), "not made for this unit")
            await deploy.publish(ready.unit, version=6, model="e" * 64)
            put(deploy, ready)
            tried["another model's"] = (await attempt(deploy, ready), "face model")
            await deploy.publish(ready.unit, version=7)
            put(deploy, ready)
            deploy.ceremony.desk.withdraw(Withdrawn(lists=(deploy.digest,)), deploy.clock.now())
            deploy.ceremony.sign("anna", "ben")
            deploy.ceremony.refresh(deploy.clock.now())
            deploy.take_update()
            tried["withdrawn"] = (await attempt(deploy, ready), "withdrawn")
            await deploy.publish(ready.unit, version=8)
            put(deploy, ready)
            deploy.clock.advance(13 * 3600)
            tried["expired"] = (await attempt(deploy, ready, deploy.order()), "expired")
            (deploy.state / TRUSTED_FOLDER / "trusted.json").unlink(missing_ok=True)
            shutil.rmtree(deploy.state / TRUSTED_FOLDER)
            tried["trust removed"] = (await attempt(deploy, ready), "trusts no authority|follows none|unknown|removed")
    for name, (reasons, expected) in tried.items():
        assert len(reasons) == 2, (name, reasons)
        for reason, more in zip(reasons, ("", "|publishes now"), strict=True):  # the watch asks the authority first
            words = (expected + more).split("|") if expected else [""]
            assert any(each in reason for each in words), (name, reason)
    assert seen.comparisons == 0
    assert seen.zeroed
    assert deploy.engine.compared == 0


async def test_c4_no_order_that_does_not_stand_lets_anything_be_compared(deploy):
    with counted() as seen:
        async with deploy.unit() as ready:
            good = deploy.order()
            broken = bytearray(good)
            broken[len(broken) // 3] ^= 1
            polygon = Place(polygon=SQUARE)
            tried = {
                "unsigned": (unsigned(deploy), "unsigned"),
                "one signature": (deploy.order("judge"), "lacks the signature of the commander"),
                "one role twice": (deploy.order("judge", "anna"), "commander"),
                "strangers": (deploy.order("cleo", "dan"), "lacks the signature"),
                "edited": (bytes(broken), "altered|damaged|no order|unsigned|lacks"),
                "over": (
                    deploy.order(begins=NOW - timedelta(hours=3), ends=NOW - timedelta(hours=1)),
                    "the order ended",
                ),
                "another list": (deploy.order(list_digest="ab" * 32), "not loaded|not what its issuer|withdrawn"),
                "wrong purpose": (deploy.order(purpose=Purpose.ARREST_SERIOUS_OFFENCE), "the list is for"),
                "another camera": (deploy.order(place=Place(unit=UNIT, cameras=("yard",))), ""),
                "another unit": (deploy.order(place=Place(unit="car-2", cameras=(CAMERA,))), "camera_not_in_order"),
                "no position": (deploy.order(place=polygon), "no_position"),
                "not begun": (
                    deploy.order(begins=NOW + timedelta(hours=5), ends=NOW + timedelta(hours=6)),
                    "order_not_begun",
                ),
            }
            for name, (envelope, expected) in tried.items():
                reason = "nothing"
                try:
                    async with ready.watching(envelope) as watching:
                        await watching.watch.tick()
                        assert await watching.watch.compare(CAMERA, people(0)[0]) is None, name
                        reason = watching.watch.state().detail or watching.watch.state().reason.value
                except NotAllowedError as error:
                    reason = str(error)
                assert any(each in reason for each in expected.split("|")), (name, reason)
            deploy.ceremony.desk.withdraw(Withdrawn(orders=("2026/117",)), deploy.clock.now())
            deploy.ceremony.sign("anna", "ben")
            deploy.ceremony.refresh(deploy.clock.now())
            deploy.take_update()
            with pytest.raises(NotAllowedError, match="withdrawn"):
                async with ready.watching(good):
                    pass
    assert seen.comparisons == 0
    assert seen.zeroed
    assert deploy.engine.compared == 0


def unsigned(deploy):
    signed = read_envelope(deploy.order(), payload_type=ORDER_TYPE, what="order")
    return make_envelope(signed.payload, ORDER_TYPE)


WITHDRAWN = [pytest.param(what, marks=pytest.mark.slow) for what in ("withdrawn", "list withdrawn")]


@pytest.mark.parametrize("what", ["window", "set back", "left", "lost", *WITHDRAWN])
async def test_c4_an_order_in_force_ends_by_itself_and_nothing_is_compared_after(deploy, what):
    place = Place(polygon=SQUARE) if what in ("left", "lost") else Place(unit=UNIT, cameras=(CAMERA,))
    with counted() as seen:
        async with deploy.unit() as ready, ready.watching(deploy.order(place=place), "fixed:48.1,17.1") as watching:
            watch, where = watching.watch, watching._whereabouts
            where.keep(Fix(*INSIDE, deploy.clock.boottime(), 5.0))
            await watch.tick()
            assert await watch.compare(CAMERA, people(0)[0]) is not None
            before = seen.comparisons
            assert before == 2
            if what == "window":
                deploy.clock.advance(2 * 3600)
            elif what == "set back":
                deploy.clock.set_wall(NOW - timedelta(hours=1))
            elif what == "lost":
                deploy.clock.advance(31)
            elif what == "left":
                where.keep(Fix(*OUTSIDE, deploy.clock.boottime(), 5.0))
            else:
                more = Withdrawn(orders=("2026/117",)) if what == "withdrawn" else Withdrawn(lists=(deploy.digest,))
                deploy.ceremony.desk.withdraw(more, NOW)
                deploy.ceremony.sign("anna", "ben")
                deploy.ceremony.refresh(NOW)
                deploy.take_update()
            assert await watch.compare(CAMERA, people(0)[0]) is None
            assert seen.zeroed
            with suppress(HubError):
                await watch.tick()
            assert await watch.compare(CAMERA, people(0)[0]) is None
            assert seen.comparisons == before
            reason = watch.state().reason
    assert reason is {
        "window": OrderReason.WINDOW_OVER,
        "set back": OrderReason.CLOCK_SET_BACK,
        "lost": OrderReason.NO_FIX,
        "left": OrderReason.OUTSIDE,
    }.get(what, OrderReason.WITHDRAWN)

"""The hub's socket: who may connect, sessions, requests as commands do them, slow and hostile dashboards.

Real sockets and a real hub without cameras. What belongs to a rule of the charter is in ``tests/charter``.
"""

from __future__ import annotations

import os
import socket
import stat
import weakref

import numpy as np
import pytest
import trio

import hub.attach
from hub.attach import MOST_CONNECTIONS, claim_socket
from hub.audit.reading import read_entries
from hub.authority.officers import OFFICERS_FILE
from hub.authority.policy import Role
from hub.client import open_client
from hub.clocks import SystemClock
from hub.errors import HubLostError, NotAllowedError, StoreError, UsageError
from hub.events import AlertEvent, Counts
from hub.messages import Act, AlertState, Reason, ReasonCount, Requester, SubjectKind
from hub.store.sqlite import connect
from hub.unit import AUDIT_FILE
from hub.wire import (
    AlertShown,
    AnswerCame,
    CheckpointTaken,
    DecideAlert,
    Done,
    Lagged,
    LogShown,
    LogVerified,
    LookUp,
    Pulse,
    Refused,
    Rejected,
    ShowAlert,
    ShowAuthority,
    ShowLog,
    SignOut,
    Snapshot,
    StopHub,
    Stopping,
    TakeCheckpoint,
    Told,
    VerifyLog,
    Welcome,
    pack_request,
)
from tests.kit import LISTED, Unit
from tests.kit_attach import attached, eventually, raw, running
from tests.kit_memory import all_gone, uncollected

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    return Unit.prepare(tmp_path_factory.mktemp("prepared") / "unit")


@pytest.fixture(scope="module")
def with_alert(prepared, tmp_path_factory):
    """A unit with one alert that waits."""
    unit = prepared.copy(tmp_path_factory.mktemp("alerted") / "unit")
    with unit.active():
        assert unit.run("run", "--source", str(unit.photos(LISTED)), "--until-end").status == 0
    return unit


@pytest.fixture
def unit(prepared, tmp_path):
    copy = prepared.copy(tmp_path / "unit")
    with copy.active():
        yield copy


@pytest.fixture
def alerted(with_alert, tmp_path):
    copy = with_alert.copy(tmp_path / "unit")
    with copy.active():
        yield copy


def entries(unit):
    return [(each.metadata.act, each.metadata.outcome) for each in read_entries(unit.state / AUDIT_FILE)]


async def logged(unit, entry):
    return entry in entries(unit)


async def signed_out(run, number):
    return not (await run.hub.unit.officers.list())[number].signed_in


# ------------------------------------------------------------------------------------------- the socket


def test_the_socket_is_private_from_its_first_moment_and_goes_with_the_hub(tmp_path):
    with claim_socket(tmp_path):
        mode = (tmp_path / "hub.sock").stat().st_mode
        assert stat.S_ISSOCK(mode)
        assert stat.S_IMODE(mode) == 0o600
    assert not (tmp_path / "hub.sock").exists()


def test_what_a_dead_hub_left_is_replaced(tmp_path):
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(tmp_path / "hub.sock"))
    with claim_socket(tmp_path) as listener:
        listener.listen()
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(tmp_path / "hub.sock"))


def test_a_second_hub_on_the_same_state_is_refused(tmp_path):
    second = claim_socket(tmp_path)
    with claim_socket(tmp_path), pytest.raises(UsageError, match="already: attach to it") as refused:
        second.__enter__()
    assert "\n" not in str(refused.value)
    with claim_socket(tmp_path):
        assert (tmp_path / "hub.sock").exists()


def test_a_long_path_is_no_obstacle(tmp_path):
    state = tmp_path / ("long" * 30)
    with claim_socket(state) as listener:
        listener.listen()
        assert (state / "hub.sock").exists()


async def test_without_a_hub_the_client_says_so(tmp_path):
    with pytest.raises(HubLostError, match="no hub answers"):
        async with open_client(tmp_path / "hub.sock"):
            pass


async def test_another_user_is_refused(unit, monkeypatch):
    async with running(unit) as run, attached(unit) as talk:
        real = os.geteuid()
        monkeypatch.setattr(hub.attach.os, "geteuid", lambda: real + 1)
        async with raw(unit) as stranger:
            await stranger.stream.send_all(b"")
            assert await stranger.next() is None
        assert any("was refused" in line for line in run.said)
        await talk.wait(Pulse, after=len(talk.heard))


# ------------------------------------------------------------------------------------ greeting, hostility


async def test_another_protocol_is_refused_with_both_numbers(unit):
    async with running(unit), attached(unit), raw(unit) as peer:
        answer = await peer.greet(protocol=99)
        assert isinstance(answer, Rejected)
        assert "protocol 1, the dashboard 99" in answer.reason
        assert await peer.next() is None


async def test_so_many_may_attach_and_no_more(unit):
    async with running(unit), attached(unit) as first:
        async with trio.open_nursery() as nursery:
            opened = []
            for _ in range(MOST_CONNECTIONS - 1):
                peer = await trio.open_unix_socket(str(unit.state / "hub.sock"))
                await peer.send_all(pack_request(hub.wire.Hello(protocol=1, client="x")))
                opened.append(peer)
            nursery.cancel_scope.cancel()
        await trio.sleep(0.1)
        with pytest.raises(NotAllowedError, match="attached already"):
            async with open_client(unit.state / "hub.sock"):
                pass
        await opened.pop().aclose()
        await trio.sleep(0.1)
        async with attached(unit):
            await first.wait(Pulse, after=len(first.heard))
        for peer in opened:
            await peer.aclose()


HOSTILE = {
    "huge length": b"\xff\xff\xff\xff",
    "a little too long": (64 * 2**10 + 1).to_bytes(4, "big"),
    "random": (40).to_bytes(4, "big") + bytes(range(7, 47)),
    "empty": (0).to_bytes(4, "big"),
    "wrong tag": (14).to_bytes(4, "big") + b"\x81\xa4kind\xa7no_such",
    "deep": (60_000).to_bytes(4, "big") + b"\x91" * 60_000,
    "a second greeting": pack_request(hub.wire.Hello(protocol=1, client="again")),
}


@pytest.mark.parametrize("frame", HOSTILE.values(), ids=HOSTILE)
async def test_a_hostile_frame_ends_its_connection_alone(unit, frame):
    async with running(unit) as run, attached(unit) as talk, raw(unit) as peer:
        assert isinstance(await peer.greet(), Welcome)
        await peer.stream.send_all(frame)
        assert isinstance(await peer.last(), Rejected)
        before = len(talk.heard)
        await talk.wait(Pulse, after=before)
        assert isinstance(await talk.ask(ShowLog), Refused)
        assert any("a dashboard was refused" in line for line in run.said)


async def test_a_frame_must_be_whole_in_time(unit, monkeypatch):
    monkeypatch.setattr(hub.attach, "FRAME_SECONDS", 0.3)
    monkeypatch.setattr(hub.attach, "HELLO_SECONDS", 0.3)
    async with running(unit), attached(unit) as talk:
        async with raw(unit) as silent:
            answer = await silent.next()
            assert isinstance(answer, Rejected)
            assert "no greeting" in answer.reason
        async with raw(unit) as slow:
            await slow.greet()
            await slow.stream.send_all(b"\x00\x00\x00\x20half")
            answer = await slow.last()
            assert isinstance(answer, Rejected)
            assert "not finished" in answer.reason
        await talk.wait(Pulse, after=len(talk.heard))


async def test_a_truncated_frame_and_a_client_that_goes_leave_no_trace(unit):
    async with running(unit), attached(unit) as talk:
        for part in (b"", b"\x00", pack_request(hub.wire.Hello(protocol=1, client="x"))[:9]):
            async with raw(unit) as peer:
                await peer.stream.send_all(part)
        async with raw(unit) as peer:
            await peer.greet()
            await peer.stream.send_all(b"\x00\x00\x00\x20half")
        await talk.wait(Pulse, after=len(talk.heard))


# -------------------------------------------------------------------------------------------- slow clients


async def test_a_slow_client_is_told_and_shown_the_present_and_slows_nobody(unit):
    async with running(unit) as run, attached(unit) as talk, raw(unit) as slow:
        await slow.greet()
        counts = tuple(ReasonCount(f"camera {n}", "frame", Reason.NO_TEXT, n) for n in range(100))
        before = len(talk.heard)
        for number in range(4000):
            run.hub.events.publish(Counts(at=run.hub.unit.clock.now(), unit="car-1", counts=counts))
            if number % 100 == 99:

                async def caught_up(number=number):
                    return sum(isinstance(each, Told) for each in talk.heard[before:]) > number

                await eventually(caught_up)  # the quick one, beside one that reads nothing
        assert not any(isinstance(each, Lagged) for each in talk.heard)
        kinds = []
        while not (kinds and isinstance(kinds[-1], Snapshot) and any(isinstance(each, Lagged) for each in kinds)):
            kinds.append(await slow.next())
        lagged = next(each for each in kinds if isinstance(each, Lagged))
        told = sum(isinstance(each, Told) for each in kinds)
        assert lagged.missed > 0
        assert told + lagged.missed <= 4000
        assert isinstance(kinds[kinds.index(lagged) + 1], Snapshot)


async def test_a_client_that_takes_nothing_any_more_is_left(unit, monkeypatch):
    monkeypatch.setattr(hub.attach, "SEND_SECONDS", 0.3)
    async with running(unit) as run, attached(unit) as talk, raw(unit) as stuck:
        await stuck.greet()
        assert isinstance(await stuck.next(), Snapshot)
        counts = tuple(ReasonCount(f"camera {n}", "frame", Reason.NO_TEXT, n) for n in range(100))
        for _ in range(200):
            run.hub.events.publish(Counts(at=run.hub.unit.clock.now(), unit="car-1", counts=counts))

        async def left():
            return any("took nothing any more" in line for line in run.said)

        await eventually(left)
        await talk.wait(Pulse, after=len(talk.heard))


# -------------------------------------------------------------------------------------------- sessions


async def test_signing_in_and_out_shows_the_present_before_it_is_done(unit):
    async with running(unit), attached(unit) as talk:
        assert talk.shown.officer is None
        assert (await talk.wait(Pulse)).session_left is None
        done = await talk.sign_in("4711")
        assert isinstance(done, Done)
        assert talk.shown.officer.officer == "4711"
        assert talk.heard.index(talk.shown) < talk.heard.index(done)
        pulse = await talk.wait(Pulse, after=len(talk.heard))
        assert 890 < pulse.session_left <= 900
        assert isinstance(await talk.ask(SignOut), Done)
        assert talk.shown.officer is None
        again = await talk.ask(SignOut)
        assert again.sign_in
    assert entries(unit)[-2] == (Act.SIGN_OUT, "signed_out")


async def test_a_wrong_passphrase_is_refused_and_in_the_log_and_in_nothing_else(unit):
    async with running(unit) as run, attached(unit) as talk:
        answer = await talk.sign_in("4711", "a wrong passphrase nobody has")
        assert isinstance(answer, Refused)
        assert talk.shown.officer is None
        for _ in range(6):
            answer = await talk.sign_in("4711", "a wrong passphrase nobody has")
        assert "try again in" in answer.reason
        said = " ".join(run.said) + repr(talk.heard)
    assert (Act.SIGN_IN_REFUSED, "refused") in entries(unit)
    assert "nobody has" not in said
    assert not any(b"nobody has" in content for content in unit.files().values())


async def test_a_session_ends_with_its_connection(unit):
    async with running(unit) as run:
        async with attached(unit) as talk:
            await talk.sign_in("4712")
            assert (await run.hub.unit.officers.list())[2].signed_in
        await eventually(lambda: signed_out(run, 2))
    assert entries(unit)[-2] == (Act.SIGN_OUT, "signed_out")


async def test_a_session_that_ends_elsewhere_is_noticed_without_a_request(unit):
    async with running(unit), attached(unit) as first, attached(unit) as second:
        await first.sign_in("4711")
        before = len(first.heard)
        await second.sign_in("4711")
        assert (await first.wait(Snapshot, after=before)).officer is None
        assert second.shown.officer.officer == "4711"


async def test_a_role_that_may_not_see_alerts_is_told_of_none(alerted):
    async with running(alerted) as run, attached(alerted) as talk, attached(alerted) as other:
        by = Requester("100", "supervisor", "car-1")
        await run.hub.unit.officers.add("9", "administrator phrase", Role.ADMINISTRATOR, by=by)
        assert isinstance(await talk.sign_in("9", "administrator phrase"), Done)
        assert talk.shown.officer.role == "administrator"
        assert talk.shown.alerts == ()
        await other.sign_in("4711")
        (event,) = other.shown.alerts
        assert isinstance(await talk.ask(ShowAlert, alert=event.alert), Refused)
        fields = {"alert": event.alert, "state": AlertState.ADJUDICATED_FALSE, "reason": "another car"}
        unseen = await other.ask(DecideAlert, **fields)
        assert "have not seen" in unseen.reason
        await other.ask(ShowAlert, alert=event.alert)
        assert isinstance(await other.ask(DecideAlert, **fields), AlertShown)
        before = len(talk.heard)
        while not any(isinstance(each, Told) and isinstance(each.event, AlertEvent) for each in other.heard):
            await other.wait(Pulse, after=len(other.heard))
        await talk.wait(Pulse, after=before)
        assert LISTED not in repr(talk.heard)


async def test_pulses_are_no_use_of_a_session(unit, monkeypatch):
    async with running(unit), attached(unit) as talk:
        await talk.sign_in("4711")
        real = SystemClock.boottime, SystemClock.now
        before = len(talk.heard)
        first = await talk.wait(Pulse, after=before)
        second = await talk.wait(Pulse, after=len(talk.heard))
        assert second.session_left < first.session_left
        from datetime import timedelta

        monkeypatch.setattr(SystemClock, "boottime", lambda self: real[0](self) + 15 * 60)
        monkeypatch.setattr(SystemClock, "now", lambda self: real[1](self) + timedelta(minutes=15))
        assert (await talk.wait(Snapshot, after=len(talk.heard))).officer is None


async def test_a_store_that_another_process_holds_silences_no_pulse_and_signs_nobody_out(unit):
    async with running(unit), attached(unit) as talk:
        await talk.sign_in("4711")
        other = connect(unit.state / OFFICERS_FILE)
        other.execute("BEGIN IMMEDIATE")
        await talk.client.send(ShowLog(request=talk.client.number()))  # its use of the session is written down
        ends = trio.current_time() + 3  # twice as long as a dashboard waits for a sign of life
        while trio.current_time() < ends:
            assert (await talk.wait(Pulse, after=len(talk.heard))).session_left > 0
        other.execute("ROLLBACK")
        other.close()
        assert isinstance(await talk.ask(ShowLog), LogShown)


# -------------------------------------------------------------------------------------------- requests


async def test_an_alert_is_shown_decided_and_followed_up_after_the_reply(alerted):
    async with running(alerted) as run, attached(alerted) as talk:
        assert talk.shown.alerts == ()
        assert talk.shown.pulse.open_alerts == 1
        await talk.sign_in("4711")
        (event,) = talk.shown.alerts
        shown = await talk.ask(ShowAlert, alert=event.alert)
        assert isinstance(shown, AlertShown)
        assert shown.alert.scene.jpeg.startswith(b"\xff\xd8")
        decided = await talk.ask(
            DecideAlert, alert=event.alert, state=AlertState.ADJUDICATED_TRUE, reason="same car, same dent"
        )
        assert decided.alert.state is AlertState.ADJUDICATED_TRUE
        assert decided.alert.answers == ()
        told = await talk.wait(Told)

        async def both():
            answers = (await talk.ask(ShowAlert, alert=event.alert)).alert.answers
            return answers if len(answers) == 2 else ()

        answers = await eventually(both)
        assert {each.source for each in answers} == {"drivers", "counted_register"}
        refused = await talk.ask(DecideAlert, alert=event.alert, state=AlertState.ADJUDICATED_FALSE, reason="no")
        assert isinstance(refused, Refused)
        assert not refused.sign_in
        refused = await talk.ask(ShowAlert, alert="NOSUCH")
        assert "NOSUCH" in refused.reason
        assert told

        async def nothing_open():
            return run.hub.board.open_alerts(run.hub.unit.clock.now()) == 0

        assert await eventually(nothing_open)  # what was told first may be another event than the alert's
    assert (Act.ALERT_DECIDED, "adjudicated_true") in entries(alerted)
    assert (Act.DISPATCHED, "sent") in entries(alerted) or list((alerted.state / "dispatches").glob("*.json"))


async def test_a_look_up_gives_each_answer_as_it_comes(unit):
    async with running(unit), attached(unit) as talk:
        await talk.sign_in("4711")
        done = await talk.ask(LookUp, subject_kind=SubjectKind.PLATE, value=LISTED, reason="parked oddly")
        assert isinstance(done, Done)
        answers = [each.answer for each in talk.heard if isinstance(each, AnswerCame)]
        assert {each.source for each in answers} == {"wanted_persons", "drivers", "counted_list", "counted_register"}
        for fields, why in (
            ({"value": LISTED, "reason": " "}, "reason"),
            ({"value": "?", "reason": "x"}, "neighbouring"),
            ({"value": LISTED, "reason": "x", "sources": ("nowhere",)}, "nowhere"),
            ({"value": LISTED, "reason": "x", "grant": b"no grant"}, "trusts no authority"),
            ({"value": "Ann Example", "reason": "x", "subject_kind": SubjectKind.PERSON, "born": "once"}, "YYYY"),
        ):
            refused = await talk.ask(LookUp, **{"subject_kind": SubjectKind.PLATE} | fields)
            assert isinstance(refused, Refused)
            assert why in refused.reason
    assert entries(unit).count((Act.LOOKUP, "asked")) == 1


async def test_a_look_up_of_a_dashboard_that_died_is_broken_off_and_the_log_says_so(unit, monkeypatch):
    from tests import kit_plugin

    monkeypatch.setenv(kit_plugin.HANG, "1")
    async with running(unit) as run:
        async with attached(unit) as talk:
            await talk.sign_in("4711")
            await talk.client.send(
                LookUp(request=99, subject_kind=SubjectKind.PLATE, value=LISTED, reason="parked oddly")
            )
            await talk.wait(AnswerCame)
        await eventually(lambda: logged(unit, (Act.LOOKUP_DONE, "interrupted")))
        assert not run.over.is_set()


async def test_a_decision_is_carried_through_when_its_dashboard_dies(alerted):
    async with running(alerted) as run:
        async with attached(alerted) as talk:
            await talk.sign_in("4711")
            (event,) = talk.shown.alerts
            await talk.ask(ShowAlert, alert=event.alert)
            await talk.client.send(
                DecideAlert(request=99, alert=event.alert, state=AlertState.ADJUDICATED_FALSE, reason="another car")
            )
            await trio.sleep(0.005)
        await eventually(lambda: logged(alerted, (Act.ALERT_DECIDED, "adjudicated_false")))
        assert not run.over.is_set()


async def test_the_log_is_shown_verified_and_witnessed(unit):
    async with running(unit), attached(unit) as talk:
        await talk.sign_in("4711")
        own = await talk.ask(ShowLog, last=5)
        assert isinstance(own, LogShown)
        assert {line.officer for line in own.lines} == {"4711"}
        everything = await talk.ask(ShowLog, last=500, own=False)
        assert [line.index for line in everything.lines] == list(range(len(everything.lines)))
        assert {line.act for line in everything.lines} >= {"unit_start", "officer_added"}
        alone = await talk.ask(VerifyLog)
        assert isinstance(alone, LogVerified)
        assert not alone.ok
        assert not alone.witnessed
        taken = await talk.ask(TakeCheckpoint)
        assert isinstance(taken, CheckpointTaken)
        vouched = await talk.ask(VerifyLog, checkpoint=taken.text)
        assert vouched.ok
        assert isinstance(await talk.ask(VerifyLog, checkpoint="nonsense"), LogVerified | Refused)


async def test_an_officer_stops_the_hub_and_the_log_says_who(unit):
    async with running(unit) as run, attached(unit) as talk:
        refused = await talk.ask(StopHub)
        assert refused.sign_in
        assert not run.over.is_set()
        await talk.sign_in("100")
        assert isinstance(await talk.ask(StopHub), Done)
        await talk.wait(Stopping)
        with trio.fail_after(5):
            await run.over.wait()
        assert run.ended.event.cause == "told to stop by officer 100"
        assert run.ended.event.overran == ()
    last = list(read_entries(unit.state / AUDIT_FILE))[-1].metadata
    assert (last.act, last.officer) == (Act.UNIT_STOP, "100")


async def test_a_fault_costs_its_request_alone(unit, monkeypatch):
    async with running(unit) as run, attached(unit) as talk:
        await talk.sign_in("4711")

        def fail(*_, **__):
            raise RuntimeError("quotes 9999ZZZ")

        monkeypatch.setattr(hub.requests, "verify_log", fail)
        refused = await talk.ask(VerifyLog)
        assert isinstance(refused, Refused)
        assert "9999ZZZ" not in refused.reason + " ".join(run.said)
        assert isinstance(await talk.ask(ShowLog), LogShown)


@pytest.mark.parametrize("kind", [StoreError, RuntimeError])
async def test_what_a_request_failed_on_goes_without_the_collector(unit, monkeypatch, kind):
    seen = []

    def fail(*_, **__):
        picture = np.zeros((4, 4, 3), np.uint8)
        seen.append(weakref.ref(picture))
        raise kind("bad")

    async with running(unit), attached(unit) as talk:
        await talk.sign_in("4711")
        monkeypatch.setattr(hub.requests, "verify_log", fail)
        with uncollected():
            assert isinstance(await talk.ask(VerifyLog), Refused)
            await all_gone(seen)
    assert len(seen) == 1


async def test_on_what_authority_the_unit_works_is_shown_to_whoever_is_signed_in(unit):
    async with running(unit), attached(unit) as talk:
        refused = await talk.ask(ShowAuthority)
        assert isinstance(refused, Refused)
        assert refused.sign_in
        await talk.sign_in()
        shown = await talk.ask(ShowAuthority)
    assert (shown.order, shown.face_lists, shown.grants) == (None, (), ())

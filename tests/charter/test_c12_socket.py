"""C12 on the hub's socket: without a signed-in officer nothing is done, and another user does not even get in."""

from __future__ import annotations

import os
import sys
from datetime import timedelta

import pytest

from hub.audit.reading import read_entries
from hub.clocks import SystemClock
from hub.messages import Act, AlertState, SubjectKind
from hub.unit import AUDIT_FILE
from hub.wire import (
    DecideAlert,
    Done,
    Listen,
    LookUp,
    Pulse,
    Refused,
    SaveTranscript,
    SayPhrase,
    ShowAlert,
    ShowAnswering,
    ShowLog,
    SignOut,
    Snapshot,
    StopHub,
    StopListening,
    TakeCheckpoint,
    Translate,
    VerifyLog,
    Watch,
)
from tests.kit import LISTED, Unit
from tests.kit_attach import attached, running

pytestmark = pytest.mark.slow

DEEDS = {
    "show an alert": (ShowAlert, {"alert": "A"}),
    "decide": (DecideAlert, {"alert": "A", "state": AlertState.ADJUDICATED_TRUE, "reason": "seen"}),
    "look up": (LookUp, {"subject_kind": SubjectKind.PLATE, "value": LISTED, "reason": "parked oddly"}),
    "show the log": (ShowLog, {}),
    "verify the log": (VerifyLog, {}),
    "take a checkpoint": (TakeCheckpoint, {}),
    "watch": (Watch, {"camera": "street"}),
    "listen": (Listen, {}),
    "stop listening": (StopListening, {}),
    "save what was said": (SaveTranscript, {"utterance": "U1", "reason": "asked for"}),
    "translate": (Translate, {"text": "Stop", "target": "es"}),
    "say a sentence": (SayPhrase, {"phrase": "wait", "language": "de"}),
    "show how to answer": (ShowAnswering, {}),
    "stop": (StopHub, {}),
    "sign out": (SignOut, {}),
}


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    return Unit.prepare(tmp_path_factory.mktemp("prepared") / "unit")


@pytest.fixture
def unit(prepared, tmp_path):
    copy = prepared.copy(tmp_path / "unit")
    with copy.active():
        yield copy


def entries(unit):
    return [each.metadata for each in read_entries(unit.state / AUDIT_FILE)]


async def test_c12_nothing_is_done_for_a_dashboard_without_an_officer(unit):
    async with running(unit) as run, attached(unit) as talk:
        before = len(entries(unit))
        for name, (kind, fields) in DEEDS.items():
            refused = await talk.ask(kind, **fields)
            assert isinstance(refused, Refused), name
            assert refused.sign_in, name
        assert len(entries(unit)) == before
        assert not run.over.is_set()


async def test_c12_a_session_elsewhere_on_the_unit_is_no_session_here(unit):
    async with running(unit) as run, attached(unit) as talk:
        assert (await run.hub.unit.officers.list())[1].signed_in
        assert talk.shown.officer is None
        assert (await talk.ask(ShowLog)).sign_in


@pytest.mark.parametrize("name", [name for name in DEEDS if name != "sign out"])
async def test_c12_nothing_is_done_after_fifteen_minutes_without_use(unit, monkeypatch, name):
    kind, fields = DEEDS[name]
    async with running(unit) as run, attached(unit) as talk:
        await talk.sign_in("4711")
        before = len(entries(unit))
        boottime, now = SystemClock.boottime, SystemClock.now
        monkeypatch.setattr(SystemClock, "boottime", lambda self: boottime(self) + 15 * 60)
        monkeypatch.setattr(SystemClock, "now", lambda self: now(self) + timedelta(minutes=15))
        before_request = len(talk.heard)
        refused = await talk.ask(kind, **fields)
        assert isinstance(refused, Refused)
        assert refused.sign_in
        await talk.wait(Snapshot, after=before_request, officer=None)
        assert len(entries(unit)) == before
        assert not run.over.is_set()


async def test_c12_every_entry_of_a_request_names_officer_role_and_unit(unit):
    async with running(unit), attached(unit) as talk:
        await talk.sign_in("4712")
        before = len(entries(unit))
        assert isinstance(await talk.ask(LookUp, **DEEDS["look up"][1]), Done)
        await talk.ask(TakeCheckpoint)
        done = entries(unit)[before:]
    assert [each.act for each in done] == [Act.LOOKUP, Act.LOOKUP_DONE, Act.CHECKPOINT]
    assert {(each.officer, each.role, each.unit) for each in done} == {("4712", "officer", "car-1")}


STRANGER = """
import os, socket, sys
os.chdir(sys.argv[1])
os.setgroups([]); os.setgid(65534); os.setuid(65534)
with socket.socket(socket.AF_UNIX) as peer:
    try:
        peer.connect("hub.sock")
    except OSError as error:
        print(type(error).__name__)
    else:
        print(len(peer.recv(1000)))
"""

if os.geteuid() == 0:  # only root can become somebody else; `tests/unit/test_attach.py` pretends for everybody

    @pytest.mark.parametrize("opened", [False, True], ids=["as it is", "with every file mode open"])
    async def test_c12_another_user_cannot_attach(unit, opened):
        import trio

        async with running(unit) as run, attached(unit) as talk:
            if opened:
                unit.state.chmod(0o755)
                (unit.state / "hub.sock").chmod(0o666)
            line = [sys.executable, "-c", STRANGER, str(unit.state)]
            child = await trio.run_process(line, capture_stdout=True, capture_stderr=True)
            assert child.stdout.decode().strip() == ("0" if opened else "PermissionError"), child.stderr
            assert any("the user 65534" in line for line in run.said) is opened
            await talk.wait(Pulse, after=len(talk.heard))

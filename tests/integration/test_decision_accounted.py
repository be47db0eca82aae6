"""From signing in to the dispatch on the desk's folder, with the real log and real files."""

from __future__ import annotations

import itertools
import secrets

import msgspec
import pytest

from hub.actors.outbox import Outbox
from hub.alerts import AlertBook
from hub.audit.log import open_log
from hub.audit.reading import read_entries
from hub.audit.verify import verify_log
from hub.authority import officers as officers_module
from hub.authority.keys import load_or_create_unit_key
from hub.authority.officers import OFFICERS_FILE, OfficerStore
from hub.authority.passphrases import ScryptCost
from hub.authority.policy import unit_requester
from hub.clocks import FlooredClock, ManualClock
from hub.dispatch_file import FileDispatcher
from hub.errors import AuditError, NotAllowedError
from hub.messages import AlertState, Dispatch, RaisedHit
from hub.store import alerts as alert_store
from hub.store import outbox as outbox_store
from hub.store.sqlite import open_database
from hub.testing import alerts as kit

GOOD = "correct horse battery"


async def test_every_act_of_a_decision_is_accounted_for_and_nothing_else_is_kept(tmp_path):
    state, folder = tmp_path / "state", tmp_path / "desk"
    state.mkdir(mode=0o700)
    machine = ManualClock(kit.START)
    signer = load_or_create_unit_key(state, "unit-1")
    count = itertools.count(1)

    async with (
        open_log(state / "audit.sqlite3", origin="unit-1", signer=signer, clock=machine) as log,
        open_database(state / OFFICERS_FILE, officers_module.MIGRATIONS) as officers_db,
        open_database(state / alert_store.ALERTS_FILE, alert_store.MIGRATIONS) as alerts_db,
        open_database(state / outbox_store.OUTBOX_FILE, outbox_store.MIGRATIONS) as outbox_db,
    ):
        clock = FlooredClock(machine, lambda: log.newest_at)
        waiting = outbox_store.OutboxStore(outbox_db)
        officers = OfficerStore(
            officers_db,
            log=log,
            clock=machine,
            unit="unit-1",
            secrets=secrets.token_bytes,
            cost=ScryptCost(n=16),
        )
        book = AlertBook(
            alert_store.AlertStore(alerts_db),
            waiting,
            log=log,
            clock=clock,
            unit="unit-1",
            identify=lambda: f"a-{next(count)}",
        )
        outbox = Outbox(waiting, [FileDispatcher(folder)], log=log, clock=clock, unit="unit-1")

        await officers.add("7", GOOD)
        with pytest.raises(NotAllowedError):
            await officers.sign_in("7", "wrong passphrase")
        session = await officers.sign_in("7", GOOD)
        hit = RaisedHit(None, kit.answer(kit.hit("QX99ZZ", "entry-to-forget")), unit_requester("unit-1"))
        for _ in range(2):
            await book.raise_hit(hit)
            machine.advance(1)
        requester = await officers.check(session.token)
        await kit.decide(book, requester, "a-1", AlertState.ADJUDICATED_TRUE, "same car, same dent")
        assert await outbox.flush() == 0
        await officers.sign_out(session.token)
        witness = await log.checkpoint()

        (file,) = folder.iterdir()
        dispatch = msgspec.json.decode(file.read_bytes(), type=Dispatch)
        assert (dispatch.dispatch, dispatch.officer, dispatch.plate) == ("a-1-1", "7", "QX99ZZ")

        told = [
            (entry.metadata.act.value, entry.metadata.outcome, entry.metadata.officer, entry.metadata.role)
            for entry in read_entries(state / "audit.sqlite3")
        ]
        assert told == [
            ("officer_added", "added", "", "unit"),
            ("sign_in_refused", "refused", "", "unit"),
            ("sign_in", "signed_in", "7", "supervisor"),
            ("alert_raised", "raised", "", "unit"),
            ("alert_decided", "adjudicated_true", "7", "supervisor"),
            ("dispatched", "file", "", "unit"),
            ("sign_out", "signed_out", "7", "supervisor"),
        ]
        assert verify_log(state / "audit.sqlite3", witness).ok

        # A month later: the alert, and what the log had sealed of it, are gone; the log still verifies.
        machine.advance(32 * 86400)
        await book.sweep()
        await log.erase_due()
        needles = [b"QX99ZZ", b"entry-to-forget", b"same car, same dent"]
        for each in state.rglob("*"):
            assert not [needle for needle in needles if needle in each.read_bytes()], each.name
        assert verify_log(state / "audit.sqlite3", await log.checkpoint()).ok
        assert verify_log(state / "audit.sqlite3", witness).ok


async def test_a_reason_that_is_no_text_or_too_long_decides_nothing(tmp_path):
    signer = load_or_create_unit_key(tmp_path, "unit-1")
    clock = ManualClock(kit.START)
    async with (
        open_log(tmp_path / "audit.sqlite3", origin="unit-1", signer=signer, clock=clock) as log,
        open_database(tmp_path / alert_store.ALERTS_FILE, alert_store.MIGRATIONS) as alerts_db,
        open_database(tmp_path / outbox_store.OUTBOX_FILE, outbox_store.MIGRATIONS) as outbox_db,
    ):
        book = AlertBook(
            alert_store.AlertStore(alerts_db),
            outbox_store.OutboxStore(outbox_db),
            log=log,
            clock=clock,
            unit="unit-1",
            identify=lambda: "a-1",
        )
        await book.raise_hit(RaisedHit(None, kit.answer(kit.hit()), unit_requester("unit-1")))
        for reason in ("\ud800", "x" * 100_000):
            with pytest.raises(AuditError, match="log cannot take"):
                await kit.decide(book, kit.requester(), "a-1", AlertState.ADJUDICATED_TRUE, reason)
        assert (await book.show(kit.requester(), "a-1")).state is AlertState.ALERT

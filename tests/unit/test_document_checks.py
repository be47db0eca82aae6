from __future__ import annotations

import itertools
import threading
import weakref
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pytest

from hub.audit.records import DocumentCheckPayload, LookupPayload
from hub.authority.policy import unit_requester
from hub.backends import RecordSource
from hub.clocks import ManualClock
from hub.document_checks import DocumentChecks, Report
from hub.errors import AuditError, DeadlineError, ModelError, NotAllowedError, NotSignedInError, UsageError
from hub.lookups import Lookups
from hub.messages import Act, Reach, Requester, SubjectKind
from hub.mrz import parse
from hub.plates.grammar import load_grammars
from hub.sources import SourceSpec, open_sources
from hub.store.retention import CHARTER
from hub.testing.alerts import MemoryLog
from hub.testing.faults import crash
from hub.testing.sources import ScriptedSource, context
from tests.kit_memory import all_gone, uncollected

NOW = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)
OFFICER = Requester("4711", "officer", "unit-1")
LINES = "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<\nL898902C36UTO7408122F1204159ZE184226B<<<<<10"
ZONE = parse(LINES, date(2030, 1, 2))
MISTYPED = parse(LINES.replace("L898902C36", "L898902C37"), date(2030, 1, 2))
STOLEN = {"category": "stolen_document", "document_number": "L898902C3", "document_country": "UTO"}
BOOK = load_grammars()


@asynccontextmanager
async def unit(folder: Path, *sources: RecordSource) -> AsyncIterator[tuple[DocumentChecks, MemoryLog]]:
    log, clock, numbers = MemoryLog(), ManualClock(NOW), itertools.count()
    specs = [SourceSpec("p", source, context(folder)) for source in sources]
    async with open_sources(specs, clock=clock, book=BOOK) as host:
        lookups = Lookups(host, log=log, clock=clock, unit="u", identify=lambda: str(next(numbers)))
        yield DocumentChecks(lookups, host, log, clock), log


def stolen_list(**fields: str) -> ScriptedSource:
    return ScriptedSource("stolen", {"S-1": STOLEN | fields}, reach=Reach.AUTOMATIC)


def register(**fields: str) -> ScriptedSource:
    return ScriptedSource("register", {"R-1": {"licence_number": "L898902C3"} | fields})


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({}, "stolen document"),
        ({"category": "lost_document"}, "lost document"),
        ({"category": "", "document_status": "revoked"}, "revoked"),
    ],
)
async def test_a_number_that_was_reported(tmp_path, fields, says):
    async with unit(tmp_path, stolen_list(**fields), register()) as (checks, _):
        listed = await checks.check(ZONE, OFFICER, "traffic stop")
    assert (listed.verdict, listed.reason) == (Report.REPORTED, f"Reported: {says}.")
    assert [answer.source for answer in listed.answers] == ["stolen"]


async def test_a_number_that_was_not(tmp_path):
    async with unit(tmp_path, stolen_list(document_number="X")) as (checks, _):
        listed = await checks.check(ZONE, OFFICER, "traffic stop")
    assert (listed.verdict, listed.reason) == (Report.NOT_REPORTED, "Not found by stolen.")


async def test_a_number_reported_of_another_state_is_neither_reported_nor_unsaid(tmp_path):
    says = "Same number, another issuing state: the entry says D, asked for was UTO. Look at the state"
    async with unit(tmp_path, stolen_list(document_country="D")) as (checks, _):
        listed = await checks.check(ZONE, OFFICER, "traffic stop")
    assert listed.verdict is Report.UNKNOWN
    assert listed.reason.startswith(says)
    silent = crash(ScriptedSource("silent", reach=Reach.AUTOMATIC))
    async with unit(tmp_path, stolen_list(document_country="D"), silent) as (checks, _):
        listed = await checks.check(ZONE, OFFICER, "traffic stop")
    assert listed.verdict is Report.UNKNOWN
    assert listed.reason.startswith(f"Not found, but silent did not answer. {says}")


async def test_a_register_is_asked_only_by_name_and_its_entry_is_no_report(tmp_path):
    keepers = register()
    async with unit(tmp_path, stolen_list(document_number="X"), keepers) as (checks, _):
        await checks.check(ZONE, OFFICER, "traffic stop")
        assert not keepers.queries
        listed = await checks.check(ZONE, OFFICER, "traffic stop", ["register"])
    assert len(keepers.queries) == 1
    assert listed.verdict is Report.UNKNOWN
    assert "none of them says lost" in listed.reason


async def test_a_source_that_does_not_answer_leaves_it_unknown_unless_another_has_it(tmp_path):
    silent = crash(ScriptedSource("silent", reach=Reach.AUTOMATIC))
    async with unit(tmp_path, stolen_list(document_number="X"), silent) as (checks, _):
        listed = await checks.check(ZONE, OFFICER, "traffic stop")
    assert (listed.verdict, listed.reason) == (Report.UNKNOWN, "Not found, but silent did not answer.")
    async with unit(tmp_path, stolen_list(), crash(ScriptedSource("silent", reach=Reach.AUTOMATIC))) as (checks, _):
        assert (await checks.check(ZONE, OFFICER, "traffic stop")).verdict is Report.REPORTED


async def test_a_number_that_disagrees_with_its_digit_is_not_asked_about(tmp_path):
    stolen = stolen_list()
    async with unit(tmp_path, stolen) as (checks, log):
        listed = await checks.check(MISTYPED, OFFICER, "traffic stop")
    assert listed.verdict is Report.NOT_ASKED
    assert "check digit" in listed.reason
    assert not stolen.queries
    assert [entry.act for entry in log.entries] == [Act.DOCUMENT_CHECK]


async def test_without_a_source_of_documents_nothing_is_asked(tmp_path):
    plates = ScriptedSource("plates", {}, reach=Reach.AUTOMATIC, answers={SubjectKind.PLATE})
    async with unit(tmp_path, plates) as (checks, log):
        listed = await checks.check(ZONE, OFFICER, "traffic stop")
        assert (listed.verdict, listed.lookup, listed.answers) == (Report.NOT_ASKED, "", ())
        with pytest.raises(UsageError, match="no source"):
            await checks.check(ZONE, OFFICER, "traffic stop", ["elsewhere"])
    assert len(log.entries) == 2


async def test_the_check_and_its_look_up_are_in_the_log(tmp_path):
    async with unit(tmp_path, stolen_list()) as (checks, log):
        listed = await checks.check(ZONE, OFFICER, "traffic stop")
    assert [entry.act for entry in log.entries] == [Act.DOCUMENT_CHECK, Act.LOOKUP, Act.LOOKUP_DONE]
    first, second = log.entries[0].payload, log.entries[1].payload
    assert first == DocumentCheckPayload(reason="traffic stop", document="L898902C3 UTO", agrees=True)
    assert isinstance(second, LookupPayload)
    assert (second.lookup, second.asked) == (listed.lookup, "L898902C3 UTO")
    assert all(entry.requester == OFFICER and CHARTER.payload_until(entry.act, entry.at) for entry in log.entries)
    assert "ERIKSSON" not in repr(log.entries)


async def test_nothing_is_asked_where_the_log_cannot_be_written(tmp_path):
    stolen = stolen_list()
    async with unit(tmp_path, stolen) as (checks, log):
        log.broken = True
        with pytest.raises(AuditError):
            await checks.check(ZONE, OFFICER, "traffic stop")
    assert not stolen.queries


@pytest.mark.parametrize(
    ("requester", "reason", "error"),
    [
        (OFFICER, "  ", NotAllowedError),
        (Requester("7", "administrator", "unit-1"), "stop", NotAllowedError),
        (unit_requester("unit-1"), "stop", NotSignedInError),
    ],
    ids=["no reason", "role", "nobody"],
)
async def test_a_refusal_is_an_entry_and_asks_nobody(tmp_path, requester, reason, error):
    stolen = stolen_list()
    async with unit(tmp_path, stolen) as (checks, log):
        with pytest.raises(error):
            await checks.check(ZONE, requester, reason)
    (entry,) = log.entries
    assert (entry.act, entry.outcome) == (Act.DOCUMENT_CHECK, "refused")
    assert entry.payload.refusal
    assert not stolen.queries


@pytest.mark.parametrize(("requester", "reason"), [(OFFICER, " "), (unit_requester("unit-1"), "stop")])
async def test_a_photograph_is_not_read_where_policy_says_no(tmp_path, requester, reason):
    async with unit(tmp_path) as (checks, log):
        with pytest.raises(NotAllowedError):
            await checks.photographed(lambda: pytest.fail("it was read"), requester, reason)
    assert [entry.outcome for entry in log.entries] == ["refused"]


async def test_a_photograph_is_not_read_where_the_log_cannot_be_written(tmp_path):
    async with unit(tmp_path) as (checks, log):
        log.broken = True
        with pytest.raises(AuditError):
            await checks.photographed(lambda: pytest.fail("it was read"), OFFICER, "stop")


async def test_a_reading_is_entered_before_it_and_tells_nothing_of_what_it_failed_on(tmp_path):
    async with unit(tmp_path) as (checks, log):
        assert await checks.photographed(lambda: f"{len(log.entries)} entry", OFFICER, "stop") == "1 entry"

        def fail() -> str:
            raise ValueError("L898902C3")

        with pytest.raises(ModelError, match="the reader failed") as failure:
            await checks.photographed(fail, OFFICER, "stop")
    assert "L898902C3" not in str(failure.value) + repr(log.entries)
    assert [entry.outcome for entry in log.entries] == ["begun", "begun", "not_read"]


@pytest.mark.parametrize("kind", [ModelError, ValueError])
async def test_c3_a_photograph_that_the_reader_failed_on_goes_without_the_collector(tmp_path, kind):
    seen = []

    def fail() -> str:
        picture = np.zeros((4, 4, 3), np.uint8)
        seen.append(weakref.ref(picture))
        raise kind("bad")

    async with unit(tmp_path) as (checks, _):
        with uncollected():
            with suppress(ModelError):
                await checks.photographed(fail, OFFICER, "stop")
            await all_gone(seen)
    assert len(seen) == 1


@pytest.mark.slow
async def test_a_reader_that_hangs_is_given_up_at_the_deadline(tmp_path, monkeypatch):
    monkeypatch.setattr("hub.document_checks.READ_SECONDS", 0.2)
    ended = threading.Event()
    async with unit(tmp_path) as (checks, log):
        with pytest.raises(DeadlineError):
            await checks.photographed(lambda: str(ended.wait(20)), OFFICER, "stop")
    ended.set()
    assert [entry.outcome for entry in log.entries] == ["begun", "not_read"]

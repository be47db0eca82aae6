"""`hub.audit.report`: counts by year, unit, camera and source, and nobody's name in them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from hub.audit.interrupted import LastRun, last_run
from hub.audit.log import open_log
from hub.audit.records import (
    AlertPayload,
    CountPayload,
    DecisionPayload,
    ImportPayload,
    LookupPayload,
    OpenedPayload,
)
from hub.audit.report import Counts, Report, report, report_log
from hub.audit.vault import keys_path
from hub.clocks import ManualClock
from hub.messages import Act, AlertState, Entry, HitKind, Requester, SubjectKind
from hub.testing.audit import SeedSigner

START = datetime(2025, 12, 31, 23, tzinfo=UTC)
UNIT = Requester(officer="", role="unit", unit="unit-7")
OFFICER = Requester(officer="4711", role="officer", unit="unit-7")


def alert(act=Act.ALERT_RAISED, outcome="raised"):
    payload = AlertPayload("a1", "front", "wanted", "e1", "stolen_vehicle", HitKind.EXACT, "")
    return Entry(act, START, UNIT, outcome, payload, camera="front", source="wanted")


def decided(state, corrects=None):
    payload = DecisionPayload("a1", state, "because", corrects)
    return Entry(Act.ALERT_DECIDED, START, OFFICER, state.value, payload, camera="front", source="wanted")


def lookup(act=Act.LOOKUP, outcome="asked"):
    payload = LookupPayload("l1", "because", SubjectKind.PERSON, "Ann Arbor", ("drivers", "wanted"))
    return Entry(act, START, OFFICER, outcome, payload, source="drivers,wanted")


def counted(asked, hit, unavailable, camera="front"):
    payload = CountPayload(camera, "wanted", START, asked, hit, unavailable)
    return Entry(Act.AUTOMATIC_COUNTED, START, UNIT, "counted", payload)


ENTRIES = [
    lookup(),
    lookup(Act.LOOKUP_DONE, "done"),
    lookup(),
    lookup(Act.LOOKUP, "not_done"),
    lookup(Act.LOOKUP_REFUSED, "refused"),
    counted(10, 1, 2),
    counted(5, 0, 0, camera="rear"),
    alert(),
    decided(AlertState.ADJUDICATED_FALSE),
    decided(AlertState.ADJUDICATED_TRUE, corrects=1),
    alert(Act.ALERT_EXPIRED, "expired"),
    Entry(Act.SIGN_IN, START, OFFICER, "signed_in", None),
    Entry(Act.LIST_LOADED, START, UNIT, "loaded", None, source="wanted"),
    Entry(Act.ORDER, START, OFFICER, "loaded", None),
    Entry(Act.ORDER, START, UNIT, "ended", None),
    Entry(Act.ORDER, START, OFFICER, "refused", None),
    Entry(Act.GRANT, START, OFFICER, "used", None, source="credit_records"),
    Entry(Act.GRANT, START, OFFICER, "withheld", None, source="credit_records"),
    Entry(Act.GRANT, START, OFFICER, "refused", None),
]


async def write(tmp_path, *, years=(0, 1)):
    path, clock = tmp_path / "audit.sqlite3", ManualClock(START)
    async with open_log(path, origin="o", signer=SeedSigner(), clock=clock) as log:
        for year in years:
            clock.set_wall(START + timedelta(days=365 * year))
            for entry in ENTRIES:
                await log.append(msgspec.structs.replace(entry, at=clock.now()))
    return path, clock


async def test_counts_by_year_unit_camera_and_source(tmp_path):
    path, _ = await write(tmp_path)
    answer = report_log(path)
    assert [year.year for year in answer.years] == [2025, 2026]
    assert (answer.entries, answer.unread) == (2 * len(ENTRIES), 0)
    assert (answer.first, answer.last) == (START, START + timedelta(days=365))
    year = answer.years[0]
    assert year.total == Counts(
        orders_loaded=1,
        orders_ended=1,
        orders_refused=1,
        grants_used=1,
        grants_refused=1,
        lookups=2,
        lookups_done=1,
        lookups_interrupted=1,
        lookups_refused=1,
        not_done=1,
        automatic_asked=15,
        automatic_hit=1,
        automatic_unavailable=2,
        alerts=1,
        adjudicated_false=1,
        adjudicated_true=1,
        corrections=1,
        expired=1,
        sign_ins=1,
        lists_loaded=1,
    )
    assert [share.name for share in year.units] == ["unit-7"]
    assert year.units[0].counts == year.total
    cameras = {share.name: share.counts for share in year.cameras}
    assert (cameras["front"].automatic_asked, cameras["rear"].automatic_asked) == (10, 5)
    assert (cameras["front"].alerts, cameras["front"].adjudicated_true, cameras["front"].lookups) == (1, 1, 0)
    sources = {share.name: share.counts for share in year.sources}
    assert (sources["drivers"].lookups, sources["wanted"].lookups, sources["wanted"].automatic_hit) == (2, 2, 1)


async def test_the_figures_outlive_the_payloads(tmp_path):
    path, clock = await write(tmp_path, years=(0,))
    before = report_log(path).years[0]
    clock.advance(400 * 86400)
    async with open_log(path, origin="o", signer=SeedSigner(), clock=clock) as log:
        assert await log.erase_due() == 9
    after = report_log(path).years[0]
    assert before.total.corrections == 1
    assert msgspec.structs.replace(after.total, corrections=1) == before.total
    assert after.sources[0].counts == before.sources[0].counts


async def test_what_cannot_be_read_is_said(tmp_path):
    path, _ = await write(tmp_path, years=(0,))
    keys_path(path).unlink()
    answer = report_log(path)
    assert answer.unread == 2
    assert answer.years[0].total.automatic_asked == 0
    assert answer.years[0].total.lookups == 2


async def test_a_report_is_plain_json_and_names_nobody(tmp_path):
    path, _ = await write(tmp_path)
    text = msgspec.json.encode(report_log(path))
    assert msgspec.json.decode(text, type=Report) == report_log(path)
    assert not [word for word in (b"Ann", b"4711", b"because", b"e1") if word in text]


def test_an_empty_log():
    assert report([]) == Report(entries=0, first=None, last=None, years=(), unread=0)


def opened(sources="wanted,stolen"):
    payload = OpenedPayload("front", START, tuple(sources.split(",")))
    return Entry(Act.AUTOMATIC_OPENED, START, UNIT, "opened", payload, camera="front", source=sources)


def ended(source):
    payload = CountPayload("front", source, START, 1, 0, 0)
    return Entry(Act.AUTOMATIC_COUNTED, START, UNIT, "counted", payload, camera="front", source=source)


def unit(act):
    return Entry(act, START, UNIT, "done", None)


@pytest.mark.parametrize(
    ("entries", "lookups", "minutes"),
    [
        ([lookup(), lookup(Act.LOOKUP_DONE, "hit")], 0, 0),
        ([lookup()], 1, 0),
        ([lookup(), lookup(), lookup(Act.LOOKUP_DONE, "hit")], 1, 0),
        ([lookup(), lookup(Act.LOOKUP_DONE, "interrupted")], 1, 0),
        ([lookup(Act.LOOKUP_REFUSED, "refused")], 0, 0),
        ([opened(), ended("stolen"), ended("wanted")], 0, 0),
        ([opened(), ended("wanted")], 0, 1),
        ([opened(), opened(), ended("wanted"), ended("stolen")], 0, 1),
    ],
)
async def test_what_was_begun_and_never_ended_is_told(tmp_path, entries, lookups, minutes):
    path, clock = tmp_path / "audit.sqlite3", ManualClock(START)
    async with open_log(path, origin="o", signer=SeedSigner(), clock=clock) as log:
        await log.append(unit(Act.UNIT_START))
        for entry in entries:
            await log.append(entry)
    total = report_log(path).years[0].total
    assert (total.lookups_interrupted, total.automatic_interrupted) == (lookups, minutes)
    assert last_run(path) == LastRun(lookups, minutes, cut_off=True)
    assert (str(lookups) in last_run(path).describe()) is (lookups > 0)
    async with open_log(path, origin="o", signer=SeedSigner(), clock=clock) as log:
        await log.append(unit(Act.UNIT_STOP))
        assert last_run(path).cut_off is False
        await log.append(unit(Act.UNIT_START))
        await log.append(unit(Act.UNIT_STOP))
    assert last_run(path) == LastRun(0, 0, cut_off=False)
    assert last_run(path).describe() == ""


async def test_a_long_run_is_found_from_its_end(tmp_path):
    path, clock = tmp_path / "audit.sqlite3", ManualClock(START)
    async with open_log(path, origin="o", signer=SeedSigner(), clock=clock) as log:
        for entry in [lookup(), unit(Act.UNIT_START), lookup(), *[unit(Act.CONFIGURATION)] * 300]:
            await log.append(entry)
    assert last_run(path) == LastRun(1, 0, cut_off=True)


async def test_an_import_counts_once(tmp_path):
    path, clock = tmp_path / "audit.sqlite3", ManualClock(START)
    payload = ImportPayload("drivers", "", 0, 0)
    async with open_log(path, origin="o", signer=SeedSigner(), clock=clock) as log:
        for outcome in ("begun", "imported", "begun", "not_done"):
            await log.append(Entry(Act.RECORDS_IMPORTED, START, OFFICER, outcome, payload, source="drivers"))
    total = report_log(path).years[0].total
    assert (total.imports, total.not_done) == (2, 1)

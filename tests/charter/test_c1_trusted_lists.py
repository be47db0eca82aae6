"""C1 where a unit follows an authority: a list that it does not stand for now is compared with nothing, counted.

Refused when it is opened and, while it is open, at the next look. What the authority's metadata must be is attacked
in tests/unit/watchlists/test_trusted.py; here it is what comes of it for the lists that an officer has loaded.
"""

from __future__ import annotations

import itertools
import shutil
from datetime import timedelta

import pytest
import trio
from msgspec import structs

import hub.sources
import wanted_persons.source
from hub.clocks import ManualClock
from hub.errors import SourceChangedError, TrustError
from hub.lookups import Lookups, typed_plate
from hub.messages import AnswerStatus, Query, Requester
from hub.plates.grammar import load_grammars
from hub.sources import SourceSpec, open_sources
from hub.testing.audit import MemoryLog
from hub.testing.sources import context
from hub.watchlists.metadata import Withdrawn
from hub.watchlists.package import verify_package
from hub.watchlists.trust import Trust, add_issuer, save_trust
from hub.watchlists.trusted import TRUSTED_FILE, keep, open_trusted
from tests.kit_authority import NORTH, NOW, SOUTH, Ceremony, hot_list, public
from wanted_persons.importer import WantedPersonsImporter
from wanted_persons.source import WantedPersons

LISTED = "4721XKP"
LATER = NOW + timedelta(hours=1)


@pytest.fixture
def comparisons(monkeypatch):
    """Every query that reaches the list's entries."""
    seen = []
    find = wanted_persons.source.find_records

    def counted(connection, query):
        seen.append(query)
        return find(connection, query)

    monkeypatch.setattr(wanted_persons.source, "find_records", counted)
    return seen


class UnitWithAuthority:
    """A unit that follows North District's authority and has loaded its list."""

    def __init__(self, folder):
        self.authority = Ceremony(folder)
        self.package = hot_list()
        self.kept = folder / "state"
        self.context = context(folder / "plugin", now=NOW, authority=self.kept)
        self.source = WantedPersons()

    def prepare(self):
        self.authority.begin()
        self.authority.publish(self.package)
        keep(self.kept, self.authority.unit())
        self.load(self.package)

    def load(self, package, now=NOW):
        file = self.kept.parent / "package.json"
        file.write_bytes(package)
        return WantedPersonsImporter().import_file(structs.replace(self.context, now=now), file)

    def follow(self, now=NOW):
        self.trusted = self.authority.unit(self.trusted, now)
        keep(self.kept, self.trusted)

    def open(self, now=NOW):
        return self.source.open(structs.replace(self.context, now=now))

    def look(self, now=NOW):
        return list(self.source.find(Query("L-1", typed_plate(LISTED), now)))

    def withdraw(self, **what):
        self.authority.desk.withdraw(Withdrawn(**what), NOW)
        self.authority.sign("anna", "ben")
        self.authority.refresh()
        self.follow()


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    folder = tmp_path_factory.mktemp("prepared")
    UnitWithAuthority(folder).prepare()
    return folder


@pytest.fixture
def unit(prepared, tmp_path):
    shutil.copytree(prepared, tmp_path, dirs_exist_ok=True)
    made = UnitWithAuthority(tmp_path)
    made.trusted = open_trusted(made.kept)
    yield made
    made.source.close()


def supersede(unit):
    unit.authority.publish(hot_list(2))
    unit.follow()


def withdraw_list(unit):
    unit.withdraw(lists=(verify_package(unit.package, unit.trusted.issuers, NOW).digest,))


def withdraw_issuer(unit):
    unit.withdraw(issuers=(NORTH,))


def withdraw_key(unit):
    unit.withdraw(keys=(public("cleo").public.hex(),))


def change_signers(unit):
    unit.authority.desk.add_issuer(NORTH, [public("ines"), public("jo")], NOW)
    unit.authority.desk.renew(NORTH, NOW)
    unit.authority.sign("anna", "ben", "ines", "jo")
    unit.authority.refresh()
    unit.follow()


def remove(unit):
    (unit.kept / TRUSTED_FILE).unlink()


def damage(unit):
    file = unit.kept / TRUSTED_FILE
    file.write_bytes(file.read_bytes()[:-20])


ENDS = [supersede, withdraw_list, withdraw_issuer, withdraw_key, change_signers, remove, damage]


def test_c1_a_list_that_the_authority_stands_for_is_compared(unit, comparisons):
    unit.open()
    assert len(unit.look()) == 1
    assert len(comparisons) == 1


@pytest.mark.parametrize("end", ENDS)
def test_c1_a_list_that_it_stands_for_no_more_is_not_opened(unit, comparisons, end):
    end(unit)
    with pytest.raises(Exception, match=r".") as refused:
        unit.open()
    assert type(refused.value).__name__ in ("TrustError", "InputError")
    assert comparisons == []


@pytest.mark.parametrize("end", ENDS)
def test_c1_and_not_looked_at_again_while_it_is_open(unit, comparisons, end):
    unit.open()
    assert unit.look()
    end(unit)
    with pytest.raises(Exception, match=r".") as refused:
        unit.look()
    assert type(refused.value).__name__ in ("SourceChangedError", "TrustError", "InputError")
    assert len(comparisons) == 1


@pytest.mark.parametrize("end", ENDS)
def test_c1_nor_loaded_again(unit, comparisons, end):
    end(unit)
    with pytest.raises(Exception, match=r".") as refused:
        unit.load(unit.package)
    assert type(refused.value).__name__ in ("TrustError", "InputError")


def test_c1_an_older_list_is_not_loaded_after_a_newer_one(unit, comparisons):
    supersede(unit)
    unit.load(hot_list(2))
    unit.open()
    assert unit.look()
    with pytest.raises(TrustError, match=r"superseded"):
        unit.load(unit.package)


def test_c1_a_unit_that_hears_nothing_of_its_authority_stops(unit, comparisons):
    """Whoever keeps the updates from a unit keeps a withdrawal from it only until the last one expires."""
    unit.open()
    end = unit.trusted.expires
    assert unit.look(end - timedelta(seconds=1))
    with pytest.raises(TrustError, match="timestamp expired"):
        unit.look(end)
    with pytest.raises(TrustError, match="timestamp expired"):
        unit.open(end)
    assert len(comparisons) == 1


def test_c1_nor_does_a_clock_that_is_set_back_while_it_runs_help(unit, comparisons, monkeypatch):
    unit.open()
    boottime = wanted_persons.source.SystemClock.boottime
    monkeypatch.setattr(wanted_persons.source.SystemClock, "boottime", lambda self: boottime(self) + 8 * 86_400)
    with pytest.raises(TrustError, match="clock was set back"):
        unit.look(NOW)
    assert comparisons == []


def test_c1_a_list_that_two_signed_and_nobody_published_is_none(unit, comparisons):
    """Two signatures make a list; that it is the one in force is said by the issuer's published role alone."""
    with pytest.raises(TrustError, match="never published"):
        unit.load(hot_list(7))


def test_c1_the_trust_file_counts_for_nothing_beside_an_authority(unit, comparisons, tmp_path):
    trust = tmp_path / "trust.json"
    save_trust(trust, add_issuer(Trust(), SOUTH, [public("emil"), public("fay")]))
    unit.context = structs.replace(unit.context, trust=trust)
    package = hot_list(issuer=SOUTH, signers=("emil", "fay"))
    with pytest.raises(TrustError, match="unknown to this unit"):
        unit.load(package)
    alone = structs.replace(unit.context, authority=None)
    (tmp_path / "alone.json").write_bytes(package)
    assert WantedPersonsImporter().import_file(alone, tmp_path / "alone.json").imported == 1


def test_c1_a_newer_update_lets_the_newer_list_in(unit, comparisons):
    unit.open()
    supersede(unit)
    with pytest.raises(SourceChangedError):
        unit.look()
    unit.load(hot_list(2))
    unit.open()
    assert unit.look()


def test_c1_an_issuer_that_lets_its_publication_lapse(unit, comparisons):
    late = NOW + timedelta(days=35)
    package = unit.authority.publish(hot_list(3, days=90))
    unit.follow()
    unit.load(package)
    unit.authority.refresh(late)
    unit.follow(late)
    with pytest.raises(TrustError, match="what North District publishes expired"):
        unit.open(late)
    assert comparisons == []


async def test_c1_a_running_hub_ends_a_list_at_the_next_look_and_takes_the_next_one(tmp_path, monkeypatch):
    monkeypatch.setattr(hub.sources, "REOPEN_SECONDS", 0.0)
    own = Ceremony(tmp_path).begin()
    own.publish(hot_list())
    trusted = own.unit()
    kept = tmp_path / "authority-of-the-unit"
    keep(kept, trusted)
    where = context(tmp_path / "wanted_persons", now=NOW, authority=kept)

    def load(package):
        (tmp_path / "package.json").write_bytes(package)
        WantedPersonsImporter().import_file(where, tmp_path / "package.json")

    load(hot_list())
    clock, numbers = ManualClock(NOW), itertools.count(1)
    spec = SourceSpec("wanted_persons", WantedPersons, where, 5.0)
    async with open_sources([spec], clock=clock, book=load_grammars()) as host:
        lookups = Lookups(host, log=MemoryLog(), clock=clock, unit="unit-1", identify=lambda: f"L-{next(numbers)}")

        async def ask():
            request = lookups.request(typed_plate("4721XKP"), Requester("4711", "officer", "unit-1"), "stop", ())

            async def deliver(_answer):
                pass

            (answer,) = await lookups.on_request(request, deliver)
            return answer.status, answer.explanation

        assert (await ask())[0] is AnswerStatus.HIT
        own.publish(hot_list(2))
        keep(kept, trusted := own.unit(trusted))
        status, why = await ask()
        assert (status, "superseded" in why) == (AnswerStatus.UNAVAILABLE, True)
        load(hot_list(2))
        with trio.fail_after(5):  # it is opened beside the look that asks for it
            while (await ask())[0] is not AnswerStatus.HIT:  # noqa: ASYNC110  # asking is what opens it
                await trio.sleep(0.01)
        # An update that says nothing of this list costs no look.
        own.desk.withdraw(Withdrawn(orders=("O-1",)), NOW)
        own.sign("anna", "ben")
        own.refresh()
        keep(kept, own.unit(trusted))
        assert (await ask())[0] is AnswerStatus.HIT

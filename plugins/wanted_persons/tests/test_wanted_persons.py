from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec import structs

import wanted_persons
from hub.authority.keys import KeySigner
from hub.backends import ImportReport, PluginContext, RecordSource
from hub.errors import InputError, SourceChangedError, SourceError, TrustError
from hub.messages import DocumentQuery, PersonQuery, PlateQuery, Reach
from hub.plates.grammar import load_grammars
from hub.plates.matching import match_plate
from hub.records import RULES, Category, apply_schema
from hub.store import records
from hub.testing.contracts_sources import NOW, Example, RecordSourceContract, query
from hub.testing.sources import context, plate_read, typed_plate
from hub.watchlists.package import HOT_LIST, HotList, build_entries, build_package, sign_package
from hub.watchlists.trust import Issuer, SignerKey, Trust, save_trust
from wanted_persons import WantedPersons, WantedPersonsImporter
from wanted_persons.importer import COLUMNS
from wanted_persons.store import open_store, path_of

EXPIRES = datetime(2030, 1, 10, 12, tzinfo=UTC)
SIGNERS = tuple(KeySigner(name, Ed25519PrivateKey.generate()) for name in ("Novak", "Horvath"))
STRANGER = KeySigner("Stranger", Ed25519PrivateKey.generate())
BASIS = {"legal_basis": "Warrant 7/2029", "issuing_authority": "District court Kosice", "expires": "2030-01-09"}
ROWS: tuple[Mapping[str, str], ...] = (
    {"entry": "v1", "category": "stolen_vehicle", "plate": "KE-123 AB", "region": "SK", "make": "Volvo", **BASIS},
    {"entry": "p1", "category": "wanted_person", "family_name": "Müller", "given_names": "Hans Peter",
     "birth_date": "1980-01-02", "instruction": "Call the desk", **BASIS},
    {"entry": "d1", "category": "stolen_document", "document_number": "EA 123456", "document_country": "SVK", **BASIS},
    {"entry": "old", "category": "stolen_vehicle", "plate": "BA777XY", **BASIS, "expires": "2030-01-01"},
)  # fmt: skip

TABLE = """\
entry,category,plate,family_name,given_names,birth_date,document_number,legal_basis,issuing_authority,expires
v1,stolen_vehicle,KE123AB,,,,,Warrant,Court,2030-01-09
p1,wanted_person,,Müller,Hans Peter,1980-01-02,,Warrant,Court,2030-01-09
d1,lost_document,,,,,EA123456,Warrant,Court,2030-01-05
"""


def package(
    rows: tuple[Mapping[str, str], ...] = ROWS,
    *,
    version: int = 3,
    name: str = "Stolen",
    signers: tuple[KeySigner, ...] = SIGNERS,
    expires: datetime = EXPIRES,
) -> bytes:
    entries, refused = build_entries(rows)
    assert not refused
    content = HotList(
        kind=HOT_LIST,
        name=name,
        issuer="Ministry",
        authority="Act 171/1993",
        purpose="stolen and wanted",
        place="Slovakia",
        created=datetime(2030, 1, 1, tzinfo=UTC),
        expires=expires,
        version=version,
        entries=entries,
    )
    made = build_package(content)
    for signer in signers:
        made = sign_package(made, signer)
    return made


@pytest.fixture
def where(tmp_path: Path) -> PluginContext:
    trust = tmp_path / "trust.json"
    keys = tuple(SignerKey(signer.name, signer.public) for signer in SIGNERS)
    save_trust(trust, Trust((Issuer("Ministry", keys),)))
    return context(tmp_path / "wanted_persons", trust=trust)


def take(where: PluginContext, data: bytes | str, name: str = "list") -> ImportReport:
    file = where.state.parent / name
    file.write_bytes(data.encode() if isinstance(data, str) else data)
    return WantedPersonsImporter().import_file(where, file)


def development(where: PluginContext) -> PluginContext:
    return structs.replace(where, development=True)


def at(where: PluginContext, now: datetime) -> PluginContext:
    return structs.replace(where, now=now)


EXAMPLES = (
    Example(typed_plate("KE123AB"), "v1"),
    Example(typed_plate("KE123A?"), "v1"),
    Example(PlateQuery(typed_plate("KEI23AB").readings, plate_read("KEI23AB").slots), "v1"),
    Example(PersonQuery("mueller hans", date(1980, 1, 2)), "p1"),
    Example(DocumentQuery("EA123456", ""), "d1"),
)


class TestSigned(RecordSourceContract):
    @pytest.fixture
    def plugin_context(self, where: PluginContext) -> PluginContext:
        return where

    @pytest.fixture
    def source(self, where: PluginContext) -> RecordSource:
        take(where, package())
        return WantedPersons()

    @pytest.fixture
    def examples(self) -> tuple[Example, ...]:
        return EXAMPLES


class TestDevelopment(TestSigned):
    @pytest.fixture
    def plugin_context(self, where: PluginContext) -> PluginContext:
        return development(where)

    @pytest.fixture
    def source(self, where: PluginContext) -> RecordSource:
        take(development(where), TABLE)
        return WantedPersons()


def found(source: WantedPersons, plate: str, now: datetime = NOW) -> list[str]:
    return [record.entry for record in source.find(query(typed_plate(plate), now))]


def test_it_is_automatic_and_its_columns_are_documented() -> None:
    assert WantedPersons.reach is Reach.AUTOMATIC
    assert set(COLUMNS) - {"entry"} <= set(RULES)
    assert all(f"``{column}``" in (wanted_persons.importer.__doc__ or "") for column in COLUMNS)


def test_every_category_says_what_its_entries_are_about() -> None:
    assert set(wanted_persons.importer._ABOUT) == set(Category)


# ----------------------------------------------------------------------------------------- a signed list


def test_a_signed_list_says_what_it_is(where: PluginContext) -> None:
    report = take(where, package())
    assert (report.imported, report.bad) == (4, ())
    source = WantedPersons()
    info = source.open(where)
    assert (info.entries, info.expires, info.development) == (4, EXPIRES.isoformat(), False)
    assert info.list_digest == report.list_digest
    assert len(info.list_digest) == 64
    assert info.detail == "Stolen, version 3, of Ministry"
    assert sorted(source.plates()) == ["BA777XY", "KE123AB"]
    (record,) = source.find(query(typed_plate("KE123AB")))
    kept, dropped = apply_schema(record)
    assert dropped == 0
    assert {field.name for field in kept.fields} >= {"legal_basis", "issuing_authority", "category", "expires"}
    source.close()


def test_an_entry_past_its_own_date_is_not_returned(where: PluginContext) -> None:
    take(where, package())
    source = WantedPersons()
    source.open(where)
    assert found(source, "BA777XY") == []
    assert found(source, "BA777XY", datetime(2030, 1, 1, 23, 59, tzinfo=UTC)) == ["old"]
    assert found(source, "KE123AB", datetime(2030, 1, 9, 23, 59, tzinfo=UTC)) == ["v1"]
    assert found(source, "KE123AB", datetime(2030, 1, 10, tzinfo=UTC)) == []
    source.close()


@pytest.mark.parametrize("now", [EXPIRES, EXPIRES + timedelta(days=400), datetime(2029, 12, 31, tzinfo=UTC)])
def test_outside_of_its_dates_it_answers_nothing_and_does_not_open(where: PluginContext, now: datetime) -> None:
    take(where, package())
    source = WantedPersons()
    source.open(where)
    with pytest.raises(TrustError):
        found(source, "KE123AB", now)
    with pytest.raises(TrustError):
        source.open(at(where, now))
    source.close()


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (lambda: package(signers=()), "unsigned"),
        (lambda: package(signers=SIGNERS[:1]), "1 of the 2 signatures"),
        (lambda: package(signers=(SIGNERS[0], STRANGER)), "1 of the 2 signatures"),
        (lambda: package(expires=NOW), "expired"),
        (lambda: package().replace(b'"payload": "', b'"payload": "x'), "envelope|altered|no list"),
        (lambda: b"{}", "no DSSE envelope"),
        (lambda: b"{" * 100_000, "no DSSE envelope"),
    ],
)
def test_what_does_not_verify_is_not_loaded(where: PluginContext, data, said: str) -> None:
    take(where, package())
    with pytest.raises(TrustError, match=said) as caught:
        take(where, data())
    assert "\n" not in str(caught.value)
    source = WantedPersons()
    assert source.open(where).entries == 4
    source.close()


def test_an_older_version_is_refused_even_after_the_list_was_erased(where: PluginContext) -> None:
    take(where, package())
    take(where, package())  # the same once more is no rollback
    with pytest.raises(TrustError, match="rolled back: it is version 2"):
        take(where, package(version=2))
    with pytest.raises(TrustError, match="two different lists"):
        take(where, package(ROWS[:1]))
    assert WantedPersons().erase_due(at(where, EXPIRES + timedelta(hours=24)), timedelta(hours=24)) == 4
    with pytest.raises(TrustError, match="rolled back"):
        take(where, package(version=2))
    assert take(where, package(ROWS[:1], version=4)).imported == 1


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE entries SET fields = replace(fields, 'Volvo', 'Skoda')",
        "UPDATE entries SET entry = 'x1' WHERE entry = 'v1'",
        "UPDATE entries SET expires = '2099-01-01'; UPDATE entries SET fields = replace(fields, '2030', '2099')",
        "DELETE FROM entries WHERE entry = 'p1'",
        "INSERT INTO entries (entry, expires, fields) VALUES ('x', '', '{}')",
        "UPDATE list SET stored = replace(stored, '2030-01-10', '2040-01-10')",
        "UPDATE envelope SET envelope = x'7b7d'",
        "DELETE FROM envelope",
    ],
)
def test_whoever_edits_the_store_is_found_when_it_is_opened(where: PluginContext, change: str) -> None:
    take(where, package())
    connection = open_store(where)
    connection.executescript(change)
    connection.close()
    with pytest.raises(TrustError):
        WantedPersons().open(where)


def test_a_list_whose_issuer_is_no_longer_trusted_does_not_open(where: PluginContext) -> None:
    take(where, package())
    assert where.trust is not None
    save_trust(where.trust, Trust())
    with pytest.raises(TrustError, match="unknown to this unit"):
        WantedPersons().open(where)
    with pytest.raises(TrustError, match="unknown to this unit"):
        WantedPersons().open(structs.replace(where, trust=None))


def test_a_list_that_was_replaced_while_open_has_to_be_opened_again(where: PluginContext) -> None:
    take(where, package())
    source = WantedPersons()
    source.open(where)
    take(where, package(ROWS[1:], version=4))
    with pytest.raises(SourceChangedError):
        found(source, "KE123AB")
    source.open(where)
    assert found(source, "KE123AB") == []
    source.close()


# Beside a hub that runs, `patrol-hub import` loads a list in a process of its own, at any moment.


def test_a_plate_of_both_lists_is_found_while_one_takes_the_others_place(where: PluginContext, monkeypatch) -> None:
    take(where, package())
    source = WantedPersons()
    source.open(where)
    keys_of = records._shared_keys

    def replaced_meanwhile(connection, asked):
        shared = keys_of(connection, asked)
        take(where, package((*ROWS[1:], ROWS[0]), version=4))
        return shared

    with monkeypatch.context() as patch:
        patch.setattr(records, "_shared_keys", replaced_meanwhile)
        assert found(source, "KE123AB") == ["v1"]
    with pytest.raises(SourceChangedError):
        found(source, "KE123AB")
    source.open(where)
    assert found(source, "KE123AB") == ["v1"]
    source.close()


@pytest.mark.parametrize("read", ["stored_list", "stored_envelope", "all_records"])
def test_a_list_that_is_replaced_while_it_is_opened_is_not_taken_for_an_altered_one(
    where: PluginContext, monkeypatch, read: str
) -> None:
    take(where, package())
    source = WantedPersons()
    real = getattr(wanted_persons.source, read)

    def replaced_meanwhile(connection):
        got = real(connection)
        got = got if read != "all_records" else list(got)
        take(where, package(ROWS[1:], version=4))
        return got

    with monkeypatch.context() as patch:
        patch.setattr(wanted_persons.source, read, replaced_meanwhile)
        info = source.open(where)
    assert (info.entries, info.detail) == (4, "Stolen, version 3, of Ministry")
    with pytest.raises(SourceChangedError):
        found(source, "KE123AB")
    assert source.open(where).entries == 3
    source.close()


def test_erasing_an_old_list_leaves_the_one_that_took_its_place_meanwhile(where: PluginContext, monkeypatch) -> None:
    take(where, package())
    later = at(where, EXPIRES + timedelta(hours=24))
    real = wanted_persons.source.stored_list

    def replaced_meanwhile(connection):
        stored = real(connection)
        if stored is not None and stored.version == 3:
            take(later, package(version=4, expires=EXPIRES + timedelta(days=5)))
        return stored

    with monkeypatch.context() as patch:
        patch.setattr(wanted_persons.source, "stored_list", replaced_meanwhile)
        assert WantedPersons().erase_due(later, timedelta(hours=24)) == 0
    source = WantedPersons()
    assert source.open(later).entries == 4
    source.close()


def test_without_a_list_it_says_how_to_load_one(where: PluginContext) -> None:
    with pytest.raises(SourceError, match="no list is loaded: import"):
        WantedPersons().open(where)


def test_erasing_waits_for_the_date_and_then_leaves_no_byte(where: PluginContext) -> None:
    source = WantedPersons()
    day = timedelta(hours=24)
    assert source.erase_due(where, day) == 0  # nothing is there, and nothing is made
    assert not path_of(where).exists()
    take(where, package())
    assert source.erase_due(at(where, EXPIRES + day - timedelta(seconds=1)), day) == 0
    assert b"KE123AB" in path_of(where).read_bytes()
    assert source.erase_due(at(where, EXPIRES + day), day) == 4
    assert source.erase_due(at(where, EXPIRES + day), day) == 0
    left = b"".join(file.read_bytes() for file in where.state.iterdir())
    for trace in (b"KE123AB", b"Hans", b"Warrant", b"EA123456", b"E123456", b"payload"):
        assert trace not in left


# ---------------------------------------------------------------------------------------- a development list


def test_a_table_needs_development_and_the_list_stays_marked(where: PluginContext) -> None:
    with pytest.raises(TrustError, match="unsigned list"):
        take(where, TABLE)
    report = take(development(where), TABLE)
    assert report.imported == 3
    with pytest.raises(TrustError, match="--development"):
        WantedPersons().open(where)
    source = WantedPersons()
    info = source.open(development(where))
    assert info.development
    assert info.expires == "2030-01-10T00:00:00+00:00"
    source.close()


def test_bad_rows_are_named_by_line_and_the_rest_is_imported(where: PluginContext) -> None:
    report = take(
        development(where),
        "category,plate,family_name,legal_basis,issuing_authority,expires\n"
        "stolen_vehicle,KE123AB,,W,C,2030-01-09\n"
        "stolen_vehicle,***,,W,C,2030-01-09\n"
        "stolen_vehicle,KE124AB,,W,C,9.1.2030\n"
        "stolen_vehicle,KE125AB,,,C,2030-01-09\n"
        "parked,KE126AB,,W,C,2030-01-09\n"
        "stolen_vehicle,KE123AB,,W,C,2030-01-09\n"
        "stolen_vehicle,KE127AB\n"
        "wanted_person,KE128AB,,W,C,2030-01-09\n"
        "stolen_vehicle,KE129AB,,W,C,2029-12-31\n"
        "wanted_person,,Novak,W,C,2030-01-09\n",
    )
    assert report.imported == 2
    assert [bad.line for bad in report.bad] == [3, 4, 5, 6, 7, 8, 9, 10]
    problems = {bad.line: bad.problem for bad in report.bad}
    assert problems[3] == "plate has no letters or digits"
    assert problems[4].startswith("expires is no date")
    assert problems[5] == "legal_basis is missing"
    assert problems[6].startswith("category is none of")
    assert problems[7] == "the same entry as line 2: leave one of them out"
    assert problems[8].startswith("too few columns")
    assert problems[9] == "wanted_person needs family_name"
    assert problems[10] == "it has expired already"


@pytest.mark.parametrize("data", [b"", b"plate\nKE1\n", TABLE.encode("utf-16"), TABLE.encode("latin-1"), b"\0" * 10])
def test_a_file_that_is_no_table_changes_nothing(where: PluginContext, data: bytes) -> None:
    take(development(where), TABLE)
    with pytest.raises(InputError):
        take(development(where), data)
    source = WantedPersons()
    assert source.open(development(where)).entries == 3
    source.close()


def test_an_edited_development_list_is_found_too(where: PluginContext) -> None:
    take(development(where), TABLE)
    connection = open_store(where)
    connection.execute("UPDATE entries SET entry = 'x' WHERE entry = 'v1'")
    connection.close()
    with pytest.raises(TrustError, match="altered"):
        WantedPersons().open(development(where))


# -------------------------------------------------------------------------------------------------- size


@pytest.mark.slow
def test_a_plate_is_found_among_100_000_in_milliseconds(where: PluginContext) -> None:
    book = load_grammars()
    plates = sorted(set(book.sample(np.random.default_rng(3), 100_000)))
    lines = [f"stolen_vehicle,{plate},W,C,2030-01-09" for plate in plates]
    header = "category,plate,legal_basis,issuing_authority,expires"
    report = take(development(where), "\n".join([header, *lines]))
    assert report.imported == len(plates)
    source = WantedPersons()
    assert source.open(development(where)).entries == len(plates)
    times = []
    for plate in plates[:: len(plates) // 200]:
        start = time.perf_counter()
        candidates = list(source.find(query(typed_plate(plate))))
        times.append(time.perf_counter() - start)
        assert plate in [record.fields["plate"] for record in candidates]
    assert float(np.median(times)) < 0.01
    source.close()


def test_candidates_hold_whatever_the_host_would_match(where: PluginContext) -> None:
    book = load_grammars()
    plates = sorted(set(book.sample(np.random.default_rng(4), 400)))
    lines = [f"e{n},stolen_vehicle,{plate},W,C,2030-01-09" for n, plate in enumerate(plates)]
    take(development(where), "\n".join(["entry,category,plate,legal_basis,issuing_authority,expires", *lines]))
    source = WantedPersons()
    source.open(development(where))
    everything = [apply_schema(record)[0] for plate in plates for record in source.find(query(typed_plate(plate)))]
    limit = wide_limit(len(plates))
    for plate in plates[::10]:
        for asked in (plate, plate.replace("0", "O").replace("1", "I"), plate[:-1] + "X"):
            subject = typed_plate(asked)
            candidates = [apply_schema(record)[0] for record in source.find(query(subject))]
            from_all = {hit.record.entry for hit in match_plate(subject, everything, limit)}
            assert {hit.record.entry for hit in match_plate(subject, candidates, limit)} == from_all
    source.close()


def wide_limit(entries: int):
    from hub.plates.budget import cost_limit

    return structs.replace(cost_limit(entries, load_grammars(), sample=1), limit=5.5)

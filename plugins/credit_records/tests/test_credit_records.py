from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

import credit_records
from credit_records import CreditRecords, CreditRecordsImporter
from credit_records.importer import COLUMNS
from credit_records.source import SUBJECT
from hub.backends import Importer, PluginContext, RecordSource
from hub.errors import InputError, SourceError
from hub.messages import PersonQuery, Query, Reach
from hub.records import RULES
from hub.testing.contracts_sources import NOW, Example, RecordSourceContract, query
from hub.testing.sources import context

JANA = PersonQuery("NOVAKOVA Jana", date(1980, 1, 2))
FILE = """\
entry;family_name;given_names;birth_date;lender;account_opened;account_status;amount_owed;insolvency_status;score
C-1;Nováková;Jana;1980-01-02;First Bank;2020-05-01;overdue;12 500 EUR;;711
C-2;Nováková;Jana;1980-01-02;;;;;open;711
C-3;Horváth;Peter;1975-12-24;Second Bank;;settled;;;650
"""


@pytest.fixture
def where(tmp_path: Path) -> PluginContext:
    return context(tmp_path / "credit")


def take(where: PluginContext, text: str):
    file = where.state.parent / "credit.csv"
    file.write_text(text)
    return CreditRecordsImporter().import_file(where, file)


class TestCreditRecords(RecordSourceContract):
    @pytest.fixture
    def plugin_context(self, where: PluginContext) -> PluginContext:
        return where

    @pytest.fixture
    def source(self, where: PluginContext) -> RecordSource:
        take(where, FILE)
        return CreditRecords()

    @pytest.fixture
    def examples(self) -> tuple[Example, ...]:
        return (Example(JANA, "C-1"), Example(PersonQuery("Peter Horvath", None), "C-3"))


@pytest.fixture
def opened(where: PluginContext):
    take(where, FILE)
    source = CreditRecords()
    source.open(where)
    yield source
    source.close()


def test_it_is_restricted_and_leaves_no_other_reach_to_the_configuration() -> None:
    assert CreditRecords.reach is Reach.RESTRICTED
    assert not CreditRecords.may_declare
    sources: list[type[RecordSource]] = []
    importers: list[type[Importer]] = []
    credit_records.register_record_sources(sources.append)
    credit_records.register_importers(importers.append)
    assert (sources, importers) == ([CreditRecords], [CreditRecordsImporter])


def test_without_a_grant_it_answers_nothing(opened) -> None:
    for asked in (query(JANA), Query("L", JANA, NOW, fields=("lender",)), Query("L", JANA, NOW, reference="court 1")):
        with pytest.raises(SourceError, match="under a grant alone"):
            opened.find(asked)


def test_only_granted_fields_come_back_beside_whom_the_record_is_about(opened) -> None:
    found = list(opened.find(Query("L", JANA, NOW, fields=("account_status",), reference="court 1")))
    assert [record.entry for record in found] == ["C-1", "C-2"]
    assert found[0].fields.keys() == {*SUBJECT, "account_status"}
    assert found[1].fields.keys() == SUBJECT


def test_a_score_is_refused_counted_and_lies_nowhere(where: PluginContext) -> None:
    report = take(where, FILE)
    assert report.imported == 3
    assert [(bad.line, bad.problem) for bad in report.bad] == [
        (1, "column 'score' is refused: no score or rank of a person is kept, and none was read")
    ]
    assert all(b"711" not in file.read_bytes() for file in where.state.iterdir())
    assert not any(word in column for column in COLUMNS for word in ("score", "rank", "rating"))


def test_every_column_is_documented_and_in_the_closed_schema_for_grants_alone() -> None:
    assert set(COLUMNS) - {"entry"} <= set(RULES)
    assert all(f"``{column}``" in (credit_records.importer.__doc__ or "") for column in COLUMNS)
    assert {name for name in COLUMNS if name in RULES and RULES[name].granted} == {
        "lender", "account_opened", "account_status", "amount_owed", "insolvency_status", "insolvency_until",
    }  # fmt: skip


def test_bad_rows_are_named(where: PluginContext) -> None:
    report = take(
        where,
        "family_name,given_names,birth_date,lender,account_status,risk_class\n"
        "Novak,Jan,1980-01-02,Bank,overdue,A\n"
        "Novak,Jan,1980-01-02,,,A\n"
        "Novak,,1980-01-02,Bank,,A\n"
        "Novak,Jan,1980-01-02,Bank,bankrupt,A\n",
    )
    assert report.imported == 1
    assert [bad.line for bad in report.bad] == [1, 3, 4, 5]
    assert "is refused" in report.bad[0].problem
    with pytest.raises(InputError, match="no row"):
        take(where, "family_name,given_names,birth_date,lender\nNovak,Jan,1980-01-02,\n")


def test_a_second_import_replaces_what_it_names(where: PluginContext) -> None:
    take(where, FILE)
    take(
        where,
        "entry;family_name;given_names;birth_date;lender;account_status\nC-1;Nováková;Jana;1980-01-02;B;settled\n",
    )
    source = CreditRecords()
    assert source.open(where).entries == 3
    found = {r.entry: r for r in source.find(Query("L", JANA, NOW, fields=("account_status",), reference="r"))}
    assert found["C-1"].fields["account_status"] == "settled"
    source.close()

"""The fakes are held to the contract of the real thing."""

from __future__ import annotations

from datetime import date

import pytest

from hub.backends import RecordSource
from hub.messages import DocumentQuery, PersonQuery, Reach
from hub.testing.contracts_sources import Example, RecordSourceContract
from hub.testing.faults import FaultySource, flap, hang, slow
from hub.testing.sources import ScriptedSource, typed_plate

RECORDS = {
    "car": {"plate": "AB123"},
    "person": {"family_name": "Novak", "given_names": "Jana", "birth_date": "1980-01-02"},
    "document": {"document_number": "X1"},
}


class TestScriptedSource(RecordSourceContract):
    @pytest.fixture(params=[Reach.AUTOMATIC, Reach.ON_REQUEST, Reach.RESTRICTED])
    def source(self, request: pytest.FixtureRequest) -> RecordSource:
        return ScriptedSource("fake", RECORDS, reach=request.param)

    @pytest.fixture
    def examples(self) -> tuple[Example, ...]:
        return (
            Example(typed_plate("AB123"), "car"),
            Example(PersonQuery("Jana Novak", date(1980, 1, 2)), "person"),
            Example(DocumentQuery("X1", ""), "document"),
        )


class TestFaultySource(TestScriptedSource):
    """A fault that does not strike leaves the source as it is."""

    @pytest.fixture(params=["hang", "slow", "flap"])
    def source(self, request: pytest.FixtureRequest) -> RecordSource:
        source = ScriptedSource("fake", RECORDS)
        faulty: dict[str, FaultySource] = {
            "hang": hang(source, 0.0),
            "slow": slow(source, 0.0),
            "flap": flap(source, bad=0, good=1),
        }
        return faulty[request.param]

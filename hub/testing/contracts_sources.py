"""What every record source is held to: inherit the class, give it a source, and pytest runs the rest.

Whether a record is a hit is the host's to decide, so the tests ask `hub.plates`, `hub.names` and `hub.documents`.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final

import pytest
from msgspec import Struct

from hub.backends import PluginContext, RecordSource, SourceInfo, SourceRecord
from hub.errors import SourceError, TrustError
from hub.messages import DocumentQuery, PersonQuery, Query, Reach, Subject, SubjectKind
from hub.records import RULES, apply_schema
from hub.subjects import kind_of
from hub.testing.sources import context, typed_plate

NOW: Final = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)
"""Time of every query; a list under test must be valid then."""
LATER: Final = datetime(2200, 1, 1, tzinfo=UTC)
"""A time at which every list under test has expired."""

HOSTILE: Final = ("'; DROP TABLE entries; --", '" OR 1=1', "%", "_", "\\", "\x00", "\U0001f694", "ü" * 10_000, "")


class Example(Struct, frozen=True, eq=False):
    """Something that the source under test holds."""

    subject: Subject
    """What to ask for."""
    entry: str
    """The entry that must be among the candidates."""


def query(subject: Subject, now: datetime = NOW, *, reach: Reach = Reach.ON_REQUEST) -> Query:
    """Return a query as the host makes it; for a restricted source as under a grant of every field."""
    if reach is Reach.RESTRICTED:
        return Query(lookup="contract", subject=subject, now=now, fields=tuple(RULES), reference="contract")
    return Query(lookup="contract", subject=subject, now=now)


class RecordSourceContract:
    """Inherit as ``class TestMine(RecordSourceContract)`` and override `source` and `examples`."""

    @pytest.fixture
    def source(self, plugin_context: PluginContext) -> RecordSource:
        """Return a source that has records and is not open yet."""
        raise NotImplementedError("override the fixture `source`")

    @pytest.fixture
    def examples(self) -> tuple[Example, ...]:
        """Return at least one example for each kind that the source answers."""
        raise NotImplementedError("override the fixture `examples`")

    @pytest.fixture
    def plugin_context(self, tmp_path: Path) -> PluginContext:
        """Return what the source is opened with."""
        return context(tmp_path / "state", development=True)

    @pytest.fixture
    def opened(self, source: RecordSource, plugin_context: PluginContext) -> Iterator[RecordSource]:
        """Return the source, open, and close it after the test."""
        source.open(plugin_context)
        yield source
        source.close()

    def test_declares_what_the_host_needs_to_know(self, source: RecordSource) -> None:
        """Name, reach and kinds are declared; undeclared reach is restricted."""
        assert source.name == source.name.strip().lower()
        assert 0 < len(source.name) <= 40
        assert isinstance(source.reach, Reach)
        assert source.answers <= frozenset(SubjectKind)
        assert source.answers

    def test_says_what_it_holds(self, source: RecordSource, plugin_context: PluginContext) -> None:
        """An automatic source has a closed list with digest and expiry."""
        info = source.open(plugin_context)
        assert isinstance(info, SourceInfo)
        if source.reach is Reach.AUTOMATIC:
            assert info.list_digest
            assert datetime.fromisoformat(info.expires) > NOW
        source.close()

    def test_finds_what_it_holds_twice_the_same(self, opened: RecordSource, examples: tuple[Example, ...]) -> None:
        """Candidates have stable identifiers, and every field is in the closed schema."""
        assert {kind_of(example.subject) for example in examples} == opened.answers
        for example in examples:
            first, second = (list(opened.find(query(example.subject, reach=opened.reach))) for _ in range(2))
            assert all(isinstance(record, SourceRecord) for record in first)
            assert example.entry in [record.entry for record in first]
            assert sorted(record.entry for record in first) == sorted(record.entry for record in second)
            granted = opened.reach is Reach.RESTRICTED
            assert [apply_schema(record, granted=granted)[1] for record in first] == [0] * len(first)

    def test_answers_from_any_thread(self, opened: RecordSource, examples: tuple[Example, ...]) -> None:
        """Calls come one at a time, but not always from the same thread."""
        found: list[str] = []

        def ask() -> None:
            found.extend(record.entry for record in opened.find(query(examples[0].subject, reach=opened.reach)))

        for _ in range(2):
            thread = threading.Thread(target=ask)
            thread.start()
            thread.join(10)
        assert found.count(examples[0].entry) == 2

    @pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
    def test_survives_hostile_text(self, opened: RecordSource, examples: tuple[Example, ...], text: str) -> None:
        """What is asked is data: afterwards everything is there as before."""
        subjects: dict[SubjectKind, Subject] = {
            SubjectKind.PLATE: typed_plate(text),
            SubjectKind.PERSON: PersonQuery(text, date(1980, 1, 2)),
            SubjectKind.DOCUMENT: DocumentQuery(text, text),
        }
        for kind in opened.answers:
            list(opened.find(query(subjects[kind], reach=opened.reach)))
        for example in examples:
            assert example.entry in [record.entry for record in opened.find(query(example.subject, reach=opened.reach))]

    def test_an_expired_list_answers_nothing(self, opened: RecordSource, examples: tuple[Example, ...]) -> None:
        """A closed list past its expiry raises instead of answering."""
        if opened.reach is Reach.AUTOMATIC:
            for example in examples:
                with pytest.raises(TrustError):
                    list(opened.find(query(example.subject, LATER)))

    def test_can_be_closed_twice_and_opened_again(
        self, opened: RecordSource, plugin_context: PluginContext, examples: tuple[Example, ...]
    ) -> None:
        """Closed, it answers nothing; opened again, it is as before."""
        opened.close()
        opened.close()
        with pytest.raises(SourceError):
            list(opened.find(query(examples[0].subject, reach=opened.reach)))
        opened.open(plugin_context)
        assert examples[0].entry in [
            record.entry for record in opened.find(query(examples[0].subject, reach=opened.reach))
        ]
        opened.close()

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.messages import Field, HitKind, PersonQuery, Record
from hub.names import DIFFERENCES, Comparison, compare_person, entry_name_keys, match_person, query_name_keys

BORN = date(1980, 1, 2)


def person(given_names: str, family_name: str, birth_date: str = "1980-01-02", entry: str = "1") -> Record:
    fields = {"given_names": given_names, "family_name": family_name, "birth_date": birth_date}
    return Record(entry, tuple(Field(name, value) for name, value in fields.items() if value))


def compare(name: str, given_names: str, family_name: str, birth_date: str = "1980-01-02") -> Comparison | None:
    record = person(given_names, family_name, birth_date)
    result = compare_person(PersonQuery(name, BORN), record)
    if result is not None:  # whatever the rule accepts, a store finds
        assert query_name_keys(name) & entry_name_keys(given_names, family_name)
    return result


@pytest.mark.parametrize(
    ("name", "given_names", "family_name"),
    [
        ("hans müller", "HANS", "MUELLER"),
        ("MULLER HANS", "Hans", "Müller"),
        ("Müller, Hans", "Hans", "Müller"),
        ("MUELLER<<HANS<PETER", "Hans Peter", "Müller"),
        ("MUXXLLER<<HANS", "Hans", "Müller"),
        ("Soren Kierkegaard", "Søren", "Kierkegaard"),
        ("Jean Pierre Martin", "Jean-Pierre", "Martin"),
        ("Jeanpierre Martin", "Jean-Pierre", "Martin"),
        ("Jean-Pierre Martin", "JEANPIERRE", "MARTIN"),
        ("Sean ONeill", "Seán", "O’Neill"),
        ("Sean O Neill", "Sean", "O'Neill"),
        ("Anna Vandenberg", "Anna", "van den Berg"),
        ("ANNA VAN DEN BERG", "Anna", "van den Berg"),
        ("Сергей Щукин", "SERGEI", "SHCHUKIN"),
        ("Yelyzaveta Hryhorenko", "Єлизавета", "Григоренко"),
        ("Evangelos Papandreou", "Ευάγγελος", "Παπανδρέου"),
        ("عبّاس محمد", "EBBAS", "MXHMD"),
        ("Le Van Anh", "Van Anh", "Le"),
        ("Ben Miller", "Ben", "Miller"),
        ("偉 張", "偉", "張"),
    ],
)
def test_spellings_of_one_name_agree_without_a_difference(name: str, given_names: str, family_name: str) -> None:
    assert compare(name, given_names, family_name) == Comparison(("family name", "given name", "birth date"), ())


@pytest.mark.parametrize(
    ("name", "given_names", "family_name", "difference"),
    [
        ("Hans Muller", "Hans", "Mueller", "MULLER is written MUELLER"),
        ("Hans Müller", "Hans Peter", "Müller", "PETER was not asked for"),
        ("Hans Peter Müller", "Hans", "Müller", "PETER is not in the record"),
        ("H. Müller", "Hans", "Müller", "HANS is the initial H only"),
        ("Maria Garcia", "María", "García López", "LOPEZ was not asked for"),
        ("Anna Berg", "Anna", "van den Berg", "VAN DEN is written on one side only"),
        ("Anna van Berg", "Anna", "Berg", "VAN is written on one side only"),
        ("Hans, Müller", "Hans", "Müller", "family name and given name are exchanged"),
        ("Müller", "Hans", "Müller", "given names were not asked for"),
    ],
)
def test_each_difference_is_said_in_words(name: str, given_names: str, family_name: str, difference: str) -> None:
    result = compare(name, given_names, family_name)
    assert result is not None
    assert result.differed == (difference,)


@pytest.mark.parametrize(
    ("birth_date", "difference"),
    [
        ("1980-02-01", "day and month of birth are exchanged"),
        ("1981-01-02", "year of birth is 1981, not 1980"),
        ("1930-01-02", "year of birth is 1930, not 1980"),
        ("", "the record has no birth date"),
    ],
)
def test_three_ways_in_which_a_birth_date_may_differ(birth_date: str, difference: str) -> None:
    assert compare("Hans Müller", "Hans", "Müller", birth_date) == Comparison(
        ("family name", "given name"), (difference,)
    )


def test_a_birth_date_that_was_not_asked_for_is_a_difference() -> None:
    result = compare_person(PersonQuery("Hans Müller", None), person("Hans", "Müller"))
    assert result is not None
    assert result.differed == ("a birth date was not asked for",)


@pytest.mark.parametrize(
    ("name", "given_names", "family_name", "birth_date"),
    [
        ("Hans Müller", "Hans", "Müller", "1980-03-04"),
        ("Hans Müller", "Hans", "Müller", "1975-01-02"),
        ("Hans Müller", "Peter", "Müller", "1980-01-02"),
        ("Hans Müller", "Hans", "Schmidt", "1980-01-02"),
        ("Müller", "Hans", "Müller", ""),
        ("de", "Maria", "de la Cruz", "1980-01-02"),
        ("Hans Peter Karl Otto Emil Müller", "Hans", "Müller", "1980-01-02"),
        ("", "Hans", "Müller", "1980-01-02"),
    ],
)
def test_other_people_are_no_candidates(name: str, given_names: str, family_name: str, birth_date: str) -> None:
    assert compare(name, given_names, family_name, birth_date) is None


def test_a_single_name_is_a_whole_name_where_the_record_has_no_other() -> None:
    assert compare("Suharto", "", "Suharto") == Comparison(("family name", "birth date"), ())
    assert compare("Suharto", "Suharto", "") == Comparison(("family name", "birth date"), ())


def test_candidates_come_with_fewest_differences_first_and_no_score() -> None:
    records = [
        person("Hans Peter", "Müller", "", entry="two"),
        person("Hans", "Müller", entry="none"),
        person("Hans", "Schmidt", entry="other"),
        person("Hans", "Müller", "1981-01-02", entry="one"),
        person("Hans Karl", "Müller", entry="one as well"),
    ]
    hits = match_person(PersonQuery("Hans Müller", BORN), records)
    assert [(hit.record.entry, hit.cost, hit.ambiguous) for hit in hits] == [
        ("none", 0, False),
        ("one", 1, True),
        ("one as well", 1, True),
        ("two", 2, False),
    ]
    assert all(hit.kind is HitKind.PERSON and hit.limit == DIFFERENCES and not hit.aligned for hit in hits)
    assert hits[0].why == "Agrees: family name, given name, birth date. No difference."
    assert hits[1].why == "Agrees: family name, given name. Differs: year of birth is 1981, not 1980."
    assert hits[0].competing == ("one", "one as well", "two")


NAMES = st.lists(
    st.sampled_from(["Hans", "van", "der", "Müller", "MULLER", "O'Neill", "J.", "Jean-Luc", "Щукин", "De", "Ø", "ّ"]),
    max_size=5,
).map(" ".join)


@settings(max_examples=300)
@given(NAMES, NAMES, NAMES)
def test_whatever_is_a_candidate_shares_a_key(name: str, given_names: str, family_name: str) -> None:
    compare(name, given_names, family_name)


@settings(max_examples=200)
@given(st.text(max_size=300), st.text(max_size=300), st.text(max_size=300), st.text(max_size=12))
def test_any_text_is_compared_without_an_error(name: str, given_names: str, family_name: str, born: str) -> None:
    compare(name, given_names, family_name, born)


@given(NAMES.filter(lambda name: name.strip(" ّ")), NAMES.filter(lambda name: name.strip(" ّ")))
def test_a_name_agrees_with_itself(given_names: str, family_name: str) -> None:
    result = compare(f"{family_name}, {given_names}", given_names, family_name)
    assert result is not None
    assert result.agreed[0] == "family name"

"""A zone from a photograph: what is certain is taken, what is not is not readable; nothing is guessed."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from hub.backends import PrintedLine
from hub.errors import NotReadableError
from hub.messages import Box, CharacterRead
from hub.mrz_photo import zone_of

TODAY = date(2026, 1, 1)
TD3 = ("P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<", "L898902C36UTO7408122F1204159ZE184226B<<<<<10")
TD2 = ("I<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<", "D231458907UTO7408122F1204159<<<<<<<6")
TD1 = ("I<UTOD231458907<<<<<<<<<<<<<<<", "7408122F1204159UTO<<<<<<<<<<<6", "ERIKSSON<<ANNA<MARIA<<<<<<<<<<")
VISA = ("V<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<", "L8988901C4XXX4009078F96121096ZE184226B<<<<<<")
"""The specimens of ICAO 9303."""


def printed(*texts, sure=0.95, top=500):
    return [
        PrintedLine(tuple(CharacterRead(c, sure) for c in text), Box(60, top + 50 * at, 900, 30))
        for at, text in enumerate(texts)
    ]


def with_character(line, at, character=None, sure=0.95):
    read = list(line.characters)
    read[at] = CharacterRead(character or read[at].text, sure)
    return replace(line, characters=tuple(read))


@pytest.mark.parametrize("zone", [TD3, TD2, TD1, VISA])
def test_the_specimens_are_taken_as_they_stand_among_other_lines(zone):
    other = printed("UTOPIA PASSPORT OF THE REPUBLIC", top=40)
    assert zone_of([*other, *printed(*zone)], TODAY).split("\n") == list(zone)


def test_spaces_wide_letters_and_twins_of_the_filler_do_not_matter():
    odd = ("P < UTO ERIKSSON\u00abANNA\uff1cMARIA<<<<<<<<<<<<<<<<<<", TD3[1].replace("L", "\uff2c"))
    assert zone_of(printed(*odd), TODAY).split("\n") == list(TD3)


def test_a_nought_among_letters_is_an_o_and_a_letter_in_a_date_a_digit():
    read = (TD3[0].replace("O", "0"), TD3[1].replace("UTO7408", "UT074O8"))
    assert zone_of(printed(*read), TODAY).split("\n") == list(TD3)


def test_a_few_fillers_more_or_fewer_at_the_end_of_the_names_do_not_matter():
    for names in (TD3[0][:-2], TD3[0] + "<"):
        assert zone_of(printed(names, TD3[1]), TODAY).split("\n") == list(TD3)


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        ([], "no lines"),
        (printed("UTOPIA", "PASSPORT"), "no lines"),
        (printed(TD3[1]), "no lines"),
        (printed(TD3[0], TD3[1][:-1]), "no lines"),
        (printed(TD3[0], TD2[1]), "no lines"),
        (printed(*TD3) + printed(*TD3, top=900), "more than one zone"),
        (printed(*TD3, sure=0.4), "too doubtful"),
        (printed(TD3[0], TD3[1].replace("898902", "898903")), "check digits do not agree"),
        (printed(TD3[0], TD3[1].replace("L898902C", "L8989O2C")), "check digits do not agree"),
        (printed(TD3[0], TD3[1].replace("74081", "74X81")), "where a digit stands"),
        (printed(TD3[0].replace("ANNA", "ANN4"), TD3[1]), "where a letter stands"),
        (printed(TD3[0].replace("MARIA<<<<", "MARIA<<K<"), TD3[1]), "read as K"),
    ],
)
def test_everything_else_is_not_readable_with_the_reason(lines, why):
    with pytest.raises(NotReadableError, match="not readable") as refusal:
        zone_of(lines, TODAY)
    assert why in str(refusal.value)
    assert "--mrz" in str(refusal.value)


def test_lines_that_do_not_stand_under_each_other_are_no_zone():
    upper, lower = printed(*TD3)
    for box in (Box(60, 900, 900, 30), Box(60, 400, 900, 30), Box(60, 550, 500, 30)):
        with pytest.raises(NotReadableError):
            zone_of([upper, replace(lower, box=box)], TODAY)


def test_doubt_in_a_number_counts_more_than_in_a_date():
    upper, lower = printed(*TD3)
    assert zone_of([upper, with_character(lower, 14, sure=0.2)], TODAY)  # a date: its check digit vouches
    with pytest.raises(NotReadableError, match="too doubtful"):
        zone_of([upper, with_character(lower, 1, sure=0.6)], TODAY)  # an 8, which could be an S


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 43), st.sampled_from("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ<"))
def test_no_single_misread_of_a_date_or_digit_gives_another_document(at, character):
    """Where check digits see it: a wrong zone is never answered. What they cannot see needs a sure reader."""
    unseen = ("0AKU<", "1BLV", "2CMW", "3DNX", "4EOY", "5FPZ", "6GQ", "7HR", "8IS", "9JT")
    right = TD3[1][at]
    if any(right in group and character in group for group in unseen) or at in (10, 11, 12, 20):
        return
    try:
        zone = zone_of(printed(TD3[0], TD3[1][:at] + character + TD3[1][at + 1 :]), TODAY)
    except NotReadableError:
        return
    assert zone.split("\n") == list(TD3)

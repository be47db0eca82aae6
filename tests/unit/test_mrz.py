from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.errors import UsageError
from hub.mrz import LOOKALIKES, VALUES, Form, Suggestion, Zone, check_digit, parse

TODAY = date(2026, 3, 1)

# ICAO's own specimens of a citizen of Utopia, 9303-4 to 9303-7.
TD1 = "I<UTOD231458907<<<<<<<<<<<<<<<\n7408122F1204159UTO<<<<<<<<<<<6\nERIKSSON<<ANNA<MARIA<<<<<<<<<<"
TD2 = "I<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<\nD231458907UTO7408122F1204159<<<<<<<6"
TD3 = "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<\nL898902C36UTO7408122F1204159ZE184226B<<<<<10"
MRV_A = "V<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<\nL8988901C4XXX4009078F96121096ZE184226B<<<<<<"
MRV_B = "V<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<\nL8988901C4XXX4009078F9612109<<<<<<<<"
SPECIMENS = {Form.TD1: TD1, Form.TD2: TD2, Form.TD3: TD3, Form.MRV_A: MRV_A, Form.MRV_B: MRV_B}

UNSEEN = ("0AKU<", "1BLV", "2CMW", "3DNX", "4EOY", "5FPZ", "6GQ", "7HR", "8IS", "9JT")
"""Characters that no check digit tells from one another, as the module says."""
CHECKED = {
    Form.TD1: [*range(5, 15), *range(30, 37), *range(38, 45), 59],
    Form.TD2: [*range(36, 46), *range(49, 56), *range(57, 64), 71],
    Form.TD3: [*range(44, 54), *range(57, 64), *range(65, 88)],
    Form.MRV_A: [*range(44, 54), *range(57, 64), *range(65, 72)],
    Form.MRV_B: [*range(36, 46), *range(49, 56), *range(57, 64)],
}
"""Places under a check digit, over all lines."""


def group(character: str) -> str:
    (found,) = (each for each in UNSEEN if character in each)
    return found


def wrong(zone: Zone) -> list[str]:
    return [check.field for check in zone.checks if not check.agrees]


def write(form: Form, number: str, birth: str, expires: str, names: str, optional: str = "") -> str:
    """Return the lines of a zone, from the layouts of 9303-4 to 9303-7 and independently of the parser."""
    dates = f"{birth}{check_digit(birth)}<{expires}{check_digit(expires)}"
    if form is Form.TD1:
        if len(number) > 9:
            long = f"{number[:9]}<{number[9:]}{check_digit(number)}".ljust(25, "<")
        else:
            long = (number.ljust(9, "<") + check_digit(number.ljust(9, "<")) + optional).ljust(25, "<")
        second = f"{dates}UTO".ljust(29, "<")
        digit = check_digit(long + second[:7] + second[8:15] + second[18:])
        return f"I<UTO{long}\n{second}{digit}\n{names.ljust(30, '<')}"
    digits = number.ljust(9, "<") + check_digit(number.ljust(9, "<"))
    if form in (Form.MRV_A, Form.MRV_B):
        width = 44 if form is Form.MRV_A else 36
        return f"V<UTO{names}".ljust(width, "<") + "\n" + f"{digits}UTO{dates}{optional}".ljust(width, "<")
    if form is Form.TD2:
        second = f"{digits}UTO{dates}{optional}".ljust(35, "<")
    else:
        personal = optional.ljust(14, "<")
        second = f"{digits}UTO{dates}{personal}{check_digit(personal)}"
    composite = check_digit(second[:10] + second[13:20] + second[21:])
    return f"{'P' if form is Form.TD3 else 'I'}<UTO{names}".ljust(len(second) + 1, "<") + f"\n{second}{composite}"


@pytest.mark.parametrize("form", SPECIMENS)
def test_specimens_of_utopia(form):
    zone = parse(SPECIMENS[form], TODAY)
    assert (zone.form, zone.agrees, zone.number_agrees, wrong(zone)) == (form, True, True, [])
    assert (zone.family_name, zone.given_names, zone.names_cut) == ("ERIKSSON", "ANNA MARIA", False)
    assert (zone.country, zone.kind) == ("UTO", SPECIMENS[form][0])
    visa = form in (Form.MRV_A, Form.MRV_B)
    assert zone.birth.day == (date(1940, 9, 7) if visa else date(1974, 8, 12))
    assert zone.expires.day == (date(1996, 12, 10) if visa else date(2012, 4, 15))
    assert zone.expired is True
    assert zone.suggestion is None


def test_numbers_of_the_specimens():
    assert [parse(text, TODAY).number for text in SPECIMENS.values()] == [
        "D23145890",
        "D23145890",
        "L898902C3",
        "L8988901C",
        "L8988901C",
    ]


def test_neither_sex_nor_nationality_is_taken_from_a_zone():
    assert not {"sex", "gender", "nationality"} & set(Zone.__struct_fields__)


@pytest.mark.parametrize(
    "text",
    [
        TD3.lower(),
        TD3.replace("\n", ""),
        " " + TD3.replace("<", " <").replace("\n", "\r\n\n"),
        TD3.replace("<<<<<<<<<<<<<<<<<<<\n", "\n"),
    ],
    ids=["lower case", "one line", "spaced", "fillers left out"],
)
def test_what_may_be_typed_otherwise(text):
    assert parse(text, TODAY) == parse(TD3, TODAY)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "it has no characters"),
        ("P<UTO", "it has 5 characters: a zone has 3 lines of 30"),
        (TD3[:-1], "it has 44 and 43 characters"),
        (TD1 + "<", "it has 30 and 30 and 31 characters"),
        (TD3.replace("ANNA", "ÄNNA"), "line 1, column 16: 'Ä' stands in no machine readable zone"),
        (TD3.replace("ZE", "Z*"), "line 2, column 30: '\\*'"),
        ("<" * 5000, "90 characters at most"),
    ],
)
def test_what_is_no_zone_is_refused_with_how_to_mend_it(text, says):
    with pytest.raises(UsageError, match=says):
        parse(text, TODAY)


NUMBER = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", min_size=1, max_size=9)
DAYS = st.dates(date(1927, 1, 1), date(2026, 3, 1))
EXPIRY = st.dates(date(1977, 1, 1), date(2075, 12, 31))
NAMES = st.lists(st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=1, max_size=9), min_size=2, max_size=3)


@given(st.sampled_from(Form), NUMBER, DAYS, EXPIRY, NAMES)
def test_what_was_written_is_read(form, number, birth, expires, names):
    typed = f"{names[0]}<<{'<'.join(names[1:])}"[:29]
    text = write(form, number, f"{birth:%y%m%d}", f"{expires:%y%m%d}", typed)
    zone = parse(text, TODAY)
    assert (zone.form, zone.agrees, zone.number) == (form, True, number)
    assert (zone.birth.day, zone.expires.day, zone.expired) == (birth, expires, expires < TODAY)
    assert f"{zone.family_name} {zone.given_names}".strip() == typed.replace("<", " ").replace("  ", " ").strip()
    assert parse(text.replace("\n", "").lower(), TODAY) == zone


@given(st.text("ABCXYZ0123456789", min_size=10, max_size=22))
def test_a_long_number_of_a_card_goes_on_in_its_optional_data(number):
    zone = parse(write(Form.TD1, number, "740812", "300415", "A<<B"), TODAY)
    assert (zone.agrees, zone.number) == (True, number)


@settings(max_examples=400)
@given(st.sampled_from(Form), st.data())
def test_any_one_wrong_character_is_found_or_is_one_that_no_check_digit_sees(form, data):
    zone = SPECIMENS[form].replace("\n", "")
    place = data.draw(st.sampled_from(CHECKED[form]))
    instead = data.draw(st.sampled_from([each for each in VALUES if each != zone[place]]))
    found = parse(zone[:place] + instead + zone[place + 1 :], TODAY)
    if found.agrees:
        assert instead in group(zone[place])
    if instead not in group(zone[place]):
        assert wrong(found)


@given(st.sampled_from("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789<"), st.integers(0, 20), st.integers(1, 35), st.data())
def test_the_groups_are_all_that_a_check_digit_cannot_see(character, before, after, data):
    text = "<" * before + character + "7" * after
    instead = data.draw(st.sampled_from(sorted(VALUES)))
    changed = "<" * before + instead + "7" * after
    assert (check_digit(text) == check_digit(changed)) == (instead in group(character))


def test_the_groups_hold_every_character_once():
    assert sorted("".join(UNSEEN)) == sorted(VALUES)


def test_which_digit_is_wrong():
    assert wrong(parse(TD3.replace("L898902C36", "L898902C37"), TODAY)) == ["number", "composite"]
    assert wrong(parse(TD3.replace("7408122", "7408132"), TODAY)) == ["birth_date", "composite"]
    assert wrong(parse(TD3[:-1] + "1", TODAY)) == ["composite"]
    assert not parse(TD3.replace("L898902C36", "L898902C37"), TODAY).number_agrees


def test_a_passport_without_optional_data_may_leave_its_digit_out():
    text = write(Form.TD3, "X1", "740812", "300415", "A<<B")
    without = text[:-2] + "<" + text[-1]
    assert parse(without, TODAY).agrees
    assert parse(text, TODAY).agrees


@pytest.mark.parametrize(
    ("printed", "day"),
    [("260301", date(2026, 3, 1)), ("260302", date(1926, 3, 2)), ("000229", date(2000, 2, 29))],
)
def test_a_birth_is_never_after_today(printed, day):
    assert parse(write(Form.TD3, "1", printed, "300101", "A<<B"), TODAY).birth.day == day


@pytest.mark.parametrize(("printed", "year"), [("750101", 2075), ("760101", 1976), ("260301", 2026), ("991231", 1999)])
def test_an_expiry_lies_near_today(printed, year):
    assert parse(write(Form.TD3, "1", "740812", printed, "A<<B"), TODAY).expires.day.year == year


def test_a_document_is_good_on_its_last_day():
    text = write(Form.TD3, "1", "740812", "260301", "A<<B")
    assert parse(text, TODAY).expired is False
    assert parse(text, date(2026, 3, 2)).expired is True


@pytest.mark.parametrize("printed", ["741312", "740230", "74AB12", "7<0812", "740<12"])
def test_impossible_dates_do_not_agree_whatever_their_digits_say(printed):
    zone = parse(write(Form.TD3, "1", printed, "300101", "A<<B"), TODAY)
    assert not wrong(zone)
    assert zone.birth.day is None
    assert printed in zone.birth.problem
    assert not zone.agrees


@pytest.mark.parametrize(
    ("printed", "says"), [("74<<<<", "only part"), ("7408<<", "only part"), ("<<<<<<", "not stated")]
)
def test_a_day_that_is_not_known_is_no_mistake(printed, says):
    zone = parse(write(Form.TD3, "1", printed, "300101", "A<<B"), TODAY)
    assert zone.agrees
    assert says in zone.birth.problem


def test_a_document_without_last_day_is_neither_expired_nor_not():
    zone = parse(write(Form.TD1, "1", "740812", "<<<<<<", "A<<B"), TODAY)
    assert (zone.agrees, zone.expired) == (True, None)


@pytest.mark.parametrize(
    ("right", "typed", "suggestion"),
    [
        ("L898902C36", "L8989O2C36", Suggestion(2, 6, "O", "0")),
        ("7408122F", "74O8122F", Suggestion(2, 16, "O", "0")),
        ("1204159", "12041S9", Suggestion(2, 27, "S", "5")),
        ("<<<<<10", "<<<<<I0", Suggestion(2, 43, "I", "1")),
        ("<<<<<10", "<<<<<1O", Suggestion(2, 44, "O", "0")),
    ],
)
def test_a_look_alike_is_suggested_where_the_digits_settle_it(right, typed, suggestion):
    zone = parse(TD3.replace(right, typed), TODAY)
    assert not zone.agrees
    assert zone.suggestion == suggestion


@pytest.mark.parametrize(
    ("right", "typed"),
    [("L898902C36", "L898902C37"), ("ZE184226B", "ZEI84226B"), ("", "")],
    ids=["none", "two", "right"],
)
def test_nothing_is_suggested_where_no_look_alike_or_more_than_one_settles_it(right, typed):
    assert parse(TD3.replace(right, typed), TODAY).suggestion is None


@settings(max_examples=200)
@given(st.sampled_from(Form), st.data())
def test_a_suggestion_always_leads_to_lines_that_agree(form, data):
    zone = SPECIMENS[form].replace("\n", "")
    place = data.draw(
        st.sampled_from([each for each in CHECKED[form] if any(zone[each] in pair for pair in LOOKALIKES)])
    )
    instead = data.draw(
        st.sampled_from([pair[1 - pair.index(zone[place])] for pair in LOOKALIKES if zone[place] in pair])
    )
    typed = zone[:place] + instead + zone[place + 1 :]
    found = parse(typed, TODAY)
    assert not found.agrees
    if found.suggestion is not None:
        width = {90: 30, 88: 44, 72: 36}[len(zone)]
        at = (found.suggestion.line - 1) * width + found.suggestion.column - 1
        assert typed[at] == found.suggestion.printed
        assert parse(typed[:at] + found.suggestion.instead + typed[at + 1 :], TODAY).agrees

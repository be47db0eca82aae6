from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.transliteration import forms


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("Müller", {"MUELLER", "MULLER", "MUXXLLER"}),
        ("Ñuñez", {"NUNEZ", "NXXUNXXEZ"}),
        ("Åse", {"AASE", "ASE"}),
        ("Sørensen", {"SOERENSEN", "SORENSEN"}),
        ("Þór", {"THOR"}),
        ("Straße", {"STRASSE"}),
        ("Łukasz", {"LUKASZ"}),
        ("İnönü", {"INOENUE", "INONU", "INOENUXX"}),
        ("Şahin", {"SAHIN"}),
    ],
)
def test_latin_letters_follow_table_a(word: str, expected: set[str]) -> None:
    assert set(forms(word)) == expected


@pytest.mark.parametrize(
    ("word", "written"),
    [
        ("Щукин", "SHCHUKIN"),
        ("Щукин", "SHTUKIN"),
        ("Хрущёв", "KHRUSHCHEV"),
        ("Олександр", "OLEKSANDR"),
        ("Григорій", "HRYHORII"),
        ("Йосипенко", "YOSYPENKO"),
        ("Єва", "YEVA"),
        ("Ђоковић", "DOKOVIC"),
        ("Живковић", "ZIVKOVIC"),
        ("Георгиев", "GEORGIEV"),
        ("Игорь", "IGOR"),
        ("Ѓорѓи", "GJORGJI"),
    ],
)
def test_cyrillic_letters_follow_table_b_in_each_language(word: str, written: str) -> None:
    assert written in forms(word)


@pytest.mark.parametrize(
    ("word", "written"), [("عبّاس", "EBBAS"), ("فضّة", "FXDZDZXAH"), ("محمد", "MXHMD"), ("مُحَمَّد", "MXHMMD")]
)
def test_arabic_letters_follow_table_c(word: str, written: str) -> None:
    assert forms(word) == (written,)


@pytest.mark.parametrize(
    ("word", "written"),
    [
        ("Χριστοδούλου", "CHRISTODOULOU"),
        ("Ευάγγελος", "EVANGELOS"),
        ("Ευθύμιος", "EFTHYMIOS"),
        ("Μπουμπούλης", "BOUMPOULIS"),
        ("Παύλος", "PAVLOS"),
    ],
)
def test_greek_follows_elot_743(word: str, written: str) -> None:
    assert forms(word) == (written,)


def test_a_script_without_a_table_is_kept() -> None:
    assert forms("張") == ("張",)


@given(st.text(max_size=20))
def test_any_text_has_a_form_and_case_does_not_matter(word: str) -> None:
    assert forms(word)
    assert forms(word.upper()) == forms(word.upper().upper())


@given(st.text(alphabet=st.characters(min_codepoint=0xC0, max_codepoint=0x17F, categories=["Lu"]), max_size=12))
def test_latin_letters_always_end_in_a_to_z(word: str) -> None:
    assert all(form.isascii() for form in forms(word))

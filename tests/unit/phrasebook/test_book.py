"""The shipped phrasebook is whole, and each language is written in its own script, ready to be read and spoken."""

from __future__ import annotations

import re
import shutil
import unicodedata

import pytest

from hub.errors import ConfigError, UsageError
from hub.phrasebook.book import FOLDER, MOST, canonical_bytes, load_phrasebook
from hub.phrasebook.speaking import PROGRAM

BOOK = load_phrasebook()
LANGUAGES = tuple(BOOK.languages)
LATIN = re.compile(r"[A-Za-zÀ-ÖØ-öø-ɏẀ-ỿ]")
SCRIPTS = {
    "Latin": LATIN,
    "Cyrillic": re.compile(r"[А-Яа-яЁёЄєІіЇїҐґ]"),
    "Arabic": re.compile(r"[ء-غف-ْپچژکگی\u200c]"),
    "Han": re.compile(r"[一-鿿]"),
}
NOT_LETTERS = re.compile(r"[ .,?¿'!-]")
WIDE = re.compile("[。，？、؟،]")  # full stops and question marks of Chinese and Arabic
ENDS = (".", "?", "。", "？", "؟")
QUESTIONS = ("?", "？", "؟")
JOINER = "\u200c"  # parts of a Persian word; no mark of direction
OWN_LETTERS = {
    "uk": "іїє",
    "ru": "ыэё",
    "fa": "پچگ",
    "ar": "ةىأإ",
    "pl": "łąęż",
    "tr": "ığş",
    "vi": "ữịảạ",
    "ro": "ășț",
}
NOT_ITS_LETTERS = {"uk": "ыэъё", "ru": "іїєґ", "ar": "پچژگکی", "fa": "ةىكي", "ro": "şţ", "zh": "們國說請"}
"""Of the language that is mistaken for it, or of another way to encode or write it."""


def test_it_covers_what_a_patrol_needs():
    english = [text for topic in BOOK.topics for text in topic.sentences.values()]
    assert len(english) >= 60
    assert len(set(english)) == len(english)
    assert len(BOOK.topics) <= MOST
    assert all(1 <= len(topic.sentences) <= MOST for topic in BOOK.topics)
    assert len(LANGUAGES) >= 12
    assert {"identity", "medical", "rights", "way", "missing", "search", "vehicle"} <= {
        each.topic for each in BOOK.topics
    }


def test_the_readme_counts_right():
    readme = " ".join((FOLDER.parents[1] / "README.md").read_text("utf-8").split())
    sentences = sum(len(topic.sentences) for topic in BOOK.topics)
    assert f"prepared sentences: {sentences} of them in {len(LANGUAGES)} languages" in readme


@pytest.mark.parametrize("code", LANGUAGES)
def test_each_language_has_every_sentence_once(code):
    phrases = BOOK.phrases(code)
    assert [each.phrase for each in phrases] == [name for topic in BOOK.topics for name in topic.sentences]
    texts = [each.text for each in phrases]
    assert len(set(texts)) == len(texts), "two sentences read the same"
    assert not {each.text for each in phrases} & {each.english for each in phrases}, "English was left"


@pytest.mark.parametrize("code", LANGUAGES)
def test_each_language_is_written_in_its_own_script(code):
    column = BOOK.language(code)
    for each in BOOK.phrases(code):
        letters = WIDE.sub("", NOT_LETTERS.sub("", each.text))
        strangers = SCRIPTS[column.script].sub("", letters)
        assert not strangers, f"{code} {each.phrase}: {strangers!r}"
    everything = "".join(each.text for each in BOOK.phrases(code))
    if code in OWN_LETTERS:
        assert all(letter in everything for letter in OWN_LETTERS[code])
    assert not any(letter in everything for letter in NOT_ITS_LETTERS.get(code, ""))
    assert column.right_to_left == (code in ("ar", "fa"))


@pytest.mark.parametrize("code", LANGUAGES)
def test_other_scripts_come_with_latin_letters(code):
    column = BOOK.language(code)
    for each in BOOK.phrases(code):
        if column.script == "Latin":
            assert each.romanised == ""
            continue
        assert not LATIN.sub("", NOT_LETTERS.sub("", each.romanised)), f"{code} {each.phrase}: {each.romanised!r}"
        assert each.romanised[0].isupper()
        if code not in ("zh", "vi"):
            assert each.romanised.isascii()


@pytest.mark.parametrize("code", LANGUAGES)
def test_the_text_is_clean(code):
    for each in BOOK.phrases(code):
        for text in filter(None, (each.text, each.romanised)):
            assert unicodedata.normalize("NFC", text) == text
            assert text == " ".join(text.split())
            assert text.endswith(ENDS)
            # What is spoken has no alternatives in it, and nothing that steers a terminal or reorders a line.
            assert not set(text) & set('/()[]*|<>{}"_')
            odd = {c for c in text if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Co", "Cn")} - {JOINER}
            assert not odd, f"{code} {each.phrase}: {odd!r}"
            assert JOINER not in text or code == "fa"
            assert not re.search(rf"(^|[ .]){JOINER}|{JOINER}($|[ .])", text)


def test_questions_are_questions():
    """A statement that is asked somewhere, or a question that is told, is a row that slipped."""
    for code in LANGUAGES:
        for each in BOOK.phrases(code):
            asked = each.english.endswith("?")
            if asked and each.phrase in ("name", "birth_date", "address"):
                continue  # "please give your date of birth" is the polite form in some languages
            assert each.text.endswith(QUESTIONS) == asked, f"{code} {each.phrase}"


@pytest.mark.slow
@pytest.mark.skipif(shutil.which(PROGRAM) is None, reason="espeak-ng is not installed")
def test_espeak_has_the_voices():
    import subprocess

    listed = subprocess.run([PROGRAM, "--voices"], capture_output=True, text=True, check=True).stdout
    voices = {line.split()[1] for line in listed.splitlines()[1:]}
    assert {column.voice for column in BOOK.languages.values()} <= voices


def test_one_sentence_is_found_and_another_is_not():
    assert BOOK.phrase("ambulance", "de").text == "Ein Krankenwagen ist unterwegs."
    assert BOOK.phrases("de", "medical")[0].topic == "medical"
    with pytest.raises(UsageError, match="did you mean ambulance"):
        BOOK.phrase("ambulence", "de")
    with pytest.raises(UsageError, match="no language 'xx'; it has ar, de"):
        BOOK.phrase("ambulance", "xx")
    with pytest.raises(UsageError, match="no topic"):
        BOOK.phrases("de", "weather")


def test_the_canonical_bytes_hold_version_language_english_and_every_sentence():
    covered = canonical_bytes(BOOK, "ru")
    for each in BOOK.phrases("ru"):
        assert each.text.encode() in covered
        assert each.english.encode() in covered
    assert covered != canonical_bytes(BOOK, "uk")
    assert covered == canonical_bytes(BOOK, "ru")


@pytest.fixture
def folder(tmp_path):
    shutil.copytree(FOLDER, tmp_path / "book", ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    return tmp_path / "book"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda text: text.replace('police = "Somos de la policía."\n', ""), r"\[sentences\] lacks .*: police"),
        (lambda text: text + 'extra = "Hola."\n', r"\[sentences\] lacks or does not belong: extra"),
        (lambda text: text.replace('language = "es"', 'language = "xx"'), "es.toml holds the language xx"),
        (lambda text: text.replace('script = "Latin"', 'script = "Greek"'), r"\[romanised\] lacks"),
        (lambda text: text + "[romanised]\npolice = \"Somos\"\n", "needs no second spelling"),
        (lambda text: text + "police = 3\n", "es.toml: "),
        (lambda text: text.replace('"Somos de la policía."', '""'), "es.toml: "),
        (lambda text: "\0" + text, "es.toml: "),
    ],
)  # fmt: skip
def test_a_table_that_is_not_whole_is_refused_by_name(folder, change, says):
    path = folder / "languages" / "es.toml"
    path.write_text(change(path.read_text("utf-8")), "utf-8")
    with pytest.raises(ConfigError, match=says):
        load_phrasebook(folder)


def test_a_missing_table_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"english\.toml cannot be read"):
        load_phrasebook(tmp_path)


def test_a_topic_that_no_digit_reaches_is_refused(folder):
    path = folder / "english.toml"
    more = "".join(f'{name} = "Sentence {name}."\n' for name in ("aa", "bb", "cc", "dd"))
    path.write_text(path.read_text("utf-8") + more, "utf-8")
    with pytest.raises(ConfigError, match="the topic way needs 1 to 9 sentences"):
        load_phrasebook(folder)

"""Apertium with the real pair English to Spanish, and with programs that fail in each way."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from hub.backends import LanguagePair, Translation
from hub.errors import TranslatorError
from hub.testing.contracts_translators import TranslatorContract
from translate_apertium import Apertium
from translate_apertium.child import LONGEST
from translate_apertium.engine import INSTALL

PAIR = LanguagePair("en", "es")
installed = PAIR in Apertium().pairs()
real = pytest.mark.skipif(not installed, reason="the Debian package apertium-eng-spa is not installed")


@real
class TestApertium(TranslatorContract):
    @pytest.fixture
    def translator(self):
        return Apertium()

    @pytest.fixture
    def example(self):
        return "The house is big.", PAIR


@real
def test_it_translates_english_into_spanish():
    apertium = Apertium()
    assert apertium.translate("The house is big.", "en", "es") == Translation("La casa es grande.")
    assert LanguagePair("es", "en") in apertium.pairs()
    assert apertium.missing() == ""


@real
def test_what_it_does_not_know_is_not_shown_as_translated():
    made = Apertium().translate("The police seek the zorgblat of Hauswart, the zorgblat!", "en", "es")
    assert made.unknown == ("zorgblat", "Hauswart")
    assert made.text.count("[zorgblat]") == 2
    assert "*" not in made.text


@real
def test_marks_in_the_text_mean_nothing():
    made = Apertium().translate("The *house @is ^big$ <b>[red]</b>", "en", "es")
    assert made.text.startswith("La casa es grande")
    assert not set(made.text) & set("*@#^$<>")


def program(folder, script):
    path = folder / "apertium"
    path.write_text(f'#!/bin/sh\n[ "$1" = -l ] && echo "  eng-spa" && exit 0\n{script}\n')
    path.chmod(0o700)
    return str(path)


def test_the_marks_of_what_was_not_translated_are_read(tmp_path):
    script = r'cat > /dev/null; printf "El *zorgblat, @don\047t y #correr de *zorgblat. \033[31m"'
    made = Apertium(program(tmp_path, script)).translate("x", "en", "es")
    assert made == Translation("El [zorgblat], [don't] y [correr] de [zorgblat]. [31m", ("zorgblat", "don't", "correr"))


def test_the_text_goes_to_its_input_and_never_into_its_arguments(tmp_path):
    apertium = Apertium(program(tmp_path, f'printf "%s " "$@" > {tmp_path}/arguments; tee {tmp_path}/text'))
    apertium.translate("--help $(id) -f html; rm", "en", "es")
    assert (tmp_path / "arguments").read_text().split() == ["-f", "txt", "eng-spa"]
    assert (tmp_path / "text").read_text() == "--help (id) -f html; rm\n"


@pytest.mark.parametrize(
    ("script", "says"),
    [
        ("cat > /dev/null; exit 3", "failed with status 3"),
        ("exit 0", "gave no translation"),
        ("cat > /dev/null; printf '\\377\\000\\n' | tr -d '\\377'", "gave no translation"),
        ("cat /dev/zero", "said too much"),
    ],
)
def test_a_failure_is_said_in_one_line(tmp_path, script, says):
    with pytest.raises(TranslatorError, match=says) as caught:
        Apertium(program(tmp_path, script)).translate("Where?", "en", "es")
    assert "\n" not in str(caught.value)


def test_one_that_hangs_is_stopped_with_all_that_it_started(tmp_path):
    script = f"sleep 30 & echo $! > {tmp_path}/child; wait"
    began = time.monotonic()
    with pytest.raises(TranslatorError, match="took longer than"):
        Apertium(program(tmp_path, script), seconds=0.4).translate("Where?", "en", "es")
    assert time.monotonic() - began < 5
    assert is_gone(int((tmp_path / "child").read_text()))


def is_gone(process):
    for _ in range(100):
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            return True
        if Path(f"/proc/{process}/stat").read_text().split()[2] == "Z":  # whoever reaps orphans has not done it yet
            return True
        time.sleep(0.02)
    return False


def test_without_apertium_there_is_no_pair_and_it_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    absent = Apertium()
    assert absent.pairs() == ()
    assert absent.missing() == INSTALL
    with pytest.raises(TranslatorError, match="apt install"):
        absent.translate("Where?", "en", "es")


def test_one_that_cannot_list_its_pairs_has_none(tmp_path):
    (tmp_path / "apertium").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "apertium").chmod(0o700)
    assert Apertium(str(tmp_path / "apertium")).pairs() == ()
    assert Apertium(str(tmp_path / "nothing")).pairs() == ()


def test_a_variant_is_not_given_out_as_the_language(tmp_path):
    (tmp_path / "apertium").write_text("#!/bin/sh\nprintf '  spa-eng_US\\n  eng-spa\\n  eng-en\\n  ../x-spa\\n'\n")
    (tmp_path / "apertium").chmod(0o700)
    assert Apertium(str(tmp_path / "apertium")).pairs() == (PAIR,)


def test_an_answer_may_be_as_long_as_a_pipe(tmp_path):
    made = Apertium(program(tmp_path, f"cat > /dev/null; head -c {LONGEST} /dev/zero | tr '\\0' a")).translate(
        "Where?", "en", "es"
    )
    assert made.text.startswith("aaa")

"""What is handed to the program that speaks, and what becomes of one that fails or hangs."""

from __future__ import annotations

import os
import shutil
import time

import pytest

from hub.errors import DeadlineError, TranslatorError, UsageError
from hub.phrasebook.book import load_phrasebook
from hub.phrasebook.speaking import PROGRAM, speak


def program(folder, script):
    path = folder / "espeak-ng"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o700)
    return str(path)


def test_the_text_goes_to_its_input_and_never_into_its_arguments(tmp_path):
    talker = program(tmp_path, f'echo "$@" > {tmp_path}/arguments; cat > {tmp_path}/text')
    speak("--help; $(id) Привет.", "ru", program=talker)
    assert (tmp_path / "text").read_text("utf-8") == "--help; $(id) Привет."
    assert "help" not in (tmp_path / "arguments").read_text()
    assert "-v ru" in (tmp_path / "arguments").read_text()


@pytest.mark.parametrize(
    "script", ["cat > /dev/null; exit 3", "cat > /dev/null; echo 'error: No such file or directory' >&2", "exit 1"]
)
def test_a_failure_is_said_in_one_line(tmp_path, script):
    with pytest.raises(TranslatorError, match="nothing was said") as caught:
        speak("Bitte warten Sie hier.", "de", program=program(tmp_path, script))
    assert "\n" not in str(caught.value)


def test_one_that_hangs_is_stopped(tmp_path):
    talker = program(tmp_path, f"echo $$ > {tmp_path}/pid; exec sleep 30")
    began = time.monotonic()
    with pytest.raises(DeadlineError, match="took longer than"):
        speak("Bitte warten Sie hier.", "de", program=talker, seconds=0.3)
    assert time.monotonic() - began < 5
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


def test_without_the_program_it_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UsageError, match="apt install espeak-ng"):
        speak("Bitte warten Sie hier.", "de")


@pytest.mark.slow
@pytest.mark.skipif(shutil.which(PROGRAM) is None, reason="espeak-ng is not installed")
def test_espeak_speaks_every_language(tmp_path):
    """Into a file in place of the loudspeaker: each voice makes sound of a sentence's length."""
    real = shutil.which(PROGRAM)
    for column in load_phrasebook().languages.values():
        sound = tmp_path / f"{column.language}.wav"
        speak(column.sentences["ambulance"], column.voice, program=program(tmp_path, f'exec {real} -w {sound} "$@"'))
        assert sound.stat().st_size > 22_050 * 2 * 0.5, column.language

"""`patrol-hub phrase` as an officer and a translator use it."""

from __future__ import annotations

import json
import os
import shutil

import pytest

from hub.audit.reading import read_entries
from hub.messages import TRANSCRIPT_NOTICE, Act
from hub.phrasebook.book import UNCHECKED
from hub.unit import AUDIT_FILE
from tests.kit import Unit, command


@pytest.fixture(autouse=True)
def _state(tmp_path, monkeypatch):
    monkeypatch.setenv("PATROL_HUB_STATE", str(tmp_path / "state"))


@pytest.fixture
def talker(tmp_path, monkeypatch):
    """A program in espeak-ng's place that notes what it is to say; it can be told to fail."""
    folder = tmp_path / "bin"
    folder.mkdir()
    program = folder / "espeak-ng"
    program.write_text(f'#!/bin/sh\necho "$2" > {tmp_path}/voice; cat > {tmp_path}/said; [ ! -e {tmp_path}/mute ]\n')
    program.chmod(0o700)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return tmp_path


def test_every_language_stands_under_the_mark(tmp_path):
    listed = command("phrase", "list", "--format", "json").json()
    assert {each["mark"] for each in listed["languages"]} == {UNCHECKED}
    assert {each["signed_by"] for each in listed["languages"]} == {""}
    assert len(listed["languages"]) >= 12
    assert len(listed["phrases"]) >= 60
    assert set(listed["phrases"][0]) == {"phrase", "topic", "english"}
    text = command("phrase", "list", "--topic", "medical").out
    assert UNCHECKED in text
    assert "An ambulance is on its way." in text
    assert "police" not in text
    assert not (tmp_path / "state" / AUDIT_FILE).exists(), "reading the phrasebook opens no unit"


def test_one_language_is_listed_in_its_script_and_in_latin_letters():
    listed = command("phrase", "list", "--language", "fa", "--topic", "way", "--format", "json").json()
    assert listed["language"]["name"] == "Persian"
    assert listed["phrases"][0] == {
        "phrase": "interpreter",
        "topic": "way",
        "english": "An interpreter is on the way.",
        "language": "fa",
        "text": "مترجم در راه است.",
        "romanised": "Motarjem dar raah ast.",
    }
    assert "می\u200cتوانید" in command("phrase", "list", "--language", "fa").out, "what spelling needs is printed"


def test_a_sentence_is_printed_and_said(talker):
    done = command("phrase", "say", "wait", "--language", "ru")
    assert done.status == 0
    expected = ["Пожалуйста, подождите здесь.", "Pozhaluysta, podozhdite zdes'.", f"Please wait here. ({UNCHECKED})"]
    assert done.out.splitlines() == expected
    assert (talker / "said").read_text("utf-8") == "Пожалуйста, подождите здесь."
    assert (talker / "voice").read_text().strip() == "ru"


def test_silent_says_nothing(talker):
    done = command("phrase", "say", "wait", "--language", "de", "--silent", "--format", "json")
    assert done.json()["spoken"] is False
    assert done.json()["mark"] == UNCHECKED
    assert not (talker / "said").exists()


def test_what_could_not_be_said_exits_with_one_and_was_printed(talker):
    (talker / "mute").touch()
    done = command("phrase", "say", "wait", "--language", "de")
    assert done.status == 1
    assert done.out.startswith("Bitte warten Sie hier.\n")
    assert "nothing was said" in done.err
    assert "Traceback" not in done.err


def test_without_the_program_the_sentence_is_printed(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    done = command("phrase", "say", "wait", "--language", "de", "--format", "json")
    assert done.status == 0
    assert done.json()["spoken"] is False
    assert "apt install espeak-ng" in done.err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("say", "wait", "--language", "xx"), "no language"),
        (("say", "waitt", "--language", "de"), "did you mean wait"),
        (("list", "--topic", "weather"), "no topic"),
        (("translate", " ", "--to", "es"), "nothing to translate"),
        (("translate", "Stop", "--to", "qq"), "no translator from en to qq"),
        (("sign", "de", "--key", "nothing.pem", "--name", "Anna", "-o", "x.json"), "nothing.pem"),
        (("accept", "nothing.json", "--key", "nothing.pem"), "cannot be read"),
    ],
)
def test_a_mistake_is_one_line_and_status_two(words, says):
    done = command("phrase", *words)
    assert done.status == 2
    assert says in done.problem()


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("apertium") is None, reason="apertium is not installed")
def test_free_text_is_translated_under_the_notice():
    done = command("phrase", "translate", "The police seek Hauswart.", "--to", "es")
    assert done.out.splitlines() == [
        "La policía busca [Hauswart].",
        "not translated: Hauswart",
        f"{TRANSCRIPT_NOTICE} (apertium, en to es)",
    ]
    made = json.loads(command("phrase", "translate", "The house is big.", "--to", "es", "--format", "json").out)
    assert made["notice"] == TRANSCRIPT_NOTICE
    assert made["translation"] == {
        "translator": "apertium",
        "source": "en",
        "target": "es",
        "text": "La casa es grande.",
        "unknown": [],
    }


@pytest.mark.slow
def test_doctor_says_what_somebody_can_be_answered_with(tmp_path):
    unit = Unit.prepare(tmp_path / "unit")
    with unit.active():
        checks = {each["what"]: each for each in unit.run("doctor", "--format", "json").json()["checks"]}
    assert checks["answering"]["ok"], "all of it may be missing"
    assert "phrasebook version 1, 0 of 14 languages signed" in checks["answering"]["detail"]
    assert "argos offers nothing: put Argos packages" in checks["answering"]["detail"]


@pytest.mark.slow
def test_a_translators_signature_is_accepted_by_an_officer_and_logged(tmp_path):
    unit = Unit.prepare(tmp_path / "unit")
    with unit.active():
        key, signature = str(tmp_path / "anna.pem"), str(tmp_path / "de.signed.json")
        assert command("watchlist", "new-key", key).status == 0
        signed = command("phrase", "sign", "de", "--key", key, "--name", "Anna Weiss, sworn", "-o", signature)
        assert signed.out.endswith("de, version 1, signed by Anna Weiss, sworn\n")
        other = str(tmp_path / "ben.pem")
        assert command("watchlist", "new-key", other).status == 0
        assert unit.run("phrase", "accept", signature, "--key", f"{other}.pub").status == 1
        assert unit.run("phrase", "accept", signature, "--key", f"{key}.pub").status == 0
        marks = {
            each["language"]: each["mark"] for each in command("phrase", "list", "--format", "json").json()["languages"]
        }
        assert marks["de"] == "signed by Anna Weiss, sworn"
        assert set(marks.values()) == {"signed by Anna Weiss, sworn", UNCHECKED}
        entries = [
            each for each in read_entries(unit.state / AUDIT_FILE) if each.metadata.outcome == "translator_accepted"
        ]
        assert len(entries) == 1
        assert entries[0].metadata.act is Act.CONFIGURATION
        assert entries[0].metadata.officer
        assert entries[0].payload.changed == ("phrases.de",)
        assert unit.run("officer", "sign-out").status == 0
        assert unit.run("phrase", "accept", signature, "--key", f"{key}.pub").status == 1

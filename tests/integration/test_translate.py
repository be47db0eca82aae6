"""`translate` and `evaluate speech` as an officer types them; everybody says the same sentence, no model is needed."""

from __future__ import annotations

import wave

import numpy as np
import pytest

from hub.audit.reading import read_entries
from hub.audit.records import SpeechPayload
from hub.messages import TRANSCRIPT_NOTICE, Act
from hub.testing.speech import silence, voice
from hub.unit import AUDIT_FILE
from tests.kit import Unit


@pytest.fixture(scope="module")
def unit(tmp_path_factory):
    unit = Unit.empty(tmp_path_factory.mktemp("unit") / "unit")
    with unit.active():
        yield unit


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    path = tmp_path_factory.mktemp("clips") / "set-de-1.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        sound = np.concatenate([silence(0.5), voice(1), silence(1), voice(1), silence(0.2)])
        file.writeframes((sound * 32767).astype("<i2").tobytes())
    path.with_suffix(".txt").write_text("wo ist der bahnhof wo ist ein bahnhof")
    return path


def accounts(unit):
    if not (unit.state / AUDIT_FILE).exists():
        return []
    return [each for each in read_entries(unit.state / AUDIT_FILE) if each.metadata.act is Act.SPEECH_HEARD]


def test_a_file_is_translated_and_the_call_has_one_entry_without_what_was_said(unit, clip):
    before = len(accounts(unit))
    first, second = unit.run("translate", str(clip), "--languages", "de,es", "--format", "jsonl").lines()
    assert (first["language"], first["original"], first["translation"]) == (
        "de",
        "Wo ist der Bahnhof?",
        "Where is the station?",
    )
    assert first["start"] < first["end"] < second["start"] + 0.1
    assert 0 < first["probability"] <= 1
    assert (first["doubt"], first["notice"], first["state"]) == ("", TRANSCRIPT_NOTICE, "understood")
    *_, entry = accounts(unit)
    assert len(accounts(unit)) == before + 1
    assert entry.payload == SpeechPayload("files", 1, ("de", "es"))
    assert not any(b"Bahnhof" in content for content in unit.files().values())


def test_text_is_marked_and_in_both_languages(unit, clip):
    out = unit.run("translate", str(clip)).out
    assert out.count(TRANSCRIPT_NOTICE) == 2
    assert "German" in out
    assert "Wo ist der Bahnhof?" in out
    assert "Where is the station?" in out


def test_what_is_not_expected_is_said_so(unit, clip):
    result = unit.run("translate", str(clip), "--languages", "es,ko", "--format", "jsonl")
    assert [line["state"] for line in result.lines()] == ["not_expected"] * 2
    assert {line["language"] for line in result.lines()} == {""}
    assert "Bahnhof" not in result.out


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ((), "name at least one file"),
        (("absent.wav",), "no such file"),
        (("CLIP", "--to", "fr"), "into English only"),
        (("CLIP", "--languages", "spanis"), "did you mean es"),
    ],
)
def test_a_wrong_call_is_one_line(unit, clip, words, says):
    result = unit.run("translate", *(str(clip) if word == "CLIP" else word for word in words))
    assert result.status == 2
    assert says in result.problem()


def test_a_broken_file_costs_itself_only(unit, clip, tmp_path):
    broken = tmp_path / "broken.ogg"
    broken.write_bytes(b"no sound" * 100)
    result = unit.run("translate", str(broken), str(clip), "--format", "jsonl")
    assert result.status == 2
    assert len(result.lines()) == 2
    assert "no sound can be decoded" in result.problem()


def test_a_stream_needs_an_officer(unit):
    result = unit.run("translate", "rtsp://192.0.2.1/live")
    assert result.status == 1
    assert "nobody is signed in" in result.problem()


def test_clips_are_measured_and_no_unit_is_opened(unit, clip):
    before = unit.files()
    report = unit.run("evaluate", "speech", str(clip.parent), "--format", "json").json()
    assert report["languages"] == {"de": {"clips": 1, "wer": 0.125, "identified": 1}}
    assert report["wer"] == 0.125
    assert report["real_time_factor"] >= 0
    assert unit.files() == before
    text = unit.run("evaluate", "speech", str(clip.parent)).out
    assert "word error rate 0.125" in text

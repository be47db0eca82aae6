"""Figures of speech from clips and transcripts; how a clip is understood is handed in."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from hub.errors import InputError
from hub.evaluation.speech import Understood, evaluate_speech, language_in, main_language
from hub.messages import Utterance, UtteranceState

AT = datetime(2026, 1, 1, tzinfo=UTC)


def said(text, language="de", start=0.0, end=2.0):
    state = UtteranceState.UNDERSTOOD if text else UtteranceState.NOT_UNDERSTOOD
    return Utterance("U", "clip", AT, start, end, state, language, 0.9, text, "", "")


@pytest.fixture
def clips(tmp_path):
    for name, text in {
        "set-de-1.ogg": "Guten Tag, wie geht es?",
        "set-de-2.wav": "Wo ist der Bahnhof",
        "set-es-1.ogg": "buenos días",
    }.items():
        (tmp_path / name).write_bytes(b"sound")
        (tmp_path / name).with_suffix(".txt").write_text(text)
    (tmp_path / "without.ogg").write_bytes(b"sound")
    return tmp_path


def test_figures_by_language_and_over_all(clips):
    texts = {
        "set-de-1": (said("guten tag wie geht"), said("es", start=2, end=3)),
        "set-de-2": (said("Wo ist ein Bahnhof!"),),
        "set-es-1": (said("", ""), said("bom dia", "pt", 1, 4)),
    }
    done = []
    report = evaluate_speech(
        clips,
        lambda clip: Understood(texts[clip.stem], sound=10.0, took=1.5),
        progress=lambda number, of: done.append((number, of)),
    )
    german, spanish = report.languages["de"], report.languages["es"]
    assert (german.clips, german.wer, german.identified) == (2, round(1 / 9, 4), 2)
    assert (spanish.clips, spanish.wer, spanish.identified) == (1, 1.0, 0)
    assert report.wer == round(3 / 11, 4)
    assert report.real_time_factor == 0.15
    assert (report.clips, report.identified, report.not_understood) == (3, 2, 1)
    assert done == [(1, 3), (2, 3), (3, 3)]


def test_a_folder_without_clips_and_a_transcript_that_is_none_are_refused(tmp_path, clips):
    empty = tmp_path / "empty"
    empty.mkdir()
    for folder in (empty, tmp_path / "absent"):
        with pytest.raises(InputError, match=folder.name):
            evaluate_speech(folder, pytest.fail)
    (clips / "set-de-1.txt").write_bytes(b"\xff\xfe\xff")
    with pytest.raises(InputError, match="not text in UTF-8"):
        evaluate_speech(clips, pytest.fail)


@pytest.mark.parametrize(
    ("name", "code"),
    [("fleurs-de-000", "de"), ("pt_12", "pt"), ("clip7", "und"), ("ar", "ar"), ("common.voice.haw.1", "haw")],
)
def test_the_language_in_a_name(name, code):
    assert language_in(name) == code


def test_the_language_in_which_most_was_said():
    assert main_language((said("a", "de", 0, 2), said("b", "fr", 2, 3), said("c", "fr", 3, 5))) == "fr"
    assert main_language((said("", ""),)) == ""

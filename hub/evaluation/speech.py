"""Measures speech on a folder of clips with their transcripts. Prints nothing, keeps nothing, opens no unit.

How a clip is understood is handed in; here are the clips, the languages in their names, and the figures.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Final

from msgspec import Struct

from hub.errors import InputError
from hub.messages import Utterance
from hub.speech.languages import LANGUAGES
from hub.speech.words import normalise, word_errors

SUFFIXES: Final = frozenset({".ogg", ".wav"})
UNKNOWN: Final = "und"
"""Stands for the language of a clip whose name does not tell it."""
LARGEST_TRANSCRIPT: Final = 100_000
DIGITS: Final = 4


class Understood(Struct, frozen=True):
    """What was made of one clip."""

    utterances: tuple[Utterance, ...]
    sound: float
    """Seconds of the clip."""
    took: float
    """Seconds from its first sound to its last utterance."""


class LanguageFigures(Struct, frozen=True):
    """Figures of one language."""

    clips: int
    wer: float
    """Word error rate over its clips together: wrong, missing and added words by words of the transcripts."""
    identified: int
    """Clips most of whose speech was taken for this language."""


class SpeechReport(Struct, frozen=True):
    """Figures over a folder."""

    languages: dict[str, LanguageFigures]
    """By code, from the clips' names."""
    wer: float
    """Over all clips together."""
    real_time_factor: float
    """Seconds that understanding took, English included, by seconds of sound."""
    clips: int
    identified: int
    not_understood: int
    """Utterances that a guard dropped."""


def evaluate_speech(
    folder: Path,
    understand: Callable[[Path], Understood],
    *,
    progress: Callable[[int, int], None] = lambda _done, _of: None,
) -> SpeechReport:
    """Have every clip of a folder understood and compare with its transcript.

    Args:
        folder: ``*.ogg`` or ``*.wav``, a ``.txt`` beside each; the language is a part of the name, as in
            ``fleurs-de-000.ogg``.
        understand: Makes utterances of a clip; blocking.
        progress: Told how many clips of how many are done.

    Raises:
        InputError: The folder holds no clip with a transcript, or one cannot be read.
    """
    clips = _clips(folder)
    words: dict[str, int] = {}
    errors: dict[str, int] = {}
    count: dict[str, int] = {}
    identified: dict[str, int] = {}
    sound = took = 0.0
    dropped = 0
    for number, (clip, transcript) in enumerate(clips, 1):
        code = language_in(clip.stem)
        found = understand(clip)
        reference = normalise(transcript).split()
        text = normalise(" ".join(each.original for each in found.utterances)).split()
        words[code] = words.get(code, 0) + len(reference)
        errors[code] = errors.get(code, 0) + word_errors(reference, text)
        count[code] = count.get(code, 0) + 1
        identified[code] = identified.get(code, 0) + (main_language(found.utterances) == code)
        dropped += sum(not each.original for each in found.utterances)
        sound += found.sound
        took += found.took
        progress(number, len(clips))
    return SpeechReport(
        languages={
            code: LanguageFigures(count[code], round(errors[code] / max(1, words[code]), DIGITS), identified[code])
            for code in sorted(count)
        },
        wer=round(sum(errors.values()) / max(1, sum(words.values())), DIGITS),
        real_time_factor=round(took / sound, DIGITS) if sound else 0.0,
        clips=len(clips),
        identified=sum(identified.values()),
        not_understood=dropped,
    )


def language_in(name: str) -> str:
    """Return the first part of a clip's name that is a language's code, or `UNKNOWN`."""
    return next((part for part in re.split(r"[^a-z]+", name.lower()) if part in LANGUAGES), UNKNOWN)


def main_language(utterances: tuple[Utterance, ...]) -> str:
    """Return the language in which most of the time was spoken, "" where nothing was understood."""
    seconds: dict[str, float] = {}
    for each in utterances:
        if each.language:
            seconds[each.language] = seconds.get(each.language, 0.0) + each.end - each.start
    return max(seconds, key=lambda code: seconds[code], default="")


def _clips(folder: Path) -> list[tuple[Path, str]]:
    try:
        files = sorted(file for file in folder.iterdir() if file.suffix.lower() in SUFFIXES)
        clips = [(file, _transcript(file.with_suffix(".txt"))) for file in files if file.with_suffix(".txt").is_file()]
    except OSError as error:
        raise InputError(f"folder {str(folder)!r} cannot be read: {error.strerror}") from error
    if not clips:
        raise InputError(f"folder {str(folder)!r} holds no clips (ogg, wav) with a transcript (txt) beside them")
    return clips


def _transcript(file: Path) -> str:
    with file.open("rb") as opened:
        data = opened.read(LARGEST_TRANSCRIPT + 1)
    if len(data) > LARGEST_TRANSCRIPT:
        raise InputError(f"{file}: over {LARGEST_TRANSCRIPT} bytes: this is no transcript of a clip")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{file}: not text in UTF-8") from error

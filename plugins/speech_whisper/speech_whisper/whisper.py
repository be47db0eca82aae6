"""Whisper in CTranslate2, int8: one encoder run an utterance; language, original and English from its output.

The bytes that were checked are the bytes that are loaded. Only silence of `TAIL` seconds is put behind an utterance
in place of the published 30 s in all: the encoder takes a third of the time and the text has no more errors (see the
model card). Nothing that the model writes is judged here.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, ClassVar, Final, TypeAlias

import ctranslate2
import numpy as np
import tokenizers
from faster_whisper.feature_extractor import FeatureExtractor
from msgspec import Struct

from hub.backends import Hearing, LanguageGuess, PluginContext, Transcriber, Written
from hub.errors import ConfigError, ModelError
from hub.models import read_model

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Samples: TypeAlias = NDArray[np.float32]

SIZES: Final = ("base", "small")
"""Sizes of the model that can be asked for."""
RATE: Final = 16_000
FRAME: Final = 160
"""Samples of one column of the spectrogram."""
TAIL: Final = 3.0
"""Seconds of silence behind an utterance."""
WINDOW: Final = 30.0
"""Seconds that the network takes at most."""
BEAM: Final = 5
LEAST_SYMBOLS: Final = 24
SYMBOLS_A_SECOND: Final = 16
"""Nobody says more in a second; it ends a text that would repeat itself until the window is full."""


class _Taken(Struct, frozen=True, eq=False):
    """An utterance in the encoder's output."""

    encoded: Any
    symbols: int
    """Most symbols of its text."""


class WhisperTranscriber(Transcriber):
    """Writes down what was said.

    Args:
        files: ``model.bin``, ``config.json`` and ``vocabulary.txt``.
        tokenizer: ``tokenizer.json``.
        threads: Threads of one call.

    Raises:
        ModelError: A file is no model.
    """

    name: ClassVar[str] = "whisper"
    longest: ClassVar[float] = WINDOW - 2.0

    def __init__(self, files: dict[str, bytes], tokenizer: bytes, *, threads: int) -> None:
        try:
            self._tokenizer = tokenizers.Tokenizer.from_buffer(tokenizer)
            self._model: Any = ctranslate2.models.Whisper(
                "whisper", device="cpu", compute_type="int8", inter_threads=1, intra_threads=threads, files=files
            )
        except Exception as error:  # neither library's errors have a common root
            raise ModelError(f"the speech model does not load: {error}") from error
        self._features = FeatureExtractor()
        self._end = self._symbol("<|endoftext|>")
        begin, first = self._symbol("<|startoftranscript|>"), self._symbol("<|translate|>")
        names = {self._tokenizer.id_to_token(number): number for number in range(begin + 1, first)}
        self._codes = {_code(name): number for name, number in names.items() if name}
        self.languages = frozenset(self._codes)

    def hear(self, samples: Samples) -> Hearing:
        """Take an utterance in; see `Transcriber.hear`."""
        seconds = len(samples) / RATE
        # Whole seconds, so that the runtime meets few different sizes.
        window = min(WINDOW, math.ceil(seconds + TAIL))
        room = round(window * RATE)
        samples = samples[:room]
        columns = self._features(samples, padding=room - len(samples) + FRAME)[:, : room // FRAME]
        try:
            encoded = self._running().encode(
                ctranslate2.StorageView.from_array(np.ascontiguousarray(columns[None], np.float32))
            )
            (found,) = self._running().detect_language(encoded)
        except (RuntimeError, ValueError) as error:
            raise ModelError(f"the speech model does not run: {error}") from error
        guesses = tuple(LanguageGuess(_code(name), float(share)) for name, share in found)
        return Hearing(guesses, _Taken(encoded, LEAST_SYMBOLS + math.ceil(seconds * SYMBOLS_A_SECOND)))

    def write(self, hearing: Hearing, language: str, *, english: bool = False, quick: bool = False) -> Written:
        """Write an utterance down; see `Transcriber.write`."""
        (written,) = self._write(hearing, language, "<|translate|>" if english else "<|transcribe|>", quick=quick)
        return written

    def write_both(self, hearing: Hearing, language: str) -> tuple[Written, Written]:
        """Write both down in one go; see `Transcriber.write_both`. Two thirds of the time that it takes one by one."""
        original, english = self._write(hearing, language, "<|transcribe|>", "<|translate|>")
        return original, english

    def _write(self, hearing: Hearing, language: str, *tasks: str, quick: bool = False) -> list[Written]:
        taken = hearing.handle
        if not isinstance(taken, _Taken) or language not in self._codes:
            raise ModelError(f"the speech model does not know this hearing or the language {language}")
        begin, end = self._symbol("<|startoftranscript|>"), self._symbol("<|notimestamps|>")
        prompts = [[begin, self._codes[language], self._symbol(task), end] for task in tasks]
        encoded = taken.encoded
        if len(tasks) > 1:
            encoded = ctranslate2.StorageView.from_array(np.repeat(np.array(encoded), len(tasks), axis=0))
        try:
            found = self._running().generate(
                encoded,
                prompts,
                beam_size=1 if quick else BEAM,
                max_length=len(prompts[0]) + taken.symbols,
                return_scores=True,
                return_no_speech_prob=True,
            )
        except (RuntimeError, ValueError) as error:
            raise ModelError(f"the speech model does not run: {error}") from error
        return [self._written(each) for each in found]

    def _written(self, found: Any) -> Written:  # noqa: ANN401  # CTranslate2 has no types
        text = self._tokenizer.decode([number for number in found.sequences_ids[0] if number < self._end])
        return Written(
            " ".join(text.split()),
            log_probability=min(0.0, float(found.scores[0])),
            no_speech=min(1.0, max(0.0, float(found.no_speech_prob))),
        )

    def close(self) -> None:
        """Free the model."""
        self._model = None

    def _running(self) -> Any:  # noqa: ANN401  # CTranslate2 has no types
        if self._model is None:
            raise ModelError("the speech model is closed")
        return self._model

    def _symbol(self, name: str) -> int:
        number = self._tokenizer.token_to_id(name)
        if number is None:
            raise ModelError(f"the speech model's list of symbols has no {name}")
        return int(number)


def _code(symbol: str) -> str:
    """Return the code in a symbol such as ``<|de|>``."""
    code = symbol[2:-2]
    return "jv" if code == "jw" else code  # Whisper's own for Javanese


def open_transcriber(context: PluginContext) -> WhisperTranscriber:
    """Open the model that ``[plugins.speech_whisper] model`` names.

    Raises:
        ConfigError: There is no such size.
        ModelError: A model file is missing, altered or does not load.
    """
    size = context.settings.get("model", "base")
    if size not in SIZES:
        raise ConfigError(f"plugins.speech_whisper.model: there is no such size; there are: {', '.join(SIZES)}")
    files = {
        "model.bin": read_model(f"whisper-{size}", context.models),
        "config.json": read_model("whisper-config", context.models),
        "vocabulary.txt": read_model("whisper-vocabulary", context.models),
    }
    return WhisperTranscriber(files, read_model("whisper-tokenizer", context.models), threads=context.threads)

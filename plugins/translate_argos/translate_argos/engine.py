"""Argos packages as a translator: CTranslate2 and SentencePiece on the packages' own files.

The package ``argostranslate`` is not used, see DECISIONS. Sentences are cut at their full stops, as Argos' own cutter
is another neural network. The model that was used last stays loaded.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final, Protocol

from hub.backends import LanguagePair, Translation, Translator
from hub.errors import TranslatorError
from hub.text import locate, plain
from translate_argos.packages import SUFFIX, Package, Unpacked, find_packages, unpack

if TYPE_CHECKING:
    from collections.abc import Callable

LONGEST: Final = 1000
"""Characters of a text."""
BEAM: Final = 4
LENGTH_PENALTY: Final = 0.2
"""As Argos decodes."""
MOST_TOKENS: Final = 160
"""Of one sentence's translation; one that does not end by then is no translation."""
GAP: Final = "[?]"
"""Stands where the model itself gave no word."""
_SENTENCE: Final = re.compile(r"(?<=[.!?…。？！])\s+")


class Model(Protocol):
    """A loaded model."""

    def unknown(self, sentence: str) -> Sequence[str]:
        """Return the words of a sentence that it cannot represent."""

    def translate(self, sentence: str) -> str:
        """Translate one sentence."""


class Argos(Translator):
    """Translates with the packages in a folder.

    Args:
        packages: Folder of the ``.argosmodel`` files.
        unpacked: Folder of this plugin's own, in which they are unpacked.
        threads: Threads of one call.
        load: Opens unpacked files; a seam for tests.
    """

    name: ClassVar[str] = "argos"

    def __init__(
        self,
        packages: Path,
        unpacked: Path,
        *,
        threads: int = 2,
        load: Callable[[Unpacked, str, int], Model] | None = None,
    ) -> None:
        self._folder = packages
        self._unpacked = unpacked
        self._threads = threads
        self._load = load or CTranslateModel
        found, self._refused = find_packages(packages)
        self._packages: dict[LanguagePair, Package] = {each.pair: each for each in found}
        self._loaded: tuple[LanguagePair, Model] | None = None
        self._turn = threading.Lock()

    def pairs(self) -> Sequence[LanguagePair]:
        """Return the pairs of the packages that are there."""
        return tuple(self._packages)

    def missing(self) -> str:
        """Say which file is no package, or where packages belong."""
        if self._refused:
            return self._refused[0]
        return "" if self._packages else f"put Argos packages (*{SUFFIX}) into {plain(str(self._folder), 120)}"

    def translate(self, text: str, source: str, target: str) -> Translation:
        """Translate one text sentence by sentence; what was not translated stands in square brackets."""
        line = plain(text, LONGEST)
        if not any(character.isalpha() for character in line):
            raise TranslatorError("there is nothing to translate")
        with self._turn:
            model = self._model(LanguagePair(source, target))
            try:
                sentences = _SENTENCE.split(line)
                unknown = tuple(dict.fromkeys(word for each in sentences for word in model.unknown(each)))
                made = " ".join(model.translate(each) for each in sentences)
            except TranslatorError:
                raise
            except Exception as error:
                raise TranslatorError(f"the model from {source} to {target} fails ({locate(error)})") from error
        if not made.strip():
            raise TranslatorError("the model gave no translation")
        return Translation(plain(made, 4 * LONGEST), unknown)

    def close(self) -> None:
        """Let go of the model."""
        self._loaded = None

    def _model(self, pair: LanguagePair) -> Model:
        if self._loaded is not None and self._loaded[0] == pair:
            return self._loaded[1]
        package = self._packages.get(pair)
        if package is None:
            raise TranslatorError(
                f"no Argos package from {plain(pair.source, 20)} to {plain(pair.target, 20)} is installed"
            )
        files = unpack(package, self._unpacked)
        self._loaded = None  # two at once are more than a laptop has to spare
        try:
            model = self._load(files, package.metadata.target_prefix, self._threads)
        except Exception as error:  # whatever a foreign file makes the libraries raise
            raise TranslatorError(f"{plain(package.path.name, 80)} holds no usable model ({locate(error)})") from error
        self._loaded = (pair, model)
        return model


class CTranslateModel:
    """A package's model and tokenizer.

    Args:
        files: Where they are.
        prefix: Token that every translation begins with; "" for none.
        threads: Threads of one call.
    """

    def __init__(self, files: Unpacked, prefix: str, threads: int) -> None:
        import ctranslate2
        import sentencepiece

        self._tokens: Any = sentencepiece.SentencePieceProcessor(model_file=str(files.tokenizer))
        self._translator: Any = ctranslate2.Translator(
            str(files.model), device="cpu", inter_threads=1, intra_threads=threads, compute_type="default"
        )
        self._prefix = prefix

    def unknown(self, sentence: str) -> Sequence[str]:
        """Return the words of which the tokenizer has not every letter."""
        lost = self._tokens.unk_id()
        return tuple(
            word.strip(".,;:?!\"'()") or word for word in sentence.split() if lost in self._tokens.encode(word)
        )

    def translate(self, sentence: str) -> str:
        """Translate one sentence.

        Raises:
            TranslatorError: What the model writes has no end.
        """
        pieces = self._tokens.encode(sentence, out_type=str)
        if not pieces:
            return ""
        results = self._translator.translate_batch(
            [pieces],
            target_prefix=[[self._prefix]] if self._prefix else None,
            beam_size=BEAM,
            length_penalty=LENGTH_PENALTY,
            max_decoding_length=MOST_TOKENS,
            max_input_length=0,
        )
        written = list(results[0].hypotheses[0])
        if len(written) >= MOST_TOKENS:
            raise TranslatorError("the model did not come to an end: no translation")
        if self._prefix and written and written[0] == self._prefix:
            del written[0]
        return str("".join(written).replace("<unk>", f"▁{GAP}").replace("▁", " ").strip())

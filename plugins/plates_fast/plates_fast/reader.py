"""The reader: fast-plate-ocr's recogniser over each located plate, as evidence for `hub.plates`.

The recogniser gives a fixed number of slots with a probability for every character of its alphabet, which is what
the hub decodes; its own best string is only kept for diagnosis.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Final, TypeAlias

import cv2
import numpy as np
import onnxruntime
from fast_plate_ocr import LicensePlateRecognizer
from fast_plate_ocr.core.process import preprocess_image, resize_image

from hub.backends import PlateReader, PluginContext
from hub.errors import ModelError
from hub.messages import Box, PlateEvidence
from hub.plates.alphabet import EMPTY, INDEX, SYMBOLS
from hub.vision.quality import sharpness
from plates_fast.detector import Located, Locator, YoloLocator, whole_picture

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Image: TypeAlias = NDArray[np.uint8]
    Floats: TypeAlias = NDArray[np.float32]

MODEL: Final = "plates_fast.onnx"
CONFIG: Final = "plates_fast.yaml"

MOST_READ: Final = 8
"""Plates of one picture that are read, the surest first."""

CERTAINLY_EMPTY: Final = 0.999
"""Slots at the end with at least this probability of holding nothing are left away."""


class FastReader(PlateReader):
    """Reads located plates with a local fast-plate-ocr model."""

    name: ClassVar[str] = "plates_fast"

    def __init__(self, model: Path, config: Path, *, locate: Locator = whole_picture, threads: int = 2) -> None:
        """Open the recogniser.

        Args:
            model: ONNX file as fast-plate-ocr exports it.
            config: Its YAML configuration.
            locate: Finds the plates.
            threads: Threads of one call.

        Raises:
            ModelError: A file is of no use.
        """
        try:
            # With both paths given, fast-plate-ocr never looks for a model elsewhere.
            recogniser = LicensePlateRecognizer(
                onnx_model_path=model,
                plate_config_path=config,
                providers=["CPUExecutionProvider"],
                sess_options=session_options(threads),
            )
            self._columns = columns_of(recogniser.config.alphabet, recogniser.config.pad_char)
        except Exception as error:  # yaml's, onnxruntime's and the constructor's own have no common root
            raise ModelError(f"fast-plate-ocr cannot use {model.name} with {config.name}: {error}") from error
        self._recogniser: LicensePlateRecognizer | None = recogniser
        self._locate = locate

    def read(self, image: Image) -> Sequence[PlateEvidence]:
        """Look at one picture; see `PlateReader.read`."""
        if self._recogniser is None:
            raise ModelError("the plate reader is closed")
        found = sorted(self._locate(image), key=lambda located: -located.score)[:MOST_READ]
        if not found:
            return []
        crops = [image[box.y : box.y + box.h, box.x : box.x + box.w] for box in (located.box for located in found)]
        evidence = []
        for located, crop, raw in zip(found, crops, self._run(self._recogniser, crops), strict=True):
            slots = fold(raw, self._columns)
            if slots.size:
                text = self._text(self._recogniser, raw)
                evidence.append(_evidence(located, slots, text, sharpness(crop)))
        return evidence

    def close(self) -> None:
        """Free the recogniser."""
        self._recogniser = None

    @staticmethod
    def _run(recogniser: LicensePlateRecognizer, crops: Sequence[Image]) -> Floats:
        """Return float32 [plates, slots, alphabet]: fast-plate-ocr's `run` before it throws the doubts away."""
        config = recogniser.config
        code = cv2.COLOR_BGR2RGB if config.image_color_mode == "rgb" else cv2.COLOR_BGR2GRAY
        ready = [
            resize_image(
                cv2.cvtColor(np.ascontiguousarray(crop), code),
                config.img_height,
                config.img_width,
                image_color_mode=config.image_color_mode,
                keep_aspect_ratio=config.keep_aspect_ratio,
                interpolation_method=config.interpolation,
                padding_color=config.padding_color,
            )
            for crop in crops
        ]
        try:
            (raw,) = recogniser.model.run([recogniser.plate_output_name], {"input": preprocess_image(np.stack(ready))})
            shape = (len(crops), config.max_plate_slots, len(config.alphabet))
            return np.asarray(raw, np.float32).reshape(shape)
        except Exception as error:
            raise ModelError(f"the fast-plate-ocr model does not run: {error}") from error

    @staticmethod
    def _text(recogniser: LicensePlateRecognizer, raw: Floats) -> str:
        best = "".join(recogniser.config.alphabet[index] for index in raw.argmax(axis=1))
        return best.rstrip(recogniser.config.pad_char)


def open_reader(context: PluginContext) -> FastReader:
    """Open the reader with the plugin's settings.

    ``model``, ``config``: file names in the folder of models (`MODEL` and `CONFIG` where not given), or full paths.
    ``detector``: a plate detector of open-image-models; without it a picture is taken for the crop of one plate,
    which is right for pictures that are crops and wrong for whole scenes.
    ``model_sha256``, ``detector_sha256``: digests; a file with another one is refused.

    Raises:
        ModelError: A file is missing, altered, or of no use.
    """
    settings = context.settings
    model = _file(context, str(settings.get("model", MODEL)), str(settings.get("model_sha256", "")))
    config = _file(context, str(settings.get("config", CONFIG)), "")
    locate: Locator = whole_picture
    if detector := str(settings.get("detector", "")):
        file = _file(context, detector, str(settings.get("detector_sha256", "")))
        locate = YoloLocator(file.read_bytes(), session_options(context.threads))
    return FastReader(model, config, locate=locate, threads=context.threads)


def session_options(threads: int) -> onnxruntime.SessionOptions:
    """Return options for a session that leaves the cores to others while it waits."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # Blocks of work that shrink towards the end of a step: a core that others use too does not hold up the rest.
    options.add_session_config_entry("session.dynamic_block_base", "4")
    options.log_severity_level = 3
    return options


def columns_of(alphabet: str, pad: str) -> NDArray[np.intp]:
    """Return for each character of a model's alphabet its column in `PlateEvidence.slots`, or -1 where it has none.

    Raises:
        ValueError: The padding character is not in the alphabet.
    """
    alphabet.index(pad)
    return np.array([EMPTY if c == pad else INDEX.get(c.upper(), -1) for c in alphabet], np.intp)


def fold(raw: Floats, columns: NDArray[np.intp]) -> Floats:
    """Return the evidence of one plate without the empty slots at its end.

    Args:
        raw: float32 [slots, alphabet], rows sum to 1.
        columns: As `columns_of` gives it.

    Returns:
        float32 [at most slots, len(SYMBOLS) + 1]; no row where the model sees no character.
    """
    slots = np.zeros((len(raw), len(SYMBOLS) + 1), np.float32)
    for index, column in enumerate(columns):
        if column >= 0:
            slots[:, column] += raw[:, index]
    slots = np.nan_to_num(slots, nan=0.0, posinf=0.0, neginf=0.0).clip(0, 1)
    slots /= np.maximum(slots.sum(axis=1, keepdims=True), 1)
    if (slots.argmax(axis=1) == EMPTY).all():
        return slots[:0]
    last = np.flatnonzero(slots[:, EMPTY] < CERTAINLY_EMPTY)[-1]
    return slots[: last + 1]


def _evidence(located: Located, slots: Floats, text: str, sharp: float) -> PlateEvidence:
    count = len(slots)
    return PlateEvidence(
        box=located.box,
        corners=_corners(located.box),
        slots=slots,
        lines=(count,),
        breaks=np.zeros(count, np.float32),  # the model does not say where separators stand
        centres=((np.arange(count) + 0.5) / count).astype(np.float32),  # nor where a character does
        text=text,
        score=located.score,
        sharpness=sharp,
    )


def _corners(box: Box) -> tuple[tuple[float, float], ...]:
    left, top, right, bottom = float(box.x), float(box.y), float(box.x + box.w), float(box.y + box.h)
    return (left, top), (right, top), (right, bottom), (left, bottom)


def _file(context: PluginContext, name: str, sha256: str) -> Path:
    """Return a model file by name after its digest was checked, where one is given."""
    path = context.models / name
    if not path.is_file():
        raise ModelError(f"plates_fast has no model file {path}: put it there or turn the plugin off")
    if sha256 and hashlib.sha256(path.read_bytes()).hexdigest() != sha256.lower():
        raise ModelError(f"the model file {path} is refused: its digest is not the one in [plugins.plates_fast]")
    return path

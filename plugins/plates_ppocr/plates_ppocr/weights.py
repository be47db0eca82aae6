"""Finds the model files in the installed rapidocr distribution and opens them once their digest is right.

rapidocr is a carrier here: it is looked up through its metadata and never imported, and the digest, not the name or
the version of the wheel, decides whether a file is used. No inference happens here.
"""

from __future__ import annotations

import hashlib
from importlib import metadata
from pathlib import Path
from typing import Final

import onnxruntime
from msgspec import Struct

from hub.errors import ModelError

CARRIER: Final = "rapidocr"
"""Distribution whose wheel holds the files."""


class Weights(Struct, frozen=True):
    """One model file."""

    file: str
    """Path inside the carrier."""
    sha256: str
    """Digest of the whole file, hexadecimal."""


DETECTOR: Final = Weights(
    "rapidocr/models/PP-OCRv6_det_small.onnx",
    "090f04abcd9d9a7498bc4ebf677e4cb9bdce1fe4197ddb7e529f1ef44e1ff94f",
)
"""Text detector, Apache-2.0, 10 MB."""

RECOGNISER: Final = Weights(
    "rapidocr/models/PP-OCRv6_rec_small.onnx",
    "6f327246b50388f3c176ae304bd95767ea6dc0c9ae92153ef8cbe210b3c14884",
)
"""Text recogniser, Apache-2.0, 21 MB."""


def locate(weights: Weights) -> Path:
    """Return where the carrier keeps a file.

    Raises:
        ModelError: The carrier is not installed or does not list the file.
    """
    try:
        listed = metadata.files(CARRIER) or []
    except metadata.PackageNotFoundError as error:
        raise ModelError(
            f"{CARRIER} is not installed; install the plates_ppocr plugin with its dependencies"
        ) from error
    for file in listed:
        if file.as_posix() == weights.file:
            return Path(str(file.locate()))
    raise ModelError(f"{CARRIER} does not carry {weights.file}; install the version that requirements.lock names")


def load(weights: Weights) -> bytes:
    """Return a file's content after its digest was checked.

    Raises:
        ModelError: The file is missing, unreadable or has another digest.
    """
    path = locate(weights)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ModelError(f"cannot read {path.name}: {error.strerror}; reinstall {CARRIER}") from error
    if hashlib.sha256(content).hexdigest() != weights.sha256:
        raise ModelError(f"{path.name} has another digest than this plugin was built for; reinstall {CARRIER}")
    return content


def open_session(weights: Weights, *, threads: int) -> onnxruntime.InferenceSession:
    """Open a checked model on the processor.

    Threads do not spin while they wait: several sessions share the same few cores.

    Args:
        weights: The model.
        threads: Threads of one call, at least 1.

    Raises:
        ModelError: The file is missing, altered, or onnxruntime refuses it.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = max(1, threads)
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # Blocks of work that shrink towards the end of a step: a core that others use too does not hold up the rest.
    options.add_session_config_entry("session.dynamic_block_base", "4")
    options.log_severity_level = 3
    content = load(weights)
    try:
        return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime raises classes of its own, none of them public
        raise ModelError(f"onnxruntime cannot open {weights.file}: {error}") from error

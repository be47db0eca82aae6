"""A real Argos package of a few kilobytes: a CTranslate2 transformer with chosen weights and a trained tokenizer.

Its attention and feed-forward layers are zero and its positions are unit vectors, so that the n-th position chooses
the n-th token of one sentence: it says that sentence whatever it is asked, through the same libraries and files as a
package of three hundred megabytes.
"""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import ctranslate2
import numpy as np
import sentencepiece

ENGLISH = (
    "Where are you going?", "The house is big.", "Do you need a doctor?", "Please wait here.", "What happened to you?",
    "Stop! Come with me, please.", "We are the police; do not move: quickly, jump over my very lazy box of zinc (now).",
)  # fmt: skip
SAID = ("▁La", "▁casa", "▁es", "▁grande", ".")
DEPTH = 32


def tokenizer() -> bytes:
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(ENGLISH * 20),
        model_writer=model,
        vocab_size=90,
        hard_vocab_limit=False,
        minloglevel=2,
        num_threads=1,
    )
    return model.getvalue()


def save_model(folder: Path, pieces: list[str], said: tuple[str, ...] = SAID, *, ends: bool = True) -> None:
    """Write a CTranslate2 model that says `said`, and then ends, or says its last token for ever."""
    spec = ctranslate2.specs.TransformerSpec.from_config((1, 1), 1)
    source = ["<unk>", "<s>", "</s>", *pieces]
    target = ["<unk>", "<s>", "</s>", *dict.fromkeys(each for each in said if each != "<unk>")]
    zeros = lambda *shape: np.zeros(shape, np.float32)  # noqa: E731

    def attention(layer, shapes):
        norm(layer.layer_norm)
        for linear, (rows, columns) in zip(layer.linear, shapes, strict=True):
            linear.weight, linear.bias = zeros(rows, columns), zeros(rows)

    def norm(layer):
        layer.gamma, layer.beta = np.ones(DEPTH, np.float32), zeros(DEPTH)

    def feed(layer):
        norm(layer.layer_norm)
        for linear in (layer.linear_0, layer.linear_1):
            linear.weight, linear.bias = zeros(DEPTH, DEPTH), zeros(DEPTH)

    own, cross = ((3 * DEPTH, DEPTH), (DEPTH, DEPTH)), ((DEPTH, DEPTH), (2 * DEPTH, DEPTH), (DEPTH, DEPTH))
    places = zeros(200, DEPTH)
    places[np.arange(200), np.minimum(np.arange(200), DEPTH - 1)] = 1
    spec.encoder.embeddings[0].weight = zeros(len(source), DEPTH)
    spec.decoder.embeddings.weight = zeros(len(target), DEPTH)
    for half in (spec.encoder, spec.decoder):
        half.position_encodings.encodings = places
        norm(half.layer_norm)
        attention(half.layer[0].self_attention, own)
        feed(half.layer[0].ffn)
    attention(spec.decoder.layer[0].attention, cross)
    spec.decoder.projection.weight = zeros(len(target), DEPTH)
    spec.decoder.projection.bias = zeros(len(target))
    order = [target.index(each) for each in said] + [2 if ends else target.index(said[-1])] * DEPTH
    for place in range(DEPTH):
        spec.decoder.projection.weight[order[place], place] = 30
    spec.register_source_vocabulary(source)
    spec.register_target_vocabulary(target)
    spec.validate()
    folder.mkdir(parents=True, exist_ok=True)
    spec.save(str(folder))


def save_package(
    path: Path,
    *,
    code: str = "es",
    said: tuple[str, ...] = SAID,
    ends: bool = True,
    more: dict[str, object] | None = None,
) -> Path:
    """Write an Argos package as their tools make it, into an existing folder."""
    tokens = tokenizer()
    processor = sentencepiece.SentencePieceProcessor(model_proto=tokens)
    pieces = [processor.id_to_piece(number) for number in range(3, processor.get_piece_size())]
    work = path.parent / f"{path.stem}.work"
    save_model(work, pieces, said, ends=ends)
    metadata = {"from_code": "en", "to_code": code, "package_version": "1.0", "argos_version": "1.9", **(more or {})}
    top = f"translate-en_{code}-1_0"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"{top}/metadata.json", json.dumps(metadata))
        archive.writestr(f"{top}/README.md", "A package for tests.")
        archive.writestr(f"{top}/sentencepiece.model", tokens)
        archive.writestr(f"{top}/stanza/en/tokenize/ewt.pt", b"not looked at")
        for file in sorted(work.iterdir()):
            archive.write(file, f"{top}/model/{file.name}")
    return path

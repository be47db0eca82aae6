"""Argos packages on the disk: what a ``.argosmodel`` says of itself, and how it is unpacked without trusting it.

A package is a zip with one folder: ``metadata.json``, ``sentencepiece.model`` and ``model/`` for CTranslate2. Only
files of known names are taken out, under names that are chosen here, so no path of the archive reaches the disk. The
folder they go to is named by the package's SHA-256: another content is another folder.
"""

from __future__ import annotations

import hashlib
import shutil
import stat
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

from hub.backends import LanguagePair
from hub.errors import TranslatorError
from hub.text import plain

SUFFIX: Final = ".argosmodel"
MOST_FILES: Final = 5000
"""Entries of an archive that are looked at; real packages have under 50, and a few hundred with their stanza part."""
LARGEST_METADATA: Final = 2**16
LARGEST_TOKENIZER: Final = 32 * 2**20
LARGEST_MODEL: Final = 2**30
"""Bytes of all model files together, unpacked; real ones have 50 to 300 million."""
TOKENIZER: Final = "sentencepiece.model"
MODEL_FILES: Final = frozenset(
    {
        "model.bin",
        "config.json",
        "shared_vocabulary.txt",
        "shared_vocabulary.json",
        "source_vocabulary.txt",
        "source_vocabulary.json",
        "target_vocabulary.txt",
        "target_vocabulary.json",
        "vmap.txt",
    }
)
_READY: Final = "sha256"
"""File that says that an unpacked folder is whole; it has the package's digest."""


class Metadata(Struct, frozen=True):
    """What a package says of itself; the rest of its ``metadata.json`` is not looked at."""

    from_code: Annotated[str, Meta(pattern=r"^[a-z]{2,3}$")]
    to_code: Annotated[str, Meta(pattern=r"^[a-z]{2,3}$")]
    package_version: Annotated[str, Meta(max_length=40)] = ""
    target_prefix: Annotated[str, Meta(max_length=40)] = ""
    """Token that every translation begins with, in models of several languages."""


class Package(Struct, frozen=True):
    """A package that is there."""

    path: Path
    metadata: Metadata

    @property
    def pair(self) -> LanguagePair:
        """The direction in which it translates."""
        return LanguagePair(self.metadata.from_code, self.metadata.to_code)


class Unpacked(Struct, frozen=True):
    """A package's files on the disk."""

    model: Path
    """Folder for CTranslate2."""
    tokenizer: Path
    """File for SentencePiece."""
    digest: str
    """SHA-256 of the package that they came from, hexadecimal."""


def find_packages(folder: Path) -> tuple[tuple[Package, ...], tuple[str, ...]]:
    """Return the packages in a folder, by name, and one line for each file that is none; a missing folder has none."""
    found, refused = [], []
    for path in sorted(folder.glob(f"*{SUFFIX}")):
        try:
            with _opened(path) as archive:
                found.append(Package(path, _metadata(_members(archive), archive)))
        except TranslatorError as error:
            refused.append(f"{plain(path.name, 80)}: {error}")
    return tuple(found), tuple(refused)


def unpack(package: Package, under: Path) -> Unpacked:
    """Unpack a package, once for each content, and return where its files are. Blocks for seconds the first time.

    Raises:
        TranslatorError: It is no such package, holds too much, or cannot be written.
    """
    try:
        digest = _digest(package.path)
        folder = under / digest
        if not (folder / _READY).exists():
            making = under / f".{digest}.making"
            shutil.rmtree(making, ignore_errors=True)
            making.mkdir(mode=0o700, parents=True)
            try:
                with _opened(package.path) as archive:
                    _take_out(archive, making)
                (making / _READY).write_text(f"{digest}\n", encoding="ascii")
                shutil.rmtree(folder, ignore_errors=True)
                making.rename(folder)
            finally:
                shutil.rmtree(making, ignore_errors=True)
    except OSError as error:
        raise TranslatorError(f"{plain(package.path.name, 80)} cannot be unpacked: {error.strerror}") from error
    return Unpacked(folder / "model", folder / TOKENIZER, digest)


def _opened(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except (OSError, zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise TranslatorError(f"this is no Argos package: {plain(str(error), 100)}") from error


def _members(archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """Return the entries that are wanted, under the names they get: ``metadata.json``, the tokenizer, ``model/NAME``.

    Raises:
        TranslatorError: There are too many, one is a link, or two go by one name.
    """
    entries = archive.infolist()
    if len(entries) > MOST_FILES:
        raise TranslatorError(f"this archive has {len(entries)} files, a package at most {MOST_FILES}")
    members: dict[str, zipfile.ZipInfo] = {}
    for entry in entries:
        name = _name(entry)
        if not name:
            continue
        if stat.S_ISLNK(entry.external_attr >> 16) or entry.flag_bits & 1:
            raise TranslatorError(f"{name} in it is a link or encrypted")
        if name in members:
            raise TranslatorError(f"{name} is in it twice")
        members[name] = entry
    return members


def _name(entry: zipfile.ZipInfo) -> str:
    """Return the name that an entry gets, "" for one that is not wanted. Only ``FOLDER/...`` counts, one level deep."""
    parts = PurePosixPath(entry.filename).parts
    if entry.is_dir() or ".." in parts or "/" in parts:
        return ""
    match parts:
        case (_, "metadata.json" | "sentencepiece.model"):
            return parts[1]
        case (_, "model", name) if name in MODEL_FILES:
            return f"model/{name}"
        case _:
            return ""


def _metadata(members: dict[str, zipfile.ZipInfo], archive: zipfile.ZipFile) -> Metadata:
    if missing := {"metadata.json", TOKENIZER, "model/model.bin"} - members.keys():
        raise TranslatorError(f"it has no {min(missing)}")
    content = b"".join(_bytes(archive, members["metadata.json"], LARGEST_METADATA))
    try:
        made = msgspec.json.decode(content, type=Metadata)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise TranslatorError(f"its metadata.json is wrong: {plain(str(error), 100)}") from error
    if made.from_code == made.to_code:
        raise TranslatorError("it translates a language into itself")
    return made


def _take_out(archive: zipfile.ZipFile, folder: Path) -> None:
    members = _members(archive)
    _metadata(members, archive)
    (folder / "model").mkdir(mode=0o700)
    left = LARGEST_MODEL
    for name, entry in members.items():
        limit = min(left, LARGEST_TOKENIZER if name == TOKENIZER else LARGEST_MODEL)
        with (folder / name).open("xb") as file:
            for piece in _bytes(archive, entry, limit):
                file.write(piece)
                left -= len(piece)


def _bytes(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, limit: int) -> Iterator[bytes]:
    """Yield an entry's content; what the archive says of its size is not believed."""
    size = 0
    try:
        with archive.open(entry) as stream:
            while piece := stream.read(2**20):
                size += len(piece)
                if size > limit:
                    raise TranslatorError(f"{plain(entry.filename, 80)} in it is larger than {limit} bytes")
                yield piece
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise TranslatorError(f"{plain(entry.filename, 80)} in it is damaged") from error


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

"""Model files: what the manifest lists, where each lies, whether it is the one that was checked, and how to get it.

A file is used only if its SHA-256 is the manifest's; where it came from proves nothing. Nothing here runs at start or
in a look-up but `read_model`, and only `pull` reaches the network, when somebody asks for it: files that publishers
hand out themselves are fetched by name alone. Models themselves are
loaded by plugins; this module imports none of their runtimes.

``python -m hub.models pull --carriers`` is what ``make setup`` calls; ``patrol-hub models`` has the same functions.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.metadata
import os
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from collections.abc import Callable, Collection, Sequence
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias

import msgspec
from msgspec import Struct

from hub.errors import HubError, ModelError

if TYPE_CHECKING:
    from _typeshed import StrPath

REPOSITORY_MODELS: Final = Path(__file__).resolve().parent.parent / "models"
"""Folder of the manifest, the model cards and the list of carriers."""

MANIFEST: Final = REPOSITORY_MODELS / "manifest.toml"
CALIBRATIONS: Final = REPOSITORY_MODELS / "calibration"
"""Folder of what the similarities of each face model mean, see `hub.calibration`."""
CARRIERS: Final = REPOSITORY_MODELS / "carriers.txt"
"""Wheels that only carry a model file, pinned with their hashes in the format of requirements."""

FOLDER_VARIABLE: Final = "PATROL_HUB_MODELS"
"""Environment variable that names another folder for weights."""

_CHUNK: Final = 1 << 20


class Origin(StrEnum):
    """How a model file comes to this machine."""

    INSTALLED = "installed"
    """It lies in a distribution that is installed as a dependency."""
    CARRIER = "carrier"
    """It is taken out of a wheel that is downloaded for it, never installed and never imported."""
    URL = "url"
    """It is fetched from its publisher's address, when somebody asks for it by its name."""
    BROUGHT = "brought"
    """Somebody puts it into the folder of weights: no wheel carries the whole of it."""


class Converter(StrEnum):
    """How a published file is made into the model; each gives the same bytes every time."""

    DLIB_RESNET = "dlib_resnet"


class Original(Struct, frozen=True, forbid_unknown_fields=True):
    """A published file that is converted."""

    sha256: str
    size: int
    """Bytes."""
    converter: Converter


class Piece(Struct, frozen=True, forbid_unknown_fields=True):
    """A further piece of a file that is too long for one wheel."""

    distribution: str
    version: str
    path: str
    """Path of the piece inside its wheel."""


class Source(Struct, frozen=True, forbid_unknown_fields=True):
    """The published file that a model is."""

    origin: Origin
    distribution: str
    """Name in the package index."""
    version: str
    path: str
    """Path of the file inside the wheel, with forward slashes."""
    url: str = ""
    """Address of the file itself where its publisher hands it out; "" elsewhere."""
    original: Original | None = None
    """The file in the wheel where it is another one than the model, which is then made of it when it is pulled."""
    more: tuple[Piece, ...] = ()
    """Pieces that follow the first one, in their order, where the file is carried in several."""

    @property
    def pieces(self) -> tuple[Piece, ...]:
        """All pieces, in their order."""
        return (Piece(self.distribution, self.version, self.path), *self.more)


class Figure(Struct, frozen=True, forbid_unknown_fields=True):
    """One measured figure."""

    what: str
    """What was counted or timed, and under which setting."""
    value: float
    unit: str
    """Such as ``of 455`` or ``ms``."""
    data: str
    """Name of the test set, or the machine where a time is meant."""


class Model(Struct, frozen=True, forbid_unknown_fields=True):
    """One row of the manifest."""

    name: str
    """Short name, unique."""
    file: str
    """File name in the folder of weights."""
    sha256: str
    """Hexadecimal digest; no other file is ever loaded under this name."""
    size: int
    """Bytes."""
    licence: str
    """SPDX identifier of the weights' licence."""
    purpose: str
    """What it does, in one line."""
    plugin: str
    """The plugin that uses it."""
    card: str
    """File name of its model card in ``models/cards``."""
    source: Source
    figures: tuple[Figure, ...] = ()
    optional: bool = False
    """True where nothing is wrong without it."""


class _Manifest(Struct, frozen=True, forbid_unknown_fields=True):
    model: tuple[Model, ...]


class FileState(StrEnum):
    """What was found in a model's place."""

    GOOD = "good"
    MISSING = "missing"
    WRONG_DIGEST = "wrong_digest"


class ModelCheck(Struct, frozen=True):
    """One model against the manifest."""

    model: Model
    state: FileState
    path: Path | None
    """Where it lies, or None where it is missing."""
    detail: str
    """One line: what is wrong and how to mend it; "" where nothing is."""

    @property
    def good(self) -> bool:
        """Whether it is the right file, or is missing where nothing is wrong without it."""
        return self.state is FileState.GOOD or (self.model.optional and self.state is FileState.MISSING)


class ModelsReport(Struct, frozen=True):
    """All models against the manifest."""

    folder: Path
    """Folder of weights that was looked at."""
    checks: tuple[ModelCheck, ...]

    @property
    def ok(self) -> bool:
        """Whether every file is there and is the right one."""
        return all(check.good for check in self.checks)


def weights_folder() -> Path:
    """Return the folder of weights: ``PATROL_HUB_MODELS``, or ``models/weights`` in the checkout."""
    named = os.environ.get(FOLDER_VARIABLE)
    return Path(named) if named else REPOSITORY_MODELS / "weights"


def list_models(manifest: Path = MANIFEST) -> tuple[Model, ...]:
    """Return the manifest's rows in its order.

    Raises:
        ModelError: The manifest is missing or wrong.
    """
    try:
        models = msgspec.toml.decode(manifest.read_bytes(), type=_Manifest).model
    except (OSError, tomllib.TOMLDecodeError, msgspec.MsgspecError) as error:
        raise ModelError(f"the list of models {manifest} cannot be used: {error}") from error
    if len({model.name for model in models}) != len(models):
        raise ModelError(f"the list of models {manifest} names a model twice")
    return models


def find_model(name: str, manifest: Path = MANIFEST) -> Model:
    """Return one row of the manifest.

    Raises:
        ModelError: There is no such row.
    """
    models = list_models(manifest)
    for model in models:
        if model.name == name:
            return model
    raise ModelError(f"there is no model {name!r}; the list has {', '.join(model.name for model in models)}")


def locate(model: Model, folder: Path | None = None) -> Path | None:
    """Return where a model's file lies, without looking into it, or None where it is missing.

    A file in the folder of weights comes before one that an installed distribution brings.
    """
    own = (folder or weights_folder()) / model.file
    if own.is_file():
        return own
    if model.source.origin is Origin.INSTALLED:
        try:
            found = importlib.metadata.distribution(model.source.distribution).locate_file(model.source.path)
        except importlib.metadata.PackageNotFoundError:
            return None
        path = Path(str(found))
        return path if path.is_file() else None
    return None


def read_model(name: str, folder: Path | None = None, *, manifest: Path = MANIFEST) -> bytes:
    """Return the bytes of a model whose digest is right; what was checked is what gets loaded.

    Raises:
        ModelError: The file is missing, cannot be read or is another one.
    """
    model = find_model(name, manifest)
    path = locate(model, folder)
    if path is None:
        raise ModelError(_missing(model))
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ModelError(f"the model file {path} cannot be read: {error.strerror}") from error
    if hashlib.sha256(data).hexdigest() != model.sha256:
        raise ModelError(_wrong(model, path))
    return data


def check_models(folder: Path | None = None, *, manifest: Path = MANIFEST) -> ModelsReport:
    """Compare every file with the manifest.

    Raises:
        ModelError: The manifest is missing or wrong.
    """
    folder = folder or weights_folder()
    return ModelsReport(folder=folder, checks=tuple(_check(model, folder) for model in list_models(manifest)))


Fetch: TypeAlias = Callable[[Path], None]
"""Downloads the carriers into a folder."""
FetchUrl: TypeAlias = Callable[[str, int], bytes]
"""Returns the file of so many bytes that lies at an address."""


def download_carriers(into: Path, distributions: Collection[str] = ()) -> None:
    """Download the wheels of `CARRIERS` by their hashes, without what they depend on.

    Args:
        into: Folder for the wheels.
        distributions: Names of those that are wanted; empty for all.

    Raises:
        ModelError: The download failed or a hash is wrong.
    """
    pins = CARRIERS
    if distributions:
        try:
            lines = CARRIERS.read_text().splitlines()
        except OSError as error:
            raise ModelError(f"the list of carriers {CARRIERS} cannot be read: {error.strerror}") from error
        pins = into / CARRIERS.name
        pins.write_text("\n".join(line for line in lines if line.partition("==")[0] in distributions))
    command: Sequence[StrPath] = (
        *(sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", "download", "--quiet"),
        *("--no-deps", "--only-binary", ":all:", "--require-hashes", "--requirement", pins, "--dest", into),
    )
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if "ERROR" in line] or done.stderr.splitlines() or [""]
        raise ModelError(f"the carriers of model files could not be downloaded: {lines[-1].strip()}")


def pull(
    folder: Path | None = None,
    names: Collection[str] = (),
    *,
    manifest: Path = MANIFEST,
    fetch: Fetch | None = None,
    fetch_url: FetchUrl | None = None,
) -> tuple[Model, ...]:
    """Bring model files into the folder of weights; nothing is fetched that is there already.

    Args:
        folder: Folder of weights; the default one where None.
        names: Names of the models that are wanted; empty for all that carriers hold. What its publisher hands out
            is fetched only where it is named.
        manifest: The list of models.
        fetch: Downloads the carriers; default by pip, those that are wanted.
        fetch_url: Fetches from a publisher's address; default over https.

    Returns:
        The models that were brought.

    Raises:
        ModelError: There is no such model, or none that can be fetched; it could not be had, or was another one. No
            file of a wrong digest is left behind.
    """
    folder = folder or weights_folder()
    for name in names:
        if (model := find_model(name, manifest)).source.origin not in (Origin.CARRIER, Origin.URL):
            raise ModelError(f"{name} is not fetched: {_missing(model)}")
    wanted = tuple(
        check.model
        for check in check_models(folder, manifest=manifest).checks
        if check.state is not FileState.GOOD
        and (check.model.name in names or (not names and check.model.source.origin is Origin.CARRIER))
    )
    carried = tuple(model for model in wanted if model.source.origin is Origin.CARRIER)
    if carried:
        _pull_carried(carried, folder, fetch)
    for model in wanted:
        if model.source.origin is Origin.URL:
            _install(model, _take_from_url(model, fetch_url), folder)
    return wanted


def _pull_carried(wanted: Sequence[Model], folder: Path, fetch: Fetch | None) -> None:
    with tempfile.TemporaryDirectory(prefix="patrol-hub-carriers-") as temporary:
        downloads = Path(temporary)
        names = {piece.distribution for model in wanted for piece in model.source.pieces}
        (fetch or partial(download_carriers, distributions=names))(downloads)
        for model in wanted:
            _install(model, _take(model, downloads), folder)


def _take_from_url(model: Model, fetch: FetchUrl | None) -> bytes:
    if fetch is None:
        from hub.model_fetching import fetch_model_file

        fetch = fetch_model_file
    data = fetch(model.source.url, model.size)
    if hashlib.sha256(data).hexdigest() != model.sha256:
        raise ModelError(f"{model.source.url} is refused: its digest is not {model.name}'s")
    return data


def _check(model: Model, folder: Path) -> ModelCheck:
    path = locate(model, folder)
    if path is None:
        return ModelCheck(model=model, state=FileState.MISSING, path=None, detail=_missing(model))
    try:
        digest = _digest(path)
    except OSError as error:
        detail = f"the model file {path} cannot be read: {error.strerror}"
        return ModelCheck(model=model, state=FileState.MISSING, path=path, detail=detail)
    if digest != model.sha256:
        return ModelCheck(model=model, state=FileState.WRONG_DIGEST, path=path, detail=_wrong(model, path))
    return ModelCheck(model=model, state=FileState.GOOD, path=path, detail="")


def _missing(model: Model) -> str:
    if model.source.origin is Origin.BROUGHT:
        return f"the model file {model.file} is not there: put it into the folder of weights to use it"
    if model.source.origin is Origin.URL:
        return f"the model file {model.file} is not there: run patrol-hub models pull {model.name} to use it"
    if model.source.origin is Origin.INSTALLED:
        return f"the model file {model.file} is missing: install {model.source.distribution} {model.source.version}"
    return f"the model file {model.file} is missing: run patrol-hub models pull"


def _wrong(model: Model, path: Path) -> str:
    return f"the model file {path} is refused: it is not the {model.name} that the list of models names"


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _take(model: Model, downloads: Path) -> bytes:
    """Take a model's one file out of its carrier, convert it where it has to be, and check it before and after."""
    source = model.source
    size, digest = (source.original.size, source.original.sha256) if source.original else (model.size, model.sha256)
    data = b""
    for piece in source.pieces:
        data += _take_piece(model, piece, downloads, size - len(data))
    where = f"{source.path} of {source.distribution}" + (f" and {len(source.more)} more" if source.more else "")
    if len(data) != size or hashlib.sha256(data).hexdigest() != digest:
        raise ModelError(f"{where} is refused: its digest is not {model.name}'s")
    if source.original is None:
        return data
    data = _convert(data, source.original.converter)
    if hashlib.sha256(data).hexdigest() != model.sha256:
        raise ModelError(f"{where} was converted to something else than {model.name}")
    return data


def _take_piece(model: Model, piece: Piece, downloads: Path, size: int) -> bytes:
    """Take one piece, of at most so many bytes, out of its carrier."""
    prefix = f"{piece.distribution.replace('-', '_')}-{piece.version}-".lower()
    wheel = next((file for file in downloads.glob("*.whl") if file.name.lower().startswith(prefix)), None)
    if wheel is None:
        raise ModelError(f"no wheel of {piece.distribution} {piece.version} was downloaded; it carries {model.file}")
    try:
        with zipfile.ZipFile(wheel) as archive:
            # The directory's word on the size comes first, so that a bomb is never unpacked.
            if archive.getinfo(piece.path).file_size > size:
                raise ModelError(f"{piece.path} in {wheel.name} is refused: more than {size} bytes long")
            return archive.read(piece.path)
    except (KeyError, OSError, zipfile.BadZipFile) as error:
        raise ModelError(f"{wheel.name} does not hold {piece.path}: {error}") from error


def _convert(data: bytes, converter: Converter) -> bytes:
    match converter:
        case Converter.DLIB_RESNET:
            from hub.conversion.dlib_resnet import dlib_resnet_to_onnx

            return dlib_resnet_to_onnx(data)


def _install(model: Model, data: bytes, folder: Path) -> None:
    """Write a file so that it is either there as a whole or not at all."""
    target = folder / model.file
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder, prefix=f".{model.file}.", delete=False) as file:
            try:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
                Path(file.name).chmod(0o644)
                Path(file.name).replace(target)
            except BaseException:
                Path(file.name).unlink(missing_ok=True)
                raise
    except OSError as error:
        raise ModelError(f"the model file {target} cannot be written: {error.strerror}") from error


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ``python -m hub.models pull --carriers``; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m hub.models", description="Bring the model files by their digests.")
    parser.add_argument("command", choices=["pull"])
    parser.add_argument(
        "--carriers", action="store_true", help="from carrier wheels (so far the only way, and implied)"
    )
    parser.add_argument("--folder", type=Path, help="folder of weights, instead of the usual one")
    options = parser.parse_args(arguments)
    try:
        brought = pull(options.folder)
        report = check_models(options.folder)
    except HubError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stderr.writelines(f"brought {model.file} into {report.folder}\n" for model in brought)
    sys.stderr.writelines(f"{check.detail}\n" for check in report.checks if not check.good)
    return 0 if report.ok else 1


if __name__ == "__main__":
    sys.exit(main())

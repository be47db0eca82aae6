"""`patrol-hub models`: the manifest of weights, checked against the files, and fetched."""

from __future__ import annotations

from msgspec import Struct

from hub.commands.console import Form, emit, say, table
from hub.models import Model, ModelCheck
from hub.models import check_models as check_files
from hub.models import list_models as rows_of_manifest
from hub.models import pull as pull_files


class _Models(Struct, frozen=True):
    models: tuple[Model, ...]


class _Line(Struct, frozen=True):
    model: str
    file: str
    state: str
    licence: str
    sha256: str
    detail: str


class _Checks(Struct, frozen=True):
    ok: bool
    folder: str
    models: tuple[_Line, ...]


def list_models(*, form: Form) -> int:
    """List the manifest."""
    models = rows_of_manifest()
    if form == "json":
        emit(_Models(models))
        return 0
    rows = [("MODEL", "PLUGIN", "LICENCE", "MB", "FROM", "PURPOSE")]
    for model in models:
        origin = f"{model.source.distribution} {model.source.version}"
        rows.append((model.name, model.plugin, model.licence, f"{model.size / 1e6:.1f}", origin, model.purpose))
    table(rows)
    return 0


def check(*, form: Form) -> int:
    """Compare every file with the manifest."""
    report = check_files()
    if form == "json":
        emit(_Checks(report.ok, str(report.folder), tuple(_line(each) for each in report.checks)))
    else:
        rows = [("MODEL", "STATE", "SHA-256")]
        rows += [(each.model.name, each.state.value, each.model.sha256[:16]) for each in report.checks]
        table(rows)
        for each in report.checks:
            if each.detail:
                say(each.detail)
    return 0 if report.ok else 1


def pull(names: tuple[str, ...]) -> int:
    """Fetch what is missing."""
    brought = pull_files(names=names)
    for model in brought:
        say(f"{model.name}: {model.file}, SHA-256 {model.sha256[:16]}")
    if not brought:
        say("every model file that was asked for is there already" if names else "every model file is there already")
    return 0


def _line(each: ModelCheck) -> _Line:
    return _Line(each.model.name, each.model.file, each.state.value, each.model.licence, each.model.sha256, each.detail)

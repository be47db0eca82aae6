"""`patrol-hub watchlist` for face lists: check, build, load, show; and the unit's key, which their builder needs.

Checking and building work offline on records and a folder of photos; they open no camera and no unit.
"""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Final

import trio
from msgspec import Struct

from hub.authority.orders import Purpose
from hub.authority.unit_key import read_public, write_public
from hub.backends import FaceEngine
from hub.calibration import Calibration, read_calibration
from hub.clocks import SystemClock
from hub.commands.acting import acting, open_configured, unlocked
from hub.commands.console import Form, emit, note, progress, say
from hub.commands.explain import numbered
from hub.config import Settings, load_config
from hub.errors import InputError, UsageError
from hub.parts import calibration_of, installed_plugins, open_face_engine
from hub.watchlists.budget import threshold_for
from hub.watchlists.face_building import Particulars, ReceivingUnit, build_faces
from hub.watchlists.faces import MOST_ENTRIES, FaceHeader, read_header
from hub.watchlists.hygiene import Checked, Finding, check_faces, lost_at

LARGEST_KEY_FILE: Final = 4096


class Request(Struct, frozen=True):
    """What is to be checked, and under which limits."""

    rows: Sequence[Mapping[str, str]]
    photos: Path
    size: int
    """Most entries, as the authority states."""
    false_alerts: float
    """False alerts expected from one probe of somebody who is not listed."""
    threshold: float | None
    """A higher threshold than the budget asks for; None for that one."""
    calibration: Path | None
    config: Path | None


class _Report(Struct, frozen=True):
    ok: bool
    rows: int
    good: int
    threshold: float | None
    ceiling: float
    closest: tuple[str, str]
    findings: tuple[Finding, ...]


class _Shown(Struct, frozen=True):
    name: str
    issuer: str
    version: int
    authority: str
    legal_basis: str
    purpose: str
    place: str
    category: str
    created: datetime
    expires: datetime
    entries: int
    size: int
    model: str
    threshold: float
    ceiling: float
    units: tuple[str, ...]


def check(request: Request, *, form: Form) -> int:
    """Check records and photos; 1 where no list may be built of them."""
    with _engine(request.config) as (engine, settings):
        checked, problem, calibration = _check(request, engine, settings)
    findings = (*_refusals(problem), *checked.findings)
    refused = any(each.refuses for each in findings)
    report = _Report(
        ok=not refused,
        rows=checked.rows,
        good=len(checked.references),
        threshold=None if problem else checked.threshold,
        ceiling=round(checked.ceiling, 4),
        closest=checked.closest,
        findings=findings,
    )
    if form == "json":
        emit(report)
    else:
        _tell(report, calibration)
    return 1 if refused else 0


def build(
    request: Request,
    *,
    output: Path,
    name: str,
    issuer: str,
    authority: str,
    purpose: str,
    place: str,
    legal_basis: str,
    expires: datetime,
    version: int,
    units: Sequence[Path],
) -> int:
    """Check, and build an unsigned face list where nothing refuses it."""
    words = ", ".join(each.replace("_", "-") for each in Purpose)
    try:
        wanted = Purpose(purpose.replace("-", "_"))
    except ValueError as error:
        raise UsageError(f"{purpose!r} is no purpose for which faces may be compared: {words}") from error
    particulars = Particulars(
        name=name,
        issuer=issuer,
        authority=authority,
        purpose=wanted,
        place=place,
        legal_basis=legal_basis,
        size=request.size,
        created=SystemClock().now(),
        expires=expires,
        version=version,
        units=tuple(unit for file in units for unit in _units(file)),
    )
    with _engine(request.config) as (engine, settings):
        checked, problem, _ = _check(request, engine, settings)
        findings = (*_refusals(problem), *checked.findings)
        for each in findings:
            note(_line(each))
        if any(each.refuses for each in findings):
            raise UsageError("no list can be built of this: mend what is named, nothing was written")
        header = build_faces(output, checked, particulars, model=engine.model, random=secrets.token_bytes)
    where = numbered(len(header.keys), "unit")
    say(f"{output}: {numbered(header.entries, 'entry', 'entries')} for {where}, not signed yet")
    return 0


def load(file: Path, *, officer: str | None, config: Path | None) -> int:
    """Load a face list into this unit."""
    return trio.run(_load, file, officer, config)


async def _load(file: Path, officer: str | None, config: Path | None) -> int:
    with _engine(config) as (engine, _):
        model = engine.model
    async with open_configured(config) as unit, acting(unit, officer) as requester:
        key = await unlocked(unit, requester)
        found = await unit.face_lists.load(file, requester, key, model)
    header = found.header
    say(f"{header.name} of {header.issuer}, version {header.version}: {numbered(header.entries, 'entry', 'entries')}")
    say(f"loaded until {header.expires:%Y-%m-%d %H:%M} UTC; list {found.digest}")
    return 0


def show(file: Path, *, form: Form) -> int:
    """Say what a face list says of itself. No signature is looked at; no entry can be."""
    header = read_header(file)
    units = tuple(key.unit for key in header.keys)
    if form == "json":
        emit(
            _Shown(**{name: getattr(header, name) for name in _Shown.__struct_fields__ if name != "units"}, units=units)
        )
        return 0
    for line in header_lines(header):
        say(line)
    say("nobody's signature was looked at: patrol-hub watchlist verify does that")
    return 0


def header_lines(header: FaceHeader) -> Iterator[str]:
    """Yield what a face list says of itself as lines of text."""
    entries = f"{numbered(header.entries, 'entry', 'entries')} ({header.size:,} at most, as {header.authority} stated)"
    yield f"{header.name} of {header.issuer}, version {header.version}: faces of {header.category}"
    yield f"{entries}, expires {header.expires:%Y-%m-%d %H:%M} UTC"
    yield f"legal basis {header.legal_basis}; purpose {header.purpose}; place {header.place}"
    yield f"candidates from similarity {header.threshold:.4f} on; its own people are at most {header.ceiling:.4f} alike"
    yield f"model {header.model[:16]}; opens on {', '.join(key.unit for key in header.keys)}"


def unit_key(*, config: Path | None) -> int:
    """Print the unit's public key."""
    return trio.run(_unit_key, config)


async def _unit_key(config: Path | None) -> int:
    async with open_configured(config) as unit:
        public = await unit.officers.public_key()
        if public is None:
            raise UsageError(
                "this unit has no key yet: it is made with the first officer, patrol-hub officer add NUMBER"
            )
        say(f"{unit.settings.unit} {write_public(public)}")
    return 0


# ------------------------------------------------------------------------------------------------- parts


@contextmanager
def _engine(config: Path | None) -> Iterator[tuple[FaceEngine, Settings]]:
    settings = load_config(config)
    plugins = installed_plugins(settings)
    plugins.load_all()
    with tempfile.TemporaryDirectory(prefix="patrol-hub-lists-") as state:
        engine = open_face_engine(plugins, settings, Path(state))
        try:
            yield engine, settings
        finally:
            engine.close()


def _check(request: Request, engine: FaceEngine, settings: Settings) -> tuple[Checked, str, Calibration]:
    """Return what the check found, why there is no threshold ("" where there is), and what it was set by."""
    if request.calibration is None:
        calibration = calibration_of(settings, engine.model)
    else:
        calibration = read_calibration(request.calibration)
        if calibration.model != engine.model:
            raise InputError(f"{request.calibration} belongs to another face model than this machine has")
    threshold, problem = 1.0, ""
    try:
        entries = max(1, min(len(request.rows), MOST_ENTRIES))
        threshold = threshold_for(calibration, entries=entries, faces=1, budget=request.false_alerts).threshold
    except UsageError as error:
        problem = str(error)
    if request.threshold is not None:
        if not threshold <= request.threshold < 1 and not problem:
            raise UsageError(f"--threshold {request.threshold:g} is no higher threshold than {threshold:g} and below 1")
        threshold = request.threshold
    with progress("photos") as done:
        checked = check_faces(
            request.rows,
            request.photos,
            engine,
            threshold=threshold,
            size=request.size,
            today=SystemClock().now().date(),
            progress=done,
        )
    return checked, problem, calibration


def _refusals(problem: str) -> tuple[Finding, ...]:
    return (Finding(0, "", problem, refuses=True),) if problem else ()


def _tell(report: _Report, calibration: Calibration) -> None:
    for each in report.findings:
        say(_line(each))
    if report.closest[0]:
        say(f"most alike: entries {' and '.join(report.closest)}, similarity {report.ceiling:.4f}")
    if report.threshold is not None:
        say(f"threshold {report.threshold:.4f}: {lost_at(calibration, report.threshold)}")
    verdict = "a list can be built of them" if report.ok else "REFUSED: no list is built of them"
    say(f"{report.good} of {numbered(report.rows, 'record')} good; {verdict}")


def _line(finding: Finding) -> str:
    where = f"record {finding.row} {finding.entry}".rstrip() if finding.row else "the list"
    return f"{where}: {finding.text}" + ("" if finding.refuses else " (a remark)")


def _units(file: Path) -> Iterator[ReceivingUnit]:
    """Yield the units of a file with lines as `authority unit-key` prints them."""
    try:
        with file.open(encoding="utf-8") as lines:
            text = lines.read(LARGEST_KEY_FILE)
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{file} cannot be read as a unit's public key") from error
    for line in filter(None, map(str.strip, text.splitlines())):
        name, _, key = line.rpartition(" ")
        if not name:
            raise InputError(f"{file}: expected a line as `patrol-hub authority unit-key` prints it, a name and a key")
        yield ReceivingUnit(name.strip(), read_public(key))

"""Holds an installed plugin to what a hub expects of it: `patrol-hub plugins check`.

Each of its sources is started in a process of its own, as the hub starts a third party's, in a state folder that is
thrown away and without settings, so that no real register is asked. It is then wrapped in each named fault beside a
neighbour: the neighbour has to answer in time and the report has to name the culprit. Plugins without a manifest are
loaded, and what they register is said; more is for their authors' own tests (`hub.testing`).
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Final

import trio
from msgspec import Struct

from hub.backends import PluginContext, SourceInfo
from hub.clocks import ManualClock
from hub.consulting import check_info
from hub.errors import (
    DeadlineError,
    HubError,
    PluginError,
    SourceError,
    SourceUnavailableError,
    TrustError,
    UsageError,
)
from hub.isolation.manifest import IsolatedPart, SourceManifest, read_manifest
from hub.isolation.source import IsolatedSource
from hub.lookups import subject_of
from hub.messages import Answer, AnswerStatus, LookupRequest, Query, Reach, Requester, Subject, SubjectKind
from hub.plates.grammar import load_grammars
from hub.plugins import PluginHost, PluginInfo, PluginState
from hub.records import apply_schema
from hub.sources import OPEN_SECONDS, SourceSpec, open_sources
from hub.subjects import check_subject
from hub.testing.faults import NAMED
from hub.testing.sources import ScriptedSource, context, typed_plate, vehicles
from hub.text import plain

DEADLINE: Final = 1.0
"""Seconds that each source has beside a neighbour; the configuration's default is twice that."""
HOSTILE: Final = (
    "'; DROP TABLE entries; --",
    '" OR 1=1',
    "%",
    "\\",
    "../../x",
    "{{ 7 * 7 }}",
    "a\r\nb: c",
    "ü" * 5_000,
)
"""Texts that a query may hold; after each of them everything has to be there as before."""

_PLATE: Final = "KE123AB"


class Checked(Struct, frozen=True):
    """One thing that was checked."""

    source: str
    """Name of the source; "" for the plugin as a whole."""
    what: str
    ok: bool
    detail: str
    """Why not, or what was seen."""


class PluginReport(PluginInfo, frozen=True):
    """What `plugins check` prints."""

    passed: bool = False
    checks: tuple[Checked, ...] = ()


def isolated_parts(name: str, plugins: PluginHost | None = None) -> tuple[IsolatedPart, ...]:
    """Return the record sources of an installed plugin as its manifest names them, importing nothing.

    Raises:
        PluginError: There is no such plugin, or it has no manifest or a wrong one.
    """
    info = (plugins or PluginHost()).find(name)
    located = read_manifest(info.entry_point)
    return tuple(
        IsolatedPart(name, info.entry_point, located.package, located.manifest.network, source)
        for source in located.manifest.record_sources
    )


def check_plugin(
    name: str, plugins: PluginHost | None = None, *, say: Callable[[Checked], None] = lambda _: None
) -> PluginReport:
    """Check an installed plugin.

    Args:
        name: Its name.
        plugins: Found but not loaded; default those installed, third parties' in processes of their own.
        say: Told of each thing as soon as it was checked.

    Raises:
        PluginError: There is no plugin of that name.
    """
    plugins = plugins or PluginHost()
    info = plugins.find(name)
    checks: list[Checked] = []

    def note(checked: Checked) -> None:
        checks.append(checked)
        say(checked)

    note(_installs(info))
    try:
        parts = isolated_parts(name, plugins)
    except PluginError as error:
        parts = ()
        if info.isolated:
            note(Checked("", "has a manifest", False, str(error)))
    else:
        note(
            Checked(
                "",
                "has a manifest",
                True,
                f"{len(parts)} record source{'s' if len(parts) > 1 else ''}; nothing was imported",
            )
        )
    info = plugins.load_one(name)
    if not info.isolated or info.state is PluginState.PARKED:
        detail = info.reason or ", ".join(info.parts)
        note(Checked("", "loads", info.state is PluginState.LOADED, detail))
    for part in parts:
        with tempfile.TemporaryDirectory(prefix="patrol-hub-check-") as folder:
            for checked in _check_source(part, Path(folder)):
                note(checked)
    given = {field: getattr(info, field) for field in PluginInfo.__struct_fields__}
    return PluginReport(**given, passed=all(each.ok for each in checks), checks=tuple(checks))


def _installs(info: PluginInfo) -> Checked:
    """Look for files that Python would run in every process, whatever is imported."""
    what = "installs no code that runs by itself"
    try:
        files = metadata.distribution(info.distribution).files or []
        starters = [
            file.name
            for file in files
            if file.name in ("sitecustomize.py", "usercustomize.py")
            or (file.name.endswith(".pth") and _runs_code(Path(str(file.locate()))))
        ]
    except (metadata.PackageNotFoundError, OSError, ValueError) as error:
        return Checked("", what, False, f"its files cannot be listed: {type(error).__name__}")
    return Checked("", what, not starters, plain(", ".join(starters)))


def _runs_code(file: Path) -> bool:
    lines = file.read_text("utf-8", errors="replace").splitlines() if file.is_file() else []
    return any(line.startswith(("import ", "import\t")) for line in lines)


# ------------------------------------------------------------------------------------------------ one source


def _check_source(part: IsolatedPart, folder: Path) -> Iterator[Checked]:
    name = part.manifest.name
    state = folder / "state"
    # An automatic source of a third party is nothing without --development: a hub cannot verify its list.
    development = part.manifest.reach is Reach.AUTOMATIC
    where = context(state / "plugins" / part.plugin, development=development, now=datetime.now(UTC))
    done = partial(Checked, name)
    source = IsolatedSource(part, state, deadline=DEADLINE)
    try:
        started = time.monotonic()
        try:
            info = source.open(where)
        except (PluginError, SourceUnavailableError, DeadlineError) as error:
            yield done("opens", False, str(error))
            return
        except HubError as error:
            # It may need settings or an import first, and says so; with an example it promises to answer at once.
            yield done("opens", not part.manifest.examples, f"it says: {error}")
            return
        took = 1000 * (time.monotonic() - started)
        yield done("opens", True, f"in its own process ({', '.join(source.guards)}), {took:.0f} ms")
        yield _attempt(done, "is what its reach asks for", lambda: _kept(source.reach, info, where))
        if source.reach is Reach.RESTRICTED:
            yield done("finds its examples", True, "not asked: it is restricted, and there is no grant")
        else:
            for what, attempt in _trials(source, part.manifest, where):
                yield _attempt(done, what, attempt)
    finally:
        source.close()
    yield from _beside_a_neighbour(part, state, where)


def _attempt(done: Callable[[str, bool, str], Checked], what: str, attempt: Callable[[], str | None]) -> Checked:
    try:
        return done(what, True, attempt() or "")
    except (HubError, AssertionError) as error:
        return done(what, False, plain(str(error)))


def _kept(reach: Reach, info: SourceInfo, where: PluginContext) -> str:
    expires = check_info(reach, info, where)
    said = [f"expires {expires:%Y-%m-%d %H:%M} UTC"] if expires else []
    if reach is Reach.AUTOMATIC:
        said.append("from a process of its own with --development alone, as a development list")
    return "; ".join(said)


def _trials(
    source: IsolatedSource, manifest: SourceManifest, where: PluginContext
) -> Iterator[tuple[str, Callable[[], str | None]]]:
    subjects = [(subject_of(each.kind, each.value), each.entry) for each in manifest.examples]

    def ask(subject: Subject) -> list[str]:
        records = list(source.find(_query(subject)))
        for record in records:
            if lost := apply_schema(record)[1]:
                raise AssertionError(f"{lost} fields of {plain(record.entry, 40)} are not in the closed schema")
        return sorted(record.entry for record in records)

    def finds() -> str:
        for subject, entry in subjects:
            found = ask(subject)
            if entry not in found:
                raise AssertionError(
                    f"{plain(entry, 40)} is not among what it answered: {plain(', '.join(found), 100)}"
                )
        return "" if subjects else "not tried: its manifest has no example"

    def same_twice() -> None:
        for subject, _ in subjects:
            if ask(subject) != ask(subject):
                raise AssertionError("asked twice, it answers differently")

    def survives() -> None:
        for text in HOSTILE:
            for kind in manifest.answers:
                with suppress(UsageError):  # the host asks no source about what says too little
                    subject = _hostile(kind, text)
                    check_subject(subject)
                    _ask_patiently(ask, subject, text)
        finds()

    def reopens() -> None:
        source.close()
        source.open(where)
        finds()

    yield "finds its examples, all fields in the closed schema", finds
    yield "answers the same twice", same_twice
    yield "survives hostile text", survives
    yield "closes and opens again", reopens


def _hostile(kind: SubjectKind, text: str) -> Subject:
    return typed_plate(text) if kind is SubjectKind.PLATE else subject_of(kind, text)


def _ask_patiently(ask: Callable[[Subject], object], subject: Subject, text: str) -> None:
    """Ask; a source may say in words why it does not answer, but not die, hang or raise anything else."""
    try:
        ask(subject)
    except (SourceUnavailableError, DeadlineError, PluginError) as error:
        raise AssertionError(f"asked for {plain(text, 30)!r}: {plain(str(error))}") from None
    except (SourceError, TrustError):
        pass


def _query(subject: Subject) -> Query:
    return Query("check", subject, datetime.now(UTC))


# --------------------------------------------------------------------------------------- beside a neighbour


def _beside_a_neighbour(part: IsolatedPart, state: Path, where: PluginContext) -> Iterator[Checked]:
    for fault in NAMED:
        try:
            neighbour, culprit, took = trio.run(_ask_both, part, state, where, fault)
        except HubError as error:
            yield Checked(part.manifest.name, f"fault {fault}", False, plain(str(error)))
            continue
        in_time = neighbour.status is AnswerStatus.HIT and took < DEADLINE
        named = culprit.status is AnswerStatus.UNAVAILABLE or fault in ("flap", "slow")
        detail = f"neighbour {'answered' if in_time else 'did NOT answer'} after {1000 * took:.0f} ms; "
        detail += f"{culprit.source}: {culprit.explanation}"
        yield Checked(part.manifest.name, f"fault {fault} harms no other source", in_time and named, plain(detail))


async def _ask_both(part: IsolatedPart, state: Path, where: PluginContext, fault: str) -> tuple[Answer, Answer, float]:
    """Ask a neighbour and the source wrapped in a fault at once; return both answers and when the neighbour's came."""
    clock = ManualClock(datetime.now(UTC))
    kind = part.manifest.answers[0]
    neighbour = ScriptedSource("neighbour", vehicles([_PLATE]) | _PEOPLE)
    faulty = IsolatedSource(part, state, deadline=DEADLINE, fault=fault)
    specs = [
        SourceSpec("neighbour", neighbour, where, DEADLINE),
        # Its find is the fault's: whatever reach it declares, nothing of it is asked here.
        SourceSpec(part.plugin, faulty, where, DEADLINE, reach=Reach.ON_REQUEST),
    ]
    subjects: dict[SubjectKind, Subject] = {
        SubjectKind.PLATE: typed_plate(_PLATE),
        SubjectKind.PERSON: subject_of("person", "Novak Jana 1980-01-02"),
        SubjectKind.DOCUMENT: subject_of("document", "X1"),
    }
    requester = Requester("0", "officer", "check")
    request = LookupRequest("check", subjects[kind], requester, "plugins check", (), clock.now())
    async with open_sources(specs, clock=clock, book=load_grammars(), patience=OPEN_SECONDS) as host:
        start = trio.current_time()
        times: dict[str, float] = {}

        async def deliver(answer: Answer) -> None:
            times[answer.source] = trio.current_time() - start

        first, second = await host.ask(request, deliver=deliver)
    return first, second, times["neighbour"]


_PEOPLE: Final[dict[str, dict[str, object]]] = {
    "P1": {"family_name": "Novak", "given_names": "Jana", "birth_date": "1980-01-02"},
    "D1": {"document_number": "X1"},
}

"""An importer in a child process reads the one file, writes its own folder, and reports like one in this process."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
import trio

from hub.audit.reading import read_entries
from hub.backends import BadRow, ImportReport
from hub.clocks import SystemClock
from hub.config import Settings
from hub.errors import HubError, InputError, PluginParkedError, SourceError, SourceUnavailableError, TrustError
from hub.importing import import_file
from hub.isolation import importer as importer_module
from hub.isolation.importer import IsolatedImporter
from hub.isolation.limits import guards
from hub.isolation.process import ChildProcess
from hub.isolation.settings import Isolation
from hub.messages import Requester
from hub.plugins import PluginHost
from hub.unit import AUDIT_FILE, open_unit
from tests.kit import Unit
from tests.kit_isolation import MANIFEST, SOURCE, Stranger

pytestmark = pytest.mark.skipif(not guards().landlock, reason="this kernel has no Landlock")

WITH_IMPORTER = MANIFEST + "importer = true\n"
IMPORTER = (
    SOURCE
    + """
import os
import time
from hub.backends import BadRow, Importer, ImportReport
from hub.errors import InputError, StoreError, TrustError

class TakesFiles(Importer):
    name = "{name}"

    def import_file(self, context, file):
        text = file.read_text()
        (context.state / "begun").touch()
        if text in FAILURES:
            FAILURES[text](file)
        if text.startswith("line"):
            return ImportReport(imported=1, bad=(BadRow(int(text.split()[1]), "wrong"),))
        if text.startswith("number"):
            return ImportReport(imported=int(text.split()[1]), bad=())
        (context.state / "store").write_text(text)
        return ImportReport(imported=2, bad=(BadRow(3, "no\\nplate"),), list_digest="0" * 64)

def fail(error):
    raise error

def write_at(place):
    with open(os.environ["HOME"] + "/large", "wb") as file:
        file.seek(place)
        file.write(b"x")

FAILURES = {{
    "input": lambda file: fail(InputError(f"{{file.name}} holds no row")),
    "trust": lambda file: fail(TrustError("signed by nobody")),
    "store": lambda file: fail(StoreError("the disk is full")),
    "other": lambda file: fail(ValueError("4711")),
    "dies": lambda file: os._exit(3),
    "looks round": lambda file: (file.parent / "other.csv").read_text(),
    "hangs": lambda file: time.sleep(600),
    "far behind": lambda file: write_at(768 << 20),
    "too far behind": lambda file: write_at(1 << 30),
    "reaches out": lambda file: open(f"/proc/{{os.getppid()}}/mem"),
}}

@hookimpl
def register_importers(register):
    register(TakesFiles)
"""
)


@pytest.fixture
def take(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.syspath_prepend(tmp_path / "site")
    plugin = Stranger.put(tmp_path / "site", "bicycles", IMPORTER, manifest=WITH_IMPORTER)
    state = tmp_path / "state"
    (tmp_path / "desk").mkdir()
    (tmp_path / "desk" / "other.csv").write_text("somebody else's")

    def import_text(text: str) -> ImportReport:
        file = tmp_path / "desk" / "list.csv"
        file.write_text(text)
        importer = IsolatedImporter(plugin.part(), state, Isolation())
        return importer.import_file(plugin.context(state), file)

    return import_text


def test_it_imports(take, tmp_path: Path) -> None:
    assert take("two rows") == ImportReport(imported=2, bad=(BadRow(3, "no plate"),), list_digest="0" * 64)
    assert (tmp_path / "state" / "plugins" / "bicycles" / "store").read_text() == "two rows"


def test_its_store_may_be_larger_than_what_a_source_writes(take, tmp_path: Path) -> None:
    assert take("far behind").imported == 2
    assert (tmp_path / "state" / "plugins" / "bicycles" / "large").stat().st_size == (768 << 20) + 1


FAILURES: dict[str, tuple[type[HubError], str]] = {
    "input": (InputError, "list.csv holds no row"),
    "trust": (TrustError, "signed by nobody"),
    "store": (SourceError, "the disk is full"),
    "other": (SourceError, "ValueError at __init__.py"),
    "too far behind": (SourceError, "OSError at"),
    "number -5": (SourceError, "its report has a number of rows that is below 0 or above 1000000000"),
    "number 9223372036854775808": (SourceError, "its report has a number of rows"),
    "line -1": (SourceError, "its report has a number of rows"),
    "line 9223372036854775808": (SourceError, "its report has a number of rows"),
    "dies": (SourceUnavailableError, "broke off: its process left with status 3"),
    "looks round": (SourceError, "PermissionError at"),
    "reaches out": (PluginParkedError, "tried to open /mem of another process"),
}


@pytest.mark.parametrize("failure", FAILURES)
def test_what_goes_wrong_is_said_in_one_line(take, tmp_path: Path, failure: str) -> None:
    kind, said = FAILURES[failure]
    with pytest.raises(kind) as caught:
        take(failure)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "4711" not in str(caught.value)
    assert not (tmp_path / "state" / "plugins" / "bicycles" / "store").exists()


@pytest.mark.parametrize("link", [False, True])
def test_no_file_of_the_hubs_own_folder_is_handed_over(tmp_path: Path, link: bool) -> None:
    state = tmp_path / "state"
    state.mkdir()
    file = state / "unit.key"
    file.write_text("secret")
    if link:
        file = tmp_path / "list.csv"
        file.symlink_to(state / "unit.key")
    plugin = Stranger.put(tmp_path / "site", "bicycles", IMPORTER, manifest=WITH_IMPORTER)
    with pytest.raises(InputError, match="lies in the hub's own folder"):
        IsolatedImporter(plugin.part(), state, Isolation()).import_file(plugin.context(state), file)
    assert not (state / "plugins" / "bicycles" / "begun").exists()


@pytest.mark.slow
async def test_an_import_that_is_cancelled_is_over_with_its_child_and_in_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path / "site")
    Stranger.put(tmp_path / "site", "bicycles", IMPORTER, manifest=WITH_IMPORTER)
    plugins = PluginHost(path=[str(tmp_path / "site")])
    plugins.load_all()
    state, file, children = tmp_path / "state", tmp_path / "list.csv", []
    state.mkdir(mode=0o700)
    file.write_text("hangs")
    monkeypatch.setattr(
        importer_module, "ChildProcess", lambda home: children.append(ChildProcess(home)) or children[0]
    )
    async with open_unit(Settings(), state, clock=SystemClock()) as unit, trio.open_nursery() as nursery:
        nursery.start_soon(import_file, unit, plugins, "bicycles", file, Requester("4711", "officer", "unit-1"))
        with trio.fail_after(30):
            while not (state / "plugins" / "bicycles" / "begun").exists():  # noqa: ASYNC110  # another process makes it
                await trio.sleep(0.02)
        began = time.monotonic()
        nursery.cancel_scope.cancel()
    assert time.monotonic() - began < 10
    (child,) = children
    while child.alive:
        assert time.monotonic() - began < 10
        await trio.sleep(0.02)
    outcomes = [each.metadata.outcome for each in read_entries(state / AUDIT_FILE) if each.metadata.officer == "4711"]
    assert outcomes == ["begun", "not_done"]


def test_the_host_knows_of_it_from_the_manifest(tmp_path: Path) -> None:
    Stranger.put(tmp_path, "bicycles", "raise RuntimeError", manifest=WITH_IMPORTER)
    host = PluginHost(path=[str(tmp_path)])
    (info,) = host.load_all()
    assert info.parts == ("record source bicycles", "importer bicycles")
    assert set(host.importers) == {"bicycles"}


@pytest.mark.slow
def test_an_officer_imports_into_a_third_party_s_source(tmp_path: Path) -> None:
    unit = Unit.prepare(tmp_path / "unit")
    Stranger.put(unit.folder / "site", "bicycles", IMPORTER, manifest=WITH_IMPORTER)
    (unit.folder / "list.csv").write_text("two rows")
    (unit.folder / "bad.csv").write_text("reaches out")
    with unit.active():
        done = unit.run("import", "bicycles", str(unit.folder / "list.csv"))
        assert (done.status, done.out) == (1, "bicycles: 2 records imported, 1 row refused\n")
        refused = unit.run("import", "bicycles", str(unit.folder / "bad.csv"))
        assert refused.status == 2
        assert "tried to open /mem of another process" in refused.problem()
        log = unit.run("audit", "show", "--last", "5", "--format", "jsonl").out
    assert "not_done" in log

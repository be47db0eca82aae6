"""`plugins check` names what a plugin does wrong, and passes one that does nothing wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from hub.authoring.check import PluginReport, check_plugin
from hub.errors import PluginError
from hub.isolation.limits import guards
from hub.testing import faults
from tests.kit_isolation import MANIFEST, SOURCE, Stranger

pytestmark = pytest.mark.skipif(not guards().landlock, reason="this kernel has no Landlock")

EXAMPLE = MANIFEST + '[[record_sources.examples]]\nkind = "plate"\nvalue = "KE 123 AB"\nentry = "E1"\n'


@pytest.fixture
def check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.syspath_prepend(tmp_path / "site")
    # The faults have a matrix of their own; two of them here show that they are tried and told of.
    monkeypatch.setattr("hub.authoring.check.NAMED", {name: faults.NAMED[name] for name in ("crash", "die")})

    def run(code: str = SOURCE, *, manifest: str = EXAMPLE, before: str = "") -> PluginReport:
        Stranger.put(tmp_path / "site", "bicycles", code, manifest=manifest, before=before)
        return check_plugin("bicycles")

    return run


def failed(report: PluginReport) -> dict[str, str]:
    assert report.passed == all(each.ok for each in report.checks)
    assert all("\n" not in each.detail for each in report.checks)
    return {each.what: each.detail for each in report.checks if not each.ok}


def test_one_that_does_nothing_wrong_passes(check) -> None:
    report = check()
    assert report.passed, failed(report)
    assert report.isolated
    what = [each.what for each in report.checks if each.source == "bicycles"]
    assert what == [
        "opens",
        "is what its reach asks for",
        "finds its examples, all fields in the closed schema",
        "answers the same twice",
        "survives hostile text",
        "closes and opens again",
        "fault crash harms no other source",
        "fault die harms no other source",
    ]
    assert "bicycles: its process left with status 7" in report.checks[-1].detail


PLATES_ONLY = SOURCE.replace("frozenset(SubjectKind)", "frozenset({{SubjectKind.PLATE}})")
LONG_PLATE = "        if len(query.subject.readings[0].plate) > 100: 1 / 0\n        yield"
ONCE = "        (context.state / 'x').touch(exist_ok=False)\n        self.context"
WRONG = {
    "does not import": ({"before": "import no_such_module"}, "opens", "no_such_module"),
    "reaches out": (
        {"before": "import os\nopen(f'/proc/{os.getppid()}/mem')"}, "opens", "tried to open /mem of another process",
    ),
    "no manifest": ({"manifest": ""}, "has a manifest", "no patrol-hub.toml"),
    "bad manifest": ({"manifest": EXAMPLE.replace("api = 1", "")}, "has a manifest", "api"),
    "says otherwise": (
        {"manifest": EXAMPLE.replace("on_request", "restricted")}, "opens", "declares something else than its manifest",
    ),
    "no closed list": (
        {"code": SOURCE.replace("ON_REQUEST", "AUTOMATIC"), "manifest": EXAMPLE.replace("on_request", "automatic")},
        "is what its reach asks for", "no closed list with a digest and an expiry",
    ),
    "other fields": (
        {"code": SOURCE.replace('"category"', '"risk_score"')},
        "finds its examples, all fields in the closed schema", "1 fields of E1 are not in the closed schema",
    ),
    "another entry": (
        {"code": SOURCE.replace('"E1"', '"E2"')},
        "finds its examples, all fields in the closed schema", "E1 is not among what it answered: E2",
    ),
    "not the same twice": (
        {"code": SOURCE.replace('"E1"', 'next(NUMBERS)'), "before": "NUMBERS = iter(f'E{n}' for n in range(9**9))"},
        "answers the same twice", "differently",
    ),
    "dies of hostile text": (
        {"code": PLATES_ONLY.replace("        yield", LONG_PLATE),
         "manifest": EXAMPLE.replace(', "person", "document"', "")},
        "survives hostile text", "ZeroDivisionError",
    ),
    "opens once": (
        {"code": SOURCE.replace("        self.context", ONCE)},
        "closes and opens again", "FileExistsError",
    ),
    "wants the network": (
        {"before": "import socket\nsocket.create_connection(('127.0.0.1', 9))"}, "opens", "PermissionError",
    ),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_named(check, case: str) -> None:
    how, what, said = WRONG[case]
    report = check(**how)
    assert not report.passed
    assert said in failed(report)[what]


AUTOMATIC = {
    "code": "from hub.testing.sources import CLOSED_LIST\n"
    + SOURCE.replace("ON_REQUEST", "AUTOMATIC").replace('SourceInfo(entries=1, detail="invented")', "CLOSED_LIST"),
    "manifest": EXAMPLE.replace("on_request", "automatic"),
}


@pytest.mark.slow
def test_an_automatic_source_is_held_to_its_list_and_told_how_a_hub_uses_it(check) -> None:
    report = check(**AUTOMATIC)
    assert report.passed, failed(report)
    (kept,) = [each for each in report.checks if each.what == "is what its reach asks for"]
    assert "from a process of its own with --development alone" in kept.detail


@pytest.mark.slow
def test_a_list_that_says_that_it_is_unsigned_passes_too(check) -> None:
    unsigned = "SourceInfo(1, list_digest='ab', expires='2099-01-01', development=True)"
    report = check(
        AUTOMATIC["code"].replace("return CLOSED_LIST", f"return {unsigned}"), manifest=AUTOMATIC["manifest"]
    )
    assert report.passed, failed(report)


@pytest.mark.slow
def test_one_that_is_automatic_and_wants_the_network_does_not_load(check) -> None:
    report = check(AUTOMATIC["code"], manifest="network = true\n" + AUTOMATIC["manifest"])
    assert "asks for the network and for reach automatic" in failed(report)["loads"]


def test_code_that_runs_by_itself_is_named(check, tmp_path: Path) -> None:
    site = tmp_path / "site"
    site.mkdir()
    (site / "bicycles_start.pth").write_text("import os\n")
    info = site / "stranger_bicycles-1.0.dist-info"
    original = Stranger.put

    def put(*args: object, **more: object) -> Stranger:
        made = original(*args, **more)
        (info / "RECORD").write_text("bicycles/__init__.py,,\nbicycles_start.pth,,\n")
        return made

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Stranger, "put", put)
        report = check(before="import no_such_module")
    assert failed(report)["installs no code that runs by itself"] == "bicycles_start.pth"


def test_a_name_that_nobody_has() -> None:
    with pytest.raises(PluginError, match="no plugin is called nobody"):
        check_plugin("nobody")

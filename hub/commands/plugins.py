"""`patrol-hub plugins`: what is installed, whether it holds to its contract, and a new one to begin with."""

from __future__ import annotations

from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from hub.authoring.check import Checked, check_plugin
from hub.authoring.new import new_plugin
from hub.commands.console import Form, emit, say, table
from hub.config import load_config, state_folder
from hub.parking import describe_parked, read_parked
from hub.parts import installed_plugins
from hub.plugins import PluginInfo


class _Plugins(Struct, frozen=True):
    plugins: tuple[PluginInfo, ...]


def list_plugins(*, config: Path | None, form: Form) -> int:
    """List installed plugins without importing them."""
    settings = load_config(config)
    parked = read_parked(state_folder())
    found = tuple(
        replace(each, reason=describe_parked(parked[each.name])) if each.name in parked and not each.reason else each
        for each in installed_plugins(settings).list()
    )
    if form == "json":
        emit(_Plugins(found))
        return 0
    rows = [("PLUGIN", "DISTRIBUTION", "VERSION", "RUNS IN", "NOTE")]
    rows += [
        (each.name, each.distribution, each.version, "its own process" if each.isolated else "the hub", each.reason)
        for each in found
    ]
    table(rows)
    return 0


def check(name: str, *, config: Path | None, form: Form) -> int:
    """Check one plugin, each of its sources in a process of its own, and say what came of it."""
    report = check_plugin(name, installed_plugins(load_config(config)), say=_say_nothing if form == "json" else _tell)
    if form == "json":
        emit(report)
    else:
        failed = [each for each in report.checks if not each.ok]
        culprits = ", ".join(dict.fromkeys(each.source or report.name for each in failed))
        end = f"NOT PASSED: {len(failed)} of {len(report.checks)}: {culprits}" if failed else "passed"
        say(f"{report.name} {report.version}: {end}")
    return 0 if report.passed else 1


def new(name: str, *, folder: Path | None) -> int:
    """Make a plugin and say what comes next."""
    target = folder or Path(name)
    for file in new_plugin(name, target):
        say(f"  {target / file}")
    say(f"next: cd {target}; pip install -e '.[test]'; pytest; patrol-hub plugins check {name}")
    return 0


def _tell(checked: Checked) -> None:
    about = f"{checked.source}: " if checked.source else ""
    detail = f" ({checked.detail})" if checked.detail else ""
    say(f"{'ok  ' if checked.ok else 'MEND'}  {about}{checked.what}{detail}")


def _say_nothing(_: Checked) -> None:
    """Say nothing: the report is printed as a whole."""

"""The project's own plugins use what a third party can use: an entry point, a manifest, and public modules.

That they import what is public only is a contract of import-linter (pyproject.toml).
"""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from hub.authoring.check import isolated_parts
from hub.hookspecs import GROUP
from hub.isolation.limits import guards
from hub.isolation.source import IsolatedSource
from hub.plugins import RECORD_SOURCE, SHIPPED, PluginHost, PluginState
from hub.testing.sources import context

MEMBERS = sorted(path.parent for path in (Path(__file__).parents[2] / "plugins").glob("*/pyproject.toml"))


def entry_points(member: Path) -> dict[str, str]:
    project = tomllib.loads((member / "pyproject.toml").read_text())["project"]
    return project.get("entry-points", {}).get(GROUP, {})


def with_sources() -> list[str]:
    """Return the plugins that say in a hook that they have record sources."""
    return [
        member.name
        for member in MEMBERS
        if any("def register_record_sources" in file.read_text() for file in (member / member.name).rglob("*.py"))
    ]


@pytest.mark.parametrize("member", MEMBERS, ids=lambda member: member.name)
def test_each_is_known_by_its_name_distribution_and_module(member: Path) -> None:
    project = tomllib.loads((member / "pyproject.toml").read_text())["project"]
    assert member.name in SHIPPED
    assert project["name"] == f"patrol-hub-{member.name.replace('_', '-')}"
    assert entry_points(member) in ({}, {member.name: member.name})  # none while it is empty


def test_what_is_loaded_into_the_hub_s_process_is_what_this_project_ships() -> None:
    folders = {path.name for path in MEMBERS[0].parent.iterdir() if path.is_dir() and path.name[0] not in "._"}
    assert set(SHIPPED) == folders == {member.name for member in MEMBERS}


@pytest.mark.parametrize("name", with_sources())
def test_a_manifest_says_what_the_class_declares(name: str) -> None:
    plugins = PluginHost()
    if plugins.load_one(name).state is not PluginState.LOADED:
        pytest.fail(plugins.load_one(name).reason)
    declared = {part.manifest.name: part.manifest for part in isolated_parts(name, plugins)}
    registered = {part.name: part.make for part in plugins.record_sources.values() if part.plugin == name}
    assert declared.keys() == registered.keys()
    importers = {part.name for part in plugins.importers.values() if part.plugin == name}
    assert {source for source, manifest in declared.items() if manifest.importer} == importers
    for source, manifest in declared.items():
        made = registered[source]
        assert isinstance(made, type), f"{name} is to be loaded here: {RECORD_SOURCE} {source}"
        said = (made.reach, made.answers, made.exact_only, made.needs_settings, made.may_declare)
        assert said == (
            manifest.reach, frozenset(manifest.answers), manifest.exact_only, manifest.needs_settings,
            frozenset(manifest.may_declare),
        )  # fmt: skip


@pytest.mark.skipif(not guards().landlock, reason="this kernel has no Landlock")
def test_a_register_of_ours_runs_as_it_is_in_a_process_of_its_own(tmp_path: Path) -> None:
    (part,) = isolated_parts("drivers")
    source = IsolatedSource(part, tmp_path / "state", deadline=5.0)
    try:
        info = source.open(context(tmp_path / "state" / "plugins" / "drivers"))
        assert info.entries == 0
    finally:
        source.close()

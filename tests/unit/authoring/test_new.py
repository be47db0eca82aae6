"""`plugins new` writes a whole plugin or nothing."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from hub.authoring.new import new_plugin
from hub.errors import InputError, UsageError
from hub.isolation.manifest import read_manifest
from hub.messages import Reach


def test_it_writes_a_plugin_that_the_hub_can_read(tmp_path: Path) -> None:
    files = new_plugin("bicycles", tmp_path / "bicycles")
    assert [str(file) for file in files] == [
        "README.md", "bicycles/__init__.py", "bicycles/patrol-hub.toml", "pyproject.toml", "tests/test_bicycles.py",
    ]  # fmt: skip
    project = tomllib.loads((tmp_path / "bicycles" / "pyproject.toml").read_text())
    assert project["project"]["entry-points"]["patrol_hub.plugins"] == {"bicycles": "bicycles"}
    (source,) = read_manifest("bicycles", [str(tmp_path / "bicycles")]).manifest.record_sources
    assert (source.name, source.reach) == ("bicycles", Reach.ON_REQUEST)
    assert "{{" not in "".join((tmp_path / "bicycles" / file).read_text() for file in files)
    code = (tmp_path / "bicycles" / "bicycles" / "__init__.py").read_text()
    body = code[code.index("    def open") : code.index("@hookimpl")]
    assert len([line for line in body.splitlines() if line.strip()]) == 9


@pytest.mark.parametrize("name", ["", "Bicycles", "../up", "a-b", "1st", "drivers", "hub", "a" * 41])
def test_a_name_that_is_none_writes_nothing(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError) as caught:
        new_plugin(name, tmp_path / "new")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "new").exists()


def test_what_is_there_stays(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "README.md").write_text("mine")
    with pytest.raises(InputError, match="is there already"):
        new_plugin("mine", tmp_path / "mine")
    assert (tmp_path / "mine" / "README.md").read_text() == "mine"

"""The commands that measure refuse what cannot be measured in one line; what they measure has tests of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.kit import command

COMMANDS = {
    "plates": ("evaluate", "plates", "{folder}"),
    "crowd": ("evaluate", "crowd", "{folder}"),
    "speech": ("evaluate", "speech", "{folder}"),
    "calibrate": ("evaluate", "calibrate", "{folder}", "--name", "nobody"),
    "faces": ("evaluate", "faces", "--images", "{folder}", "--pairs", "{folder}/pairs.csv"),
    "openset": ("evaluate", "openset", "{folder}/set.json", "--images", "{folder}"),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("PATROL_HUB_STATE", str(tmp_path / "state"))
    folder = tmp_path / "empty"
    folder.mkdir()
    done = command(*(word.format(folder=folder) for word in COMMANDS[name]))
    assert done.status == 2
    assert done.problem()
    assert not done.out

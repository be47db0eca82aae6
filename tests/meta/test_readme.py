"""The README's sessions give the outputs that it shows, in the order in which it shows them."""

from __future__ import annotations

import doctest
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
README = (REPOSITORY / "README.md").read_text()
SESSION = re.compile(r"```console\n(.*?)```", re.DOTALL)
COMPARE = doctest.OutputChecker()


def steps():
    """Each command of the README with the output shown under it."""
    for block in SESSION.findall(README):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, output = part.partition("\n")
            yield command, output


@pytest.mark.slow
def test_sessions(tmp_path):
    shutil.copytree(REPOSITORY / "examples", tmp_path / "examples")
    scripts = Path(sys.executable).parent
    environment = {**os.environ, "PATROL_HUB_STATE": str(tmp_path / "state"), "PATH": f"{scripts}:{os.environ['PATH']}"}
    seen = 0
    for command, expected in steps():
        done = subprocess.run(
            ["bash", "-c", command], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        shown = done.stdout
        assert COMPARE.check_output(expected, shown, doctest.ELLIPSIS), f"{command}\n{shown}\n{done.stderr}"
        seen += 1
    assert seen > 15


def test_every_command_named_in_the_readme_exists(capsys):
    from hub.cli import main

    for command in sorted(set(re.findall(r"patrol-hub ([a-z]+)", README))):
        assert main([command, "--help"]) == 0, command
        assert "Usage" in capsys.readouterr().out


def test_make_targets_named_in_the_readme_exist():
    makefile = (REPOSITORY / "Makefile").read_text()
    for target in re.findall(r"^make (\w+)", README, re.MULTILINE):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target

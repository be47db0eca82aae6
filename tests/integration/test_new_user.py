"""From nothing to a third party's plugin that passes, as a new user does it, and the tutorial as it stands."""

from __future__ import annotations

import doctest
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from hub.isolation.limits import guards
from tests.kit_newcomer import ROOT, Newcomer

FIVE_MINUTES = 300.0
TUTORIAL = (ROOT / "examples" / "tutorial.md").read_text()
STEP = re.compile(r"(?:<!-- file: (?P<file>\S+) -->\n)?```(?P<kind>\w+)\n(?P<body>.*?)```", re.DOTALL)

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not guards().landlock, reason="this kernel has no Landlock")]


def test_a_new_user_has_a_passing_plugin_within_five_minutes(tmp_path: Path) -> None:
    started = time.monotonic()
    user = Newcomer(tmp_path)
    assert str(tmp_path) in user.do("python -c 'import hub; print(hub.__file__)'")
    assert "bicycles/bicycles/patrol-hub.toml" in user.do("patrol-hub plugins new bicycles")
    user.do("pip install --quiet ./bicycles")
    assert re.search(r"^\d+ passed", user.do("pytest -q -W error bicycles"), re.MULTILINE)
    assert user.do("patrol-hub plugins check bicycles").endswith("bicycles 0.1.0: passed\n")
    assert re.search(r"^bicycles .* its own process", user.do("patrol-hub plugins list"), re.MULTILINE)

    installed = user.site / "bicycles" / "__init__.py"
    installed.write_text(installed.read_text() + "\nopen('/proc/' + str(__import__('os').getppid()) + '/mem')\n")
    refused = user.do("patrol-hub plugins check bicycles", status=1)
    assert "tried to open /mem of another process" in refused
    assert refused.splitlines()[-1].startswith("bicycles 0.1.0: NOT PASSED")
    took = time.monotonic() - started
    sys.stdout.write(f"from nothing to a passing plugin, and one that does not pass: {took:.0f} s\n")
    assert took < FIVE_MINUTES


def steps() -> Iterator[tuple[str, str]]:
    """Yield the tutorial's steps: a file to write with its content, or a command with its output."""
    for found in STEP.finditer(TUTORIAL):
        if found["file"]:
            yield found["file"], found["body"]
        elif found["kind"] == "console":
            for part in re.split(r"^\$ ", found["body"], flags=re.MULTILINE)[1:]:
                command, _, output = part.partition("\n")
                yield f"$ {command}", output
        else:
            pytest.fail(f"a block of the tutorial is neither a file nor a session: {found['body'][:60]!r}")


def test_the_tutorial_does_what_it_says(tmp_path: Path) -> None:
    user = Newcomer(tmp_path)
    compare = doctest.OutputChecker()
    written = done = 0
    for what, text in steps():
        if not what.startswith("$ "):
            (tmp_path / what).write_text(text)
            written += 1
            continue
        result = user.run(what[2:])
        assert compare.check_output(text, result.stdout, doctest.ELLIPSIS), f"{what}\n{result.stdout}\n{result.stderr}"
        done += 1
    assert (written, done) >= (3, 10)

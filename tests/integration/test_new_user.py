"""From nothing to a third party's plugin that passes, as a new user does it: commands in a folder of their own.

The environment is a new one outside the repository. The hub and the plugin are built and installed into it by pip; what
they depend on is borrowed from the environment that runs the tests (a ``.pth`` file adds its site-packages behind the
new one's), so that nothing is fetched.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import time
import venv
from pathlib import Path

import pytest

from hub.isolation.limits import guards

ROOT = Path(__file__).parents[2]
FIVE_MINUTES = 300.0


@pytest.mark.slow
@pytest.mark.skipif(not guards().landlock, reason="this kernel has no Landlock")
def test_a_new_user_has_a_passing_plugin_within_five_minutes(tmp_path: Path) -> None:
    started = time.monotonic()
    venv.create(tmp_path / "venv", with_pip=True)
    scripts = tmp_path / "venv" / "bin"
    borrowed = sysconfig.get_path("purelib")
    (site,) = (tmp_path / "venv" / "lib").glob("python*/site-packages")
    (site / "borrowed.pth").write_text(f"import site; site.addsitedir({borrowed!r})\n")
    source = tmp_path / "source"
    shutil.copytree(ROOT / "hub", source / "hub", ignore=shutil.ignore_patterns("__pycache__"))
    for file in ("pyproject.toml", "README.md", "LICENSE", ".gitignore"):
        shutil.copy(ROOT / file, source)
    environment = {"PATH": f"{scripts}:{os.environ['PATH']}", "PATROL_HUB_STATE": str(tmp_path / "state")}

    def do(command: str, *, status: int = 0) -> str:
        done = subprocess.run(
            command, shell=True, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == status, f"{command}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    pip = "python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation"
    do(f"{pip} ./source")
    assert str(tmp_path) in do("python -c 'import hub; print(hub.__file__)'")
    shown = do("patrol-hub plugins new bicycles")
    assert "bicycles/bicycles/patrol-hub.toml" in shown
    do(f"{pip} ./bicycles")
    assert re.search(r"^\d+ passed", do("cd bicycles && python -m pytest -q -W error"), re.MULTILINE)
    assert do("patrol-hub plugins check bicycles").endswith("bicycles 0.1.0: passed\n")
    assert re.search(r"^bicycles .* its own process", do("patrol-hub plugins list"), re.MULTILINE)

    installed = site / "bicycles" / "__init__.py"
    installed.write_text(installed.read_text() + "\nopen('/proc/' + str(__import__('os').getppid()) + '/mem')\n")
    refused = do("patrol-hub plugins check bicycles", status=1)
    assert "tried to open /mem of another process" in refused
    assert refused.splitlines()[-1].startswith("bicycles 0.1.0: NOT PASSED")
    took = time.monotonic() - started
    sys.stdout.write(f"from nothing to a passing plugin, and one that does not pass: {took:.0f} s\n")
    assert took < FIVE_MINUTES

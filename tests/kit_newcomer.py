"""A new user's environment: a virtual environment outside the repository, with the hub installed by pip.

The hub and plugins are built and installed for real; what they depend on is borrowed from the environment that runs the
tests (a ``.pth`` file puts its site-packages behind the new one's), so that nothing is fetched.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sysconfig
import venv
from pathlib import Path

ROOT = Path(__file__).parents[1]


class Newcomer:
    """Somebody with an empty folder, an environment of their own and the hub's source.

    Args:
        folder: Where everything of theirs lies.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        venv.create(folder / "venv", with_pip=True)
        (self.site,) = (folder / "venv" / "lib").glob("python*/site-packages")
        borrowed = sysconfig.get_path("purelib")
        (self.site / "borrowed.pth").write_text(f"import site; site.addsitedir({borrowed!r})\n")
        self._borrow_commands()
        self.environment = {
            "PATH": f"{folder / 'venv' / 'bin'}:{os.environ['PATH']}",
            "PATROL_HUB_STATE": str(folder / "state"),
            "PIP_NO_DEPS": "1",
            "PIP_NO_BUILD_ISOLATION": "0",  # pip reads a switch that begins with no the other way round
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "PIP_NO_INDEX": "1",
        }
        source = folder / "source"
        shutil.copytree(ROOT / "hub", source / "hub", ignore=shutil.ignore_patterns("__pycache__"))
        for file in ("pyproject.toml", "README.md", "LICENSE", ".gitignore"):
            shutil.copy(ROOT / file, source)
        self.do("pip install --quiet ./source")

    def _borrow_commands(self) -> None:
        """Put a pytest that runs in their environment beside their Python."""
        script = self.folder / "venv" / "bin" / "pytest"
        script.write_text(
            f"#!{self.folder / 'venv' / 'bin' / 'python'}\nimport pytest\nraise SystemExit(pytest.main())\n"
        )
        script.chmod(0o755)

    def run(self, command: str) -> subprocess.CompletedProcess[str]:
        """Run a line of their shell in their folder."""
        return subprocess.run(
            ["bash", "-c", command],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )

    def do(self, command: str, *, status: int = 0) -> str:
        """Run a command and return what it printed; another exit status fails the test."""
        done = self.run(command)
        assert done.returncode == status, f"{command}\n{done.stdout}\n{done.stderr}"
        return done.stdout

"""The rules of the root ``conftest.py`` hold: slow tests, and skips where ``CI`` is set."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MODULE = """
import pytest

def test_plain(): pass

@pytest.mark.slow
def test_slow(): pass

def test_skips(): pytest.skip("no camera here")

def test_data(shared_data): pass

@pytest.mark.xfail(reason="known")
def test_known(): raise AssertionError
"""
SKIPPED_MODULE = "import pytest\npytest.skip('no library here', allow_module_level=True)\n"


def outcome(folder: Path, ci: str, *args: str) -> str:
    shutil.copy(ROOT / "conftest.py", folder)
    (folder / "test_it.py").write_text(MODULE)
    (folder / "test_module.py").write_text(SKIPPED_MODULE)
    (folder / "pytest.ini").write_text("[pytest]\nmarkers = slow: slow\n")
    env = {**os.environ, "CI": ci, "PATROL_HUB_DATA": str(folder / "absent")}
    call = [sys.executable, "-m", "pytest", "-q", "-rsf", "-p", "no:cacheprovider", *args]
    return subprocess.run(call, cwd=folder, env=env, capture_output=True, text=True, check=False).stdout


@pytest.mark.slow
def test_everyday_run_skips_with_a_reason_and_leaves_slow_tests_out(tmp_path):
    shown = outcome(tmp_path, "")
    assert "no camera here" in shown
    assert "PATROL_HUB_DATA" in shown
    assert "1 passed, 3 skipped, 1 deselected, 1 xfailed" in shown


@pytest.mark.slow
def test_an_expression_asks_for_slow_tests(tmp_path):
    assert "1 passed" in outcome(tmp_path, "", "-m", "slow", "test_it.py")


@pytest.mark.slow
def test_with_ci_a_skip_is_a_failure(tmp_path):
    shown = outcome(tmp_path, "1", "--continue-on-collection-errors")
    assert "with CI set a skip is a failure" in shown
    assert "1 failed, 2 passed, 1 xfailed, 2 errors" in shown

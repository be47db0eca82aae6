"""The dashboard starts fast, and brings nothing along that it has no use for."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FORBIDDEN = {"cv2", "onnxruntime", "tuf", "trio", "hub.app", "numpy", "PIL", "sqlite3", "hub.store", "hub.authority"}


def test_nothing_heavy_comes_along():
    script = "import sys, hub.tui.app; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert not set(done.stdout.split()) & FORBIDDEN


@pytest.mark.slow
def test_it_is_imported_in_under_a_second_and_a_half():
    """Processor time, which other programs do not change: the best of three."""
    script = "import time; import hub.tui.app; print(time.process_time())"
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    call = [sys.executable, "-c", script]
    taken = [
        float(subprocess.run(call, cwd=ROOT, capture_output=True, text=True, check=True, env=environment).stdout)
        for _ in range(3)
    ]
    assert min(taken) < 1.5

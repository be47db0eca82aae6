"""A child that hangs does not outlive a hub that was killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from hub.isolation.limits import guards
from tests.kit_isolation import Stranger

ROOT = Path(__file__).parents[2]

PARENT = """
import sys
from pathlib import Path
from hub.testing.sources import typed_plate
from tests.kit_isolation import Stranger, query

folder = Path(sys.argv[1])
sys.path.insert(0, str(folder / "site"))
plugin = Stranger(folder / "site", "bicycles")
with plugin.source(folder / "state", deadline=60.0, fault="hang") as source:
    source.open(plugin.context(folder / "state"))
    print(source.pid, flush=True)
    source.find(query(typed_plate("KE123AB")))
"""


@pytest.mark.slow
@pytest.mark.skipif(not guards().landlock, reason="this kernel has no Landlock")
def test_it_ends_with_its_hub(tmp_path: Path) -> None:
    Stranger.put(tmp_path / "site", "bicycles")
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    line = [sys.executable, "-c", PARENT, str(tmp_path)]
    with subprocess.Popen(line, stdout=subprocess.PIPE, text=True, env=environment) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        os.kill(child, 0)
        time.sleep(0.2)  # until the child is in its endless call
        parent.send_signal(signal.SIGKILL)
        parent.wait()
        end = time.monotonic() + 5
        while time.monotonic() < end and _runs(child):
            time.sleep(0.02)
        assert not _runs(child)


def _runs(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"  # nobody may be there to bury it

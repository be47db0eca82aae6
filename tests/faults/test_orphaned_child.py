"""A child that hangs does not outlive a hub that was killed, and outlives the thread that asked for it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from hub.isolation.limits import guards
from hub.testing.sources import typed_plate
from tests.kit_isolation import SOURCE, Stranger, query

ROOT = Path(__file__).parents[2]

PARENT = """
import sys
from pathlib import Path
from hub.testing.sources import typed_plate
from tests.kit_isolation import Stranger, query

folder = Path(sys.argv[1])
sys.path.insert(0, str(folder / "site"))
plugin = Stranger(folder / "site", "bicycles")
with plugin.source(folder / "state", deadline=60.0, fault=sys.argv[2]) as source:
    source.open(plugin.context(folder / "state"))
    print(source.pid, flush=True)
    source.find(query(typed_plate("KE123AB")))
"""

pytestmark = pytest.mark.skipif(not guards().landlock, reason="this kernel has no Landlock")

LETS_NOTHING_RUN = SOURCE.replace(
    "        yield", "        import ctypes\n        ctypes.PyDLL(None).{call}\n        yield"
)
"""Keeps the interpreter's lock while it waits, so that no thread of the child's own can see the hub go."""


@pytest.mark.slow
@pytest.mark.parametrize("how", ["hang", "with the lock", "after an attempt to stay"])
def test_it_ends_with_its_hub(tmp_path: Path, how: str) -> None:
    call = "sleep(3600)" if how == "with the lock" else "prctl(1, 0, 0, 0, 0); ctypes.PyDLL(None).sleep(3600)"
    code = SOURCE if how == "hang" else LETS_NOTHING_RUN.replace("{call}", call)
    Stranger.put(tmp_path / "site", "bicycles", code)
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    line = [sys.executable, "-c", PARENT, str(tmp_path), "hang" if how == "hang" else ""]
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


def test_it_does_not_end_with_the_thread_that_asked_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path / "site")
    plugin = Stranger.put(tmp_path / "site", "bicycles")
    state = tmp_path / "state"
    state.mkdir()
    with plugin.source(state) as source:
        asker = threading.Thread(target=source.open, args=(plugin.context(state),))
        asker.start()
        asker.join()
        pid = source.pid
        time.sleep(0.2)
        assert [record.entry for record in source.find(query(typed_plate("KE123AB")))] == ["E1"]
        assert source.pid == pid


def _runs(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"  # nobody may be there to bury it

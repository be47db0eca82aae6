"""Another process looks through the memory of a hub that watches: templates while the order is in force, none after it.

Needs leave to read another process's memory: of a child of this process, or as root.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import trio

from tests.faults.test_gallery_memory import SAMPLED, ask, count
from tests.faults.watch_child import ORDER
from tests.kit_deploy import Deploy
from tests.kit_lists import templates

ENTRIES = 1000


async def prepare(folder, rows):
    """Load a list into a unit, in this process: the making of it leaves copies."""
    deploy = Deploy(folder)
    async with deploy.unit(rows=rows):
        (folder / ORDER).write_bytes(deploy.order())


@pytest.mark.slow
def test_templates_are_gone_from_a_running_hub_once_its_order_is_over(tmp_path):
    rows = templates(ENTRIES, seed=12)
    trio.run(prepare, tmp_path / "unit", rows)
    sampled = rows[:: ENTRIES // SAMPLED]
    line = [sys.executable, "-m", "tests.faults.watch_child", str(tmp_path / "unit")]
    pipe = subprocess.PIPE
    with subprocess.Popen(line, stdin=pipe, stdout=pipe, text=True, cwd=Path(__file__).parents[2]) as child:
        try:
            assert child.stdout.readline().strip() == "open"
            try:
                assert count(child.pid, sampled) == SAMPLED
            except PermissionError as error:
                pytest.skip(f"this system lets no process look into another: {error}")
            assert ask(child, "end") == "over"
            assert count(child.pid, sampled) == 0
            child.stdin.close()
            assert child.wait(timeout=20) == 0
        finally:
            child.kill()

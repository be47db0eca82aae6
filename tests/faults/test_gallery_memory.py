"""Another process looks through the memory of one that holds a face list: templates are there while it is in force.

Needs leave to read another process's memory: of a child of this process, or as root.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from hub.watchlists.trust import save_trust
from tests.kit_lists import KEY, TRUST, build, templates

SAMPLED = 50
WINDOW = 48
"""Bytes of a template that count as the template: twelve of its numbers in a row."""


def memory(pid):
    """Return everything that the process can write to, region by region."""
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as mem:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            found = re.match(r"([0-9a-f]+)-([0-9a-f]+) rw", line)
            if found and "[vvar" not in line:
                low, high = (int(each, 16) for each in found.groups())
                mem.seek(low)
                try:
                    yield mem.read(high - low)
                except OSError:  # a guard page
                    continue


def count(pid, rows):
    """Return how many of the templates are somewhere in the process's memory, whole or in part."""
    regions = list(memory(pid))
    assert sum(map(len, regions)) > 2**22
    found = 0
    for row in rows:
        data = row.tobytes()
        parts = [data[at : at + WINDOW] for at in (0, len(data) // 2, len(data) - WINDOW)]
        found += any(part in region for part in parts for region in regions)
    return found


def ask(child, what):
    child.stdin.write(what + "\n")
    child.stdin.flush()
    return child.stdout.readline().strip()


@pytest.mark.slow
@pytest.mark.parametrize("end", ["wipe", "expire"])
def test_templates_are_in_memory_while_the_list_is_in_force_and_gone_after_it(tmp_path, end):
    rows = templates(1000, seed=11)
    file, trust = build(tmp_path / "list", rows), tmp_path / "trust.json"
    save_trust(trust, TRUST)
    sample = rows[:: len(rows) // SAMPLED]
    line = [sys.executable, "-m", "tests.faults.gallery_child", str(file), str(trust)]
    pipe = subprocess.PIPE
    with subprocess.Popen(line, stdin=pipe, stdout=pipe, text=True, cwd=Path(__file__).parents[2]) as child:
        try:
            assert ask(child, KEY.secret().hex()) == "ready"
            assert ask(child, "search") == "20000"
            try:
                assert count(child.pid, sample) == SAMPLED
            except PermissionError as error:
                pytest.skip(f"this system lets no process look into another: {error}")
            assert ask(child, end)
            assert count(child.pid, sample) == 0
        finally:
            child.kill()

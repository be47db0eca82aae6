"""Runs every benchmark, or those named on the command line, and prints their lines and a table.

The JSON lines go to standard output, the table to standard error. A benchmark that asserts and fails makes the exit
status 1; the others still run.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent


def main(names: list[str]) -> int:
    """Run the benchmarks called ``names``, or all, and return the exit status."""
    scripts = sorted(HERE.glob("bench_*.py"))
    if names:
        scripts = [script for script in scripts if script.stem.removeprefix("bench_") in names]
    failed = []
    rows: list[dict[str, object]] = []
    for script in scripts:
        done = subprocess.run(
            [sys.executable, "-m", f"tests.bench.{script.stem}"],
            cwd=HERE.parent.parent,
            stdout=subprocess.PIPE,
            check=False,
        )
        for line in done.stdout.decode().splitlines():
            if line.startswith("{"):
                rows.append(json.loads(line))
                print(line, flush=True)
        if done.returncode:
            failed.append(script.stem)
    for row in rows:
        name = row.pop("bench", "?")
        print(f"{name}: " + ", ".join(f"{key} {value}" for key, value in row.items()), file=sys.stderr)
    for name in failed:
        print(f"{name}: FAILED", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

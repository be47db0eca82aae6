"""Measures how long the command line takes to answer, and `run` to be there and to be through with one picture.

Each figure is the median over fresh processes. `--help` and a mistyped command must not load what only work needs:
exits 1 where they import NumPy, OpenCV, onnxruntime or trio.

    python -m tests.bench.bench_startup [--rounds N]
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.bench.kit import report, significant, street_pictures

HUB = [sys.executable, "-c", "from hub.cli import script; script()"]
HEAVY = frozenset({"numpy", "cv2", "onnxruntime", "trio"})
ANSWERS = {"help": ["--help"], "mistyped": ["runn"], "option_missing": ["read", "photo.jpg"]}


def seconds_for(words: list[str]) -> float:
    started = time.perf_counter()
    subprocess.run([*HUB, *words], capture_output=True, check=False)
    return time.perf_counter() - started


def heavy_imports(words: list[str]) -> list[str]:
    command = [HUB[0], "-X", "importtime", *HUB[1:], *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return sorted(HEAVY & {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()})


def run_one(picture: Path, state: Path) -> tuple[float, float]:
    """Return the seconds until `run` says that it has started, and until it is through with one picture."""
    command = [*HUB, "run", "--source", str(picture), "--until-end", "--events", "-"]
    started = time.perf_counter()
    environment = {**os.environ, "PATROL_HUB_STATE": str(state)}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        process.stdout.readline()
        there = time.perf_counter() - started
        process.stdout.read()
    if process.returncode:
        sys.exit(f"run ended with {process.returncode}")
    return there, time.perf_counter() - started


def main(arguments: list[str] | None = None) -> int:
    """Measure, and check the imports."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args(arguments)
    answers = {
        name: significant(statistics.median(seconds_for(words) for _ in range(options.rounds)))
        for name, words in ANSWERS.items()
    }
    heavy = {name: found for name, words in ANSWERS.items() if (found := heavy_imports(words))}
    with tempfile.TemporaryDirectory() as scratch:
        folder, state = street_pictures(Path(scratch) / "street", 1), Path(scratch) / "state"
        state.mkdir(mode=0o700)
        runs = [run_one(folder / "0000.jpg", state) for _ in range(options.rounds)]
    report(
        "startup",
        rounds=options.rounds,
        answer_seconds=answers,
        heavy_imports=heavy,
        run_started_seconds=significant(statistics.median(there for there, _ in runs)),
        run_one_picture_seconds=significant(statistics.median(through for _, through in runs)),
    )
    return 1 if heavy else 0


if __name__ == "__main__":
    sys.exit(main())

"""Measures what it costs to decode a video in a process of its own: frames a second there and in this process.

The same rendered clip, read to its end by `cv2.VideoCapture` here and by `hub.capture.open_frames`, which starts a
child, decodes in it and brings the pixels over a pipe. Starting the child is measured by itself.

    python -m tests.bench.bench_capture [--rounds N]
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

import cv2
import trio

from hub.capture import SourceSpec, open_frames, parse_source
from hub.clocks import SystemClock
from hub.demo.clip import render_clip
from tests.bench.kit import report, significant


def here(path: Path) -> tuple[int, float]:
    started, frames = time.perf_counter(), 0
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    while capture.read()[0]:
        frames += 1
    capture.release()
    return frames, time.perf_counter() - started


async def child(spec: SourceSpec) -> tuple[int, float, float]:
    """Return frames, seconds for them, and seconds until the child had opened the clip."""
    asked, frames = time.perf_counter(), 0
    async with open_frames(spec, "clip", clock=SystemClock(), until_end=True) as source:
        started = time.perf_counter()
        async for _ in source:
            frames += 1
        return frames, time.perf_counter() - started, started - asked


def main(arguments: list[str] | None = None) -> int:
    """Measure; exits 1 where the two sides give different numbers of frames."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as scratch:
        clip = render_clip(Path(scratch) / "street.mp4")
        rounds = [(here(clip.path), trio.run(child, parse_source(str(clip.path)))) for _ in range(options.rounds)]
    report(
        "capture",
        frames=clip.frames,
        size=f"{clip.width}x{clip.height}",
        rounds=options.rounds,
        here_frames_a_second=significant(statistics.median(frames / seconds for (frames, seconds), _ in rounds)),
        child_frames_a_second=significant(statistics.median(frames / seconds for _, (frames, seconds, _) in rounds)),
        ratio=round(statistics.median(there[1] / local[1] for local, there in rounds), 3),
        child_open_seconds=significant(statistics.median(there[2] for _, there in rounds)),
    )
    return 0 if all(local[0] == there[0] == clip.frames for local, there in rounds) else 1


if __name__ == "__main__":
    sys.exit(main())

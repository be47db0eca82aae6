"""Measures speech as an officer waits for it: provisional, confirmed and final text of 5 s sentences, and the load.

Sentences are the beginnings of clips, played at their own speed into the live actor. Then the clips run through as
fast as they are taken, alone and with a plate reader that never rests beside it. Needs the clips of the shared data.

    python -m tests.bench.bench_speech [--clips N] [--data FOLDER]
"""

from __future__ import annotations

import argparse
import itertools
import os
import statistics
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np
import trio

from hub.actors.speech import run_speech
from hub.channels import Mailbox, Overflow
from hub.config import Settings
from hub.inference import Worker
from hub.listening import Blocks, hear_file, parse_sound
from hub.messages import UtteranceState
from hub.parts import installed_plugins, open_plate_reader, open_transcriber, open_voice_detector
from hub.speech.cutting import LEAD
from hub.speech.settings import SpeechSettings
from tests.bench.kit import pick, report, significant, street_pictures

SENTENCE, RATE = 5.0, 16_000


async def samples(clip: Path) -> np.ndarray:
    blocks = Mailbox(100_000)
    await hear_file(parse_sound(str(clip)), blocks)
    return np.concatenate([block.samples for block in blocks.drain()])


def sentence(sound: np.ndarray, detector) -> np.ndarray:
    """Return half a second of silence, the first 5 s in which somebody speaks, and silence."""
    detector.reset()
    rows = sound[: len(sound) // 512 * 512].reshape(-1, 512)
    begin = int(np.argmax(detector.hear(rows) > 0.5)) * 512
    detector.reset()
    quiet = np.zeros(RATE, np.float32)
    return np.concatenate([quiet[: RATE // 2], sound[begin : begin + int(SENTENCE * RATE)], quiet, quiet])


class Heard:
    def __init__(self) -> None:
        self.marks: dict[str, float] = {}
        self.ended = 0.0
        self.began = 0.0
        self._speaking = False

    def ear(self, ear) -> None:
        if self._speaking and not ear.speaking and "final" not in self.marks:
            self.ended = trio.current_time()
        self._speaking = ear.speaking

    async def take(self, utterance) -> None:
        now = trio.current_time()
        spoken = self.began + utterance.start + LEAD
        if utterance.state is UtteranceState.PROVISIONAL:
            self.marks.setdefault("provisional", now - spoken)
            if utterance.confirmed:
                self.marks.setdefault("confirmed", now - spoken)
        elif utterance.original:
            self.marks.setdefault("final", now - self.ended)


async def understand(sound: np.ndarray, detector, transcriber, heard: Heard, *, live: bool) -> None:
    blocks = Mailbox(4096, Overflow.DROP_OLDEST if live else Overflow.WAIT)
    numbers = itertools.count()
    detector.reset()

    async def feed() -> None:
        heard.began = trio.current_time()
        with blocks:
            for block in Blocks().take(sound):
                if live:
                    await trio.sleep_until(heard.began + block.start + 0.032)
                await blocks.send(block)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(feed)
        await run_speech(
            blocks,
            heard.take,
            source="bench",
            at=datetime.now(UTC),
            live=live,
            detector=detector,
            transcriber=transcriber,
            ears=Worker("ears"),
            worker=Worker("transcriber"),
            settings=SpeechSettings(),
            identify=lambda: f"U{next(numbers)}",
            on_ear=heard.ear,
        )


async def factor(sounds: list[np.ndarray], detector, transcriber) -> float:
    began = time.perf_counter()
    for sound in sounds:
        await understand(sound, detector, transcriber, Heard(), live=False)
    return (time.perf_counter() - began) / (sum(map(len, sounds)) / RATE)


async def with_plates(sounds, detector, transcriber, reader, images) -> tuple[float, float]:
    """Return the real-time factor, and plates' pictures a second, while both run."""
    worker, read, over = Worker("plate reader"), 0, False

    async def plates() -> None:
        nonlocal read
        for image in itertools.cycle(images):
            if over:
                return
            await worker.call(reader.read, image, deadline=30)
            read += 1

    async with trio.open_nursery() as nursery:
        nursery.start_soon(plates)
        began = time.perf_counter()
        found = await factor(sounds, detector, transcriber)
        rate = read / (time.perf_counter() - began)
        over = True  # not cancelled: a thread left in a model would abort this process at its end
    return found, rate


async def measure(clips: list[Path], folder: Path) -> None:
    settings = Settings()
    plugins = installed_plugins(settings)
    plugins.load_all()
    transcriber = open_transcriber(plugins, settings, folder)
    detector = open_voice_detector(plugins, settings, folder)
    sounds = [await samples(clip) for clip in clips]
    await factor(sounds[:1], detector, transcriber)  # warms up
    marks: dict[str, list[float]] = {"provisional": [], "confirmed": [], "final": []}
    for sound in sounds:
        heard = Heard()
        await understand(sentence(sound, detector), detector, transcriber, heard, live=True)
        for name, seconds in heard.marks.items():
            marks[name].append(seconds)
    for name, seconds in marks.items():
        report("speech_seconds", text=name, sentences=len(seconds), median=pick(seconds, 0.5), p95=pick(seconds, 0.95))
    alone = await factor(sounds, detector, transcriber)
    report("speech_real_time_factor", beside="nothing", clips=len(sounds), factor=significant(alone))
    reader = open_plate_reader(plugins, settings, folder)
    images = [cv2.imread(str(file)) for file in sorted(street_pictures(folder / "street", 8).iterdir())]
    beside, rate = await with_plates(sounds, detector, transcriber, reader, images)
    report(
        "speech_real_time_factor",
        beside="plates",
        clips=len(sounds),
        factor=significant(beside),
        pictures_a_second=significant(rate),
    )
    longest = statistics.median(len(sound) / RATE for sound in sounds)
    report("speech_clips", clips=len(sounds), median_seconds=significant(longest))


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clips", type=int, default=25)
    parser.add_argument("--data", type=Path, default=os.environ.get("PATROL_HUB_DATA") or Path("../shared/data"))
    options = parser.parse_args(arguments)
    clips = sorted((Path(options.data) / "speech").glob("*.ogg"))[:: max(1, 25 // options.clips)][: options.clips]
    if not clips:
        sys.stderr.write(f"no clips in {options.data}/speech: speech is not measured\n")
        return 0
    with tempfile.TemporaryDirectory() as folder:
        trio.run(measure, clips, Path(folder))
    return 0


if __name__ == "__main__":
    sys.exit(main())

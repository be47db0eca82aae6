"""`patrol-hub evaluate`: figures on published test sets. Opens no store, no camera and no list."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hub.backends import FaceEngine
from hub.commands.console import Form, emit, progress, say
from hub.config import Settings, load_config
from hub.errors import PluginError
from hub.evaluation.crowd import Found, evaluate_crowd
from hub.evaluation.faces import evaluate_faces
from hub.evaluation.openset import evaluate_openset
from hub.evaluation.plates import evaluate_plates
from hub.evaluation.timing import Milliseconds
from hub.parts import installed_plugins, open_face_detector, open_face_engine, open_grammars, open_plate_reader
from hub.plugins import PluginHost


def plates(folder: Path, *, config: Path | None, form: Form) -> int:
    """Measure the plate reader on a folder of photos."""
    settings = load_config(config)
    plugins = installed_plugins(settings)
    plugins.load_all()
    with tempfile.TemporaryDirectory(prefix="patrol-hub-evaluate-") as state:
        reader = open_plate_reader(plugins, settings, Path(state))
        try:
            report = evaluate_plates(folder, reader, open_grammars(settings), settings.plates.reading)
        finally:
            reader.close()
    if form == "json":
        emit(report)
        return 0
    say(f"plates {report.plates}, detected {report.detected}")
    say(f"exact {report.exact}, folded {report.folded}, among the first three {report.top3}")
    say(f"misread {report.misread}, false reads {report.false_reads}")
    say(f"milliseconds a photo: median {report.milliseconds.median:.0f}, 95th of 100 {report.milliseconds.p95:.0f}")
    return 0


def faces(images: Path, pairs: Path, *, config: Path | None, form: Form) -> int:
    """Measure verification on pairs of a research set."""
    with _engine(config) as (engine, _, _, _), progress("photos") as done:
        report = evaluate_faces(images, pairs, engine, progress=done)
    if form == "json":
        emit(report)
        return 0
    say(f"pairs {report.pairs} of {report.people} people, no face found in {report.failed_to_detect} photos")
    say(f"balanced accuracy {report.accuracy:.4f}, area under the curve {report.auc:.4f}")
    for rate, share in report.tpr.items():
        told = "too few pairs of different people to say" if share is None else f"{share:.4f} of the same pairs"
        say(f"at a false-match rate of {rate}: {told}")
    say(f"false-match rates from {report.cross_pairs} pairs of different people; not measured by group or at night")
    say(f"{report.under_floor} faces are under the hub's quality floor and were compared all the same")
    say(_time("a face", report.milliseconds))
    return 0


def openset(file: Path, images: Path, *, config: Path | None, form: Form) -> int:
    """Measure identification among strangers on a research set."""
    with _engine(config) as (engine, _, _, _), progress("photos") as done:
        report = evaluate_openset(file, images, engine, progress=done)
    if form == "json":
        emit(report)
        return 0
    say(f"listed {report.gallery}, strangers {report.strangers}, no face found in {report.failed_to_detect} photos")
    say(f"own entry first: {report.rank1:.4f} of the listed")
    for rate, share in report.tpir.items():
        alerts = report.false_alerts[rate]
        rough = ", which is rough" if alerts < 10 else ""
        say(f"at false alerts for {rate} of the strangers: {share:.4f} (decided by {alerts} strangers{rough})")
    return 0


def crowd(folder: Path, *, config: Path | None, form: Form) -> int:
    """Measure face detection on photos of crowds."""
    with _engine(config) as (engine, plugins, settings, state):
        detector = open_face_detector(plugins, settings, state)
        if detector is None:
            raise PluginError("no plugin offers a face detector; see: patrol-hub plugins list")
        try:
            with progress("photos") as done:
                report = evaluate_crowd(folder, detector.detect, engine.detect, progress=done)
        finally:
            detector.close()
    if form == "json":
        emit(report)
        return 0
    say(f"faces from 20 pixels: {report.faces}")
    careful = Found(report.recall, report.leak, report.milliseconds)
    for name, found in (("redaction setting", careful), ("probe setting", report.probe)):
        for height in found.recall:
            share, left = found.recall[height], found.leak[height]
            say(f"{name}, from {height} pixels: found {share:.3f}, left uncovered {left:.3f}")
        say(f"{name}, {_time('a photo', found.milliseconds)}")
    return 0


def _time(what: str, took: Milliseconds) -> str:
    return f"milliseconds {what}: median {took.median:.0f}, 95th of 100 {took.p95:.0f}"


@contextmanager
def _engine(config: Path | None) -> Iterator[tuple[FaceEngine, PluginHost, Settings, Path]]:
    """Open the face engine in a state folder that is gone afterwards."""
    settings = load_config(config)
    plugins = installed_plugins(settings)
    plugins.load_all()
    with tempfile.TemporaryDirectory(prefix="patrol-hub-evaluate-") as state:
        engine = open_face_engine(plugins, settings, Path(state))
        try:
            yield engine, plugins, settings, Path(state)
        finally:
            engine.close()

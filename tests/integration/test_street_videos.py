"""The real reader on real videos: one car that drives past, and traffic in which nothing is legible."""

import hashlib
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hub.backends import PluginContext
from hub.capture import parse_source
from hub.clocks import ManualClock
from hub.inference import Worker
from hub.ledger import Ledger
from hub.plates.grammar import load_grammars
from hub.plates.settings import PlateSettings
from hub.read_files import FileRead, read_file

pytestmark = [pytest.mark.slow, pytest.mark.data]

CAR = "00f6f1237bd11d296312496f6bb5c33a653e79f815d8c8ea5c965bccab279004"
"""SHA-256 of the plate: nothing of the evaluation data is written down here."""


@pytest.fixture(scope="module")
def reader(tmp_path_factory):
    plates_ppocr = pytest.importorskip("plates_ppocr")
    folder = tmp_path_factory.mktemp("ppocr")
    reader = plates_ppocr.open_reader(PluginContext(state=folder, models=folder, settings={}, development=False))
    yield reader
    reader.close()


async def read(path: Path, reader) -> tuple[list[FileRead], Ledger]:
    rows: list[FileRead] = []
    ledger = Ledger()

    async def emit(row):
        rows.append(row)

    await read_file(
        parse_source(str(path)),
        emit,
        reader=reader,
        worker=Worker("reader"),
        book=load_grammars(),
        plates=PlateSettings(),
        clock=ManualClock(datetime(2026, 1, 1, tzinfo=UTC)),
        ledger=ledger,
    )
    return rows, ledger


async def test_the_car_that_drives_past_is_read_once_and_its_badge_is_not(shared_data, reader):
    rows, ledger = await read(shared_data / "video" / "street_car.mp4", reader)
    reads = [each for row in rows for each in row.reads]
    passing = [each for each in reads if each.box.y > 200 and each.last_seen - each.first_seen > 0.3]
    assert [hashlib.sha256(each.readings[0].plate.encode()).hexdigest() for each in passing] == [CAR]
    assert len({each.readings[0].plate for each in reads}) == len(reads)
    assert passing[0].votes >= 3
    assert ledger.check() == ()


async def test_nothing_on_the_motorway_is_read_as_a_plate(shared_data, reader):
    rows, ledger = await read(shared_data / "video" / "road_cars.mp4", reader)
    assert [each for row in rows for each in row.reads] == []
    assert ledger.check() == ()

"""What `patrol-hub read` gets: a row a picture, a row a track."""

from datetime import UTC, datetime

import pytest

from hub.capture import parse_source
from hub.clocks import ManualClock
from hub.errors import InputError, UsageError
from hub.inference import Worker
from hub.ledger import Ledger
from hub.messages import Reason
from hub.plates.grammar import GrammarBook, load_grammars
from hub.plates.settings import PlateSettings
from hub.read_files import read_file
from hub.testing.frames import Painted, drive_past, paint, street, write_clip, write_photo
from hub.testing.readers import FailingReader, PaintedReader

BOOK = GrammarBook([row for row in load_grammars().rows if row.code in ("ES", "FR")])
"""Few grammars: decoding with all of them is tested elsewhere and takes its time."""


async def rows_of(path, reader=None, ledger=None, rows=None):
    ledger = Ledger() if ledger is None else ledger
    rows = [] if rows is None else rows

    async def emit(row):
        rows.append(row)

    await read_file(
        parse_source(str(path)),
        emit,
        reader=reader or PaintedReader(),
        worker=Worker("reader"),
        book=BOOK,
        plates=PlateSettings(),
        clock=ManualClock(datetime(2026, 1, 1, tzinfo=UTC)),
        ledger=ledger,
    )
    assert ledger.check() == ()
    return rows


def plates(row):
    return [read.readings[0].plate for read in row.reads]


async def test_a_photo_is_one_row_with_all_that_is_on_it(tmp_path):
    image = paint(street(), [Painted("1234BCD", 20, 20), Painted("5678FGH", 150, 100)])
    (row,) = await rows_of(write_photo(tmp_path / "a.png", image))
    assert sorted(plates(row)) == ["1234BCD", "5678FGH"]
    assert (row.source, row.reason, row.detail) == (str(tmp_path / "a.png"), Reason.READ, "")
    assert row.milliseconds > 0


async def test_a_folder_is_a_row_a_picture_in_order_with_a_reason_where_there_is_none(tmp_path):
    for number in range(6):
        write_photo(tmp_path / f"{number}.png", paint(street(), [Painted(f"123{number}BCD", 20, 20)]))
    write_photo(tmp_path / "2.png", street())
    for broken in ("0.png", "3.png", "4.png"):
        (tmp_path / broken).write_text("text")
    rows = await rows_of(tmp_path)
    assert [row.source for row in rows] == [str(tmp_path / f"{number}.png") for number in range(6)]
    assert [plates(row) for row in rows] == [[], ["1231BCD"], [], [], [], ["1235BCD"]]
    assert [row.reason for row in rows] == [
        Reason.UNREADABLE,
        Reason.READ,
        Reason.NO_TEXT,
        Reason.UNREADABLE,
        Reason.UNREADABLE,
        Reason.READ,
    ]
    assert "not a picture" in rows[3].detail


async def test_a_picture_that_cannot_be_decoded_has_its_row_and_is_an_error(tmp_path):
    (tmp_path / "a.jpg").write_text("text")
    rows = []
    with pytest.raises(InputError, match="not a picture"):
        await rows_of(tmp_path / "a.jpg", rows=rows)
    assert [row.reason for row in rows] == [Reason.UNREADABLE]


async def test_a_reader_that_fails_is_said(tmp_path):
    (row,) = await rows_of(write_photo(tmp_path / "a.png", street()), FailingReader())
    assert (row.reason, row.reads) == (Reason.READER_UNAVAILABLE, ())
    assert "failed" in row.detail


async def test_cameras_and_streams_are_refused():
    with pytest.raises(UsageError, match="read takes files") as caught:
        await rows_of("rtsp://me:pass@cam/1")
    assert "pass" not in str(caught.value)


@pytest.mark.slow
async def test_a_video_is_a_row_a_track(tmp_path):
    clip = [street()] * 3 + drive_past("1234BCD", 15) + [street()] * 45 + drive_past("5678FGH", 15)
    first, second = await rows_of(write_clip(tmp_path / "clip.mp4", clip))
    assert (plates(first), plates(second)) == (["1234BCD"], ["5678FGH"])
    (read,) = first.reads
    assert (read.frames, read.votes) == (15, 15)
    assert (read.first_seen, read.last_seen) == (pytest.approx(3 / 25), pytest.approx(17 / 25))
    assert second.milliseconds > first.milliseconds


@pytest.mark.slow
async def test_a_video_without_a_plate_is_one_row_that_says_why(tmp_path):
    (row,) = await rows_of(write_clip(tmp_path / "clip.mp4", [street()] * 5))
    assert (row.reads, row.reason, row.detail) == ((), Reason.NO_TEXT, "")


@pytest.mark.slow
async def test_a_truncated_video_gives_what_was_there_and_says_where_it_ends(tmp_path):
    path = write_clip(tmp_path / "clip.avi", drive_past("1234BCD", 40))
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    read, end = await rows_of(path)
    assert plates(read) == ["1234BCD"]
    assert end.reads == ()
    assert "cut off" in end.detail or "broke off" in end.detail

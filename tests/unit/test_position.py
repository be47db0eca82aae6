from __future__ import annotations

import pytest

from hub.errors import InputError, PositionError, UsageError
from hub.messages import Fix
from hub.nmea import checksum
from hub.position import FixedPosition, Whereabouts, make_position, read_track
from tests.unit.test_nmea import gga, rmc, sentence


class Time:
    """A running clock that a test moves."""

    def __init__(self) -> None:
        self.at = 100.0

    def __call__(self) -> float:
        return self.at


def test_a_fixed_place_is_always_now():
    time = Time()
    name, make = make_position("fixed:48.1486,-17.1077", time)
    source = make()
    time.at = 250.0
    assert (name, source.fix()) == ("fixed", Fix(48.1486, -17.1077, 250.0, 1.0))
    source.close()


@pytest.mark.parametrize(
    "text",
    [
        "fixed:",
        "fixed:48",
        "fixed:48,17,1",
        "fixed:91,0",
        "fixed:0,181",
        "fixed:nan,0",
        "gpsd:here",
        "gpsd:here:x",
        "gpsd::2947",
        "gpsd:here:70000",
        "nmea:",
        "nmea:host",
        "nmea:/dev/ttyUSB0@12",
        "nmea:/dev/ttyUSB0@fast",
    ],
)
def test_what_names_no_source_is_said_in_one_line(text):
    with pytest.raises(UsageError) as caught:
        make_position(text, Time())
    assert "\n" not in str(caught.value)


def test_receivers_are_named_and_not_opened_before_they_are_made(tmp_path):
    for text, name in (("gpsd", "gpsd"), ("gpsd:[::1]:1", "gpsd"), ("nmea:127.0.0.1:1", "nmea")):
        found, make = make_position(text, Time())
        assert found == name
        if text != "gpsd":
            with pytest.raises(PositionError, match="no receiver answers"):
                make()
    for device, why in ((tmp_path / "none", "cannot be opened"), (tmp_path / "file", "is no serial line")):
        (tmp_path / "file").write_bytes(b"")
        with pytest.raises(PositionError, match=why):
            make_position(f"nmea:{device}@9600", Time())[1]()


def test_a_plugins_source_is_named():
    made = FixedPosition(1.0, 2.0, Time())
    name, make = make_position("plugin:beacon", Time(), {"beacon": lambda: made})
    assert (name, make()) == ("beacon", made)
    for text, plugins in (("plugin:beacon", {}), ("plugin:bacon", {"beacon": lambda: made})):
        with pytest.raises(UsageError, match="no plugin offers"):
            make_position(text, Time(), plugins)


def test_a_recorded_file_plays_at_its_own_pace(tmp_path):
    file = tmp_path / "drive.csv"
    file.write_text("0,48.1,17.1\n\n10,48.2,17.2,12\n11,48.3,17.3\n3600,48.4,17.4\n")
    time = Time()
    name, make = make_position(str(file), time)
    source = make()
    assert name == "replay"
    assert source.fix() == Fix(48.1, 17.1, 100.0, 1.0)
    assert source.fix() is None
    time.at = 109.9
    assert source.fix() is None
    time.at = 115.0
    assert source.fix() == Fix(48.3, 17.3, 111.0, 1.0), "the newest one that is due, at its own time"
    time.at = 1e6
    assert source.fix() == Fix(48.4, 17.4, 3700.0, 1.0)
    assert source.fix() is None, "after its end there is none"


def test_a_recorded_file_of_a_receivers_sentences_may_pass_midnight(tmp_path):
    file = tmp_path / "drive.nmea"
    file.write_bytes(rmc("235959.50") + gga("235959.50") + sentence("GPGSV,1,1,00") + rmc("000001.00"))
    track = read_track(file)
    assert [round(point.seconds, 3) for point in track] == [0.0, 1.5]
    assert track[0].latitude == pytest.approx(48.1486)


def test_a_recorded_file_that_begins_later_than_0_waits(tmp_path):
    file = tmp_path / "drive.csv"
    file.write_text("5,48.1,17.1\n")
    time = Time()
    source = make_position(str(file), time)[1]()
    assert source.fix() is None
    time.at = 105.0
    assert source.fix() == Fix(48.1, 17.1, 105.0, 1.0)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "holds no position"),
        (b"\n \n", "holds no position"),
        (b"hello\n", "line 1: write seconds,latitude,longitude"),
        (b"0,48,17\n1,48\n", "line 2: write seconds"),
        (b"0,48,17\n-1,48,17\n", "line 2"),
        (b"5,48,17\n1,48,17\n", "line 2: it is earlier"),
        (b"0,95,17\n", "line 1"),
        (b"0,48,nan\n", "line 1"),
        (b"0,48,17,0\n", "accuracy"),
        (b"\xff\xfe,1,2\n", "line 1"),
        (rmc()[:-4] + b"00\r\n", "line 1: the checksum"),
        (rmc(status="V"), "holds no position"),
    ],
)
def test_a_file_that_is_none_is_refused_with_its_line(tmp_path, content, why):
    file = tmp_path / "drive"
    file.write_bytes(content)
    with pytest.raises(InputError, match=why):
        make_position(str(file), Time())


def test_a_file_that_is_not_there_names_the_other_ways():
    with pytest.raises(InputError, match="gpsd:HOST:PORT"):
        make_position("gps0", Time())


def test_only_the_newest_fix_is_held():
    held = Whereabouts()
    assert held.fix is None
    for at in (1.0, 2.0):
        held.keep(Fix(48.0, 17.0, at, 5.0))
    assert held.fix == Fix(48.0, 17.0, 2.0, 5.0)
    assert list(vars(held)) == ["fix"]
    assert checksum(b"") == 0

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.nmea import UNKNOWN_METRES, NmeaReader, Position, checksum


def sentence(body: str) -> bytes:
    return f"${body}*{checksum(body.encode()):02X}\r\n".encode()


def rmc(time: str = "120000.00", status: str = "A", place: str = "4808.916,N,01706.462,E", mode: str = ",A") -> bytes:
    return sentence(f"GPRMC,{time},{status},{place},0.0,0.0,020326,,{mode}")


def gga(time: str = "120000.00", place: str = "4808.916,N,01706.462,E", quality: str = "1", hdop: str = "0.9") -> bytes:
    return sentence(f"GNGGA,{time},{place},{quality},08,{hdop},140.0,M,43.0,M,,")


def test_a_published_example():
    # The sentence that stands in most descriptions of the format.
    line = b"$GPGGA,123519,4807.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,*47"
    found = NmeaReader().read(line)
    assert found is not None
    assert found == Position(pytest.approx(48.1173), pytest.approx(11.516667, abs=1e-6), 5.0, "123519")


def test_south_and_west_are_negative():
    found = NmeaReader().read(rmc(place="3352.128,S,15112.558,W"))
    assert (found.latitude, found.longitude) == (pytest.approx(-33.8688), pytest.approx(-151.2093))


def test_a_position_counts_once_for_each_time_of_the_receiver():
    reader = NmeaReader()
    assert reader.read(gga(hdop="2.0")).accuracy == 10.0
    assert reader.read(rmc()) is None
    assert reader.read(rmc()) is None, "a receiver that repeats itself has no new fix"
    assert reader.read(rmc("120001.00")).accuracy == 10.0
    assert reader.read(gga("120001.00")) is None


def test_a_receiver_that_says_nothing_of_accuracy():
    assert NmeaReader().read(rmc()).accuracy == UNKNOWN_METRES


@pytest.mark.parametrize(
    "line",
    [
        rmc(status="V"),
        rmc(mode=",E"),
        rmc(mode=",S"),
        rmc(mode=",M"),
        rmc(mode=",N"),
        sentence("GPRMC,,V,,,,,,,,,,N"),
        sentence("GPGGA,,,,,,0,00,,,M,,M,,"),
        gga(quality="0"),
        gga(quality="6"),
        gga(quality="7"),
        gga(quality="8"),
        sentence("GPGSV,1,1,00"),
        sentence("PGRMC,A,,,,,,,,,,,,"),
        sentence("PUBX,00,"),
    ],
)
def test_no_fix_estimated_typed_in_simulated_and_other_sentences_give_none(line):
    assert NmeaReader().read(line) is None


def test_a_sentence_that_takes_a_fix_back_takes_the_other_one_of_its_second_with_it():
    reader = NmeaReader()
    assert reader.read(gga(quality="8")) is None
    assert reader.read(rmc()) is None
    assert reader.read(rmc("120001.00")) is not None


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"$GPGGA,123519,4807.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,*48",
        b"$GPGGA,123519,4807.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,",
        b"48.1,17.1",
        b"\xff\xfe\x00",
        sentence("GPRMC"),
        sentence("GPGGA,1,2,3"),
        sentence("GPRMC,120000," + "\xe9" * 3),
        rmc(place="9108.916,N,01706.462,E"),
        rmc(place="9000.001,N,01706.462,E"),
        rmc(place="4860.000,N,01706.462,E"),
        rmc(place="4808.916,X,01706.462,E"),
        rmc(place="4808.916,N,18100.000,E"),
        rmc(place="nan,N,01706.462,E"),
        rmc(place="-808.916,N,01706.462,E"),
        rmc(place=",,,"),
        rmc(time="noon"),
        gga(hdop="0"),
        gga(hdop="0.0"),
        gga(hdop="-1"),
        gga(hdop="nan"),
        gga(hdop="inf"),
        gga(hdop=""),
        sentence("GPGGA," + "9" * 300),
    ],
)
def test_damaged_and_impossible_sentences_are_refused(line):
    with pytest.raises(ValueError):
        NmeaReader().read(line)


@given(st.binary(max_size=120))
def test_no_bytes_break_the_reader(data):
    reader = NmeaReader()
    for line in (data, b"$" + data, b"$GPRMC," + data + f"*{checksum(b'GPRMC,' + data):02X}".encode()):
        try:
            found = reader.read(line)
        except ValueError:
            continue
        assert found is None or (abs(found.latitude) <= 90 and abs(found.longitude) <= 180 and found.accuracy > 0)

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.gpsd import LEAST_METRES, GpsdReader
from hub.nmea import UNKNOWN_METRES, Position


def tpv(**changes: object) -> bytes:
    report = {"class": "TPV", "device": "/dev/ttyACM0", "mode": 3, "time": "2026-03-02T09:00:00.000Z"}
    report |= {"lat": 48.1486, "lon": 17.1077, "eph": 8.5, "altHAE": 140.0, **changes}
    return json.dumps({name: value for name, value in report.items() if value is not None}).encode()


def test_a_report_with_a_fix():
    found = GpsdReader().read(tpv())
    assert found == Position(48.1486, 17.1077, 8.5, "2026-03-02T09:00:00.000Z")


def test_a_report_counts_once_for_each_time():
    reader = GpsdReader()
    assert reader.read(tpv()) is not None
    assert reader.read(tpv(lat=48.2)) is None
    assert reader.read(tpv(time="2026-03-02T09:00:01.000Z")) is not None


@pytest.mark.parametrize(
    ("changes", "metres"),
    [
        ({"eph": None}, UNKNOWN_METRES),
        ({"eph": None, "epx": 3.0, "epy": 4.0}, 5.0),
        ({"eph": 0.001}, LEAST_METRES),
        ({"eph": 5000}, 5000.0),
    ],
)
def test_accuracy_is_never_better_than_a_receiver_can_be(changes, metres):
    assert GpsdReader().read(tpv(**changes)).accuracy == metres


@pytest.mark.parametrize("changes", [{"mode": 1}, {"mode": 0}, {"mode": None}, {"class": "SKY"}, {"status": 8}])
def test_no_fix_other_reports_and_simulated_ones_give_none(changes):
    assert GpsdReader().read(tpv(**changes)) is None


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"hello",
        b"[]",
        b"\xff",
        tpv(lat="48"),
        tpv(lat=91.0),
        tpv(lon=-180.1),
        tpv(lat=None),
        tpv(time=None),
        tpv(eph=0),
        tpv(eph=-3),
        tpv(eph=None, epx=-1.0, epy=2.0),
        tpv().replace(b"8.5", b"NaN"),
        tpv().replace(b"8.5", b"1e999"),
        tpv().replace(b"48.1486", b"1e999"),
        b"[" * 100_000,
        b'{"x":' + b"[" * 15_000 + b"]" * 15_000 + b"}",
    ],
)
def test_damaged_and_impossible_reports_are_refused(line):
    with pytest.raises(ValueError):
        GpsdReader().read(line)


@given(st.binary(max_size=200) | st.dictionaries(st.text(), st.text()).map(lambda d: json.dumps(d).encode()))
def test_no_bytes_break_the_reader(data):
    try:
        found = GpsdReader().read(data)
    except ValueError:
        return
    assert found is None

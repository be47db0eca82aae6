from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from hub.calibration import Calibration, load_calibration
from hub.errors import ModelError, UsageError
from hub.models import CALIBRATIONS, find_model
from hub.testing.faces import MODEL, calibration

COUNTS = st.lists(st.integers(0, 500), min_size=1, max_size=60).filter(any)


def made(counts: list[int]) -> Calibration:
    return replace(calibration(), low=0.5, width=0.01, different=tuple(counts), same=(0,) * len(counts))


def test_thresholds_and_rates():
    known = calibration()
    assert known.comparisons == 20_000
    assert known.finest == 0.0005
    assert known.threshold(0.0005) == 0.905
    assert known.threshold(0.01) == 0.505
    rate = known.rate(0.95)
    assert (rate.value, rate.at_most, rate.reached) == (0.0005, False, 10)
    assert known.rate(0.96) == msgspec.structs.replace(rate, at_most=True, reached=0)
    assert known.rate(-1).value == 1
    assert known.rate(1.0).reached == 0
    assert known.same_below(0.9) == (10, 100)


@given(COUNTS, st.floats(1e-6, 1))
def test_a_budget_is_kept_or_refused_and_never_extrapolated(counts, budget):
    known = made(counts)
    if budget < 10 / sum(counts):
        with pytest.raises(UsageError, match="cannot be told from"):
            known.threshold(budget)
        return
    threshold = known.threshold(budget)
    assert known.rate(threshold).reached <= budget * sum(counts)
    if threshold > known.low:  # it is the least that keeps it
        assert known.rate(threshold - known.width / 2).reached > budget * sum(counts)


@given(COUNTS, st.floats(-1, 1), st.floats(-1, 1))
def test_more_alike_is_never_more_frequent(counts, one, other):
    known = made(counts)
    low, high = sorted((one, other))
    assert known.rate(high).value <= known.rate(low).value
    assert known.rate(high).value >= min(1, 10 / sum(counts))


def test_a_model_without_its_own_calibration_compares_nothing(tmp_path):
    with pytest.raises(ModelError, match="no calibration for the face model"):
        load_calibration(MODEL, tmp_path)
    (tmp_path / "a.json").write_bytes(msgspec.json.encode(calibration("e" * 64)))
    with pytest.raises(ModelError, match="no calibration for the face model"):
        load_calibration(MODEL, tmp_path)
    (tmp_path / "b.json").write_bytes(msgspec.json.encode(calibration()))
    assert load_calibration(MODEL, tmp_path) == calibration()


@pytest.mark.parametrize(
    "content",
    [b"", b"{}", b'{"model":"\xff"}', b"[" * 100_000, msgspec.json.encode(replace(calibration(), same=()))],
    ids=["empty", "nothing", "no UTF-8", "deep", "no pair"],
)
def test_what_is_no_calibration_is_named(tmp_path, content):
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(ModelError, match=r"a\.json is no calibration"):
        load_calibration(MODEL, tmp_path)


def test_the_shipped_calibration_is_of_the_shipped_model_and_names_nobody():
    shipped = load_calibration(find_model("dlib-face-resnet").sha256, CALIBRATIONS)
    assert shipped.people >= 900
    assert shipped.comparisons >= 800_000
    assert shipped.finest < 1e-4
    assert "by group" in shipped.not_measured[0]
    assert shipped.threshold(0.01) < shipped.threshold(0.001) < 1
    text = Path(next(CALIBRATIONS.glob("dlib*.json"))).read_text()
    words = set(re.findall(r"[A-Za-z_]{3,}", re.sub(r'"[0-9a-f]{64}"', "", text)))
    assert len(words) < 60  # keys and a sentence: no names of people or files

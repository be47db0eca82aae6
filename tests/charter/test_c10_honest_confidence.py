"""C10: a limit follows from a budget of false alerts and says what it expects; nothing is shown as a bare per cent."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.messages import CharacterRead, Field, PlateQuery, Reading, Reason, Record
from hub.plates.budget import cost_limit
from hub.plates.gates import ORDER
from hub.plates.grammar import load_grammars
from hub.plates.matching import match_plate

REPOSITORY = Path(__file__).parents[2]
BOOK = load_grammars()
PRODUCT = sorted(
    p for folder in ("hub", "plugins") for p in (REPOSITORY / folder).rglob("*.py") if "tests" not in p.parts
)


def per_cents(tree):
    """Format specifications that print a number as a per cent, and texts that put a sign after a value."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.JoinedStr):
            continue
        for part, after in zip(node.values, [*node.values[1:], None], strict=True):
            if not isinstance(part, ast.FormattedValue):
                continue
            spec = part.format_spec
            if isinstance(spec, ast.JoinedStr) and any(
                isinstance(piece, ast.Constant) and str(piece.value).endswith("%") for piece in spec.values
            ):
                yield node.lineno
            if isinstance(after, ast.Constant) and str(after.value).lstrip().startswith("%"):
                yield node.lineno


def test_no_text_of_the_product_shows_a_per_cent():
    shown = [
        f"{path.relative_to(REPOSITORY)}:{line}" for path in PRODUCT for line in per_cents(ast.parse(path.read_text()))
    ]
    assert shown == []


@pytest.mark.parametrize("budget", [0.1, 1.0])
@pytest.mark.parametrize("entries", [1, 300])
def test_a_limit_keeps_its_budget_and_says_so(budget, entries):
    limit = cost_limit(entries, BOOK, per_ten_thousand=budget)
    assert limit.expected_false_alerts <= budget
    assert limit.budget == budget
    assert limit.entries == entries
    assert f"{budget:g}" in limit.describe()
    assert "10,000 reads" in limit.describe()


@pytest.mark.slow
def test_a_longer_list_or_a_smaller_budget_never_loosens_the_limit():
    limits = [cost_limit(entries, BOOK).limit for entries in (1, 300)]
    assert limits == sorted(limits, reverse=True)
    limits = [cost_limit(300, BOOK, per_ten_thousand=budget).limit for budget in (10, 0.01)]
    assert limits == sorted(limits, reverse=True)


@settings(max_examples=25, deadline=None)
@given(st.text("0123456789ABCDEFGHJKLMNPRSTUVWXYZ", min_size=5, max_size=8), st.data())
def test_whatever_is_a_candidate_says_why_and_under_which_limit(plate, data):
    place = data.draw(st.integers(0, len(plate) - 1))
    entry = plate[:place] + data.draw(st.sampled_from("O0I1Z2S5B8XK")) + plate[place + 1 :]
    limit = cost_limit([entry], BOOK)
    reading = Reading(plate, 1.0, (), tuple(CharacterRead(c, 1.0) for c in plate))
    hits = match_plate(PlateQuery((reading,), None), [Record("1", (Field("plate", entry),))], limit)
    for hit in hits:
        assert hit.cost <= hit.limit == limit.limit or hit.cost == 0
        assert hit.why
        assert "%" not in hit.why
        assert hit.aligned


def test_a_read_below_the_floor_is_no_candidate_and_has_its_reason():
    floor = {Reason.TOO_SMALL, Reason.BLURRED, Reason.LOW_CHARACTER, Reason.NO_GRAMMAR, Reason.NOT_A_PLATE}
    assert floor <= set(ORDER)

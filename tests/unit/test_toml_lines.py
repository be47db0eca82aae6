"""`hub.toml_lines`."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.toml_lines import line_of

TEXT = '''# a comment with [brackets] and "quotes
unit = "a # no comment"
text = """
[not] = "a header"
key = 1
"""
numbers = [
  1,  # ]
  2,
]
a.b.c = 1
[lookups]   # with a comment
deadline = 2
sources.drivers = { deadline = 3 }

[lookups.sources."odd.name"]
deadline = 4
[[cameras]]
name = 'x'
[cameras.lens]
width = 1
[[cameras]]
name = 'y'
[cameras.lens]
width = 2
[[cameras.filters]]
kind = 1
[[cameras.filters]]
kind = 2
'''


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("unit",), 2),
        (("text",), 3),
        (("numbers",), 7),
        (("numbers", 1), 7),
        (("a", "b", "c"), 11),
        (("a",), 11),
        (("lookups",), 12),
        (("lookups", "deadline"), 13),
        (("lookups", "sources", "drivers"), 14),
        (("lookups", "sources", "drivers", "deadline"), 14),
        (("lookups", "sources", "odd.name", "deadline"), 17),
        (("cameras", 0, "name"), 19),
        (("cameras", 0, "lens", "width"), 21),
        (("cameras", 1), 22),
        (("cameras", 1, "name"), 23),
        (("cameras", 1, "lens", "width"), 25),
        (("cameras", 1, "filters", 1, "kind"), 29),
        (("cameras", 1, "missing"), 22),
        (("missing",), None),
    ],
)
def test_where_keys_stand(path, line):
    tomllib.loads(TEXT)
    assert line_of(TEXT, path) == line


KEYS = st.sampled_from(["a", "b", "c-d", '"e.f"', "'g#'", '"[h]"', '"\\u00e9"'])
VALUES = st.sampled_from(
    ["1", '"x"', "'#'", '"""\n[z]\n"""', "'''\n= \"\n'''", "[\n1,\n]", "[[1], [2]]", "{ q = 1 }", '"\\"]"', '""']
)


@given(
    tables=st.lists(st.tuples(KEYS, st.booleans(), st.lists(st.tuples(KEYS, VALUES), max_size=4)), max_size=5),
)
@settings(max_examples=80)
def test_any_document_is_found_again(tables):
    """Written line by line, so that the right answer is known."""
    text, expected, counts, singles = "", {}, {}, set()
    for raw, array, pairs in tables:
        key = next(iter(tomllib.loads(f"{raw} = 0")))
        if (array and key in singles) or (not array and (key in singles or key in counts)):
            continue
        line = text.count("\n") + 1
        if array:
            counts[key] = counts.get(key, -1) + 1
            path = (key, counts[key])
            text += f"[[ {raw} ]] # x\n"
        else:
            singles.add(key)
            path = (key,)
            text += f"[{raw}]\n\n"
        expected[path] = line
        for inner, value in pairs:
            name = next(iter(tomllib.loads(f"{inner} = 0")))
            if (*path, name) not in expected:
                expected[*path, name] = text.count("\n") + 1
                text += f"  {inner} = {value} # [y]\n"
    tomllib.loads(text)
    assert {path: line_of(text, path) for path in expected} == expected

"""Large files are replaced whole or not at all."""

from __future__ import annotations

import stat

import pytest

from hub.authority.files import replacing
from hub.errors import StoreError, StoreFullError


def test_a_file_takes_the_place_of_the_older_one_at_the_end(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    with replacing(path) as file:
        file.write(b"new ")
        assert path.read_bytes() == b"old"
        file.write(b"content")
    assert path.read_bytes() == b"new content"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [each.name for each in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize(
    ("raised", "expected"),
    [
        (OSError(28, "No space left on device"), StoreFullError),
        (OSError(5, "Input/output error"), StoreError),
        (KeyError("x"), KeyError),
    ],
)
def test_where_writing_fails_the_older_one_is_as_it_was(tmp_path, raised, expected):
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def write_half():
        with replacing(path) as file:
            file.write(b"half")
            raise raised

    with pytest.raises(expected):
        write_half()
    assert path.read_bytes() == b"old"
    assert [each.name for each in tmp_path.iterdir()] == ["file"]


def test_a_folder_that_is_not_there_is_said_in_one_line(tmp_path):
    with pytest.raises(StoreError, match="cannot be written: No such file"), replacing(tmp_path / "none" / "file"):
        pytest.fail("it was opened")

"""What is told of a package file that anybody may have made ends in one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from hub.errors import InputError
from hub.watchlists.package_info import read_info


@pytest.mark.parametrize(
    "content",
    [b"", b"[", b'{"payload":"e30="}', b'{"payload":"\xff"}', b'{"payload":"e30=","more":' + b"[" * 100_000],
    ids=["empty", "cut", "no list", "no UTF-8", "deep"],
)
def test_what_is_no_package_is_said(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "list"
    file.write_bytes(content)
    with pytest.raises(InputError, match="is no list"):
        read_info(file)

from __future__ import annotations

import stat

import pytest

from hub.authority.session_file import SESSION_FILE, read_token, remove_token, write_token
from hub.errors import NotAllowedError


def test_a_token_is_kept_replaced_and_forgotten(tmp_path):
    assert read_token(tmp_path) is None
    write_token(tmp_path, "first")
    write_token(tmp_path, "second")
    assert read_token(tmp_path) == "second"
    assert stat.S_IMODE((tmp_path / SESSION_FILE).stat().st_mode) == 0o600
    remove_token(tmp_path)
    remove_token(tmp_path)
    assert read_token(tmp_path) is None


def test_a_token_that_others_may_read_is_not_used(tmp_path):
    write_token(tmp_path, "first")
    (tmp_path / SESSION_FILE).chmod(0o644)
    with pytest.raises(NotAllowedError, match="others"):
        read_token(tmp_path)


@pytest.mark.parametrize("content", ["", "{}", "[1", '{"token": 5}'])
def test_a_damaged_file_is_nobody_signed_in(tmp_path, content):
    (tmp_path / SESSION_FILE).write_text(content)
    (tmp_path / SESSION_FILE).chmod(0o600)
    assert read_token(tmp_path) is None

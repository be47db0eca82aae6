from __future__ import annotations

from datetime import timedelta

import pytest

from hub.authority.clock_file import CLOCK_FILE, keep_moment, load_moment
from hub.clocks import Moment
from hub.errors import InputError, NotAllowedError
from tests.kit_authority import NOW


def test_what_was_kept_is_there_after_a_restart(tmp_path):
    path = tmp_path / CLOCK_FILE
    assert load_moment(path) is None
    for later in (0, 60):
        moment = Moment(NOW + timedelta(seconds=later), 12.5 + later, "boot")
        keep_moment(path, moment)
        assert load_moment(path) == moment
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("content", [b"", b"{}", b'{"wall":"2026-03-02T09:00:00","boottime":1,"boot":"b"}', b"\xff"])
def test_a_damaged_file_is_refused_and_not_taken_for_none(tmp_path, content):
    path = tmp_path / CLOCK_FILE
    keep_moment(path, Moment(NOW, 1.0, "b"))
    path.write_bytes(content)
    with pytest.raises(InputError, match="check this unit's clock"):
        load_moment(path)


def test_a_file_that_others_may_write_is_refused(tmp_path):
    path = tmp_path / CLOCK_FILE
    keep_moment(path, Moment(NOW, 1.0, "b"))
    path.chmod(0o666)
    with pytest.raises(NotAllowedError):
        load_moment(path)

"""`hub.plugin_settings`: a plugin's table as a record, and secrets from where nobody else reads."""

from __future__ import annotations

import pytest
from msgspec import Struct

from hub.errors import SourceError
from hub.plugin_settings import LONGEST_SECRET, read_secret, read_settings


class Inner(Struct, frozen=True, forbid_unknown_fields=True):
    places: tuple[int, ...] = ()


class Table(Struct, frozen=True, forbid_unknown_fields=True):
    host: str
    inner: dict[str, Inner] = {}


def test_a_table_becomes_the_record() -> None:
    assert read_settings({"host": "a", "inner": {"x": {"places": [1, 2]}}}, Table) == Table("a", {"x": Inner((1, 2))})


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({}, "its settings are wrong: object missing required field host"),
        ({"host": "a", "hots": "secret"}, "its settings are wrong: object contains unknown field hots"),
        ({"host": ["secret"]}, "its settings are wrong: host: expected str, got array"),
        ({"host": "a", "inner": {"x": {"places": [1, "secret"]}}}, "inner[...].places[1]: expected int, got str"),
    ],
)
def test_a_mistake_is_named_without_its_value(table, said) -> None:
    with pytest.raises(SourceError) as caught:
        read_settings(table, Table)
    assert said in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_secret_comes_from_a_private_file_or_the_environment(tmp_path) -> None:
    file = tmp_path / "token"
    file.touch(mode=0o600)
    file.write_text("from the file\r\n")
    environ = {"TOKEN": "from the environment"}
    assert read_secret(str(file), "TOKEN", what="token", environ=environ) == "from the file"
    assert read_secret("", "TOKEN", what="token", environ=environ) == "from the environment"
    assert read_secret("", "", what="token", environ=environ) == ""


@pytest.mark.parametrize(
    ("content", "mode", "said"),
    [
        (b"secret", 0o644, "cannot be used"),
        (b"secret", 0o640, "cannot be used"),
        (b"", 0o600, "empty, too long or holds control"),
        (b"sec\x00ret", 0o600, "empty, too long or holds control"),
        (b"sec\nret", 0o600, "empty, too long or holds control"),
        (b"sec\xffret", 0o600, "is not text"),
        (b"secret" * LONGEST_SECRET, 0o600, "token"),
    ],
)
def test_a_file_that_is_no_private_line_of_text_is_refused(tmp_path, content: bytes, mode: int, said: str) -> None:
    file = tmp_path / "file"
    file.write_bytes(content)
    file.chmod(mode)
    with pytest.raises(SourceError, match=said) as caught:
        read_secret(str(file), "", what="token")
    assert "sec" not in str(caught.value)


def test_a_file_is_named_by_its_whole_path_and_no_link_is_followed(tmp_path) -> None:
    with pytest.raises(SourceError, match="whole path"):
        read_secret("token", "", what="token")
    with pytest.raises(SourceError, match="does not exist"):
        read_secret(str(tmp_path / "absent"), "", what="token")
    (tmp_path / "real").touch(mode=0o600)
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with pytest.raises(SourceError, match="cannot be"):
        read_secret(str(tmp_path / "link"), "", what="token")
    with pytest.raises(SourceError, match="the environment has no NOT_THERE"):
        read_secret("", "NOT_THERE", what="password", environ={})

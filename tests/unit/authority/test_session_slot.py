"""The unlocked key between two commands: in memory, for one session, and never where a copy could take it."""

from __future__ import annotations

import secrets
import stat
import tempfile
from pathlib import Path

import pytest

from hub.authority.session_slot import RUNTIME_VARIABLE, in_memory, read_slot, remove_slot, write_slot
from hub.authority.unit_key import make_key

KEY = make_key(secrets.token_bytes)
MOUNTS = r"""
22 1 254:0 / / rw,relatime - ext4 /dev/vda rw
30 22 0:25 / /run rw,nosuid shared:5 - tmpfs tmpfs rw,size=1k
31 30 254:1 / /run/disk rw - ext4 /dev/vdb rw
32 30 0:26 / /run/a\040b rw - tmpfs tmpfs rw
33 30 0:27 / /run/over rw - tmpfs tmpfs rw
34 30 254:2 / /run/over rw - ext4 /dev/vdc rw
broken line
"""


@pytest.fixture
def runtime(monkeypatch):
    shared = Path("/dev/shm")
    if not shared.is_dir():
        pytest.skip("this system has no /dev/shm to stand for a runtime folder")
    with tempfile.TemporaryDirectory(dir=shared) as folder:
        monkeypatch.setenv(RUNTIME_VARIABLE, folder)
        yield Path(folder)


def test_a_session_finds_its_key_again(runtime, tmp_path):
    assert write_slot(tmp_path, "token", KEY, secrets.token_bytes)
    assert read_slot(tmp_path, "token", KEY.public).secret() == KEY.secret()
    (file,) = (runtime / "patrol-hub").iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert KEY.secret() not in file.read_bytes()
    assert list(tmp_path.iterdir()) == []


def test_no_other_session_state_folder_or_unit_does(runtime, tmp_path):
    (tmp_path / "other").mkdir()
    write_slot(tmp_path, "token", KEY, secrets.token_bytes)
    assert read_slot(tmp_path, "another token", KEY.public) is None
    assert read_slot(tmp_path / "other", "token", KEY.public) is None
    assert read_slot(tmp_path, "token", make_key(secrets.token_bytes).public) is None


def test_it_is_gone_once_it_was_removed(runtime, tmp_path):
    write_slot(tmp_path, "token", KEY, secrets.token_bytes)
    remove_slot(tmp_path)
    remove_slot(tmp_path)
    assert read_slot(tmp_path, "token", KEY.public) is None
    assert list((runtime / "patrol-hub").iterdir()) == []


def test_a_slot_that_others_could_read_is_not_used(runtime, tmp_path):
    write_slot(tmp_path, "token", KEY, secrets.token_bytes)
    (file,) = (runtime / "patrol-hub").iterdir()
    file.chmod(0o644)
    assert read_slot(tmp_path, "token", KEY.public) is None


@pytest.mark.parametrize("place", ["", "relative/folder", "/nowhere/at/all"])
def test_without_a_runtime_folder_nothing_is_kept(monkeypatch, tmp_path, place):
    monkeypatch.setenv(RUNTIME_VARIABLE, place)
    assert not write_slot(tmp_path, "token", KEY, secrets.token_bytes)
    assert read_slot(tmp_path, "token", KEY.public) is None
    remove_slot(tmp_path)


def test_a_runtime_folder_of_others_is_not_used(runtime, tmp_path):
    runtime.chmod(0o755)
    assert not write_slot(tmp_path, "token", KEY, secrets.token_bytes)


def test_a_runtime_folder_on_a_disk_is_not_used(runtime, tmp_path, monkeypatch):
    mounts = tmp_path / "mountinfo"
    mounts.write_text("22 1 254:0 / / rw,relatime - ext4 /dev/vda rw\n")
    monkeypatch.setattr("hub.authority.session_slot._MOUNTS", mounts)
    assert not write_slot(tmp_path, "token", KEY, secrets.token_bytes)


@pytest.mark.parametrize(
    ("folder", "memory"),
    [("/run/user/1000", True), ("/run/disk/x", False), ("/home", False), ("/run/a b/c", True), ("/run/over", False)],
)
def test_what_lies_in_memory(folder, memory):
    assert in_memory(Path(folder), MOUNTS) is memory

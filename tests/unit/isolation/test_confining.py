"""Which confinement a source gets."""

from __future__ import annotations

import pwd
import stat
from pathlib import Path

import pytest
from msgspec import structs

from hub.errors import PluginParkedError
from hub.isolation.confining import confine_source
from hub.isolation.limits import Guards
from hub.isolation.settings import Isolation
from hub.testing.sources import context
from tests.kit_isolation import Stranger

THERE = Guards(7, True, False)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    part = Stranger.put(tmp_path / "site", "bicycles").part()
    state = tmp_path / "state"
    where = context(state / "plugins" / "bicycles", trust=state / "trust.json")
    (state / "trust.json").write_text("{}")

    def confine(there: Guards, isolation: Isolation = Isolation(), **account):  # noqa: B008
        monkeypatch.setattr("hub.isolation.confining.guards", lambda: there)
        monkeypatch.setattr(
            "hub.isolation.confining.pwd.getpwnam",
            lambda name: pwd.struct_passwd((name, "x", account["uid"], account["uid"], "", str(account["home"]), "")),
        )
        monkeypatch.setattr("hub.isolation.confining.os.fchown", lambda *_: None)
        return confine_source(part, where, state, isolation)

    return confine


def test_it_reads_python_and_itself_and_writes_its_own_folder(place, tmp_path: Path) -> None:
    where, allowed = place(Guards(7, True, False))
    assert allowed.write == (str(tmp_path / "state" / "plugins" / "bicycles"),)
    assert str(tmp_path / "state" / "trust.json") in allowed.read
    assert str((tmp_path / "site").resolve()) in allowed.read
    assert not any(path == "/" or path.startswith("/proc") or path == str(tmp_path / "state") for path in allowed.read)
    assert (allowed.network, allowed.user) == (False, None)
    assert where.state == tmp_path / "state" / "plugins" / "bicycles"


def test_without_landlock_it_is_not_started(place) -> None:
    for there in (Guards(0, True, False), Guards(0, True, True)):
        with pytest.raises(PluginParkedError, match="nothing here keeps it from the hub's files"):
            place(there)
    with pytest.raises(PluginParkedError, match="nothing here keeps it"):  # only root can change its account
        place(Guards(0, True, False), Isolation(user="apart"))


def test_with_an_account_of_its_own_it_lives_in_that_home(place, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    for _ in range(2):
        where, allowed = place(Guards(0, True, True), Isolation(user="apart"), uid=4711, home=home)
    assert (allowed.user, allowed.group) == (4711, 4711)
    assert where.state == home / "patrol-hub" / "bicycles"
    assert allowed.write == (str(where.state),)
    assert stat.S_IMODE(where.state.stat().st_mode) == 0o700
    assert where.trust == where.state / "trust.json"
    assert where.trust.read_text() == "{}"


def test_root_follows_no_link_that_the_account_has_laid(place, tmp_path: Path) -> None:
    home, treasure = tmp_path / "home", tmp_path / "treasure"
    (home / "patrol-hub" / "bicycles").mkdir(parents=True)
    treasure.write_text("untouched")
    (home / "patrol-hub" / "bicycles" / "trust.json").symlink_to(treasure)
    place(Guards(0, True, True), Isolation(user="apart"), uid=4711, home=home)
    assert treasure.read_text() == "untouched"
    (home / "patrol-hub").rename(home / "elsewhere")
    (home / "patrol-hub").symlink_to(tmp_path)
    with pytest.raises(PluginParkedError, match="cannot be prepared"):
        place(Guards(0, True, True), Isolation(user="apart"), uid=4711, home=home)


def test_where_python_was_started_is_not_read_if_the_state_folder_lies_there(
    place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    _, allowed = place(Guards(7, True, False))
    assert str(tmp_path) not in allowed.read


@pytest.mark.parametrize(("uid", "home"), [(0, "/"), (4711, "/nonexistent")])
def test_an_account_that_is_none(place, uid: int, home: str) -> None:
    with pytest.raises(PluginParkedError, match="an account without rights, with a home"):
        place(Guards(7, True, True), Isolation(user="apart"), uid=uid, home=home)


def test_settings_reach_the_limits(place) -> None:
    _, allowed = place(Guards(7, True, False), Isolation(memory_megabytes=512, processor_seconds=30))
    assert (allowed.memory, allowed.processor) == (512 << 20, 30)
    assert structs.asdict(Isolation()) == {"memory_megabytes": 1024, "processor_seconds": 600, "user": ""}


def test_a_plugin_that_lies_in_the_home_folder_itself_would_read_all_of_it(
    place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "site"))
    with pytest.raises(PluginParkedError, match="home folder lies in"):
        place(THERE)
    monkeypatch.setenv("HOME", str(tmp_path / "keys"))
    monkeypatch.syspath_prepend(tmp_path)
    _, allowed = place(THERE)
    assert str(tmp_path) not in allowed.read
    assert not any(path.startswith(("/etc/ssl/private", "/etc/pki/tls/private")) for path in allowed.read)
    assert not {"/etc", "/etc/ssl", "/etc/pki", "/etc/pki/tls"} & set(allowed.read)

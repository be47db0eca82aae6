"""An older update that was put back into the state folder, by the word of the log."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from hub.audit.reading import LoggedEntry, PayloadState
from hub.audit.records import ConfigPayload, TrustPayload
from hub.messages import Act
from hub.watchlists.put_back import put_back
from tests.kit_authority import Ceremony


@pytest.fixture(scope="module")
def trusted(tmp_path_factory):
    return Ceremony(tmp_path_factory.mktemp("authority")).begin().unit()


def logged(outcome, number, *, act=Act.TRUST_UPDATE, readable=True):
    payload = TrustPayload(source="stick", timestamp=number) if act is Act.TRUST_UPDATE else ConfigPayload(digest="")
    metadata = SimpleNamespace(act=act, outcome=outcome)
    return LoggedEntry(metadata, PayloadState.OPEN, payload if readable else None)


def test_what_was_accepted_last_lies_here(trusted):
    assert put_back(trusted, []) == put_back(None, []) == ""
    assert put_back(trusted, [logged("accepted", 1), logged("refused", 1)]) == ""
    assert put_back(trusted, [logged("configured", 9, act=Act.CONFIGURATION)]) == ""
    assert put_back(None, [logged("refused", 0)]) == ""


def test_an_older_one_does(trusted):
    assert "accepted update 2 and update 1 lies here" in put_back(
        trusted, [logged("accepted", 1), logged("accepted", 2)]
    )
    assert "accepted update 1 and nothing lies here" in put_back(None, [logged("accepted", 1)])


def test_what_could_not_be_kept_was_not_accepted(trusted):
    assert put_back(trusted, [logged("accepted", 1), logged("accepted", 2), logged("not_done", 1)]) == ""


def test_numbers_that_a_new_root_took_back(trusted):
    """After a theft of the daily key the authority may begin at a lower number: the newest entry counts."""
    assert put_back(trusted, [logged("accepted", 2**50), logged("accepted", 1)]) == ""


def test_a_log_without_its_keys_says_nothing(trusted):
    assert put_back(None, [logged("accepted", 5, readable=False)]) == ""

"""C11: an unsaved transcript is in memory only; a saved one is gone on its date, from every file."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from hub.audit.log import open_log
from hub.audit.reading import PayloadState, read_entries
from hub.authority.policy import unit_requester
from hub.clocks import ManualClock
from hub.errors import NotAllowedError, NotSignedInError
from hub.hearing import SpeechParts, UnitMicrophone
from hub.messages import Act, Requester, Utterance, UtteranceState
from hub.speech.settings import SpeechSettings
from hub.speech.transcripts import KEPT, Transcripts
from hub.store.retention import CHARTER, RetentionSettings, shorten
from hub.testing.audit import SeedSigner

START = datetime(2026, 2, 3, 4, tzinfo=UTC)
OFFICER = Requester(officer="4711", role="officer", unit="unit-7")
SAID = Utterance(
    "U1", "microphone", START, 0.0, 2.0, UtteranceState.UNDERSTOOD, "de", 0.9, "Wo ist der Bahnhof?", "Where?", ""
)


def hearing(log, clock, retention=CHARTER):
    parts = SpeechParts(pytest.fail, pytest.fail, pytest.fail)
    return UnitMicrophone(parts, SpeechSettings(), log=log, clock=clock, retention=retention, tell=lambda *_: None)


def opened(path, clock, retention=CHARTER):
    return open_log(path, origin="example.org/unit-7", signer=SeedSigner(), clock=clock, retention=retention)


@pytest.mark.parametrize(
    ("retention", "days"), [(CHARTER, 31), (shorten(RetentionSettings(saved_transcript_days=2)), 2)]
)
async def test_a_saved_transcript_is_sealed_and_gone_on_its_date(tmp_path, retention, days):
    path, clock = tmp_path / "audit.sqlite3", ManualClock(START)
    async with opened(path, clock, retention) as log:
        assert "saved in the log until" in await hearing(log, clock, retention).save(OFFICER, SAID, "statement")
        everything = b"".join(file.read_bytes() for file in tmp_path.iterdir())
        assert b"Bahnhof" not in everything  # never in clear
        assert (await log.payload(0)).original == SAID.original
        clock.advance((timedelta(days=days) - timedelta(hours=1)).total_seconds())
        assert await log.erase_due() == 0
        clock.advance(3600)
        assert await log.erase_due() == 1
        assert await log.payload(0) is None
    first = next(iter(read_entries(path)))
    assert (first.metadata.act, first.state) == (Act.TRANSCRIPT_SAVED, PayloadState.DESTROYED)


async def test_without_an_officer_or_a_reason_nothing_is_saved(tmp_path):
    path, clock = tmp_path / "audit.sqlite3", ManualClock(START)
    async with opened(path, clock) as log:
        ear = hearing(log, clock)
        with pytest.raises(NotAllowedError, match="say why"):
            await ear.save(OFFICER, SAID, "  ")
        with pytest.raises(NotSignedInError):
            await ear.save(unit_requester("unit-7"), SAID, "statement")
    assert list(read_entries(path)) == []


def test_only_final_text_is_remembered_the_newest_and_until_the_session_ends():
    kept = Transcripts()
    for number in range(KEPT + 5):
        kept.take(Utterance(f"U{number}", "m", START, 0, 1, UtteranceState.UNDERSTOOD, "de", 1, "ja", "yes", ""))
    kept.take(Utterance("provisional", "m", START, 0, 1, UtteranceState.PROVISIONAL, "de", 1, "ja", "", ""))
    assert len(kept) == KEPT
    assert kept.find("U0") is None
    assert kept.find("provisional") is None
    assert kept.find(f"U{KEPT + 4}") is not None
    kept.forget()
    assert kept.find(f"U{KEPT + 4}") is None

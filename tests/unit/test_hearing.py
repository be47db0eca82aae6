"""The unit's microphone over the socket: who is heard by whom, for how long, and what is kept. No model, no device."""

from __future__ import annotations

import time

import pytest
import trio

from hub import hearing
from hub.audit.reading import read_entries
from hub.audit.records import SpeechPayload, TranscriptPayload
from hub.errors import AuditError, ModelError
from hub.events import ListeningChanged
from hub.messages import TRANSCRIPT_NOTICE, Act, ListenMode, UtteranceState
from hub.testing.speech import FakeMicrophone, LoudDetector, ScriptedTranscriber, silence, voice
from hub.unit import AUDIT_FILE
from hub.wire import Done, Heard, HearingNow, Listen, Refused, SaveTranscript, SignOut, Snapshot, StopListening, Told
from tests import kit_plugin
from tests.kit import Unit
from tests.kit_attach import attached, running

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    return Unit.prepare(tmp_path_factory.mktemp("prepared") / "unit")


@pytest.fixture
def unit(prepared, tmp_path):
    copy = prepared.copy(tmp_path / "unit")
    with copy.active():
        yield copy


@pytest.fixture
def microphone():
    return FakeMicrophone()


async def speak(microphone, *sounds):
    for sound in sounds:
        await trio.to_thread.run_sync(microphone.speak, sound)


async def final(talk, after=0):
    """Return the next final utterance."""
    with trio.fail_after(5):
        while True:
            for message in talk.heard[after:]:
                if isinstance(message, Heard) and message.utterance.state is not UtteranceState.PROVISIONAL:
                    return message
            await trio.sleep(0.02)


def entries(unit, act):
    return [each for each in read_entries(unit.state / AUDIT_FILE) if each.metadata.act is act]


async def told(talk, mode):
    with trio.fail_after(5):
        while True:
            for message in talk.heard:
                event = message.event if isinstance(message, Told) else None
                if isinstance(event, ListeningChanged) and event.mode is mode:
                    return event
            await trio.sleep(0.02)


async def test_an_officer_listens_and_saves_and_another_dashboard_only_sees_that_it_is_open(unit, microphone):
    async with running(unit, microphone=microphone.open) as run, attached(unit) as talk, attached(unit) as other:
        await talk.sign_in("4711")
        await other.sign_in("4712")
        assert isinstance(await talk.ask(Listen, languages=("de", "es")), Done)
        assert (await told(other, ListenMode.PUSH_TO_TALK)).officer == "4711"
        async with attached(unit) as third:
            assert third.shown.listening is ListenMode.PUSH_TO_TALK
        assert isinstance(await other.ask(Listen), Refused)
        await speak(microphone, voice(1), silence(1))
        heard = await final(talk)
        assert heard.notice == TRANSCRIPT_NOTICE
        assert heard.utterance.translation == "Where is the station?"
        assert (await talk.wait(HearingNow)).dropped == 0
        assert isinstance(await talk.ask(StopListening), Done)
        assert not microphone.active
        assert (await told(other, ListenMode.OFF)).detail == ""
        assert not any(isinstance(message, Heard | HearingNow) for message in other.heard)

        utterance = heard.utterance.utterance
        assert "say why" in (await talk.ask(SaveTranscript, utterance=utterance, reason=" ")).reason
        assert entries(unit, Act.TRANSCRIPT_SAVED) == []
        assert isinstance(await other.ask(SaveTranscript, utterance=utterance, reason="asked for"), Refused)
        assert (
            "saved in the log until" in (await talk.ask(SaveTranscript, utterance=utterance, reason="statement")).text
        )
        assert not run.over.is_set()
    begun, ended = entries(unit, Act.SPEECH_HEARD)
    assert (begun.metadata.outcome, ended.metadata.outcome) == ("begun", "ended")
    assert begun.metadata.officer == ended.metadata.officer == "4711"
    assert begun.payload == SpeechPayload("push_to_talk", 0, ("de", "es"))
    (saved,) = entries(unit, Act.TRANSCRIPT_SAVED)
    assert saved.metadata.officer == "4711"
    assert isinstance(saved.payload, TranscriptPayload)
    assert (saved.payload.original, saved.payload.notice) == ("Wo ist der Bahnhof?", TRANSCRIPT_NOTICE)


async def test_what_was_said_until_it_was_stopped_still_comes(unit, microphone):
    async with running(unit, microphone=microphone.open), attached(unit) as talk:
        await talk.sign_in("4711")
        await talk.ask(Listen)
        await speak(microphone, voice(1))
        await talk.ask(StopListening)
        assert (await final(talk)).utterance.original == "Wo ist der Bahnhof?"
        assert isinstance(await talk.ask(Listen, open=True), Done)  # and it can be opened again
        assert (await told(talk, ListenMode.OPEN)).officer == "4711"


@pytest.mark.parametrize("end", ["sign out", "leave"])
async def test_the_microphone_closes_with_the_session_and_the_connection(unit, microphone, end):
    async with running(unit, microphone=microphone.open), attached(unit) as watcher:
        async with attached(unit) as talk:
            await talk.sign_in("4711")
            await talk.ask(Listen, open=True)
            await speak(microphone, voice(1), silence(1))
            said = (await final(talk)).utterance.utterance
            if end == "sign out":
                await talk.ask(SignOut)
                await talk.sign_in("4711")
                refused = await talk.ask(SaveTranscript, utterance=said, reason="statement")
                assert "in this session" in refused.reason
        await told(watcher, ListenMode.OFF)
        with trio.fail_after(5):
            while microphone.active:  # noqa: ASYNC110
                await trio.sleep(0.02)
        assert watcher.shown.listening is ListenMode.OFF or isinstance(watcher.shown, Snapshot)


@pytest.mark.parametrize("fault", ["unplugged", "does not open"])
async def test_a_microphone_that_fails_is_told_and_the_hub_goes_on(unit, microphone, fault):
    async with running(unit, microphone=microphone.open) as run, attached(unit) as talk:
        await talk.sign_in("4711")
        if fault == "does not open":
            microphone.problem = "the microphone does not open: busy"
            assert "busy" in (await talk.ask(Listen)).reason
            microphone.problem = ""
        else:
            await talk.ask(Listen, open=True)
            await speak(microphone, voice(1))
            microphone.unplug()
            assert "unplugged" in (await told(talk, ListenMode.OFF)).detail
            assert (await final(talk)).utterance.original  # what was said before is not lost
        await talk.ask(StopListening)
        assert isinstance(await talk.ask(Listen), Done)
        assert not run.over.is_set()


async def test_a_language_that_nobody_knows_opens_nothing(unit, microphone):
    async with running(unit, microphone=microphone.open), attached(unit) as talk:
        await talk.sign_in("4711")
        assert "no language is called" in (await talk.ask(Listen, languages=("xx",))).reason
        assert microphone.opened == 0
    assert entries(unit, Act.SPEECH_HEARD) == []


async def test_nothing_that_was_said_is_in_any_file_or_remark_unless_it_was_saved(unit, microphone):
    async with running(unit, microphone=microphone.open) as run, attached(unit) as talk:
        await talk.sign_in("4711")
        await talk.ask(Listen)
        await speak(microphone, voice(1), silence(1))
        await final(talk)
        await talk.ask(StopListening)
        assert not any("Bahnhof" in line for line in run.said)
        assert not any("Bahnhof" in repr(event) for event in talk.heard if not isinstance(event, Heard))
    assert not any(b"Bahnhof" in content or b"station" in content for content in unit.files().values())


async def test_push_to_talk_closes_by_itself(unit, microphone, monkeypatch):
    monkeypatch.setattr(hearing, "PUSH_SECONDS", 0.3)
    async with running(unit, microphone=microphone.open), attached(unit) as talk:
        await talk.sign_in("4711")
        await talk.ask(Listen)
        assert (await told(talk, ListenMode.OFF)).detail == ""
        assert not microphone.active


async def test_weights_that_are_refused_are_told_and_the_microphone_stays_closed(unit, microphone, monkeypatch):
    def refused(_context):
        raise ModelError("the model file whisper-base.bin is refused: it is not the whisper-base that is listed")

    monkeypatch.setattr(kit_plugin, "open_transcriber", refused)
    async with running(unit, microphone=microphone.open) as run, attached(unit) as talk:
        await talk.sign_in("4711")
        assert "whisper-base.bin is refused" in (await talk.ask(Listen)).reason
        assert microphone.opened == 0
        assert not run.over.is_set()
    assert entries(unit, Act.SPEECH_HEARD) == []


@pytest.mark.parametrize("decoding", [False, True])
async def test_a_voice_detector_that_fails_closes_the_microphone_and_nothing_else(
    unit, microphone, monkeypatch, decoding
):
    def slow(_seconds):
        time.sleep(1 if decoding else 0)
        return kit_plugin.SAID

    monkeypatch.setattr(kit_plugin, "open_detector", lambda _context: LoudDetector(fail_after=50))
    monkeypatch.setattr(kit_plugin, "open_transcriber", lambda _context: ScriptedTranscriber(slow))
    async with running(unit, microphone=microphone.open) as run, attached(unit) as talk:
        await talk.sign_in("4711")
        await talk.ask(Listen, open=True)
        # The microphone goes on for a while, and what it gives finds nobody who listens.
        with trio.move_on_after(5):
            while microphone.active:
                await speak(microphone, voice(0.1))
                await trio.sleep(0.01)
        assert (
            "voice detector" in (await told(talk, ListenMode.OFF)).detail
            or "detector fails" in (await told(talk, ListenMode.OFF)).detail
        )
        assert not run.over.is_set()
        await talk.ask(StopListening)
        assert talk.shown is not None  # the connection and the session are still there
        assert isinstance(await talk.ask(Listen), Done)


async def test_where_the_log_cannot_be_written_nothing_is_listened_to_and_nothing_is_kept(
    unit, microphone, monkeypatch
):
    async with running(unit, microphone=microphone.open) as run, attached(unit) as talk:
        await talk.sign_in("4711")
        await talk.ask(Listen)
        await speak(microphone, voice(1), silence(1))
        said = (await final(talk)).utterance.utterance
        await talk.ask(StopListening)

        async def full(_entry):
            raise AuditError("the log cannot take an entry, so nothing was done: disk full")

        monkeypatch.setattr(run.hub.unit.log, "append", full)
        assert "disk full" in (await talk.ask(SaveTranscript, utterance=said, reason="statement")).reason
        assert "disk full" in (await talk.ask(Listen)).reason
        assert microphone.opened == 1
        monkeypatch.undo()

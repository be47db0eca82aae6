"""The Speech screen's state: what each message makes of it, without a screen."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from hub.events import ListeningChanged
from hub.messages import ListenMode, MachineTranslation, UtteranceState
from hub.phrasebook.book import load_phrasebook
from hub.tui.drawings.answering import answer_language
from hub.tui.speech import (
    HEARD_KEPT,
    Expected,
    Marked,
    Opened,
    Picked,
    SpeechPage,
    Spoke,
    can_save,
    chosen_utterance,
    heard_language,
    neighbour_utterance,
)
from hub.tui.state import Asked, Lost, State, Tick, reduce
from hub.wire import (
    AnsweringShown,
    Done,
    Heard,
    HearingNow,
    Listen,
    Refused,
    SaveTranscript,
    SayPhrase,
    SignOut,
    StopListening,
    Told,
    Translate,
    Translated,
)
from tests.tui.kit import NOW, OFFICER, ScriptedHub
from tests.tui.kit_speech import utterance

BOOK = load_phrasebook()


def signed_in() -> State:
    hub = ScriptedHub()
    hub.officer = OFFICER
    return reduce(State(), hub.snapshot())


def after(state, *messages) -> State:
    for message in messages:
        state = reduce(state, message)
    return state


def heard(*utterances):
    return [Heard(utterance=each) for each in utterances]


def mode(value):
    return Told(event=ListeningChanged(at=NOW, unit="unit-1", mode=value, officer="4711"))


def listening() -> State:
    asked = Asked(Listen(request=1))
    return after(signed_in(), asked, mode(ListenMode.PUSH_TO_TALK), Done(request=1, text=""))


LEVEL = HearingNow(level=-20.0, speaking=True, waiting=0, dropped=0)


def test_provisional_text_is_replaced_by_the_final_one_in_its_place():
    first = utterance("U-1", state=UtteranceState.PROVISIONAL, original="Mein", translation="", confirmed=0)
    state = after(signed_in(), *heard(first, utterance("U-2"), replace(first, original="Mein Auto", confirmed=4)))
    assert [each.utterance for each in state.speech.heard] == ["U-1", "U-2"]
    assert state.speech.heard[0].original == "Mein Auto"
    state = after(state, *heard(utterance("U-1")))
    assert state.speech.heard[0].state is UtteranceState.UNDERSTOOD


def test_what_is_heard_is_nobodys_without_an_officer():
    state = State()
    assert after(state, *heard(utterance()), LEVEL) is state


@pytest.mark.parametrize("end", ["sign out", "time", "another officer", "refused"])
def test_what_was_said_goes_with_the_session(end):
    state = after(listening(), *heard(utterance()), Spoke("ru"), Opened("medical"), Picked("doctor"), Expected(("ru",)))
    state = after(state, Asked(Translate(request=2, text="My words", target="ru")), Refused(request=2, reason="no"))
    hub = ScriptedHub()
    if end == "sign out":
        state = after(state, Asked(SignOut(request=3)), hub.snapshot())
    elif end == "time":
        state = reduce(state, Tick(NOW + timedelta(minutes=15)))
    elif end == "another officer":
        hub.officer = replace(OFFICER, officer="4712")
        state = reduce(state, hub.snapshot())
    else:
        state = reduce(state, Refused(request=9, reason="nobody is signed in", sign_in=True))
    assert state.speech == SpeechPage(language="ru", topic="medical", phrase="doctor", expected=("ru",))


def test_the_microphone_is_this_dashboards_from_the_answer_to_its_end():
    state = listening()
    assert state.speech.mine
    assert state.listening is ListenMode.PUSH_TO_TALK
    assert reduce(state, LEVEL).speech.now == LEVEL
    for end in (
        [mode(ListenMode.OFF)],
        [Asked(StopListening(request=2)), Done(request=2, text="")],
        [Lost(NOW, "gone")],
    ):
        ended = after(reduce(state, LEVEL), *end)
        assert not ended.speech.mine
        assert ended.speech.now is None


def test_a_microphone_that_another_dashboard_opened_is_not_ours():
    state = after(signed_in(), mode(ListenMode.OPEN), LEVEL)
    assert state.listening is ListenMode.OPEN
    assert not state.speech.mine
    assert state.speech.now is None


def test_why_the_microphone_was_closed_is_said():
    closed = ListeningChanged(at=NOW, unit="unit-1", mode=ListenMode.OFF, officer="", detail="it was unplugged")
    state = reduce(listening(), Told(event=closed))
    assert not state.speech.mine
    assert state.remarks[-1].text == "nothing is heard: it was unplugged"
    assert state.remarks[-1].trouble


def test_a_refused_listening_opens_nothing():
    state = after(signed_in(), Asked(Listen(request=1)), Refused(request=1, reason="no microphone"))
    assert not state.speech.mine
    assert "no microphone" in state.remarks[-1].text


def test_only_the_newest_utterances_are_held():
    state = after(signed_in(), *heard(*(utterance(f"U-{number}") for number in range(HEARD_KEPT + 5))), Marked("U-7"))
    assert len(state.speech.heard) == HEARD_KEPT
    assert state.speech.heard[0].utterance == "U-5"
    state = after(state, *heard(*(utterance(f"V-{number}") for number in range(3))))
    assert state.speech.marked == "", "a mark on what is gone goes with it"


def test_the_mark_moves_and_stays_at_the_ends():
    page = after(signed_in(), *heard(utterance("U-1"), utterance("U-2"), utterance("U-3"))).speech
    assert chosen_utterance(page).utterance == "U-3"
    assert neighbour_utterance(page, 1) == "U-3"
    assert neighbour_utterance(page, -1) == "U-2"
    assert neighbour_utterance(replace(page, marked="U-1"), -1) == "U-1"
    assert neighbour_utterance(SpeechPage(), 1) == ""


def test_only_a_final_text_is_saved_and_only_once():
    state = after(signed_in(), *heard(utterance("U-1", state=UtteranceState.PROVISIONAL)))
    assert not can_save(state.speech)
    for without in (UtteranceState.NOT_UNDERSTOOD, UtteranceState.NOT_EXPECTED):
        assert not can_save(after(state, *heard(utterance("U-1", state=without))).speech)
    state = after(state, *heard(utterance("U-1")))
    assert can_save(state.speech)
    asked = Asked(SaveTranscript(request=4, utterance="U-1", reason="he said where the child is"))
    assert can_save(after(state, asked, Refused(request=4, reason="no")).speech)
    state = after(state, asked, Done(request=4, text="kept"))
    assert state.speech.saved == {"U-1"}
    assert not can_save(state.speech)


def test_the_language_to_answer_in_follows_what_was_understood_until_one_is_chosen():
    page = SpeechPage()
    assert answer_language(page, BOOK).language == "ar"
    said = [
        utterance("U-1", language="ru"),
        utterance("U-2", language="sw"),
        utterance("U-3", language="uk", state=UtteranceState.PROVISIONAL),
        utterance("U-4", language="ko", state=UtteranceState.NOT_EXPECTED),
    ]
    page = after(signed_in(), *heard(*said)).speech
    assert heard_language(page, BOOK.languages) == "ru"
    assert answer_language(page, BOOK).language == "ru"
    assert answer_language(replace(page, language="vi"), BOOK).language == "vi"


def test_a_translation_is_of_the_words_that_were_asked_last():
    made = MachineTranslation("apertium", "en", "es", "Alto", ())
    state = after(signed_in(), Asked(Translate(request=2, text="Stop", target="es")))
    assert (state.speech.asked, state.speech.made) == ("Stop", None)
    state = reduce(state, Translated(request=2, made=made))
    assert state.speech.made == made
    state = after(state, Asked(Translate(request=3, text="Go", target="es")))
    assert state.speech.made is None
    state = reduce(state, Refused(request=3, reason="too slow"))
    assert state.speech.refused == "too slow"


def test_a_translation_on_the_way_when_the_hub_is_lost_is_said_to_be_lost():
    state = after(signed_in(), Asked(Translate(request=2, text="Stop", target="es")), Lost(NOW, "gone"))
    assert state.speech.refused == "the hub was lost"
    assert after(signed_in(), Lost(NOW, "gone")).speech.refused == ""


def test_what_is_being_said_aloud_ends_with_its_answer():
    asked = Asked(SayPhrase(request=2, phrase="doctor", language="ru"))
    assert after(signed_in(), asked).speech.saying == "doctor"
    for reply in (Done(request=2, text="said"), Refused(request=2, reason="no sound device")):
        assert after(signed_in(), asked, reply).speech.saying == ""


def test_how_to_answer_is_known_once_the_hub_said_so():
    shown = AnsweringShown(request=2, translators=(), signed=(), speaks=True)
    assert after(signed_in(), shown).speech.answering == shown
    assert after(State(), shown).speech.answering is None


MESSAGES = st.sampled_from(
    [
        *heard(utterance("U-1"), utterance("U-2", state=UtteranceState.PROVISIONAL), utterance("U-3", language="")),
        LEVEL,
        mode(ListenMode.OPEN),
        mode(ListenMode.OFF),
        Asked(Listen(request=1)),
        Asked(StopListening(request=1)),
        Asked(Translate(request=1, text="Stop", target="es")),
        Asked(SaveTranscript(request=1, utterance="U-1", reason="x")),
        Done(request=1, text="done"),
        Refused(request=1, reason="no"),
        Refused(request=1, reason="no", sign_in=True),
        Lost(NOW, "gone"),
        Spoke("fr"),
        Opened("medical"),
        Picked("doctor"),
        Marked("U-1"),
        Marked("nobody"),
        Expected(("es",)),
    ]
)


@settings(max_examples=60, deadline=None)
@given(st.lists(MESSAGES, max_size=12))
def test_whatever_comes_nothing_heard_outlives_the_officer(messages):
    state = after(signed_in(), *messages)
    if state.officer is None:
        assert state.speech.heard == ()
        assert state.speech.asked == ""
    if state.speech.now is not None:
        assert state.speech.mine
    assert len({each.utterance for each in state.speech.heard}) == len(state.speech.heard)
    assert state.speech.saved <= {each.utterance for each in state.speech.heard}

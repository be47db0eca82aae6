"""What an officer does on the Speech screen with the keyboard, and what stands there."""

from __future__ import annotations

import asyncio
from functools import wraps

import pytest
from textual.widgets import Input

from hub.messages import TRANSCRIPT_NOTICE, ListenMode, UtteranceState
from hub.phrasebook.book import UNCHECKED, load_phrasebook
from hub.tui.dialogs.speech import ExpectDialog, SaveDialog, WordsDialog
from hub.tui.drawings import View
from hub.tui.drawings.answering import draw_answering
from hub.tui.drawings.heard import draw_heard, draw_listening
from hub.tui.drawings.status import draw_status
from hub.tui.speech import Opened, Picked, Spoke
from hub.tui.state import Link, State, reduce
from hub.wire import Heard, Listen, SaveTranscript, SayPhrase, ShowAnswering, StopListening, Translate
from tests.tui.kit import NOW, OFFICER, ScriptedHub, dashboard, settle, shown, sign_in
from tests.tui.kit_speech import HearingHub, utterance
from tests.tui.test_screens import EXAMPLES, FONT, SCREENS, check


def on_asyncio(test):
    @wraps(test)
    def run():
        asyncio.run(asyncio.wait_for(test(), 60))

    return run


def asked(hub, kind):
    return [each for each in hub.asked if isinstance(each, kind)]


def signed_in(*messages) -> State:
    hub = ScriptedHub()
    hub.officer = OFFICER
    state = reduce(State(), hub.snapshot())
    for message in messages:
        state = reduce(state, message)
    return state


def text(draw, state, width=38) -> str:
    return draw(View(state, NOW, width, 20)).plain


# ------------------------------------------------------------------------------------------------- drawings


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"probability": 0.97}, " German"),
        ({"probability": 0.6}, "probably German"),
        ({"probability": 0.3}, "perhaps German"),
        ({"language": "", "state": UtteranceState.NOT_UNDERSTOOD}, "language not known"),
        ({"doubt": "the language is not certain"}, "doubt: the language is not certain"),
        ({"state": UtteranceState.NOT_UNDERSTOOD, "original": "", "doubt": "too quiet"}, "NOT UNDERSTOOD: too quiet"),
        ({"state": UtteranceState.NOT_EXPECTED, "original": ""}, "NOT ONE OF THE EXPECTED LANGUAGES"),
        ({"state": UtteranceState.PROVISIONAL, "confirmed": 9}, "Mein Auto (ist dort drüben. …)"),
        ({"state": UtteranceState.PROVISIONAL}, "still speaking; (…) may change:"),
        ({"translation": ""}, "(no translation)"),
    ],
)
def test_doubt_is_said_in_words(changes, expected):
    drawn = text(draw_heard, signed_in(Heard(utterance=utterance(**changes))))
    assert expected in drawn
    assert "%" not in drawn
    assert "0." not in drawn


def test_what_somebody_says_steers_nothing():
    evil = utterance(original="[red]x[/] \x1b[31m\x1b]0;t\x07\u202etxt\u2066", translation="a\nb\x00", doubt="\x1b[2J")
    drawn = draw_heard(View(signed_in(Heard(utterance=evil)), NOW, 60, 20))
    assert "[red]x[/]" in drawn.plain
    assert not set(drawn.plain) & set("\x1b\x07\x00\u202e\u2066")
    assert "a b" in drawn.plain


def test_english_is_not_shown_twice():
    said = utterance(language="en", original="Stop.", translation="Stop.")
    assert text(draw_heard, signed_in(Heard(utterance=said))).count("Stop.") == 1


def test_without_an_officer_nothing_is_heard_and_the_phrasebook_is_read():
    state = reduce(State(link=Link.UP), Spoke("fa"))
    assert "Sign in to listen" in text(draw_listening, state)
    assert text(draw_heard, state) == ""
    for message in (Opened("way"), Picked("language")):
        state = reduce(state, message)
    drawn = text(draw_answering, state)
    assert load_phrasebook().phrase("language", "fa").text in drawn, "with the joints that spelling needs"
    assert UNCHECKED in drawn


def test_an_open_microphone_is_seen_on_every_screen_by_its_sign():
    state = signed_in()
    assert "MIC" not in text(draw_status, state, 80)
    hub = HearingHub()
    for mode, sign in ((ListenMode.PUSH_TO_TALK, "◉ MIC "), (ListenMode.OPEN, "◉ MIC OPEN")):
        opened = reduce(state, hub.listening(mode))
        assert text(draw_status, opened, 80).lstrip().startswith(sign)
        assert "open for another dashboard" in text(draw_listening, opened)


# --------------------------------------------------------------------------------------------------- pilots


@pytest.mark.slow
@on_asyncio
async def test_push_to_talk_shows_that_it_listens_and_what_is_heard():
    hub = HearingHub()
    app = dashboard(hub)
    async with app.run_test(size=(80, 24)) as pilot:
        await sign_in(pilot)
        await pilot.press("f9")
        await settle(pilot)
        assert "○ microphone off" in shown(app)
        await pilot.press("space")
        await settle(pilot)
        assert asked(hub, Listen) == [Listen(request=asked(hub, Listen)[0].request, languages=(), open=False)]
        hub.level(-12.0)
        hub.hear(utterance("U-1", state=UtteranceState.PROVISIONAL, translation="", confirmed=4))
        await settle(pilot)
        screen = shown(app)
        assert "◉ LISTENING: Space ends" in screen
        assert "speech" in screen
        assert "may change" in screen
        assert screen.startswith(" ◉ MIC ")
        hub.hear(utterance("U-1"))
        await settle(pilot)
        screen = shown(app)
        assert "Mein Auto ist dort drüben." in screen
        assert "= My car is over there." in screen
        assert "answer in German" in screen, "it follows what was heard"
        assert " ".join(TRANSCRIPT_NOTICE.split()[:3]) in screen
        await pilot.press("f2")
        await settle(pilot)
        assert "◉ MIC" in shown(app), "also on another screen"
        await pilot.press("f9", "space")
        await settle(pilot)
        assert len(asked(hub, StopListening)) == 1
        assert "◉" not in shown(app)


@pytest.mark.slow
@on_asyncio
async def test_open_listening_with_expected_languages():
    hub = HearingHub()
    app = dashboard(hub)
    async with app.run_test(size=(80, 24)) as pilot:
        await sign_in(pilot)
        await pilot.press("f9", "e")
        await settle(pilot)
        assert isinstance(app.screen, ExpectDialog)
        await pilot.press(*"es,xq", "enter")
        await settle(pilot)
        assert "no language is called xq" in shown(app)
        app.screen.query_one(Input).value = "es,ar"
        await pilot.press("enter", "o")
        await settle(pilot)
        assert asked(hub, Listen)[-1].languages == ("es", "ar")
        assert asked(hub, Listen)[-1].open
        assert "LISTENING, OPEN: o ends" in shown(app)
        assert "expected: Spanish, Arabic" in shown(app)
        hub.tell(hub.listening(ListenMode.OFF, "the microphone is gone"))
        await settle(pilot)
        assert "○ microphone off" in shown(app)
        assert "nothing is heard: the microphone is gone" in shown(app)


@pytest.mark.slow
@on_asyncio
async def test_a_sentence_by_two_digits_and_said_aloud():
    hub = HearingHub()
    app = dashboard(hub)
    async with app.run_test(size=(80, 24)) as pilot:
        await sign_in(pilot)
        await pilot.press("f9", "5", "3")
        await settle(pilot)
        arabic = load_phrasebook().phrase("ambulance", "ar")
        assert arabic.text in shown(app)
        assert arabic.romanised in shown(app)
        assert "⏎ Say" in shown(app)
        await pilot.press("right", "right", "enter")
        await settle(pilot)
        assert len(asked(hub, ShowAnswering)) == 1
        said = asked(hub, SayPhrase)[-1]
        assert (said.phrase, said.language) == ("ambulance", "es")
        assert "La ambulancia está en camino." in shown(app)
        assert UNCHECKED in shown(app)
        await pilot.press("0", "9", "9")
        await settle(pilot)
        assert "Aquí hay peligro." in shown(app)
        await pilot.press("left", "left", "left")
        await settle(pilot)
        assert "answer in Chinese" in shown(app), "the languages go round"
        while "answer in French" not in shown(app):
            await pilot.press("right")
            await settle(pilot)
        assert "signed by Anna Weiss" in shown(app)


@pytest.mark.slow
@on_asyncio
async def test_own_words_come_back_marked_with_what_was_not_translated():
    hub = HearingHub()
    app = dashboard(hub)
    async with app.run_test(size=(80, 24)) as pilot:
        await sign_in(pilot)
        app.take(Spoke("es"))
        await pilot.press("f9", "w")
        await settle(pilot)
        assert isinstance(app.screen, WordsDialog)
        await pilot.press(*"stop", "enter")
        await settle(pilot)
        assert asked(hub, Translate)[-1].text == "stop"
        screen = shown(app)
        assert "La policía busca [Hauswart]." in screen
        assert "NOT TRANSLATED: Hauswart" in screen
        assert "your words: stop" in screen
        app.take(Spoke("vi"))
        await pilot.press("w", "n", "o", "enter")
        await settle(pilot)
        assert "no translation: no translator" in shown(app)


@pytest.mark.slow
@on_asyncio
async def test_one_utterance_is_kept_with_a_reason():
    hub = HearingHub()
    app = dashboard(hub)
    async with app.run_test(size=(80, 24)) as pilot:
        await sign_in(pilot)
        await pilot.press("f9", "k")
        await settle(pilot)
        assert not isinstance(app.screen, SaveDialog), "nothing was heard yet"
        hub.hear(utterance("U-1"), utterance("U-2", original="Danke.", translation="Thank you."))
        await settle(pilot)
        assert "k Keep" in shown(app)
        await pilot.press("down", "k")
        await settle(pilot)
        assert isinstance(app.screen, SaveDialog)
        assert "My car is over there." in shown(app)
        await pilot.press("enter")
        assert not asked(hub, SaveTranscript), "a reason is needed"
        await pilot.press(*"why", "enter")
        await settle(pilot)
        kept = asked(hub, SaveTranscript)[-1]
        assert (kept.utterance, kept.reason) == ("U-1", "why")
        assert "SAVED" in shown(app)
        await pilot.press("s")
        await settle(pilot)
        assert "Auto" not in shown(app), "what was said goes with the session"


async def conversation(size):
    """Return a dashboard in the middle of a conversation, as text and as a picture."""
    hub = HearingHub()
    app = dashboard(hub)
    async with app.run_test(size=size) as pilot:
        await sign_in(pilot)
        await pilot.press("f9", "space")
        hub.hear(
            utterance("U-1", state=UtteranceState.NOT_UNDERSTOOD, language="", original="", doubt="mostly noise"),
            utterance("U-2", language="ru", probability=0.6, original="Где мой сын?", translation="Where is my son?"),
            utterance("U-3", language="ru", state=UtteranceState.PROVISIONAL, original="Ему шесть лет", confirmed=3),
        )
        await settle(pilot)
        hub.level(-14.0)
        await pilot.press("6", "7")
        await settle(pilot)
        return shown(app), app.export_screenshot()


@pytest.mark.slow
@pytest.mark.parametrize(("width", "height"), [(80, 24), (140, 40)])
def test_the_screen_in_both_sizes(width, height):
    drawn, _ = asyncio.run(conversation((width, height)))
    assert all(len(line) <= width for line in drawn.splitlines())
    check(SCREENS / f"speech-{width}x{height}.txt", drawn)


@pytest.mark.slow
def test_the_readme_shows_the_screen_as_it_is():
    _, picture = asyncio.run(conversation((110, 24)))
    check(EXAMPLES / "speech.svg", FONT.sub("\n", picture))


@pytest.mark.slow
@on_asyncio
async def test_losing_the_hub_closes_the_microphone_on_screen():
    hub = HearingHub()
    app = dashboard(hub)
    async with app.run_test(size=(80, 24)) as pilot:
        await sign_in(pilot)
        await pilot.press("f9", "space")
        await settle(pilot)
        assert "LISTENING" in shown(app)
        hub.lose()
        await settle(pilot)
        assert "◉" not in shown(app)
        assert "HUB LOST" in shown(app)

"""A scripted hub that hears and answers, for tests of the Speech screen."""

from __future__ import annotations

from datetime import timedelta

from hub.events import ListeningChanged
from hub.messages import Field, ListenMode, MachineTranslation, Utterance, UtteranceState
from hub.wire import (
    AnsweringShown,
    Done,
    Heard,
    HearingNow,
    Listen,
    Refused,
    SaveTranscript,
    SayPhrase,
    ShowAnswering,
    StopListening,
    Told,
    Translate,
    Translated,
    TranslatorHealth,
)
from tests.tui.kit import NOW, ScriptedHub


def utterance(name: str = "U-1", **changes: object) -> Utterance:
    """Return what somebody said in German, understood."""
    plain = {
        "utterance": name,
        "source": "microphone",
        "at": NOW + timedelta(seconds=4),
        "start": 4.0,
        "end": 7.5,
        "state": UtteranceState.UNDERSTOOD,
        "language": "de",
        "probability": 0.97,
        "original": "Mein Auto ist dort drüben.",
        "translation": "My car is over there.",
        "doubt": "",
        "confirmed": 26,
    }
    return Utterance(**(plain | changes))


class HearingHub(ScriptedHub):
    """Answers also what the Speech screen asks; what is heard, tests say with `hear`."""

    def __init__(self, *alerts: object) -> None:
        super().__init__(*alerts)
        self.signed = (Field("fr", "Anna Weiss"),)

    def hear(self, *utterances: Utterance) -> None:
        for each in utterances:
            self.tell(Heard(utterance=each))

    def level(self, level: float, *, speaking: bool = True, waiting: int = 0, dropped: int = 0) -> None:
        self.tell(HearingNow(level=level, speaking=speaking, waiting=waiting, dropped=dropped))

    def listening(self, mode: ListenMode, detail: str = "") -> Told:
        officer = "4711" if mode is not ListenMode.OFF else ""
        return Told(event=ListeningChanged(at=self.now, unit="unit-1", mode=mode, officer=officer, detail=detail))

    def replies(self, request: object) -> list[object]:
        number = getattr(request, "request", 0)
        match request:
            case ShowAnswering():
                translators = (TranslatorHealth("apertium", ("es",), ""),)
                return [AnsweringShown(request=number, translators=translators, signed=self.signed, speaks=True)]
            case Listen():
                mode = ListenMode.OPEN if request.open else ListenMode.PUSH_TO_TALK
                return [self.listening(mode), Done(request=number, text="")]
            case StopListening():
                return [self.listening(ListenMode.OFF), Done(request=number, text="")]
            case SaveTranscript():
                return [Done(request=number, text=f"utterance {request.utterance} is kept")]
            case SayPhrase():
                return [Done(request=number, text=f"said in {request.language}")]
            case Translate() if request.target == "es":
                made = MachineTranslation("apertium", "en", "es", "La policía busca [Hauswart].", ("Hauswart",))
                return [Translated(request=number, made=made)]
            case Translate():
                return [Refused(request=number, reason=f"no translator from en to {request.target}; there is es")]
            case _:
                return super().replies(request)

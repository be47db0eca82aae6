"""What a dashboard that attaches now has to be shown: the newest state of each thing that events tell of.

Nothing is asked here and nobody is told anything; `hub.attach` sends what stands here.
"""

from __future__ import annotations

from datetime import datetime

from hub.events import ActorChanged, AlertEvent, CameraChanged, Event, ListeningChanged, UnitStarted
from hub.messages import ActorHealth, AlertState, CameraHealth, ListenMode


class Board:
    """The newest state of cameras, actors and the number of open alerts. For the event loop's thread alone."""

    def __init__(self) -> None:
        self._cameras: dict[str, CameraHealth] = {}
        self._actors: dict[str, ActorHealth] = {}
        self._open: dict[str, datetime] = {}
        self._listening = ListenMode.OFF
        self._detail = ""

    def note(self, event: Event) -> None:
        """Take in an event, right before it is published."""
        match event:
            case UnitStarted():
                self._detail = event.detail
            case ActorChanged():
                self._actors[event.health.actor] = event.health
            case CameraChanged():
                self._cameras[event.health.camera] = event.health
            case ListeningChanged():
                self._listening = event.mode
            case AlertEvent():
                self.note_alert(event.alert, event.state, event.decide_by)
            case _:
                pass

    def note_alert(self, alert: str, state: AlertState, decide_by: datetime) -> None:
        """Take in an alert that was there before the first event."""
        if state is AlertState.ALERT:
            self._open[alert] = decide_by
        else:
            self._open.pop(alert, None)

    @property
    def cameras(self) -> tuple[CameraHealth, ...]:
        """Cameras, in the order in which they were first told of."""
        return tuple(self._cameras.values())

    @property
    def actors(self) -> tuple[ActorHealth, ...]:
        """Actors, in the order in which they were first told of."""
        return tuple(self._actors.values())

    @property
    def listening(self) -> ListenMode:
        """Whether the microphone is open."""
        return self._listening

    @property
    def detail(self) -> str:
        """What was found at the start, "" where nothing was."""
        return self._detail

    def open_alerts(self, now: datetime) -> int:
        """Return how many alerts wait for a decision."""
        return sum(now < decide_by for decide_by in self._open.values())

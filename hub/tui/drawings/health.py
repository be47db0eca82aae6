"""Health: what is wrong first, then cameras, actors, queues and sources, and why nothing happened."""

from __future__ import annotations

from rich.text import Text

from hub.messages import ActorState
from hub.tui.drawings import View
from hub.tui.lines import BAD, GOOD, STRONG, columns, put, sparkline, stack, words
from hub.tui.reading import troubles
from hub.tui.state import State


def draw_health(view: View) -> Text:
    """Return the whole page."""
    state = view.state
    wrong = troubles(state)
    lines = [put(("✖ ", BAD), each) for each in wrong] or [put(("● Nothing is wrong.", GOOD))]
    if state.detail:
        lines.append(put(f"at the start: {state.detail}"))
    if state.missed:
        lines.append(put(f"this screen was too slow for {state.missed} events and was brought up to date"))
    for title, rows in (
        ("Actors", _actors(state)),
        ("Sources", _sources(state)),
        ("Queues", _queues(state)),
        ("How long it takes", _latencies(state)),
        ("Why nothing", _counts(state)),
    ):
        lines += [Text(""), put((title, f"{STRONG} underline"))]
        lines += columns(rows, view.width) if len(rows) > 1 else [put("none")]
    return stack(lines)


def _actors(state: State) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = [("ACTOR", "STATE", "RESTARTS", "DETAIL")]
    for each in state.actors:
        mark = "✖ " if each.state in (ActorState.PARKED, ActorState.BACKING_OFF) else ""
        rows.append((each.actor, mark + words(each.state.value), str(each.restarts), each.detail))
    return rows


def _sources(state: State) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = [("SOURCE", "STATE", "ASKED", "NO ANSWER", "DETAIL")]
    for each in state.sources:
        usable = ("in use" if each.breaker == "closed" else f"✖ {each.breaker}") if each.usable else "✖ not usable"
        rows.append((each.state.source, usable, str(each.asked), str(each.unavailable), each.state.detail))
    return rows


def _queues(state: State) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = [("QUEUE", "WAITING", "ROOM", "DROPPED")]
    rows += [(each.queue, str(each.waiting), str(each.capacity), str(each.dropped)) for each in state.queues]
    return rows


def _latencies(state: State) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = [("WHAT", "NOW", "LATELY, HIGHEST AT THE TOP")]
    rows += [(each.what, f"{each.milliseconds[-1]:.0f} ms", sparkline(each.milliseconds)) for each in state.history]
    return rows


def _counts(state: State) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = [("CAMERA", "STAGE", "REASON", "COUNT")]
    rows += [(each.camera, each.stage, words(each.reason.value), str(each.count)) for each in state.counts]
    return rows

"""One alert: what was read beside what the list says, why they were brought together, and what became of it."""

from __future__ import annotations

from datetime import datetime

from rich.text import Text

from hub.events import AlertEvent
from hub.messages import Alert, AlertState, Hit, HitKind, is_missing
from hub.tui.drawings import View
from hub.tui.drawings.answers import answer_lines
from hub.tui.drawings.characters import draw_characters
from hub.tui.lines import BAD, DOUBT, QUIET, STRONG, left, put, stack, words
from hub.tui.reading import chosen, page_of


def draw_alert_head(view: View) -> Text:
    """Return the lines above the pictures: what it is, what may be done, and what its issuer asks for."""
    state = view.state
    alert = chosen(state)
    if alert is None:
        return Text("")
    title = words(alert.category).upper() or "ALERT"
    style = BAD if is_missing(alert.category) else STRONG
    lines = [put((title, style), ("  UNSIGNED DEVELOPMENT LIST", BAD) if alert.development else "")]
    page = page_of(state)
    lines.append(_what_now(alert, view.now, ready=page is not None))
    if page is not None and (instruction := page.hit.record.get("instruction")):
        lines.append(put(("instruction: ", STRONG), (instruction, STRONG)))
    return stack(lines)


def _what_now(alert: AlertEvent, now: datetime, *, ready: bool) -> Text:
    keys = {
        AlertState.ALERT: f"decide within {left(alert.decide_by, now)}: t true, f false",
        AlertState.ADJUDICATED_TRUE: "TRUE, the desk is told: e engaged, x correct",
        AlertState.ADJUDICATED_FALSE: "FALSE, its pictures are gone: x correct",
        AlertState.ENGAGED: "ENGAGED: c confirmed, n not confirmed",
        AlertState.CONFIRMED_TRUE: "CONFIRMED: x correct",
        AlertState.CONFIRMED_FALSE: "NOT CONFIRMED: x correct",
        AlertState.EXPIRED: "expired: nobody decided in time",
    }
    if not ready:
        return put(("loading what is known of it …", QUIET))
    return put((keys[alert.state], DOUBT if alert.state is AlertState.ALERT else ""))


def draw_alert(view: View) -> Text:
    """Return everything about the chosen alert but its pictures."""
    state = view.state
    alert = page_of(state)
    if alert is None or state.page is None:
        return Text("")
    lines = [*_plate(alert), *_why(alert.hit), *_other_readings(alert), Text("")]
    lines += [put((f"entry {alert.hit.record.entry or '-'}", STRONG), f" of {alert.source}")]
    lines += [put(f"  {words(each.name)}: ", (each.value, STRONG)) for each in alert.hit.record.fields]
    if state.page.repeats:
        lines.append(put(f"  seen {state.page.repeats} more time{'s' if state.page.repeats > 1 else ''} since"))
    lines += [Text(""), *_place(alert)]
    if alert.answers:
        lines += [Text(""), put(("what the sources say", STRONG))]
        lines += [line for answer in alert.answers for line in answer_lines(answer)]
    lines += [Text(""), put(("steps", STRONG))]
    for number, step in enumerate(alert.steps):
        what = "raised" if step.state is AlertState.ALERT else words(step.state.value)
        corrects = "" if step.corrects is None else f", corrects {step.corrects}"
        reason = f": {step.reason}" if step.reason else ""
        lines.append(put(f"  {number}. {step.at:%H:%M:%S} {what}, {step.officer or 'unit'}{corrects}{reason}"))
    return stack(lines)


def _plate(alert: Alert) -> list[Text]:
    best = alert.readings[0] if alert.readings else None
    if alert.hit.aligned:
        lines = draw_characters(alert.hit.aligned, best.characters if best else ())
    else:
        lines = [put("read ", (best.plate, STRONG))] if best else []
    return lines


def _other_readings(alert: Alert) -> list[Text]:
    if not alert.readings:
        return []
    regions = ", ".join(f"{fit.code} {fit.probability:.2f}" for fit in alert.readings[0].regions[:3])
    others = ", ".join(f"{each.plate} {each.confidence:.2f}" for each in alert.readings[1:4])
    lines = [put(f"as issued by {regions}")] if regions else []
    return [*lines, put(f"it may also read {others}")] if others else lines


def _why(hit: Hit) -> list[Text]:
    lines = [put(("why ", STRONG), hit.why)] if hit.why else []
    if hit.limit:
        lines.append(put(f"cost {hit.cost:.2f}; the false-alert budget allows {hit.limit:.2f}"))
    elif hit.why and hit.kind is not HitKind.FACE:  # of a face the sentence above says it all
        lines.append(put("exact plates only: the false-alert budget allows no other"))
    if hit.region_agrees is not None:
        lines.append(put("the region agrees" if hit.region_agrees else ("the region does not agree", DOUBT)))
    if hit.ambiguous:
        lines.append(put(("AMBIGUOUS: another entry is as near; neither is put first", BAD)))
    if hit.competing:
        lines.append(put(f"also near: {', '.join(hit.competing)}"))
    return lines


def _place(alert: Alert) -> list[Text]:
    by = f"officer {alert.raised_by}" if alert.raised_by else "the unit itself"
    digest = f", list {alert.list_digest[:12]}" if alert.list_digest else ""
    return [
        put(f"camera {alert.camera or '-'}, {alert.at:%Y-%m-%d %H:%M:%S} UTC"),
        put((f"raised by {by}{digest}; kept until {alert.keep_until:%Y-%m-%d %H:%M} UTC at the latest", QUIET)),
    ]

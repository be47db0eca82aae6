"""One alert: what was read beside what the list says, why they were brought together, and what became of it."""

from __future__ import annotations

from datetime import datetime

from rich.text import Text

from hub.events import AlertEvent, SourceState
from hub.messages import Alert, AlertState, Hit, HitKind, is_missing
from hub.tui.drawings import View
from hub.tui.drawings.answers import answer_lines
from hub.tui.drawings.characters import draw_characters
from hub.tui.lines import BAD, DOUBT, QUIET, STRONG, left, put, stack, words
from hub.tui.reading import chosen, is_own, page_of
from hub.tui.state import State


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
    own = page is not None and is_own(state, page)
    lines.append(_what_now(alert, view.now, ready=page is not None, own=own))
    if page is not None:
        lines += _what_to_do(page)
    return stack(lines)


def _what_to_do(alert: Alert) -> list[Text]:
    """Return what the issuer asks for; where it asks for nothing, somebody in danger is seen to all the same."""
    instruction = alert.hit.record.get("instruction")
    if not instruction and is_missing(alert.category):
        instruction = "see that this person is safe, stay, and call the desk"
    return [put(("instruction: ", STRONG), (instruction, STRONG))] if instruction else []


def _what_now(alert: AlertEvent, now: datetime, *, ready: bool, own: bool) -> Text:
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
    if own and alert.state is AlertState.ALERT:
        return put((f"your own probe: another officer decides within {left(alert.decide_by, now)}", DOUBT))
    return put((keys[alert.state], DOUBT if alert.state is AlertState.ALERT else ""))


def draw_alert(view: View) -> Text:
    """Return everything about the chosen alert but its pictures."""
    state = view.state
    alert = page_of(state)
    if alert is None or state.page is None:
        return Text("")
    why = _why_face(alert.hit) if alert.hit.kind is HitKind.FACE else _why(alert.hit, _list_of(state, alert))
    lines = [*_plate(alert), *why, *_other_readings(alert), Text("")]
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


def _list_of(state: State, alert: Alert) -> SourceState | None:
    """Return the list that raised the alert, where it is still the one in use."""
    lists = (each.state for each in state.sources if each.state.source == alert.source)
    return next((each for each in lists if each.list_digest == alert.list_digest), None)


def _why_face(hit: Hit) -> list[Text]:
    """Return why a face was brought together with an entry. A similarity is no probability (C10), so that is said."""
    if not hit.why:
        return []
    lines = [put(("ALIKE TO THE MODEL, which is no proof: compare both pictures yourself.", DOUBT))]
    if hit.ambiguous:
        lines.append(put(("AMBIGUOUS: another entry is as near; neither is put first", BAD)))
    if hit.competing:
        lines.append(put(f"also near: {', '.join(hit.competing)}"))
    return [*lines, put(("why ", STRONG), hit.why)]


def _why(hit: Hit, known: SourceState | None) -> list[Text]:
    lines = [put(("why ", STRONG), hit.why)] if hit.why else []
    if hit.limit:
        lines.append(put(f"cost {hit.cost:.2f}; the false-alert budget allows {hit.limit:.2f}"))
    elif hit.why:
        lines.append(put("exact plates only: the false-alert budget allows no other"))
    if hit.why and known is not None and known.false_alert_budget:
        expected = f"{known.expected_false_alerts:g} expected" if hit.limit else "only exact plates keep to it"
        lines.append(put(f"budget: {known.false_alert_budget:g} in 10,000 reads of unlisted plates; {expected}"))
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

"""The log: the officer's own entries, and whether all of it verifies."""

from __future__ import annotations

from rich.text import Text

from hub.tui.drawings import View
from hub.tui.lines import BAD, GOOD, QUIET, STRONG, columns, put, stack, words
from hub.wire import LogLine, LogVerified


def draw_log(view: View) -> Text:
    """Return the page: verification, checkpoint, entries with the newest first."""
    state = view.state
    if state.officer is None:
        return put(("Sign in to see your entries: key s", STRONG))
    lines = _verified(state.log.verified)
    if state.log.checkpoint:
        lines += [put(("checkpoint, to be kept outside this unit:", STRONG))]
        lines += [put(line) for line in state.log.checkpoint.splitlines()]
    if not state.log.lines:
        return stack([*lines, Text(""), put("No entry of yours.")])
    rows = [("ENTRY", "TIME", "ACT", "OUTCOME", "PARTICULARS"), *(_row(line) for line in reversed(state.log.lines))]
    return stack([*lines, Text(""), *columns(rows, view.width)])


def _verified(result: LogVerified | None) -> list[Text]:
    if result is None:
        return [put(("Not verified yet: key v", QUIET))]
    verdict = put(("● VERIFIED", GOOD)) if result.ok else put(("✖ NOT VERIFIED", BAD))
    lines = [Text.assemble(verdict, put(f": {result.entries} entries")), put(f"  {result.reason}")]
    if result.first_bad is not None:
        lines.append(put((f"  first bad entry: {result.first_bad}", BAD)))
    return lines


def _row(line: LogLine) -> tuple[str, ...]:
    said = ", ".join(f"{words(each.name)} {each.value}" for each in line.particulars)
    about = " ".join(each for each in (line.camera, line.source) if each)
    detail = "; ".join(each for each in (said, about) if each)
    if line.payload in ("destroyed", "sealed"):
        detail = f"({line.payload}) {detail}".rstrip()
    return (str(line.index), f"{line.at:%m-%d %H:%M:%S}", words(line.act), words(line.outcome), detail)

"""Words and small drawings that several commands show: aligned characters, counts, answers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from hub.messages import AlignedCharacter, Answer, ReasonCount


def aligned(characters: Sequence[AlignedCharacter]) -> list[str]:
    """Return three lines that set a read under an entry, with a mark where they differ; none for no characters."""
    if not characters:
        return []
    read = " ".join(each.read or "-" for each in characters)
    entry = " ".join(each.entry or "-" for each in characters)
    marks = " ".join(" " if each.read == each.entry else "^" for each in characters)
    lines = [f"  read   {read}", f"  entry  {entry}"]
    return [*lines, f"         {marks}".rstrip()] if marks.strip() else lines


def numbered(count: int, one: str, many: str = "") -> str:
    """Return a count with its noun."""
    return f"{count} {one if count == 1 else many or one + 's'}"


def counted(counts: Iterable[ReasonCount]) -> list[tuple[str, ...]]:
    """Return the rows of a table of reason codes."""
    rows: list[tuple[str, ...]] = [("CAMERA", "STAGE", "REASON", "COUNT")]
    rows += [(each.camera, each.stage, each.reason.value, str(each.count)) for each in counts]
    return rows


def answered(answer: Answer) -> list[str]:
    """Return an answer as lines of text, its hits with why and their fields."""
    marks = " (UNSIGNED DEVELOPMENT LIST)" if answer.development else ""
    lines = [f"{answer.source}: {answer.status.value}, {answer.milliseconds:.0f} ms{marks}. {answer.explanation}"]
    for hit in answer.hits:
        lines.append(f"  entry {hit.record.entry}: {hit.why}")
        lines += [f"  {each}" for each in aligned(hit.aligned)]
        lines += [f"    {field.name.replace('_', ' ')}: {field.value}" for field in hit.record.fields]
    return lines

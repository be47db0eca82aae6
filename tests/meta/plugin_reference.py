"""Writes the tables of settings at the end of our plugins' READMEs, from the docstrings beside the settings.

python -m tests.meta.plugin_reference
"""

from __future__ import annotations

from pathlib import Path

import msgspec

import records_http.settings
import records_postgres.settings
from tests.meta.settings_reference import field_docstrings, shown_default

MARK = "\n## Settings\n"
PLUGINS = Path(__file__).parents[2] / "plugins"
TABLES: dict[str, list[tuple[str, type[msgspec.Struct]]]] = {
    "records_postgres": [
        ("The table itself", records_postgres.settings.Settings),
        ("`tables.NAME`", records_postgres.settings.Table),
    ],
    "records_http": [
        ("The table itself", records_http.settings.Settings),
        ("`plate`, `person` and `document`", records_http.settings.RequestSettings),
        ("`fields.NAME`, where it is a table", records_http.settings.FieldSettings),
    ],
}
"""For each plugin its tables and the record that describes each."""


def render(plugin: str) -> str:
    """Return the part of a README from `MARK` on."""
    lines = [MARK]
    for title, kind in TABLES[plugin]:
        meanings = field_docstrings(kind)
        lines += [f"{title}:", "", "| key | default | |", "|---|---|---|"]
        for field in msgspec.structs.fields(kind):
            meaning = meanings[field.name].replace("|", "\\|").replace("``", "`")
            lines.append(f"| `{field.name}` | {shown_default(field)} | {meaning} |")
        lines.append("")
    return "\n".join(lines)


def main() -> None:
    """Bring every README up to date."""
    for plugin in TABLES:
        file = PLUGINS / plugin / "README.md"
        file.write_text(file.read_text().partition(MARK)[0] + render(plugin))


if __name__ == "__main__":
    main()

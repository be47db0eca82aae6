"""Every setting of a source that the operator maps is in its plugin's README."""

from __future__ import annotations

import pytest

from tests.meta.plugin_reference import MARK, PLUGINS, TABLES, render


@pytest.mark.parametrize("plugin", TABLES)
def test_the_tables_of_settings_are_up_to_date(plugin: str) -> None:
    before, mark, _ = (PLUGINS / plugin / "README.md").read_text().partition(MARK)
    assert before + mark == before + MARK, "no settings in the README"
    assert (PLUGINS / plugin / "README.md").read_text() == before + render(plugin), (
        "run: python -m tests.meta.plugin_reference"
    )

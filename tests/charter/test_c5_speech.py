"""C5, C9: nothing heard starts a look-up or is matched against anything. Held by structure: what hears cannot ask."""

from __future__ import annotations

import grimp
import pytest

HEARS = (
    "hub.speech",
    "hub.actors.speech",
    "hub.listening",
    "hub.hearing",
    "hub.speech_files",
    "hub.commands.translating",
)
ASKS = (
    "hub.lookups",
    "hub.sources",
    "hub.names",
    "hub.plates",
    "hub.alerts",
    "hub.probes",
    "hub.face_checks",
    "hub.watchlists",
    "hub.actors.lookups",
    "hub.actors.alerts",
    "hub.subjects",
)


@pytest.fixture(scope="module")
def graph():
    return grimp.build_graph("hub")


@pytest.mark.parametrize("hears", HEARS)
def test_what_hears_imports_nothing_that_asks_or_matches(graph, hears):
    modules = {hears} | graph.find_descendants(hears)
    imported = {each for module in modules for each in graph.find_modules_directly_imported_by(module)}
    assert not {each for each in imported if each.startswith(ASKS)}


def test_what_matches_does_not_know_that_anything_is_heard(graph):
    for asks in ASKS:
        modules = {asks} | graph.find_descendants(asks)
        imported = {each for module in modules for each in graph.find_modules_directly_imported_by(module)}
        assert not {each for each in imported if each.startswith(HEARS)}, asks

"""`hub.parts`: which sources are opened, under which names, with which settings and reach."""

from __future__ import annotations

from collections.abc import Iterable
from types import SimpleNamespace
from typing import ClassVar

import pytest

from hub.backends import RecordSource, SourceInfo, SourceRecord
from hub.clocks import ManualClock
from hub.config import parse_config
from hub.errors import ConfigError, PluginError
from hub.messages import Query, Reach, Requester, SubjectKind
from hub.parts import MOST_AT_ONCE, installed_plugins, open_plate_reader, source_specs
from hub.plates.grammar import load_grammars
from hub.plugins import Part
from hub.sources import SourceSpec, open_sources
from hub.testing.readers import PaintedReader
from hub.testing.sources import EVERYTHING, START, ScriptedSource, context


class Register(RecordSource):
    name: ClassVar[str] = "register"
    reach: ClassVar[Reach] = Reach.ON_REQUEST
    answers: ClassVar[frozenset[SubjectKind]] = EVERYTHING

    def find(self, query: Query) -> Iterable[SourceRecord]:
        return ()


class Mapped(Register):
    """Nothing without settings; the operator says whose records they are."""

    name: ClassVar[str] = "mapped"
    reach: ClassVar[Reach] = Reach.RESTRICTED
    may_declare: ClassVar[frozenset[Reach]] = frozenset({Reach.ON_REQUEST})
    needs_settings: ClassVar[bool] = True


PLUGINS = SimpleNamespace(
    record_sources={kind.name: Part(f"plugin_{kind.name}", kind.name, kind) for kind in (Register, Mapped)},
    list=tuple,
)


def specs(tmp_path, text: str) -> dict[str, SourceSpec]:
    return {spec.name: spec for spec in source_specs(PLUGINS, parse_config(text), tmp_path)}


def test_a_source_that_is_nothing_without_settings_is_opened_only_with_some(tmp_path) -> None:
    assert list(specs(tmp_path, "")) == ["register"]
    with_plugin = specs(tmp_path, "[plugins.plugin_mapped]\nhost = 'a'\n")
    assert list(with_plugin) == ["mapped", "register"]
    assert with_plugin["mapped"].context.settings == {"host": "a"}
    own = specs(tmp_path, "[lookups.sources.mapped.settings]\nhost = 'b'\n")
    assert own["mapped"].context.settings == {"host": "b"}


def test_one_source_may_be_opened_several_times_each_with_its_own_settings(tmp_path) -> None:
    found = specs(
        tmp_path,
        "[lookups]\norder = ['b']\n"
        "[lookups.sources.a]\nuses = 'mapped'\ndeadline = 4\nreach = 'on_request'\n"
        "[lookups.sources.a.settings]\nhost = 'a'\n"
        "[lookups.sources.b]\nuses = 'mapped'\n[lookups.sources.b.settings.table]\nhost = 'b'\n",
    )
    assert list(found) == ["b", "a", "register"]
    assert (found["a"].deadline, found["a"].reach, found["a"].plugin) == (4.0, Reach.ON_REQUEST, "plugin_mapped")
    assert (found["b"].reach, found["b"].context.settings) == (None, {"table": {"host": "b"}})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[lookups.sources.a]\nuses = 'absent'\n", "there is no such record source"),
        ("[lookups.sources.register]\nuses = 'mapped'\n", "choose another"),
        ("[lookups.sources.register]\nreach = 'automatic'\n", "leaves no wider reach"),
        ("[lookups.sources.a]\nuses = 'mapped'\nreach = 'automatic'\n", "leaves no wider reach"),
    ],
)
def test_what_a_source_does_not_leave_to_the_configuration_is_refused(tmp_path, text, said) -> None:
    with pytest.raises(ConfigError, match=said):
        specs(tmp_path, text)


def test_a_reach_may_always_be_narrower(tmp_path) -> None:
    assert specs(tmp_path, "[lookups.sources.register]\nreach = 'restricted'\n")["register"].reach is Reach.RESTRICTED


async def test_the_host_goes_by_what_turned_out_on_opening_and_by_the_configured_reach(tmp_path) -> None:
    less = SourceInfo(entries=1, exact_only=True, answers=frozenset({SubjectKind.PLATE}))
    source = ScriptedSource("any", {"E": {"plate": "KE123AB"}}, reach=Reach.RESTRICTED, info=less)
    spec = SourceSpec("p", source, context(tmp_path), name="vehicles", reach=Reach.ON_REQUEST)
    async with open_sources([spec], clock=ManualClock(START), book=load_grammars()) as host:
        (status,) = host.statistics()
        officer = Requester("4711", "officer", "u")
        assert (status.name, status.reach, status.exact_only) == ("vehicles", Reach.ON_REQUEST, True)
        assert status.answers == (SubjectKind.PLATE,)
        assert host.select(SubjectKind.PLATE, officer, "stopped").asked == ("vehicles",)
        assert not host.select(SubjectKind.PERSON, officer, "stopped").asked


async def test_a_source_that_says_nonsense_of_what_it_answers_is_not_used(tmp_path) -> None:
    source = ScriptedSource("any", info=SourceInfo(entries=1, answers="plate"))  # type: ignore[arg-type]
    async with open_sources(
        [SourceSpec("p", source, context(tmp_path))], clock=ManualClock(START), book=load_grammars()
    ) as host:
        assert not host.statistics()[0].usable


def plate_readers(reader: object) -> SimpleNamespace:
    return SimpleNamespace(plate_readers={"mine": Part("plugin_mine", "mine", lambda context: reader)}, list=tuple)


@pytest.mark.parametrize("at_once", [0, -1, MOST_AT_ONCE + 1, "two", 1.5, True, None])
def test_a_reader_that_takes_no_sensible_number_of_calls_is_not_used(tmp_path, at_once) -> None:
    closed = []

    class Mine(PaintedReader):
        def close(self) -> None:
            closed.append(self)

    Mine.at_once = at_once
    with pytest.raises(PluginError, match="plugin_mine: at_once of mine is not a number from 1 to"):
        open_plate_reader(plate_readers(Mine()), parse_config("[plates]\nreader = 'mine'\n"), tmp_path)
    assert len(closed) == 1


def test_what_is_no_reader_is_not_used(tmp_path) -> None:
    with pytest.raises(PluginError, match="plugin_mine: what it opens as mine is no PlateReader"):
        open_plate_reader(plate_readers(object()), parse_config("[plates]\nreader = 'mine'\n"), tmp_path)


@pytest.mark.parametrize("setting", ["plugins_in_process", "plugins_off"])
def test_a_misspelt_plugin_in_the_configuration_is_listed(setting) -> None:
    (told,) = [info for info in installed_plugins(parse_config(f"{setting} = ['driverz']\n")).list() if info.reason]
    assert told.name == "driverz"
    assert told.reason == f"{setting} names it, but no such plugin is installed; did you mean drivers?"

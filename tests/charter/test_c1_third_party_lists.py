"""C1, C3: a third party's list, which the host cannot verify, is told no plate; under --development it is marked."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest

from hub.clocks import ManualClock
from hub.config import parse_config
from hub.isolation.limits import guards
from hub.messages import Answer, AnswerStatus, LookupRequest, Reach, Requester
from hub.parts import source_specs
from hub.plates.grammar import load_grammars
from hub.plugins import PluginHost
from hub.sources import SourceHost, SourceStatus, open_sources
from hub.testing.sources import typed_plate
from tests.kit import STRANGER, Unit
from tests.kit_isolation import MANIFEST, NOW, SOURCE, Stranger

pytestmark = pytest.mark.skipif(not guards().landlock, reason="this kernel has no Landlock")

AUTOMATIC = MANIFEST.replace("on_request", "automatic")
CODE = "from hub.testing.sources import CLOSED_LIST\n" + SOURCE.replace("ON_REQUEST", "AUTOMATIC").replace(
    'SourceInfo(entries=1, detail="invented")', "CLOSED_LIST"
).replace("        self.context = context\n", "        (context.state / 'told').touch()\n")
"""Has a digest, an expiry, and no word of being unsigned: what a verified list would say of itself, too."""

UNIT = Requester("", "unit", "unit-1")
OFFICER = Requester("4711", "officer", "unit-1")
Opener = Callable[..., AbstractAsyncContextManager[SourceHost]]


@pytest.fixture
def told() -> list[SourceStatus]:
    return []


@pytest.fixture
def opener(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told: list[SourceStatus]) -> Opener:
    """Opens the stranger's source as a unit does."""
    site = tmp_path / "site"
    monkeypatch.syspath_prepend(site)

    async def note(status: SourceStatus) -> None:
        told.append(status)

    @asynccontextmanager
    async def opened(
        *, config: str = "", development: bool = False, manifest: str = AUTOMATIC, code: str = CODE
    ) -> AsyncIterator[SourceHost]:
        Stranger.put(site, "auto", code, manifest=manifest)
        plugins = PluginHost(path=[str(site)])
        plugins.load_all()
        specs = source_specs(plugins, parse_config(config), tmp_path / "state", development=development)
        async with open_sources(specs, clock=ManualClock(NOW), book=load_grammars(), on_opened=note) as host:
            yield host

    return opened


async def ask(host: SourceHost, requester: Requester) -> tuple[Answer, ...]:
    async def deliver(_: Answer) -> None:
        pass

    reason = "traffic stop" if requester.officer else ""
    return await host.ask(LookupRequest("L1", typed_plate("KE123AB"), requester, reason, (), NOW), deliver=deliver)


async def test_it_is_parked_before_its_process_starts(opener: Opener, tmp_path: Path, told: list[SourceStatus]) -> None:
    async with opener() as host:
        (answer,) = await ask(host, UNIT)
    assert (answer.status, answer.hits) == (AnswerStatus.UNAVAILABLE, ())
    assert "the hub cannot verify a third party's list" in answer.explanation
    assert [(status.usable, status.parked) for status in told] == [(False, True)]
    for way in ("--development", "on_request", "wanted_persons"):
        assert way in told[0].detail
    assert not (tmp_path / "state" / "plugins" / "auto" / "told").exists()


async def test_under_development_it_counts_and_shows_as_a_development_list(opener: Opener) -> None:
    async with opener(development=True) as host:
        (answer,) = await ask(host, UNIT)
        assert host.statistics()[0].info.development
    assert answer.status is AnswerStatus.HIT
    assert answer.development
    assert "Unsigned development list." in answer.explanation


async def test_what_the_configuration_makes_automatic_is_no_exception(opener: Opener) -> None:
    manifest = MANIFEST + 'may_declare = ["automatic"]\n'
    config = '[lookups.sources.auto]\nreach = "automatic"\n'
    async with opener(config=config, manifest=manifest, code=SOURCE) as host:
        (answer,) = await ask(host, UNIT)
    assert answer.status is AnswerStatus.UNAVAILABLE
    assert "the hub cannot verify" in answer.explanation


async def test_given_a_narrower_reach_officers_ask_it_and_no_read_does(opener: Opener) -> None:
    async with opener(config='[lookups.sources.auto]\nreach = "on_request"\n') as host:
        assert await ask(host, UNIT) == ()
        (answer,) = await ask(host, OFFICER)
    assert (answer.status, answer.reach, answer.development) == (AnswerStatus.HIT, Reach.ON_REQUEST, False)


@pytest.mark.slow
def test_in_a_whole_hub_an_alert_of_it_is_marked_and_there_is_none_without_development(tmp_path: Path) -> None:
    unit = Unit.prepare(tmp_path / "unit")
    Stranger.put(unit.folder / "site", "auto", CODE.replace("KE123AB", STRANGER), manifest=AUTOMATIC)

    def raised(*words: str) -> dict[str, bool]:
        street = unit.photos(STRANGER, STRANGER, STRANGER, name="street" + "".join(words))
        events = unit.run("run", "--source", str(street), "--until-end", "--events", "-", *words).lines()
        return {each["source"]: each["development"] for each in events if each["kind"] == "alert"}

    with unit.active():
        assert "auto" not in raised()
        listed = {each["name"]: each for each in unit.run("plugins", "list", "--format", "json").json()["plugins"]}
        assert "the hub cannot verify a third party's list" in listed["auto"]["reason"]
        assert raised("--development")["auto"] is True

"""Ways to the desk that plugins register are used: made late, made again, and never missed by the outbox."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from hub.backends import PluginContext
from hub.clocks import ManualClock
from hub.config import Settings
from hub.dispatch_plugin import PluginDispatcher
from hub.errors import PluginError, SourceUnavailableError
from hub.messages import AlertState
from hub.parts import dispatchers
from hub.plugins import Part
from hub.testing import alerts as kit
from hub.testing.contracts_dispatchers import DispatcherContract, dispatch
from hub.unit import open_unit


class TestMadeLate(DispatcherContract):
    def make(self, tmp_path):
        self.desk = kit.ScriptedDispatcher()
        return PluginDispatcher("radio", lambda: self.desk)

    def taken(self, dispatcher):
        return self.desk.arrived


def plugins(**factories):
    return SimpleNamespace(dispatchers={name: Part("radios", name, make) for name, make in factories.items()})


async def test_it_is_made_with_its_plugin_s_context_when_the_first_dispatch_goes_and_once(tmp_path):
    desk, made = kit.ScriptedDispatcher(), []

    def make(context):
        made.append(context)
        return desk

    settings = Settings(plugins={"radios": {"channel": 7}})
    (target,) = dispatchers(plugins(radio=make), settings, tmp_path)
    assert (target.name, made) == ("radio", [])
    await target.send(dispatch(1))
    await target.send(dispatch(2))
    (context,) = made
    assert isinstance(context, PluginContext)
    assert context.settings["channel"] == 7
    assert desk.sent == ["a-1-1", "a-2-1"]


async def test_what_is_no_dispatcher_is_named():
    with pytest.raises(PluginError, match="the plugin's dispatcher radio is none: it is a int"):
        await PluginDispatcher("radio", lambda: 7).send(dispatch(1))


def test_none_takes_the_name_of_the_hub_s_own(tmp_path):
    with pytest.raises(PluginError, match="a plugin registers a dispatcher file"):
        dispatchers(plugins(file=print), Settings(), tmp_path)


async def test_a_decision_waits_for_a_way_that_cannot_be_made_yet(tmp_path):
    desk, tries = kit.ScriptedDispatcher(), []

    def make(_):
        tries.append(1)
        if len(tries) == 1:
            raise SourceUnavailableError("no radio is plugged in")
        return desk

    targets = dispatchers(plugins(radio=make), Settings(), tmp_path)
    async with open_unit(Settings(), tmp_path, clock=ManualClock(kit.START), targets=targets) as unit:
        await unit.alerts._store.insert(kit.alert(at=kit.START))
        await kit.decide(unit.alerts, kit.requester(), "a-1", AlertState.ADJUDICATED_TRUE, "it is the car")
        assert await unit.outbox.flush() == 1  # the folder has it, the radio does not
        assert [health.detail for health in unit.outbox.health()] == ["", "no radio is plugged in"]
        assert await unit.outbox.flush() == 0
    (arrived,) = desk.arrived
    assert arrived.reason == "it is the car"
    assert len(list((tmp_path / "dispatches").iterdir())) == 1

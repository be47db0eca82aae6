"""`hub.plugins` on small real distributions: a module and a dist-info folder on ``sys.path``."""

from __future__ import annotations

import itertools
import sys

import pytest

from hub.errors import PluginError
from hub.messages import Reach
from hub.plugins import SHIPPED, PluginHost, PluginState

READER = """
from hub.hookspecs import hookimpl
{extra}
@hookimpl
def register_plate_readers(register):
    register("{name}", lambda context: "a reader")
"""

SOURCE = """
from hub.backends import RecordSource
from hub.hookspecs import hookimpl
from hub.messages import Reach, SubjectKind

class Source(RecordSource):
    name = "stolen"
    answers = frozenset({SubjectKind.PLATE})
    reach = Reach.AUTOMATIC
    def find(self, query):
        return ()

@hookimpl
def register_record_sources(register):
    register(Source)
"""

numbers = itertools.count()


class Shelf:
    """Installs distributions into a folder, each with a module of a name that no other test uses."""

    def __init__(self, folder):
        self.folder = folder

    def put(self, name, code, *, distribution=None, version="1.0", entry=None, metadata=None, module=None):
        module = module or f"shelf_{next(numbers)}_{''.join(c for c in name if c.isidentifier())}"
        distribution = distribution or f"hub-{name}"
        (self.folder / f"{module}.py").write_text(code)
        info = self.folder / f"{distribution.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n")
        line = metadata or f"{name} = {entry.format(module=module) if entry else module}"
        (info / "entry_points.txt").write_text(f"[patrol_hub.plugins]\n{line}\n")
        return module

    def ship(self, name, code, monkeypatch):
        """Install a plugin of the project's own."""
        monkeypatch.setattr("hub.plugins.SHIPPED", SHIPPED | {name})
        self.put(name, code, distribution=f"patrol-hub-{name.replace('_', '-')}", module=name)

    def host(self, **more):
        return PluginHost(path=[str(self.folder)], **{"in_process": None, **more})


@pytest.fixture
def shelf(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    before = set(sys.modules)
    yield Shelf(tmp_path)
    for name in set(sys.modules) - before:
        if name.startswith("shelf_"):
            del sys.modules[name]


def parked(info):
    assert info.state is PluginState.PARKED
    assert info.reason
    assert "\n" not in info.reason
    return info.reason


def test_listing_imports_nothing(shelf):
    module = shelf.put("alpr", READER.format(name="alpr", extra=""), version="2.3")
    (info,) = shelf.host().list()
    assert (info.name, info.distribution, info.version, info.entry_point) == ("alpr", "hub-alpr", "2.3", module)
    assert (info.state, info.api) == (PluginState.NOT_LOADED, None)
    assert module not in sys.modules


def test_loading_registers_parts_under_the_plugin_s_name(shelf):
    shelf.put("alpr", READER.format(name="quick", extra="PATROL_HUB_API = 1"))
    shelf.put("lists", SOURCE)
    host = shelf.host()
    assert {info.state for info in host.load_all()} == {PluginState.LOADED}
    assert host.plate_readers["quick"].plugin == "alpr"
    assert host.plate_readers["quick"].make(None) == "a reader"
    assert host.record_sources["stolen"].make.reach is Reach.AUTOMATIC
    assert host.load_one("alpr").parts == ("plate reader quick",)
    assert host.load_one("alpr").api == 1
    assert not host.face_detectors
    assert not host.importers
    assert not host.dispatchers


def test_loading_one_imports_no_other(shelf):
    shelf.put("alpr", READER.format(name="alpr", extra=""))
    other = shelf.put("lists", SOURCE)
    host = shelf.host()
    host.load_one("alpr")
    assert other not in sys.modules
    assert [info.state for info in host.list()] == [PluginState.LOADED, PluginState.NOT_LOADED]


def test_what_is_left_out_is_not_loaded(shelf):
    module = shelf.put("alpr", READER.format(name="alpr", extra=""))
    shelf.host(off=["alpr"]).load_all()
    assert module not in sys.modules


def test_an_unknown_name_gets_advice(shelf):
    shelf.put("alpr", READER.format(name="alpr", extra=""))
    with pytest.raises(PluginError, match="did you mean alpr"):
        shelf.host().load_one("alrp")
    with pytest.raises(PluginError, match="plugins list"):
        shelf.host().load_one("x\x1b[2J")


BROKEN = {
    "import_error": ("import no_such_module_of_a_stranger", "no_such_module_of_a_stranger"),
    "syntax_error": ("def (:", "SyntaxError"),
    "raises": ("raise RuntimeError('first\\nsecond\\x1b[2J\\u202e')", "RuntimeError: first second[2J"),
    "exits": ("import sys; sys.exit(3)", "SystemExit: 3"),
    "group": ("raise ExceptionGroup('x', [ValueError('inner')])", "ValueError: inner"),
    "api_2": (READER.format(name="x", extra="PATROL_HUB_API = 2"), "speaks plugin API 2, this hub speaks 1"),
    "api_text": (READER.format(name="x", extra="PATROL_HUB_API = '1'"), "speaks plugin API '1'"),
    "api_bool": (READER.format(name="x", extra="PATROL_HUB_API = True"), "speaks plugin API True"),
    "no_hook": ("x = 1", "no hook"),
    "unknown_hook": (
        "from hub.hookspecs import hookimpl\n@hookimpl\ndef register_weapons(register): ...",
        "unknown hook 'register_weapons'",
    ),
    "wrong_argument": (
        "from hub.hookspecs import hookimpl\n@hookimpl\ndef register_plate_readers(registry): ...",
        "registry",
    ),
    "hook_raises": (
        "from hub.hookspecs import hookimpl\n@hookimpl\ndef register_plate_readers(register): 1 / 0",
        "ZeroDivisionError",
    ),
    "bad_name": (READER.format(name="../../etc", extra=""), "is no name for a plate reader"),
    "twice": (
        READER.format(name="one", extra="") + '    register("one", print)\n',
        "registers the plate reader one twice",
    ),
    "no_factory": (
        "from hub.hookspecs import hookimpl\n@hookimpl\ndef register_dispatchers(register): register('mqtt', 7)",
        "its name and a factory",
    ),
    "no_class": (SOURCE.replace("register(Source)", "register(7)"), "derived from RecordSource"),
    "foreign_class": (SOURCE.replace("register(Source)", "register(dict)"), "derived from RecordSource"),
    "instance": (SOURCE.replace("register(Source)", "register(Source())"), "derived from RecordSource"),
    "abstract": (SOURCE.replace("def find", "def seek"), "Source does not implement find"),
    "no_answers": (SOURCE.replace("answers =", "replies ="), "must say what it answers"),
    "bad_answers": (SOURCE.replace("{SubjectKind.PLATE}", "{'plate'}"), "must say what it answers"),
    "bad_reach": (SOURCE.replace("Reach.AUTOMATIC", "'automatic'"), "must give its reach"),
    "no_name": (SOURCE.replace('name = "stolen"', "other = 1"), "is no name for a record source"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_plugin_is_parked_and_the_others_go_on(shelf, case):
    code, why = BROKEN[case]
    shelf.put("broken", code)
    shelf.put("good", READER.format(name="good", extra=""))
    host = shelf.host()
    broken, good = host.load_all()
    assert why in parked(broken)
    assert "\x1b" not in broken.reason
    assert good.state is PluginState.LOADED
    assert set(host.plate_readers) == {"good"}
    assert not host.record_sources
    assert host.load_one("broken") == broken


def test_undeclared_reach_is_restricted(shelf):
    shelf.put("lists", SOURCE.replace("    reach = Reach.AUTOMATIC\n", ""))
    host = shelf.host()
    host.load_all()
    assert host.record_sources["stolen"].make.reach is Reach.RESTRICTED


def test_a_plugin_is_taken_whole_or_not_at_all(shelf):
    shelf.put("half", READER.format(name="half", extra="") + SOURCE.replace("register(Source)", "register(7)"))
    host = shelf.host()
    parked(host.load_one("half"))
    assert not host.plate_readers


def test_the_second_to_take_a_name_is_parked(shelf):
    shelf.put("first", SOURCE)
    shelf.put("second", SOURCE)
    host = shelf.host()
    first, second = host.load_all()
    assert first.state is PluginState.LOADED
    assert parked(second) == "first has registered a record source stolen already"
    assert host.record_sources["stolen"].plugin == "first"


FACTORIES = {
    "plate_readers": "plate reader",
    "face_detectors": "face detector",
    "face_engines": "face engine",
    "voice_detectors": "voice detector",
    "transcribers": "transcriber",
    "translators": "translator",
    "position_sources": "position source",
    "dispatchers": "dispatcher",
}
FACTORY = """
from hub.hookspecs import hookimpl
@hookimpl
def register_{kinds}(register):
    register("{name}", print)
"""
IMPORTER = """
from hub.backends import Importer
from hub.hookspecs import hookimpl
class Mine(Importer):
    name = "{name}"
    def import_file(self, context, file): ...
@hookimpl
def register_importers(register):
    register(Mine)
"""
KINDS = {kinds: (kind, FACTORY.replace("{kinds}", kinds)) for kinds, kind in FACTORIES.items()} | {
    "record_sources": (
        "record source",
        SOURCE.replace('"stolen"', '"{name}"').replace("{Sub", "{{Sub").replace("})", "}})"),
    ),
    "importers": ("importer", IMPORTER),
}


@pytest.mark.parametrize("kinds", KINDS)
def test_the_latecomer_is_the_one_that_is_not_shipped(shelf, monkeypatch, kinds):
    kind, code = KINDS[kinds]
    shelf.ship("shelf_zzz", code.format(name="contested"), monkeypatch)
    shelf.put("aaa", code.format(name="contested"))
    host = shelf.host()
    aaa, shipped = host.load_all()
    assert shipped.state is PluginState.LOADED
    assert parked(aaa) == f"shelf_zzz has registered a {kind} contested already"
    assert getattr(host, kinds)["contested"].plugin == "shelf_zzz"


@pytest.mark.parametrize("kinds", KINDS)
def test_no_part_has_the_name_of_a_shipped_plugin_even_where_that_one_is_turned_off(shelf, kinds):
    kind, code = KINDS[kinds]
    shelf.put("aaa", code.format(name="wanted_persons"))
    host = shelf.host()
    assert parked(host.load_one("aaa")) == (
        f"registers a {kind} wanted_persons, but that is the name of a plugin of this project"
    )
    assert not getattr(host, kinds)


def test_a_distribution_that_is_called_like_ours_takes_no_name_of_ours(shelf, monkeypatch):
    taker = shelf.put("shelf_zzz", READER.format(name="mine", extra=""), distribution="patrol-hub-aaa")
    shelf.ship("shelf_zzz", READER.format(name="quick", extra=""), monkeypatch)
    states = {info.distribution: info for info in shelf.host().load_all()}
    assert states["patrol-hub-shelf-zzz"].state is PluginState.LOADED
    assert parked(states["patrol-hub-aaa"]) == (
        "that of the distribution patrol-hub-aaa: patrol-hub-shelf-zzz alone has this name"
    )
    assert taker not in sys.modules


def test_a_name_in_the_configuration_that_nobody_has_is_told(shelf):
    shelf.put("alpr", READER.format(name="alpr", extra=""))
    host = shelf.host(in_process=["alrp", "alpr"], off=["nobody\x1b[2J", "drivers"])
    for listed in (host.list(), host.load_all()):
        there = {info.name: info for info in listed}
        assert set(there) == {"alpr", "alrp", "nobody[2J"}  # drivers is one of ours, only not installed here
        assert parked(there["alrp"]) == (
            "plugins_in_process names it, but no such plugin is installed; did you mean alpr?"
        )
        assert parked(there["nobody[2J"]) == (
            "plugins_off names it, but no such plugin is installed; see: patrol-hub plugins list"
        )
    assert there["alpr"].state is PluginState.LOADED


def test_two_distributions_with_one_plugin_name(shelf):
    shelf.put("alpr", READER.format(name="alpr", extra=""), distribution="aaa")
    module = shelf.put("alpr", READER.format(name="other", extra=""), distribution="bbb")
    host = shelf.host()
    first, second = host.load_all()
    assert (first.distribution, first.state) == ("aaa", PluginState.LOADED)
    assert (second.distribution, parked(second)) == ("bbb", "aaa has this name")
    assert module not in sys.modules


def test_two_names_for_one_object(shelf):
    module = shelf.put("alpr", READER.format(name="alpr", extra=""))
    shelf.put("copy", "", entry=module)
    host = shelf.host()
    first, second = host.load_all()
    assert first.state is PluginState.LOADED
    assert parked(second) == "is the same object as the plugin alpr"
    assert "alpr" in host.plate_readers


def test_objects_and_classes_can_be_plugins(shelf):
    code = """
from hub.hookspecs import hookimpl
class Plugin:
    @hookimpl
    def register_face_detectors(self, register):
        register("faces", print)
"""
    shelf.put("faces", code, entry="{module}:Plugin")
    host = shelf.host()
    host.load_all()
    assert host.face_detectors["faces"].plugin == "faces"


@pytest.mark.parametrize("line", ["this is no entry point", "= x", "\x1b[2J = x"])
def test_malformed_metadata_parks_its_distribution_alone(shelf, line):
    shelf.put("broken", "", metadata=line)
    shelf.put("good", READER.format(name="good", extra=""))
    host = shelf.host()
    states = {info.distribution: info for info in host.load_all()}
    parked(states["hub-broken"])
    assert "\x1b" not in states["hub-broken"].name
    assert states["hub-good"].state is PluginState.LOADED


@pytest.mark.parametrize("name", ["../up", "Caps", "with-dash", "a" * 41, "9lives"])
def test_a_name_that_could_be_a_path_is_parked_unread(shelf, name):
    module = shelf.put(name, "", distribution="hub-odd")
    (info,) = shelf.host().load_all()
    assert "no name for a plugin" in parked(info)
    assert module not in sys.modules


def test_entry_point_of_a_missing_module(shelf):
    shelf.put("gone", "", entry="{module}_absent")
    assert "ModuleNotFoundError" in parked(shelf.host().load_one("gone"))


def test_registering_late_is_an_error_of_the_plugin(shelf):
    code = READER.format(name="alpr", extra="kept = []") + "    kept.append(register)\n"
    module = shelf.put("alpr", code)
    host = shelf.host()
    host.load_all()
    with pytest.raises(PluginError, match="over"):
        sys.modules[module].kept[0]("late", print)
    assert set(host.plate_readers) == {"alpr"}


def test_what_a_plugin_prints_does_not_reach_standard_output(shelf, capsys):
    shelf.put("loud", "print('hello')\n" + READER.format(name="loud", extra=""))
    shelf.host().load_all()
    assert capsys.readouterr().out == ""


def test_parking_in_use_withdraws_what_was_registered(shelf):
    shelf.put("lists", SOURCE)
    host = shelf.host()
    host.load_all()
    info = host.park("lists", "3 of its calls\nnever ended")
    assert parked(info) == "3 of its calls never ended"
    assert not host.record_sources
    assert host.load_one("lists").state is PluginState.PARKED


def test_an_interrupt_from_the_keyboard_is_not_the_plugin_s_fault(shelf):
    shelf.put("alpr", "raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        shelf.host().load_all()


def test_the_shipped_plugins_are_found():
    names = {info.name for info in PluginHost().list()}
    assert {"plates_ppocr", "plates_fast", "faces_onnx", "wanted_persons", "drivers"} <= names


POSITION = """
from hub.hookspecs import hookimpl

@hookimpl
def register_position_sources(register):
    register("beacon", lambda context: "a position source")
"""


def test_position_sources_are_registered_by_name(shelf):
    shelf.put("beacon", POSITION)
    host = shelf.host()
    assert host.load_one("beacon").parts == ("position source beacon",)
    assert host.position_sources["beacon"].plugin == "beacon"


TRANSLATOR = """
from hub.hookspecs import hookimpl

@hookimpl
def register_translators(register):
    register("words", lambda context: "a translator")
"""


def test_translators_are_registered_by_name(shelf):
    shelf.put("words", TRANSLATOR)
    host = shelf.host()
    assert host.load_one("words").parts == ("translator words",)
    assert host.translators["words"].plugin == "words"

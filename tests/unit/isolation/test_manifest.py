"""A manifest is read without importing the package, and what is wrong with it is said in one line."""

from __future__ import annotations

import sys
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.errors import PluginError
from hub.isolation.manifest import LARGEST, parse_manifest, read_manifest
from hub.messages import Reach, SubjectKind
from hub.plugins import PluginHost, PluginState
from tests.kit_isolation import MANIFEST, SOURCE, Stranger

GOOD = MANIFEST.format(name="bicycles")


def test_it_says_what_a_source_is(tmp_path):
    plugin = Stranger.put(tmp_path, "bicycles", before="raise RuntimeError('imported')")
    part = plugin.part()
    assert (part.plugin, part.entry_point, part.network) == ("bicycles", "bicycles", False)
    assert part.manifest.reach is Reach.ON_REQUEST
    assert set(part.manifest.answers) == set(SubjectKind)
    assert part.package == str((tmp_path / "bicycles").resolve())
    assert "bicycles" not in sys.modules


def test_undeclared_reach_is_restricted_and_the_network_is_off():
    manifest = parse_manifest(GOOD.replace('reach = "on_request"\n', "").encode())
    assert manifest.record_sources[0].reach is Reach.RESTRICTED
    assert not manifest.network


WRONG = {
    "no toml": ("api = ", "is no TOML"),
    "bytes": (b"\xff", "is no TOML"),
    "number without end": ("api = " + "9" * 5000, "is no TOML"),
    "number as large as that": ("api = 0x" + "f" * 10_000 + "\n" + GOOD.replace("api = 1\n", ""), "api"),
    "nested without end": ("a = " + "[" * 10_000, "is no TOML"),
    "key without end": (".".join(["a"] * 102) + " = 1\n" + GOOD, "a line with over 100 dots"),
    "quoted key without end": (" . ".join(["'a'"] * 102) + " = 1\n" + GOOD, "a line with over 100 dots"),
    "api missing": (GOOD.replace("api = 1\n", ""), "api"),
    "unknown key": (GOOD + "weapons = true\n", "weapons"),
    "unknown key above": ("weapons = true\n" + GOOD, "weapons"),
    "bad reach": (GOOD.replace("on_request", "always"), "always"),
    "bad name": (GOOD.replace('"bicycles"', '"../../etc"'), "name"),
    "no answers": (GOOD.replace('["plate", "person", "document"]', "[]"), "answers"),
    "no source": ("api = 1\n", "record_sources"),
    "twice": (GOOD + GOOD.replace("api = 1\n", ""), "names the source bicycles twice"),
    "example of another kind": (
        GOOD.replace('"plate", ', "") + '[[record_sources.examples]]\nkind = "plate"\nvalue = "KE1"\nentry = "1"\n',
        "an example about a plate",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_said_in_one_line(case):
    content, said = WRONG[case]
    with pytest.raises(PluginError) as caught:
        parse_manifest(content.encode() if isinstance(content, str) else content)
    assert said in str(caught.value)
    assert "patrol-hub.toml" in str(caught.value)
    assert "\n" not in str(caught.value)


def slow_to_read():
    """Return what takes longest within the bounds: keys of as many parts as a line may have, over and over."""
    parts = ".".join(["a"] * 99)
    yield "\n".join(f"b{i}.{parts} = 1" for i in range(75))
    yield "\n".join(f"{parts}.b{i} = 1" for i in range(75))
    yield "\n".join(f"[{parts}.b{i}]" for i in range(75))
    yield "[[a]]\n" * 2600
    yield "a = [" + "1," * 7900 + "]"


def test_no_manifest_takes_the_hub_s_time():
    began = time.process_time()
    for content in slow_to_read():
        assert 15_000 < len(content) <= LARGEST
        with pytest.raises(PluginError):
            parse_manifest(content.encode())
    assert time.process_time() - began < 1.5


def test_dots_in_a_comment_are_nobody_s_key():
    assert parse_manifest(f"# {'.' * 200}\n  # {'.' * 200}\n{GOOD}".encode())


def test_twenty_sources_with_three_examples_each_fit():
    example = '\n[[record_sources.examples]]\nkind = "plate"\nvalue = "KE123AB"\nentry = "E-1000001"\n'
    (head, _, source) = GOOD.partition("[[record_sources]]")
    each = [f"[[record_sources]]{source}".replace('"bicycles"', f'"a_source_of_records_{i}"') for i in range(20)]
    content = (head + "".join(one + 3 * example for one in each)).encode()
    assert len(content) < LARGEST
    assert len(parse_manifest(content).record_sources) == 20


@given(st.binary(max_size=200))
@settings(max_examples=60)
def test_any_bytes_are_a_manifest_or_an_error_of_the_plugin(content):
    try:
        parse_manifest(content)
    except PluginError as error:
        said = str(error)
        assert "\n" not in said  # it may as well be one


@pytest.mark.parametrize("entry_point", ["no_such_package", "bicycles.py", "sys", ""])
def test_a_package_without_a_manifest(tmp_path, entry_point):
    (tmp_path / "bicycles.py").write_text("")
    with pytest.raises(PluginError, match=r"no patrol-hub\.toml"):
        read_manifest(entry_point, [str(tmp_path)])


def test_a_manifest_as_large_as_a_film_is_refused(tmp_path):
    plugin = Stranger.put(tmp_path, "bicycles", manifest=GOOD + "#" * 200_000)
    with pytest.raises(PluginError, match="over 16000 bytes"):
        plugin.part()


# ------------------------------------------------------------------------------------------ what the host makes of it


def test_a_third_party_s_plugin_is_loaded_without_being_imported(tmp_path):
    Stranger.put(tmp_path, "bicycles", before="raise RuntimeError('imported')")
    host = PluginHost(path=[str(tmp_path)])
    (info,) = host.load_all()
    assert (info.state, info.isolated, info.api, info.parts) == (
        PluginState.LOADED, True, 1, ("record source bicycles",),
    )  # fmt: skip
    assert host.record_sources["bicycles"].make == Stranger(tmp_path, "bicycles").part()
    assert "bicycles" not in sys.modules


def test_a_number_without_end_parks_it_by_name(tmp_path):
    Stranger.put(tmp_path, "bicycles", manifest="api = " + "9" * 5000)
    (info,) = PluginHost(path=[str(tmp_path)]).load_all()
    assert info.state is PluginState.PARKED
    assert "is no TOML" in info.reason
    assert "\n" not in info.reason


def test_without_a_manifest_it_is_parked_unimported(tmp_path):
    Stranger.put(tmp_path, "bicycles", manifest="")
    (info,) = PluginHost(path=[str(tmp_path)]).load_all()
    assert info.state is PluginState.PARKED
    assert "no patrol-hub.toml" in info.reason
    assert "plugins_in_process" in info.reason
    assert "bicycles" not in sys.modules


def test_another_api_number_is_parked(tmp_path):
    Stranger.put(tmp_path, "bicycles", manifest=MANIFEST.replace("api = 1", "api = 2"))
    (info,) = PluginHost(path=[str(tmp_path)]).load_all()
    assert info.reason == "speaks plugin API 2, this hub speaks 1"


def test_nobody_takes_the_name_of_another_s_source(tmp_path):
    Stranger.put(tmp_path, "first")
    Stranger.put(tmp_path, "second", manifest=MANIFEST.replace("{name}", "first"))
    first, second = PluginHost(path=[str(tmp_path)]).load_all()
    assert first.state is PluginState.LOADED
    assert second.reason == "first has registered a record source first already"


def test_the_name_of_a_shipped_plugin_gets_nobody_into_the_hub_s_process_or_to_its_folder(tmp_path):
    Stranger.put(tmp_path, "drivers", before="raise RuntimeError('imported')")
    (info,) = PluginHost(path=[str(tmp_path)], in_process=("drivers",)).load_all()
    assert info.state is PluginState.PARKED
    assert info.reason == "that of the distribution stranger-drivers: patrol-hub-drivers alone has this name"


def test_a_source_has_no_name_of_a_shipped_plugin_whether_or_not_that_one_is_there(tmp_path):
    Stranger.put(tmp_path, "aaa_tool", manifest=MANIFEST.replace("{name}", "wanted_persons"))
    (info,) = PluginHost(path=[str(tmp_path)]).load_all()
    assert info.state is PluginState.PARKED
    assert info.reason == "registers a record source wanted_persons, but that is the name of a plugin of this project"


@pytest.mark.parametrize(
    "reach", ['reach = "automatic"', 'reach = "restricted"\nmay_declare = ["on_request", "automatic"]']
)
def test_what_may_be_told_of_every_plate_gets_no_network(tmp_path, reach):
    manifest = MANIFEST.replace('reach = "on_request"', reach)
    Stranger.put(tmp_path, "auto", manifest=manifest.replace("api = 1", "api = 1\nnetwork = true"))
    Stranger.put(tmp_path, "offline", manifest=manifest)
    auto, offline = PluginHost(path=[str(tmp_path)]).load_all()
    assert auto.state is PluginState.PARKED
    assert "asks for the network and for reach automatic" in auto.reason
    assert offline.state is PluginState.LOADED


def test_the_configuration_may_trust_one_with_everything(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    Stranger.put(tmp_path, "trusted_bicycles", SOURCE)
    host = PluginHost(path=[str(tmp_path)], in_process=("trusted_bicycles",))
    (info,) = host.load_all()
    assert not info.isolated
    assert isinstance(host.record_sources["trusted_bicycles"].make, type)
    del sys.modules["trusted_bicycles"]

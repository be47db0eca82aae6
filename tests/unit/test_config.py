"""`hub.config`: what a file may say, and what a mistake in it is called."""

from __future__ import annotations

import os
import stat
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import fields

from hub.authority.metering import CHARTER as CHARTER_LIMITS
from hub.authority.metering import limits_of
from hub.config import _RANGES, LARGEST_FILE, Camera, Lookups, Plates, Settings, load_config, parse_config, state_folder
from hub.errors import ConfigError, UsageError
from hub.messages import Reach
from hub.plates.settings import PlateSettings
from hub.plates.vehicles import VehicleSettings
from hub.store.retention import CHARTER, shorten

EXAMPLE = Path(__file__).parents[2] / "examples" / "patrol.toml"


def test_no_file_gives_the_defaults():
    assert load_config() == Settings() == parse_config("")


def test_the_example_loads_and_names_defaults_truthfully():
    settings = load_config(EXAMPLE)
    assert settings.unit == "car-12"
    assert [camera.name for camera in settings.cameras] == ["front", "rear"]
    assert settings.outbox_folder == EXAMPLE.parent / "dispatches"
    assert settings.plates.reading == PlateSettings(home=("DE", "AT"))
    assert settings.plates == Plates(reading=settings.plates.reading)
    assert settings.lookups.deadline == Lookups().deadline
    assert settings.lookups.deadline_of("drivers") == 3.0
    assert settings.lookups.deadline_of("wanted_persons") == 2.0
    assert shorten(settings.retention) == CHARTER
    assert limits_of(settings.checks) == CHARTER_LIMITS
    assert settings.session_idle_minutes == Settings().session_idle_minutes


def test_plugins_keep_their_own_tables():
    settings = parse_config('[plugins.plates_fast]\nmodel = "a.onnx"\nthreads = 1\nquick = true\nshare = 0.5\n')
    assert dict(settings.plugins["plates_fast"]) == {"model": "a.onnx", "threads": 1, "quick": True, "share": 0.5}


def test_plugins_have_tables_and_lists_of_their_own_in_them():
    settings = parse_config("[plugins.a.fields.plate]\nfrom = ['x', 1]\n[lookups.sources.b.settings.c]\nd = true\n")
    assert dict(settings.plugins["a"]) == {"fields": {"plate": {"from": ["x", 1]}}}
    assert dict(settings.lookups.sources["b"].settings) == {"c": {"d": True}}


def test_a_source_may_have_a_reach_and_stand_for_another_one():
    source = parse_config("[lookups.sources.rdw]\nuses = 'records_http'\nreach = 'on_request'\n").lookups.sources["rdw"]
    assert (source.uses, source.reach, source.deadline) == ("records_http", Reach.ON_REQUEST, None)
    assert Lookups(deadline=1.5, sources={"rdw": source}).deadline_of("rdw") == 1.5


def test_retention_may_be_shortened():
    settings = parse_config("[retention]\nundecided_alert_seconds = 60\n")
    assert shorten(settings.retention).undecided_alert == timedelta(seconds=60)


def test_settings_cannot_be_changed():
    settings = parse_config("[plugins.a]\nb = 1\n[lookups.sources.c]\ndeadline = 1\n")
    with pytest.raises(TypeError):
        settings.plugins["a"]["b"] = 2
    with pytest.raises(TypeError):
        settings.lookups.sources["d"] = None


MISTAKES = {
    "unknown": ("unti = 'car'", 1, "unti: unknown key; did you mean unit?"),
    "unknown, nothing near": ("\nzzz = 1", 2, "zzz: unknown key; known here: unit,"),
    "unknown in a table": ("[lookups]\ndeadlin = 1", 2, "lookups.deadlin: unknown key; did you mean deadline?"),
    "unknown, dotted": ("unit = 'a'\nlookups.deadlin = 1", 2, "lookups.deadlin: unknown key"),
    "unknown, inline": ("unit = 'a'\nlookups = { deadlin = 1 }", 2, "lookups.deadlin: unknown key"),
    "unknown in the second camera": (
        "[[cameras]]\nname = 'a'\nsource = 'b'\n\n[[cameras]]\nname = 'c'\nsource = 'd'\nspeed = 1",
        8,
        "cameras[2].speed: unknown key; known here: name, source",
    ),
    "unknown in a gate": ("[plates.reading]\nminimum_hight = 3", 2, "did you mean minimum_height?"),
    "missing": ("[[cameras]]\nname = 'a'", 1, "cameras[1]: the key source is missing"),
    "no such reach": ("[lookups.sources.a]\nreach = 'all'", 2, "must be one of automatic, on_request, restricted"),
    "name of a source that is none": ("[lookups.sources.a]\nuses = 'A b'", 2, "uses: expected a text matching regex"),
    "type": ("unit = 7", 1, "unit: expected a text, got int"),
    "type in a list": ("plugins_off = [\n  'a',\n  7,\n]", 1, "plugins_off: expected a text, got int"),
    "type of a folder": ("outbox_folder = 7", 1, "outbox_folder: expected a text, got int"),
    "text for a number": ("# x\nsession_idle_minutes = '5'", 2, "session_idle_minutes: expected float, got a text"),
    "true for a number": ("model_threads = true", 1, "model_threads: expected int, got true or false"),
    "date for a number": ("model_threads = 2026-01-01", 1, "model_threads: expected int"),
    "float for a whole number": ("[plates]\nvotes = 2.5", 2, "plates.votes: expected int, got float"),
    "value for a table": ("lookups = 3", 1, "lookups: must be a table [lookups]"),
    "table for tables": ("[cameras]\nname = 'a'", 1, "cameras: must be tables [[cameras]]"),
    "value for tables by name": ("plugins = 3", 1, "plugins: must be tables [plugins.NAME]"),
    "date for a plugin": ("[plugins.a.b]\nc = [1, 2026-01-01]", 2, "plugins.a.b.c[2]: must be a text, a finite number"),
    "endless for a plugin": ("[plugins.a]\nb = inf", 2, "plugins.a.b: must be a text, a finite number"),
    "too long a session": ("session_idle_minutes = 16", 1, "session_idle_minutes: expected float <= 15.0"),
    "no session": ("session_idle_minutes = 0", 1, "session_idle_minutes: expected float > 0.0"),
    "no number": ("session_idle_minutes = nan", 1, "session_idle_minutes: must be a finite number"),
    "endless": ("[lookups]\ndeadline = inf", 2, "lookups.deadline: must be a finite number"),
    "gate out of range": ("[plates.reading]\nminimum_character = 1.5", 2, "must be from 0 to 1"),
    "budget of nothing": ("[plates.reading]\nfalse_alerts_per_ten_thousand = 0", 2, "must be from 0.001 to 1000"),
    "gates that shut": ("[plates.reading]\nminimum_aspect = 9.5", 2, "must be less than maximum_aspect"),
    "a language that nobody knows": ("[speech]\nexpected = ['xx']", 2, "speech.expected: no language is called xx"),
    "a language by its name": ("[speech]\nexpected = ['spanish']", 2, "speech.expected"),
    "speech that never ends": ("[speech]\nend = 0.6", 1, "speech.begin: must be more than end"),
    "an endless utterance": ("[speech]\nlongest = 60", 2, "speech.longest"),
    "region": ("[plates.reading]\nhome = ['Germany']", 2, "plates.reading.home: must be codes such as DE"),
    "longer retention": ("[retention]\ntrue_alert_days = 32", 2, "retention.true_alert_days: is out of range: from 0"),
    "three minutes": ("[retention]\nundecided_alert_seconds = 181", 2, "is out of range: from 0 to 180"),
    "unit that cannot stand in a log": ("unit = 'a\\nb'", 1, "unit: expected a text matching regex"),
    "camera twice": (
        "[[cameras]]\nname = 'a'\nsource = 'b'\n[[cameras]]\nname = 'a'\nsource = 'c'",
        5,
        "cameras[2].name: another camera has this name",
    ),
    "no TOML": ("unit = 'a'\nlookups", 2, "no TOML: Expected '=' after a key"),
    "no TOML at the end": ("unit = 'a'\n[lookups", 2, "no TOML"),
    "key twice": ("unit = 'a'\nunit = 'b'", 2, "no TOML: Cannot overwrite a value"),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_a_mistake_names_its_key_and_line(case):
    text, line, what = MISTAKES[case]
    with pytest.raises(ConfigError) as caught:
        parse_config(text)
    message = str(caught.value)
    assert message.startswith(f"patrol.toml, line {line}: ")
    assert what in message
    assert "\n" not in message


def test_the_first_of_several_mistakes_is_named_and_the_others_counted():
    with pytest.raises(ConfigError, match=r"line 1: uni: .* \(and 2 more\)"):
        parse_config("uni = 1\nmodel_threads = 0\n[lookups]\ndeadline = -1\n")


def test_an_error_repeats_no_value_and_no_control_character():
    text = '[[cameras]]\nname = "A"\nsource = "rtsp://user:secret@host/"\n"\\u001b[2J" = 1\n'
    with pytest.raises(ConfigError) as caught:
        parse_config(text)
    assert "secret" not in str(caught.value)
    assert "\x1b" not in str(caught.value)
    assert "secret" not in repr(Camera(name="a", source="rtsp://user:secret@host/"))


@given(st.text(max_size=80))
def test_any_text_is_settings_or_one_line(text):
    try:
        parse_config(text)
        message = "fine"
    except ConfigError as error:
        message = str(error)
    assert len(message.splitlines()) == 1


def test_a_file_that_cannot_be_read(tmp_path):
    with pytest.raises(ConfigError, match=r"patrol\.toml: cannot be read: No such file"):
        load_config(tmp_path / "patrol.toml")
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        load_config(tmp_path)


def test_a_file_in_another_encoding(tmp_path):
    file = tmp_path / "patrol.toml"
    file.write_bytes(b"# fine\nunit = 'caf\xe9'\n")
    with pytest.raises(ConfigError, match="line 2: not text in UTF-8"):
        load_config(file)


def test_a_file_with_a_byte_order_mark(tmp_path):
    file = tmp_path / "patrol.toml"
    file.write_bytes(b"\xef\xbb\xbfunit = 'car'\r\n")
    assert load_config(file).unit == "car"


def test_a_file_that_is_far_too_large(tmp_path):
    file = tmp_path / "patrol.toml"
    file.write_bytes(b"#" * (LARGEST_FILE + 1))
    with pytest.raises(ConfigError, match="no configuration file"):
        load_config(file)


def test_every_range_belongs_to_a_setting_and_holds_its_default():
    defaults = {field.name: field.default for field in fields(PlateSettings)}
    for path, (low, high) in _RANGES.items():
        assert low <= defaults[path[-1]] <= high


def test_what_the_table_of_plates_says_by_default_is_what_the_module_does():
    assert (Plates().votes, Plates().memory) == (VehicleSettings().votes, VehicleSettings().memory)


# -------------------------------------------------------------------------------------- state folder


def test_the_state_folder_is_made_for_its_owner_alone(tmp_path):
    folder = state_folder({"PATROL_HUB_STATE": str(tmp_path / "a" / "state")})
    assert folder == tmp_path / "a" / "state"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert state_folder({"PATROL_HUB_STATE": str(folder)}) == folder


def test_without_the_variable_it_lies_in_the_user_s_data(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert state_folder({}) == tmp_path / "patrol-hub"


def test_a_state_folder_that_cannot_be(tmp_path):
    file = tmp_path / "file"
    file.write_text("")
    with pytest.raises(UsageError, match="set PATROL_HUB_STATE"):
        state_folder({"PATROL_HUB_STATE": str(file)})
    with pytest.raises(UsageError, match="cannot be made"):
        state_folder({"PATROL_HUB_STATE": os.fspath(file / "below")})


def test_a_file_nested_without_end_is_one_line_too() -> None:
    with pytest.raises(ConfigError, match="nested"):
        parse_config("lookups = " + "[" * 100_000)

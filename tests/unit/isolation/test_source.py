"""A source in a child process answers like one in this process, and whatever it does costs its own answer only."""

from __future__ import annotations

import os
import signal
import time
import tracemalloc
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest

from hub.errors import DeadlineError, PluginError, PluginParkedError, SourceError, SourceGoneError, TrustError
from hub.isolation.calls import LONGEST_ENTRY, LONGEST_NAME, send_query, take_query
from hub.isolation.limits import guards
from hub.isolation.source import MOST_PLATES
from hub.messages import DocumentQuery, PersonQuery, PlateQuery, Query
from hub.testing.sources import typed_plate
from tests.kit_isolation import NOW, SOURCE, Stranger, query

pytestmark = pytest.mark.skipif(not guards().landlock, reason="this kernel has no Landlock")

ECHO = SOURCE.replace(
    'yield SourceRecord("E1", {{"plate": "KE123AB", "category": "stolen_vehicle"}})',
    """
        subject = query.subject
        slots = getattr(subject, "slots", None)
        yield SourceRecord(repr(subject)[:60], {{
            "make": type(subject).__name__,
            "model": "none" if slots is None else f"{{slots.shape}} {{slots.sum():.2f}}",
            "birth_date": getattr(subject, "birth_date", None), "colour": object(), "instruction": 7,
        }})""",
)


@pytest.fixture
def stranger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.syspath_prepend(tmp_path / "site")

    def put(name: str, code: str = SOURCE, **more) -> Stranger:
        return Stranger.put(tmp_path / "site", name, code, **more)

    return put


@pytest.fixture
def state(tmp_path: Path) -> Path:
    folder = tmp_path / "state"
    folder.mkdir(mode=0o700)
    return folder


def test_it_answers_as_in_this_process(stranger, state: Path) -> None:
    plugin = stranger("bicycles")
    with plugin.source(state) as source:
        info = source.open(plugin.context(state))
        assert (info.entries, info.detail) == (1, "invented")
        assert list(source.plates()) == ["KE123AB"]
        for _ in range(3):
            (record,) = source.find(query(typed_plate("KE123AB")))
        assert record.entry == "E1"
        assert record.fields == {"plate": "KE123AB", "category": "stolen_vehicle"}
        assert source.pid != os.getpid()
        assert any(guard.startswith("Landlock") for guard in source.guards)


def test_a_query_arrives_whole_and_nothing_else(stranger, state: Path) -> None:
    plugin = stranger("echo", ECHO)
    slots = np.full((7, 37), 0.5, np.float32)
    subjects = (
        PlateQuery(typed_plate("KE123AB").readings, slots),
        typed_plate("KE123AB"),
        PersonQuery("Jana Nováková", date(1980, 1, 2)),
        DocumentQuery("X1", "SVK"),
    )
    with plugin.source(state) as source:
        source.open(plugin.context(state))
        found = [next(iter(source.find(query(subject)))) for subject in subjects]
    assert [record.fields["make"] for record in found] == ["PlateQuery", "PlateQuery", "PersonQuery", "DocumentQuery"]
    assert found[0].fields["model"] == "(7, 37) 129.50"
    assert found[2].fields["birth_date"] == "1980-01-02"
    assert found[0].fields["colour"] is False
    assert found[3].entry == repr(subjects[3])[:60]


def test_every_field_of_a_query_arrives() -> None:
    asked = Query("L", typed_plate("KE1"), NOW, fields=("plate",), reference="R-1")
    got = take_query(send_query(asked))
    assert [getattr(got, name) for name in Query.__struct_fields__ if name != "subject"] == [
        getattr(asked, name) for name in Query.__struct_fields__ if name != "subject"
    ]
    assert got.subject.readings == asked.subject.readings


def test_it_is_not_open_before_and_after(stranger, state: Path) -> None:
    plugin = stranger("bicycles")
    with plugin.source(state) as source:
        with pytest.raises(SourceError, match="not open"):
            source.find(query(typed_plate("KE123AB")))
        source.open(plugin.context(state))
        pid = source.pid
        source.close()
        source.close()
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
        with pytest.raises(SourceError, match="not open"):
            source.find(query(typed_plate("KE123AB")))


FAULTS = {
    "hang": (DeadlineError, "no answer within"),
    "slow": (DeadlineError, "no answer within"),
    "crash": (PluginError, "ZeroDivisionError"),
    "garbage": (SourceError, "no record"),
    "flood": (SourceError, "too large"),
    "die": (SourceError, "left with status 7"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_an_error_within_the_deadline_and_the_child_is_replaced(stranger, state: Path, fault: str) -> None:
    plugin = stranger("bicycles")
    kind, said = FAULTS[fault]
    with plugin.source(state, deadline=0.6, fault=fault) as source:
        source.open(plugin.context(state))
        before, pid = time.monotonic(), source.pid
        with pytest.raises(kind, match=said):
            source.find(query(typed_plate("KE123AB")))
        assert time.monotonic() - before < 0.6
        if fault in ("crash", "garbage"):
            assert source.pid == pid
            return
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
        with pytest.raises(SourceGoneError):
            source.find(query(typed_plate("KE123AB")))
        source.open(plugin.context(state))
        assert source.pid not in (None, pid)


@pytest.mark.slow
def test_one_whose_children_keep_dying_rests_and_is_parked_by_name(stranger, state: Path) -> None:
    plugin = stranger("bicycles")
    time_is = 0.0
    rests = []
    with plugin.source(state, fault="die", now=lambda: time_is) as source:
        while not source.parked:
            source.open(plugin.context(state))
            with pytest.raises(SourceError):
                source.find(query(typed_plate("KE123AB")))
            before = time_is
            while not source.parked:
                try:
                    source.open(plugin.context(state))
                    source.close()
                    break
                except SourceError as error:
                    time_is += 0.25 if "next one starts in" in str(error) else 99
            rests.append(time_is - before)
        assert rests == [0.0, 0.5, 1.0, 2.0, 0.0]
        with pytest.raises(PluginParkedError, match="5 times in a row: its process left with status 7"):
            source.open(plugin.context(state))


@pytest.mark.slow
def test_an_answer_forgives_earlier_deaths(stranger, state: Path) -> None:
    plugin = stranger("bicycles")
    with plugin.source(state) as source:
        for _ in range(6):
            source.open(plugin.context(state))
            list(source.find(query(typed_plate("KE123AB"))))
            os.kill(source.pid, signal.SIGKILL)
            with pytest.raises(SourceError, match="SIGKILL"):
                source.find(query(typed_plate("KE123AB")))
        assert not source.parked


GOES_ROUND = """
import ctypes, os, stat, struct
import msgspec

def send_on_and_on(reply):
    body = msgspec.msgpack.encode(reply)
    frame = struct.pack("<I", len(body)) + body
    (pipe,) = [each for each in range(3, 64) if ctypes.CDLL(None).fcntl(each, 3, 0) & 3 == 1 and is_pipe(each)]
    os.set_blocking(pipe, True)
    while True:
        os.write(pipe, frame)

def is_pipe(each):
    return stat.S_ISFIFO(os.fstat(each).st_mode)
"""
"""Finds the pipe to the hub and writes into it what our side of the child would not."""

FLOODS = {
    "of entries": '{{"type": "records", "records": [["E" * 900, {{}}]] * 64, "last": False}}',
    "of names": '{{"type": "records", "records": [["E", {{str(i) * 30: 0 for i in range(200)}}]] * 10, "last": False}}',
    "of nothing": '{{"type": "records", "records": [], "last": False}}',
    "in one": '{{"type": "records", "records": [["E" * 360_000, {{}}]] * 64, "last": False}}',
}


@pytest.mark.parametrize("flood", FLOODS)
def test_whatever_an_answer_consists_of_its_bytes_are_bounded(stranger, state: Path, flood: str) -> None:
    code = SOURCE.replace("        yield", f"        send_on_and_on({FLOODS[flood]})\n        yield")
    plugin = stranger("bicycles", code, before=GOES_ROUND)
    with plugin.source(state, deadline=20.0) as source:
        source.open(plugin.context(state))
        tracemalloc.start()
        try:
            with pytest.raises(SourceError, match=r"^its answer is too large: over 4 MiB$"):
                source.find(query(typed_plate("KE123AB")))
            assert tracemalloc.get_traced_memory()[1] < 100 << 20
        finally:
            tracemalloc.stop()
        assert source.pid is None


def test_long_identifiers_and_names_are_cut_where_they_are_sent(stranger, state: Path) -> None:
    plugin = stranger("bicycles", SOURCE.replace('SourceRecord("E1", {{', 'SourceRecord("E" * 9000, {{"n" * 9000: 1, '))
    with plugin.source(state) as source:
        source.open(plugin.context(state))
        (record,) = source.find(query(typed_plate("KE123AB")))
    assert record.entry == "E" * LONGEST_ENTRY
    assert record.fields == {"n" * LONGEST_NAME: 1, "plate": "KE123AB", "category": "stolen_vehicle"}


PLATES = {"few": 120, "a million": MOST_PLATES, "more": MOST_PLATES + 1}


@pytest.mark.slow
@pytest.mark.parametrize("number", PLATES)
def test_plates_are_cut_and_bounded_in_number(stranger, state: Path, number: str) -> None:
    code = SOURCE.replace('["KE123AB"]', f'("%d" % i + "A" * 50 for i in range({PLATES[number]}))')
    plugin = stranger("bicycles", code)
    with plugin.source(state) as source:
        source.open(plugin.context(state))
        if number == "more":
            with pytest.raises(SourceError, match=r"^it names too many plates: over 1000000$"):
                source.plates()
        else:
            plates = list(source.plates())
            assert len(plates) == PLATES[number]
            assert plates[0] == "0" + 39 * "A"


BROKEN = {
    "raises": ("raise RuntimeError('no\\nway\\x1b[2J')", "RuntimeError: no way[2J"),
    "exits": ("import sys; sys.exit(3)", "SystemExit: 3"),
    "missing": ("import no_such_module_of_a_stranger", "no_such_module_of_a_stranger"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_one_that_does_not_load_is_parked(stranger, state: Path, case: str) -> None:
    code, said = BROKEN[case]
    plugin = stranger("bicycles", before=code)
    with plugin.source(state) as source:
        with pytest.raises(PluginParkedError) as caught:
            source.open(plugin.context(state))
        assert said in str(caught.value)
        assert "\n" not in str(caught.value)
        assert source.pid is None


def test_one_that_declares_more_than_its_manifest_is_parked(stranger, state: Path) -> None:
    plugin = stranger("bicycles", SOURCE.replace("Reach.ON_REQUEST", "Reach.AUTOMATIC"))
    with plugin.source(state) as source, pytest.raises(PluginParkedError, match=r"else than its manifest.*automatic"):
        source.open(plugin.context(state))


def test_errors_for_the_officer_come_through_and_others_without_their_text(stranger, state: Path) -> None:
    code = SOURCE.replace("        yield", "        raise ERRORS[query.subject.readings[0].plate]\n        yield")
    before = """
        from hub.errors import StoreError, TrustError
        ERRORS = {"KE1": ValueError("KE1"), "KE2": TrustError("expired"), "KE3": StoreError("disk")}
    """
    plugin = stranger("bicycles", code, before=before)
    with plugin.source(state) as source:
        source.open(plugin.context(state))
        with pytest.raises(PluginError, match=r"^it failed with ValueError at __init__.py:\d+$"):
            source.find(query(typed_plate("KE1")))
        with pytest.raises(TrustError, match="expired"):
            source.find(query(typed_plate("KE2")))
        with pytest.raises(SourceError, match=r"^disk$"):
            source.find(query(typed_plate("KE3")))


def test_an_error_that_fails_when_it_is_told_is_one_all_the_same(stranger, state: Path) -> None:
    code = SOURCE.replace("        yield", "        raise Unspeakable\n        yield")
    before = """
        from hub.errors import SourceError
        class Unspeakable(SourceError):
            def __str__(self):
                raise SystemExit("KE1")
    """
    plugin = stranger("bicycles", code, before=before)
    with plugin.source(state) as source:
        source.open(plugin.context(state))
        pid = source.pid
        with pytest.raises(PluginError, match=r"^it failed with Unspeakable at .*, whose text cannot be had$"):
            source.find(query(typed_plate("KE1")))
        assert source.pid == pid


def test_one_that_fails_when_it_is_told_parks_a_plugin_that_is_being_loaded(stranger, state: Path) -> None:
    code = SOURCE.replace("    def open", "    def __init__(self):\n        raise Unspeakable\n\n    def open")
    before = """
        class Unspeakable(Exception):
            def __str__(self):
                raise SystemExit
    """
    plugin = stranger("bicycles", code, before=before)
    with plugin.source(state) as source, pytest.raises(PluginParkedError) as caught:
        source.open(plugin.context(state))
    assert "Unspeakable at __init__.py" in str(caught.value)


def test_one_that_closes_what_it_did_not_open_is_told_so(stranger, state: Path) -> None:
    code = SOURCE.replace(
        "        yield", "        import os, time\n        os.closerange(0, 64)\n        time.sleep(60)\n        yield"
    )
    plugin = stranger("bicycles", code)
    with plugin.source(state) as source:
        source.open(plugin.context(state))
        with pytest.raises(SourceError, match=r"^it closed its pipe to the hub$"):
            source.find(query(typed_plate("KE1")))
        assert source.pid is None


def test_a_file_has_its_bound_and_erasing_reaches_what_an_importer_has_made(stranger, state: Path) -> None:
    code = SOURCE.replace(
        "        self.context = context\n",
        "        try:\n            write(context)\n            detail = 'written'\n"
        "        except OSError as error:\n            detail = error.strerror\n"
        "        return SourceInfo(entries=1, detail=detail)\n\n"
        "    def erase_due(self, context, keep):\n        return write(context)\n\n    def nothing(self):\n",
    )
    before = """
        def write(context):
            with (context.state / "store").open("wb") as file:
                file.seek(768 << 20)
                return file.write(b"x")
    """
    plugin = stranger("bicycles", code, before=before)
    with plugin.source(state) as source:
        assert source.open(plugin.context(state)).detail == "File too large"
        assert source.erase_due(plugin.context(state), timedelta(hours=24)) == 1


def test_erasing_has_a_child_of_its_own(stranger, state: Path) -> None:
    code = SOURCE.replace(
        "    def plates(self)",
        "    def erase_due(self, context, keep):\n        (context.state / 'erased').write_text(str(keep))\n"
        "        return 3\n\n    def plates(self)",
    )
    plugin = stranger("bicycles", code)
    with plugin.source(state, fault="") as source:
        assert source.erase_due(plugin.context(state), timedelta(hours=24)) == 3
        assert (state / "plugins" / "bicycles" / "erased").read_text() == "1 day, 0:00:00"


def test_one_without_anything_to_erase_is_not_started_again(stranger, state: Path) -> None:
    plugin = stranger("bicycles")
    with plugin.source(state) as source:
        source.open(plugin.context(state))
        before = time.monotonic()
        assert source.erase_due(plugin.context(state), timedelta(hours=24)) == 0
        assert time.monotonic() - before < 0.05


def test_a_state_folder_that_plugins_could_read_parks_them(stranger, tmp_path: Path) -> None:
    plugin = stranger("bicycles")
    inside = tmp_path / "site" / "state"
    inside.mkdir()
    with plugin.source(inside) as source, pytest.raises(PluginParkedError, match="which plugins may read: move it"):
        source.open(plugin.context(inside))

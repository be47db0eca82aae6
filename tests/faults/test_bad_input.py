"""Whatever is wrong with what the hub is given: one clear line, the right exit status, and nothing lost."""

from __future__ import annotations

import base64
import ctypes
import json
import re
import resource
import sqlite3
import struct
import zlib
from contextlib import closing, suppress
from datetime import UTC, datetime

import cv2
import numpy as np
import pytest

import hub.commands.watchlists
import hub.store.sqlite
from hub.clocks import ManualClock
from hub.testing.frames import drive_past, write_clip
from tests.kit import LIST, LISTED, PASSPHRASES, Unit, command

LOOKUP = ("lookup", "plate", LISTED, "--reason", "stop")


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """A unit with an alert that waits; its identifier is `alert`."""
    unit = Unit.prepare(tmp_path_factory.mktemp("prepared") / "unit")
    with unit.active():
        assert unit.run("run", "--source", str(unit.photos(LISTED)), "--until-end").status == 0
        unit.alert = unit.run("alerts", "list", "--format", "json").json()["alerts"][0]["alert"]
        unit.checkpoint()
    return unit


@pytest.fixture
def unit(prepared, tmp_path):
    copy = prepared.copy(tmp_path / "unit")
    copy.alert = prepared.alert
    with copy.active():
        yield copy


def nothing_lost(unit):
    """The log still verifies against the copy from before, and alert and officers are there."""
    answer = unit.run("audit", "verify", "--checkpoint", str(unit.folder / "checkpoint"))
    assert answer.status == 0, answer.out
    kept = [each["alert"] for each in unit.run("alerts", "list", "--all", "--format", "json").json()["alerts"]]
    assert unit.alert in kept
    assert len(unit.run("officer", "list", "--format", "json").json()["officers"]) == len(PASSPHRASES)


def refused(result, status, words):
    """Check that a command said no in one line, and nothing on standard output."""
    assert result.status == status, (result.out, result.err)
    assert result.out == ""
    line = result.problem()
    assert line.startswith("patrol-hub: ")
    assert len(line) < 500
    assert re.search(words, line), line


# ------------------------------------------------------------------------------------------ calls and names

CALLS = {
    "unknown command": (("fly",), 2, "Unknown command"),
    "unknown subcommand": (("alerts", "delete"), 2, "Unknown command|delete"),
    "unknown option": ((*LOOKUP, "--fast"), 2, "--fast"),
    "no reason given": (("lookup", "plate", LISTED), 2, "reason"),
    "empty reason": (("lookup", "plate", LISTED, "--reason", " "), 2, "--reason.*needs a reason"),
    "unknown kind": (("lookup", "plane", LISTED, "--reason", "x"), 2, "plate"),
    "unknown source": ((*LOOKUP, "--source", "nobody"), 2, "no source 'nobody'.*drivers"),
    "too little known": (("lookup", "plate", "1?3", "--reason", "x"), 2, "at least 3"),
    "no plate": (("lookup", "plate", "...", "--reason", "x"), 2, "letters and digits"),
    "no such day": (("lookup", "person", "A B", "--born", "1990-13-01", "--reason", "x"), 2, "YYYY-MM-DD"),
    "unknown plugin": (("plugins", "check", "nobody"), 2, "no plugin is called nobody"),
    "unknown importer": (("import", "nobody", "x.csv"), 2, "no source called nobody"),
    "unknown alert": (("alerts", "show", "NOPE"), 2, "no alert NOPE"),
    "unknown alert to decide": (("alerts", "adjudicate", "NOPE", "true", "--reason", "x"), 2, "no alert NOPE"),
    "unknown decision": (("alerts", "adjudicate", "NOPE", "maybe", "--reason", "x"), 2, "maybe"),
    "nothing to watch": (("run",), 2, "nothing to watch"),
    "unknown scheme": (("run", "--source", "gopher://x/y"), 2, "rtsp"),
    "nothing to read": (("read", "--reason", "x"), 2, "at least one|PATHS"),
    "a camera to read": (("read", "webcam:0", "--reason", "x"), 2, "read takes files"),
    "no configuration": (("officer", "list", "--config", "nowhere.toml"), 2, "nowhere.toml.*cannot be read"),
    "no checkpoint": (("audit", "verify", "--checkpoint", "nowhere"), 2, "nowhere cannot be read"),
    "no truth": (("evaluate", "plates", "nowhere"), 2, "nowhere"),
    "no grant": ((*LOOKUP, "--grant", "nowhere"), 2, "nowhere cannot be read"),
    "no order": (("authority", "verify", "nowhere"), 2, "nowhere cannot be read"),
    "nobody's session": (("lookup", "plate", LISTED, "--reason", "x", "--officer", "9"), 2, "passphrase is needed"),
}


@pytest.mark.parametrize("name", CALLS)
def test_a_wrong_call(unit, name):
    words, status, expected = CALLS[name]
    refused(unit.run(*words), status, expected)


@pytest.mark.slow
def test_json_is_one_object_or_nothing_and_nothing_is_lost(unit):
    for words, _, _ in CALLS.values():
        form = ("--format", "json") if words[0] in ("lookup", "alerts", "plugins", "evaluate") else ()
        assert unit.run(*words, *form).out == ""
    nothing_lost(unit)


def test_wrong_passphrases_and_who_is_not_signed_in(unit):
    refused(unit.run("officer", "sign-in", "4711", stdin="guess\n"), 1, "number or passphrase is wrong")
    refused(unit.run("officer", "sign-in", "9999", stdin="guess\n"), 1, "number or passphrase is wrong")
    refused(unit.run("officer", "sign-in", "4711"), 2, "passphrase is needed")
    refused(
        unit.run("officer", "add", "4711", "--officer", "100", stdin=f"{PASSPHRASES['100']}\nanother one\n"), 2, "4711"
    )
    assert unit.run("officer", "sign-out").status == 0
    for words in (
        LOOKUP,
        ("alerts", "list"),
        ("alerts", "adjudicate", unit.alert, "true", "--reason", "x"),
        ("import", "drivers", str(unit.folder / "register.csv")),
        ("officer", "add", "5"),
        ("audit", "show"),
    ):
        refused(unit.run(*words), 1, "nobody is signed in")
    unit.sign_in("4711")
    nothing_lost(unit)


def test_an_illegal_step(unit):
    refused(unit.run("alerts", "adjudicate", unit.alert, "confirmed-true", "--reason", "x"), 1, unit.alert)
    refused(unit.run("alerts", "adjudicate", unit.alert, "true", "--reason", "x", "--correct"), 1, unit.alert)
    refused(unit.run("alerts", "adjudicate", unit.alert, "true", "--reason", ""), 2, "reason")
    assert unit.run("alerts", "adjudicate", unit.alert, "true", "--reason", "seen").status == 0
    refused(unit.run("alerts", "adjudicate", unit.alert, "false", "--reason", "x"), 1, "not undone")
    nothing_lost(unit)


# ------------------------------------------------------------------------------------------ configurations

CONFIGS = {
    "a typo": ("unti = 'car'\n", r"line 1: unti: unknown key; did you mean unit\?"),
    "a typo below": ("unit = 'car'\n[plates]\n\nvote = 2\n", r"line 4: plates.vote: unknown key; did you mean votes\?"),
    "a wrong type": ("[plates]\nvotes = 'two'\n", "line 2: plates.votes: expected int, got a text"),
    "out of range": ("[plates]\nvotes = 0\n", "line 2: plates.votes"),
    "no TOML": ("unit = \n", "line 1: no TOML"),
    "longer than the charter": ("[retention]\nundecided_alert_minutes = 99\n", "line 2: retention"),
    "not text": ("unit = '\udcff'\n", "line 1: not text in UTF-8"),
    "unknown reader": (
        "unit = 'car-1'\nplugins_in_process = ['kit']\n[plates]\nreader = 'psychic'\n",
        "plates.reader = 'psychic'",
    ),
    "another unit": ("unit = 'car-2'\n", "log of.*car-1"),
    "nobody's country": ("unit = 'car-1'\n[plates.reading]\nhome = ['XX']\n", "XX"),
}


@pytest.mark.parametrize("name", CONFIGS)
def test_a_wrong_configuration(unit, name):
    text, expected = CONFIGS[name]
    path = unit.folder / "wrong.toml"
    path.write_bytes(text.encode(errors="surrogateescape"))
    before = unit.files()
    photo = str(unit.folder / "photos" / "00.png")
    refused(unit.run("run", "--source", photo, "--until-end", "--config", str(path)), 2, expected)
    assert unit.files() == before or name in (
        "unknown reader",
        "nobody's country",
        "another unit",
    )  # found once the unit is open


# ------------------------------------------------------------------------------------------ pictures and videos


def chunk(kind, content):
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def picture(width, height):
    """Return a PNG of that size whose pixels are not there: nobody needs memory for it."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


FILES = {
    "text.jpg": (b"this is no picture\n", "not a picture"),
    "empty.jpg": (b"", "empty"),
    "large.png": (picture(10_000, 10_000), "10000 x 10000 pixels are more than"),
    "none.png": (picture(0, 0), "no pixels"),
    "damaged.png": (picture(20, 20), "damaged|cut off"),
    "empty.mp4": (b"", "not a video"),
    "text.mp4": (b"this is no video\n" * 100, "not a video"),
}


RARE = ("none.png", "empty.jpg", "empty.mp4")


@pytest.mark.parametrize("name", [pytest.param(name, marks=[pytest.mark.slow] * (name in RARE)) for name in FILES])
def test_a_file_that_cannot_be_decoded(unit, name):
    content, expected = FILES[name]
    path = unit.folder / name
    path.write_bytes(content)
    read = unit.run("read", str(path), "--reason", "x", "--format", "jsonl")
    assert read.status == 2
    assert re.search(expected, read.problem())
    (row,) = read.lines()
    assert (row["source"], row["reads"], row["reason"]) == (str(path), [], "unreadable_frame")
    run = unit.run("run", "--source", str(path), "--until-end", "--events", "-")
    assert run.status == 2
    assert re.search(expected, run.problem())
    assert run.lines()[-1]["balanced"] is True
    nothing_lost(unit)


@pytest.mark.parametrize("make", ["missing", "empty folder", "other kind", "folder of others"])
def test_a_source_that_is_none(unit, make):
    path = unit.folder / {"missing": "x.jpg", "other kind": "x.txt"}.get(make, "folder")
    if make == "other kind":
        path.write_text("text")
    elif make != "missing":
        path.mkdir()
        if make == "folder of others":
            (path / "x.txt").write_text("text")
    for words in (("read", str(path), "--reason", "x"), ("run", "--source", str(path))):
        refused(unit.run(*words), 2, re.escape(path.name))


def test_a_picture_of_one_pixel_is_a_picture(unit):
    path = unit.folder / "one.png"
    assert cv2.imwrite(str(path), np.zeros((1, 1, 3), np.uint8))
    result = unit.run("read", str(path), "--reason", "x", "--format", "jsonl")
    assert (result.status, result.err) == (0, "")
    assert (result.lines()[0]["reads"], result.lines()[0]["reason"]) == ([], "no_text")
    assert unit.run("run", "--source", str(path), "--until-end").status == 0


def test_a_truncated_video_gives_what_is_there_and_says_so(unit):
    whole = write_clip(unit.folder / "whole.avi", drive_past(LISTED, 12)).read_bytes()
    path = unit.folder / "cut.avi"
    path.write_bytes(whole[: len(whole) * 2 // 3])
    result = unit.run("read", str(path), "--reason", "x", "--format", "jsonl")
    assert result.status == 0
    track, rest = result.lines()
    assert track["reads"][0]["plate"] == LISTED
    assert rest["reason"] == "unreadable_frame"
    assert "cut off" in rest["detail"]
    run = unit.run("run", "--source", str(path), "--until-end", "--events", "-")
    assert run.status == 0
    assert "cut off" in run.problem()
    reasons = {each["reason"] for each in run.lines()[-1]["counts"] if each["stage"] == "frame"}
    assert "unreadable_frame" in reasons


# ---------------------------------------------------------------------------------------------------- lists

HEADER = LIST.splitlines()[0]
TABLES = {
    "wrong encoding": (LIST.replace("Varo", "Citroën").encode("utf-16"), "UTF-8"),
    "Latin-1": (LIST.replace("Varo", "Citroën").encode("latin-1"), "UTF-8"),
    "no header": (LIST.splitlines()[1].encode(), "header|column|names"),
    "header alone": (HEADER.encode(), "no"),
    "empty": (b"", "is empty: its first line must name the columns, such as [a-z]|holds no records"),
    "binary": (bytes(range(256)) * 8, "UTF-8|text"),
}


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("source", ["wanted_persons", pytest.param("drivers", marks=pytest.mark.slow)])
def test_a_table_that_is_none(unit, name, source):
    content, expected = TABLES[name]
    path = unit.folder / "table.csv"
    path.write_bytes(content)
    refused(unit.run("import", source, str(path), "--development"), 2, expected)
    refused(
        unit.run("import", source, str(unit.folder / "missing.csv"), "--development"), 2, "missing.csv cannot be read"
    )
    assert "W-1" in unit.run(*LOOKUP).out
    nothing_lost(unit)


@pytest.mark.parametrize("name", [name for name in TABLES if name != "no header"])
def test_a_table_that_is_none_is_no_list_either(unit, name):
    path, output = unit.folder / "table.csv", unit.folder / "out.json"
    path.write_bytes(TABLES[name][0])
    words = ["--name", "n", "--issuer", "i", "--authority", "a", "--purpose", "p", "--place", "p"]
    words += ["--expires", "2099-01-01T00:00Z"]
    result = command("watchlist", "build", str(path), "-o", str(output), *words)
    refused(result, 2, "table.csv")
    assert not output.exists()


def test_bad_rows_are_named_and_no_list_is_built_of_the_others(unit):
    path, output = unit.folder / "table.csv", unit.folder / "out.json"
    path.write_text(f"{LIST}W-2,stolen_vehicle,,ES,,,law,authority,,2099-01-01,\n")
    words = ["--name", "n", "--issuer", "i", "--authority", "a", "--purpose", "p", "--place", "p"]
    result = command("watchlist", "build", str(path), "-o", str(output), *words, "--expires", "2099-01-01T00:00Z")
    assert (result.status, result.out) == (2, "")
    assert "W-2" in result.err.splitlines()[0]
    assert not output.exists()
    path.write_text(LIST)
    refused(command("watchlist", "build", str(path), "-o", str(output), *words, "--expires", "soon"), 2, "no time")


def test_an_unsigned_altered_or_expired_list_is_refused_and_the_old_one_stays(unit, monkeypatch):
    half = unit.build_list("half", signers=1, version=2)
    refused(unit.run("import", "wanted_persons", str(half)), 1, "two different people")
    none = unit.build_list("none", signers=0, version=2)
    refused(unit.run("import", "wanted_persons", str(none)), 1, "sign")
    altered = unit.build_list("altered", version=2)
    envelope = json.loads(altered.read_bytes())
    content = base64.b64decode(envelope["payload"]).replace(LISTED.encode(), b"9999ZZZ")
    altered.write_text(json.dumps(envelope | {"payload": base64.b64encode(content).decode()}))
    refused(unit.run("import", "wanted_persons", str(altered)), 1, "sign")
    assert unit.run("watchlist", "verify", str(altered)).status == 1
    table = unit.folder / "list.csv"
    refused(unit.run("import", "wanted_persons", str(table)), 1, "unsigned list.*--development")
    with monkeypatch.context() as patch:
        patch.setattr(hub.commands.watchlists, "SystemClock", lambda: ManualClock(datetime(2020, 1, 1, tzinfo=UTC)))
        expired = unit.build_list("expired", expires="2020-02-01T00:00Z", version=2)
    refused(unit.run("import", "wanted_persons", str(expired)), 1, "expired")
    old = unit.build_list("old", version=1)
    refused(unit.run("import", "wanted_persons", str(old)), 1, "version")
    assert "W-1" in unit.run(*LOOKUP).out
    nothing_lost(unit)


# ----------------------------------------------------------------------------------- databases and the disk

DATABASES = ("audit.sqlite3", "alerts.sqlite3", "outbox.sqlite3", "officers.sqlite3")


@pytest.mark.parametrize("name", DATABASES)
@pytest.mark.parametrize(
    "content",
    [
        b"this is no database" * 100,
        pytest.param(b"SQLite format 3\0" + b"\xff" * 5000, marks=pytest.mark.slow),
        pytest.param(b"x", marks=pytest.mark.slow),
    ],
    ids=["text", "header", "stub"],
)
def test_a_corrupt_database_is_left_as_it_is(unit, name, content):
    path = unit.state / name
    path.write_bytes(content)
    for extra in ("-wal", "-shm"):
        path.with_name(name + extra).unlink(missing_ok=True)
    refused(unit.run(*LOOKUP, "--format", "json"), 2, f"{name}.* damaged")
    refused(unit.run("run", "--source", str(unit.folder / "photos"), "--until-end"), 2, f"{name}.* damaged")
    assert path.read_bytes() == content


def test_a_corrupt_list_is_one_source_that_does_not_answer(unit):
    path = unit.state / "plugins" / "wanted_persons" / "wanted_persons.sqlite3"
    path.write_bytes(b"this is no database" * 100)
    answers = {each["source"]: each for each in unit.run(*LOOKUP, "--format", "json").json()["answers"]}
    assert answers["wanted_persons"]["status"] == "unavailable"
    assert "damaged" in answers["wanted_persons"]["explanation"]
    assert answers["drivers"]["status"] == "hit"
    nothing_lost(unit)


@pytest.mark.parametrize("name", DATABASES)
def test_a_locked_database(unit, name, monkeypatch):
    monkeypatch.setitem(hub.store.sqlite.connect.__kwdefaults__, "busy_seconds", 0.1)
    words = {
        "officers.sqlite3": ("officer", "sign-in", "4712"),
        "outbox.sqlite3": ("alerts", "adjudicate", unit.alert, "true", "--reason", "x"),
        "alerts.sqlite3": ("alerts", "adjudicate", unit.alert, "true", "--reason", "x"),
        "audit.sqlite3": LOOKUP,
    }[name]
    with closing(sqlite3.connect(unit.state / name, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        refused(unit.run(*words, stdin=PASSPHRASES["4712"]), 2, f"{name} is locked by another process")
        other.execute("ROLLBACK")
    nothing_lost(unit)


@pytest.fixture
def full_disk(monkeypatch):
    """Make a database refuse to grow, as on a full disk; returns what to call with the name of its file."""
    configure = hub.store.sqlite._configure

    def fill(*names):
        def full(connection, path, *, readonly):
            configure(connection, path, readonly=readonly)
            if not readonly and path.name in names:
                pages = connection.execute("PRAGMA page_count").fetchone()[0]
                connection.execute(f"PRAGMA max_page_count = {pages}")
                # Free pages would still take a few entries.
                connection.execute("CREATE TABLE IF NOT EXISTS test_filler (x)")
                with suppress(sqlite3.OperationalError):
                    while True:
                        connection.execute("INSERT INTO test_filler VALUES (zeroblob(500))")
                with suppress(sqlite3.OperationalError):
                    while True:
                        connection.execute("INSERT INTO test_filler VALUES (1)")

        monkeypatch.setattr(hub.store.sqlite, "_configure", full)

    yield fill
    monkeypatch.undo()


def test_nothing_is_done_once_the_log_is_full(unit, full_disk):
    with closing(sqlite3.connect(unit.state / "audit.sqlite3")) as log, log:
        log.execute("CREATE TABLE IF NOT EXISTS test_filler (x)")
    full_disk("audit.sqlite3")
    long = "x" * 5000
    refused(unit.run("lookup", "plate", LISTED, "--reason", long), 2, "disk is full")
    refused(unit.run("alerts", "adjudicate", unit.alert, "true", "--reason", long), 2, "disk is full")


@pytest.mark.slow
def test_a_real_command_on_a_disk_that_takes_no_more(unit):
    """The kernel refuses to let any file grow: whatever a store's own error is called, it is one line and no loss."""
    largest = max(path.stat().st_size for path in unit.state.glob("*.sqlite3*"))

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest // 2, largest // 2))

    for words in (LOOKUP, ("alerts", "adjudicate", unit.alert, "true", "--reason", "seen")):
        child = unit.spawn(*words, preexec_fn=limit)
        out, err = child.communicate(timeout=60)
        assert child.returncode == 2, out + err
        assert err.count("\n") == 1
        assert "Traceback" not in err
        assert "W-1" not in out
    nothing_lost(unit)
    assert unit.run("alerts", "adjudicate", unit.alert, "true", "--reason", "seen").status == 0


def as_somebody_without_privileges():
    """Take from a child of root what would let it write read-only files."""
    libc = ctypes.CDLL(None, use_errno=True)
    for capability in (1, 2, 3):  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_FOWNER
        libc.prctl(24, capability, 0, 0, 0)  # PR_CAPBSET_DROP


@pytest.mark.slow
def test_a_read_only_state_folder(unit):
    for path in [unit.state, *unit.state.rglob("*")]:
        path.chmod(0o500 if path.is_dir() else 0o400)
    try:
        for words in (LOOKUP, ("officer", "list"), ("run", "--source", str(unit.folder / "photos"), "--until-end")):
            child = unit.spawn(*words, preexec_fn=as_somebody_without_privileges)
            out, err = child.communicate(timeout=60)
            assert (child.returncode, out) == (2, ""), err
            assert err.count("\n") == 1
            assert "Traceback" not in err
            assert re.search("read-only|cannot be written|cannot be opened|Permission denied", err)
    finally:
        unit.state.chmod(0o700)
        for path in unit.state.rglob("*"):
            path.chmod(0o700 if path.is_dir() else 0o600)
    nothing_lost(unit)


def test_a_state_folder_that_is_a_file(unit, monkeypatch):
    path = unit.folder / "file"
    path.write_text("")
    monkeypatch.setenv("PATROL_HUB_STATE", str(path))
    refused(unit.run("officer", "list"), 2, "state folder")


def test_a_checkpoint_that_is_none(unit):
    for content in (b"", b"hello\n", b"\xff\xfe", (unit.folder / "checkpoint").read_bytes()[:60]):
        path = unit.folder / "none"
        path.write_bytes(content)
        result = unit.run("audit", "verify", "--checkpoint", str(path), "--format", "json")
        if result.status == 2:
            assert result.out == ""
            assert result.problem()
        else:
            assert result.status == 1
            assert (result.json()["ok"], result.json()["witnessed"]) == (False, False)
            assert "refused" in result.json()["reason"]


def test_no_log_to_verify(tmp_path):
    unit = Unit.empty(tmp_path / "unit")
    with unit.active():
        for words in (("audit", "verify"), ("audit", "report")):
            refused(unit.run(*words, "--format", "json"), 2, "audit.sqlite3")
        assert not list(unit.state.iterdir())


@pytest.mark.slow
def test_the_real_command_answers_in_one_line_too(unit):
    for words, status in ((("fly",), 2), (("lookup", "plate", LISTED), 2), (("alerts", "show", "NOPE"), 2)):
        child = unit.spawn(*words)
        out, err = child.communicate(timeout=60)
        assert (child.returncode, out) == (status, "")
        assert err.count("\n") == 1
        assert err.startswith("patrol-hub: ")

"""What a command does where its answer cannot be written, nobody reads it, or its input is short; and files it writes.

Commands run in this process, on standard streams that fail as real ones do.
"""

from __future__ import annotations

import io
import os
import resource
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from hub.cli import main
from tests.kit import LISTED, Unit, command

LOOKUP = ("lookup", "plate", LISTED, "--reason", "traffic stop")
FULL = "patrol-hub: the answer cannot be written: No space left on device"
DONE = FULL + "; what was asked for is done"


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    return Unit.prepare(tmp_path_factory.mktemp("prepared") / "unit")


@pytest.fixture
def unit(prepared, tmp_path):
    copy = prepared.copy(tmp_path / "unit")
    with copy.active():
        copy.sign_in("4711")
        yield copy


@contextmanager
def printing_to(descriptor: int, *, buffered: bool = True) -> Iterator[None]:
    """Let standard output be a descriptor for the block, as Python opens it with and without PYTHONUNBUFFERED."""
    raw = io.FileIO(descriptor, "w")
    out = io.TextIOWrapper(io.BufferedWriter(raw) if buffered else raw, encoding="utf-8", write_through=not buffered)  # type: ignore[arg-type]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdout", out)
        try:
            yield
        finally:
            with suppress(OSError):
                out.close()


@contextmanager
def full(*, buffered: bool = True) -> Iterator[None]:
    """Let standard output be on a full disk."""
    with printing_to(os.open("/dev/full", os.O_WRONLY), buffered=buffered):
        yield


@contextmanager
def nobody_reads() -> Iterator[None]:
    """Let standard output be a pipe whose reader has gone."""
    reader, writer = os.pipe()
    os.close(reader)
    with printing_to(writer):
        yield


def outcomes(unit: Unit) -> list[tuple[str, str]]:
    shown = unit.run("audit", "show", "--last", "100", "--format", "jsonl").lines()
    return [(line["entry"]["act"], line["entry"]["outcome"]) for line in shown]


# ------------------------------------------------------------------------------------------ standard output


@pytest.mark.parametrize("buffered", [True, False], ids=["buffered", "unbuffered"])
@pytest.mark.parametrize(
    "words",
    [("--help",), ("--version",), ("alerts", "adjudicate", "--help"), ("officer", "list"), ("audit", "checkpoint")],
    ids=" ".join,
)
def test_an_answer_that_cannot_be_written(unit, capsys, words, buffered):
    with full(buffered=buffered):
        assert main(unit.words(words) if words[0] in ("officer", "audit") else words) == 2
    assert capsys.readouterr().err == f"{FULL}\n"


@pytest.mark.parametrize("form", [(), ("--format", "json")], ids=["text", "json"])
def test_a_decision_stands_where_its_answer_cannot_be_written(unit, capsys, form):
    assert unit.run("run", "--source", str(unit.photos(LISTED)), "--until-end").status == 0
    (alert,) = unit.run("alerts", "list", "--format", "json").json()["alerts"]
    with full():
        assert main(unit.words(("alerts", "adjudicate", alert["alert"], "true", "--reason", "seen", *form))) == 2
    assert capsys.readouterr().err == f"{DONE}\n"
    assert unit.run("alerts", "show", alert["alert"], "--format", "json").json()["state"] == "adjudicated_true"


def test_on_a_terminal_something_may_be_shown_before_it_is_done(unit, capsys, monkeypatch):
    with full():
        monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
        assert main(unit.words(("officer", "sign-out"))) == 2
    assert capsys.readouterr().err == f"{FULL}\n"


def test_a_command_without_standard_error(unit, monkeypatch):
    with io.TextIOWrapper(io.FileIO("/dev/full", "w"), write_through=True) as err:
        monkeypatch.setattr(sys, "stderr", err)
        assert main(("watchlist", "show", "nowhere")) == 2
        rows = unit.folder / "rows.csv"
        rows.write_text("plate,keeper_name,insurance_status\n9999ZZZ,New Keeper,insured\n,Nobody,insured\n")
        assert main(unit.words(("import", "drivers", str(rows)))) == 1


@pytest.mark.parametrize(("out", "status"), [(nobody_reads, 0), (full, 2)])
def test_a_look_up_is_accounted_for_where_its_answer_goes_nowhere(unit, out, status):
    with out():
        assert main(unit.words(LOOKUP)) == status
    assert outcomes(unit)[-2:] == [("lookup", "asked"), ("lookup_done", "hit")]


@pytest.mark.parametrize("words", [("--help",), ("officer", "list"), ("models", "list")], ids=" ".join)
def test_nobody_reads_to_the_end(unit, capsys, words):
    with nobody_reads():
        assert main(unit.words(words) if words[0] == "officer" else words) == 0
    assert capsys.readouterr().err == ""


# ------------------------------------------------------------------------------------------ files and input


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """Let no file grow over a size, for the block: what is written in place is lost then, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_list_that_cannot_be_written_stays_as_it_was(unit):
    file = unit.build_list("new", signers=1)
    before = file.read_bytes()
    with largest_file(64):
        refused = command("watchlist", "sign", str(file), "--key", str(unit.folder / "second.pem"))
    assert (refused.status, refused.out) == (2, "")
    assert "cannot be written" in refused.problem()
    assert file.read_bytes() == before
    assert not list(file.parent.glob(".*.tmp"))


def test_a_signed_list_keeps_its_mode_and_its_link(unit):
    file, link = unit.build_list("new", signers=1), unit.folder / "link"
    assert stat.S_IMODE(file.stat().st_mode) == 0o644
    link.symlink_to(file)
    file.chmod(0o600)
    assert command("watchlist", "sign", str(link), "--key", str(unit.folder / "second.pem")).status == 0
    assert link.is_symlink()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert len(unit.run("watchlist", "verify", str(file), "--format", "json").json()["signers"]) == 2


def test_a_list_is_written_to_a_pipe(unit):
    pipe, rows = unit.folder / "pipe", unit.build_list("new", signers=0).with_suffix(".csv")
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        words = ("--name", "n", "--issuer", "i", "--authority", "a", "--purpose", "p", "--place", "x")
        built = command("watchlist", "build", str(rows), "-o", str(pipe), *words, "--expires", "2099-01-01T00:00Z")
        assert built.status == 0
        assert os.read(reader, 65536).startswith(b"{")
        assert stat.S_ISFIFO(pipe.stat().st_mode)
    finally:
        os.close(reader)


def test_a_public_key_signs_nothing(unit):
    file = unit.build_list("new", signers=1)
    refused = command("watchlist", "sign", str(file), "--key", str(unit.folder / "second.pem.pub"))
    assert (refused.status, refused.out) == (2, "")
    assert "is a public key: name the private one" in refused.problem()


@pytest.mark.parametrize("words", [LOOKUP[:3], ("check", "face", "a", "b"), ("read", "a")], ids=" ".join)
def test_a_blank_reason_is_a_wrong_call(unit, words):
    for reason in ("", " \t"):
        refused = unit.run(*words, "--reason", reason)
        assert (refused.status, refused.out) == (2, "")
        assert "--reason" in refused.problem()


def test_standard_input_that_is_no_text(monkeypatch):
    monkeypatch.setattr(sys, "stdin", None)
    for words in (("officer", "sign-in", "4711"), ("check", "document", "--mrz", "-", "--reason", "x")):
        with pytest.MonkeyPatch.context() as patch, io.TextIOWrapper(io.BytesIO(b"\xff\n"), "utf-8") as typed:
            patch.setattr("tests.kit.io.StringIO", lambda _text, typed=typed: typed)
            refused = command(*words)
        assert refused.status == 2
        assert "not text in UTF-8" in refused.problem()


# --------------------------------------------------------------------------------------- two passphrases


def test_the_second_officer_where_the_key_is_kept_nowhere(tmp_path, monkeypatch):
    unit = Unit.empty(tmp_path / "unit")
    with unit.active():
        monkeypatch.setenv("XDG_RUNTIME_DIR", "")
        assert unit.run("officer", "add", "1", stdin="first passphrase\n").status == 0
        assert unit.run("officer", "sign-in", "1", stdin="first passphrase\n").status == 0
        before = outcomes(unit)
        for more in ((), ("--officer", "1")):
            short = unit.run("officer", "add", "2", *more, stdin="second passphrase\n")
            assert (short.status, short.out) == (2, "")
            assert "two lines" in short.problem()
            assert "passphrase of officer 1" in short.problem()
            assert "then the new passphrase of 2" in short.problem()
        assert outcomes(unit) == before
        wrong = unit.run("officer", "add", "2", stdin="a guess\nsecond passphrase\n")
        assert wrong.status == 1
        assert "passphrase of officer 1 was asked for" in wrong.problem()
        assert unit.run("officer", "add", "2", stdin="first passphrase\nsecond passphrase\n").status == 0
        assert unit.run("officer", "sign-in", "2", stdin="second passphrase\n").status == 0

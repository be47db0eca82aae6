"""A unit for tests of the whole hub: its state folder, its configuration, and the command line as an officer types it.

    unit = Unit.prepare(folder)              # officers, two signers, a signed list, a register
    unit.run("lookup", "plate", LISTED, "--reason", "stop").out

Commands run in this process, or by `Unit.spawn` as the real command. Plates are painted, and read by the plugin in
`tests.kit_plugin`, so that no model is needed.
"""

from __future__ import annotations

import io
import json
import logging
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import structlog

from hub.cli import main
from hub.testing.frames import Painted, paint, street, write_photo

ROOT = Path(__file__).parents[1]
LISTED = "1234BCD"
"""A plate on the unit's list, and in its register."""
STRANGER = "5678FGH"
"""A plate that is on no list, and in the register."""
PASSPHRASES = {"100": "supervisor passphrase", "4711": "first passphrase", "4712": "second passphrase"}
"""Officers of a prepared unit; 100 is the supervisor, 4711 is signed in."""
ISSUER = "Test issuer"
MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None
"""Where the runtime folder lies, as a memory file system; None for the usual place, and then no key is kept there."""

CONFIG = """\
unit = "car-1"
plugins_off = ["plates_ppocr", "plates_fast", "faces_onnx", "speech_whisper"]
plugins_in_process = ["kit"]

[plates]
reader = "painted"
votes = 2

[plates.reading]
home = ["ES"]
"""
LIST = f"""\
entry,category,plate,region,make,colour,legal_basis,issuing_authority,reference,expires,instruction
W-1,stolen_vehicle,{LISTED},ES,Varo,red,Test order 1,Test authority,R-1,2099-12-31,Stop it
"""
REGISTER = f"""\
entry,plate,region,keeper_name,insurance_status,licence_number,family_name,given_names,birth_date,licence_status
K-1,{LISTED},ES,Invented Keeper,insured,L100,Keeper,Invented,1980-01-02,valid
K-2,{STRANGER},ES,Another Keeper,insured,L200,Another,Keeper,1981-03-04,valid
"""


@dataclass
class Result:
    """What a command printed, and its exit status."""

    status: int
    out: str
    err: str

    def json(self) -> Any:
        """Return the one JSON object that is all of standard output."""
        assert self.out.endswith("\n")
        assert self.out.count("\n") == 1, self.out
        return json.loads(self.out)

    def lines(self) -> list[Any]:
        """Return the JSON objects of standard output, one a line."""
        return [json.loads(line) for line in self.out.splitlines()]

    def problem(self) -> str:
        """Return the one line of standard error."""
        assert self.err.count("\n") == 1, self.err
        assert "Traceback" not in self.err
        return self.err.strip()


def install_plugin(folder: Path) -> Path:
    """Make the distribution of `tests.kit_plugin` in a folder, which belongs on ``sys.path``."""
    info = folder / "kit_plugin-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: kit-plugin\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[patrol_hub.plugins]\nkit = tests.kit_plugin\n")
    return folder


@contextmanager
def _streams(stdin: str) -> Iterator[tuple[io.TextIOWrapper, io.TextIOWrapper]]:
    """Give a command its own standard streams, and take its logging away from it afterwards."""
    before = sys.stdin, sys.stdout, sys.stderr
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2))
    sys.stdin, sys.stdout, sys.stderr = io.StringIO(stdin), out, err
    try:
        yield out, err
    finally:
        sys.stdin, sys.stdout, sys.stderr = before
        structlog.reset_defaults()
        root.handlers[:], root.level = handlers, level


def command(*words: str, stdin: str = "") -> Result:
    """Run the command line in this process. An exception that leaves it fails the test: nobody wants a traceback."""
    with _streams(stdin) as (out, err):
        status = main(words)
        return Result(status, out.buffer.getvalue().decode(), err.buffer.getvalue().decode())  # type: ignore[attr-defined]


class Unit:
    """A unit's folder: state, configuration and files beside it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.state = folder / "state"
        self.config = folder / "patrol.toml"

    @classmethod
    def empty(cls, folder: Path) -> Unit:
        """Make a unit that nobody has used yet."""
        unit = cls(folder)
        folder.mkdir(parents=True, exist_ok=True)
        unit.config.write_text(CONFIG)
        install_plugin(folder / "site")
        return unit

    @classmethod
    def prepare(cls, folder: Path) -> Unit:
        """Make a unit with officers, a trusted issuer, a signed list and a register, as operators would."""
        unit = cls.empty(folder)
        with unit.active():
            unit.run("officer", "add", "100", "--role", "supervisor", stdin=PASSPHRASES["100"])
            for number in ("4711", "4712"):
                unit.run(
                    "officer", "add", number, "--officer", "100", stdin=f"{PASSPHRASES['100']}\n{PASSPHRASES[number]}"
                )
            unit.sign_in("4711")
            unit.trust()
            assert unit.run("import", "wanted_persons", str(unit.build_list())).status == 0
            (folder / "register.csv").write_text(REGISTER)
            assert unit.run("import", "drivers", str(folder / "register.csv")).status == 0
        return unit

    def copy(self, folder: Path) -> Unit:
        """Return a copy of the unit as it stands."""
        shutil.copytree(self.folder, folder)
        return Unit(folder)

    @contextmanager
    def active(self) -> Iterator[Unit]:
        """Let this process work on this unit, with the plugin of tests and a runtime folder, for the block."""
        site = str(self.folder / "site")
        with tempfile.TemporaryDirectory(dir=MEMORY) as runtime, pytest.MonkeyPatch.context() as patch:
            patch.setenv("PATROL_HUB_STATE", str(self.state))
            patch.setenv("XDG_RUNTIME_DIR", runtime)
            sys.path.insert(0, site)
            try:
                yield self
            finally:
                sys.path.remove(site)

    def run(self, *words: str, stdin: str = "") -> Result:
        """Run a command on this unit in this process; inside `active`."""
        return command(*self.words(words), stdin=stdin)

    def words(self, words: Sequence[str]) -> list[str]:
        """Return a command's words with the unit's configuration, where the command takes one."""
        without = {
            ("plugins", "new"),
            ("watchlist", "new-key"),
            ("watchlist", "build"),
            ("watchlist", "sign"),
        }
        takes = words[0] not in ("models", "demo") and tuple(words[:2]) not in without
        return [*words, *(("--config", str(self.config)) if takes and "--config" not in words else ())]

    def environment(self) -> dict[str, str]:
        """Return the environment in which a child process works on this unit."""
        path = os.pathsep.join((str(self.folder / "site"), str(ROOT)))
        return os.environ | {"PATROL_HUB_STATE": str(self.state), "PYTHONPATH": path}

    def spawn(self, *words: str, **options: Any) -> subprocess.Popen[str]:
        """Start the real command on this unit."""
        line = [sys.executable, "-c", "from hub.cli import script; script()", *self.words(words)]
        pipe = subprocess.PIPE
        options = {"stdin": subprocess.DEVNULL, "stdout": pipe, "stderr": pipe, "text": True} | options
        return subprocess.Popen(line, env=self.environment(), **options)

    def sign_in(self, number: str) -> None:
        """Sign an officer in."""
        assert self.run("officer", "sign-in", number, stdin=PASSPHRASES[number]).status == 0

    def trust(self) -> None:
        """Make two signers' keys and trust them."""
        keys = [self.folder / name for name in ("first.pem", "second.pem")]
        for key in keys:
            assert command("watchlist", "new-key", str(key)).status == 0
        assert self.run("watchlist", "trust", ISSUER, *(f"{key}.pub" for key in keys)).status == 0

    def build_list(
        self,
        name: str = "list",
        *,
        rows: str = LIST,
        expires: str = "2099-01-01T00:00Z",
        signers: int = 2,
        version: int = 1,
    ) -> Path:
        """Build a list and sign it by so many signers."""
        table, package = self.folder / f"{name}.csv", self.folder / f"{name}.json"
        table.write_text(rows)
        words = {
            "--name": "vehicles", "--issuer": ISSUER, "--authority": "Test act", "--purpose": "stolen vehicles",
            "--place": "test town", "--expires": expires, "--version": str(version),
        }  # fmt: skip
        options = [word for pair in words.items() for word in pair]
        assert command("watchlist", "build", str(table), "-o", str(package), *options).status == 0
        for key in ("first.pem", "second.pem")[:signers]:
            assert command("watchlist", "sign", str(package), "--key", str(self.folder / key)).status == 0
        return package

    def photos(self, *plates: str, name: str = "photos") -> Path:
        """Paint a folder of photos, one a plate; "" for an empty street."""
        folder = self.folder / name
        folder.mkdir()
        for number, plate in enumerate(plates):
            image = paint(street(), [Painted(plate, 40, 90)] if plate else [])
            write_photo(folder / f"{number:02d}.png", image)
        return folder

    def checkpoint(self) -> Path:
        """Export a checkpoint and return its file."""
        path = self.folder / "checkpoint"
        assert self.run("audit", "checkpoint", "-o", str(path)).status == 0
        return path

    def files(self) -> dict[str, bytes]:
        """Return the content of every file under the state folder."""
        return {
            str(path.relative_to(self.state)): path.read_bytes() for path in self.state.rglob("*") if path.is_file()
        }

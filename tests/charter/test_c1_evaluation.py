"""C1: the evaluation is apart. It opens no camera, list or unit, refuses fewer than 100 people, and keeps nothing."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

import hub.evaluation
from hub.cli import main
from hub.evaluation import faces, openset
from hub.evaluation.embedding import FEWEST_PEOPLE

FOLDER = Path(hub.evaluation.__file__).parent
CLOSED = (
    "hub.capture",
    "hub.isolation",
    "hub.watchlists",
    "hub.actors",
    "hub.sources",
    "hub.store",
    "hub.audit",
    "hub.authority",
    "hub.unit",
    "hub.app",
    "hub.alerts",
    "hub.lookups",
    "sqlite3",
    "socket",
    "trio",
)


def test_it_imports_nothing_that_opens_a_camera_a_list_or_a_unit():
    """In a fresh interpreter, whatever an import brings along."""
    code = (
        "import sys\nfrom hub.evaluation import crowd, faces, openset\n"
        f"found = [name for name in {CLOSED!r} if name in sys.modules]\nassert not found, found\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_it_has_no_call_that_writes():
    """Photos and truth files are opened for reading, and nothing else is done with files."""
    writers = {"write", "write_text", "write_bytes", "writelines", "mkdir", "touch", "dump", "save", "savez", "tofile"}
    writers |= {"imwrite", "imencode", "VideoWriter", "VideoCapture", "memmap", "NamedTemporaryFile", "connect"}
    modules = [FOLDER / f"{name}.py" for name in ("crowd", "embedding", "faces", "openset", "timing")]
    for module in modules:
        tree = ast.parse(module.read_text())
        calls = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)]
        names = {call.attr if isinstance(call, ast.Attribute) else getattr(call, "id", "") for call in calls}
        assert not names & writers, f"{module.name}: {names & writers}"
        opened = [call for call in ast.walk(tree) if isinstance(call, ast.Call) and _called(call) == "open"]
        for call in opened:
            assert not call.args, f"{module.name} opens with a mode"
            assert not {word.arg for word in call.keywords} - {"encoding", "newline"}


def _called(call):
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def photos(folder, people):
    for person in range(people):
        (folder / f"invented-{person:03}").mkdir(parents=True)
        for number in (1, 2):
            noise = np.random.default_rng(person * 2 + number).integers(0, 256, (64, 64, 3), dtype=np.uint8)
            cv2.imwrite(str(folder / f"invented-{person:03}" / f"{number}.png"), noise)


def pairs(file, people):
    rows = ["left,right,same"]
    for person in range(people):
        other = (person + 1) % people
        rows.append(f"invented-{person:03}/1.png,invented-{person:03}/2.png,1")
        rows.append(f"invented-{person:03}/1.png,invented-{other:03}/2.png,0")
    file.write_text("\n".join(rows) + "\n")


def open_set(file, people):
    names = [f"invented-{person:03}" for person in range(people)]
    listed = [{"id": name, "reference": f"{name}/1.png", "probe": f"{name}/2.png"} for name in names[:10]]
    file.write_text(json.dumps({"gallery": listed, "strangers": [f"{name}/1.png" for name in names[10:]]}))


@pytest.fixture
def state(tmp_path, monkeypatch):
    """A state folder that must stay as it is, and a folder for temporary files that must be empty afterwards."""
    folder, temporary = tmp_path / "state", tmp_path / "temporary"
    folder.mkdir()
    temporary.mkdir()
    monkeypatch.setenv("PATROL_HUB_STATE", str(folder))
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.setattr("tempfile.tempdir", None)
    return tmp_path


def files_of(folder):
    return sorted((path, path.is_file() and path.stat().st_mtime_ns) for path in folder.rglob("*"))


@pytest.mark.parametrize("command", ["faces", "openset"])
def test_fewer_than_100_people_are_refused_before_any_photo_is_opened(state, capsys, monkeypatch, command):
    data = state / "data"
    data.mkdir()
    pairs(data / "pairs.csv", FEWEST_PEOPLE - 1)
    open_set(data / "openset.json", FEWEST_PEOPLE - 1)
    for module in (faces, openset):
        monkeypatch.setattr(module, "embed_photos", lambda *_args, **_more: pytest.fail("a photo was opened"))
    words = {
        "faces": ["--images", str(data), "--pairs", str(data / "pairs.csv")],
        "openset": [str(data / "openset.json"), "--images", str(data)],
    }
    assert main(["evaluate", command, *words[command]]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "99 people are too few" in err


def test_it_prints_aggregates_only_and_leaves_no_file(state, capsys):
    """Photos of noise in which no face is found: the whole way of the command, without anybody's picture."""
    data = state / "data"
    photos(data, FEWEST_PEOPLE)
    pairs(data / "pairs.csv", FEWEST_PEOPLE)
    open_set(data / "openset.json", FEWEST_PEOPLE)
    before = files_of(state)
    assert (
        main(["evaluate", "faces", "--images", str(data), "--pairs", str(data / "pairs.csv"), "--format", "json"]) == 0
    )
    verified = capsys.readouterr()
    assert main(["evaluate", "openset", str(data / "openset.json"), "--images", str(data), "--format", "json"]) == 0
    searched = capsys.readouterr()
    assert files_of(state) == before
    assert "invented" not in verified.out + verified.err + searched.out + searched.err
    for report in (json.loads(verified.out), json.loads(searched.out)):
        numbers = [value for value in report.values() if not isinstance(value, dict)]
        numbers += [value for each in report.values() if isinstance(each, dict) for value in each.values()]
        assert all(value is None or isinstance(value, int | float) for value in numbers)

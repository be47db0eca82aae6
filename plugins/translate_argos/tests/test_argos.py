"""Argos packages: a real one that was made for these tests, damaged and hostile ones, and none at all."""

from __future__ import annotations

import hashlib
import importlib.util
import io
import json
import stat
import sys
import zipfile
from pathlib import Path

import pytest

from hub.backends import LanguagePair, PluginContext, Translation
from hub.errors import TranslatorError
from hub.testing.contracts_translators import TranslatorContract
from translate_argos import Argos, packages, register_translators

SPEC = importlib.util.spec_from_file_location("argos_kit", Path(__file__).with_name("kit.py"))
kit = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(kit)

PAIR = LanguagePair("en", "es")


@pytest.fixture(scope="module")
def shelf(tmp_path_factory):
    folder = tmp_path_factory.mktemp("packages")
    kit.save_package(folder / "translate-en_es-1_0.argosmodel")
    return folder


class TestArgos(TranslatorContract):
    @pytest.fixture
    def translator(self, shelf, tmp_path):
        return Argos(shelf, tmp_path / "unpacked")

    @pytest.fixture
    def example(self):
        return "The house is big.", PAIR


def test_a_package_is_unpacked_once_under_its_digest(shelf, tmp_path):
    argos = Argos(shelf, tmp_path / "unpacked")
    assert argos.pairs() == (PAIR,)
    assert argos.missing() == ""
    assert not (tmp_path / "unpacked").exists(), "what is not used is not unpacked"
    assert argos.translate("The house is big.", "en", "es") == Translation("La casa es grande.")
    digest = hashlib.sha256(next(shelf.glob("*.argosmodel")).read_bytes()).hexdigest()
    (folder,) = (tmp_path / "unpacked").iterdir()
    assert folder.name == digest
    assert (folder / "sha256").read_text() == f"{digest}\n"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    files = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert {"sha256", "sentencepiece.model", "model/model.bin"} <= files
    assert not any("stanza" in name or "README" in name for name in files)
    before = (folder / "model" / "model.bin").stat().st_mtime_ns
    Argos(shelf, tmp_path / "unpacked").translate("Stop!", "en", "es")
    assert (folder / "model" / "model.bin").stat().st_mtime_ns == before


def test_several_sentences_are_translated_one_by_one(shelf, tmp_path):
    made = Argos(shelf, tmp_path).translate("Stop! Please wait here. What happened?", "en", "es")
    assert made.text == "La casa es grande. La casa es grande. La casa es grande."


def test_words_in_another_script_are_named(shelf, tmp_path):
    made = Argos(shelf, tmp_path).translate("Where is Щукин? Щукин 身!", "en", "es")
    assert made.unknown == ("Щукин", "身")


def test_what_the_model_does_not_know_is_a_gap(tmp_path):
    kit.save_package(tmp_path / "x.argosmodel", said=("▁La", "<unk>", "▁es"))
    assert Argos(tmp_path, tmp_path / "unpacked").translate("Stop!", "en", "es").text == "La [?] es"


def test_a_model_that_does_not_end_gives_no_translation(tmp_path):
    kit.save_package(tmp_path / "x.argosmodel", ends=False)
    with pytest.raises(TranslatorError, match="did not come to an end"):
        Argos(tmp_path, tmp_path / "unpacked").translate("Stop!", "en", "es")


def test_a_target_prefix_is_no_word_of_the_translation(tmp_path):
    kit.save_package(tmp_path / "x.argosmodel", said=("▁es", "▁casa", "."), more={"target_prefix": "▁es"})
    assert Argos(tmp_path, tmp_path / "unpacked").translate("Stop!", "en", "es").text == "casa."


def test_without_packages_there_is_no_pair_and_it_says_where_they_belong(tmp_path):
    argos = Argos(tmp_path / "nothing", tmp_path)
    assert argos.pairs() == ()
    assert "put Argos packages" in argos.missing()
    with pytest.raises(TranslatorError, match="no Argos package from en to es"):
        argos.translate("Stop!", "en", "es")


def test_the_libraries_come_with_the_first_translation(shelf, tmp_path):
    made = []
    register_translators(lambda name, make: made.append((name, make)))
    ((name, make),) = made
    assert name == "argos"
    context = PluginContext(tmp_path, tmp_path, {"packages": str(shelf)}, development=False)
    assert make(context).pairs() == (PAIR,)
    assert make(PluginContext(tmp_path, tmp_path, {}, development=False)).pairs() == ()
    with pytest.raises(TranslatorError, match="as text"):
        make(PluginContext(tmp_path, tmp_path, {"packages": 3}, development=False))
    assert "argostranslate" not in sys.modules
    assert "torch" not in sys.modules


# ------------------------------------------------------------------------------------------ what is no package


def package(path, files, top="translate-en_es"):
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name if isinstance(name, zipfile.ZipInfo) else f"{top}/{name}", content)
    return path


METADATA = json.dumps({"from_code": "en", "to_code": "es"})
GOOD = {"metadata.json": METADATA, "sentencepiece.model": b"x", "model/model.bin": b"x"}


def link():
    entry = zipfile.ZipInfo("translate-en_es/model/config.json")
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16
    return entry


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({**GOOD, "metadata.json": "{}"}, "metadata.json is wrong"),
        ({**GOOD, "metadata.json": "[" * 60_000}, "metadata.json is wrong"),
        ({**GOOD, "metadata.json": '{"from_code": "../x", "to_code": "es"}'}, "metadata.json is wrong"),
        ({**GOOD, "metadata.json": '{"from_code": "en", "to_code": "en"}'}, "into itself"),
        ({**GOOD, "metadata.json": b" " * 2**17}, "larger than"),
        ({"metadata.json": METADATA, "sentencepiece.model": b"x"}, "has no model/model.bin"),
        ({"model/model.bin": b"x", "metadata.json": METADATA}, "has no sentencepiece.model"),
        ({**GOOD, link(): "/etc/passwd"}, "is a link"),
        ({**{f"x/{number}": b"" for number in range(5001)}, **GOOD}, "5004 files"),
    ],
)
def test_a_file_that_is_no_package_is_named_and_offers_nothing(tmp_path, files, says):
    package(tmp_path / "bad.argosmodel", files)
    argos = Argos(tmp_path, tmp_path / "unpacked")
    assert argos.pairs() == ()
    assert argos.missing().startswith("bad.argosmodel: ")
    assert says in argos.missing()


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"\0" * 3000])
def test_a_file_that_is_no_archive_is_named(tmp_path, content):
    (tmp_path / "bad.argosmodel").write_bytes(content)
    assert "no Argos package" in Argos(tmp_path, tmp_path / "unpacked").missing()


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_files_of_one_name_are_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "bad.argosmodel", "w") as archive:
        for top in ("a", "b"):
            for name, content in GOOD.items():
                archive.writestr(f"{top}/{name}", content)
    assert "twice" in Argos(tmp_path, tmp_path / "unpacked").missing()


def test_no_path_of_an_archive_reaches_the_disk(tmp_path):
    names = (
        "../out",
        "x/../../out",
        "/out",
        "x/model/../../../out",
        "x/model/sub/model.bin",
        "x/model/evil.so",
        "..\\out",
    )
    files = {zipfile.ZipInfo(name): b"evil" for name in names}
    path = package(tmp_path / "bad.argosmodel", {**GOOD, **files})
    (found,), _ = packages.find_packages(tmp_path)
    files = packages.unpack(found, tmp_path / "a" / "b")
    assert found.path == path
    written = {str(each.relative_to(tmp_path)) for each in tmp_path.rglob("*") if each.is_file()}
    inside = f"a/b/{files.digest}"
    names = ("metadata.json", "sentencepiece.model", "model/model.bin", "sha256")
    assert written == {"bad.argosmodel", *(f"{inside}/{name}" for name in names)}


def test_sizes_are_counted_and_not_believed(tmp_path, monkeypatch):
    """A bomb: a megabyte that an archive declares as ten bytes."""
    monkeypatch.setattr(packages, "LARGEST_MODEL", 2**19)
    monkeypatch.setattr(packages, "LARGEST_TOKENIZER", 2**18)
    for name in ("model/model.bin", "sentencepiece.model"):
        raw = io.BytesIO()
        with zipfile.ZipFile(raw, "w", zipfile.ZIP_DEFLATED) as archive:
            for each, content in GOOD.items():
                archive.writestr(f"x/{each}", b"\0" * 2**20 if each == name else content)
        (tmp_path / "bad.argosmodel").write_bytes(raw.getvalue())
        argos = Argos(tmp_path, tmp_path / "unpacked")
        with pytest.raises(TranslatorError, match="larger than"):
            argos.translate("Stop!", "en", "es")
        assert not list((tmp_path / "unpacked").iterdir()), "nothing half unpacked is left"


def test_a_damaged_archive_leaves_nothing_behind(tmp_path):
    path = package(tmp_path / "bad.argosmodel", {**GOOD, "model/model.bin": b"abcdefgh" * 1000})
    content = path.read_bytes()
    path.write_bytes(content.replace(b"abcdefgh", b"abcdefgX", 1))
    with pytest.raises(TranslatorError, match="is damaged"):
        Argos(tmp_path, tmp_path / "unpacked").translate("Stop!", "en", "es")
    assert not list((tmp_path / "unpacked").iterdir())


def test_files_that_hold_no_model_are_said_in_one_line(tmp_path):
    package(tmp_path / "bad.argosmodel", GOOD)
    with pytest.raises(TranslatorError, match="holds no usable model") as caught:
        Argos(tmp_path, tmp_path / "unpacked").translate("Stop!", "en", "es")
    assert "\n" not in str(caught.value)


def test_a_model_that_fails_is_said_without_what_was_asked(shelf, tmp_path):
    class Failing:
        def unknown(self, sentence):
            return ()

        def translate(self, sentence):
            raise RuntimeError(f"cannot translate {sentence}")

    argos = Argos(shelf, tmp_path, load=lambda files, prefix, threads: Failing())
    with pytest.raises(TranslatorError, match="RuntimeError") as caught:
        argos.translate("My name is Anna.", "en", "es")
    assert "Anna" not in str(caught.value)


def test_another_content_is_another_folder(tmp_path):
    first = Argos(tmp_path, tmp_path / "unpacked")
    assert first.pairs() == ()
    kit.save_package(tmp_path / "x.argosmodel")
    Argos(tmp_path, tmp_path / "unpacked").translate("Stop!", "en", "es")
    kit.save_package(tmp_path / "x.argosmodel", said=("▁Otra", "▁cosa"))
    assert Argos(tmp_path, tmp_path / "unpacked").translate("Stop!", "en", "es").text == "Otra cosa"
    assert len(list((tmp_path / "unpacked").iterdir())) == 2

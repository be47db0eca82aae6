"""The plugin on pictures that the tests draw themselves, on hostile ones, and on the shared photos."""

import sys
from functools import cache
from importlib import metadata

import cv2
import numpy as np
import pytest

from hub.backends import PluginContext
from hub.errors import ModelError
from hub.evaluation.plates import evaluate_plates
from hub.messages import Reason
from hub.plates.alphabet import EMPTY, INDEX, SYMBOLS
from hub.plates.grammar import load_grammars
from hub.plates.reading import read_image
from hub.plates.settings import PlateSettings
from hub.testing.contracts_plates import PlateReaderContract
from plates_ppocr import open_reader, register_plate_readers, weights
from plates_ppocr.network import Line, line_of, merge, moved
from plates_ppocr.reader import LARGEST_PIXELS, PpocrReader
from plates_ppocr.recogniser import BLANK, COLUMNS, OTHER, SEPARATOR, fold_table


@cache
def opened() -> PpocrReader:
    return PpocrReader()


def plate_picture(
    lines: tuple[str, ...] = ("1234 BCD",), *, size: tuple[int, int] = (640, 480), letter: int = 44, turn: float = 0.0
) -> np.ndarray:
    """A white plate with black characters on a grey car before a darker street."""
    width, height = size
    image = np.full((height, width, 3), 70, np.uint8)
    cv2.rectangle(image, (width // 8, height // 6), (7 * width // 8, 5 * height // 6), (120, 110, 100), -1)
    scale = letter / 22
    spans = [cv2.getTextSize(line, cv2.FONT_HERSHEY_SIMPLEX, scale, max(2, letter // 8))[0] for line in lines]
    wide, high = max(span[0] for span in spans) + letter, sum(int(span[1] * 1.5) for span in spans) + letter // 2
    x, y = (width - wide) // 2, (height - high) // 2
    cv2.rectangle(image, (x, y), (x + wide, y + high), (245, 245, 245), -1)
    cv2.rectangle(image, (x, y), (x + wide, y + high), (10, 10, 10), max(1, letter // 16))
    below = y + letter // 4
    for line, span in zip(lines, spans, strict=True):
        below += int(span[1] * 1.25)
        at = (x + (wide - span[0]) // 2, below)
        cv2.putText(image, line, at, cv2.FONT_HERSHEY_SIMPLEX, scale, (15, 15, 15), max(2, letter // 8), cv2.LINE_AA)
        below += int(span[1] * 0.25)
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), turn, 1.0)
    return np.asarray(cv2.warpAffine(image, matrix, size, borderMode=cv2.BORDER_REPLICATE), np.uint8)


@pytest.fixture(scope="module")
def book():
    return load_grammars()


class TestContract(PlateReaderContract):
    @pytest.fixture
    def reader(self):
        return opened()

    @pytest.fixture
    def example(self):
        return plate_picture()


@pytest.mark.parametrize("turn", [0.0, 8.0, -12.0])
@pytest.mark.parametrize("letter", [20, 44])
def test_reads_a_drawn_plate(book, letter, turn):
    result = read_image(opened(), plate_picture(letter=letter, turn=turn), book, PlateSettings())
    assert [region.readings[0].plate for region in result.passed] == ["1234BCD"]
    assert "ES" in {fit.code for fit in result.passed[0].readings[0].regions}


def test_reads_a_small_plate_in_a_large_picture(book):
    image = np.full((1440, 2560, 3), 90, np.uint8)
    image[600:840, 1000:1320] = plate_picture(size=(320, 240), letter=24)
    result = read_image(opened(), image, book, PlateSettings())
    assert [region.readings[0].plate for region in result.passed] == ["1234BCD"]
    box = result.passed[0].evidence.box
    assert 1000 <= box.x < box.x + box.w <= 1320


def test_reads_two_lines_as_one_plate(book):
    result = read_image(opened(), plate_picture(("KHA", "4827"), letter=40), book, PlateSettings())
    assert [region.readings[0].plate for region in result.passed] == ["KHA4827"]
    assert len(result.passed[0].evidence.lines) == 2


def test_does_not_read_lettering_or_a_caption(book):
    image = plate_picture(("RENAULT",))
    cv2.putText(image, "2031-05-14 07:25:13", (8, 16), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (255, 255, 255), 1, cv2.LINE_AA)
    result = read_image(opened(), image, book, PlateSettings())
    assert result.passed == ()
    assert result.reason in (Reason.NOT_A_PLATE, Reason.WRONG_SHAPE, Reason.NO_GRAMMAR)


def test_a_huge_picture_is_made_smaller_first(monkeypatch):
    seen = []
    reader = PpocrReader()
    monkeypatch.setattr(reader, "_pass", lambda image, scale: seen.append(image.shape) or [])
    assert reader.read(np.zeros((10_000, 10_000, 3), np.uint8)) == []
    assert all(height * width <= LARGEST_PIXELS * 1.01 for height, width, _ in seen)


def test_registers_under_the_name_of_its_distribution(tmp_path):
    factories = {}
    register_plate_readers(factories.__setitem__)
    context = PluginContext(state=tmp_path, models=tmp_path, settings={}, development=False, threads=1)
    assert list(factories) == ["plates_ppocr"]
    assert isinstance(factories["plates_ppocr"](context), PpocrReader)
    assert factories["plates_ppocr"] is open_reader


def test_never_imports_the_carrier():
    opened()
    assert "rapidocr" not in sys.modules


class TestWeights:
    def test_are_used_only_with_the_right_digest(self, tmp_path, monkeypatch):
        altered = tmp_path / "PP-OCRv6_det_small.onnx"
        altered.write_bytes(b"something else")
        monkeypatch.setattr(weights, "locate", lambda _: altered)
        with pytest.raises(ModelError, match="another digest"):
            weights.load(weights.DETECTOR)

    def test_say_where_they_should_come_from(self, tmp_path, monkeypatch):
        monkeypatch.setattr(weights, "locate", lambda _: tmp_path / "gone.onnx")
        with pytest.raises(ModelError, match="reinstall rapidocr"):
            weights.load(weights.DETECTOR)
        monkeypatch.undo()
        with pytest.raises(ModelError, match="does not carry"):
            weights.locate(weights.Weights("rapidocr/models/none.onnx", ""))

        def missing(_):
            raise metadata.PackageNotFoundError("rapidocr")

        monkeypatch.setattr(metadata, "files", missing)
        with pytest.raises(ModelError, match="not installed"):
            weights.locate(weights.DETECTOR)

    def test_that_are_no_model_are_refused(self, tmp_path, monkeypatch):
        monkeypatch.setattr(weights, "load", lambda _: b"no model")
        with pytest.raises(ModelError, match="cannot open"):
            weights.open_session(weights.DETECTOR, threads=1)


def steps(*rows: dict[str, float]) -> np.ndarray:
    """Time steps of one dictionary each: a symbol, "_" for blank, " " for a separator, "#" for anything else."""
    columns = {"_": BLANK, " ": SEPARATOR, "#": OTHER, **INDEX}
    table = np.zeros((len(rows), COLUMNS), np.float32)
    for row, given in zip(table, rows, strict=True):
        for symbol, probability in given.items():
            row[columns[symbol]] = probability
        row[BLANK] += 1.0 - row.sum()
    return table


def best(line: Line) -> str:
    return "".join(SYMBOLS[int(row[:EMPTY].argmax())] for row in line.slots if row[EMPTY] < 0.5)


class TestNetwork:
    def test_repeats_count_once_unless_a_blank_parts_them(self):
        line = line_of(steps({"A": 0.9}, {"A": 0.8}, {"_": 1.0}, {"A": 0.9}, {"B": 0.7}))
        assert best(line) == "AAB"
        assert line.slots.sum(axis=1) == pytest.approx(1.0, abs=1e-5)

    def test_a_separator_becomes_a_break_before_the_next(self):
        line = line_of(steps({"A": 0.9}, {" ": 0.8}, {"B": 0.9}))
        assert line.breaks == pytest.approx([0.0, 0.8], abs=1e-5)

    def test_what_was_nearly_written_gets_a_slot_that_is_mostly_empty(self):
        line = line_of(steps({"A": 0.9}, {"_": 1.0}, {"1": 0.2}, {"_": 1.0}, {"B": 0.9}))
        assert best(line) == "AB"
        assert line.slots[1, INDEX["1"]] == pytest.approx(0.2, abs=1e-5)

    def test_the_shoulder_of_a_character_is_no_second_one(self):
        assert len(line_of(steps({"A": 0.9}, {"A": 0.2}, {"_": 1.0})).slots) == 1

    def test_characters_that_plates_do_not_have_are_missing_to_one(self):
        assert line_of(steps({"#": 0.9})).slots.sum() == pytest.approx(0.1, abs=1e-5)

    def test_two_views_are_averaged_where_both_see_and_kept_where_one_does(self):
        rows = [{symbol: 0.9} if symbol != "_" else {"_": 1.0} for symbol in "A_B_C_D_"]
        whole = line_of(steps(*rows))
        part = moved(line_of(steps(*rows[2:])), 0.25, 1.0)
        assert best(merge(whole, part)) == "ABCD"
        assert best(merge(part, whole)) == "ABCD"

    def test_a_view_without_characters_changes_nothing(self):
        line, nothing = line_of(steps({"A": 0.9})), line_of(steps({"_": 1.0}))
        assert merge(line, nothing) is line
        assert merge(nothing, line) is line

    def test_look_alikes_of_other_alphabets_are_folded(self):
        columns = fold_table(["А", "a", "o", "ü", "-", "中", "Ａ"])
        expected = [BLANK, INDEX["A"], OTHER, INDEX["O"], OTHER, SEPARATOR, OTHER, INDEX["A"], SEPARATOR]
        assert columns.tolist() == expected


@pytest.mark.data
@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "exact", "misread", "false_reads"), [("eu", 36, 1, 1), ("br", 47, 2, 1), ("us", 64, 9, 2)]
)
def test_figures_on_the_shared_photos(shared_data, book, name, exact, misread, false_reads):
    report = evaluate_plates(shared_data / "plates" / name, opened(), book, PlateSettings())
    assert report.exact >= exact
    assert report.misread <= misread
    assert report.false_reads <= false_reads

"""The face list in force: what it finds, what it refuses, and what is left of it."""

from __future__ import annotations

import mmap
import subprocess
import sys
import threading
from datetime import date, timedelta
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from hub.errors import NotAllowedError, StoreError, TrustError, UsageError
from hub.testing.faces import MODEL
from hub.watchlists import locked
from hub.watchlists.gallery import open_gallery
from hub.watchlists.locked import LockedMemory
from tests.kit_lists import KEY, NOW, Time, entry, in_force, templates, verified


def near(row, *, share=0.2, seed=5):
    noise = templates(1, numbers=len(row), seed=seed)[0]
    made = row + share * noise
    return (made / np.linalg.norm(made)).astype(np.float32)


def test_it_finds_who_is_there_with_the_margin_to_the_next(tmp_path):
    rows = templates(500)
    with in_force(tmp_path / "list", rows) as gallery:
        first, second = gallery.search(near(rows[123]), 2)
        assert first.entry == "E-123"
        assert first.similarity > 0.9 > second.similarity
        assert gallery.comparisons == len(gallery) == 500
        assert (gallery.name, gallery.model, gallery.place) == ("children", MODEL, "Test town")


def test_it_agrees_with_a_plain_product(tmp_path):
    rows = templates(3000)
    with in_force(tmp_path / "list", rows) as gallery:
        for number in range(20):
            face = templates(1, seed=100 + number)[0]
            products = rows @ face
            best = np.argsort(-products)[:10]
            found = gallery.search(face)
            assert [each.entry for each in found] == [f"E-{row}" for row in best]
            np.testing.assert_allclose([each.similarity for each in found], products[best], atol=1e-5)


@pytest.mark.parametrize("entries", [1, 3])
def test_a_short_list_gives_what_it_has(tmp_path, entries):
    rows = templates(entries)
    with in_force(tmp_path / "list", rows) as gallery:
        assert gallery.search(rows[0])[0].entry == "E-0"
        assert len(gallery.search(rows[0])) == entries


def test_only_a_face_of_the_model_is_compared(tmp_path):
    rows = templates(3)
    with in_force(tmp_path / "list", rows) as gallery:
        for wrong in (rows[0][:64], rows[0] * 2, np.full(128, np.nan, np.float32), rows):
            with pytest.raises(UsageError, match="128 numbers of length 1"):
                gallery.search(wrong)
        assert gallery.comparisons == 0


def test_a_card_has_the_entry_and_its_photo(tmp_path):
    with in_force(tmp_path / "list", templates(5)) as gallery:
        card = gallery.card("E-3")
        assert (card.entry, card.photo) == (entry(3), b"photo of E-3")
        assert card.entry.comes_first
        with pytest.raises(NotAllowedError, match="has no entry E-9"):
            gallery.card("E-9")


def test_after_its_expiry_nothing_is_compared_and_the_memory_is_gone(tmp_path):
    rows, time = templates(20), Time()
    with in_force(tmp_path / "list", rows, time=time) as gallery:
        gallery.search(rows[0])
        time.now = NOW + timedelta(hours=12)
        for _ in range(2):
            with pytest.raises(NotAllowedError, match=r"expired at 2030-01-03 00:00 UTC"):
                gallery.search(rows[0])
        time.now = NOW  # once ended it stays so
        with pytest.raises(NotAllowedError):
            gallery.card("E-1")
        assert gallery.comparisons == 20
        assert len(gallery) == 0


def test_an_entry_whose_last_day_is_over_is_compared_no_more(tmp_path):
    rows, time = templates(4), Time()
    ends = [date(2030, 1, 1), date(2030, 1, 2), date(2030, 1, 3), date(2030, 1, 2)]
    entries = tuple(entry(number, expires=day) for number, day in enumerate(ends))
    with in_force(tmp_path / "list", rows, entries=entries, time=time, expires=NOW + timedelta(days=2)) as gallery:
        assert (len(gallery), gallery.left_out) == (3, 1)
        assert {each.entry for each in gallery.search(rows[0])} == {"E-1", "E-2", "E-3"}
        time.now += timedelta(hours=13)
        (only,) = gallery.search(rows[2])
        assert (only.entry, round(only.similarity, 4)) == ("E-2", 1.0)
        assert gallery.comparisons == 3 + 1
        with pytest.raises(NotAllowedError):
            gallery.card("E-1")
        assert not gallery._templates[1:].any()


def test_what_expires_is_gone_without_a_search(tmp_path, watched):
    time = Time()
    entries = tuple(entry(number, expires=date(2030, 1, 2 + number)) for number in range(3))
    with in_force(
        tmp_path / "list", templates(3), entries=entries, time=time, expires=NOW + timedelta(days=2)
    ) as gallery:
        assert gallery.expire() == ""
        time.now += timedelta(days=1)
        assert gallery.expire() == ""
        assert len(gallery) == 2
        time.now += timedelta(days=1)
        assert "expired at 2030-01-04 12:00 UTC" in gallery.expire()
        assert not any(watched[0].keep)
        assert gallery.comparisons == 0


def test_a_wipe_waits_for_a_search_and_may_come_twice(tmp_path):
    rows = templates(2000)
    with in_force(tmp_path / "list", rows) as gallery:
        stopped = threading.Event()

        def search():
            while not stopped.is_set():
                try:
                    gallery.search(rows[0])
                except NotAllowedError:
                    return

        threads = [threading.Thread(target=search) for _ in range(2)]
        for thread in threads:
            thread.start()
        gallery.wipe("the order was withdrawn")
        for thread in threads:
            thread.join(5)
            assert not thread.is_alive()
        gallery.wipe()
        assert gallery.ended == "the order was withdrawn"
        with pytest.raises(NotAllowedError, match="the order was withdrawn"):
            gallery.search(rows[0])


class Watched(LockedMemory):
    """Remembers what is left where the mapping was."""

    made: ClassVar[list[Watched]] = []

    def __init__(self, size):
        super().__init__(size)
        self.keep = memoryview(self._mapping)  # holds the mapping, so that it can be looked at afterwards
        self.full = False
        Watched.made.append(self)

    def wipe(self):
        self.full |= any(self.keep)
        super().wipe()


@pytest.fixture
def watched(monkeypatch):
    Watched.made = []
    monkeypatch.setattr("hub.watchlists.gallery.LockedMemory", Watched)
    return Watched.made


def test_an_error_in_the_block_leaves_zeros(tmp_path, watched):
    rows = templates(50)
    with pytest.raises(ZeroDivisionError), in_force(tmp_path / "list", rows):
        raise ZeroDivisionError
    (memory,) = watched
    assert memory.full
    assert not any(memory.keep)


def test_a_list_that_does_not_open_half_way_leaves_zeros(tmp_path, watched):
    found = verified(tmp_path / "list", templates(50))
    data = bytearray(found.file.read_bytes())
    data[found.start + 30 * found.header.template_bytes] ^= 1  # after it was verified
    found.file.write_bytes(data)
    with pytest.raises(TrustError, match="entry 31 was altered"), open_gallery(found, KEY, model=MODEL, now=Time()):
        pytest.fail("it opened")
    (memory,) = watched
    assert memory.full
    assert not any(memory.keep)


def test_templates_of_another_length_are_refused(tmp_path, watched):
    found = verified(tmp_path / "list", templates(5) * 2)
    with pytest.raises(TrustError, match="not the length 1"), open_gallery(found, KEY, model=MODEL, now=Time()):
        pytest.fail("it opened")
    assert not any(watched[0].keep)


def test_memory_that_cannot_be_locked_is_refused(tmp_path, monkeypatch):
    found = verified(tmp_path / "list", templates(5))
    monkeypatch.setattr(locked._libc, "mlock", lambda *_: -1)
    opened = open_gallery(found, KEY, model=MODEL, now=Time())
    with pytest.raises(StoreError, match="cannot be locked in memory"), opened:
        pytest.fail("it opened")


def test_locked_memory_is_in_no_dump_and_in_no_child():
    memory = LockedMemory(5000)
    try:
        memory.view[:4] = b"abcd"
        assert len(memory.view) == 2 * mmap.PAGESIZE
        flags = _flags(locked._address(memory._mapping))
        assert {"lo", "dd", "dc"} <= flags  # locked, no dump, not copied by a fork: see proc_pid_smaps(5)
    finally:
        memory.wipe()
    memory.wipe()


def _flags(address):
    inside = False
    with Path("/proc/self/smaps").open(encoding="ascii") as smaps:
        for line in smaps:
            word = line.split()[0]
            if not word.endswith(":"):
                low, high = (int(part, 16) for part in word.split("-"))
                inside = low <= address < high
            elif inside and word == "VmFlags:":
                return set(line.split()[1:])
    return set()


def test_a_process_that_holds_a_list_leaves_no_core_and_shows_its_memory_to_no_other():
    done = subprocess.run([sys.executable, "-c", PROBE], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["0", "0", "0"]


PROBE = """
import ctypes, resource
from hub.watchlists.locked import forbid_dumps
forbid_dumps()
forbid_dumps()
print(*resource.getrlimit(resource.RLIMIT_CORE), ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))
"""

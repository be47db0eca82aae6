"""C1, C2, C11: a face list is compared with nothing unless it is signed, whole, in date, this unit's and this model's.

Each refusal is checked by counting what was compared: nothing.
"""

from __future__ import annotations

import os
import secrets
from contextlib import contextmanager
from datetime import timedelta

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from hub.authority.dsse import add_signature, make_envelope
from hub.authority.keys import KeySigner
from hub.authority.unit_key import make_key
from hub.clocks import ManualClock
from hub.errors import AuditError, HubError, NotAllowedError, NotSignedInError, StoreError, TrustError
from hub.face_lists import FOLDER, FaceLists
from hub.messages import Act, Requester
from hub.models import find_model
from hub.testing.alerts import MemoryLog
from hub.testing.faces import MODEL
from hub.watchlists.faces import (
    PAYLOAD_TYPE,
    preamble,
    read_header,
    sign_faces,
    verify_faces,
)
from hub.watchlists.gallery import Gallery, open_gallery
from hub.watchlists.metadata import Withdrawn
from hub.watchlists.trust import TRUST_FILE, TRUSTED_FILE, TRUSTED_FOLDER, save_trust
from hub.watchlists.trusted import keep
from tests.kit_authority import Ceremony
from tests.kit_lists import KEY, NOW, SIGNERS, TRUST, Time, build, templates

ROWS = templates(6)
OFFICER = Requester("4711", "officer", "unit-1")


@pytest.fixture
def compared(monkeypatch):
    """Count every comparison that any gallery makes, as it makes it."""
    counts = []
    search = Gallery.search

    def counting(self, *args, **more):
        before = self.comparisons
        try:
            return search(self, *args, **more)
        finally:
            counts.append(self.comparisons - before)

    monkeypatch.setattr(Gallery, "search", counting)
    return counts


class Unit:
    """A unit's face lists with a log and a clock that the test holds."""

    def __init__(self, folder):
        self.folder, self.log, self.clock = folder, MemoryLog(), ManualClock(NOW)
        self.state = folder / "state"
        self.state.mkdir(mode=0o700)
        self.ceremony, self.trusted = Ceremony(folder).begin(NOW), None
        self.update()
        self.machine = ManualClock(NOW)
        self.lists = FaceLists(self.state, log=self.log, clock=self.clock, unit="unit-1", machine=self.machine)

    def update(self):
        """Take what the authority says now."""
        self.trusted = self.ceremony.unit(self.trusted, self.clock.now())
        keep(self.state / TRUSTED_FOLDER, self.trusted)

    def publish(self, file):
        """Have the issuer publish a list, and take the update."""
        self.ceremony.publish(file.read_bytes(), self.clock.now())
        self.update()
        return file

    async def load(self, file, *, requester=OFFICER, key=KEY, model=MODEL):
        return await self.lists.load(file, requester, key, model)

    @contextmanager
    def search(self, **options):
        with self.lists.open(KEY, MODEL, **options) as gallery:
            yield gallery.search(ROWS[2], 1)

    def acts(self):
        return [entry.act for entry in self.log.entries]


@pytest.fixture
def unit(tmp_path):
    return Unit(tmp_path)


def resigned(file, *, signers=SIGNERS, **changes):
    """Rewrite a list's header and have it signed anew, as somebody with these keys could."""
    header = replace(read_header(file), **changes)
    area = file.read_bytes()[-header.sealed_bytes :]
    envelope = make_envelope(msgspec.json.encode(header), PAYLOAD_TYPE)
    for each in signers:
        envelope = add_signature(envelope, each, payload_type=PAYLOAD_TYPE, what="face list", limit=2**24)
    file.write_bytes(preamble(envelope) + area)
    return file


async def test_a_signed_list_is_loaded_opened_and_compared_with(unit, compared):
    found = await unit.load(unit.publish(build(unit.folder / "list", ROWS)))
    with unit.search() as (best,):
        assert best.entry == "E-2"
    assert compared == [6]
    assert unit.acts() == [Act.LIST_LOADED]
    (entry,) = unit.log.entries
    assert (entry.requester, entry.payload.digest, entry.payload.entries) == (OFFICER, found.digest, 6)
    assert entry.payload.signers == ("cleo", "dan")


def _cut(file):
    file.write_bytes(file.read_bytes()[:-10])


def _longer(file):
    file.write_bytes(file.read_bytes() + b"x")


def _entry_altered(file):
    data = bytearray(file.read_bytes())
    data[-700] ^= 1
    file.write_bytes(data)


def _exchanged_entries(file):
    header, data = read_header(file), file.read_bytes()
    start, size = len(data) - header.sealed_bytes, header.template_bytes
    one, two = data[start : start + size], data[start + size : start + 2 * size]
    file.write_bytes(data[:start] + two + one + data[start + 2 * size :])


def _one_signature(file):
    build(file, ROWS, signers=1)


def _unsigned(file):
    build(file, ROWS, signers=0)


def _strangers_signature(file):
    build(file, ROWS, signers=1)
    sign_faces(file, KeySigner("eve", Ed25519PrivateKey.generate()))


def _same_signer_twice(file):
    build(file, ROWS, signers=1)
    sign_faces(file, SIGNERS[0])


def _unknown_issuer(file):
    build(file, ROWS, issuer="South District")


def _header_altered(file):
    data = file.read_bytes()
    file.write_bytes(data.replace(data[200:204], b"AAAA", 1))


REFUSED = {
    "cut off": (_cut, "cut off"),
    "made longer": (_longer, "something added"),
    "an entry altered": (_entry_altered, "altered after it was signed"),
    "entries exchanged": (_exchanged_entries, "altered after it was signed"),
    "one signature": (_one_signature, "1 of the 2 signatures"),
    "unsigned": (_unsigned, "unsigned"),
    "a stranger's signature": (_strangers_signature, "1 of the 2 signatures"),
    "one signer twice": (_same_signer_twice, "1 of the 2 signatures"),
    "unknown issuer": (_unknown_issuer, "unknown to this unit"),
    "expired": (lambda file: build(file, ROWS, created=NOW - timedelta(days=2), expires=NOW), "expired"),
    "not yet valid": (
        lambda file: build(file, ROWS, created=NOW + timedelta(hours=1), expires=NOW + timedelta(hours=2)),
        "valid from",
    ),
    "more entries than stated": (lambda file: resigned(file, size=5), "authority stated 5 at most"),
    "more than 20,000 stated": (lambda file: resigned(file, size=20_001), "no face list"),
    "another model's": (lambda file: resigned(file, model="a" * 64), "face model"),
    "one made with SFace": (lambda file: resigned(file, model=find_model("sface").sha256), "0ba9fbfa01b5270c and this"),
    "a purpose of its own": (lambda file: resigned(file, purpose="shoplifting"), "no purpose"),
    "a category of its own": (lambda file: resigned(file, category="missing_child,loiterer"), "category"),
    "a hot-list's kind": (lambda file: resigned(file, kind="hot-list"), "no face list"),
    "people too alike": (lambda file: resigned(file, ceiling=0.95), "cannot tell them apart"),
    "another list's seal": (lambda file: resigned(file, seal=b"x" * 16), "another unit's"),
    "another unit's": (lambda file: resigned(file, keys=()), "not made for this unit"),
    "no list at all": (lambda file: file.write_bytes(b"PHFACES2"), "no face list"),
    "nothing": (lambda file: file.write_bytes(b""), "no face list"),
    "only its mark": (lambda file: file.write_bytes(b"PHFACES1"), "no signed face list"),
}


PUBLISHED = {"another model's", "one made with SFace", "another list's seal", "another unit's"}
"""Refused although their issuer publishes them."""


@pytest.mark.parametrize("case", REFUSED)
async def test_any_other_list_is_refused_with_the_reason_and_compared_with_nothing(unit, compared, case):
    spoil, reason = REFUSED[case]
    file = build(unit.folder / "list", ROWS)
    spoil(file)
    if case in PUBLISHED:
        unit.publish(file)
    with pytest.raises(TrustError, match=reason):
        await unit.load(file)
    with pytest.raises(NotAllowedError), unit.search():
        pytest.fail("it opened")
    assert sum(compared) == 0
    assert unit.acts() == [Act.LIST_REFUSED]
    assert reason in unit.log.entries[0].payload.reason
    assert not list((unit.state / FOLDER).glob("*"))


@given(at=st.floats(0, 1), bit=st.integers(0, 7))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_byte_of_a_list_can_be_changed(tmp_path, at, bit):
    file = tmp_path / "list"
    if not file.exists():
        build(file, ROWS[:2])
    data = bytearray(file.read_bytes())
    place = min(int(at * len(data)), len(data) - 1)
    data[place] ^= 1 << bit
    altered = tmp_path / "altered"
    altered.write_bytes(data)
    try:
        found = verify_faces(altered, TRUST, NOW)
    except HubError:
        return
    # Only the envelope's spelling, such as a space, is outside of what was signed.
    assert found.header == read_header(file)
    assert found.digest == verify_faces(file, TRUST, NOW).digest


async def test_a_list_that_was_loaded_is_verified_again_each_time_it_is_opened(unit, compared):
    await unit.load(unit.publish(build(unit.folder / "list", ROWS)))
    (file,) = (unit.state / FOLDER).glob("*.faces")
    good = file.read_bytes()
    _entry_altered(file)
    with pytest.raises(TrustError, match="altered"), unit.search():
        pytest.fail("it opened")
    file.write_bytes(unit.publish(build(unit.folder / "other", templates(3, seed=9), name="others")).read_bytes())
    with pytest.raises(TrustError, match="exchanged"), unit.search():
        pytest.fail("it opened")
    file.write_bytes(good)
    (unit.state / TRUSTED_FOLDER / TRUSTED_FILE).unlink()
    with pytest.raises(TrustError, match="follows none"), unit.search():
        pytest.fail("it opened")
    unit.update()
    unit.clock.advance(12 * 3600)
    with pytest.raises(TrustError, match="expired"), unit.search():
        pytest.fail("it opened")
    assert sum(compared) == 0


async def test_a_list_is_not_rolled_back_and_a_newer_one_takes_its_place(unit):
    second = build(unit.folder / "second", ROWS, version=2)
    await unit.load(unit.publish(build(unit.folder / "first", ROWS)))
    newest = await unit.load(unit.publish(second))
    assert [each.file for each in unit.lists.lists()] == [newest.file]
    with pytest.raises(TrustError, match="rolled back"):
        await unit.load(unit.folder / "first")
    with pytest.raises(TrustError, match="two different lists"):
        await unit.load(build(unit.folder / "third", ROWS, version=2))
    assert await unit.load(second) == newest


async def test_an_order_gets_the_list_that_it_names_and_a_probe_the_only_one(unit):
    first = await unit.load(unit.publish(build(unit.folder / "first", ROWS)))
    with unit.search(digest=first.digest) as (best,):
        assert best.entry == "E-2"
    with pytest.raises(NotAllowedError, match="not loaded"), unit.search(digest="0" * 64):
        pytest.fail("it opened")
    await unit.load(unit.publish(build(unit.folder / "second", ROWS, name="others")))
    with pytest.raises(NotAllowedError, match=r"several face lists are loaded \(children, others\)"), unit.search():
        pytest.fail("it opened")


async def test_another_units_key_opens_nothing(unit, compared):
    file = unit.publish(build(unit.folder / "list", ROWS))
    other = make_key(secrets.token_bytes)
    with pytest.raises(TrustError, match="not made for this unit"):
        await unit.load(file, key=other)
    assert sum(compared) == 0


@pytest.mark.parametrize(
    ("who", "error"), [(Requester("", "unit", "unit-1"), NotSignedInError), (Requester("1", "guest", "u"), HubError)]
)
async def test_nobody_loads_a_list_who_may_not(unit, who, error):
    with pytest.raises(error):
        await unit.load(unit.publish(build(unit.folder / "list", ROWS)), requester=who)
    assert unit.lists.lists() == ()
    (entry,) = unit.log.entries  # C7
    assert (entry.act, entry.outcome, entry.requester) == (Act.LIST_REFUSED, "refused", who)
    assert entry.payload.reason
    unit.log.broken = True
    with pytest.raises(AuditError):
        await unit.load(unit.folder / "list", requester=who)


async def test_what_is_not_in_the_log_is_not_loaded(unit):
    file = unit.publish(build(unit.folder / "list", ROWS))
    unit.log.broken = True
    with pytest.raises(HubError):
        await unit.load(file)
    assert unit.lists.lists() == ()


async def test_c11_a_list_is_gone_a_day_after_its_expiry(unit):
    found = await unit.load(unit.publish(build(unit.folder / "list", ROWS)))
    unit.clock.advance(36 * 3600 - 1)
    await unit.lists.erase_due()
    assert found.file.exists()
    unit.clock.advance(1)
    await unit.lists.erase_due()
    assert list((unit.state / FOLDER).iterdir()) == []
    assert unit.acts()[-1] is Act.ERASED
    assert unit.log.entries[-1].payload.count == 6


async def test_c11_what_a_load_that_was_killed_left_behind_is_gone_an_hour_later(unit):
    face_list = unit.publish(build(unit.folder / "list", ROWS))
    await unit.load(face_list)
    folder = unit.state / FOLDER
    for name in (".4711.incoming", "..4711.incoming.4711.tmp"):
        (folder / name).write_bytes(face_list.read_bytes())
        os.utime(folder / name, 2 * (unit.machine.now().timestamp(),))
    unit.clock.advance(7200)  # the log's newest entry was made by a clock that is ahead: files are not dated with it
    await unit.lists.erase_due()
    assert len(list(folder.iterdir())) == 3
    unit.machine.advance(3600)
    await unit.lists.erase_due()
    assert [file.suffix for file in folder.iterdir()] == [".faces"]


async def test_a_copy_under_way_is_dated_by_the_machine_s_clock(unit):
    lists = FaceLists(unit.state, log=unit.log, clock=unit.clock, unit="unit-1")  # as a unit makes it
    copy = unit.state / FOLDER / ".4711.incoming"
    copy.parent.mkdir()
    copy.touch()
    await lists.erase_due()
    assert copy.exists()


async def test_a_power_cut_while_a_list_takes_the_place_of_another_leaves_one_of_them(unit, monkeypatch):
    first = await unit.load(unit.publish(build(unit.folder / "first", ROWS)))
    second = unit.publish(build(unit.folder / "second", ROWS, version=2))
    folder, real, synced = unit.state / FOLDER, os.fsync, []

    def fsync(descriptor):
        if os.path.samestat(os.fstat(descriptor), folder.stat()):
            synced.append({file.name for file in folder.iterdir()})
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    loaded = await unit.load(second)
    assert synced[-2:] == [{first.file.name, loaded.file.name}, {loaded.file.name}]


async def test_the_file_shows_nobody(unit):
    """What lies on disk holds no name, no photo, no identifier and no template."""
    found = await unit.load(unit.publish(build(unit.folder / "list", ROWS)))
    data = found.file.read_bytes()
    for secret in (b"Nobody", b"photo of", b"E-2", b"Stay with", *(row.tobytes()[:16] for row in ROWS)):
        assert secret not in data
    with open_gallery(found, KEY, model=MODEL, now=Time()) as gallery:
        assert gallery.card("E-2").entry.name == "Nobody 2"


async def test_a_full_disk_leaves_what_was_there(unit, monkeypatch):
    first = await unit.load(unit.publish(build(unit.folder / "first", ROWS)))
    second = unit.publish(build(unit.folder / "second", ROWS, version=2))

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("hub.face_lists.shutil.copyfileobj", full)
    with pytest.raises(StoreError, match="disk is full"):
        await unit.load(second)
    assert [each.file for each in unit.lists.lists()] == [first.file]
    assert list((unit.state / FOLDER).iterdir()) == [first.file]


@pytest.mark.parametrize("by_file", [False, True])
async def test_a_unit_that_follows_no_authority_uses_no_face_list(unit, compared, by_file):
    """Nor does one whose trust file, good for hot-lists, names the issuer with both of its signers."""
    file = unit.publish(build(unit.folder / "list", ROWS))
    (unit.state / TRUSTED_FOLDER / TRUSTED_FILE).unlink()
    if by_file:
        save_trust(unit.state / TRUST_FILE, TRUST)
    with pytest.raises(TrustError, match=r"this unit follows none: .*`patrol-hub authority update`"):
        await unit.load(file)
    with pytest.raises(TrustError, match="follows none"):
        unit.lists.verify(file)
    assert unit.lists.lists() == ()
    assert unit.acts() == [Act.LIST_REFUSED]
    assert sum(compared) == 0


async def test_what_the_authority_publishes_counts_and_nothing_else(unit, compared):
    """That both signers of a trusted issuer signed it is not enough."""
    file = build(unit.folder / "list", ROWS)
    with pytest.raises(TrustError, match="never published"):
        await unit.load(file)
    found = await unit.load(unit.publish(file))
    with unit.search() as (best,):
        assert best.entry == "E-2"
    with pytest.raises(TrustError, match="unknown to this unit"):
        await unit.load(build(unit.folder / "other", ROWS, name="others", issuer="South District"))
    before = sum(compared)
    unit.ceremony.desk.withdraw(Withdrawn(lists=(found.digest,)), NOW)
    unit.ceremony.sign("anna", "ben")
    unit.ceremony.refresh(NOW)
    unit.update()
    with pytest.raises(TrustError, match="withdrawn"), unit.search():
        pytest.fail("it opened")
    with pytest.raises(TrustError, match="withdrawn"):
        await unit.load(file)
    assert sum(compared) == before


async def test_an_authority_that_was_not_heard_of_for_too_long_lets_no_list_be_used(unit, compared):
    await unit.load(unit.publish(build(unit.folder / "list", ROWS, expires=NOW + timedelta(days=30))))
    unit.clock.advance(8 * 24 * 3600)
    with pytest.raises(TrustError, match="the timestamp expired"), unit.search():
        pytest.fail("it opened")
    assert sum(compared) == 0

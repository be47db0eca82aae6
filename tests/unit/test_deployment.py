from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace

import pytest

from hub.authority.clock_file import CLOCK_FILE, KEEP_SECONDS, load_moment
from hub.authority.policy import unit_requester
from hub.clocks import FlooredClock, ManualClock
from hub.deployment import ABORTED, Deployment, read_order
from hub.errors import AuditError, HubError, InputError, NotAllowedError, NotSignedInError, TrustError
from hub.messages import Act, Fix, OrderReason, Requester
from hub.store.retention import CHARTER
from hub.testing.alerts import MemoryLog
from tests.kit_authority import NOW
from tests.kit_orders import DIGEST, INSIDE, ORDER, OUTSIDE, PEOPLE, order

OFFICER = Requester("4711", "officer", "car-1")


class Rig:
    def __init__(self, folder) -> None:
        self.folder = folder
        self.machine = ManualClock(NOW + timedelta(hours=1))
        self.log = MemoryLog()
        self.clock = FlooredClock(self.machine, lambda: max((entry.at for entry in self.log.entries), default=None))
        self.trusted = SimpleNamespace(people=PEOPLE, revoked=frozenset(), standing=lambda _now: "")
        self.boot = "b1"

    async def load(self, envelope: bytes | None = None, requester: Requester = OFFICER) -> Deployment:
        return await Deployment.load(
            order() if envelope is None else envelope,
            requester,
            trusted=lambda: self.trusted,
            log=self.log,
            clock=self.clock,
            state=self.folder,
            position="gpsd",
            boot=self.boot,
        )

    def check(self, loaded: Deployment, at=INSIDE) -> OrderReason:
        fix = Fix(*at, self.machine.boottime(), 5.0)
        revoked = self.trusted.revoked
        return loaded.watch.check(self.machine.now(), self.machine.boottime(), "front", fix, revoked, DIGEST).reason

    def entries(self) -> list[tuple[str, str, str, str]]:
        return [(e.outcome, e.requester.officer, e.payload.order, e.payload.reason) for e in self.log.entries]


@pytest.fixture
def rig(tmp_path) -> Rig:
    return Rig(tmp_path)


async def test_loading_is_an_officers_act_with_its_particulars(rig):
    loaded = await rig.load()
    (entry,) = rig.log.entries
    assert (entry.act, entry.outcome, entry.requester) == (Act.ORDER, "loaded", OFFICER)
    payload = entry.payload
    assert (payload.order, payload.purpose) == (ORDER.order, "missing_or_vulnerable_person")
    assert (payload.list_digest, payload.impact_assessment) == (DIGEST, ORDER.impact_assessment)
    assert (payload.authorisation, payload.position) == (ORDER.authorisation, "gpsd")
    assert "48.1" not in repr(entry), "where it holds is in the order, not in the log"
    assert CHARTER.payload_until(entry.act, entry.at) is not None
    assert rig.check(loaded) is OrderReason.IN_FORCE


async def test_a_refusal_is_an_entry_and_nothing_is_loaded(rig):
    for envelope, requester, error in (
        (order("judge"), OFFICER, TrustError),
        (b"", OFFICER, TrustError),
        (None, Requester("9", "administrator", "car-1"), NotAllowedError),
        (None, unit_requester("car-1"), NotSignedInError),
    ):
        with pytest.raises(error) as caught:
            await rig.load(envelope, requester)
        assert rig.entries()[-1][0] == "refused"
        assert rig.entries()[-1][3] == str(caught.value)
    rig.trusted.revoked = frozenset({ORDER.order})
    with pytest.raises(TrustError, match="withdrawn"):
        await rig.load()
    rig.trusted = None
    with pytest.raises(TrustError, match="trusts no authority"):
        await rig.load()
    assert {outcome for outcome, *_ in rig.entries()} == {"refused"}


async def test_where_the_log_cannot_be_written_nothing_is_loaded(rig):
    rig.log.broken = True
    with pytest.raises(AuditError):
        await rig.load()


async def test_its_end_is_entered_once_by_the_unit(rig):
    loaded = await rig.load()
    await loaded.tick()
    rig.trusted.revoked = frozenset({ORDER.order})
    assert rig.check(loaded) is OrderReason.WITHDRAWN
    rig.log.broken = True
    with pytest.raises(AuditError):
        await loaded.tick()
    rig.log.broken = False
    for _ in range(2):
        await loaded.tick()
    await loaded.aclose()
    assert rig.entries() == [
        ("loaded", "4711", ORDER.order, ""),
        ("ended", "", ORDER.order, "order_withdrawn"),
    ]


async def test_stopping_is_entered_too(rig):
    loaded = await rig.load()
    assert rig.check(loaded) is OrderReason.IN_FORCE
    for _ in range(2):
        await loaded.aclose()
    assert rig.entries()[1:] == [("ended", "4711", ORDER.order, ABORTED)]


async def test_what_the_clocks_said_is_kept_from_time_to_time_and_at_the_end(rig):
    loaded = await rig.load()
    path = rig.folder / CLOCK_FILE
    first = load_moment(path)
    assert first is not None
    rig.machine.advance(KEEP_SECONDS - 1)
    rig.check(loaded)
    await loaded.tick()
    assert load_moment(path) == first
    rig.machine.advance(1)
    rig.check(loaded)
    await loaded.tick()
    assert load_moment(path).boottime == first.boottime + KEEP_SECONDS
    rig.machine.advance(1)
    rig.check(loaded)
    await loaded.aclose()
    assert load_moment(path).boottime == first.boottime + KEEP_SECONDS + 1


async def test_a_restart_with_the_clock_set_back_gains_nothing(rig):
    loaded = await rig.load()
    rig.machine.advance(10 * 3600)
    assert rig.check(loaded) is OrderReason.IN_FORCE
    await loaded.aclose()
    rig.machine.set_wall(NOW + timedelta(hours=2))
    rig.log.entries.clear()  # the log's newest entry would say it as well
    again = await rig.load()
    assert rig.check(again) is OrderReason.CLOCK_SET_BACK


async def test_a_clock_behind_the_newest_entry_of_the_log_is_set_back(rig):
    loaded = await rig.load()
    await loaded.aclose()
    (rig.folder / CLOCK_FILE).unlink()
    rig.machine.set_wall(NOW + timedelta(minutes=1))
    again = await rig.load()
    assert rig.check(again) is OrderReason.CLOCK_SET_BACK


async def test_a_place_that_was_left_ends_it_and_it_may_be_loaded_again(rig):
    loaded = await rig.load()
    for _ in range(31):
        rig.machine.advance(1)
        reason = rig.check(loaded, OUTSIDE)
    assert reason is OrderReason.LEFT_PLACE
    await loaded.tick()
    assert rig.check(await rig.load()) is OrderReason.IN_FORCE
    assert [outcome for outcome, *_ in rig.entries()] == ["loaded", "ended", "loaded"]


async def test_a_damaged_clock_file_refuses_the_order(rig):
    (rig.folder / CLOCK_FILE).write_bytes(b"{}")
    (rig.folder / CLOCK_FILE).chmod(0o600)
    with pytest.raises(InputError, match="check this unit's clock"):
        await rig.load()
    assert rig.entries()[-1][0] == "refused"


def test_a_file_that_is_no_order_is_not_read_whole(tmp_path):
    (tmp_path / "big").write_bytes(b" " * 70_000)
    (tmp_path / "order").write_bytes(order())
    assert read_order(tmp_path / "order") == order()
    for path, why in ((tmp_path / "big", "over 64 kB"), (tmp_path / "none", "cannot be read"), (tmp_path, "be read")):
        with pytest.raises(HubError, match=why):
            read_order(path)

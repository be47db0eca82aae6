"""C11: what is due goes at its time, whatever else could not go; a log that takes nothing keeps no other datum."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from hub.errors import AuditError, StoreError
from hub.running import Hub


@pytest.mark.parametrize("broken", ["sweep", "erase_due", "account_ends"])
async def test_each_step_of_erasing_is_taken_when_another_fails(broken):
    taken = []

    def step(name):
        async def take():
            taken.append(name)
            if name == broken:
                raise AuditError(f"{name} cannot be written")

        return take

    log = SimpleNamespace(erase_due=step("erase_due"))
    hub = SimpleNamespace(
        unit=SimpleNamespace(sweep=step("sweep"), log=log), sources=SimpleNamespace(account_ends=step("account_ends"))
    )
    with pytest.raises(AuditError, match=broken):
        await Hub.erase(hub)
    assert sorted(taken) == ["account_ends", "erase_due", "sweep"]


async def test_the_first_of_several_faults_is_told():
    async def locked():
        raise StoreError("locked")

    async def broken():
        raise AuditError("broken")

    log = SimpleNamespace(erase_due=broken)
    hub = SimpleNamespace(unit=SimpleNamespace(sweep=locked, log=log), sources=SimpleNamespace(account_ends=broken))
    with pytest.raises(StoreError, match="locked"):
        await Hub.erase(hub)

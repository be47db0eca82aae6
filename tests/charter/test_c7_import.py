"""C7: an import that somebody may not make stands in the log, as refused look-ups and probes do."""

from __future__ import annotations

import pytest

from hub.audit.reading import read_entries
from hub.clocks import ManualClock
from hub.config import Settings
from hub.errors import NotAllowedError
from hub.importing import import_file
from hub.messages import Act, Requester
from hub.plugins import PluginHost
from hub.unit import AUDIT_FILE, open_unit
from tests.kit_authority import NOW


@pytest.mark.parametrize("who", [Requester("", "unit", "car-1"), Requester("7", "guest", "car-1")])
async def test_c7_an_import_that_is_refused_has_its_entry(tmp_path, who):
    (tmp_path / "state").mkdir(mode=0o700)
    async with open_unit(Settings(), tmp_path / "state", clock=ManualClock(NOW)) as unit:
        with pytest.raises(NotAllowedError) as refused:
            await import_file(unit, PluginHost(path=[]), "drivers", tmp_path / "never-opened.csv", who)
        found = [each for each in read_entries(unit.state / AUDIT_FILE) if each.metadata.act is Act.RECORDS_IMPORTED]
    (entry,) = found
    assert (entry.metadata.outcome, entry.metadata.officer, entry.payload.digest) == ("refused", who.officer, "")
    assert entry.payload.reason == str(refused.value)

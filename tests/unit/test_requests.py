"""What a dashboard asks for is checked as what is typed at a command is."""

from unittest.mock import Mock

import pytest

from hub.errors import UsageError
from hub.messages import Requester, SubjectKind
from hub.requests import Requests
from hub.wire import LookUp

OFFICER = Requester("4711", "officer", "unit-1")


async def test_a_document_of_no_state_is_refused_before_anything_is_asked():
    names = ("alerts", "lookups", "log", "log_path", "origin", "clock", "answers", "stop", "probe", "standing")
    parts = {name: Mock() for name in names}
    asked = LookUp(request=1, subject_kind=SubjectKind.DOCUMENT, value="L898902C3", reason="stop", country="UT")
    with pytest.raises(UsageError, match="is no issuing state"):
        await Requests(**parts).answer(asked, OFFICER, Mock())
    assert not any(part.mock_calls for part in parts.values())

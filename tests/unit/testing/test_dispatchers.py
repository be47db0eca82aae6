from __future__ import annotations

import msgspec

from hub.dispatch_file import FileDispatcher
from hub.messages import Dispatch
from hub.testing.alerts import ScriptedDispatcher
from hub.testing.contracts_dispatchers import DispatcherContract


class TestScripted(DispatcherContract):
    def make(self, tmp_path):
        return ScriptedDispatcher()

    def taken(self, dispatcher):
        return dispatcher.arrived


class TestFile(DispatcherContract):
    def make(self, tmp_path):
        self.folder = tmp_path / "desk"
        return FileDispatcher(self.folder)

    def taken(self, dispatcher):
        files = sorted(self.folder.iterdir(), key=lambda file: file.name)
        return [msgspec.json.decode(file.read_bytes(), type=Dispatch) for file in files]

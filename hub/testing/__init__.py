"""Public kit for plugin authors: scripted fakes, named faults, contract classes and fixtures for pytest.

* `contracts_sources`, `contracts_plates`, `contracts_faces`, `contracts_speech`, `contracts_translators`,
  `contracts_positions`, `contracts_dispatchers`: classes to inherit, one a kind of part; pytest runs what they hold.
* `sources`, `readers`, `faces`, `speech`, `translators`, `positions`: fakes that follow a script and need no model.
* `faults`: a source that hangs, crashes, is slow, flaps, talks nonsense or floods; `faults.NAMED` has them by name.
* `pytest_plugin`: the fixtures ``plugin_context`` and ``isolated_source``, which pytest finds by itself.
* `frames`, `streams`, `alerts`, `audit`: pictures, camera streams, alerts and log entries for tests.
"""

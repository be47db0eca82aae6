"""What all tests of the workspace share: examples of hypothesis have no deadline, because machines differ and drift."""

from hypothesis import settings

settings.register_profile("patrol-hub", deadline=None)
settings.load_profile("patrol-hub")

"""Public kit for plugin authors: scripted fakes, named faults and contract tests."""

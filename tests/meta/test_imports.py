"""What importing a single module pulls in, each seen in a fresh interpreter.

import-linter checks who may import whom (see pyproject.toml); this checks what comes along, libraries included: a
command that needs no model must not load one, and what is pure must not start an event loop.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

HEAVY = {"numpy", "cv2", "onnxruntime", "usearch", "textual", "rich", "tuf", "securesystemslib", "cryptography"}
LOOPS = {"trio", "anyio", "asyncio"}

STDLIB_ONLY = ("hub.errors", "hub.clocks", "hub.text", "hub.toml_lines", "hub.transliteration", "hub.plates.alphabet")

FORBIDDEN = {
    "hub.messages": HEAVY | LOOPS | {"sqlite3"},
    "hub.phrasebook.book": HEAVY | LOOPS | {"sqlite3"},
    "hub.backends": HEAVY | LOOPS | {"sqlite3"},
    "hub.hookspecs": HEAVY | LOOPS | {"sqlite3"},
    "hub.plugins": HEAVY | LOOPS | {"sqlite3"},
    "hub.config": HEAVY | LOOPS | {"sqlite3"},
    "hub.channels": HEAVY | {"trio", "asyncio", "sqlite3"},
    "hub.wire": HEAVY | LOOPS | {"sqlite3"},
    "hub.client": HEAVY | {"trio", "sqlite3"},
    "hub.commands.dashboard": HEAVY | LOOPS | {"sqlite3"},
    "hub.inference": HEAVY | {"sqlite3", "onnxruntime"},
    "hub.supervisor": HEAVY | {"sqlite3", "onnxruntime"},
    "hub.cli": HEAVY - {"rich"} | LOOPS | {"sqlite3"},  # the command parser brings its own way to print
    "hub.isolation.capture_child": HEAVY | LOOPS,
    "hub.isolation.child": HEAVY | LOOPS | {"sqlite3", "pluggy"},  # confined before anything else is imported
}

PURE = ("plates", "vision", "mrz", "authority.policy", "authority.adjudication", "audit.merkle", "audit.leaf")
"""Under `hub`: functions on values, which start no event loop and open no database."""


def loaded(module: str) -> set[str]:
    """Return the names of the modules that importing one alone leaves in ``sys.modules``."""
    script = f"import sys, {module}; print(*sys.modules)"
    call = [sys.executable, "-c", script]
    return set(subprocess.run(call, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split())


def modules(under: str) -> list[str]:
    path = ROOT / "hub" / under.replace(".", "/")
    if not path.is_dir():
        return [f"hub.{under}"] if path.with_suffix(".py").exists() else []
    return [
        ".".join(file.relative_to(ROOT).with_suffix("").parts)
        for file in sorted(path.rglob("*.py"))
        if file.name != "__init__.py"
    ]


@pytest.mark.slow
@pytest.mark.parametrize("module", STDLIB_ONLY)
def test_only_the_standard_library(module):
    packages = {name.partition(".")[0] for name in loaded(module)}
    bare = {name.partition(".")[0] for name in loaded("sys")}
    assert packages - bare - set(sys.stdlib_module_names) == {"hub"}


@pytest.mark.parametrize("module", FORBIDDEN)
def test_nothing_heavy_comes_along(module):
    assert not loaded(module) & FORBIDDEN[module]


@pytest.mark.slow
@pytest.mark.parametrize("module", [module for under in PURE for module in modules(under)])
def test_pure_functions_start_no_loop_and_open_no_database(module):
    assert not loaded(module) & (LOOPS | {"sqlite3", "onnxruntime", "textual"})


def test_what_is_asserted_exists():
    for module in (*STDLIB_ONLY, *FORBIDDEN):
        assert (ROOT / Path(*module.split("."))).with_suffix(".py").exists()
    assert all(modules(under) for under in PURE)


def test_models_and_the_search_of_faces_can_be_loaded_in_one_process():
    """A process ends without a word where onnxruntime comes after usearch: so nothing loads usearch on the way."""
    for steps in (
        "import hub.app, hub.commands.running, onnxruntime",
        "from hub.watchlists.gallery import exact_search; exact_search(); import onnxruntime; onnxruntime.get_device()",
    ):
        done = subprocess.run([sys.executable, "-c", steps], cwd=ROOT, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, ""), steps

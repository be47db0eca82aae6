"""Every hook, setting, error and command is documented and tested; this fails where one is not.

Documented: a docstring, and a place where users read it (`examples/tutorial.md` for hooks, `examples/settings.md` for
settings, the help text for commands). Tested: its name stands in a test other than this one; of a setting, a value of
the wrong type is refused with its key and line (here), and what it does is the business of its own module's tests.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import cyclopts
import pytest

import hub.errors
import hub.hookspecs
import hub.testing
from hub.cli import app
from hub.config import parse_config
from hub.errors import ConfigError
from hub.plugins import _HOOKS
from tests.meta.settings_reference import Setting, render, settings

ROOT = Path(__file__).parents[2]
TUTORIAL = (ROOT / "examples" / "tutorial.md").read_text()
TESTS = "\n".join(
    path.read_text()
    for folder in (ROOT / "tests", *(ROOT / "plugins").glob("*/tests"))
    for path in sorted(folder.rglob("*.py"))
    if path != Path(__file__)
)
CODE = "\n".join(
    path.read_text()
    for folder in ("hub", "plugins")
    for path in sorted((ROOT / folder).rglob("*.py"))
    if "tests" not in path.parts and path.name != "errors.py"
)


def _has(pattern: str, text: str) -> bool:
    """Say whether a pattern is found; a failure then does not show half a megabyte of tests."""
    return re.search(pattern, text) is not None


# ----------------------------------------------------------------------------------------------- hooks

HOOKS = sorted(name for name in vars(hub.hookspecs) if name.startswith("register_"))


def test_every_hook_is_known_to_the_host() -> None:
    assert set(HOOKS) == set(_HOOKS)


@pytest.mark.parametrize("hook", HOOKS)
def test_hook(hook: str) -> None:
    assert inspect.getdoc(getattr(hub.hookspecs, hook)), "no docstring"
    assert f"`{hook}`" in TUTORIAL, "not in examples/tutorial.md"
    assert _has(hook, TESTS), "in no test"


# ---------------------------------------------------------------------------------------------- the kit


def test_every_module_of_the_public_kit_is_named() -> None:
    said = inspect.getdoc(hub.testing) or ""
    modules = {path.stem for path in (ROOT / "hub" / "testing").glob("*.py")} - {"__init__"}
    assert [name for name in sorted(modules) if f"`{name}`" not in said] == []


# -------------------------------------------------------------------------------------------- settings

SETTINGS = list(settings())
NAMES = [f"{setting.table}.{setting.field}".lstrip(".") for setting in SETTINGS]


def test_the_reference_is_up_to_date() -> None:
    written = (ROOT / "examples" / "settings.md").read_text()
    assert written == render(), "run: python -m tests.meta.settings_reference > examples/settings.md"


@pytest.mark.parametrize("setting", SETTINGS, ids=NAMES)
def test_setting(setting: Setting) -> None:
    assert setting.meaning, f"{setting.record.__name__}.{setting.field} has no docstring"
    table = setting.table.replace("NAME", "x")
    header = f"[{table}]\n" if table else ""
    others = {"name": 'name = "front"', "source": 'source = "street.jpg"'} if table == "[cameras]" else {}
    rest = "\n".join(line for key, line in others.items() if key != setting.field)
    with pytest.raises(ConfigError) as caught:  # nothing takes a list of times
        parse_config(f"{header}{setting.field} = [[12:00:00]]\n{rest}\n")
    assert f"line {2 if table else 1}" in str(caught.value)
    assert setting.field in str(caught.value)


# ---------------------------------------------------------------------------------------------- errors

ERRORS = [kind for kind in vars(hub.errors).values() if inspect.isclass(kind) and issubclass(kind, hub.errors.HubError)]


@pytest.mark.parametrize("kind", ERRORS, ids=lambda kind: kind.__name__)
def test_error(kind: type[Exception]) -> None:
    name = kind.__name__
    assert name.endswith("Error")
    assert "__doc__" in vars(kind), "no docstring"
    assert vars(kind)["__doc__"], "no docstring"
    children = any(issubclass(other, kind) and other is not kind for other in ERRORS)
    assert children or _has(rf"\b{name}\(", CODE), "raised nowhere"
    assert _has(rf"\b{name}\b", TESTS), "in no test"


# -------------------------------------------------------------------------------------------- commands


def commands(parent: cyclopts.App, words: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name in parent:
        if name.startswith("-"):
            continue
        if parent[name].default_command is None:
            yield from commands(parent[name], (*words, name))
        else:
            yield (*words, name)


COMMANDS = list(commands(app))


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_command(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    found = app
    for word in words:
        found = found[word]
    help_text = inspect.getdoc(found.default_command) or ""
    assert help_text.partition("\n")[0].endswith((".", ":")), "its help does not say what it does"
    called = r'["\'],?\s+["\']'.join(words)
    spelled = " ".join(words)
    assert _has(rf'["\']{called}["\']|patrol-hub {spelled}', TESTS), "in no test"
